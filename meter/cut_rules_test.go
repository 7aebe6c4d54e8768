package meter_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// ruleHost is a host whose mains fails during a sequence of configuration, emergency credit, tampering and orders.
type ruleHost struct {
	*cutHost
	next  meter.Config
	token sts.Opened
}

func (h *ruleHost) event(ev meter.Event) bool {
	ev.Up, ev.At, ev.Clock = h.s.Up+1000, testStart().Unix(), meter.ClockValid
	return h.step(ev, nil, "", 7)
}

// order gives the meter a command. The parameter text is the id of the command.
func (h *ruleHost) order(ev meter.Event, text string, next *meter.Config) bool {
	ev.Request, ev.Counter = meter.Handle(text), h.s.Counter+1
	ev.Up, ev.At, ev.Clock = h.s.Up+1000, testStart().Unix(), meter.ClockValid
	return h.step(ev, next, text, 5)
}

func (h *ruleHost) story() bool {
	command := meter.EventCommand
	ok := h.order(meter.Event{Kind: meter.EventConfig, Version: 2}, "cmd_c", &h.next)
	ok = ok && h.event(meter.Event{Kind: meter.EventActivate, Source: meter.SMS})
	ok = ok && h.event(meter.Event{Kind: meter.EventPulses, Pulses: 90})
	ok = ok && h.event(meter.Event{Kind: meter.EventTamper, Tamper: meter.TamperMagnet, Active: true})
	ok = ok && h.event(meter.Event{Kind: meter.EventWake})
	ok = ok && h.event(meter.Event{Kind: meter.EventToken, Opened: h.token, Source: meter.Keypad})
	ok = ok && h.event(meter.Event{Kind: meter.EventTamper, Tamper: meter.TamperMagnet})
	ok = ok && h.event(meter.Event{Kind: meter.EventWake})
	ok = ok && h.order(meter.Event{Kind: command, Command: meter.CommandClearTamper}, "cmd_t", nil)
	ok = ok && h.event(meter.Event{Kind: meter.EventConfirm})
	ok = ok && h.order(meter.Event{Kind: command, Command: meter.CommandSetTime, NewAt: testStart().Unix() + 90_000}, "cmd_s", nil)
	ok = ok && h.order(meter.Event{Kind: command, Command: meter.CommandClearCredit}, "cmd_e", nil)
	return ok && h.event(meter.Event{Kind: meter.EventLocal})
}

// check compares the meter's state with the answers that the meter gave.
func (h *ruleHost) check(n int) {
	t := h.t
	t.Helper()
	var credit unit.Energy
	version, granted, latched := uint32(0), false, false
	for i, r := range h.outbox {
		if r.Seq != uint64(i)+1 {
			t.Fatalf("cut %d: report %d has seq %d", n, i+1, r.Seq)
		}
		latched = r.Reasons.Has(supply.Tamper) && r.Code != meter.CodeTamperCleared
		switch {
		case r.Kind == meter.ReportToken && r.Result == sts.Accept:
			credit += r.Units
		case r.Code == meter.CodeCreditCleared:
			credit -= unit.Energy(r.A)
		case r.Code == meter.CodeConfig:
			version = uint32(r.A)
		case r.Code == meter.CodeECActivated:
			granted = true
		case r.Code == meter.CodeECRepaid:
			granted = false
		}
	}
	s := &h.s
	want := h.next
	if version == 0 {
		want = meter.DefaultConfig()
		want.Number = testNumber
	}
	switch {
	case s.Register+s.Shown() != credit:
		t.Fatalf("cut %d: register %s and credit %s, want %s together", n, s.Register, s.Shown(), credit)
	case h.cfg != want:
		t.Fatalf("cut %d: configuration %d, want %d whole", n, h.cfg.Version, version)
	case granted && s.EC < meter.ECActive:
		t.Fatalf("cut %d: emergency credit %s after it was granted", n, s.EC)
	case latched && s.Latched == 0:
		t.Fatalf("cut %d: the latch that was reported is open", n)
	case s.Reasons.Has(supply.Tamper) != (s.Latched != 0):
		t.Fatalf("cut %d: reasons %q, latched %v", n, s.Reasons, s.Latched.Names())
	}
}

// TestEveryRuleMayBeTornAtEveryByte cuts the power after each byte of every write. The writes are of a configuration,
// an activation of emergency credit, a tamper latch, its clearing, and the other commands. After every cut, each
// change has happened completely or not at all, and each change that the meter had answered has happened.
func TestEveryRuleMayBeTornAtEveryByte(t *testing.T) {
	tier.Slow(t)
	cuts, done := 0, false
	for n := 0; !done; n += onlyEvery {
		r := newRig(t)
		next, bad := meter.NewConfig(r.cfg, 2, map[string]any{
			"ec_limit_wh": 500, "ec_threshold_wh": 100, "friendly": []any{"sat 10:00-12:00"}, "imp_per_kwh": 1600, "language": "fr",
		})
		if bad != "" {
			t.Fatal(bad)
		}
		m := &tearing{left: 1 << 30, garbage: [...]byte{0x00, 0xff, 0x5a}[n%3]}
		s, cfg := r.state, meter.DefaultConfig()
		cfg.Number = testNumber
		j, err := journal.Create(m, &s, &cfg, &r.keys)
		if err != nil {
			t.Fatal(err)
		}
		m.left = n
		h := &ruleHost{
			cutHost: &cutHost{t: t, mem: m, j: j, cfg: cfg, s: s, keys: r.keys, told: map[sts.TID]bool{}}, next: next,
			token: r.keys.Open(testToken(t, testTID(t, testStart())+1, 30)),
		}
		done = h.story()
		h.boot()
		h.check(n)
		cuts++
	}
	t.Logf("figures: %d cuts", cuts)
}
