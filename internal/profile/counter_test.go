// The rule of a device's own register, as tables of values. Values are in Wh, and minutes apart unless a case says otherwise.

package profile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/profile"
)

// started stands for the device's message that it started, in a list of values.
const started = -1

// playValues gives a register the values of a device, so many seconds apart, and returns it with its last step. The first value comes at 0.
func playValues(p *profile.Profile, seconds int, values ...int64) (profile.Register, profile.Step) {
	var r profile.Register
	var s profile.Step
	for i, v := range values {
		m := counted(v * 1000)
		if v == started {
			m = profile.Meaning{Kind: profile.IsStarted}
		}
		r, s = p.Take(r, m, at(seconds*i))
	}
	return r, s
}

func TestADevicesOwnRegister(t *testing.T) {
	for _, c := range []struct {
		name    string
		profile string
		values  []int64
		want    int64 // counted, in Wh
		gaps    int64
		held    profile.HeldKind
	}{
		{"begins anywhere", "tasmota", []int64{9000, 9001}, 1, 0, ""},
		{"shows 0 once", "tasmota", []int64{100, 250, 0, 250}, 150, 0, ""},
		{"shows 0 once, register that begins at 0", "shelly-gen1", []int64{100, 250, 0, 250}, 150, 0, ""},
		{"shows 0 twice", "shelly-gen1", []int64{100, 250, 0, 0, 251}, 151, 0, ""},
		{"shows an old value once", "tasmota", []int64{100, 250, 180, 255}, 155, 0, ""},
		{"stays below", "tasmota", []int64{100, 250, 240, 240, 240, 240}, 150, 0, profile.HeldFall},
		{"rises twice below", "tasmota", []int64{100, 250, 240, 241}, 150, 0, profile.HeldFall},
		{"rises three times below", "tasmota", []int64{100, 250, 250, 240, 241, 243}, 153, 1, ""},
		{"goes on below", "tasmota", []int64{100, 250, 250, 240, 241, 243, 260}, 170, 1, ""},
		{"falls on", "tasmota", []int64{100, 250, 240, 230, 241, 239}, 150, 0, profile.HeldFall},
		{"passes its old value before it has risen three times", "tasmota", []int64{100, 250, 240, 251}, 151, 0, ""},
		{"begins again at 0", "shelly-gen1", []int64{9000, 9001, 9001, 3, 4, 7}, 8, 0, ""},
		{"begins again at 0, but the profile does not", "tasmota", []int64{9000, 9001, 9001, 3, 4, 7}, 5, 1, ""},
		{"begins again with more than it could have used", "shelly-gen1", []int64{9000, 8000, 8001, 8003}, 3, 1, ""},
		{"begins again while the last value was not confirmed", "shelly-gen1", []int64{9000, 9050, 3, 4, 7}, 50, 0, ""},
		{"says that it started after a fall", "tasmota", []int64{100, 250, 250, 240, started, 241}, 151, 1, ""},
		{"says so, and goes on", "tasmota", []int64{100, 250, 250, 240, started, 241, 243}, 153, 1, ""},
		{"says it after a fall, and comes back", "shelly-gen1", []int64{100, 250, 0, started, 250, 251}, 151, 0, ""},
		{"says that it started without a fall", "shelly-gen1", []int64{100, started, 250, started, 250, 260}, 160, 0, ""},
		{"says it, and then falls once", "shelly-gen1", []int64{100, 250, started, 0, 250}, 150, 0, ""},
		{"a wrong value after a start that was sent twice", "tasmota", []int64{1000, 1000, 100, 100, 20, 110, 120}, 20, 1, ""},
		{"a wrong value after a start that has risen", "tasmota", []int64{1000, 1000, 100, 101, 20, 110, 120}, 20, 1, ""},
		{"a wrong value after a start that was sent once", "tasmota", []int64{1000, 1000, 100, 20, 110, 120}, 100, 1, ""},
		{"a start of which one value is much higher", "tasmota", []int64{9000, 9000, 100, 500, 510, 512}, 12, 1, ""},
		{"one value is too high", "tasmota", []int64{100, 300, 110, 111, 113}, 200, 0, ""},
		{"and the use goes on", "tasmota", []int64{100, 300, 110, 111, 113, 290, 310}, 210, 0, ""},
		{"a start that was none", "tasmota", []int64{1000, 1010, 100, 101, 103, 1010, 1015}, 15, 1, ""},
		{"two starts that were none", "tasmota", []int64{9000, 9000, 10, 20, 30, 30, 5, 15, 25, 25, 9000, 9010, 9060}, 60, 2, ""},
		{"jumps once", "tasmota", []int64{100, 5000, 110}, 10, 0, ""},
		{"jumps for good", "tasmota", []int64{100, 5000, 5001, 5002}, 2, 1, ""},
		{"jumps twice", "tasmota", []int64{100, 5000, 5001}, 0, 0, profile.HeldJump},
		{"rises by much", "tasmota", []int64{100, 500}, 0, 0, profile.HeldRise},
		{"rises by much, confirmed", "tasmota", []int64{100, 500, 501}, 401, 0, ""},
		{"rises by much, once", "tasmota", []int64{100, 500, 101}, 1, 0, ""},
	} {
		r, s := playValues(library(t)[c.profile], 60, c.values...)
		if r.Wh() != c.want || r.Gaps != c.gaps || r.Counting.Held.Kind != c.held || (s.Held != "") != (c.held != "") {
			t.Errorf("%s: %d Wh, %d gaps, held %q (%s), want %d, %d, %q", c.name, r.Wh(), r.Gaps, r.Counting.Held.Kind, s.Held, c.want, c.gaps, c.held)
		}
	}
}

