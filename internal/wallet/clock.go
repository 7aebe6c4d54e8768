package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/metering"
)

// Bounds of what is done about clocks.
const (
	// clockEvery is how often a meter's clock is set at most, and how long the command is worth sending to one that runs ahead.
	clockEvery = time.Hour
	// clockSoon is how long it is worth sending to one that is behind.
	clockSoon = 5 * time.Minute
	// sameLag is how much the lags of two readings may differ for a clock, and not a backlog, to be behind.
	sameLag = time.Minute
)

// Lag is how far a meter's clock was behind the server's at two readings, the same to a minute, and how far apart the server
// received them. The zero value says nothing: the lag of readings that come late shrinks while they are caught up with.
type Lag struct{ By, Over time.Duration }

// LagOf compares a reading with one that was received before it, each with the meter's time and the server's.
func LagOf(at, received, wasAt, wasReceived time.Time) Lag {
	is, was := received.Sub(at), wasReceived.Sub(wasAt)
	if diff := is - was; diff > sameLag || diff < -sameLag {
		return Lag{}
	}
	return Lag{By: min(is, was), Over: received.Sub(wasReceived)}
}

// behind reports whether the meter's clock is so far behind that its readings look old however fast they come. Readings lie an
// interval apart, but for what the network takes.
func (c *pointState) behind(r Row) bool {
	return r.Lag.Over >= c.Interval-sameLag && r.Lag.By > c.freshFor()/2
}

// setClock sets a clock that cannot be trusted, runs ahead or is far behind, unless the server's own is in doubt. A simulated
// meter lives in its own time. The meter refuses what has expired by its own clock, so the command expires by that; the counter
// keeps it from being replayed. To a clock that is only behind it is worth something for minutes: one that the network keeps
// back for longer would set a clock wrong that has been set right meanwhile, and move the use of that time to other prices.
func (c *pointState) setClock(r Row) {
	if c.doubt || r.Meter.Simulated || !r.Adrift && !c.behind(r) || !c.Commands || c.Seen.Clock.Open() || c.now.Sub(c.Seen.Clock.Since) < clockEvery {
		return
	}
	life := clockSoon
	if r.Said.After(c.now) {
		life = clockEvery
	}
	until := maxTime(c.now, r.Said).Add(life)
	if !metering.Writable(until.Unix()) {
		until = r.Said
	}
	c.order(r, &c.Supply.Clock, &c.Seen.Clock,
		Command{Type: CommandClock, TTL: life, Until: until, Reason: "the meter's clock is not right"})
}

// clockSet reports whether the meter refused a command because it had expired by its clock, and has had its clock set since.
func (c *pointState) clockSet(o Progress) bool {
	return o.State == "failed" && o.why() == "expired" && c.Seen.Clock.Done() && !c.Seen.Clock.Since.Before(o.Since)
}
