package app

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
)

// Synced reports whether the system's time service says that it keeps this machine's clock.
func Synced() bool { return plantSynced(timeService)() }

// synced reports whether the time service vouches for the clock that is gone by. Where that is a database's, it does while
// the two agree.
func (a *App) synced() bool {
	return a.c.Synced() && a.apart().Abs() <= store.MaxApart
}

// startClock asks whether the clock is right before anything is served.
func (a *App) startClock() error { return a.vending.StartClock(a.stopping, tenant) }

// clockEvery is how often the clock is looked at.
const clockEvery = 5 * time.Second

// watchClock looks at the clock, notes while it is trusted that it is, and logs when that changes.
func (a *App) watchClock(ctx context.Context) error {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	var was refusal.Code
	for {
		no, err := a.vending.NoteClock(ctx, tenant)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			a.log.Warn("time not noted", logkey.Err, err)
		case no.Code != was && no.Refused():
			a.log.Error("clock in doubt", logkey.Reason, no.Detail())
		case no.Code != was:
			a.log.Info("clock trusted")
		}
		if err == nil {
			was = no.Code
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// askEvery is how often it is asked whether the clock is trusted by now.
const askEvery = time.Second

// onceTrusted runs a part of the server that acts by the clock: it sends what is due, gives up what has expired, charges
// for days. It begins when it is settled that the clock was right at the start; until then it is as if the server were off.
func (a *App) onceTrusted(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(askEvery)
		defer tick.Stop()
		for a.vending.ClockAsked() {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
		return run(ctx)
	}
}

// clockDoubted reports whether nothing may be dated by the clock: it was moved, or it is far ahead since the start, and
// nobody has said that it is right.
func (a *App) clockDoubted() bool { return a.vending.ClockDoubted() }

// dayDoubted reports whether it is in doubt which day it is: the clock is, or it is the database's and this server's own
// differs.
func (a *App) dayDoubted() bool {
	return a.clockDoubted() || a.apart().Abs() > store.MaxApart
}

// apart is by how much the clock that is gone by is ahead of this machine's own.
func (a *App) apart() time.Duration {
	if a.engine.shared == nil {
		return 0
	}
	return a.engine.shared.Apart()
}
