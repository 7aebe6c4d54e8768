package device

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/unit"
	"pgregory.net/rapid"
)

func TestALoadGivesExactlyItsImpulses(t *testing.T) {
	// 1 kW for an hour is 1 kWh, in whatever pieces and with whatever constant.
	for _, imp := range []uint32{480, 1000, 1600, 3200, 6400, 7000, 1_000_000} {
		m := chip{imp: imp}
		var n uint64
		for left := uint64(3_600_000); left > 0; {
			step := min(left, 977)
			n += uint64(m.run(1000, step))
			left -= step
		}
		if n != uint64(imp) || m.rem != 0 {
			t.Errorf("imp %d: 1 kWh gave %d impulses and a remainder of %d", imp, n, m.rem)
		}
	}
}

func TestTheNextImpulseComesWhenTheChipSaysSo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := chip{imp: rapid.Uint32Range(1, 1_000_000).Draw(t, "imp")}
		load := unit.Power(rapid.Int32Range(1, int32(MaxLoad)).Draw(t, "load"))
		m.run(load, rapid.Uint64Range(0, maxPass).Draw(t, "before"))
		n := rapid.Uint64Range(1, 1_000_000).Draw(t, "impulses")
		ms := m.until(load, n)
		if ms == 0 || ms > maxPass {
			t.Fatalf("until = %d ms", ms)
		}
		early, late := m, m
		if got := uint64(early.run(load, ms-1)); got >= n {
			t.Fatalf("%d impulses a millisecond before the %d-th was due", got, n)
		}
		if got := uint64(late.run(load, ms)); got < n && ms < maxPass {
			t.Fatalf("%d impulses when the %d-th was due", got, n)
		}
	})
}

func TestTheLargestBoardDoesNotOverflow(t *testing.T) {
	m := chip{imp: 1_000_000, rem: impulse - 1}
	if got, want := m.run(MaxLoad, maxPass), uint32(1_000_000_000); got != want {
		t.Errorf("1 MW for an hour at 1,000,000 imp/kWh = %d impulses, want %d", got, want)
	}
}

func TestTheContactRestsBeforeItCloses(t *testing.T) {
	var r contact
	rest := uint64(contactRest / time.Millisecond)
	if !r.want(true, 0) {
		t.Fatal("the first close did not happen at once")
	}
	if !r.want(false, 10) {
		t.Fatal("an open waited")
	}
	if r.want(true, 20) {
		t.Fatal("a close did not wait")
	}
	if at, is := r.waiting(); !is || at != 10+rest {
		t.Errorf("waiting until %d (%v), want %d", at, is, 10+rest)
	}
	if r.settle(10 + rest - 1) {
		t.Error("closed a millisecond early")
	}
	if !r.settle(10 + rest) {
		t.Error("did not close when the rest was over")
	}
}
