package wire

import (
	"errors"
	"fmt"
)

// ErrPayload is wrapped by the error of DecodeUp: no record in the payload can be read.
var ErrPayload = errors.New("payload from the meter is unreadable")

var errNoRecord = errors.New("no record in it")

// DecodeUp reads a payload that a meter published under a kind: one record or a list of them, in JSON or CBOR. It
// returns the good records in the order of the payload, and separately the bad records. After a record whose end
// cannot be found, and after MaxRecords, the rest is one Bad without a sequence number; the meter sends it again.
//
// An error means that no record could be separated, so there is nothing to store. Each returned Raw is a part of
// payload, which must not change while it is in use.
func DecodeUp(kind Kind, payload []byte) (good []Record, bad []Bad, err error) {
	if !kind.known() {
		return nil, nil, fmt.Errorf("%w: unknown kind %.32q", ErrPayload, string(kind))
	}
	if len(payload) > MaxPayload {
		return nil, nil, fmt.Errorf("%w: %w", ErrPayload, errLarge)
	}
	f, err := formatOf(payload)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	d := upDecoder{kind: kind, payload: payload, r: newReader(f, payload)}
	list, err := d.r.list()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	if list {
		d.records()
	} else if d.record(0) {
		d.end()
	}
	if len(d.good) == 0 && len(d.bad) == 0 {
		return nil, nil, fmt.Errorf("%w: %w", ErrPayload, errNoRecord)
	}
	return d.good, d.bad, nil
}

func (k Kind) known() bool {
	switch k {
	case KindBoot, KindReading, KindEvent, KindToken, KindCommand, KindClose:
		return true
	}
	return false
}

// upDecoder holds one call of DecodeUp.
type upDecoder struct {
	kind    Kind
	payload []byte
	r       reader
	good    []Record
	bad     []Bad
}

// records reads the elements of a list.
func (d *upDecoder) records() {
	for n := 0; ; n++ {
		more, err := d.r.more()
		if err != nil {
			d.rest(d.r.here(), err)
			return
		}
		if !more {
			d.end()
			return
		}
		if n == MaxRecords {
			d.rest(d.r.here(), fmt.Errorf("more than %d records in one payload", MaxRecords))
			return
		}
		if !d.record(1) {
			return
		}
	}
}

// end checks that no bytes follow the records.
func (d *upDecoder) end() {
	if err := d.r.finish(); err != nil {
		d.rest(d.r.here(), err)
	}
}

// rest reports everything from start as one Bad.
func (d *upDecoder) rest(start int, err error) {
	d.bad = append(d.bad, Bad{Reason: err.Error(), Raw: d.payload[start:]})
}

// usualMembers is more than the number of members in any record of this version; a record with more members costs an
// allocation.
const usualMembers = 24

// record reads one record and reports whether its end was found.
func (d *upDecoder) record(depth int) bool {
	var room [usualMembers]member
	start := d.r.here()
	m, err := d.r.members(depth, room[:0])
	if err != nil {
		seq, has := seqOf(m)
		d.bad = append(d.bad, Bad{Seq: seq, HasSeq: has && d.kind != KindBoot, Reason: err.Error(), Raw: d.payload[start:]})
		return false
	}
	var reason string
	f := fields{m: m, format: d.r.f, depth: depth + 1, reason: &reason}
	raw := d.payload[start:d.r.end():d.r.end()]
	rec := f.record(d.kind)
	if twice(m) {
		f.fail("", errTwice.Error())
	}
	if reason != "" {
		seq, has := seqOf(m)
		d.bad = append(d.bad, Bad{Seq: seq, HasSeq: has && d.kind != KindBoot, Reason: reason, Raw: raw})
		return true
	}
	rec.Raw = raw
	d.good = append(d.good, rec)
	return true
}

// seqOf returns the sequence number among the members.
func seqOf(m []member) (seq uint64, ok bool) {
	for _, e := range m {
		if string(e.key) != "seq" {
			continue
		}
		if ok || e.value.kind != itemInt || e.value.n < 1 || e.value.n > MaxSeq {
			return 0, false
		}
		seq, ok = uint64(e.value.n), true
	}
	return seq, ok
}
