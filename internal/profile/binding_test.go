package profile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/profile"
)

// heardMessage is a message of a device, some seconds after the start of the test's day.
type heardMessage struct {
	at   int
	name string
	read bool
	want profile.Acceptance
}

// TestAListenerBelongsToOneDevice plays messages of devices to a listener. It compares what becomes of each message, and what is known at the end.
func TestAListenerBelongsToOneDevice(t *testing.T) {
	const hour = 3600
	for name, c := range map[string]struct {
		heard []heardMessage
		want  profile.Binding
	}{
		"a first message binds nothing": {
			[]heardMessage{{0, "plug", true, profile.Accepted}},
			profile.Binding{Name: "plug", Since: at(0), ReadAt: at(0)}},
		"a second short of the hour binds nothing": {
			[]heardMessage{{0, "plug", true, profile.Accepted}, {hour - 1, "plug", true, profile.Accepted}},
			profile.Binding{Name: "plug", Since: at(0), ReadAt: at(0)}},
		"one name for an hour binds": {
			[]heardMessage{{0, "plug", true, profile.Accepted}, {hour, "plug", true, profile.Accepted}},
			profile.Binding{Name: "plug", Since: at(0), ReadAt: at(0), BoundAt: at(hour)}},
		"a device that cannot be read binds nothing": {
			[]heardMessage{{0, "plug", false, profile.Accepted}, {hour, "plug", false, profile.Accepted}},
			profile.Binding{Name: "plug", Since: at(0)}},
		"its first value binds it": {
			[]heardMessage{{0, "plug", false, profile.Accepted}, {2 * hour, "plug", true, profile.Accepted}},
			profile.Binding{Name: "plug", Since: at(0), ReadAt: at(2 * hour), BoundAt: at(2 * hour)}},
		"another name before that is contested": {
			[]heardMessage{{0, "plug", true, profile.Accepted}, {1, "bath", true, profile.Contested}, {2, "plug", true, profile.Contested},
				{2 * hour, "plug", true, profile.Contested}},
			profile.Binding{Name: "plug", Since: at(0), ReadAt: at(0), Rival: "bath"}},
		"another name after that is foreign": {
			[]heardMessage{{0, "plug", true, profile.Accepted}, {hour, "plug", true, profile.Accepted}, {hour + 1, "bath", true, profile.Foreign},
				{hour + 2, "plug", true, profile.Accepted}},
			profile.Binding{Name: "plug", Since: at(0), ReadAt: at(0), BoundAt: at(hour)}},
		"names are compared exactly": {
			[]heardMessage{{0, "plug", true, profile.Accepted}, {hour, "plug", true, profile.Accepted}, {hour + 1, "Plug", true, profile.Foreign}},
			profile.Binding{Name: "plug", Since: at(0), ReadAt: at(0), BoundAt: at(hour)}},
		"messages without a name are the meter's, and bind nothing": {
			[]heardMessage{{0, "", false, profile.Accepted}, {hour, "", true, profile.Accepted}},
			profile.Binding{ReadAt: at(hour)}},
		"a name that no device may have": {
			[]heardMessage{{0, strings.Repeat("x", 101), true, profile.Foreign}, {1, "a\nb", true, profile.Foreign}},
			profile.Binding{}},
		"the clock went back": {
			[]heardMessage{{hour, "plug", true, profile.Accepted}, {0, "plug", true, profile.Accepted}, {hour, "plug", true, profile.Accepted}},
			profile.Binding{Name: "plug", Since: at(0), ReadAt: at(hour), BoundAt: at(hour)}},
	} {
		t.Run(name, func(t *testing.T) {
			var b profile.Binding
			for _, h := range c.heard {
				var got profile.Acceptance
				if b, got = b.Hear(h.name, h.read, at(h.at)); got != h.want {
					t.Errorf("%q after %d s is %d, want %d", h.name, h.at, got, h.want)
				}
			}
			if b != c.want || b.Bound() != !c.want.BoundAt.IsZero() || b.Contested() != (c.want.Rival != "") {
				t.Errorf("known at the end\n%+v, want\n%+v", b, c.want)
			}
		})
	}
}

