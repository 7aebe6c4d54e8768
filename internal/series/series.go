// Package series turns a meter's readings into what a chart shows: the use of each local day, week or month, and the course of a figure over
// time. It takes values and returns values.
package series

import (
	"math/bits"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/unit"
)

// Period is the length of a bucket.
type Period string

// Periods. A week begins on Monday.
const (
	Day   Period = "day"
	Week  Period = "week"
	Month Period = "month"
)

// Lengths of a chart by week, and the time after which the use between two readings is an estimate for each day between them.
const (
	Weeks = 13
	long  = 24 * time.Hour
)

// Bucket is a local day, week or month. It begins at From, and ends before To.
type Bucket struct{ From, To time.Time }

// Begin returns the first moment of the period that a time is in, in the time's own zone.
func (p Period) Begin(at time.Time) time.Time {
	switch p {
	case Week:
		return localday.After(at, -(int(at.Weekday())+6)%7)
	case Month:
		return localday.Begin(at.Year(), at.Month(), 1, at.Location())
	}
	return localday.Of(at)
}

// next returns the first moment of the period after the one that begins at a time.
func (p Period) next(at time.Time) time.Time {
	switch p {
	case Week:
		return localday.After(at, 7)
	case Month:
		return localday.Begin(at.Year(), at.Month()+1, 1, at.Location())
	}
	return localday.Next(at)
}

// Window returns the buckets of the chart that shows a time, in the time's own zone: the days of its month, the [Weeks] weeks that end with
// its own, or the months of its year.
func (p Period) Window(at time.Time) []Bucket {
	switch p {
	case Week:
		return p.Before(at, Weeks)
	case Month:
		return p.Follow(localday.Begin(at.Year(), time.January, 1, at.Location()), 12)
	}
	last := localday.Begin(at.Year(), at.Month()+1, 0, at.Location())
	return p.Before(last, last.Day())
}

// Follow returns a number of buckets, the first of which begins at a time.
func (p Period) Follow(begin time.Time, count int) []Bucket {
	out := make([]Bucket, count)
	for i := range out {
		out[i] = Bucket{From: begin, To: p.next(begin)}
		begin = out[i].To
	}
	return out
}

// Before returns a number of buckets, the last of which is that of a time.
func (p Period) Before(at time.Time, count int) []Bucket {
	begin := localday.After(at, 1-count)
	switch p {
	case Week:
		begin = localday.After(Week.Begin(at), 7*(1-count))
	case Month:
		begin = localday.Begin(at.Year(), at.Month()+1-time.Month(count), 1, at.Location())
	}
	return p.Follow(begin, count)
}

// Step returns a local day of the chart before this one, or of the one after it.
func (p Period) Step(at time.Time, forward bool) time.Time {
	w := p.Window(at)
	switch {
	case forward && p == Week:
		return localday.After(w[0].From, 7*(2*Weeks-1))
	case forward:
		return w[len(w)-1].To
	case p == Week:
		return localday.After(w[0].From, -7)
	}
	return localday.After(w[0].From, -1)
}

// Count is what a reading says at a time.
type Count struct {
	At       time.Time
	Register unit.Energy
}

// Use is the use in a bucket.
type Use struct {
	Bucket
	Units     unit.Energy
	Estimated unit.Energy // part of Units that was given to the bucket by time alone, between readings a day or more apart
	Covered   bool        // a reading or a part of a use is in the bucket; if not, the use is unknown rather than 0
}

// Break is a place where the register did not continue. No use is counted across it.
type Break struct {
	At       time.Time // of the reading after it
	Was, Now unit.Energy
}

// Breaks lists the places at which a register fell, or rose by more than the highest power gives in the time between, with a fifth and 1 kWh
// of leeway. A power of 0 sets no limit. Readings are in the order in which the meter made them.
func Breaks(samples []Count, most unit.Power) (out []Break) {
	for i := 1; i < len(samples); i++ {
		if broken(samples[i-1], samples[i], most) {
			out = append(out, Break{At: samples[i].At, Was: samples[i-1].Register, Now: samples[i].Register})
		}
	}
	return out
}

func broken(a, b Count, most unit.Power) bool {
	if b.Register < a.Register {
		return true
	}
	seconds := max(int64(b.At.Sub(a.At)/time.Second), 0)
	high, possible := bits.Mul64(uint64(seconds), uint64(max(most, 0))*6)
	return most > 0 && high == 0 && uint64(b.Register-a.Register) > possible/(5*3600)+uint64(unit.KilowattHour)
}

