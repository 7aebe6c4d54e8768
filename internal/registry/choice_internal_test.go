package registry

import "testing"

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
