package meter_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// answer returns the newest answer to an id, or AnswerNone if there is no answer.
func (r *rig) answer(id string) meter.Answer {
	for i := len(r.outbox) - 1; i >= 0; i-- {
		if rep := r.outbox[i]; rep.Kind == meter.ReportCommand && rep.Request == meter.Handle(id) {
			return rep.Answer
		}
	}
	return meter.AnswerNone
}

func TestTheCounterRisesStrictlyAndIsKept(t *testing.T) {
	r := newRig(t)
	r.command("cmd_a", 5, meter.Event{Command: meter.CommandRead})
	for _, c := range []struct {
		id      string
		counter uint64
		want    meter.Answer
	}{
		{"cmd_b", 5, meter.AnswerCounter}, {"cmd_c", 4, meter.AnswerCounter}, {"cmd_d", 6, meter.AnswerDone},
		{"cmd_d", 6, meter.AnswerDone}, {"cmd_b", 7, meter.AnswerDone},
	} {
		r.command(c.id, c.counter, meter.Event{Command: meter.CommandRead})
		if got := r.answer(c.id); got != c.want {
			t.Errorf("%s with counter %d: %s %s, want %s", c.id, c.counter, got.State(), got.Reason(), c.want.Reason())
		}
	}
	r.reboot(0)
	r.command("cmd_e", 7, meter.Event{Command: meter.CommandRead})
	if got := r.answer("cmd_e"); got != meter.AnswerCounter || r.state.Counter != 7 {
		t.Errorf("after a crash counter 7 is answered %q and the meter has %d", got.Reason(), r.state.Counter)
	}
}

// TestARefusedMessageUsesUpItsCounter sends messages that the meter refuses for good. Each message uses up its counter,
// so that it cannot be replayed later, when the clock or the configuration has changed.
func TestARefusedMessageUsesUpItsCounter(t *testing.T) {
	r := newRig(t)
	for i, m := range []struct {
		id   string
		ev   meter.Event
		want string
	}{
		{"cmd_x", meter.Event{Command: meter.CommandDisconnect, Refused: meter.AnswerExpired}, "expired"},
		{"cmd_y", meter.Event{Kind: meter.EventConfig, Version: 3, Refused: meter.AnswerConfig}, "config"},
		{"cmd_z", meter.Event{Command: meter.CommandUnknown}, "unknown"},
		{"cmd_t", meter.Event{Command: meter.CommandSetTime, NewAt: -1}, "clock"},
	} {
		counter := uint64(i + 1)
		r.command(m.id, counter, m.ev)
		if a := r.answer(m.id); a.State() != "failed" || a.Reason() != m.want || r.state.Counter != counter {
			t.Errorf("%s: %s %s, counter %d; want failed %s, %d", m.id, a.State(), a.Reason(), r.state.Counter, m.want, counter)
		}
	}
	if r.state.Reasons.Has(supply.Remote) || r.cfg.Version != 0 {
		t.Errorf("reasons %q, configuration %d, want nothing changed", r.state.Reasons, r.cfg.Version)
	}
}

// TestAnExpiredCommandCannotBePlayedAgain replays an expired command after its id has left the ring of answers and the clock has been set
// back to before its expiry. It does so once on a meter that kept running and once after a crash without a snapshot.
func TestAnExpiredCommandCannotBePlayedAgain(t *testing.T) {
	for _, crash := range [...]bool{false, true} {
		r := newRig(t)
		r.command("cmd_late", 1, meter.Event{Command: meter.CommandDisconnect, Refused: meter.AnswerExpired})
		if crash {
			r.reboot(0)
			r.command("cmd_late", 1, meter.Event{Command: meter.CommandDisconnect})
			if a := r.answer("cmd_late"); a != meter.AnswerExpired {
				t.Errorf("again after a crash: %q, want expired", a.Reason())
			}
		}
		for i := range meter.RingSize {
			r.command(fmt.Sprintf("cmd_%d", i), uint64(i+2), meter.Event{Command: meter.CommandRead})
		}
		r.command("cmd_late", 1, meter.Event{Command: meter.CommandDisconnect})
		if a := r.answer("cmd_late"); a != meter.AnswerCounter || r.state.Reasons.Has(supply.Remote) {
			t.Errorf("crash %t: played again: %s %s, reasons %q; want failed counter and no REMOTE", crash, a.State(), a.Reason(), r.state.Reasons)
		}
	}
}

