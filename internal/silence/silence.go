// Package silence says which meters have fallen silent, and tells one silent feeder from sixty silent meters.
//
// [Judge] decides, from when each meter was last heard. A meter that is silent by itself is an item of its own. Where the
// meters of one feeder fell silent together, the feeder is the item: one alarm names it, how many they are and since when,
// and their own alarms are not raised. See [Watch.Look], which is called once a minute.
//
// Nothing here decides about money. A supply whose feeder is silent is not cut until its meter is heard again: package
// wallet asks the store for that.
package silence

import (
	"cmp"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Alarms of this package.
const (
	// AlarmMeter: nothing was heard of a meter for [registry.OfflineAfter] of its intervals, and it is not connected.
	AlarmMeter metering.AlarmCode = "meter-silent"
	// AlarmFeeder: the meters of a feeder fell silent together.
	AlarmFeeder metering.AlarmCode = "feeder-silent"
)

// The rule. A feeder is recognised before the first of its meters is an item: a meter is quiet after two intervals, and
// silent after three.
const (
	quietAfter  = 2 // intervals without a message and without a connection
	leastQuiet  = 10 * time.Minute
	leastSilent = 15 * time.Minute
	// LeastMeters is how many meters make a feeder; fewer are items of their own.
	LeastMeters = 3
	// ShareSilent is one over the share of a feeder's meters that must be quiet together: half of them.
	ShareSilent = 2
	// ShareBack is one over the share below which those still silent are items of their own: a quarter.
	ShareBack = 4
	// togetherIntervals is how far apart, in intervals of the slowest, quiet meters may have been heard last: each sends
	// once an interval, at its own moment.
	togetherIntervals = 2
	leastTogether     = 10 * time.Minute
	// memberFor is how long before the silence a meter must have been heard to count as one of its feeder's: a meter that
	// was given up weeks ago is neither silent together with others nor missing from them. One that stays away for as long
	// after most of its feeder came back is gone by itself.
	memberFor = 7 * 24 * time.Hour
	// longSilent is how long ago a meter counts as last heard when that time lies ahead of the clock. A clock that was set back
	// since noted it, and nobody knows when it was. The meter is not silent at once: when its clock is set back, the server begins
	// its watch anew.
	longSilent = 24 * time.Hour
)

// Heard is a meter in service with when it was last heard.
type Heard struct {
	Meter     int64 // its private number
	Number    string
	Feeder    string        // empty: none is known
	LastSeen  time.Time     // server time
	Interval  time.Duration // between its readings
	Connected bool
	Alarmed   time.Time // since when its own alarm is open; zero: it is not
}

// Dark is a feeder whose alarm is open.
type Dark struct {
	Feeder string
	Raised time.Time
	Text   string
}

// Feeder is one whose meters are silent together.
type Feeder struct {
	Name          string
	Silent, Total int       // its meters
	Since         time.Time // when the last of them was heard last
}

// Alarm is what people are told of it.
func (f Feeder) Alarm() metering.Alarm {
	return metering.Alarm{Code: AlarmFeeder, Text: alarmtext.FeederSilent(int64(f.Silent), int64(f.Total), f.Name, f.Since.UTC().Format(time.RFC3339))}
}

// Judged is what a look comes to: only what is to change, but for Feeders, which are all that are silent now.
type Judged struct {
	Feeders []Feeder // in the order of their names
	Back    []string // feeders whose alarm is over; one that fell silent anew is among Feeders too
	Raise   []Heard  // meters that are items of their own now
	Clear   []Heard  // meters that are none any more
}

// Judge decides. dark are the feeders that were silent before; watching is since when the server has been looking without
// a break: what it could not have heard before is not held against a meter.
func Judge(meters []Heard, dark []Dark, now, watching time.Time) Judged {
	var out Judged
	was := make(map[string]Dark, len(dark))
	for _, d := range dark {
		was[d.Feeder] = d
	}
	by := map[string][]Heard{}
	for _, m := range meters {
		if wallet.NotYet(m.LastSeen, now) {
			m.LastSeen = now.Add(-longSilent)
		}
		by[m.Feeder] = append(by[m.Feeder], m)
	}
	for name, members := range by {
		d, before := was[name]
		f, silent := Feeder{Name: name}, false
		if name != "" {
			f, silent = f.together(members, now, watching)
		}
		if before && !(silent && f.Since.After(d.Raised)) { // else it fell silent anew, and who is silent is another question
			f, silent = d.still(Feeder{Name: name}, members, now)
		} else if before {
			out.Back, before = append(out.Back, name), false
		}
		switch {
		case silent:
			out.Feeders = append(out.Feeders, f)
		case before:
			out.Back = append(out.Back, name)
		}
		for _, m := range members {
			covered := silent && !(before && m.LastSeen.After(d.Raised)) // who came back is one's own item again
			m.item(&out, covered, before, now, watching)
		}
	}
	for name := range was {
		if len(by[name]) == 0 { // its meters were given to another feeder, or out of service
			out.Back = append(out.Back, name)
		}
	}
	out.sort()
	return out
}

// item decides whether a meter is an item of its own.
func (m Heard) item(out *Judged, covered, before bool, now, watching time.Time) {
	switch alarmed := !m.Alarmed.IsZero(); {
	case alarmed && (m.Connected || m.LastSeen.After(m.Alarmed)):
		out.Clear = append(out.Clear, m)
	case alarmed && covered && !before && m.quiet(now, watching) && now.Sub(m.LastSeen) < memberFor:
		out.Clear = append(out.Clear, m)
	case !alarmed && !covered && m.silent(now, watching):
		out.Raise = append(out.Raise, m)
	}
}

// sort puts everything into an order that does not depend on that of a map.
func (j *Judged) sort() {
	slices.SortFunc(j.Feeders, func(a, b Feeder) int { return cmp.Compare(a.Name, b.Name) })
	slices.Sort(j.Back)
	byMeter := func(a, b Heard) int { return cmp.Compare(a.Meter, b.Meter) }
	slices.SortFunc(j.Raise, byMeter)
	slices.SortFunc(j.Clear, byMeter)
}

// still looks at a feeder that was silent before. A meter is back when it is connected or was heard since. As long as half
// of them are not, it is the feeder; then those that have been away for too long no longer count.
func (d Dark) still(f Feeder, members []Heard, now time.Time) (Feeder, bool) {
	gone := 0
	for _, m := range members {
		if d.Raised.Sub(m.LastSeen) > memberFor {
			continue
		}
		f.Total++
		if m.Connected || m.LastSeen.After(d.Raised) {
			continue
		}
		f.Silent++
		if now.Sub(m.LastSeen) > memberFor {
			gone++
		}
		if m.LastSeen.After(f.Since) {
			f.Since = m.LastSeen
		}
	}
	if f.Silent*ShareSilent < f.Total {
		f.Silent, f.Total = f.Silent-gone, f.Total-gone
	}
	return f, f.Silent > 0 && f.Silent*ShareBack >= f.Total
}

// together looks at a feeder that was not silent: whether enough of its meters were heard last within one window.
func (f Feeder) together(members []Heard, now, watching time.Time) (Feeder, bool) {
	var last []time.Time
	window := leastTogether
	for _, m := range members {
		if now.Sub(m.LastSeen) > memberFor {
			continue
		}
		f.Total++
		if m.quiet(now, watching) {
			last = append(last, m.LastSeen)
			window = max(window, togetherIntervals*m.Interval)
		}
	}
	slices.SortFunc(last, time.Time.Compare)
	for from, to := 0, 0; to < len(last); to++ {
		for last[to].Sub(last[from]) > window {
			from++
		}
		if n := to - from + 1; n >= f.Silent {
			f.Silent, f.Since = n, last[to]
		}
	}
	return f, f.Silent >= LeastMeters && f.Silent*ShareSilent >= f.Total
}

func (m Heard) quiet(now, watching time.Time) bool {
	return m.unheard(now, watching) >= max(quietAfter*m.Interval, leastQuiet)
}

func (m Heard) silent(now, watching time.Time) bool {
	return m.unheard(now, watching) >= max(registry.OfflineAfter*m.Interval, leastSilent)
}

// unheard is for how long nothing came though the server listened.
func (m Heard) unheard(now, watching time.Time) time.Duration {
	if m.Connected {
		return 0
	}
	if m.LastSeen.Before(watching) {
		return now.Sub(watching)
	}
	return now.Sub(m.LastSeen)
}

// alarm is what people are told of a meter that is silent by itself.
func (m Heard) alarm() metering.Alarm {
	return metering.Alarm{Code: AlarmMeter, Text: alarmtext.MeterSilent(m.LastSeen.UTC().Format(time.RFC3339))}
}
