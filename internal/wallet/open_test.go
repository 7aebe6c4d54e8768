package wallet_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// TestEnergyThroughAnOpenRelayIsHeld rates three readings of a meter, an hour apart, and checks whether the last one is held.
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
		other  bool // the last reading is of another memory
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
			reading := wallet.Reading{Memory: c.memory, Seq: uint64(i + 1), At: at, Up: uint64(i+1) * 3_600_000, Clock: wire.ClockValid, ReceivedAt: at,
				Register: r.register, Open: r.open}
			if c.memory == device {
				reading.Up = 0
			}
			if i == 2 && c.reboot {
				reading.Up = 1000
			}
			if i == 2 && c.other {
				reading.Memory, reading.Seq = "b", 1
			}
			p.take(reading)
		}
		if held := p.s.Held.Reason == wallet.HoldOpen; held != c.held || held && (p.s.Register != last.Register || p.s.Debited != last.Debited) {
			t.Errorf("%s: held %q at %d Wh, %d charged (before: %d); want held %t, and then nothing charged", c.name, p.s.Held.Reason, p.s.Register,
				p.s.Debited, last.Debited, c.held)
		}
	}
}

// TestSaysOpen: a relay that no reason keeps open, or that waits for a key, is about to close. Such a reading does not confirm an open
// relay.
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

// TestRatingGoesOnWhenTheRelayCloses: all energy counted until then is left out, and waits for a separate decision.
func TestRatingGoesOnWhenTheRelayCloses(t *testing.T) {
	at := noon(t)
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
	read := func(register unit.Energy, open bool) wallet.Taken {
		at = at.Add(time.Hour)
		p.seq++
		return p.take(wallet.Reading{Memory: "a", Seq: p.seq, At: at, Up: p.seq, Clock: wire.ClockValid, ReceivedAt: at, Register: register, Open: open})
	}
	read(1000, true)
	for register := unit.Energy(2000); register <= 5000; register += 1000 {
		if got := read(register, true); got.Debit != 0 || got.Drawn != nil || p.s.Held.Reason != wallet.HoldOpen || p.s.Held.Seq != 2 || p.s.OpenFrom != register {
			t.Fatalf("at %d Wh: %+v, %+v; want all of it held since the second reading", register, got, p.s)
		}
	}
	got := read(5137, false)
	if want := (wallet.HeldEnergy{Memory: "a", Seq: 2, Register: 5000}); got.Drawn == nil || *got.Drawn != want || got.Units != 137 || got.Debit != 39 {
		t.Errorf("the relay has closed: %+v, want 4 kWh left out and 137 Wh charged", got)
	}
	if p.s.Held.Stopped() || p.s.Total() != 137 || p.s.Register != 5137 || p.s.Debited != 39 {
		t.Errorf("then %+v, want rating to go on", p.s)
	}
	for _, again := range []unit.Energy{6000, 6000, 6010} {
		if read(again, true); p.s.Held.Stopped() {
			t.Errorf("open again at %d Wh: held %q", again, p.s.Held.Reason)
		}
	}
	if read(6011, true); p.s.Held.Reason != wallet.HoldOpen {
		t.Errorf("more than an impulse: held %q, want %q", p.s.Held.Reason, wallet.HoldOpen)
	}
	held := p.s
	if read(53_000_000, true); p.s.Held.Reason != wallet.HoldImplausible || p.s.Register != 6011 {
		t.Errorf("a register that jumped meanwhile: held %q at %d Wh, want %q at 6011", p.s.Held.Reason, p.s.Register, wallet.HoldImplausible)
	}
	p.s = held
	if read(5500, true); p.s.Held.Reason != wallet.HoldRegress || p.s.Register != 6011 {
		t.Errorf("the register fell meanwhile: held %q at %d Wh, want %q at 6011", p.s.Held.Reason, p.s.Register, wallet.HoldRegress)
	}
}
