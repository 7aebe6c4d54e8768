package tier_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

func TestACountIsThatOfItsTier(t *testing.T) {
	c := tier.Count{Short: 1, Check: 2, Long: 3}
	for _, w := range []struct {
		variable, times string
		want, short     int
	}{
		{"", "", 2, 1},
		{"long", "", 3, 1},
		{"long", "5", 15, 5},
		{"", "0", 2, 1},
		{"", "many", 2, 1},
		{"longer", "", 2, 1},
	} {
		t.Setenv(tier.Variable, w.variable)
		t.Setenv(tier.Times, w.times)
		want := w.want
		if testing.Short() {
			want = w.short
		}
		if got := c.N(); got != want {
			t.Errorf("%s=%q %s=%q: %d, want %d", tier.Variable, w.variable, tier.Times, w.times, got, want)
		}
	}
}

func TestALongTestIsSkippedBelowItsTier(t *testing.T) {
	for variable, want := range map[string]bool{"": true, "long": testing.Short()} {
		t.Setenv(tier.Variable, variable)
		var skipped bool
		t.Run(variable, func(t *testing.T) {
			defer func() { skipped = t.Skipped() }()
			tier.Long(t)
		})
		if skipped != want {
			t.Errorf("%s=%q: skipped %v, want %v", tier.Variable, variable, skipped, want)
		}
	}
}

func TestASeedIsTheSameForEverybodyBelowLong(t *testing.T) {
	if a, b := tier.Seed(t), tier.Seed(t); !tier.IsLong() && (a != 1 || b != 1) {
		t.Errorf("seeds %d and %d, want 1", a, b)
	}
	t.Setenv(tier.Variable, "long")
	if a, b := tier.Seed(t), tier.Seed(t); (a == b) != testing.Short() {
		t.Errorf("in long, two tests draw from the seeds %d and %d", a, b)
	}
	t.Setenv(tier.SeedText, "12")
	if got := tier.Seed(t); got != 12 {
		t.Errorf("the seed is %d, want the 12 that was asked for", got)
	}
}
