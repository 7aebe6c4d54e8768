// The rule of a device's own register, value by value: what each value counts, whether it is held, and how held values end.

package profile_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/profile"
)

// seen is a value of a device in Wh, the second at which it arrives, and what it causes.
type seen struct {
	second  int
	wh      int64
	counted int64 // Wh, with all values before
	held    profile.HeldKind
	ended   profile.HeldEnding
}

// playSeen gives a register values and compares what each causes. It returns the register.
func playSeen(t *testing.T, p *profile.Profile, values []seen) profile.Register {
	t.Helper()
	var r profile.Register
	for _, v := range values {
		if v.wh == started {
			r, _ = p.Take(r, profile.Meaning{Kind: profile.IsStarted}, at(v.second))
			continue
		}
		was := r
		var s profile.Step
		r, s = p.Take(r, counted(v.wh*1000), at(v.second))
		if r.Wh() != v.counted || r.Counting.Held.Kind != v.held || s.Ended != v.ended {
			t.Errorf("%d Wh after %d s: %d Wh counted, held %q, ended %q; want %d, %q, %q", v.wh, v.second, r.Wh(), r.Counting.Held.Kind, s.Ended,
				v.counted, v.held, v.ended)
		}
		if r.MWh != was.MWh+s.CountedMWh {
			t.Errorf("%d Wh after %d s: the register rose by %d mWh, and the step says %d", v.wh, v.second, r.MWh-was.MWh, s.CountedMWh)
		}
		if held := r.Counting.Held; held.Kind == "" && held != (profile.Held{}) {
			t.Errorf("%d Wh after %d s: nothing is held, and %+v is kept", v.wh, v.second, held)
		}
	}
	return r
}

const (
	fall  = profile.HeldFall
	rise  = profile.HeldRise
	jump  = profile.HeldJump
	hours = 36_000 // ten hours, in seconds
)

