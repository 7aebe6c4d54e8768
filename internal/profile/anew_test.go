package profile_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/profile"
)

// TestAnotherDeviceBeginsAtItsOwnCounter: when another device is adopted at a meter, its energy goes on from where it was. The counter of the
// new device is only a starting point, and no energy is counted for the time between the two.
func TestAnotherDeviceBeginsAtItsOwnCounter(t *testing.T) {
	for name, c := range map[string]struct {
		p             *profile.Profile
		last, first   profile.Meaning // of the old device, and of the new one
		then          profile.Meaning
		counted, more int64
	}{
		"a lower counter":  {library(t)["tasmota"], counted(530_000), counted(5_000), counted(6_000), 30_000, 1_000},
		"a higher counter": {library(t)["tasmota"], counted(530_000), counted(9_000_000), counted(9_001_000), 30_000, 1_000},
	} {
		r, _ := c.p.Take(profile.Register{}, counted(500_000), at(0))
		r, _ = c.p.Take(r, c.last, at(30))
		if r.MWh != c.counted {
			t.Fatalf("%s: the first device counted %d mWh, want %d", name, r.MWh, c.counted)
		}
		r.Relay = "closed"
		if r = r.Anew(); r.Relay != "" || !r.At.IsZero() || r.MWh != c.counted {
			t.Errorf("%s: after the adoption: %+v", name, r)
		}
		r, _ = c.p.Take(r, c.first, at(60))
		if r.MWh != c.counted {
			t.Errorf("%s: the first value of the new device counted %d mWh", name, r.MWh-c.counted)
		}
		if r, _ = c.p.Take(r, c.then, at(90)); r.MWh != c.counted+c.more {
			t.Errorf("%s: the new device counted %d mWh, want %d", name, r.MWh-c.counted, c.more)
		}
	}
	p := seedA(t)
	r, _ := p.Take(profile.Register{}, power(3_600_000), at(0))
	before := r.MWh
	if r, _ = p.Take(r.Anew(), power(3_600_000), at(30)); r.MWh != before {
		t.Errorf("power between two devices counted %d mWh", r.MWh-before)
	}
}
