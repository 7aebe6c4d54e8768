package device

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/device/history"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/internal/device/virtual"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// The kinds of frames in the log.
const (
	frameStore   = 1 // the memory's name and the meter's number
	frameReport  = 2 // one record of the outbox
	frameMark    = 3 // the board's state
	frameHash    = 4 // the server's hash of a version of the configuration
	framePast    = 5 // one entry of the meter's own history
	frameWear    = 6 // how often the pages of the image were written
	frameMail    = 7 // the effects of one message from the modem
	frameSettled = 8 // the number up to which the meter's own messages were sent
	frameTexts   = 9 // the texts of a version of the configuration
)

// compactAbove is how far the log may grow beyond twice its live contents, in bytes.
const compactAbove = 1 << 20

// bootInfo is what up/boot reports besides the state of core and outbox.
type bootInfo struct {
	store string
	hash  string
	reset meter.Reset
}

// mark is the board's state that is not in the core's state.
type mark struct {
	acked uint64
	// at is the calendar in Unix milliseconds, setAt when the clock chip was last set. halted says that a virtual chip has
	// stopped.
	at, setAt int64
	halted    bool
	// rem is the energy below one impulse that a virtual metering chip holds.
	rem uint64
	// on says whether the meter had mains; offAt is when the mains last failed.
	on    bool
	offAt int64
	// tampers are the switches of a virtual board and their latch.
	tampers virtual.SwitchesSaved
}

// Flags of a mark.
const (
	markOn     = 1
	markHalted = 2
)

func (m mark) frame() memory.Frame {
	b := make([]byte, 0, markSize)
	for _, v := range [...]uint64{m.acked, uint64(m.at), m.rem, uint64(m.offAt), uint64(m.setAt)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	var flags byte
	if m.on {
		flags |= markOn
	}
	if m.halted {
		flags |= markHalted
	}
	return memory.Frame{Kind: frameMark, Data: append(b, flags, byte(m.tampers.Open), byte(m.tampers.Latched))}
}

// markSize is the length of a mark in bytes.
const markSize = 43

func readMark(b []byte) (mark, bool) {
	if len(b) != markSize {
		return mark{}, false
	}
	u := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	return mark{
		acked: u(0), at: int64(u(8)), rem: u(16), offAt: int64(u(24)), setAt: int64(u(32)),
		on: b[40]&markOn != 0, halted: b[40]&markHalted != 0,
		tampers: virtual.SwitchesSaved{Open: meter.Tampers(b[41]), Latched: meter.Tampers(b[42])},
	}, true
}

// marks returns the board's current state.
func (d *Device) marks() mark {
	m := mark{at: d.clock.at, setAt: d.clock.setAt, on: d.on, offAt: d.offAt}
	if d.box != nil {
		m.acked = d.box.Marks().Acked
	}
	if d.parts.chip != nil {
		m.rem = d.parts.chip.Rest()
	}
	if d.parts.rtc != nil {
		m.halted = d.parts.rtc.Saved().Halted
	}
	if d.parts.switches != nil {
		m.tampers = d.parts.switches.Saved()
	}
	return m
}

// reportHead is the length of a report frame up to kind and record.
const reportHead = 21

func reportFrame(e outbox.Entry) memory.Frame {
	b := make([]byte, 0, reportHead+len(e.Kind)+len(e.Data))
	b = binary.LittleEndian.AppendUint64(b, e.Seq)
	b = binary.LittleEndian.AppendUint32(b, e.Log)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Register))
	b = append(b, byte(len(e.Kind)))
	b = append(b, e.Kind...)
	return memory.Frame{Kind: frameReport, Data: append(b, e.Data...)}
}

