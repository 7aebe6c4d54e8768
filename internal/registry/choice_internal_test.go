package registry

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

func TestWhatAMoveInNeeds(t *testing.T) {
	out := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	same, other := tariffChoice{next: "domestic", before: "domestic"}, tariffChoice{next: "lifeline", before: "domestic"}
	for name, c := range map[string]struct {
		choice tariffChoice
		after  time.Duration
		want   access.Act
	}{
		"at once":                     {same, 0, access.ActMoveIn},
		"just before the end":         {same, MoveInWait - 1, access.ActMoveIn},
		"a day later":                 {same, MoveInWait, ""},
		"at once on another tariff":   {other, 0, access.ActMeterTariff},
		"a day later, another tariff": {other, MoveInWait, access.ActMeterTariff},
	} {
		if got := moveInNeeds(c.choice, out, out.Add(c.after)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWhoMayChooseATariffAlone(t *testing.T) {
	usual := []string{"commercial", "domestic"}
	for name, c := range map[string]struct {
		tariffChoice
		want bool
	}{
		"a new meter on the only tariff":                      {tariffChoice{next: "domestic", only: true}, true},
		"a new meter on a usual tariff":                       {tariffChoice{next: "domestic", usual: usual}, true},
		"a new meter on another tariff":                       {tariffChoice{next: "lifeline", usual: usual}, false},
		"a new meter, and no tariff is listed":                {tariffChoice{next: "domestic"}, false},
		"a move-in on the same tariff":                        {tariffChoice{next: "lifeline", before: "lifeline"}, true},
		"a move-in on a usual tariff, which may be cheaper":   {tariffChoice{next: "domestic", before: "commercial", usual: usual}, false},
		"a move-in on another tariff":                         {tariffChoice{next: "lifeline", before: "domestic", usual: usual}, false},
		"a tariff that is the only one in force, but differs": {tariffChoice{next: "domestic", before: "old", only: true}, false},
	} {
		if got := c.alone(); got != c.want {
			t.Errorf("%s: alone %t, want %t", name, got, c.want)
		}
	}
}