func TestWhatEachValueCounts(t *testing.T) {
	const returned, began, confirmed, open, moved = profile.EndedReturned, profile.EndedBegan, profile.EndedConfirmed, profile.EndedOpen, profile.EndedMoved
	for name, c := range map[string]struct {
		profile string
		values  []seen
	}{
		// Rises that a second value must confirm.
		"a rise, confirmed by its own value": {"tasmota", []seen{
			{0, 100, 0, "", ""}, {60, 500, 0, rise, ""}, {120, 500, 400, "", confirmed}, {180, 510, 410, "", ""},
		}},
		"a rise that confirms the value before": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {60, 1050, 50, "", ""}, {120, 1500, 50, rise, ""}, {180, 900, 50, fall, open},
			{240, 901, 50, fall, ""}, {300, 903, 53, "", began},
		}},
		"a rise that comes too soon to confirm it": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {60, 1050, 50, "", ""}, {63, 1500, 50, rise, ""}, {123, 900, 50, fall, open},
			{183, 901, 50, fall, ""}, {243, 903, 50, "", began}, {303, 960, 60, "", ""},
		}},
		"a rise that lower values have contradicted": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {60, 1200, 200, "", ""}, {120, 900, 200, fall, ""}, {180, 1267, 200, rise, returned},
			{240, 1268, 268, "", confirmed},
		}},
		"and one that may still count": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {60, 1200, 200, "", ""}, {120, 900, 200, fall, ""}, {180, 1266, 266, "", returned},
		}},
		"a rise that a value contradicts": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {3600, 2000, 0, rise, ""}, {3660, 1100, 100, "", returned},
		}},
		"a rise that a much higher value follows": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {3600, 1000, 0, "", ""}, {3660, 5000, 0, rise, ""}, {3720, 90_000, 0, jump, ""},
			{3780, 12_000, 0, rise, returned},
		}},
		// Jumps that max_w does not allow.
		"a jump that time makes possible": {"tasmota", []seen{
			{0, 100_000, 0, "", ""}, {60, 105_000, 0, jump, ""}, {3660, 105_100, 0, rise, returned},
			{3720, 105_101, 5101, "", confirmed},
		}},
		"a jump that stays": {"tasmota", []seen{
			{0, 100, 0, "", ""}, {60, 5000, 0, jump, ""}, {120, 5001, 0, jump, ""}, {180, 5002, 2, "", moved},
			{240, 5012, 12, "", ""},
		}},
		"a jump whose copies come at once": {"tasmota", []seen{
			{0, 100, 0, "", ""}, {60, 5000, 0, jump, ""}, {64, 5000, 0, jump, ""}, {68, 5000, 0, jump, ""},
			{72, 5000, 0, jump, ""}, {76, 5000, 0, "", moved},
		}},
		"a jump that goes on too fast": {"tasmota", []seen{
			{0, 100, 0, "", ""}, {60, 5000, 0, jump, ""}, {120, 9000, 0, jump, ""}, {180, 9001, 0, jump, ""},
			{240, 9002, 2, "", moved},
		}},
		"a jump that a much higher value follows": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {3600, 1000, 0, "", ""}, {3660, 20_000, 0, jump, ""}, {3720, 90_000, 0, jump, ""},
			{3780, 12_000, 0, rise, returned},
		}},
		"a jump that time makes possible, but not the next value": {"tasmota", []seen{
			{0, 100, 0, "", ""}, {60, 5000, 0, jump, ""}, {1050, 5100, 0, jump, ""},
		}},
		// Falls. Three values that rise show a new start.
		"a fall that a lower value follows": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 400, 0, fall, ""}, {180, 401, 0, fall, ""}, {240, 5, 0, fall, ""},
			{300, 6, 0, fall, ""}, {360, 8, 3, "", began},
		}},
		"a value between two that rose": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 400, 0, fall, ""}, {180, 410, 0, fall, ""},
			{240, 405, 0, fall, ""}, {300, 406, 0, fall, ""}, {360, 408, 8, "", began},
		}},
		"the first of two that rose": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 400, 0, fall, ""}, {180, 410, 0, fall, ""},
			{240, 400, 0, fall, ""}, {300, 406, 0, fall, ""}, {360, 408, 8, "", began},
		}},
		"after a value between, a rise that needs more than the time since the last but one": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 100, 0, fall, ""}, {180, 110, 0, fall, ""},
			{240, 105, 0, fall, ""}, {300, 106, 0, fall, ""}, {360, 1106, 0, fall, ""},
		}},
		"and one that does not": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 100, 0, fall, ""}, {180, 110, 0, fall, ""},
			{240, 105, 0, fall, ""}, {300, 106, 0, fall, ""}, {360, 900, 6, jump, began},
		}},
		"two large steps": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 100, 0, fall, ""}, {240, 500, 0, fall, ""},
			{360, 900, 0, rise, began}, {420, 901, 401, "", confirmed},
		}},
		"a large step after a value that came twice": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 100, 0, fall, ""}, {180, 100, 0, fall, ""},
			{240, 500, 0, fall, ""}, {300, 510, 410, "", began},
		}},
		"a large step after a value and its copy": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 100, 0, fall, ""}, {124, 100, 0, fall, ""},
			{240, 500, 0, fall, ""}, {300, 510, 10, "", began},
		}},
		"a start that the device reports": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 400, 0, fall, ""}, {130, started, 0, "", ""},
			{180, 400, 0, fall, ""}, {240, 401, 1, "", began},
		}},
		"a start that begins with a large step": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 400, 0, fall, ""}, {180, 401, 0, fall, ""},
			{240, 900, 1, rise, began},
		}},
		"a wrong value that cannot lead to the next one": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {hours, 0, 0, fall, ""}, {hours + 60, 6000, 0, rise, returned},
		}},
		// What a fall leaves behind when a value contradicts it.
		"a confirmed fall that goes on": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {60, 1000, 0, "", ""}, {120, 900, 0, fall, ""}, {180, 901, 0, fall, ""},
			{240, 1500, 0, rise, returned}, {300, 905, 0, fall, open}, {360, 906, 0, fall, ""}, {420, 908, 8, "", began},
		}},
		"a fall of one value that goes on": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {60, 1000, 0, "", ""}, {120, 900, 0, fall, ""}, {180, 1500, 0, rise, returned},
			{240, 901, 0, fall, open}, {300, 902, 0, fall, ""}, {360, 904, 3, "", began},
		}},
		"a confirmed fall that another start contradicts": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 10, 0, fall, ""}, {180, 11, 0, fall, ""},
			{240, 2000, 0, fall, ""}, {300, 2001, 0, fall, ""}, {360, 2530, 1, rise, began}, {420, 15, 1, fall, open},
			{480, 16, 1, fall, ""}, {540, 18, 4, "", began},
		}},
		"a confirmed fall that comes again": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {60, 1000, 0, "", ""}, {120, 900, 0, fall, ""}, {180, 901, 0, fall, ""},
			{240, 1500, 0, rise, returned}, {300, 900, 0, fall, open}, {360, 900, 0, fall, ""}, {420, 901, 1, "", began},
		}},
		"a confirmed fall that goes on, and a value between": {"tasmota", []seen{
			{0, 1000, 0, "", ""}, {60, 1000, 0, "", ""}, {120, 900, 0, fall, ""}, {180, 901, 0, fall, ""},
			{240, 1500, 0, rise, returned}, {300, 905, 0, fall, open}, {360, 950, 0, fall, ""}, {420, 949, 0, fall, ""},
			{480, 951, 0, fall, ""}, {540, 952, 52, "", began},
		}},
		"a confirmed fall that can have risen to a value": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 900, 0, fall, ""}, {180, 901, 0, fall, ""},
			{240, 9300, 0, rise, returned}, {300, 1000, 0, fall, open}, {360, 1711, 0, fall, ""}, {420, 1713, 813, "", began},
		}},
		"a confirmed fall that cannot": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 900, 0, fall, ""}, {180, 901, 0, fall, ""},
			{240, 9300, 0, rise, returned}, {300, 1000, 0, fall, open}, {360, 1712, 0, fall, ""}, {420, 1978, 0, fall, ""},
			{480, 1980, 268, "", began},
		}},
		// A register that begins at 0: what it shows first counts, as far as the time since the last value that is sure to be older allows.
		"a lower first value in a silence": {"shelly-gen1", []seen{
			{0, 90_000, 0, "", ""}, {hours, 2000, 0, fall, ""}, {hours + 60, 1500, 0, fall, ""},
			{hours + 120, 1501, 0, fall, ""}, {hours + 180, 1503, 3, "", began},
		}},
		"a silence after the first value": {"shelly-gen1", []seen{
			{0, 90_000, 0, "", ""}, {60, 90_000, 0, "", ""}, {120, 5, 0, fall, ""}, {hours, 500, 0, fall, ""},
			{hours + 60, 501, 1, "", began},
		}},
		"a silence after a value that came twice": {"shelly-gen1", []seen{
			{0, 90_000, 0, "", ""}, {60, 90_000, 0, "", ""}, {120, 5, 0, fall, ""}, {180, 5, 0, fall, ""},
			{hours, 500, 0, fall, ""}, {hours + 60, 501, 501, "", began},
		}},
		"another start in a silence": {"shelly-gen1", []seen{
			{0, 90_000, 0, "", ""}, {60, 90_000, 0, "", ""}, {120, 2000, 0, fall, ""}, {180, 2000, 0, fall, ""},
			{hours, 1500, 0, fall, ""}, {hours + 60, 1501, 0, fall, ""}, {hours + 120, 1503, 3, "", began},
		}},
		"another start that could count": {"shelly-gen1", []seen{
			{0, 90_000, 0, "", ""}, {60, 90_000, 0, "", ""}, {120, 2000, 0, fall, ""}, {180, 2000, 0, fall, ""},
			{240, 533, 0, fall, ""}, {300, 534, 0, fall, ""}, {360, 536, 536, "", began},
		}},
		"another start that could not": {"shelly-gen1", []seen{
			{0, 90_000, 0, "", ""}, {60, 90_000, 0, "", ""}, {120, 2000, 0, fall, ""}, {180, 2000, 0, fall, ""},
			{240, 534, 0, fall, ""}, {300, 535, 0, fall, ""}, {360, 537, 3, "", began},
		}},
		// A start that was none: the register is back at its old value, and cannot have come there from the new start.
		"a start that was none, and as much as may be used since": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 10, 0, fall, ""}, {180, 20, 0, fall, ""},
			{240, 30, 20, "", began}, {300, 30, 20, "", ""}, {360, 9800, 20, jump, ""}, {420, 9800, 800, "", confirmed},
		}},
		"and more than that": {"tasmota", []seen{
			{0, 9000, 0, "", ""}, {60, 9000, 0, "", ""}, {120, 10, 0, fall, ""}, {180, 20, 0, fall, ""},
			{240, 30, 20, "", began}, {300, 30, 20, "", ""}, {360, 9801, 20, jump, ""}, {420, 9801, 20, jump, ""},
		}},
	} {
		t.Run(name, func(t *testing.T) { playSeen(t, library(t)[c.profile], c.values) })
	}
}

