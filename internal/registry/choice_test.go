package registry_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
)

func TestWhatAMoveInNeeds(t *testing.T) {
	out := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	same, other := registry.TariffChoice{Next: "domestic", Before: "domestic"}, registry.TariffChoice{Next: "lifeline", Before: "domestic"}
	for name, c := range map[string]struct {
		choice registry.TariffChoice
		after  time.Duration
		want   access.Act
	}{
		"at once":                     {same, 0, access.ActMoveIn},
		"just before the end":         {same, registry.MoveInWait - 1, access.ActMoveIn},
		"a day later":                 {same, registry.MoveInWait, ""},
		"at once on another tariff":   {other, 0, access.ActMeterTariff},
		"a day later, another tariff": {other, registry.MoveInWait, access.ActMeterTariff},
	} {
		if got := c.choice.MoveInNeeds(out, out.Add(c.after)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWhoMayChooseATariffAlone(t *testing.T) {
	usual := []string{"commercial", "domestic"}
	for name, c := range map[string]struct {
		choice registry.TariffChoice
		want   bool
	}{
		"a new meter on the only tariff":                      {registry.TariffChoice{Next: "domestic", Only: true}, true},
		"a new meter on a usual tariff":                       {registry.TariffChoice{Next: "domestic", Usual: usual}, true},
		"a new meter on another tariff":                       {registry.TariffChoice{Next: "lifeline", Usual: usual}, false},
		"a new meter, and no tariff is listed":                {registry.TariffChoice{Next: "domestic"}, false},
		"a move-in on the same tariff":                        {registry.TariffChoice{Next: "lifeline", Before: "lifeline"}, true},
		"a move-in on a usual tariff, which may be cheaper":   {registry.TariffChoice{Next: "domestic", Before: "commercial", Usual: usual}, false},
		"a move-in on another tariff":                         {registry.TariffChoice{Next: "lifeline", Before: "domestic", Usual: usual}, false},
		"a tariff that is the only one in force, but differs": {registry.TariffChoice{Next: "domestic", Before: "old", Only: true}, false},
	} {
		if got := c.choice.Alone(); got != c.want {
			t.Errorf("%s: alone %t, want %t", name, got, c.want)
		}
	}
}
