package profile_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/profile"
)

// TestAPathMayNameAPlaceInAList: devices with several phases or channels send lists. A number in a path is a place in a list, from 0.
func TestAPathMayNameAPlaceInAList(t *testing.T) {
	const doc = `{"emeters":[{"total":1},{"total":22,"relay":[true]},7],"by":{"0":{"total":5}},"n":[[3,4]]}`
	for path, want := range map[string]int64{"emeters.0.total": 1000, "emeters.1.total": 22_000, "emeters.2": 7000, "by.0.total": 5000, "n.0.1": 4000,
		"emeters.3": -1, "emeters.-1.total": -1, "emeters.total": -1, "emeters.0.total.0": -1, "emeters.+1.total": -1, "emeters.99999999999": -1, "n.0": -1} {
		text := "name = \"em\"\ntitle = \"three phases\"\n[[up]]\ntopic = \"{id}/em\"\nmeans = \"data\"\nfields = { energy_wh = \"" + path + "\" }\n" +
			"[energy]\nfrom = \"register\"\nmax_gap = \"60s\"\nmax_w = 1000\n"
		p, err := profile.Parse("em.toml", text)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		m := p.Understand("shed/em", []byte(doc))
		switch {
		case want < 0 && m.Kind == profile.Unreadable && m.EnergyMWh == nil && m.Why != "":
		case want >= 0 && m.Kind == profile.IsData && m.EnergyMWh != nil && *m.EnergyMWh == want:
		default:
			t.Errorf("%s: %+v, want %d", path, m, want)
		}
	}
}
