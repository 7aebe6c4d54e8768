package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/metering"
)

// Limits for setting clocks.
const (
	// clockEvery is the shortest time between two settings of a meter's clock, and the lifetime of the command for a clock that runs ahead.
	clockEvery = time.Hour
	// clockSoon is the lifetime of the command for a clock that is behind.
	clockSoon = 5 * time.Minute
	// sameLag is how much the lags of two readings may differ if the clock is behind. If they differ more, the meter is catching up on a
	// backlog.
	sameLag = time.Minute
)

// Lag holds how far a meter's clock was behind the server's at two readings, and the time between their arrivals, if the two lags agree to
// a minute. It is zero if they do not agree, because the lag of late readings shrinks while the meter catches up.
type Lag struct{ By, Over time.Duration }

// LagOf compares a reading with an earlier reading. For both it gets the meter's time and the time of receipt.
func LagOf(at, received, wasAt, wasReceived time.Time) Lag {
	is, was := received.Sub(at), wasReceived.Sub(wasAt)
	if diff := is - was; diff > sameLag || diff < -sameLag {
		return Lag{}
	}
	return Lag{By: min(is, was), Over: received.Sub(wasReceived)}
}

// behind reports whether the meter's clock is so far behind that its readings look old even if they arrive at once. Two readings are one
// interval apart, give or take the network's delay.
func (c *pointState) behind(r Row) bool {
	return r.Lag.Over >= c.Interval-sameLag && r.Lag.By > c.freshFor()/2
}

// setClock sets a clock that cannot be trusted, runs ahead or is far behind, unless the server's own clock is in doubt. The clock of a
// simulated meter is not set, because that meter lives in its own time. A meter checks a command's expiry by the meter's clock. So if that
// clock runs ahead, the command gets an expiry by that clock. A replay before the expiry fails, because a meter accepts each counter only
// once. For a clock that is only behind, the command lives for minutes. A command that arrived later could set back a clock that was
// corrected meanwhile. Energy would then get the prices of another time.
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

// clockSet reports whether the meter refused a command because it had expired by the meter's clock, and whether that clock has been set
// since.
func (c *pointState) clockSet(o Progress) bool {
	return o.State == "failed" && o.why() == "expired" && c.Seen.Clock.Done() && !c.Seen.Clock.Since.Before(o.Since)
}