// TestAFastRegisterCountsNoMoreThanTheTime: steps that follow quickly share one allowance of a minute at the greatest power.
func TestAFastRegisterCountsNoMoreThanTheTime(t *testing.T) {
	p := library(t)["tasmota"] // 16 kW: 266.666 Wh a minute, 4.444 Wh a second
	var r profile.Register
	for i := range int64(13) {
		r, _ = p.Take(r, counted(i*200_000), at(int(i)))
	}
	if most := int64(266_666 + 12*4_444); r.MWh > most {
		t.Errorf("2.4 kWh in 12 s: %d mWh counted, at most %d are possible", r.MWh, most)
	}
	quiet := profile.Register{Device: 0, HasDevice: true, At: at(0)}
	for seconds, possible := range map[int]int64{0: 266_666, 30: 400_000, 60: 533_333, 3600: 16_266_666} {
		if _, s := p.Take(quiet, counted(possible), at(seconds)); strings.Contains(s.Held, "held") != (possible > 266_666) {
			t.Errorf("%d mWh after %d s: %+v", possible, seconds, s)
		}
		at1, _ := p.Take(quiet, counted(possible), at(seconds))
		at2, _ := p.Take(quiet, counted(possible+1), at(seconds))
		if at1.Counting.Held.Kind == profile.HeldJump || at2.Counting.Held.Kind != profile.HeldJump {
			t.Errorf("after %d s, %d mWh is held as %q and one more as %q", seconds, possible, at1.Counting.Held.Kind, at2.Counting.Held.Kind)
		}
	}
}

// TestTwoDevicesOfOneNameAreNotCharged: two plugs that use nothing answer in turn.
func TestTwoDevicesOfOneNameAreNotCharged(t *testing.T) {
	for _, c := range []struct{ one, other int64 }{{5000, 3000}, {3000, 5000}, {100, 90_000}, {200, 400}} {
		var r profile.Register
		p := library(t)["shelly-gen1"]
		for i := range 200 {
			v := c.one
			if i%2 == 1 {
				v = c.other
			}
			r, _ = p.Take(r, counted(v*1000), at(i))
		}
		if r.Wh() > 266 {
			t.Errorf("%d and %d Wh: %d Wh were counted", c.one, c.other, r.Wh())
		}
	}
}

// TestValuesThatMayBeCopiesConfirmNothing: a second value counts as another one only after five seconds.
func TestValuesThatMayBeCopiesConfirmNothing(t *testing.T) {
	p := library(t)["tasmota"]
	const soon, later = 5*time.Second - time.Millisecond, 5 * time.Second
	for _, c := range []struct {
		name   string
		apart  time.Duration // from one value to the next
		values []int64       // in Wh, after 1000
		want   int64
	}{
		{"a large rise and its copy", soon, []int64{1270, 1270}, 0},
		{"a large rise, confirmed", later, []int64{1270, 1270}, 270},
		{"three rises in a burst", soon, []int64{1005, 1005, 1005, 900, 901, 902}, 5},
		{"three rises", later, []int64{1005, 1005, 1005, 900, 901, 902}, 7},
		{"three rises that are too fast", later, []int64{1005, 1005, 1005, 900, 922, 955}, 5},
		{"a high value and its copy", soon, []int64{1050, 1050, 1001, 1001, 1002, 1002, 1003, 1003, 1004, 1060}, 60},
	} {
		r, _ := p.Take(profile.Register{}, counted(1_000_000), at(0))
		now := at(0)
		for _, v := range c.values {
			now = now.Add(c.apart)
			r, _ = p.Take(r, counted(v*1000), now)
		}
		if r.Wh() != c.want {
			t.Errorf("%s: %d Wh, want %d (%+v)", c.name, r.Wh(), c.want, r.Counting)
		}
	}
}

