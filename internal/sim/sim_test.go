package sim_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sim"
)

func run(t *testing.T, o sim.Options) sim.Result {
	t.Helper()
	r, err := sim.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestASeedHasOneHistory(t *testing.T) {
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
