package app

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Synced reports whether the system's time service says that it synchronises this machine's clock.
func Synced() bool { return plantSynced(timeService)() }

// synced reports whether the time service confirms the clock that the server uses. It confirms a database's clock while that
// clock agrees with this machine's.
func (a *App) synced() bool {
	return a.c.Synced() && a.apart().Abs() <= wallet.MaxApart
}

// machineUp returns the identity of this machine's present boot and for how long the machine has run since then. The identity is empty
// where the system does not tell it.
func machineUp() (boot string, up time.Duration) { return plantMachine(bootTime)() }

// startClock checks the clock before the server accepts requests.
func (a *App) startClock() error { return a.vending.StartClock(a.stopping, tenant) }

// clockEvery is how often the clock is checked.
const clockEvery = 5 * time.Second

// watchClock checks the clock regularly, records that it is trusted, and logs changes.
func (a *App) watchClock(ctx context.Context) error {
	var was refusal.Code
	return every(ctx, clockEvery, nil, func() {
		no, err := a.vending.NoteClock(ctx, tenant)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			a.log.Warn("clock not recorded", logkey.Err, err)
		case no.Code != was && no.Refused():
			a.log.Error("clock in doubt", logkey.Reason, no.Detail())
		case no.Code != was:
			a.log.Info("clock trusted")
		}
		if err == nil {
			was = no.Code
		}
	})
}

// askEvery is how often onceTrusted checks whether the clock is trusted.
const askEvery = time.Second

// onceTrusted runs a part of the server that acts by the clock, such as sending, expiring, or charging for days. As long as it
// is in doubt whether the clock was right when the server started, that part does nothing, as if the server were switched off.
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

// clockDoubted reports whether the clock must not be used for dates: it was moved, or was far ahead at the start, and nobody
// has confirmed it.
func (a *App) clockDoubted() bool { return a.vending.ClockDoubted() }

// dayDoubted reports whether the present day is in doubt: the clock is in doubt, or the database's clock and this server's
// own differ by more than [wallet.MaxApart].
func (a *App) dayDoubted() bool {
	return a.clockDoubted() || a.apart().Abs() > wallet.MaxApart
}

// apart returns by how much the clock that the server uses is ahead of this machine's own.
func (a *App) apart() time.Duration {
	if a.engine.shared == nil {
		return 0
	}
	return a.engine.shared.Apart()
}