// TestASilenceIsChargedOnlyWhenConfirmed: after ten hours without a message, a wrong value must not be charged, and what was used must be.
func TestASilenceIsChargedOnlyWhenConfirmed(t *testing.T) {
	p := library(t)["tasmota"]
	begin := profile.Register{Device: 1_000_000, HasDevice: true, At: at(0)}
	const hours = 36_000
	r, s := p.Take(begin, counted(101_000_000), at(hours))
	if r.MWh != 0 || s.Sample || r.Counting.Held.Kind != profile.HeldRise {
		t.Fatalf("100 kWh after ten hours: %+v, step %+v", r, s)
	}
	wrong, s := p.Take(r, counted(1_000_000), at(hours+10))
	if wrong.MWh != 0 || s.Ended != profile.EndedReturned {
		t.Errorf("the register comes back: %d mWh, %+v", wrong.MWh, s)
	}
	right, s := p.Take(r, counted(101_010_000), at(hours+10))
	if right.MWh != 100_010_000 || s.Ended != profile.EndedConfirmed || s.CountedMWh != 100_010_000 || !s.Sample {
		t.Errorf("a second value: %d mWh, step %+v", right.MWh, s)
	}
	over, s := p.Take(begin, counted(162_000_000), at(hours))
	if over.Counting.Held.Kind != profile.HeldJump {
		t.Errorf("161 kWh after ten hours at 16 kW: %+v, %+v", over, s)
	}
	low, s := p.Take(r, counted(0), at(hours+10))
	if low.MWh != 0 || s.Ended != profile.EndedOpen || low.Counting.Held.Kind != profile.HeldFall {
		t.Errorf("a lower value before the second: %+v, step %+v", low, s)
	}
}

// TestAHeldValueDelaysTheReading: in the first minute, a reading with the register of before would date the energy wrong.
func TestAHeldValueDelaysTheReading(t *testing.T) {
	p := library(t)["tasmota"]
	r, _ := p.Take(profile.Register{}, counted(9_000_000), at(0))
	for seconds, want := range map[int]bool{10: false, 69: false, 70: true} {
		g, _ := p.Take(r, counted(0), at(10))
		g, s := p.Take(g, counted(0), at(seconds))
		if s.Sample != want || g.MWh != 0 {
			t.Errorf("held for %d s: sample %t, want %t", seconds-10, s.Sample, want)
		}
	}
}