func readReport(b []byte) (outbox.Entry, bool) {
	if len(b) < reportHead || len(b) < reportHead+int(b[reportHead-1]) {
		return outbox.Entry{}, false
	}
	kind := b[reportHead : reportHead+int(b[reportHead-1])]
	return outbox.Entry{
		Seq: binary.LittleEndian.Uint64(b), Log: binary.LittleEndian.Uint32(b[8:]),
		Register: unit.Energy(binary.LittleEndian.Uint64(b[12:])),
		Kind:     wire.Kind(kind), Data: b[reportHead+len(kind):],
	}, true
}

func hashFrame(version uint32, hash string) memory.Frame {
	return memory.Frame{Kind: frameHash, Data: append(binary.LittleEndian.AppendUint32(nil, version), hash...)}
}

func textsFrame(version uint32, t meter.Texts) memory.Frame {
	b := append(binary.LittleEndian.AppendUint32(nil, version), byte(len(t.Tariff)))
	return memory.Frame{Kind: frameTexts, Data: append(append(b, t.Tariff...), t.Help...)}
}

// textsHead is the length of a frame of texts up to the first text.
const textsHead = 5

func readTexts(b []byte) (version uint32, t meter.Texts, ok bool) {
	if len(b) < textsHead || len(b) < textsHead+int(b[textsHead-1]) {
		return 0, meter.Texts{}, false
	}
	words, tariff := string(b[textsHead:]), int(b[textsHead-1])
	return binary.LittleEndian.Uint32(b), meter.Texts{Tariff: words[:tariff], Help: words[tariff:]}, true
}

// contents is the parsed log.
type contents struct {
	store, number string
	// hashes and texts are keyed by version, because only the core knows which version is in force.
	hashes  map[uint32]string
	texts   map[uint32]meter.Texts
	mark    mark
	reports []outbox.Entry
	rings   history.Rings
	mail    smsState
}

func readFrames(frames []memory.Frame) contents {
	c := contents{hashes: map[uint32]string{}, texts: map[uint32]meter.Texts{}}
	for _, f := range frames {
		switch f.Kind {
		case frameStore:
			c.store, c.number, _ = strings.Cut(string(f.Data), " ")
		case frameHash:
			if len(f.Data) >= 4 {
				c.hashes[binary.LittleEndian.Uint32(f.Data)] = string(f.Data[4:])
			}
		case frameTexts:
			if version, t, ok := readTexts(f.Data); ok {
				c.texts[version] = t
			}
		case frameMark:
			if m, ok := readMark(f.Data); ok {
				c.mark = m
			}
		case framePast:
			c.rings.Load(f.Data)
		case frameMail:
			c.mail.load(f.Data)
		case frameSettled:
			if len(f.Data) == 8 {
				c.mail.settle(binary.LittleEndian.Uint64(f.Data))
			}
		case frameReport:
			// A frame may appear twice, if the log was rewritten after a write that seemed to fail.
			if r, ok := readReport(f.Data); ok && (len(c.reports) == 0 || r.Seq > c.reports[len(c.reports)-1].Seq) {
				c.reports = append(c.reports, r)
			}
		}
	}
	return c
}

