package meter

import (
	"math"

	"github.com/paywatt/paywatt/supply"
)

// second returns the time since boot in whole seconds, rounded up. So a timer that starts now never ends too early.
func (s *State) second() uint32 { return uint32((s.Up + 999) / 1000) }

// passed reports whether this step has passed a multiple of the given seconds since boot; for 0 seconds it never does.
// Periodic work uses it and needs no timer.
func (x *step) passed(every uint32) bool { return passed(x.was, x.s.Up, every) }

func passed(was, now uint64, every uint32) bool {
	period := uint64(every) * 1000
	return period != 0 && now-was >= period-was%period
}

// upcoming returns the next multiple of the given seconds since boot, in milliseconds. For 0 seconds it returns the
// largest uint64.
func (s *State) upcoming(every uint32) uint64 {
	if every == 0 {
		return math.MaxUint64
	}
	period := uint64(every) * 1000
	return (s.Up/period + 1) * period
}

// due reports whether a timer has run out.
func (x *step) due(t *uint32) bool { return *t != 0 && x.s.Up >= uint64(*t)*1000 }

// next returns the first moment after the present at which a periodic timer is due. It adds only whole periods to the
// old moment, so that a late event does not shift the timer.
func (x *step) next(at, every uint32) uint32 {
	now := uint32(x.s.Up / 1000)
	if at > now {
		return at
	}
	return at + ((now-at)/every+1)*every
}

// timers carries out the work that depends on time alone.
func (x *step) timers() {
	s := x.s
	x.settling()
	x.calendar()
	if x.passed(saveTime) && (s.Unsaved > 0 || s.counting()) {
		x.checkpoint()
	}
	if s.QuietAt|s.BeepAt|s.MoveAt != 0 {
		x.started()
	}
	if s.Guards[0].Until|s.Guards[1].Until|s.Guards[2].Until|s.SectionsUntil|s.LeaseAt != 0 || s.Overload > OverloadTiming {
		x.powered()
	}
	if x.passed(x.c.ReadingEvery) {
		x.report(ReportReading)
	}
}

// started handles the timers that count from boot. Most of the time no such timer runs.
func (x *step) started() {
	s := x.s
	if x.due(&s.QuietAt) {
		x.sound(BuzzerOff, 0)
	}
	if x.due(&s.BeepAt) {
		s.BeepAt = x.next(s.BeepAt, beepEvery)
		x.beep()
	}
	switch {
	case !x.due(&s.MoveAt):
	case s.Reasons.Has(supply.Test):
		x.endTest()
	case s.Overload == OverloadTiming:
		x.trip()
	default:
		s.MoveAt = 0
		x.moveRelay()
	}
}

// powered handles the timers that count powered-on time.
func (x *step) powered() {
	s := x.s
	if at := s.retryAt(x.c); at != 0 && s.powered() >= uint64(at)*1000 {
		x.overloadMove(overloadRetry)
	}
	if until := uint64(s.SectionsUntil) * 1000; until != 0 && s.powered() >= until {
		s.forgetSections()
	}
	x.leaseTime()
	for i := range s.Guards {
		g := &s.Guards[i]
		if g.Until != 0 && s.powered() >= uint64(g.Until)*1000 {
			g.Until = 0
			x.event(CodeLockEnd, int64(i)+1, 0)
		}
	}
}

// counting reports whether a timer of powered-on time runs. Such time is saved now and then, so that it does not begin
// again with every power cut.
func (s *State) counting() bool {
	for i := range s.Guards {
		if s.Guards[i].Until != 0 {
			return true
		}
	}
	return s.SectionsUntil|s.LeaseAt != 0 || s.Overload > OverloadTiming
}

// Wake returns the earliest Up at which anything can change without input: the time by which the host must give an
// event. If nothing can change, it is the largest uint64.
func Wake(c *Config, s *State) uint64 {
	wake := s.upcoming(c.ReadingEvery)
	timers := [...]uint32{s.QuietAt, s.BeepAt, s.MoveAt}
	due := timers[:]
	if s.Frozen {
		due = timers[:1] // no other timer ends while the memory must not be changed
	} else {
		wake = min(wake, s.upcoming(saveTime))
	}
	for _, t := range due {
		if t != 0 {
			wake = min(wake, uint64(t)*1000)
		}
	}
	if s.Frozen {
		return wake
	}
	powered := [...]uint32{s.Guards[0].Until, s.Guards[1].Until, s.Guards[2].Until, s.SectionsUntil, s.retryAt(c)}
	for _, t := range powered {
		if until := uint64(t) * 1000; until != 0 {
			wake = min(wake, until-min(until, s.On))
		}
	}
	if at := s.leaseEnd(); at != 0 {
		wake = min(wake, at-min(at, s.On))
	}
	for _, left := range s.Settling {
		if left != 0 {
			wake = min(wake, s.Up+uint64(left))
		}
	}
	switch s.NextAt {
	case 0: // the clock was set; the next event brings the new time
		wake = min(wake, s.Up+1)
	case noMoment:
	default:
		wake = min(wake, s.calendarAt())
	}
	return wake
}

// calendarAt returns the time since boot of the next moment of the calendar. Where the host's clock counts whole
// seconds, this time may be a little early; then the host comes back a moment later.
func (s *State) calendarAt() uint64 {
	const again = 200
	if at := int64(s.NextAt)*1000 - s.Offset; at > int64(s.Up) {
		return uint64(at)
	}
	return s.Up + again
}