// TestAPersonDecidesAboutAHeldValue checks the three decisions, while the value is held and when counting has gone on without it.
func TestAPersonDecidesAboutAHeldValue(t *testing.T) {
	p := library(t)["tasmota"]
	entry, other := id.ID{15: 1}, id.ID{15: 2}
	fall, _ := playValues(p, 60, 100, 250, 250, 20)
	jump, _ := playValues(p, 60, 100, 150, 150, 5000)
	fall.Counting.Held.Entry, jump.Counting.Held.Entry = entry, entry
	to := int64(30_000)
	for name, c := range map[string]struct {
		r       profile.Register
		next    int64 // the next value of the device, in Wh
		want    int64 // counted with it, in Wh
		stopped bool  // the next value is held again
	}{
		"accept a jump":               {jump.AcceptHeld(entry, 4_850_000), 5003, 50 + 4850 + 3, false},
		"accept what counting passed": {jump.AcceptHeld(other, 7000), 150, 50 + 7, false},
		"accept nothing below 0":      {jump.AcceptHeld(other, -7000), 150, 50, false},
		"rebase a jump":               {jump.RebaseHeld(entry, nil), 5003, 50 + 3, false},
		"rebase a fall":               {fall.RebaseHeld(entry, nil), 22, 150 + 2, false},
		"rebase to a register":        {fall.RebaseHeld(entry, &to), 35, 150 + 5, false},
		"rebase another entry":        {fall.RebaseHeld(other, nil), 22, 150, true},
		"discard a fall":              {fall.DiscardHeld(entry), 251, 151, false},
		"discard another entry":       {fall.DiscardHeld(other), 22, 150, true},
	} {
		r, _ := p.Take(c.r, counted(c.next*1000), at(300))
		if r.Wh() != c.want || (r.Counting.Held.Kind != "") != c.stopped {
			t.Errorf("%s: %d Wh, held %q, want %d, %t", name, r.Wh(), r.Counting.Held.Kind, c.want, c.stopped)
		}
	}
	for mwh, want := range map[int64]int64{-1: 0, 0: 0, 1: 1} {
		if got := jump.AcceptHeld(other, mwh).MWh - jump.MWh; got != want {
			t.Errorf("a rise of %d mWh is accepted as %d", mwh, got)
		}
	}
	fall.Counting.Skip, fall.Counting.EntryAt = 7, at(200)
	if r, want := fall.RebaseHeld(entry, &to), (profile.Counting{Skip: 7, EntryAt: at(200)}); r.Counting != want || !r.At.Equal(at(180)) || r.MWh != fall.MWh {
		t.Errorf("rebased: %+v", r)
	}
	if r := fall.AcceptHeld(entry, 0); r.MWh != fall.MWh || r.Device != 20_000 {
		t.Errorf("a fall that is accepted counts %d mWh", r.MWh-fall.MWh)
	}
	if r := fall.DiscardHeld(entry); r.Counting.Held != (profile.Held{}) || r.Device != 250_000 {
		t.Errorf("discarded: %+v", r)
	}
}

// TestARiseThatIsLeftToAPersonIsChargedOnce: an old value that comes late leaves a rise to a person. If the register goes on from its last
// value, it counts the rise itself, and the entry ends. If it begins again, the entry waits, and what a person accepts is charged once.
func TestARiseThatIsLeftToAPersonIsChargedOnce(t *testing.T) {
	p := library(t)["tasmota"]
	entry := id.ID{15: 1}
	left := func() (profile.Register, int) { // 100,000 Wh, ten minutes of silence, 101,500, and then 99,990
		r, _ := playValues(p, 60, 99_990, 100_000)
		for i, wh := range []int64{101_500, 99_990} {
			var s profile.Step
			if r, s = p.Take(r, counted(wh*1000), at(660+10*i)); i == 1 && s.Ended != profile.EndedOpen {
				t.Fatalf("the rise ended %q", s.Ended)
			}
		}
		r.Counting.Left = entry
		return r, 670
	}
	accept := func(r profile.Register) profile.Register { return r.AcceptHeld(entry, 1_500_000) }
	for name, c := range map[string]struct {
		first, then []int64 // values before the person accepts, and after
		moot        bool    // the register ends the entry, so nobody can accept it
		want        int64   // counted in all, in Wh
	}{
		"the register goes on":              {first: []int64{101_501, 101_502, 101_503}, moot: true, want: 10 + 1503},
		"it is back at its last value":      {first: []int64{100_000}, moot: true, want: 10},
		"accepted before it goes on":        {then: []int64{101_501, 101_502, 101_503}, want: 10 + 1503},
		"accepted, and it goes on a little": {then: []int64{101_500, 101_501}, want: 10 + 1501},
		"it began again":                    {first: []int64{5, 6, 7, 8}, want: 10 + 1500 + 3},
		"accepted while it begins again":    {first: []int64{5}, then: []int64{6, 7, 8}, want: 10 + 1500 + 3},
		"it only seemed to begin again":     {first: []int64{5, 6, 7, 100_020, 100_021}, moot: true, want: 10 + 21},
		"accepted before that shows":        {first: []int64{5, 6, 7}, then: []int64{101_520, 101_521}, want: 10 + 1500 + 2},
	} {
		r, now := left()
		moot := false
		play := func(values []int64) {
			for _, wh := range values {
				var s profile.Step
				now += 60
				r, s = p.Take(r, counted(wh*1000), at(now))
				moot = moot || s.Moot == entry
			}
		}
		play(c.first)
		if moot != c.moot {
			t.Errorf("%s: the register ends the entry: %t, want %t", name, moot, c.moot)
		}
		if !c.moot {
			r = accept(r)
		}
		play(c.then)
		if r.Wh() != c.want {
			t.Errorf("%s: %d Wh are counted, want %d", name, r.Wh(), c.want)
		}
	}
}