// TestWrongEnergyUsesNoAllowance: 200 Wh came in a burst and turned out to be wrong. What follows may count as if they had not come.
func TestWrongEnergyUsesNoAllowance(t *testing.T) {
	playSeen(t, library(t)["tasmota"], []seen{{0, 1000, 0, "", ""}, {5, 1020, 20, "", ""}, {6, 1220, 220, "", ""}, {7, 500, 220, fall, ""}, {8, started, 0, "", ""},
		{12, 501, 220, "", profile.EndedBegan}, {17, 650, 220, "", ""}, {77, 730, 230, "", ""}})
}

// TestStepsShareOneAllowance: at 16 kW, 10 s give 44.4 Wh, and the allowance of a minute is 266.6 Wh. What a step took of it is gone for the next one.
func TestStepsShareOneAllowance(t *testing.T) {
	p := library(t)["tasmota"]
	for next, held := range map[int64]profile.HeldKind{155: "", 156: profile.HeldJump} {
		r, _ := playValues(p, 10, 1000, 1200)
		if r, _ = p.Take(r, counted((1200+next)*1000), at(20)); r.Counting.Held.Kind != held {
			t.Errorf("200 Wh in 10 s, then %d Wh in 10 s: held %q, want %q", next, r.Counting.Held.Kind, held)
		}
	}
}

