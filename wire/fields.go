package wire

import (
	"fmt"
	"math"
)

// fields reads typed values from a record's members and keeps the reason of the first failure. It ignores unknown keys.
// A null counts as missing.
type fields struct {
	m      []member
	format Format
	// depth is the number of lists and maps of the payload around the value of each member.
	depth int
	// next is the index at which the search begins. Senders write their keys in one order, so the wanted key is
	// mostly at that index.
	next int
	// reason is a pointer, so that the members do not escape to the heap together with the reason.
	reason *string
}

func (f *fields) fail(key, why string) {
	if *f.reason != "" {
		return
	}
	*f.reason = why
	if key != "" {
		*f.reason = key + ": " + why
	}
}

// find returns the value of a key, or nil.
func (f *fields) find(key string) *item {
	for n := range f.m {
		i := f.next + n
		if i >= len(f.m) {
			i -= len(f.m)
		}
		if string(f.m[i].key) == key {
			f.next = i + 1
			if f.m[i].value.kind == itemNull {
				return nil
			}
			return &f.m[i].value
		}
	}
	return nil
}

// need returns the value of a required key. If there is none, it reports the key as missing and returns nil.
func (f *fields) need(key string) *item {
	it := f.find(key)
	if it == nil {
		f.fail(key, "missing")
	}
	return it
}

func (f *fields) asInt(key string, it *item) int64 {
	if it == nil {
		return 0
	}
	if it.kind != itemInt {
		f.fail(key, "not a whole number of 64 bits")
		return 0
	}
	return it.n
}

// whole returns a required number. optWhole returns an optional number, 0 when missing.
func (f *fields) whole(key string) int64    { return f.asInt(key, f.need(key)) }
func (f *fields) optWhole(key string) int64 { return f.asInt(key, f.find(key)) }

// within returns a required number and rejects a number below low or above high.
func (f *fields) within(key string, low, high int64) int64 {
	return f.bounded(key, f.whole(key), low, high)
}

// optWithin does the same for an optional number, which is 0 when missing.
func (f *fields) optWithin(key string, low, high int64) int64 {
	return f.bounded(key, f.optWhole(key), low, high)
}

func (f *fields) bounded(key string, n, low, high int64) int64 {
	if n < low || n > high {
		f.fail(key, fmt.Sprintf("%d is not within %d and %d", n, low, high))
	}
	return n
}

func (f *fields) asText(key string, it *item) string {
	switch {
	case it == nil:
		return ""
	case it.kind != itemText:
		f.fail(key, "not a text")
		return ""
	case len(it.text) > maxText:
		f.fail(key, fmt.Sprintf("text longer than %d bytes", maxText))
		return ""
	}
	return word(it.text)
}

// text returns a required text, which may not be empty; optText returns an optional text.
func (f *fields) text(key string) string {
	it := f.need(key)
	s := f.asText(key, it)
	if s == "" && it != nil {
		f.fail(key, "empty")
	}
	return s
}
func (f *fields) optText(key string) string { return f.asText(key, f.find(key)) }

// flag returns a boolean, false when missing.
func (f *fields) flag(key string) bool {
	it := f.find(key)
	if it == nil {
		return false
	}
	if it.kind != itemBool {
		f.fail(key, "neither true nor false")
	}
	return it.n == 1
}

// texts returns a list of texts, empty when missing.
func (f *fields) texts(key string) []string {
	it := f.find(key)
	if it == nil {
		return nil
	}
	r := newReader(f.format, it.raw)
	if list, err := r.list(); err != nil || !list {
		f.fail(key, "not a list")
		return nil
	}
	var out []string
	for {
		more, err := r.more()
		if err != nil || !more {
			return out // the list was checked when the record was read
		}
		e, err := r.value(f.depth + 1)
		if err != nil {
			return out
		}
		out = append(out, f.asText(key, &e))
	}
}

// inside returns the members of a map. It returns false if the map is missing or invalid.
func (f *fields) inside(key string) (in fields, has bool) {
	it := f.find(key)
	if it == nil {
		return fields{}, false
	}
	r := newReader(f.format, it.raw)
	m, err := r.members(f.depth, nil)
	if err == nil && twice(m) {
		err = errTwice
	}
	if err != nil {
		f.fail(key, err.Error())
		return fields{}, false
	}
	return fields{m: m, format: f.format, depth: f.depth + 1, reason: new(string)}, true
}

// optional returns an optional number from 0 to high as a pointer, nil when missing.
func optional[T uint8 | uint32 | int](f *fields, key string, high int64) *T {
	if f.find(key) == nil {
		return nil
	}
	n := T(f.within(key, 0, high))
	return &n
}

// head reads the fields with which every record except boot begins.
func (f *fields) head() Head {
	h := Head{
		Seq:   uint64(f.within("seq", 1, MaxSeq)),
		At:    f.whole("at"),
		Up:    uint64(f.within("up", 0, math.MaxInt64)),
		Clock: Clock(f.text("clock")),
	}
	switch h.Clock {
	case ClockValid, ClockHoldover, ClockInvalid:
	default:
		f.fail("clock", "not valid, holdover or invalid")
	}
	return h
}

// word converts b to a string; it does not allocate for the words that occur in every record.
func word(b []byte) string {
	switch string(b) {
	case "closed":
		return "closed"
	case "open":
		return "open"
	case "armed":
		return "armed"
	case "valid":
		return "valid"
	case "holdover":
		return "holdover"
	case "invalid":
		return "invalid"
	case "accept":
		return "accept"
	case "keypad":
		return "keypad"
	case "remote":
		return "remote"
	case "sms":
		return "sms"
	case "CREDIT":
		return "CREDIT"
	}
	return string(b)
}