// recall restores the meter from its memory, or creates a new one if the memory is blank.
func (d *Device) recall() error {
	printed, err := face(d.c.Number)
	if err != nil {
		return err
	}
	j, loaded, err := journal.Open(d.c.Image)
	if errors.Is(err, journal.ErrBlank) {
		if lived(d.c.Found.Frames) {
			// No record is published before both snapshots exist, so this is not an interrupted creation.
			return fmt.Errorf("%w: the image is blank, but the outbox holds records of a meter", journal.ErrDamaged)
		}
		c, err := d.unconfigured(printed)
		if err != nil {
			return err
		}
		return d.create(c)
	}
	if err != nil {
		return err
	}
	if loaded.Config.Number != printed.Number {
		return fmt.Errorf("%w: the memory is that of meter %d", ErrNumber, loaded.Config.Number)
	}
	if d.c.Keys != nil && !madeWith(&loaded.Keys, d.c.Keys) {
		return fmt.Errorf("%w: the memory of this meter holds another key", ErrKey)
	}
	kept := readFrames(d.c.Found.Frames)
	if len(kept.store) != 2*storeIDSize || kept.number != d.c.Number {
		// The outbox is lost, and with it the numbers that were used. A new name tells the server to begin a new numbering.
		if kept, err = d.rename(); err != nil {
			return err
		}
		loaded.Damage |= meter.DamageSnapshot
	}
	if d.c.Found.Spoilt > 0 {
		loaded.Damage |= meter.DamageLog
	}
	if kept.mark.at == 0 {
		// The board's state is lost. The core has seen a time, and time must not go back.
		kept.mark = mark{at: max(d.c.Now.UnixMilli(), int64(loaded.State.LastAt)*1000), on: true}
	}
	d.boot = bootInfo{store: kept.store, hash: kept.hashes[loaded.Config.Version]}
	d.mark, d.rings, d.mail, d.config = kept.mark, kept.rings, kept.mail, loaded.Config
	if d.texts = kept.texts[d.config.Version]; d.config.Version == 0 {
		d.texts = meter.TextsOf(d.c.Document)
	}
	d.clock = clock{at: kept.mark.at, setAt: kept.mark.setAt}
	d.assemble(kept.mark, loaded.State.Relay == supply.Closed)
	if err := d.fill(kept.reports, loaded.State.Seq); err != nil {
		return err
	}
	// If the process ended with the mains on, this start is not the end of a power cut.
	reset, off := meter.ResetUpdate, int64(0)
	if !kept.mark.on {
		reset, off = meter.ResetPower, offFor(kept.mark.at, kept.mark.offAt)
	}
	return d.wake(j, loaded, reset, off)
}

// lived reports whether a log holds a meter's records, and not only the name of a meter that was never finished.
func lived(frames []memory.Frame) bool {
	return slices.ContainsFunc(frames, func(f memory.Frame) bool { return f.Kind == frameReport })
}

// rename gives a new name to a memory whose outbox was lost.
func (d *Device) rename() (contents, error) {
	id := make([]byte, storeIDSize)
	if _, err := io.ReadFull(d.c.Rand, id); err != nil {
		return contents{}, fmt.Errorf("name the memory: %w", err)
	}
	d.rewrite = true
	return contents{store: hex.EncodeToString(id)}, nil
}

// madeWith reports whether a meter can have been made with this key. After a key change it returns true without a check,
// because the meter's first key is then unknown.
func madeWith(have, made *meter.Keys) bool {
	return have.Changes() > 0 || have.Reveal().Equal(made.Reveal())
}

// wake begins a boot from the contents of the memory.
func (d *Device) wake(j *journal.Journal, l journal.Loaded, reset meter.Reset, off int64) error {
	d.journal, d.config, d.state, d.keys = j, l.Config, l.State, l.Keys
	d.boot.reset = reset
	reported := map[uint32]bool{}
	var register unit.Energy
	newest := uint32(0)
	for _, e := range d.box.All() {
		reported[e.Log], newest = true, max(newest, e.Log)
		register = max(register, e.Register)
	}
	// Records that were published after the last snapshot have used the numbers up to this one.
	d.state.Seq = max(d.state.Seq, d.box.Marks().Next)
	d.start()
	d.starting = true
	for _, e := range l.Replay {
		d.requests.add(e.Text)
		d.give(meter.Event{Kind: meter.EventReplay, Record: e.Record, Reported: reported[e.Seq]})
	}
	d.starting = false
	d.give(meter.Event{
		Kind: meter.EventPowerRestore, Reset: reset, Off: off, NextSeq: d.state.Seq, Register: register, Log: newest,
		Damage:  l.Damage,
		Tampers: d.parts.Tamper.Latched(),
	})
	// A switch may have been closed again while the meter was not running.
	d.open = d.state.Asserted
	d.Switches()
	d.announce()
	return d.Flush()
}

