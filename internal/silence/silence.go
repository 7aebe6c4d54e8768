// Package silence finds meters that have fallen silent, and recognises when many silent meters are one silent feeder.
//
// [Judge] decides from the time at which each meter was last heard. If the meters of a feeder fell silent together, one alarm
// names the feeder, the number of meters and the time. These meters get no separate alarms. Any other silent meter gets its own
// alarm. The server calls [Watch.Look] once a minute.
//
// This package does not decide about money. Package wallet reads the silent feeders from the store. It does not cut off a supply
// on a silent feeder until its meter is heard again.
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
	// AlarmMeter means that a meter without a connection has not been heard for [registry.OfflineAfter] of its intervals.
	AlarmMeter = metering.AlarmMeterSilent
	// AlarmFeeder means that the meters of a feeder fell silent together.
	AlarmFeeder metering.AlarmCode = "feeder-silent"
)

// A meter is quiet after two intervals, and silent after three. So a silent feeder is recognised before the first of its
// meters gets its own alarm.
const (
	quietAfter  = 2 // number of intervals without a message and without a connection
	leastQuiet  = 10 * time.Minute
	leastSilent = 15 * time.Minute
	// LeastMeters is how many meters must be silent together for an alarm of their feeder; fewer silent meters get separate alarms.
	LeastMeters = 3
	// ShareSilent sets when the alarm of a feeder begins: when at least 1/ShareSilent of its meters, a half, are silent
	// together.
	ShareSilent = 2
	// ShareBack sets when the alarm of a feeder ends: when less than 1/ShareBack of its meters, a quarter, are still
	// silent. These meters then get separate alarms.
	ShareBack = 4
	// togetherIntervals is the width of a window, in reading intervals of the slowest meter. Meters fell silent together if all
	// of them were last heard within this window. Each meter sends once in its interval, at a different moment.
	togetherIntervals = 2
	leastTogether     = 10 * time.Minute
	// memberFor is the longest silence after which a meter still counts as a meter of its feeder. A meter that was given up weeks
	// ago does not count. A meter that stays away this long after most of its feeder came back gets a separate alarm.
	memberFor = 7 * 24 * time.Hour
	// longSilent is the assumed silence of a meter whose last-heard time is in the future. The server's clock was set back
	// after the meter was heard, so the real time is unknown. When the clock is set back, the server also begins a new
	// watch. Only silence since the start of the watch counts against a meter, so the meter does not become silent at once.
	longSilent = 24 * time.Hour
)

// Heard is a meter in service with the time when it was last heard.
type Heard struct {
	Meter     int64 // private number of the meter
	Number    string
	Feeder    string        // empty if unknown
	LastSeen  time.Time     // server time
	Interval  time.Duration // time between the meter's readings
	Connected bool
	Alarmed   time.Time // when the open alarm of this meter was raised; zero without one
}

// SilentFeeder is a feeder whose alarm is open.
type SilentFeeder struct {
	Feeder string
	Raised time.Time
	Text   string
}

// Feeder is a feeder whose meters are silent together.
type Feeder struct {
	Name          string
	Silent, Total int       // how many of the feeder's meters are silent, and how many it has
	Since         time.Time // the latest time at which one of the silent meters was heard
}

// Alarm returns the alarm about the feeder.
func (f Feeder) Alarm() metering.Alarm {
	return metering.Alarm{Code: AlarmFeeder, Text: alarmtext.FeederSilent(int64(f.Silent), int64(f.Total), f.Name, f.Since.UTC().Format(time.RFC3339))}
}

// Changes is the result of a look: only the changes, except that Feeders lists all silent feeders.
type Changes struct {
	Feeders []Feeder // silent feeders in the order of their names
	Back    []string // feeders whose alarm is over; a feeder that fell silent again is also in Feeders
	Raise   []Heard  // meters that get separate alarms
	Clear   []Heard  // meters whose separate alarms end
}

// Judge compares meters with alarms. The parameter dark lists the feeders that were silent before. The parameter watching is the
// time when the server began to watch without a break. Silence before that time does not count against a meter.
func Judge(meters []Heard, dark []SilentFeeder, now, watching time.Time) Changes {
	var out Changes
	was := make(map[string]SilentFeeder, len(dark))
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
		if before && !(silent && f.Since.After(d.Raised)) { // otherwise the feeder fell silent again, and its meters are counted anew
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
			covered := silent && !(before && m.LastSeen.After(d.Raised)) // a meter that fell silent again gets a separate alarm
			m.item(&out, covered, before, now, watching)
		}
	}
	for name := range was {
		if len(by[name]) == 0 { // the feeder's meters are on another feeder now, or out of service
			out.Back = append(out.Back, name)
		}
	}
	out.sort()
	return out
}

// item decides whether a meter gets or loses a separate alarm.
func (m Heard) item(out *Changes, covered, before bool, now, watching time.Time) {
	switch alarmed := !m.Alarmed.IsZero(); {
	case alarmed && (m.Connected || m.LastSeen.After(m.Alarmed)):
		out.Clear = append(out.Clear, m)
	case alarmed && covered && !before && m.quiet(now, watching) && now.Sub(m.LastSeen) < memberFor:
		out.Clear = append(out.Clear, m)
	case !alarmed && !covered && m.silent(now, watching):
		out.Raise = append(out.Raise, m)
	}
}

// sort makes the results independent of the order of maps.
func (j *Changes) sort() {
	slices.SortFunc(j.Feeders, func(a, b Feeder) int { return cmp.Compare(a.Name, b.Name) })
	slices.Sort(j.Back)
	byMeter := func(a, b Heard) int { return cmp.Compare(a.Meter, b.Meter) }
	slices.SortFunc(j.Raise, byMeter)
	slices.SortFunc(j.Clear, byMeter)
}

// still judges a feeder that was silent before. A meter is back if it is connected or was heard since the alarm. The feeder
// stays silent while at least half of its meters are away. If fewer are away, meters that have been away for too long no longer
// count. The feeder then stays silent while at least a quarter of the remaining meters are away.
func (d SilentFeeder) still(f Feeder, members []Heard, now time.Time) (Feeder, bool) {
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

// together decides whether a feeder that was not silent has fallen silent: whether enough of its meters were last
// heard within one window.
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

// unheard returns how long the meter sent nothing while the server listened.
func (m Heard) unheard(now, watching time.Time) time.Duration {
	if m.Connected {
		return 0
	}
	if m.LastSeen.Before(watching) {
		return now.Sub(watching)
	}
	return now.Sub(m.LastSeen)
}

// alarm returns the alarm about a single silent meter.
func (m Heard) alarm() metering.Alarm {
	return metering.Alarm{Code: AlarmMeter, Text: alarmtext.MeterSilent(m.LastSeen.UTC().Format(time.RFC3339))}
}