// TestAYearIsTheLongestTime: energy of more than a year is not added up, so that it stays below the limit of 64 bits.
func TestAYearIsTheLongestTime(t *testing.T) {
	p := library(t)["tasmota"]
	const possible = 16_000 * 366 * 24 * 1000 // mWh
	quiet := profile.Register{HasDevice: true, At: at(0)}
	for mwh, held := range map[int64]profile.HeldKind{possible: profile.HeldRise, possible + 1: profile.HeldJump} {
		if r, _ := p.Take(quiet, counted(mwh), at(0).AddDate(10, 0, 0)); r.Counting.Held.Kind != held {
			t.Errorf("%d mWh after ten years: held %q, want %q", mwh, r.Counting.Held.Kind, held)
		}
	}
}

// TestWhenEnergyWasCounted reads the times that the rule keeps: of the last value, and of the value before it, after which Since was counted.
func TestWhenEnergyWasCounted(t *testing.T) {
	p := library(t)["tasmota"]
	for name, c := range map[string]struct {
		values     []timed
		anchor, at int
		since      int64 // Wh
	}{
		"a value":                           {[]timed{{0, 1000}, {60, 1010}}, 0, 60, 10},
		"the next one":                      {[]timed{{0, 1000}, {60, 1010}, {120, 1030}}, 60, 120, 20},
		"the same value":                    {[]timed{{0, 1000}, {60, 1010}, {120, 1010}}, 60, 120, 0},
		"its copy":                          {[]timed{{0, 1000}, {60, 1010}, {64, 1010}}, 0, 60, 10},
		"the same value after five seconds": {[]timed{{0, 1000}, {60, 1010}, {65, 1010}}, 60, 65, 0},
		"a step after five seconds":         {[]timed{{0, 1000}, {60, 1010}, {65, 1020}}, 60, 65, 10},
		"a step before that":                {[]timed{{0, 1000}, {60, 1010}, {64, 1020}}, 0, 64, 20},
		"two steps before that":             {[]timed{{0, 1000}, {60, 1010}, {64, 1020}, {68, 1030}}, 0, 68, 30},
		"a step by an older clock":          {[]timed{{0, 1000}, {60, 1010}, {50, 1020}}, 0, 50, 20},
	} {
		var r profile.Register
		for _, v := range c.values {
			r, _ = p.Take(r, counted(v.wh*1000), at(v.second))
		}
		if !r.Counting.Anchor.Equal(at(c.anchor)) || !r.At.Equal(at(c.at)) || r.Counting.Since != c.since*1000 {
			t.Errorf("%s: anchor %s, at %s, since %d; want %s, %s, %d", name, r.Counting.Anchor, r.At, r.Counting.Since, at(c.anchor), at(c.at), c.since*1000)
		}
	}
}

