package notify

import (
	"slices"
	"strings"
	"time"
)

// RouteStatus holds the configuration and the state of one route. The dispatcher uses them to choose the route of a message.
type RouteStatus struct {
	Name     string
	Cost     int64    // cost of one part, in millionths of the currency's unit
	Prefixes []string // beginnings of the numbers that it serves; empty for all numbers
	Meters   bool     // meters' messages may use it: meters answer to its sender's number
	Down     bool
	probed   bool // it is down, and has a message to test whether it works again
}

// Routes are the possible routes of a message.
type Routes struct {
	Mine   []RouteStatus // routes of this server, in the order of the configuration
	Shared bool          // other servers of the same database may have routes that this server does not know
}

// othersTime is how long other servers may still take a message that all routes of this server have refused. They look for
// messages without a route every few seconds.
const othersTime = strayAfter

// left reports whether other servers may still take a message that every route here has refused.
func (w Routes) left(m Message, tries []Try, now time.Time) bool {
	if !w.Shared || len(tries) == 0 || !refusedByAll(m, tries, w.Mine) {
		return false
	}
	last := tries[len(tries)-1]
	at := last.DoneAt
	if last.At.After(at) {
		at = last.At
	}
	return now.Before(at.Add(othersTime))
}

// takes reports whether a message may use the route at all.
func (w RouteStatus) takes(m Message) bool {
	if m.Purpose == PurposeMeter && !w.Meters {
		return false
	}
	return len(w.Prefixes) == 0 || slices.ContainsFunc(w.Prefixes, func(p string) bool { return strings.HasPrefix(m.Phone, p) })
}

// choose returns the route for a message. A route is possible if it takes the message, has not refused it, and did not fail with
// it in this round. choose returns the first possible route, in the configuration's order, that is not down. If all of them are
// down it returns the first of them; if no route is possible it returns "".
func choose(m Message, tries []Try, ways []RouteStatus) string {
	down := ""
	for _, w := range ways {
		used := slices.ContainsFunc(tries, func(t Try) bool {
			return t.Route == w.Name && (t.Outcome == Refused.String() || t.Round == m.Round && t.Outcome == NotSent.String())
		})
		switch {
		case used || !w.takes(m):
		case !w.Down:
			return w.Name
		case down == "":
			down = w.Name
		}
	}
	return down
}

// refusedByAll reports whether no route will ever take the message.
func refusedByAll(m Message, tries []Try, ways []RouteStatus) bool {
	return !slices.ContainsFunc(ways, func(w RouteStatus) bool {
		return w.takes(m) && !slices.ContainsFunc(tries, func(t Try) bool { return t.Route == w.Name && t.Outcome == Refused.String() })
	})
}

// cutPause is the pause between the later tries of a warning that must precede a cut-off; it spreads these tries over the
// warning's life.
const cutPause = 24 * time.Hour

// reroute queues an unsent message again. The message goes by the next route at once. Once every route was tried, it goes by the
// first route after a pause. The parameter tries includes the failed try.
func reroute(m *Message, tries []Try, ways Routes, why string, now time.Time) {
	m.State, m.Failure = Queued, cut(why, MaxWhy)
	switch {
	case ways.left(*m, tries, now) && len(tries) < MaxTries:
		m.Route, m.NextAt = "", now
		return
	case refusedByAll(*m, tries, ways.Mine):
		m.end(Lost, why, now)
		return
	case len(tries) >= MaxTries:
		m.end(Lost, "given up after "+why, now)
		return
	}
	if m.Route = choose(*m, tries, ways.Mine); m.Route != "" {
		m.NextAt = now
		return
	}
	pause := Pause(m.Round)
	if m.Purpose.cuts() && len(tries) >= MaxTries/2 {
		pause = cutPause
	}
	m.NextAt = now.Add(pause)
	m.Round++
	m.Route = choose(*m, tries, ways.Mine)
}