func TestAFailingMemoryFailsTheCommand(t *testing.T) {
	r := newRig(t)
	r.mem.fail = true
	r.command("cmd_a", 1, meter.Event{Command: meter.CommandDisconnect})
	if got := r.answer("cmd_a"); got != meter.AnswerStorage || r.state.Reasons.Has(supply.Remote) {
		t.Errorf("answered %q, reasons %q, want storage_error and no REMOTE", got.Reason(), r.state.Reasons)
	}
	r.mem.fail = false
	r.command("cmd_a", 1, meter.Event{Command: meter.CommandDisconnect})
	if got := r.answer("cmd_a"); got != meter.AnswerDone || !r.state.Reasons.Has(supply.Remote) {
		t.Errorf("again: %q, reasons %q, want done and REMOTE", got.Reason(), r.state.Reasons)
	}
}

func TestCancellingATokenIsDurableBeforeItIsDone(t *testing.T) {
	r := newRig(t)
	tid := testTID(t, testStart())
	cancel := meter.Event{Command: meter.CommandCancelToken, TID: tid, Base: sts.Base2014}
	r.lazy = true
	r.command("cmd_a", 1, cancel)
	if got := r.answer("cmd_a"); got != meter.AnswerNone {
		t.Fatalf("answered %q before the record is durable", got.State())
	}
	r.complete()
	r.lazy = false
	if got := r.answer("cmd_a"); got != meter.AnswerDone {
		t.Fatalf("answered %q, want done", got.State())
	}
	r.reboot(0)
	if got := r.last(testToken(t, tid, 10), meter.Keypad, "").Code; got != sts.UsedError {
		t.Errorf("the cancelled token after a crash: %s, want used_error", got)
	}
	for i, c := range []struct {
		id   string
		tid  sts.TID
		base sts.BaseDate
		want meter.Answer
	}{
		{"cmd_used", tid, sts.Base2014, meter.AnswerUsed}, {"cmd_old", 1, sts.Base2014, meter.AnswerOld},
		{"cmd_base", tid + 1, sts.Base1993, meter.AnswerBaseDate},
	} {
		r.command(c.id, uint64(i+2), meter.Event{Command: meter.CommandCancelToken, TID: c.tid, Base: c.base})
		if got := r.answer(c.id); got != c.want {
			t.Errorf("%s: %q, want %q", c.id, got.Reason(), c.want.Reason())
		}
	}
}

func TestAutomaticReconnectionIfConfigured(t *testing.T) {
	r := newRig(t)
	r.cfg.ConfirmAfter = 0
	r.token(testToken(t, testTID(t, testStart()), 10), meter.Keypad, "")
	r.command("cmd_a", 1, meter.Event{Command: meter.CommandDisconnect})
	r.command("cmd_b", 2, meter.Event{Command: meter.CommandConnect})
	if r.state.Relay != supply.Closed {
		t.Errorf("relay %s, want closed", r.state.Relay)
	}
}

func TestConnectDoesNotArmAClosedRelay(t *testing.T) {
	r := newRig(t)
	r.token(testToken(t, testTID(t, testStart()), 10), meter.Keypad, "")
	r.command("cmd_a", 1, meter.Event{Command: meter.CommandConnect})
	if r.state.Relay != supply.Closed || r.answer("cmd_a") != meter.AnswerDone {
		t.Errorf("relay %s, want closed as it was", r.state.Relay)
	}
}

func TestAMeterStartsWhereItWas(t *testing.T) {
	r := newRig(t)
	r.token(testToken(t, testTID(t, testStart()), 10), meter.Keypad, "")
	r.run(3 * time.Second)
	for _, c := range []struct {
		reset meter.Reset
		want  supply.Relay
		wait  uint64
	}{
		// The delay depends on the meter number: 04140001001 mod 60 is 41.
		{meter.ResetPower, supply.Open, 43_000}, {meter.ResetWatchdog, supply.Closed, 0}, {meter.ResetUpdate, supply.Closed, 0},
	} {
		s := r.state
		s.Up = 0
		out := meter.Step(&r.cfg, &s, meter.Event{Kind: meter.EventPowerRestore, Reset: c.reset}, nil)
		if s.Relay != c.want || s.ClosesIn() != c.wait {
			t.Errorf("%s: relay %s, closing in %d ms, want %s, %d", c.reset, s.Relay, s.ClosesIn(), c.want, c.wait)
		}
		told := false
		for _, e := range out {
			told = told || e.Kind == meter.EffectRelay && e.Close == (c.want == supply.Closed)
		}
		if !told {
			t.Errorf("%s: the host is not told where the relay belongs", c.reset)
		}
	}
}