// TestAValueAndItsCopyAreOne: a copy within five seconds changes nothing that is known. A later one confirms the value, which is then sure.
func TestAValueAndItsCopyAreOne(t *testing.T) {
	p := library(t)["tasmota"]
	r, _ := playValues(p, 60, 1000, 1050)
	if copied, _ := p.Take(r, counted(1_050_000), at(64)); copied != r {
		t.Errorf("a copy after 4 s changed\n%+v to\n%+v", r.Counting, copied.Counting)
	}
	later, _ := p.Take(r, counted(1_050_000), at(65))
	if later.Counting.Unsure != 0 || !later.Counting.UnsureAt.Equal(at(60)) {
		t.Errorf("the same value after 5 s leaves %d mWh unsure since %s", later.Counting.Unsure, later.Counting.UnsureAt)
	}
}

// TestAHeldRiseThatCameLate: values of a burst may come in another order than they were sent. A held value is as old as the first message that had it.
func TestAHeldRiseThatCameLate(t *testing.T) {
	p := library(t)["tasmota"]
	for name, c := range map[string]struct {
		values []timed
		first  int64
		at     int
	}{
		"a rise":                         {[]timed{{0, 1000}, {3600, 2000}}, 2000, 3600},
		"an older rise after it":         {[]timed{{0, 1000}, {3600, 2000}, {3660, 1500}}, 1500, 3600},
		"the first rise once more":       {[]timed{{0, 1000}, {3600, 2000}, {3660, 1100}, {3720, 2000}}, 2000, 3600},
		"another rise":                   {[]timed{{0, 1000}, {3600, 2000}, {3660, 1100}, {3720, 2001}}, 2001, 3720},
		"once more, but seen before all": {[]timed{{0, 1000}, {3600, 2000}, {3660, 1100}, {3720, 1110}, {3780, 1120}, {7200, 2000}}, 2000, 7200},
	} {
		var r profile.Register
		for _, v := range c.values {
			r, _ = p.Take(r, counted(v.wh*1000), at(v.second))
		}
		if held := r.Counting.Held; held.Kind != profile.HeldRise || held.First != c.first*1000 || !held.FirstAt.Equal(at(c.at)) {
			t.Errorf("%s: %q of %d mWh at %s is held, want %d Wh at %s", name, held.Kind, held.First, held.FirstAt, c.first, at(c.at))
		}
	}
}