// TestAPersonAcceptsWhatTheEntrySays: a second jump is held under the entry of the first. The person has seen the first one only.
func TestAPersonAcceptsWhatTheEntrySays(t *testing.T) {
	p := library(t)["tasmota"]
	r, _ := playValues(p, 60, 100, 100, 30_100)
	entry := id.ID{15: 1}
	r.Counting.Held.Entry = entry
	r, _ = p.Take(r, counted(4_000_000_000), at(200))
	if r.Counting.Held.Entry != entry || r.Counting.Held.First != 4_000_000_000_000/1000 {
		t.Fatalf("held is %+v", r.Counting.Held)
	}
	if got := r.AcceptHeld(entry, 30_000_000); got.Wh() != 30_000 || got.Device != 30_100_000 {
		t.Errorf("%d Wh are charged, and counting goes on at %d mWh", got.Wh(), got.Device)
	}
}

// TestTheStateOfCountingIsStored reads back what was written, at every step of a stream.
func TestTheStateOfCountingIsStored(t *testing.T) {
	g := newPlug(7, library(t))
	g.live(200, func() bool {
		back, err := profile.ParseCounting(g.reg.Counting.String())
		if err != nil || back != g.reg.Counting {
			t.Fatalf("%+v is read as %+v, %v", g.reg.Counting, back, err)
		}
		return true
	})
	if c, err := profile.ParseCounting(""); err != nil || c != (profile.Counting{}) || c.String() != "" {
		t.Errorf("nothing is read as %+v, %v", c, err)
	}
	if _, err := profile.ParseCounting("{"); err == nil {
		t.Error("a broken state is read")
	}
}

// TestValuesOfOneMoment: two rises of one moment confirm nothing, and share the energy of a minute, however long nothing was used before.
func TestValuesOfOneMoment(t *testing.T) {
	p := library(t)["tasmota"]
	r := profile.Register{Device: 0, HasDevice: true, At: at(0)}
	r, _ = p.Take(r, counted(200_000), at(3600))
	if r.MWh != 200_000 || r.Counting.Unsure != 200_000 || r.Counting.Since != 200_000 || !r.Counting.Anchor.Equal(at(0)) {
		t.Fatalf("200 Wh after an hour: %+v", r)
	}
	if held, _ := p.Take(r, counted(400_000), at(3601)); held.MWh != 200_000 || held.Counting.Held.Kind != profile.HeldRise {
		t.Errorf("200 Wh more a second later: %+v", held)
	}
	more, _ := p.Take(r, counted(210_000), at(3602))
	if more.MWh != 210_000 || more.Counting.Unsure != 210_000 || more.Counting.Since != 210_000 || !more.Counting.Anchor.Equal(at(0)) {
		t.Errorf("10 Wh more two seconds later: %+v", more)
	}
	if later, _ := p.Take(r, counted(410_000), at(3606)); later.MWh != 410_000 || later.Counting.Unsure != 210_000 {
		t.Errorf("210 Wh more six seconds later: %+v", later)
	}
}

// TestANewStartSaysWhyItIsAGap reads the sentence about the energy that nobody knows.
func TestANewStartSaysWhyItIsAGap(t *testing.T) {
	r, s := playValues(library(t)["tasmota"], 60, 100, 250, 250, 240, 241, 243)
	if want := "the device's register went back from 250000 to 240000 mWh"; s.Why != want || s.Gap != time.Minute || r.GapSec != 60 {
		t.Errorf("%q, %s, want %q", s.Why, s.Gap, want)
	}
}

// TestAnOldRegisterIsNotChargedAfterASilence: a device keeps its register, but its profile says that it begins at 0. After ten hours without
// power it counts from its first value. After a minute it may count what a minute gives.
func TestAnOldRegisterIsNotChargedAfterASilence(t *testing.T) {
	p := library(t)["shelly-gen1"]
	for _, c := range []struct {
		silence int
		shown   int64
		want    int64 // Wh
	}{{36_000, 150_000, 3}, {36_000, 267, 3}, {36_000, 266, 266 + 3}, {60, 533, 533 + 3}, {60, 534, 3}, {899, 4262, 4262 + 3}, {901, 4262, 3}} {
		r := profile.Register{Device: 160_000_000, HasDevice: true, At: at(0)}
		for i, more := range []int64{0, 1, 3} {
			r, _ = p.Take(r, counted((c.shown+more)*1000), at(c.silence+60*i))
		}
		if r.Wh() != c.want {
			t.Errorf("%d Wh after %d s of silence: charged %d Wh, want %d", c.shown, c.silence, r.Wh(), c.want)
		}
	}
}