// longestWait is how often the wait for a meter's answer doubles. The wait never exceeds the longest pause.
const longestWait = 7

// settle updates a message after a route's answer to the last try. A delivery report may come before this answer, and stays valid.
func settle(m *Message, tries []Try, s Sent, ways Routes, wait time.Duration, now time.Time) {
	t := &tries[len(tries)-1]
	m.Cost += t.Cost
	if s.Outcome == Accepted {
		m.Parts, m.Failure = max(s.Parts, 1), ""
		if m.SentAt.IsZero() {
			m.SentAt = now
		}
	}
	if t.Report == Failed.String() && m.State != Arrived {
		undelivered(m, tries, t, ways, now)
		return
	}
	switch s.Outcome {
	case Accepted:
		if m.State != Arrived {
			m.State = SentOut
		}
		if m.Purpose == PurposeMeter {
			m.NextAt = now.Add(min(wait<<min(m.Round, longestWait), Pause(longestWait))) // it stays the queue head until the meter answers
			return
		}
		m.Open = false
	case Unknown:
		uncertain(m, tries, s.Why, now)
	default:
		reroute(m, tries, ways, s.Why, now)
	}
}

// uncertain handles a message of unknown outcome. A message that may harmlessly arrive twice is sent again after a while,
// unless a report settles it first. Any other message waits for a report and is not repeated.
func uncertain(m *Message, tries []Try, why string, now time.Time) {
	if m.State == Arrived && m.Purpose != PurposeMeter {
		m.Open = false
		return
	}
	if m.State != Arrived {
		m.State, m.Failure = Uncertain, cut(why, MaxWhy)
	}
	unknown := 0
	for _, t := range tries {
		if t.Outcome == Unknown.String() {
			unknown++
		}
	}
	most, pause := unknownMost, Pause(unknown-1)
	if m.Purpose.cuts() { // nobody is cut off until this warning has surely left, so the warning gets all its tries
		most = MaxTries
		if unknown > unknownMost {
			pause = cutPause
		}
	}
	if !m.harmless() || unknown > most || len(tries) >= MaxTries {
		m.Open, m.EndedAt = false, now
		return
	}
	m.NextAt = now.Add(pause)
}

// undelivered sends a message again after the network gave up the try t, which was the last one. The try holds the network's reason.
func undelivered(m *Message, tries []Try, t *Try, ways Routes, now time.Time) {
	t.Outcome = NotSent.String()
	m.Open = true
	reroute(m, tries, ways, strings.TrimSuffix("not delivered: "+t.Why, ": "), now)
}

// reported updates a message after a delivery report about the try t.
func reported(m *Message, tries []Try, t *Try, r Report, ways Routes, now time.Time) {
	t.Report = r.State.String()
	at := r.At
	if at.IsZero() || at.After(now) {
		at = now
	}
	switch {
	case m.State == Answered:
		// The meter's answer came before the report, so the report adds only the time of delivery.
		if r.State == Delivered && m.DeliveredAt.IsZero() {
			m.DeliveredAt = at
			if at.After(m.AnsweredAt) {
				m.DeliveredAt = m.AnsweredAt
			}
		}
	case r.State == Delivered:
		if m.DeliveredAt.IsZero() {
			m.DeliveredAt = at
		}
		if m.SentAt.IsZero() {
			m.SentAt = at
		}
		if m.Purpose == PurposeMeter && (m.State.Over() || m.Asking) {
			return // the meter's answer, or its absence, outweighs the report
		}
		m.State, m.Failure = Arrived, ""
		if m.Purpose != PurposeMeter {
			m.Open, m.EndedAt = false, time.Time{}
		}
	case r.State == Failed:
		t.Why = cut(r.Why, MaxWhy)
		if !t.underWay() && t.N == len(tries) && m.State != Arrived && !m.State.Over() {
			// While a try is under way, settle does this after the route's answer.
			undelivered(m, tries, t, ways, now)
		}
	}
}
