package wallet

import "time"

// Ahead is how far a stored time may lie ahead of the server's clock and still be trusted: clocks are adjusted by small steps all the time.
// A time further ahead was noted by a clock that has been set back since.
const Ahead = 2 * time.Minute

// NotYet reports whether a stored time lies so far ahead of the clock that the clock must have been set back since. Its true time is
// unknown.
func NotYet(t, now time.Time) bool { return t.Sub(now) > Ahead }

// believed returns s without future times, because anything that waits for such a time would wait too long. The times that replace them
// cause no cut-off and give no energy away. A reading counts as too old for a cut-off, a warning as given now, and a lease as due for
// renewal. An open command counts as lapsed, so that another command replaces it.
func (s Supplied) believed(now time.Time) Supplied {
	for _, t := range []*time.Time{&s.Out, &s.Noticed} {
		if NotYet(*t, now) {
			*t = now
		}
	}
	for _, t := range []*time.Time{&s.Supply.Lease.At, &s.InMeter.At, &s.Booted} {
		if NotYet(*t, now) {
			*t = time.Time{}
		}
	}
	if NotYet(s.ReceivedAt, now) {
		s.ReceivedAt = time.Unix(0, 0).UTC()
	}
	for _, o := range []*Progress{&s.Seen.Lease, &s.Seen.Cut, &s.Seen.Connect, &s.Seen.Config, &s.Seen.Clock} {
		if !NotYet(o.Since, now) {
			continue
		}
		if o.Since = (time.Time{}); !o.Open() {
			continue
		}
		if o.State = lapsed; o == &s.Seen.Connect {
			o.Since = now // no earlier reading proves that the meter has carried out the command
		}
	}
	return s
}
