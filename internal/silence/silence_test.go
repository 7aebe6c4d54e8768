package silence_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/silence"
	"github.com/paywatt/paywatt/internal/tier"
)

const interval = 30 * time.Minute

func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// street returns n meters of a feeder. The first meter was last heard at the time in the parameter last, and each
// further meter 30 seconds earlier.
func street(feeder string, first int64, n int, last time.Time) []silence.Heard {
	out := make([]silence.Heard, n)
	for i := range out {
		out[i] = silence.Heard{Meter: first + int64(i), Number: fmt.Sprint(first + int64(i)), Feeder: feeder,
			LastSeen: last.Add(-time.Duration(i) * 30 * time.Second), Interval: interval}
	}
	return out
}

func told(j silence.Changes) string {
	text := ""
	for _, f := range j.Feeders {
		text += fmt.Sprintf("%s %d/%d since %s; ", f.Name, f.Silent, f.Total, f.Since.Format("15:04"))
	}
	return text + fmt.Sprintf("back %v raise %d clear %d", j.Back, len(j.Raise), len(j.Clear))
}

func TestAFeederThatFallsSilentIsOneItem(t *testing.T) {
	sixty, ten := street("North", 1, 60, noon()), street("South", 101, 10, noon())
	long := noon().Add(-24 * time.Hour)
	for _, c := range []struct {
		name   string
		meters []silence.Heard
		after  time.Duration
		want   string
	}{
		{"nobody is silent yet", sixty, 29 * time.Minute, "back [] raise 0 clear 0"},
		{"found before the first of them would be an item", sixty, 60 * time.Minute, "North 60/60 since 12:00; back [] raise 0 clear 0"},
		{"and not one each later", sixty, 5 * time.Hour, "North 60/60 since 12:00; back [] raise 0 clear 0"},
		{"two feeders", append(sixty[:60:60], ten...), 2 * time.Hour, "North 60/60 since 12:00; South 10/10 since 12:00; back [] raise 0 clear 0"},
		{"meters without a feeder are items", street("", 1, 5, noon()), 2 * time.Hour, "back [] raise 5 clear 0"},
		{"two meters are no feeder", street("North", 1, 2, noon()), 2 * time.Hour, "back [] raise 2 clear 0"},
		{"three are", street("North", 1, 3, noon()), 2 * time.Hour, "North 3/3 since 12:00; back [] raise 0 clear 0"},
		{"four of ten are items", append(street("South", 1, 4, noon()), street("South", 5, 6, noon().Add(110*time.Minute))...), 2 * time.Hour, "back [] raise 4 clear 0"},
		{"five of ten are a feeder", append(street("South", 1, 5, noon()), street("South", 6, 5, noon().Add(110*time.Minute))...), 2 * time.Hour, "South 5/10 since 12:00; back [] raise 0 clear 0"},
		{"those that left one by one are items", apart(street("South", 1, 10, noon())), 22 * time.Hour, "back [] raise 10 clear 0"},
		{"one given up weeks ago counts neither way", append(street("South", 1, 3, noon()), street("South", 4, 9, noon().AddDate(0, 0, -20))...), 2 * time.Hour, "South 3/3 since 12:00; back [] raise 0 clear 0"},
	} {
		if got := told(silence.Judge(c.meters, nil, noon().Add(c.after), long)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// apart changes the times at which the meters were last heard, so that neighbours are 90 minutes further apart.
func apart(meters []silence.Heard) []silence.Heard {
	for i := range meters {
		meters[i].LastSeen = meters[i].LastSeen.Add(-time.Duration(i) * 90 * time.Minute)
	}
	return meters
}

func TestAServerThatWasAwayHoldsNothingAgainstItsMeters(t *testing.T) {
	meters := street("North", 1, 60, noon().Add(-4*24*time.Hour))
	if got := told(silence.Judge(meters, nil, noon().Add(time.Minute), noon())); got != "back [] raise 0 clear 0" {
		t.Errorf("a minute after four days away: %q", got)
	}
	if got := told(silence.Judge(meters, nil, noon().Add(time.Hour), noon())); got != "North 60/60 since 12:00; back [] raise 0 clear 0" {
		t.Errorf("an hour later: %q", got)
	}
}

// TestAMeterHeardByAClockThatWasSetBack: the real time is unknown, so the meter is silent once the server has watched for long
// enough. A time that is only slightly in the future counts as true.
func TestAMeterHeardByAClockThatWasSetBack(t *testing.T) {
	for _, c := range []struct {
		ahead, after time.Duration
		want         string
	}{
		{2*time.Minute + time.Microsecond, 0, "back [] raise 0 clear 0"},
		{2*time.Minute + time.Microsecond, 2 * time.Hour, "back [] raise 1 clear 0"},
		{30 * 24 * time.Hour, 2 * time.Hour, "back [] raise 1 clear 0"},
		{2 * time.Minute, 2 * time.Hour, "back [] raise 0 clear 0"},
	} {
		now := noon().Add(c.after)
		if got := told(silence.Judge(street("", 1, 1, now.Add(c.ahead)), nil, now, noon())); got != c.want {
			t.Errorf("heard %s ahead of the clock, looked for %s: got %q, want %q", c.ahead, c.after, got, c.want)
		}
	}
	m := street("", 1, 1, noon().Add(time.Hour))
	m[0].Alarmed = noon().Add(-time.Hour)
	if got := told(silence.Judge(m, nil, noon(), noon().AddDate(0, 0, -1))); got != "back [] raise 0 clear 0" {
		t.Errorf("an item that was heard before the clock was set back: got %q, want it kept", got)
	}
}

func TestAFeederIsBackWhenItsMetersAre(t *testing.T) {
	dark := []silence.SilentFeeder{{Feeder: "North", Raised: noon().Add(time.Hour)}}
	for _, c := range []struct {
		back int
		want string
	}{
		{0, "North 60/60 since 12:00; back [] raise 0 clear 0"},
		{45, "North 15/60 since 11:37; back [] raise 0 clear 0"},
		{46, "back [North] raise 14 clear 0"}, // the other meters get separate alarms
		{60, "back [North] raise 0 clear 0"},
	} {
		meters := street("North", 1, 60, noon())
		for i := range c.back {
			if meters[i].LastSeen = noon().Add(3 * time.Hour); i%2 == 0 {
				meters[i].LastSeen, meters[i].Connected = noon(), true
			}
		}
		if got := told(silence.Judge(meters, dark, noon().Add(3*time.Hour+time.Minute), noon().Add(3*time.Hour))); c.back < 46 && got != c.want {
			t.Errorf("%d back after a restart of the server: got %q, want %q", c.back, got, c.want)
		}
		if got := told(silence.Judge(meters, dark, noon().Add(3*time.Hour+time.Minute), noon())); got != c.want {
			t.Errorf("%d back: got %q, want %q", c.back, got, c.want)
		}
	}
	if got := told(silence.Judge(nil, dark, noon().Add(2*time.Hour), noon())); got != "back [North] raise 0 clear 0" {
		t.Errorf("a feeder that has no meters any more: %q", got)
	}
}

func TestItemsAreClearedByTheFeederAndByTheirReturn(t *testing.T) {
	meters := street("North", 1, 4, noon())
	meters[0].Alarmed = noon().Add(90 * time.Minute)
	if got := told(silence.Judge(meters, nil, noon().Add(2*time.Hour), noon())); got != "North 4/4 since 12:00; back [] raise 0 clear 1" {
		t.Errorf("a meter that was an item before its feeder was one: %q", got)
	}
	alone := street("", 1, 3, noon())
	for i := range alone {
		alone[i].Alarmed = noon().Add(90 * time.Minute)
	}
	alone[0].LastSeen, alone[1].Connected = noon().Add(100*time.Minute), true
	if got := told(silence.Judge(alone, nil, noon().Add(2*time.Hour), noon())); got != "back [] raise 0 clear 2" {
		t.Errorf("one heard, one connected, one silent: %q, want two cleared", got)
	}
}

// TestTheOrderOfMetersDoesNotMatter shuffles the meters of a town and expects the same result.
func TestTheOrderOfMetersDoesNotMatter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 2))
	town := append(append(street("A", 1, 30, noon()), street("B", 31, 7, noon().Add(-10*time.Hour))...), street("", 38, 9, noon())...)
	want := fmt.Sprint(silence.Judge(town, nil, noon().Add(3*time.Hour), time.Time{}))
	for range 50 {
		rnd.Shuffle(len(town), func(i, j int) { town[i], town[j] = town[j], town[i] })
		if got := fmt.Sprint(silence.Judge(town, nil, noon().Add(3*time.Hour), time.Time{})); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

// TestAnAlarmThatStaysOpenHidesNobody has a feeder with eight meters. Four of them fall silent, and two of these come back.
func TestAnAlarmThatStaysOpenHidesNobody(t *testing.T) {
	raised := noon().Add(time.Hour)
	dark := []silence.SilentFeeder{{Feeder: "North", Raised: raised}}
	// eight returns the eight meters at a given time: two have been silent since noon, and the others were heard a minute ago.
	eight := func(now time.Time) []silence.Heard {
		out := street("North", 1, 8, noon())
		for i := range out[2:] {
			out[2+i].LastSeen = now.Add(-time.Minute)
		}
		return out
	}
	day, week := noon().AddDate(0, 0, 1), noon().AddDate(0, 0, 8)
	if got := told(silence.Judge(eight(day), dark, day, noon())); got != "North 2/8 since 12:00; back [] raise 0 clear 0" {
		t.Errorf("a day later: %q, want the alarm open", got)
	}
	if got := told(silence.Judge(eight(week), dark, week, noon())); got != "back [North] raise 2 clear 0" {
		t.Errorf("eight days later: %q, want it over and the two as items of their own", got)
	}
	one := eight(day)
	one[7].LastSeen = raised.Add(time.Hour)
	if got := told(silence.Judge(one, dark, day, noon())); got != "North 2/8 since 12:00; back [] raise 1 clear 0" {
		t.Errorf("one that was back fell silent by itself: %q, want it raised", got)
	}
	one[7].Alarmed = day
	if got := told(silence.Judge(one, dark, day.Add(time.Minute), noon())); got != "North 2/8 since 12:00; back [] raise 0 clear 0" {
		t.Errorf("a minute later: %q, want its alarm kept", got)
	}
	if got := told(silence.Judge(street("North", 1, 8, noon()), dark, week, noon())); got != "North 8/8 since 12:00; back [] raise 0 clear 0" {
		t.Errorf("nobody came back for eight days: %q, want one item", got)
	}
	anew := eight(day)
	for i := range anew[2:] {
		anew[2+i].LastSeen = raised.Add(2 * time.Hour)
	}
	if got := told(silence.Judge(anew, dark, day, noon())); got != "North 6/8 since 15:00; back [North] raise 0 clear 0" {
		t.Errorf("those that were back fell silent together: %q, want another alarm in the place of the first", got)
	}
}