// TestAJumpSaysWhyItIsAGap reads the sentence about the energy that is not counted, because max_w does not allow it.
func TestAJumpSaysWhyItIsAGap(t *testing.T) {
	r, s := playValues(library(t)["tasmota"], 60, 100, 5000, 5001, 5002)
	if want := "the device's register moved by 4900000 mWh, at most 533333 are possible"; s.Why != want || s.Gap != time.Minute || r.GapSec != 60 {
		t.Errorf("%q, gap %s of %d s, want %q", s.Why, s.Gap, r.GapSec, want)
	}
	at1, s := playValues(library(t)["tasmota"], 0, 100, 5000)
	if at1, s = library(t)["tasmota"].Take(at1, counted(5_000_000), at(5)); s.Gap != 0 {
		t.Errorf("before the third value: %+v", s)
	}
	if _, s = library(t)["tasmota"].Take(at1, counted(5_000_000), at(10)); s.Gap != time.Second {
		t.Errorf("a jump within a moment is a gap of %s, want a second, so that it is seen", s.Gap)
	}
}

// TestADoubtAboutAStartLastsForTenValues counts the values after a new start, until it is beyond doubt.
func TestADoubtAboutAStartLastsForTenValues(t *testing.T) {
	p := library(t)["shelly-gen1"]
	values := []int64{1000, 1000, 10, 20, 30} // the start, of which the second and the third value are accepted
	for n := 2; n <= 10; n++ {
		r, _ := playValues(p, 60, values...)
		trial := r.Counting.Trial
		if n < 10 && (trial.Values != n || trial.Max != 1_000_000 || trial.From != 10_000) || n == 10 && trial != (profile.Trial{}) {
			t.Errorf("after %d values the doubt is %+v", n, trial)
		}
		values = append(values, values[len(values)-1]+10)
	}
}

// TestOneWrongValueIsNoStart: only the last value was too high, so the register goes on where it was before, and no start is in doubt.
func TestOneWrongValueIsNoStart(t *testing.T) {
	r, _ := playValues(library(t)["tasmota"], 60, 100, 300, 110, 111, 113)
	if r.Counting.Trial != (profile.Trial{}) || r.Counting.Skip != 187_000 || r.Device != 113_000 {
		t.Errorf("after one wrong value: %+v", r)
	}
	r, _ = playValues(library(t)["tasmota"], 120, 9000, 9000, 100, 500, 501)
	if trial := r.Counting.Trial; trial.Values != 1 || trial.From != 500_000 || trial.Max != 9_000_000 {
		t.Errorf("after a start whose first value was left out: %+v", trial)
	}
}