// TestAMeterThatCountedBefore: until the listener is bound, the last value may be another device's, so the steps of the register wait.
func TestAMeterThatCountedBefore(t *testing.T) {
	b := profile.Binding{ReadAt: at(0), Deferred: true}
	b, _ = b.Hear("plug", true, at(10))
	if !b.Deferred || b.Bound() {
		t.Errorf("after the first message: %+v", b)
	}
	if b, _ = b.Hear("plug", true, at(3610)); b.Deferred || !b.Bound() || !b.ReadAt.Equal(at(0)) {
		t.Errorf("after an hour: %+v", b)
	}
}

func TestAPersonChoosesADevice(t *testing.T) {
	bound := profile.Binding{Name: "plug", Since: at(0), ReadAt: at(1), BoundAt: at(3600), UnreadFor: time.Hour, Warned: 1}
	contested := profile.Binding{Name: "plug", Since: at(0), ReadAt: at(1), Rival: "bath", Deferred: true}
	for name, c := range map[string]struct {
		was  profile.Binding
		name string
		want profile.Binding
	}{
		"another device":           {bound, "bath", profile.Binding{Name: "bath", Since: at(9000), BoundAt: at(9000)}},
		"the same device":          {bound, "plug", profile.Binding{Name: "plug", Since: at(0), ReadAt: at(1), BoundAt: at(9000)}},
		"the first of two devices": {contested, "plug", profile.Binding{Name: "plug", Since: at(9000), BoundAt: at(9000)}},
		"the second":               {contested, "bath", profile.Binding{Name: "bath", Since: at(9000), BoundAt: at(9000)}},
		"before any was heard":     {profile.Binding{}, "bath", profile.Binding{Name: "bath", Since: at(9000), BoundAt: at(9000)}},
	} {
		if got := c.was.Choose(c.name, at(9000)); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestNamesThatADeviceMayHave(t *testing.T) {
	for name, want := range map[string]bool{"plug": true, "Küche 1": true, strings.Repeat("x", 100): true, strings.Repeat("x", 101): false, "": false,
		"a/b": false, "a+": false, "#": false, "a\x00": false, "a\x1fb": false, "a\x7f": false, "\xff": false, " ": true} {
		if got := profile.BoundNameFits(name); got != want {
			t.Errorf("%q may be a name: %t", name, got)
		}
	}
}

// unreadPlay notes every minute that a device talks, and returns the minutes at which something is done.
func unreadPlay(b profile.Binding, minutes int, limit time.Duration, supplies func(minute int) bool) (profile.Binding, []int) {
	var acts []int
	for m := range minutes + 1 {
		var act profile.UnreadAct
		if b, act = b.Unread(at(60*m), supplies(m), limit); act != profile.UnreadNothing {
			acts = append(acts, m)
			if want := profile.UnreadWarn; len(acts) == 3 && act != profile.UnreadCut || len(acts) < 3 && act != want {
				acts = append(acts, -int(act))
			}
		}
	}
	return b, acts
}

func TestADeviceThatWasNeverReadableIsCutOff(t *testing.T) {
	on := func(int) bool { return true }
	for name, c := range map[string]struct {
		was      profile.Binding
		limit    time.Duration
		supplies func(int) bool
		want     []int // minutes of the two warnings and of the cut-off
	}{
		"two warnings, then the cut-off":        {profile.Binding{}, 24 * time.Hour, on, []int{720, 1320, 1440}},
		"a short limit":                         {profile.Binding{}, time.Hour, on, []int{30, 55, 60}},
		"no limit":                              {profile.Binding{}, 0, on, nil},
		"a device that was readable once":       {profile.Binding{ReadAt: at(0)}, time.Hour, on, nil},
		"a supply that is off":                  {profile.Binding{}, time.Hour, func(int) bool { return false }, nil},
		"two devices, and nobody chose":         {profile.Binding{Rival: "bath"}, time.Hour, on, nil},
		"time without supply does not count":    {profile.Binding{}, time.Hour, func(m int) bool { return m < 20 || m > 520 }, []int{532, 557, 562}},
		"a pause of three minutes still counts": {profile.Binding{}, time.Hour, func(m int) bool { return m%3 == 0 }, []int{30, 57, 60}},
		"a pause of four does not":              {profile.Binding{}, time.Hour, func(m int) bool { return m%4 == 0 }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := unreadPlay(c.was, 1500, c.limit, func(m int) bool { return c.supplies(m) && (len(c.want) == 0 || m <= c.want[2]) })
			if len(got) != len(c.want) {
				t.Fatalf("acts at minutes %v, want %v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Fatalf("acts at minutes %v, want %v", got, c.want)
				}
			}
		})
	}
}

// TestTheTimeBeginsAgainWhenSomebodyConnects: after the cut-off a person may connect the supply. Then both warnings come again.
func TestTheTimeBeginsAgainWhenSomebodyConnects(t *testing.T) {
	on := func(int) bool { return true }
	b, first := unreadPlay(profile.Binding{}, 60, time.Hour, on)
	if len(first) != 3 || !b.CutAt.Equal(at(3600)) || b.Warned != 2 {
		t.Fatalf("acts %v, %+v", first, b)
	}
	off, act := b.Unread(at(4000), false, time.Hour)
	if off != b || act != profile.UnreadNothing {
		t.Errorf("while it is off: %+v", off)
	}
	again, act := b.Unread(at(9000), true, time.Hour)
	if want := (profile.Binding{UnreadAt: at(9000)}); again != want || act != profile.UnreadNothing {
		t.Errorf("connected again: %+v, want %+v", again, want)
	}
	if back, _ := again.Unread(at(8990), true, time.Hour); back.UnreadFor != 0 {
		t.Errorf("a clock that goes back counted %s", back.UnreadFor)
	}
}

func TestWhatAProfileReads(t *testing.T) {
	l, mw, mwh := library(t), int64(5), int64(7)
	for name, c := range map[string]struct {
		profile                string
		m                      profile.Meaning
		reads, names, measures bool
	}{
		"a register":                     {"tasmota", profile.Meaning{Kind: profile.IsData, EnergyMWh: &mwh}, true, true, true},
		"a register's power only":        {"tasmota", profile.Meaning{Kind: profile.IsData, PowerMW: &mw}, false, true, true},
		"a register in a state":          {"tasmota", profile.Meaning{Kind: profile.IsState, EnergyMWh: &mwh}, false, true, true},
		"power":                          {"esphome", profile.Meaning{Kind: profile.IsData, PowerMW: &mw}, true, true, true},
		"power in a state":               {"esphome", profile.Meaning{Kind: profile.IsState, PowerMW: &mw}, false, true, true},
		"data without power":             {"seed-a", profile.Meaning{Kind: profile.IsData, EnergyMWh: &mwh}, false, false, true},
		"a device that measures nothing": {"seed-a-toggle", profile.Meaning{Kind: profile.IsData, PowerMW: &mw, EnergyMWh: &mwh}, false, false, false},
	} {
		p := l[c.profile]
		if p.Reads(c.m) != c.reads || p.NamesDevices() != c.names || p.Measures() != c.measures {
			t.Errorf("%s: reads %t, names %t, measures %t; want %t, %t, %t", name, p.Reads(c.m), p.NamesDevices(), p.Measures(), c.reads, c.names, c.measures)
		}
	}
}

// TestTimesOfADeviceAreStoredTimes: what is known of a device is kept in milliseconds of UTC, so that it compares with what is read back.
func TestTimesOfADeviceAreStoredTimes(t *testing.T) {
	local := at(7200).Add(1_999_999 * time.Nanosecond).In(time.FixedZone("EAT", 3*3600))
	want := at(7200).Add(time.Millisecond)
	heard, _ := profile.Binding{}.Hear("plug", true, local)
	bound, _ := profile.Binding{Name: "plug", Since: at(0)}.Hear("plug", true, local)
	unread, _ := profile.Binding{}.Unread(local, true, time.Hour)
	chosen := profile.Binding{}.Choose("plug", local)
	for name, got := range map[string]time.Time{"first heard": heard.Since, "read": heard.ReadAt, "bound": bound.BoundAt, "noted": unread.UnreadAt, "chosen": chosen.BoundAt,
		"chosen, and heard": chosen.Since} {
		if got != want {
			t.Errorf("%s at %s, want %s", name, got, want)
		}
	}
}
