package sim_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sim"
	"github.com/paywatt/paywatt/internal/sometimes"
	"github.com/paywatt/paywatt/internal/tier"
)

// reached records which rare states a simulation has reached.
func reached(c *sometimes.Counter, r sim.Result) {
	for state, n := range map[string]int64{"token accepted": r.Accepted, "token entered again": r.Again, "token mistyped": r.Wrong, "mains cut": r.Cuts,
		"mains cut in the middle of a write": r.Torn, "cover opened": r.Tampers} {
		c.Add(state, int(n))
	}
}

func run(t *testing.T, o sim.Options) sim.Result {
	t.Helper()
	r, err := sim.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestASeedHasOneHistory(t *testing.T) {
	tier.OneGoroutine(t)
	o := sim.Default()
	o.Meters, o.Days, o.Seed = 20, 30, 7
	o.CutEvery, o.TamperEvery = 3*24*time.Hour, 10*24*time.Hour
	first := run(t, o)
	if again := run(t, o); again != first {
		t.Errorf("the same street again:\n%+v, before\n%+v", again, first)
	}
	o.Seed++
	if other := run(t, o); other.Trace == first.Trace {
		t.Error("another seed has the same trace")
	}
	if first.Accepted == 0 || first.Again == 0 || first.Wrong == 0 || first.Torn == 0 || first.Tampers == 0 || first.Readings == 0 {
		t.Errorf("a month of 20 houses in which something did not happen: %+v", first)
	}
	t.Logf("figures: street of %d meter-days, %d tokens sold, %d accepted, %d again, %d wrong, %d cuts (%d torn), %d tampers, trace %s twice",
		first.MeterDays, first.Sold, first.Accepted, first.Again, first.Wrong, first.Cuts, first.Torn, first.Tampers, first.Trace)
}

// TestManyStreetsKeepTheirPromises simulates streets with many more faults than any real street. The checker of this
// package ends a simulation if credit is lost or doubled, records have a gap, a register falls, or a relay is open without
// a reason.
func TestManyStreetsKeepTheirPromises(t *testing.T) {
	tier.OneGoroutine(t)
	var all sim.Result
	rare := sometimes.New("token accepted", "token entered again", "token mistyped", "mains cut", "mains cut in the middle of a write", "cover opened")
	streets := tier.Streets.N()
	for seed := range uint64(streets) {
		o := sim.Default()
		o.Meters, o.Days, o.Seed = 30, 30, 100+seed
		o.CutEvery, o.TamperEvery = 2*24*time.Hour, 5*24*time.Hour
		r := run(t, o)
		reached(rare, r)
		all.MeterDays, all.Sold, all.Accepted, all.Again = all.MeterDays+r.MeterDays, all.Sold+r.Sold, all.Accepted+r.Accepted, all.Again+r.Again
		all.Cuts, all.Torn, all.Records, all.Tampers = all.Cuts+r.Cuts, all.Torn+r.Torn, all.Records+r.Records, all.Tampers+r.Tampers
	}
	t.Logf("figures: %d streets, %d meter-days: %d tokens sold, %d accepted once each, %d entered again, %d cuts (%d in the middle of a write), %d tampers, %d records without a hole",
		streets, all.MeterDays, all.Sold, all.Accepted, all.Again, all.Cuts, all.Torn, all.Tampers, all.Records)
	rare.Report(t, "streets", tier.IsLong())
}
