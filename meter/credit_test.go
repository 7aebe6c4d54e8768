package meter_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// pulses gives a meter n impulses in one event.
func pulses(c *meter.Config, s *meter.State, n uint32) {
	meter.Step(c, s, meter.Event{Kind: meter.EventPulses, Pulses: n, Up: s.Up}, nil)
}

// The cases are the figures of docs/reference/meter-rules.md#counting, and similar figures.
func TestPulsesKeepTheirRemainder(t *testing.T) {
	type after struct {
		pulses   uint32
		register unit.Energy
		rem      uint32
	}
	for imp, steps := range map[uint32][]after{
		1600: {{1, 0, 1000}, {1, 1, 400}, {5, 4, 600}, {1, 5, 0}, {1592, 1000, 0}},
		3200: {{10, 3, 400}, {1, 3, 1400}, {3189, 1000, 0}},
		6400: {{6, 0, 6000}, {1, 1, 600}, {6393, 1000, 0}},
		480:  {{1, 2, 40}, {1, 4, 80}, {1, 6, 120}, {477, 1000, 0}},
	} {
		c := meter.DefaultConfig()
		c.ImpPerKWh = imp
		s := meter.New(testFacts(), &c, 0)
		for _, a := range steps {
			if room := meter.Pulses(&s, a.register-s.Register); a.register > s.Register && room > uint64(a.pulses) {
				t.Errorf("%d imp/kWh: %d pulses are said to make %s, want at most %d", imp, room, a.register, a.pulses)
			}
			pulses(&c, &s, a.pulses)
			if s.Register != a.register || s.PulseRem != a.rem {
				t.Errorf("%d imp/kWh, +%d: %s r%d, want %s r%d", imp, a.pulses, s.Register, s.PulseRem, a.register, a.rem)
			}
		}
	}
}

func TestPulsesSaysHowManyMakeAnEnergy(t *testing.T) {
	c := meter.DefaultConfig()
	for _, imp := range []uint32{480, 1000, 1600, 3200} {
		c.ImpPerKWh = imp
		s := meter.New(testFacts(), &c, 0)
		for e := unit.Energy(1); e < 200; e += 7 {
			before := s.Register
			n := meter.Pulses(&s, e)
			pulses(&c, &s, uint32(n-1))
			if s.Register >= before+e {
				t.Fatalf("%d imp/kWh: %d pulses make %s already", imp, n-1, e)
			}
			pulses(&c, &s, 1)
			if s.Register < before+e {
				t.Fatalf("%d imp/kWh: %d pulses make %s, want %s", imp, n, s.Register-before, e)
			}
		}
	}
}

func TestChangingTheConstantKeepsTheEnergy(t *testing.T) {
	r := newRig(t)
	r.step(meter.Event{Kind: meter.EventPulses, Pulses: 3})
	next := r.cfg
	next.Version, next.ImpPerKWh = 1, 1600
	r.next = &next
	r.command("cmd_1", 1, meter.Event{Kind: meter.EventConfig, Version: 1})
	r.step(meter.Event{Kind: meter.EventPulses, Pulses: 1})
	next.Version, next.ImpPerKWh = 2, 3200
	r.command("cmd_2", 2, meter.Event{Kind: meter.EventConfig, Version: 2})
	// 1000/1600 Wh are 2000/3200 Wh.
	if s := &r.state; s.Register != 3 || s.PulseRem != 2000 || s.Imp != 3200 {
		t.Errorf("%s r%d at %d imp/kWh, want 0.003 kWh r2000 at 3200", s.Register, s.PulseRem, s.Imp)
	}
}

// The test plays the example of docs/reference/meter-rules.md#credit without its window. Consumption beyond the credit is counted and paid
// back first.
func TestOverrunIsPaidBackFirst(t *testing.T) {
	r := newRig(t)
	start := testTID(t, testStart())
	r.token(testToken(t, start, 3), meter.Keypad, "")
	r.step(meter.Event{Kind: meter.EventEnergy, Energy: 1000})
	if s := &r.state; s.Balance != 0 || s.Overrun != 700 || s.Relay != supply.Open || s.Shown() != -700 {
		t.Errorf("balance %s, overrun %s, relay %s, want 0, 0.700 kWh, open", s.Balance, s.Overrun, s.Relay)
	}
	r.token(testToken(t, start+1, 7), meter.Keypad, "")
	if s := &r.state; s.Balance != 0 || s.Overrun != 0 || s.Relay != supply.Open {
		t.Errorf("after exactly the overrun: balance %s, overrun %s, relay %s", s.Balance, s.Overrun, s.Relay)
	}
	r.token(testToken(t, start+2, 43), meter.Keypad, "")
	if s := &r.state; s.Balance != 4300 || s.Relay != supply.Closed {
		t.Errorf("balance %s, relay %s, want 4.300 kWh, closed", s.Balance, s.Relay)
	}
}

