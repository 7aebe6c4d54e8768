package series_test

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/unit"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// zones have changes of the clocks at night, at midnight, by half an hour, and none.
var zones = []string{"UTC", "Africa/Nairobi", "Europe/Berlin", "America/Santiago", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu"}

var periods = []series.Period{series.Day, series.Week, series.Month}

func samples(t *rapid.T, begin time.Time) (out []series.Count) {
	at, register := begin, unit.Energy(rapid.Int64Range(0, 1e9).Draw(t, "first"))
	for range rapid.IntRange(0, 60).Draw(t, "samples") {
		out = append(out, series.Count{At: at, Register: register})
		at = at.Add(time.Duration(rapid.Int64Range(0, int64(9*24*time.Hour)).Draw(t, "pause")) / time.Duration(rapid.SampledFrom([]int{1, 30, 500}).Draw(t, "pace")))
		if rapid.IntRange(0, 9).Draw(t, "what") == 0 {
			register = unit.Energy(rapid.Int64Range(0, int64(register)).Draw(t, "back"))
		} else {
			register += unit.Energy(rapid.Int64Range(0, 40_000).Draw(t, "rise"))
		}
	}
	return out
}

// TestBucketsSumToTheDifferences checks that whatever the zone and the pattern of the readings, the buckets follow each other without a gap,
// and their use sums to the differences of the readings between which the register continued, no bucket negative and nothing in a bucket
// that no reading covers.
func TestBucketsSumToTheDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		where, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Date(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), 0, 0, 0, where)
		list := samples(t, begin)
		by := rapid.SampledFrom(periods).Draw(t, "by")
		end := begin
		if len(list) > 0 {
			end = list[len(list)-1].At
		}
		var buckets []series.Bucket
		for _, b := range by.Follow(by.Begin(begin), 700) {
			if buckets = append(buckets, b); b.To.After(end) {
				break
			}
		}
		var want unit.Energy
		for i := 1; i < len(list); i++ {
			want += max(0, list[i].Register-list[i-1].Register)
		}
		var sum unit.Energy
		for i, u := range series.UseOf(list, buckets, 0) {
			if i > 0 && !u.From.Equal(buckets[i-1].To) || !u.From.Before(u.To) || !by.Begin(u.From).Equal(u.From) {
				t.Fatalf("bucket %d runs from %s to %s", i, u.From, u.To)
			}
			if u.Units < 0 || u.Estimated > u.Units || !u.Covered && u.Units != 0 {
				t.Fatalf("bucket of %s: %+v", u.From, u)
			}
			sum += u.Units
		}
		if sum != want {
			t.Fatalf("buckets sum to %d Wh, the differences to %d", sum, want)
		}
	})
}