// UseOf adds up what a meter used in each bucket: the differences between neighbouring samples, shared by time over the buckets between them.
// The sum up to each limit is rounded down, so the buckets that cover all readings sum to all differences. Readings are in the order in which
// the meter made them. A time before that of the sample before it counts as that time.
func UseOf(samples []Count, buckets []Bucket, most unit.Power) []Use {
	out := make([]Use, len(buckets))
	for i, b := range buckets {
		out[i].Bucket = b
	}
	at := time.Time{}
	for i, s := range samples {
		if from := at; i > 0 && !broken(samples[i-1], s, most) {
			at = later(at, s.At)
			share(out, from, at, s.Register-samples[i-1].Register)
		} else {
			at = later(at, s.At)
		}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if b.Before(a) {
		return a
	}
	return b
}

// share gives the buckets their parts of the units used between two times. Units at a single moment belong to the bucket of the moment.
func share(out []Use, from, to time.Time, units unit.Energy) {
	first, _ := slices.BinarySearchFunc(out, from, func(u Use, at time.Time) int {
		if u.To.After(at) {
			return 1
		}
		return -1
	})
	whole := uint64(to.Sub(from))
	upTo := func(at time.Time) unit.Energy {
		switch {
		case !at.After(from):
			return 0
		case !at.Before(to):
			return units
		}
		high, low := bits.Mul64(uint64(units), uint64(at.Sub(from)))
		part, _ := bits.Div64(high, low, whole)
		return unit.Energy(part)
	}
	for i := first; i < len(out); i++ {
		u := &out[i]
		if whole == 0 && !u.From.After(from) {
			u.Units, u.Covered = u.Units+units, true
			return
		}
		if !u.From.Before(to) {
			return
		}
		part := upTo(u.To) - upTo(u.From)
		u.Units += part
		u.Covered = u.Covered || part > 0 || !from.Before(u.From) || to.Before(u.To) // a whole day between two readings may have no use to show
		if to.Sub(from) >= long {
			u.Estimated += part
		}
	}
}

// Point is a figure at a time. A point that is a gap has no figure: the line stops there.
type Point struct {
	At    time.Time
	Value int64
	Gap   bool
}

// Thin returns at most about a number of points, for a line that is no wider than a screen: of each part of the span only the highest value
// for peaks, else the last. Where two points are further apart than the gap, a gap comes between them. Points are in the order of their time.
func Thin(points []Point, from, to time.Time, most int, peaks bool, gap time.Duration) (out []Point) {
	if len(points) == 0 || most < 1 || !from.Before(to) {
		return nil
	}
	width := max(to.Sub(from)/time.Duration(most), 1)
	slot, last := time.Duration(-1), points[0].At
	for _, p := range points {
		if p.At.Before(from) || !p.At.Before(to) {
			continue
		}
		if len(out) > 0 && gap > 0 && p.At.Sub(last) > gap {
			out, slot = append(out, Point{At: last.Add(p.At.Sub(last) / 2), Gap: true}), -1
		}
		last = p.At
		switch in := p.At.Sub(from) / width; {
		case in != slot:
			out, slot = append(out, p), in
		case !peaks || p.Value >= out[len(out)-1].Value:
			out[len(out)-1] = p
		}
	}
	return out
}

// Spacing returns the usual time between two samples: the middle one of all. Three times as long is a gap, but never less than an hour.
func Spacing(points []Point) time.Duration {
	var all []time.Duration
	for i := 1; i < len(points); i++ {
		all = append(all, points[i].At.Sub(points[i-1].At))
	}
	if len(all) == 0 {
		return time.Hour
	}
	slices.Sort(all)
	return max(3*all[len(all)/2], time.Hour)
}

// Measured is what a register says about one bucket, with what it does not say.
type Measured struct {
	Use
	First, Last time.Time // the part of the bucket that readings reach over; both zero if no use can be told
	Inside      bool      // a reading is in the bucket; without one, the use in it is a share by time
	Breaks      int       // places in the bucket at which the register did not continue, whose use nobody knows
}

// Whole reports whether the readings tell the use of the whole bucket.
func (m Measured) Whole() bool {
	return m.Breaks == 0 && !m.First.IsZero() && !m.First.After(m.From) && !m.Last.Before(m.To)
}

// Measure tells the use of a bucket by the rule of [UseOf], and how far it can be told. Readings are in the order in which the meter made them.
func Measure(samples []Count, b Bucket, most unit.Power) Measured {
	out := Measured{Use: UseOf(samples, []Bucket{b}, most)[0]}
	for i, s := range samples {
		out.Inside = out.Inside || !s.At.Before(b.From) && s.At.Before(b.To)
		if i == 0 {
			continue
		}
		from, to := samples[i-1].At, later(samples[i-1].At, s.At)
		if !from.Before(b.To) || !to.After(b.From) {
			continue
		}
		if broken(samples[i-1], s, most) {
			out.Breaks++
			continue
		}
		if from = later(from, b.From); out.First.IsZero() || from.Before(out.First) {
			out.First = from
		}
		if to.After(b.To) {
			to = b.To
		}
		out.Last = later(out.Last, to)
	}
	return out
}