// TestNetMeteringAddsUpToTheFullMeter exports energy: it pays back the overrun first, then adds credit up to the
// maximum balance, and not a watt-hour more.
func TestNetMeteringAddsUpToTheFullMeter(t *testing.T) {
	r := configured(t, map[string]any{"net_metering": true, "max_balance_wh": 10_000})
	r.token(testToken(t, testTID(t, testStart()), 20), meter.Keypad, "")
	r.step(meter.Event{Kind: meter.EventEnergy, Energy: 2500})
	for _, c := range []struct{ export, balance, overrun, register unit.Energy }{
		{400, 0, 100, 400}, {300, 200, 0, 700}, {9700, 9900, 0, 10_400}, {101, 10_000, 0, 10_501}, {5000, 10_000, 0, 15_501},
	} {
		r.step(meter.Event{Kind: meter.EventEnergy, Export: c.export})
		if s := &r.state; s.Balance != c.balance || s.Overrun != c.overrun || unit.Energy(s.Export) != c.register || s.Register != 2500 {
			t.Errorf("after %s the other way: balance %s, overrun %s, registers %s and %s; want %s, %s, 2.500 kWh and %s",
				c.export, s.Balance, s.Overrun, s.Register, unit.Energy(s.Export), c.balance, c.overrun, c.register)
		}
	}
}

func TestOneChunkCrossesEverythingInOrder(t *testing.T) {
	r := newRig(t)
	r.token(testToken(t, testTID(t, testStart()), 250), meter.Keypad, "")
	var got []meter.Code
	r.seen = func(e meter.Effect) {
		if e.Report.Kind == meter.ReportEvent {
			got = append(got, e.Report.Code)
		}
	}
	r.step(meter.Event{Kind: meter.EventEnergy, Energy: 25_100})
	want := []meter.Code{meter.CodeLow1, meter.CodeLow2, meter.CodeExhausted, meter.CodeOpened}
	if len(got) != len(want) {
		t.Fatalf("events %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("events %v, want %v", got, want)
		}
	}
	if r.state.Overrun != 100 || r.state.Buzzer != meter.BuzzerTone {
		t.Errorf("overrun %s, buzzer %s, want 0.100 kWh and the tone", r.state.Overrun, r.state.Buzzer)
	}
}

func TestClearanceKeepsTheRelayOpen(t *testing.T) {
	r := newRig(t)
	r.cfg.Clearance = 2000
	start := testTID(t, testStart())
	r.token(testToken(t, start, 20), meter.Keypad, "")
	if r.state.Relay != supply.Open {
		t.Error("closed at the clearance, want open until above it")
	}
	r.token(testToken(t, start+1, 1), meter.Keypad, "")
	if r.state.Relay != supply.Closed {
		t.Error("open above the clearance")
	}
	r.step(meter.Event{Kind: meter.EventEnergy, Energy: 2099})
	if r.state.Relay != supply.Closed {
		t.Error("open above the cut-off")
	}
	r.step(meter.Event{Kind: meter.EventEnergy, Energy: 1})
	if r.state.Relay != supply.Open {
		t.Error("closed at the cut-off")
	}
}

func TestCheckpointsBoundWhatACrashLoses(t *testing.T) {
	r := newRig(t)
	r.token(testToken(t, testTID(t, testStart()), 9000), meter.Keypad, "")
	r.load = 3000
	for range 50 {
		r.run(7 * time.Minute)
		_, loaded, err := journal.Open(r.mem)
		if err != nil {
			t.Fatal(err)
		}
		if lost := r.state.Register - loaded.State.Register; lost < 0 || lost > 100 {
			t.Fatalf("a crash at %s loses %s, want at most 0.100 kWh", r.state.Register, lost)
		}
	}
}
