package bench

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/sim"
	"github.com/paywatt/paywatt/internal/tier"
)

func TestLoopsAreMeasuredInTurns(t *testing.T) {
	var order []string
	note := func(name string) {
		if len(order) == 0 || order[len(order)-1] != name {
			order = append(order, name)
		}
	}
	work := 0
	loops := []loop{
		{"one", func(n int) { note("one"); work += n }},
		{"two", func(n int) { note("two"); busy(n) }},
	}
	f, err := measureLoops(context.Background(), 40*time.Millisecond, loops...)
	if err != nil {
		t.Fatal(err)
	}
	if turns := len(order); turns < 2*loopRounds {
		t.Errorf("the loops took %d turns, want at least %d", turns, 2*loopRounds)
	}
	for i, l := range f {
		if l.rate <= 0 || l.runs <= 0 || l.p50 < 0 || l.p99 < l.p50 || l.allocs != 0 {
			t.Errorf("loop %d: %+v", i, l)
		}
	}
	m, _, _ := resultOf("x", "turns a second", loops, f)
	if _, hasBaseline := m.Others["two"]; m.Baseline != "two" || m.BaselineRate != f[1].rate || m.Rate != f[0].rate || hasBaseline {
		t.Errorf("result %+v, want loop two as the baseline and not among the others", m)
	}
}

// busy does some work without a result.
func busy(n int) {
	x := 1.0
	for range n {
		x = math.Sqrt(x + 1)
	}
	if x < 0 {
		panic("no square root is negative")
	}
}

func TestALoopThatAllocatesIsCaught(t *testing.T) {
	var keep []byte
	if got := allocsOf(loop{"x", func(n int) {
		for range n {
			keep = make([]byte, 64)
		}
	}}, 1000); got != 1 || len(keep) != 64 {
		t.Errorf("%v allocations a run, want 1", got)
	}
}

func TestABenchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := measureLoops(ctx, time.Millisecond, loop{"x", busy}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestTheTokenBenchMakesAndReadsRealTokens(t *testing.T) {
	loops, err := tokenLoops()
	if err != nil {
		t.Fatal(err)
	}
	// Each loop that reads tokens panics if a token does not contain its amount.
	for _, l := range loops {
		if got := allocsOf(l, 100); got != 0 {
			t.Errorf("%s: %v allocations a run, want none", l.name, got)
		}
	}
}

func TestTheMeterBenchLetsAWholeMeterLive(t *testing.T) {
	loops, image, err := meterLoops()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range loops {
		l.do(100) // a hundred days in the last loop, so that it has to buy
	}
	if n := image.perWrite(); n < 200 || n > 1024 {
		t.Errorf("a snapshot writes %d bytes, want some hundred", n)
	}
	for _, l := range loops[:3] {
		if got := allocsOf(l, 1000); got != 0 {
			t.Errorf("%s: %v allocations a run, want none", l.name, got)
		}
	}
}

func TestTheBenchOfAStreetSaysWhatBoundsIt(t *testing.T) {
	tier.OneGoroutine(t)
	tier.Slow(t)
	loops, _, err := meterLoops()
	if err != nil {
		t.Fatal(err)
	}
	f := make([]loopFigures, len(loops))
	for i := range f {
		f[i].rate, f[i].runs = 1e6, 1
	}
	o := sim.Default()
	o.Meters, o.Days = 5, 2
	got, err := measureStreet(t.Context(), o, loops, f)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, share := range got.Shares {
		sum += share
	}
	if got.PerSecond <= 0 || got.Events <= 0 || got.Records < 48 || got.Shares[got.BoundedBy] == 0 || sum < 0.99 || sum > 1.01 {
		t.Errorf("the street came to %+v, shares together %v", got, sum)
	}
}

func TestTheBenchesOfLoopsRefuseTimesOutOfRange(t *testing.T) {
	for _, seconds := range []int{-1, 0, maxLoopSeconds + 1} {
		var f *exit.Failure
		if _, err := loopTime(seconds); !errors.As(err, &f) || f.Code != exit.Usage || !strings.Contains(f.What, strconv.Itoa(seconds)) {
			t.Errorf("--seconds %d: %v, want a usage failure that names it", seconds, err)
		}
	}
}