// fill puts the records of the log back into the outbox. If one is missing, because a power cut tore the log or the
// medium lost it, a filler takes its number. next is the next number according to the core's snapshot.
func (d *Device) fill(kept []outbox.Entry, next uint64) error {
	lowest := next
	if n := len(kept); n > 0 {
		lowest = kept[0].Seq
		next = max(next, kept[n-1].Seq+1)
	}
	d.box = outbox.New(lowest, d.c.Keep)
	// The log may hold older records that have already left the outbox.
	if keep := uint64(d.box.Keep()); next-lowest > keep {
		lowest = next - keep
		d.box = outbox.New(lowest, d.c.Keep)
	}
	for _, e := range kept {
		if err := d.fillTo(e.Seq); err != nil {
			return err
		}
		d.box.Append(e) // a record below the lowest is refused, as intended
	}
	if err := d.fillTo(next); err != nil {
		return err
	}
	d.box.Durable()
	d.box.Ack(wire.Ack{Seq: d.mark.acked})
	return nil
}

func (d *Device) fillTo(next uint64) error {
	for seq := d.box.Marks().Next; seq < next; seq++ {
		e, err := entry(filler(seq, d.clock.at/1000))
		if err != nil {
			return err
		}
		d.box.Append(e)
		d.rewrite = true
	}
	return nil
}

// publish appends a report to the outbox and its frame to the log.
func (d *Device) publish(r *meter.Report) {
	e, err := entry(d.named(record(r, d.requests.text)))
	if err != nil {
		d.fail(err) // no valid report can cause this
		return
	}
	e.Log, e.Register = r.Log, r.Register
	if added, lost := d.box.Append(e); !added {
		d.fail(fmt.Errorf("record %d does not follow %d", e.Seq, d.box.Marks().Next-1))
		return
	} else if lost && !d.losing {
		// Log it once until the server has caught up: an offline meter would otherwise log it for every record.
		d.losing = true
		d.log.Warn("outbox full: oldest records lost", logkey.Meter, d.c.Number, logkey.Seq, e.Seq)
	}
	d.appended++
	if err := d.c.Log.Append(reportFrame(e)); err != nil {
		// The record stays in the outbox and is not published until the whole log can be rewritten.
		d.rewrite = true
		d.log.Warn("record not written", logkey.Meter, d.c.Number, logkey.Seq, e.Seq, logkey.Err, err)
	}
}

// persist makes a log record durable and reports the outcome to the core.
func (d *Device) persist(r meter.Record) {
	// Flush first: the journal may write a snapshot, which must not refer to records that the outbox could still lose. If
	// the flush fails, do not refuse the customer's token for it: the next start fills in the missing numbers.
	if err := d.flushLog(); err != nil {
		d.log.Warn("outbox not written", logkey.Meter, d.c.Number, logkey.Err, err)
	}
	err := d.write(journal.Entry{Record: r, Text: d.requests.text(r.Request)})
	if err != nil && !errors.Is(err, journal.ErrNotWritten) {
		d.fail(err)
		return
	}
	if err != nil {
		d.log.Warn("log record not written", logkey.Meter, d.c.Number, logkey.Err, err)
	}
	if err == nil {
		d.adopt(r.Kind)
	}
	d.after = append(d.after, meter.Event{Kind: meter.EventPersisted, Record: r, OK: err == nil})
}

// write appends a record to the journal, in one write with the keys or the configuration that it puts in force.
func (d *Device) write(e journal.Entry) error {
	switch {
	case e.Kind == meter.RecordConfig && d.next != nil:
		// Write the hash and the texts first: without their version they are harmless, but a version without its hash would
		// have to be sent again.
		version := d.next.config.Version
		if err := errors.Join(d.c.Log.Append(textsFrame(version, d.next.texts)), d.c.Log.Commit(hashFrame(version, d.next.hash))); err != nil {
			d.rewrite = true
		}
		return d.journal.AppendConfig(&d.state, e, &d.next.config)
	case e.Kind == meter.RecordKeys && d.nextKeys != nil:
		return d.journal.AppendKeys(&d.state, e, d.nextKeys)
	}
	return d.journal.Append(&d.state, e)
}

