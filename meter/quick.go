package meter

import (
	"math"

	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// quick handles an event that brings only time and energy and changes nothing but the registers: no timer runs or comes
// due, and no threshold is reached. Nearly every event of a meter's life is such an event. Where this is not certain,
// quick changes nothing and returns false, and Step takes the long way. Wherever quick applies, the long way gives the
// same result. Each decision of quick depends on State and Config alone, so no cached data can become stale.
func quick(c *Config, s *State, ev *Event) bool {
	d, rem := unit.Energy(0), s.PulseRem
	switch ev.Kind {
	case EventPulses:
		d, rem = s.impulses(ev.Pulses)
	case EventEnergy:
		if ev.Export > 0 {
			return false
		}
		d = ev.Energy
	case EventWake:
	default:
		return false
	}
	up := max(s.Up, ev.Up)
	if !s.calm(c) || s.LeaseAt != 0 && s.On+up >= uint64(s.LeaseAt)*1000 || !s.sameCalendar(ev, up) || passed(s.Up, up, saveTime) || passed(s.Up, up, c.ReadingEvery) {
		return false
	}
	if d > 0 {
		if d >= saveEnergy-unit.Energy(s.Unsaved) || !s.plenty(c, s.Balance-d) {
			return false
		}
		s.Register += d
		s.Balance -= d
		s.Day.Used += uint32(d)
		s.Month.Used += uint32(d)
		s.Unsaved += uint8(d)
		s.bucket()
	}
	s.PulseRem, s.Up = rem, up
	s.seen(ev)
	return true
}

// calm reports whether no timer runs, nothing waits for the next event, the relay is closed as it should be, and the
// load is within its limit.
func (s *State) calm(c *Config) bool {
	return s.Relay == supply.Closed && s.Reasons == 0 && !s.Confirm && !s.Saved && !s.Frozen && s.Waiting == 0 &&
		s.QuietAt|s.BeepAt|s.MoveAt|s.SectionsUntil == 0 &&
		s.Guards[0].Until|s.Guards[1].Until|s.Guards[2].Until == 0 && s.Settling == [tamperKinds]uint8{} &&
		s.EC == ECNone && s.Overload == OverloadNone && !s.Flags.Has(FlagLifeline) &&
		(s.Power == 0 || within(s.Power, c.PowerLimit) && within(s.Power, s.Limit))
}

// within reports whether a load is within a limit; 0 is no limit.
func within(load, limit unit.Power) bool { return limit == 0 || load <= limit }

// plenty reports whether the credit stays above every threshold when it falls to balance, and no warning waits to be
// armed again. The caller has checked that no emergency credit is in use; with a balance above 0 there is no
// overrun either.
func (s *State) plenty(c *Config, balance unit.Energy) bool {
	return balance > 0 && balance > c.Low2 && balance > c.Cutoff && balance > c.ECThreshold && balance > s.low1(c) &&
		s.LED == LEDOff && s.Low1 == supply.Crossing{} && s.Low2 == supply.Crossing{}
}

// sameCalendar reports whether the calendar of an event changes nothing: its next moment has not come, and the clock
// was not set. The parameter up is the time of the event since boot.
func (s *State) sameCalendar(ev *Event, up uint64) bool {
	if !ev.trusted() {
		return s.Clock == ClockInvalid && s.NextAt == noMoment
	}
	return ev.Clock == s.Clock && ev.At < int64(s.NextAt) && s.NextAt != noMoment && distance(ev.offset(up), s.Offset) < 1000
}

// seen remembers the newest time of a clock that can be trusted.
func (s *State) seen(ev *Event) {
	if ev.Clock != ClockInvalid && ev.At > int64(s.LastAt) {
		s.LastAt = uint32(min(ev.At, math.MaxUint32))
	}
}

// impulses returns the whole watt-hours that n impulses complete, and the new remainder.
func (s *State) impulses(n uint32) (unit.Energy, uint32) {
	rem, imp := uint64(s.PulseRem)+uint64(n)*1000, uint64(s.Imp)
	// Usually few impulses come at once. These cases then avoid the division, which takes as long as all the rest.
	switch {
	case rem < imp:
		return 0, uint32(rem)
	case rem < 2*imp:
		return 1, uint32(rem - imp)
	}
	return unit.Energy(rem / imp), uint32(rem % imp)
}