// Published readings prove consumption; later use that was not saved is not charged.
func TestRegistersRiseToTheOutbox(t *testing.T) {
	r := newRig(t)
	r.token(testToken(t, testTID(t, testStart()), 10), meter.Keypad, "")
	r.step(meter.Event{Kind: meter.EventEnergy, Energy: 60})
	r.step(meter.Event{Kind: meter.EventRead})
	r.step(meter.Event{Kind: meter.EventEnergy, Energy: 30})
	seq := r.state.Seq
	r.reboot(0)
	if r.state.Register != 60 || r.state.Balance != 940 {
		t.Errorf("register %s, balance %s, want 0.060 and 0.940 kWh", r.state.Register, r.state.Balance)
	}
	if r.state.Seq <= seq {
		t.Errorf("sequence %d after %d", r.state.Seq, seq)
	}
	if r.state.Unclean != 1 {
		t.Errorf("%d unclean starts, want 1", r.state.Unclean)
	}
}

func TestReadingsKeepTheirGrid(t *testing.T) {
	r := newRig(t)
	var at []uint64
	r.seen = func(e meter.Effect) {
		if e.Report.Kind == meter.ReportReading {
			at = append(at, e.Report.Up)
		}
	}
	r.run(2 * time.Hour)
	r.up += 5_000_000 // the host comes late
	r.step(meter.Event{})
	r.run(time.Hour)
	want := []uint64{1_800_000, 3_600_000, 5_400_000, 7_200_000, 12_200_000, 12_600_000, 14_400_000}
	if len(at) != len(want) {
		t.Fatalf("readings at %v, want %v", at, want)
	}
	for i := range want {
		if at[i] != want[i] {
			t.Fatalf("readings at %v, want %v", at, want)
		}
	}
}

func TestAFrozenMeterCountsAndRefuses(t *testing.T) {
	r := newRig(t)
	r.token(testToken(t, testTID(t, testStart()), 10), meter.Keypad, "")
	s := r.state
	s.Frozen, s.QuietAt, s.BeepAt = true, 0, 0
	give := func(ev meter.Event) (effects []meter.Effect) {
		ev.Up = s.Up + 1000
		return meter.Step(&r.cfg, &s, ev, nil)
	}
	if out := give(meter.Event{Kind: meter.EventPowerRestore, NextSeq: 500}); len(out) != 2 ||
		out[0].Report.Code != meter.CodeSnapshot || out[0].Report.Seq != 500 {
		t.Errorf("start: %+v, want event 701 with seq 500 and a reading", out)
	}
	give(meter.Event{Kind: meter.EventEnergy, Energy: 1500})
	if s.Register != 1500 || s.Relay != supply.Closed || s.Overrun != 500 {
		t.Errorf("register %s, overrun %s, relay %s, want 1.500, 0.500 kWh, closed as it was", s.Register, s.Overrun, s.Relay)
	}
	refused := false
	for _, kind := range []meter.EventKind{
		meter.EventToken, meter.EventCommand, meter.EventConfig, meter.EventLocal, meter.EventPowerFail, meter.EventConfirm,
	} {
		for _, e := range give(meter.Event{
			Kind: kind, Source: meter.Keypad, Opened: r.keys.Open(testToken(t, testTID(t, testStart())+1, 10)),
			Counter: 9, Command: meter.CommandDisconnect, Request: 7,
		}) {
			switch e.Kind {
			case meter.EffectPersist, meter.EffectCheckpoint, meter.EffectRelay:
				t.Errorf("event %d: effect %d in a frozen meter", kind, e.Kind)
			case meter.EffectResult:
				refused = e.Result.Code == sts.StorageError
			}
		}
	}
	if !refused || s.Shown() != -500 {
		t.Errorf("token refused %t, credit %s", refused, s.Shown())
	}
	if meter.Headroom(&r.cfg, &s) < unit.Energy(1)<<40 {
		t.Error("a frozen meter has a threshold")
	}
	give(meter.Event{Kind: meter.EventPower, Power: 700})
	s.Up = meter.Wake(&r.cfg, &s) - 1000
	give(meter.Event{}) // the reject tone ends
	s.Up = meter.Wake(&r.cfg, &s) - 1000
	if out := give(meter.Event{}); len(out) != 1 || out[0].Report.Kind != meter.ReportReading || out[0].Report.Power != 700 {
		t.Errorf("at the time of a reading: %+v", out)
	}
	if out := give(meter.Event{Kind: meter.EventRead}); len(out) != 1 || out[0].Report.Kind != meter.ReportReading {
		t.Errorf("a reading on demand: %+v", out)
	}
}

// goldenHash is the hash at the end of a recorded life. It changes with every change of a rule or of a field of State,
// intended or not.
const goldenHash = 0xe6b736a77c8432d7

func TestARecordedLifeHasItsHash(t *testing.T) {
	l := live(t, 20261120, nil)
	if got := meter.Hash(&l.state); got != goldenHash {
		t.Errorf("hash %#x, want %#x", got, uint64(goldenHash))
	}
}