// TestADayKeepsWhatWasUsedInIt compares with a plain count: readings an hour apart all around a change of the clocks.
func TestADayKeepsWhatWasUsedInIt(t *testing.T) {
	for _, name := range zones {
		z := zone(t, name)
		for _, begin := range []time.Time{time.Date(2026, 3, 1, 0, 0, 0, 0, z), time.Date(2026, 10, 1, 0, 0, 0, 0, z), time.Date(2026, 9, 1, 0, 0, 0, 0, z), time.Date(2026, 4, 1, 0, 0, 0, 0, z)} {
			buckets := series.Day.Window(begin.Add(40 * time.Hour))
			want := map[string]unit.Energy{}
			var list []series.Count
			register := unit.Energy(5000)
			for at := buckets[0].From; !at.After(buckets[len(buckets)-1].To); at = at.Add(30 * time.Minute) {
				list = append(list, series.Count{At: at, Register: register})
				want[at.In(z).Format(time.DateOnly)] += 7
				register += 7
			}
			if len(buckets) != time.Date(begin.Year(), begin.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day() {
				t.Errorf("%s: %s has %d days", name, begin.Format("2006-01"), len(buckets))
			}
			for _, u := range series.UseOf(list, buckets, 0) {
				if day := u.From.Format(time.DateOnly); u.Units != want[day] || u.Estimated != 0 {
					t.Errorf("%s %s: %d Wh, of which %d estimated, want %d", name, day, u.Units, u.Estimated, want[day])
				}
			}
		}
	}
}

func TestDaysWithoutReadingsAreUnknown(t *testing.T) {
	day := func(n, hour int) time.Time { return time.Date(2026, 11, n, hour, 0, 0, 0, time.UTC) }
	list := []series.Count{{day(3, 6), 100}, {day(3, 18), 100}, {day(5, 6), 400}, {day(5, 18), 20}, {day(6, 6), 900_000}, {day(7, 6), 900_010}}
	use := series.UseOf(list, series.Day.Window(day(9, 0)), 2300)
	for n, want := range map[int]series.Use{2: {}, 3: {Units: 50, Estimated: 50, Covered: true}, 4: {Units: 200, Estimated: 200, Covered: true},
		5: {Units: 50, Estimated: 50, Covered: true}, 6: {Units: 7, Estimated: 7, Covered: true}, 7: {Units: 3, Estimated: 3, Covered: true}, 8: {}} {
		got := use[n-1]
		if got.Bucket = (series.Bucket{}); got != want {
			t.Errorf("day %d: %+v, want %+v", n, got, want)
		}
	}
	breaks := series.Breaks(list, 2300)
	if want := []series.Break{{At: day(5, 18), Was: 400, Now: 20}, {At: day(6, 6), Was: 20, Now: 900_000}}; !slices.Equal(breaks, want) {
		t.Errorf("breaks %+v, want %+v", breaks, want)
	}
	// A register that did not move is a use of 0, which is not the same as no reading.
	if same := series.UseOf([]series.Count{{day(3, 1), 7}, {day(3, 2), 7}}, series.Day.Window(day(3, 0)), 0)[2]; !same.Covered || same.Units != 0 {
		t.Errorf("a day without use: %+v", same)
	}
}

// TestStepsMeet checks that the chart one step back ends where this one begins, and one forward begins where it ends.
func TestStepsMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		where, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(1_600_000_000, 2_000_000_000).Draw(t, "at"), 0).In(where)
		for _, by := range periods {
			w := by.Window(at)
			back, on := by.Window(by.Step(at, false)), by.Window(by.Step(at, true))
			if w[0].From.After(at) || !w[len(w)-1].To.After(at) || !back[len(back)-1].To.Equal(w[0].From) || !on[0].From.Equal(w[len(w)-1].To) {
				t.Fatalf("by %s at %s: %s to %s, before it to %s, after it from %s", by, at, w[0].From, w[len(w)-1].To, back[len(back)-1].To, on[0].From)
			}
		}
	})
}

func TestThinKeepsPeaksAndGaps(t *testing.T) {
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var points []series.Point
	for i := range 24 * 60 {
		if i >= 600 && i < 900 {
			continue // five hours without a reading
		}
		points = append(points, series.Point{At: from.Add(time.Duration(i) * time.Minute), Value: int64(i % 30)})
	}
	points[100].Value = 5000
	thin := series.Thin(points, from, from.Add(24*time.Hour), 96, true, series.Spacing(points))
	gaps, highest := 0, int64(0)
	for i, p := range thin {
		if highest = max(highest, p.Value); p.Gap {
			gaps++
		}
		if i > 0 && !p.At.After(thin[i-1].At) {
			t.Errorf("point %d is not after the one before it", i)
		}
	}
	if gaps != 1 || highest != 5000 || len(thin) > 100 {
		t.Errorf("%d points with %d gaps, the highest %d", len(thin), gaps, highest)
	}
	last := series.Thin(points, from, from.Add(24*time.Hour), 24, false, time.Hour)
	if got := last[len(last)-1]; got.Value != int64((24*60-1)%30) {
		t.Errorf("the last point is %+v", got)
	}
	if got := series.Thin(nil, from, from, 0, false, 0); got != nil {
		t.Errorf("no points: %+v", got)
	}
}
