package wallet_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// TestEnergyThroughAnOpenRelayIsHeld tells a meter's last three readings, an hour apart, and whether the last is held.
func TestEnergyThroughAnOpenRelayIsHeld(t *testing.T) {
	const device = wallet.DeviceMemory
	type said struct {
		register unit.Energy
		open     bool
	}
	for _, c := range []struct {
		name   string
		memory string
		three  [3]said
		reboot bool
		other  bool // the last is of another memory
		held   bool
	}{
		{name: "closed all the time", memory: "a", three: [3]said{{0, false}, {500, false}, {1000, false}}},
		{name: "what was used before it opened", memory: "a", three: [3]said{{0, false}, {500, false}, {1000, true}}},
		{name: "an impulse that was under way", memory: "a", three: [3]said{{0, false}, {500, true}, {510, true}}},
		{name: "more than that", memory: "a", three: [3]said{{0, false}, {500, true}, {511, true}}, held: true},
		{name: "little by little", memory: "a", three: [3]said{{0, true}, {6, true}, {12, true}}, held: true},
		{name: "after it has closed", memory: "a", three: [3]said{{0, true}, {0, true}, {1000, false}}},
		{name: "opened again after it was closed", memory: "a", three: [3]said{{0, true}, {500, false}, {1000, true}}},
		{name: "the meter started in between", memory: "a", three: [3]said{{0, true}, {0, true}, {1000, true}}, reboot: true},
		{name: "another memory", memory: "a", three: [3]said{{0, true}, {0, true}, {1000, true}}, other: true},
		{name: "a device that used before it opened", memory: device, three: [3]said{{0, false}, {500, false}, {501, true}}},
		{name: "a device, of which the noise is left out already", memory: device, three: [3]said{{0, false}, {500, true}, {501, true}}, held: true},
		{name: "a device at rest", memory: device, three: [3]said{{0, true}, {0, true}, {0, true}}},
	} {
		at := noon(t)
		p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
		var last wallet.State
		for i, r := range c.three {
			last, at = p.s, at.Add(time.Hour)
			reading := wallet.Reading{Store: c.memory, Seq: uint64(i + 1), At: at, Up: uint64(i+1) * 3_600_000, Clock: wire.ClockValid, ReceivedAt: at,
				Register: r.register, Open: r.open}
			if c.memory == device {
				reading.Up = 0
			}
			if i == 2 && c.reboot {
				reading.Up = 1000
			}
			if i == 2 && c.other {
				reading.Store, reading.Seq = "b", 1
			}
			p.take(reading)
		}
		if held := p.s.Held.Reason == wallet.HoldOpen; held != c.held || held && (p.s.Register != last.Register || p.s.Debited != last.Debited) {
			t.Errorf("%s: held %q at %d Wh, %d charged (before: %d); want held %t, and then nothing charged", c.name, p.s.Held.Reason, p.s.Register,
				p.s.Debited, last.Debited, c.held)
		}
	}
}

// TestSaysOpen: a relay that nothing keeps open, or that waits for a key, is about to close.
func TestSaysOpen(t *testing.T) {
	for _, c := range []struct {
		relay   string
		reasons bool
		want    bool
	}{{"open", true, true}, {"open", false, false}, {"armed", true, false}, {"closed", true, false}, {"", true, false}} {
		if got := wallet.SaysOpen(c.relay, c.reasons); got != c.want {
			t.Errorf("relay %q, reasons %t: %t", c.relay, c.reasons, got)
		}
	}
}

// TestADecisionAboutAnOpenRelayCountsFromThere accepts or leaves out what was held; what is counted after it is judged anew.
func TestADecisionAboutAnOpenRelayCountsFromThere(t *testing.T) {
	for _, accept := range []bool{true, false} {
		at := noon(t)
		p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
		read := func(register unit.Energy) {
			at = at.Add(time.Hour)
			p.seq++
			p.take(wallet.Reading{Store: "a", Seq: p.seq, At: at, Up: p.seq, Clock: wire.ClockValid, ReceivedAt: at, Register: register, Open: true})
		}
		read(1000)
		read(2000)
		if p.s.Held.Reason != wallet.HoldOpen {
			t.Fatalf("held %q, want %q", p.s.Held.Reason, wallet.HoldOpen)
		}
		total := unit.Energy(0)
		if accept {
			next, _, ok := wallet.Accept(p.s, p.terms)
			if !ok {
				t.Fatal("it cannot be accepted")
			}
			p.s, total = next, 1000
		} else {
			p.s = wallet.Rebase(p.s, 2000, p.terms)
		}
		if p.s.Held.Stopped() || p.s.Total() != total {
			t.Errorf("accepted %t: %d Wh rated (held: %q), want %d", accept, p.s.Total(), p.s.Held.Reason, total)
		}
		if read(2010); p.s.Held.Stopped() {
			t.Errorf("accepted %t, then 10 Wh more: held", accept)
		}
		if read(2011); p.s.Held.Reason != wallet.HoldOpen {
			t.Errorf("accepted %t, then 11 Wh more: held %q, want %q", accept, p.s.Held.Reason, wallet.HoldOpen)
		}
	}
}
