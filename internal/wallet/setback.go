package wallet

import "time"

// Ahead is by how much a stored time may lie ahead of the server's clock and still be believed: clocks are put right by small
// steps all the time. What lies further ahead was noted by a clock that has been set back since.
const Ahead = 2 * time.Minute

// NotYet reports whether a stored time lies so far ahead of the clock that the clock was set back since: nobody knows when it was.
func NotYet(t, now time.Time) bool { return t.Sub(now) > Ahead }

// believed is what was read, without times that have not come: what waits for them would wait until they have. Where nobody
// knows when something was, it is taken for what cuts nobody off and gives nothing away: a reading for too old to cut by, a
// warning for given now, a lease for due to be renewed, and a command under way for lapsed, so that another one takes its place.
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
			o.Since = now // whatever was heard before does not show that the meter has carried it out
		}
	}
	return s
}