// TestLimitsOfAFall compares values at a limit and one mWh beyond it. A register that shows hundredths of a kWh may seem to rise by 10 Wh more
// than it did.
func TestLimitsOfAFall(t *testing.T) {
	tasmota, shelly := library(t)["tasmota"], library(t)["shelly-gen1"]
	for name, c := range map[string]struct {
		p      *profile.Profile
		values []timed // in mWh
		first  int64   // value from which counting would begin, in mWh; 0 if it has begun
		rises  int
		mwh    int64 // counted
	}{
		"what a minute gives":                {tasmota, []timed{{120, 100_000}, {240, 366_666}}, 100_000, 2, 0},
		"more, so the first may be wrong":    {tasmota, []timed{{120, 100_000}, {240, 366_667}}, 366_667, 2, 0},
		"what the time gives, and a figure":  {tasmota, []timed{{120, 100_000}, {180, 376_666}}, 376_666, 2, 0},
		"more, so the first was wrong":       {tasmota, []timed{{120, 100_000}, {180, 376_667}}, 376_667, 1, 0},
		"a start of a minute in a silence":   {shelly, []timed{{hours, 266_666}, {hours + 60, 266_667}, {hours + 120, 266_668}}, 0, 0, 266_668},
		"a start of more than that":          {shelly, []timed{{hours, 266_667}, {hours + 60, 266_668}, {hours + 120, 266_669}}, 0, 0, 2},
		"a silence as long as max_gap":       {shelly, []timed{{60 + 900, 300_000}, {1000, 300_001}, {1020, 300_002}}, 0, 0, 300_002},
		"a silence that is a second longer":  {shelly, []timed{{60 + 901, 300_000}, {1000, 300_001}, {1020, 300_002}}, 0, 0, 2},
		"a value that comes again after 5 s": {tasmota, []timed{{120, 100_000}, {125, 100_000}, {240, 366_667}}, 100_000, 2, 0},
		"a value that comes again before":    {tasmota, []timed{{120, 100_000}, {124, 100_000}, {240, 366_667}}, 366_667, 2, 0},
		"a rise after 5 s":                   {tasmota, []timed{{120, 100_000}, {125, 100_001}}, 100_000, 2, 0},
		"a rise before":                      {tasmota, []timed{{120, 100_000}, {124, 100_001}}, 100_000, 1, 0},
	} {
		r, _ := playValues(c.p, 60, 90_000, 90_000)
		for _, v := range c.values {
			r, _ = c.p.Take(r, counted(v.wh), at(v.second))
		}
		if held := r.Counting.Held; held.First != c.first || held.Values != c.rises || r.MWh != c.mwh {
			t.Errorf("%s: %d mWh counted, %d rises from %d mWh; want %d, %d, %d", name, r.MWh, held.Values, held.First, c.mwh, c.rises, c.first)
		}
	}
}

// TestNoiseOfAnOpenRelayAtItsLimits: with the relay open, 5 W and a step of 1 Wh are noise. After ten minutes the register is followed without
// counting, so that noise never adds up.
func TestNoiseOfAnOpenRelayAtItsLimits(t *testing.T) {
	p := library(t)["tasmota"]
	const year = 366 * 24 * 3600
	for _, c := range []struct {
		second  int
		step    int64 // mWh
		counted int64
		follows bool // the register goes on from the value
	}{
		{0, 1000, 0, false}, {0, 1001, 1001, true}, {599, 1831, 0, false}, {599, 1832, 1832, true}, {600, 1833, 0, true}, {600, 1834, 1834, true},
		{3600, 6000, 0, true}, {3600, 6001, 6001, true}, {year + hours, 43_921_000, 0, true}, {year + hours, 43_921_001, 0, false},
	} {
		begin := profile.Register{Device: 1_000_000, HasDevice: true, At: at(0), Relay: profile.Open, OpenFrom: at(0), Counting: profile.Counting{Anchor: at(-60), Since: 9}}
		r, _ := p.Take(begin, counted(1_000_000+c.step), at(c.second))
		if r.MWh != c.counted || (r.Device != begin.Device) != c.follows {
			t.Errorf("%d mWh in %d s: counted %d, the register is at %d; want %d, followed %t", c.step, c.second, r.MWh, r.Device, c.counted, c.follows)
		}
		if noise := r.MWh == 0 && c.follows; noise && (!r.At.Equal(at(c.second)) || !r.Counting.Anchor.Equal(at(c.second)) || r.Counting.Since != 0) {
			t.Errorf("noise in %d s leaves %+v", c.second, r)
		}
	}
	r, _ := playValues(p, 3600, 1000, 2000)
	r.Relay, r.OpenFrom = profile.Open, at(0)
	if r, s := p.Take(r, counted(2_000_000), at(3660)); s.Ended != profile.EndedConfirmed || r.Counting.Unsure != 0 {
		t.Errorf("a rise that is confirmed while the relay is open leaves %d mWh unsure", r.Counting.Unsure)
	}
}
