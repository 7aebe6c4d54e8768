package virtual_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/virtual"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

var (
	_ board.Pulses   = (*virtual.Chip)(nil)
	_ board.Relay    = (*virtual.Relay)(nil)
	_ board.Switches = (*virtual.Switches)(nil)
)

// running returns a chip with mains and a closed contact.
func running(imp uint32, rem uint64, load unit.Power) *virtual.Chip {
	c := virtual.NewChip(virtual.NewRelay(true), imp, rem)
	c.Mains(true)
	c.SetLoad(load)
	return c
}

func TestALoadGivesExactlyItsImpulses(t *testing.T) {
	// A load of 1 kW for an hour gives the impulses of 1 kWh. The result does not depend on the pieces of time or on
	// the constant.
	for _, imp := range []uint32{480, 1000, 1600, 3200, 6400, 7000, 1_000_000} {
		c := running(imp, 0, 1000)
		var n uint64
		for left := uint64(3_600_000); left > 0; {
			step := min(left, 977)
			n += uint64(c.Count(step))
			left -= step
		}
		if n != uint64(imp) || c.Rest() != 0 {
			t.Errorf("imp %d: 1 kWh gave %d impulses and a remainder of %d", imp, n, c.Rest())
		}
	}
}

func TestTheNextImpulseComesWhenTheChipSaysSo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		imp := rapid.Uint32Range(1, 1_000_000).Draw(t, "imp")
		load := unit.Power(rapid.Int32Range(1, int32(virtual.MaxLoad)).Draw(t, "load"))
		c := running(imp, 0, load)
		c.Count(rapid.Uint64Range(0, virtual.MaxPass).Draw(t, "before"))
		n := rapid.Uint64Range(1, 1_000_000).Draw(t, "impulses")
		ms := c.Next(n)
		if ms == 0 || ms > virtual.MaxPass {
			t.Fatalf("the next in %d ms", ms)
		}
		if got := uint64(running(imp, c.Rest(), load).Count(ms - 1)); got >= n {
			t.Fatalf("%d impulses a millisecond before the %d-th was due", got, n)
		}
		if got := uint64(running(imp, c.Rest(), load).Count(ms)); got < n && ms < virtual.MaxPass {
			t.Fatalf("%d impulses when the %d-th was due", got, n)
		}
	})
}

func TestTheLargestBoardDoesNotOverflow(t *testing.T) {
	c := running(1_000_000, 3_600_000_000-1, virtual.MaxLoad)
	if got, want := c.Count(virtual.MaxPass), uint32(1_000_000_000); got != want {
		t.Errorf("1 MW for an hour at 1,000,000 imp/kWh = %d impulses, want %d", got, want)
	}
}

func TestNothingFlowsThroughAnOpenContactOrWithoutMains(t *testing.T) {
	r := virtual.NewRelay(true)
	c := virtual.NewChip(r, 1000, 0)
	c.SetLoad(2000)
	if c.Power() != 0 || c.Voltage() != 0 || c.Count(virtual.MaxPass) != 0 {
		t.Error("a chip without mains has measured")
	}
	c.Mains(true)
	if c.Power() != 2000 || c.Voltage() != 230_000 || c.Count(virtual.MaxPass) != 2000 {
		t.Errorf("2 kW for an hour: %d W, %d mV", c.Power(), c.Voltage())
	}
	if err := r.Move(false); err != nil || c.Power() != 0 || c.Next(1) != virtual.MaxPass || c.Load() != 2000 {
		t.Errorf("an open contact: %d W, next in %d ms, %v", c.Power(), c.Next(1), err)
	}
	if closed, err := r.Closed(); err != nil || closed {
		t.Errorf("an open contact is closed: %v", err)
	}
	if err := r.Move(true); err != nil || c.Power() != 2000 {
		t.Errorf("closed again: %d W, %v", c.Power(), err)
	}
	c.Constant(500)
	if c.Count(virtual.MaxPass) != 1000 {
		t.Error("half the constant did not give half the impulses")
	}
}

func TestTheLatchNoticesWhatIsOpenedWithoutMains(t *testing.T) {
	s := virtual.NewSwitches(virtual.SwitchesSaved{})
	s.Mains(true)
	s.Set(meter.TamperCover, true)
	if s.Open().Names()[0] != "cover" || s.Latched() != 0 {
		t.Errorf("opened with mains: %v; the latch is for the time without", s.Open().Names())
	}
	s.Set(meter.TamperCover, false)
	s.Mains(false)
	s.Set(meter.TamperTerminal, true)
	s.Set(meter.TamperTerminal, false)
	s = virtual.NewSwitches(s.Saved())
	if l := s.Latched(); !l.Has(meter.TamperTerminal) || l.Has(meter.TamperCover) || s.Open() != 0 {
		t.Errorf("opened and closed without mains: latched %v, open %v", l.Names(), s.Open().Names())
	}
	if s.Latched() != 0 {
		t.Error("the latch has told the same twice")
	}
}
