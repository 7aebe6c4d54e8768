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

// TestWhatStaysForAnotherDevice: the energy, the readings and the gaps of the meter go on. Nothing that the last device said of itself stays.
func TestWhatStaysForAnotherDevice(t *testing.T) {
	meters := profile.Register{MWh: 1, Rest: 2, Gaps: 3, GapSec: 4, Seq: 5, ReportedAt: at(6), ReportedWh: 7, Boots: 8,
		Counting: profile.Counting{Skip: 9, EntryAt: at(10)}}
	all := meters
	all.At, all.PowerMW, all.Device, all.HasDevice, all.Relay, all.OpenFrom = at(11), 12, 13, true, profile.Open, at(14)
	all.Counting.Anchor, all.Counting.Since, all.Counting.Unsure, all.Counting.UnsureAt = at(15), 16, 17, at(18)
	all.Counting.Held, all.Counting.Base, all.Counting.Trial = profile.Held{Kind: profile.HeldFall}, profile.Base{First: 19}, profile.Trial{Max: 20}
	all.Counting.Seen, all.Counting.SeenAt = 21, at(22)
	if got := all.Anew(); got != meters {
		t.Errorf("another device begins with\n%+v, want\n%+v", got, meters)
	}
}