// adopt puts in force the keys or the configuration that are now durable.
func (d *Device) adopt(kind meter.RecordKind) {
	if kind == meter.RecordKeys && d.nextKeys != nil {
		d.keys, d.nextKeys = *d.nextKeys, nil
		d.announce()
	}
	if kind != meter.RecordConfig || d.next == nil {
		return
	}
	d.config, d.texts, d.boot.hash = d.next.config, d.next.texts, d.next.hash
	d.next = nil
	d.parts.Pulses.Constant(d.config.ImpPerKWh)
	if d.c.Recorder != nil {
		d.c.Recorder.Config(&d.config)
	}
}

// Flush makes everything durable that has happened so far; the records in the outbox may then be published. An error
// that wraps ErrBroken is permanent. Any other error, such as a full disk, may be temporary; until it is gone nothing
// is published.
func (d *Device) Flush() error {
	if d.broken != nil {
		return d.broken
	}
	if err := d.flushLog(); err != nil {
		return err
	}
	d.copyCard()
	if d.lookAtWear(); d.appended > 0 {
		if err := d.flushLog(); err != nil {
			return err
		}
	}
	if d.state != d.saved {
		if err := d.journal.Save(&d.state); err != nil {
			return fmt.Errorf("save meter %s: %w", d.c.Number, err)
		}
		d.saved = d.state
	}
	if d.c.Recorder != nil {
		if err := d.c.Recorder.Check(&d.state); err != nil {
			// A failing recorder must not stop the meter.
			d.log.Warn("recording ended", logkey.Meter, d.c.Number, logkey.Err, err)
			d.c.Recorder = nil
		}
	}
	return nil
}

// flushLog makes the outbox durable and releases its records to the link.
func (d *Device) flushLog() (err error) {
	marks := d.box.Marks()
	d.losing = d.losing && marks.Waiting() > 0
	now := d.marks()
	defer func() {
		if err == nil {
			d.mailDurable()
		}
	}()
	if !d.rewrite && d.appended == 0 && now == d.mark {
		return nil
	}
	if d.rewrite || d.c.Log.Size() > compactAbove+2*d.alive() {
		d.mark = now
		if err := d.c.Log.Replace(d.frames()); err != nil {
			return err
		}
		d.rewrite = false
	} else {
		if err := d.c.Log.Commit(now.frame()); err != nil {
			return err
		}
		d.mark = now
	}
	d.appended = 0
	d.box.Durable()
	return nil
}

// alive returns the approximate length of the log after a rewrite.
func (d *Device) alive() (n int64) {
	return int64(d.box.Bytes()) + int64(d.box.Marks().Next-d.box.Marks().Lowest)*(reportHead+16)
}

// frames returns the whole log as it is rewritten.
func (d *Device) frames() []memory.Frame {
	frames := []memory.Frame{{Kind: frameStore, Data: []byte(d.boot.store + " " + d.c.Number)}}
	if d.boot.hash != "" {
		frames = append(frames, hashFrame(d.config.Version, d.boot.hash))
	}
	if d.texts != (meter.Texts{}) && d.config.Version != 0 {
		frames = append(frames, textsFrame(d.config.Version, d.texts))
	}
	for _, b := range d.rings.Entries() {
		frames = append(frames, memory.Frame{Kind: framePast, Data: b})
	}
	frames = append(frames, d.mail.frames()...)
	for _, e := range d.box.All() {
		frames = append(frames, reportFrame(e))
	}
	if d.parts.worn != nil {
		frames = append(frames, memory.Frame{Kind: frameWear, Data: d.parts.worn.Counts()})
	}
	return append(frames, d.mark.frame())
}
