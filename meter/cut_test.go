package meter_test

import (
	"errors"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// errCut is the error of a memory without power.
var errCut = errors.New("the mains is gone")

// tearing is a memory that loses its power after a given number of bytes. The byte being written is left as garbage.
type tearing struct {
	memory
	left    int
	garbage byte
	dead    bool
}

func (m *tearing) WriteAt(p []byte, at int64) (int, error) {
	for i, b := range p {
		switch {
		case m.dead:
			return i, errCut
		case m.left == 0:
			m.b[at+int64(i)] ^= m.garbage
			m.dead = true
			return i, errCut
		}
		m.left--
		m.b[at+int64(i)] = b
	}
	return len(p), nil
}

func (m *tearing) Sync() error {
	if m.dead {
		return errCut
	}
	return nil
}

// cutHost is a host whose mains fails in the middle of a story.
type cutHost struct {
	t      *testing.T
	mem    *tearing
	j      *journal.Journal
	cfg    meter.Config
	s      meter.State
	keys   meter.Keys
	after  meter.Keys       // the keys if the pending section is taken
	told   map[sts.TID]bool // tokens answered with accept
	outbox []meter.Report
}

// step gives an event and carries out the effects. It returns false when the mains has failed. While a record is
// written, the meter counts the given number of pulses.
func (h *cutHost) step(ev meter.Event, next *meter.Config, text string, pulses uint32) bool {
	var under *meter.Record
	for _, e := range meter.Step(&h.cfg, &h.s, ev, nil) {
		switch e.Kind {
		case meter.EffectPublish:
			h.outbox = append(h.outbox, e.Report)
			if e.Report.Kind == meter.ReportToken && e.Report.Result == sts.Accept {
				h.told[e.Report.TID] = true
			}
		case meter.EffectCheckpoint:
			if h.j.Save(&h.s) != nil {
				return false
			}
		case meter.EffectPersist:
			under = &e.Record
		}
	}
	if under == nil {
		return true
	}
	return h.step(meter.Event{Kind: meter.EventPulses, Pulses: pulses, Up: ev.Up}, nil, "", 0) &&
		h.write(journal.Entry{Record: *under, Text: text}, next) &&
		h.step(meter.Event{Kind: meter.EventPersisted, Record: *under, OK: true, Up: ev.Up}, nil, "", 0)
}

// write makes a record durable. It returns false when the mains fails.
func (h *cutHost) write(e journal.Entry, next *meter.Config) bool {
	var err error
	switch {
	case next != nil:
		err = h.j.AppendConfig(&h.s, e, next)
	case e.Kind == meter.RecordKeys:
		err = h.j.AppendKeys(&h.s, e, &h.after)
	default:
		err = h.j.Append(&h.s, e)
	}
	switch {
	case err == nil && next != nil:
		h.cfg = *next
	case err == nil && e.Kind == meter.RecordKeys:
		h.keys = h.after
	case err != nil && !errors.Is(err, journal.ErrUnknown) && !errors.Is(err, journal.ErrNotWritten):
		h.t.Fatal(err)
	}
	return err == nil
}

// story gives the meter tokens, a configuration, a command and wrong tokens, with energy between and during the
// writes.
func (h *cutHost) story(tokens []sts.Opened) bool {
	next := h.cfg
	next.Version, next.Low1 = 9, 7000
	ok := h.step(meter.Event{Kind: meter.EventToken, Opened: tokens[0], Source: meter.Keypad, Up: 1000}, nil, "", 90)
	ok = ok && h.step(meter.Event{Kind: meter.EventPulses, Pulses: 70, Up: 2000}, nil, "", 0)
	ok = ok && h.step(meter.Event{
		Kind: meter.EventToken, Opened: tokens[1], Source: meter.Remote, Request: meter.Handle("tok_b"), Up: 3000,
	}, nil, "tok_b", 110)
	ok = ok && h.step(meter.Event{Kind: meter.EventToken, Opened: tokens[2], Source: meter.SMS, Up: 4000}, nil, "", 30)
	ok = ok && h.step(meter.Event{
		Kind: meter.EventConfig, Version: 9, Counter: 1, Request: meter.Handle("cmd_c"), Up: 5000,
	}, &next, "cmd_c", 40)
	return ok && h.step(meter.Event{
		Kind: meter.EventCommand, Command: meter.CommandDisconnect, Counter: 2, Request: meter.Handle("cmd_d"), Up: 6000,
	}, nil, "cmd_d", 20)
}

// TestEveryWriteMayBeTornAtEveryByte cuts the power after each byte of the story, starts the meter again and enters
// every token once more. No token is credited twice, lost after its answer, or half applied.
func TestEveryWriteMayBeTornAtEveryByte(t *testing.T) {
	tier.Slow(t)
	r := newRig(t)
	start := testTID(t, testStart())
	tokens := []sts.Opened{
		r.keys.Open(testToken(t, start+1, 10)), r.keys.Open(testToken(t, start+2, 25)), r.keys.Open(wrongToken(t, 0)),
	}
	blank := memory{}
	initial := r.state
	if _, err := journal.Create(&blank, &initial, &r.cfg, &r.keys); err != nil {
		t.Fatal(err)
	}
	cuts, done := 0, false
	for n := 0; !done; n++ {
		for _, garbage := range [...]byte{0x00, 0xff, 0x5a} {
			m := &tearing{memory: blank, left: n, garbage: garbage}
			j, l, err := journal.Open(m)
			if err != nil {
				t.Fatal(err)
			}
			h := &cutHost{t: t, mem: m, j: j, cfg: l.Config, s: l.State, keys: l.Keys, told: map[sts.TID]bool{}}
			done = h.story(tokens)
			h.restart(tokens)
			cuts++
		}
	}
	t.Logf("figures: %d cuts", cuts)
}

// restart restores mains power and checks the memory.
func (h *cutHost) restart(tokens []sts.Opened) {
	t := h.t
	t.Helper()
	h.boot()
	h.check(tokens)
	for _, o := range tokens[:2] {
		was := h.told[o.TID]
		n := len(h.outbox)
		h.step(meter.Event{Kind: meter.EventToken, Opened: o, Source: meter.Keypad, Up: 1000}, nil, "", 0)
		if got := h.outbox[n].Result; was != (got == sts.UsedError) || !was && got != sts.Accept {
			t.Fatalf("answered before the cut %t, entered again: %s", was, got)
		}
	}
	h.check(tokens)
	if h.s.Register+h.s.Shown() != 3500 {
		t.Fatalf("register %s and credit %s, want 3.500 kWh together", h.s.Register, h.s.Shown())
	}
}

// boot starts the meter from its memory.
func (h *cutHost) boot() {
	h.t.Helper()
	h.mem.dead, h.mem.left = false, 1<<30
	j, l, err := journal.Open(h.mem)
	if err != nil {
		h.t.Fatalf("after %d reports: %v", len(h.outbox), err)
	}
	h.j, h.s, h.cfg, h.keys = j, l.State, l.Config, l.Keys
	boot := meter.Event{NextSeq: uint64(len(h.outbox)) + 1}
	published := uint32(0)
	for _, rep := range h.outbox {
		boot.Register, published = max(boot.Register, rep.Register), max(published, rep.Log)
	}
	replay := boot
	replay.Kind = meter.EventReplay
	for _, e := range l.Replay {
		replay.Record, replay.Reported = e.Record, e.Seq <= published
		h.step(replay, nil, "", 0)
	}
	boot.Kind, boot.Damage = meter.EventPowerRestore, l.Damage
	h.step(boot, nil, "", 0)
}

// check compares the meter's state with the answers that the meter gave.
func (h *cutHost) check(tokens []sts.Opened) {
	h.t.Helper()
	var want unit.Energy
	disconnected, version := false, uint32(0)
	for _, o := range tokens[:2] {
		if h.told[o.TID] {
			want += unit.FromTenths(o.Amount.Tenths())
		}
	}
	for i, rep := range h.outbox {
		if rep.Seq != uint64(i)+1 {
			h.t.Fatalf("report %d has seq %d", i+1, rep.Seq)
		}
		if rep.Kind == meter.ReportCommand && rep.Request == meter.Handle("cmd_d") {
			disconnected = true
		}
		if rep.Kind == meter.ReportCommand && rep.Request == meter.Handle("cmd_c") {
			version = 9
		}
	}
	if h.s.Register+h.s.Shown() != want {
		h.t.Fatalf("register %s and credit %s make %s, want %s", h.s.Register, h.s.Shown(), h.s.Register+h.s.Shown(), want)
	}
	if h.s.Reasons.Has(supply.Remote) != disconnected {
		h.t.Fatalf("reasons %q, disconnect answered %t", h.s.Reasons, disconnected)
	}
	if h.cfg.Version != version || (h.cfg.Low1 == 7000) != (version == 9) {
		h.t.Fatalf("configuration %d with low1 %s, want version %d whole", h.cfg.Version, h.cfg.Low1, version)
	}
}

// TestReportsSurviveTheCutBetweenRecordAndOutbox loses the outbox entry of a token whose record is durable.
func TestReportsSurviveTheCutBetweenRecordAndOutbox(t *testing.T) {
	r := newRig(t)
	r.lazy = true
	r.token(testToken(t, testTID(t, testStart()), 10), meter.Remote, "tok_a")
	if err := r.j.Append(&r.state, *r.under); err != nil {
		t.Fatal(err)
	}
	r.lazy = false
	reported := func() (n int) {
		for _, rep := range r.outbox {
			if rep.Kind == meter.ReportToken && rep.Request == meter.Handle("tok_a") && rep.Result == sts.Accept {
				n++
			}
		}
		return n
	}
	for range 3 {
		r.reboot(time.Second)
		if n := reported(); n != 1 {
			t.Fatalf("the acceptance is reported %d times, want once", n)
		}
	}
	if r.state.Balance != 1000 {
		t.Errorf("balance %s, want 1.000 kWh", r.state.Balance)
	}
}