// timed is a value of a device in Wh, and the second at which it arrives.
type timed struct {
	second int
	wh     int64
}

// TestWhatWasHeardLimitsTheEnergyOfASilence: another device sends its own large register after a silence. What the right device has sent since then
// shows that the silence is over, so no more counts than max_w gives after it.
func TestWhatWasHeardLimitsTheEnergyOfASilence(t *testing.T) {
	const hours = 36_000
	for _, c := range []struct {
		name    string
		profile string
		values  []timed
		want    int64 // Wh
	}{
		{"one lower value, and a return", "tasmota",
			[]timed{{0, 900}, {60, 1000}, {hours, 995}, {hours + 60, 1010}, {hours + 140, 90_000}, {hours + 190, 90_100}, {hours + 250, 90_200}}, 310},
		{"two lower values, and a return", "tasmota",
			[]timed{{0, 900}, {60, 1000}, {hours, 990}, {hours + 20, 995}, {hours + 60, 1010}, {hours + 140, 90_000}, {hours + 190, 90_100}, {hours + 250, 90_200}}, 310},
		{"the same value after a wrong one", "tasmota",
			[]timed{{0, 1000}, {60, 1000}, {hours, 0}, {hours + 60, 1000}, {hours + 120, 1000}, {hours + 130, 90_000}, {hours + 190, 90_010}, {hours + 250, 90_020}}, 20},
		{"a wrong high value after two lower ones", "shelly-gen1",
			[]timed{{0, 1000}, {60, 1000}, {120, 400}, {180, 400}, {800, 400}, {840, 9_000_000}, {880, 410}, {900, 411}, {940, 413}}, 13},
		{"a rise that another device contradicts", "tasmota",
			[]timed{{0, 1000}, {60, 1000}, {hours, 1041}, {2 * hours, 101_000}, {2*hours + 28, 200_000}, {2*hours + 51, 200_050}, {2*hours + 90, 200_100}}, 41 + 100},
		{"wrong rising values after a start that was heard for hours", "tasmota",
			[]timed{{0, 9000}, {60, 9000}, {120, 400}, {hours, 400}, {hours + 60, 400}, {hours + 120, 5000}, {hours + 170, 5010}, {hours + 220, 5020}}, 20},
	} {
		p := library(t)[c.profile]
		var r profile.Register
		for _, v := range c.values {
			r, _ = p.Take(r, counted(v.wh*1000), at(v.second))
		}
		if r.Wh() != c.want {
			t.Errorf("%s: %d Wh were counted, want %d", c.name, r.Wh(), c.want)
		}
	}
}

// TestADoubtAboutAStartEnds: a start may turn out to be none for ten values, also if another one follows it. Later, a register that is back
// at its old value takes nothing away that was counted.
func TestADoubtAboutAStartEnds(t *testing.T) {
	p := library(t)["shelly-gen1"]
	values := []int64{900, 1000, 1000, 10, 20, 30, 40, 50, 60, 70, 70, 5, 15, 25, 35, 45, 55, 65, 75}
	r, _ := playValues(p, 60, values...)
	if r.Counting.Trial != (profile.Trial{}) || r.Counting.Skip != 0 {
		t.Errorf("ten values after the first start, the doubt goes on: %+v", r.Counting.Trial)
	}
	if want := int64(100 + 70 + 75); r.Wh() != want {
		t.Errorf("%d Wh were counted, want %d", r.Wh(), want)
	}
}

// TestAFallEndsNothing: the first lower value ends no held value, because none was held. After a held rise it does, and a person decides about the rise.
func TestAFallEndsNothing(t *testing.T) {
	p := library(t)["tasmota"]
	if _, s := playValues(p, 60, 100, 250, 240); s.Ended != "" {
		t.Errorf("a first lower value ended values as %q", s.Ended)
	}
	if _, s := playValues(p, 60, 100, 700, 90); s.Ended != profile.EndedOpen {
		t.Errorf("a lower value after a held rise ended it as %q, want %q", s.Ended, profile.EndedOpen)
	}
}
