package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/store"
)

// Times of a running server.
const (
	shutdownTime = 10 * time.Second // time that requests under way get to end
	recoverEvery = time.Minute      // how often it asks again about sales without an answer
	chargeEvery  = time.Minute      // how often it checks whether a local day has begun

	takeOverEvery = time.Second // between attempts to release the claims of a dead server
)

// Run serves until ctx ends or a part of the server breaks, then closes everything. Everything acknowledged by then is
// durable; the rest will be requested again.
func (a *App) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	a.running.Store(&ctx)
	var parts sync.WaitGroup
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"claims", a.takeOver}, {"last digits", a.addTails}, {"HTTP", a.serving(a.http, a.handler)}, {"metrics", a.serving(a.metrics, a.metered)}, {"certificate", a.watchCertificate}, {"copies of heads", a.copyHeads}, {"meters", a.gateway.Run}, {"meters' logins", a.watchLogins}, {"clock", a.watchClock}, {"outbox", a.onceTrusted(a.outbox.Run)}, {"notices", a.onceTrusted(a.notices.Run)}, {"payments", a.onceTrusted(a.paying.Run)}, {"reconciliations", a.onceTrusted(a.reconcile)}, {"unreadable calls", a.onceTrusted(a.ownCalls)}, {"lists of payments", a.onceTrusted(a.sweepPayments)},
		{"events", a.onceTrusted(a.spreading.Run)}, {"webhooks", a.onceTrusted(a.deliverer.Run)},
		{"supplies", a.onceTrusted(a.watch)}, {"configurations", a.onceTrusted(a.configure)}, {"recurring work", a.onceTrusted(a.runner.Run)}, {"recovery", a.onceTrusted(a.recover)},
		{"fixed charges", a.onceTrusted(a.charge)}, {"wallets", a.onceTrusted(a.settle)}, {"silence", a.onceTrusted(a.missMeters)}, {"standbys", a.onceTrusted(a.missStandbys)},
		{"alarms of servers", a.confirmAlarms},
		{"verification", a.verify}, {"sessions", a.present}, {"devices", a.serveLegacy}, {"shared listener", a.serveDevices}, {"printers", a.spool.Run}, {"integrations", a.reflect}, {"messages", a.onceTrusted(a.serveMessages)},
	} {
		parts.Go(func() {
			if err := part.run(ctx); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("%s: %w", part.name, err))
			}
		})
	}
	<-ctx.Done()
	a.log.Info("server stopping", logkey.Reason, context.Cause(ctx).Error())
	parts.Wait()
	err := a.close()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// takeOver releases the claims of a dead process at once, if the folder's lock proves that this is the only server of the
// database. On a full disk it waits for room; until then the server sends nothing.
func (a *App) takeOver(ctx context.Context) error {
	if a.engine.shared != nil {
		return nil
	}
	for {
		err := a.engine.Run(ctx, tenant, store.Job, func(tx *store.Tx) (bool, error) { return false, tx.TakeOver(a.holder, a.started) })
		if err == nil {
			a.kick()
			return nil
		}
		a.warn(ctx, "claims of a dead server not released yet", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(takeOverEvery):
		}
	}
}

// addTails makes the tokens of an earlier version findable by their last digits, once.
func (a *App) addTails(ctx context.Context) error {
	n, err := search.AddTails(ctx, store.DoorTo(a.engine, store.Job, (*store.Tx).Tails), tenant, a.data)
	a.warn(ctx, "last digits of tokens not stored", err)
	if n > 0 {
		a.log.Info("last digits of tokens stored", logkey.Count, n)
	}
	return nil
}

// warn logs that a part of the server could not do its work, unless it could not because the server is stopping.
func (a *App) warn(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		a.log.Warn(what, logkey.Err, err)
	}
}

// every calls the function do at once, after each period and whenever the channel wake has a value, until ctx ends.
func every(ctx context.Context, period time.Duration, wake <-chan struct{}, do func()) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-wake:
		}
	}
}

// serving returns the part of the server that answers the requests of one listener; a nil listener needs none.
func (a *App) serving(on net.Listener, h http.Handler) func(context.Context) error {
	if on == nil {
		return func(context.Context) error { return nil }
	}
	return func(ctx context.Context) error { return a.serveHTTP(ctx, on, h) }
}

// serveHTTP answers requests. When ctx ends, it accepts no new requests, and the running ones get shutdownTime to end.
func (a *App) serveHTTP(ctx context.Context, on net.Listener, h http.Handler) error {
	s := a.server(h)
	ended := make(chan error, 1)
	go func() {
		if a.tls != nil {
			ended <- s.ServeTLS(on, "", "")
			return
		}
		ended <- s.Serve(on)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := s.Shutdown(grace)
	if err != nil {
		err = errors.Join(err, s.Close())
	}
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// present maintains the sessions of the meters that are connected here, if other servers share the database.
func (a *App) present(ctx context.Context) error {
	if a.presence == nil {
		return nil
	}
	return a.presence.Run(ctx)
}

// recover finishes sales and reversals that a crash, a lost answer or a meter left open: at once, every minute, and when a
// meter has answered. It does not run while the clock is in doubt.
func (a *App) recover(ctx context.Context) error {
	by := access.SystemActor(tenant, "recovery")
	return every(ctx, recoverEvery, a.answered, func() {
		n, err := unless(a.clockDoubted, func() (int, error) { return a.vending.Recover(ctx, by) })
		a.warn(ctx, "open sales not finished", err)
		if n > 0 {
			a.log.Info("open sales finished", logkey.Count, n)
		}
	})
}

// due wakes the workers of the given lanes. A commit has just added work to these lanes that is due now, such as a cut-off after a reading,
// or a command that waited until its meter had answered the command before it.
func (a *App) due(lanes []string) {
	for _, lane := range lanes {
		switch lane {
		case job.LaneMQTT:
			kick(a.outbox)
		case job.LaneNotice:
			kick(a.notices)
		case job.LanePayment:
			kick(a.paying)
		case job.LaneWebhook:
			kick(a.spreading)
		case job.LaneLogin:
			ring(a.loginsMoved)
		}
	}
}

// kick wakes a worker if there is one. The store may commit before the workers exist. When they start, they find the committed work.
func kick(o *job.Outbox) {
	if o != nil {
		o.Kick()
	}
}

// ingest passes a meter's message to the store, and wakes the recovery of sales and reversals once an answer to a command or
// a token report is durable.
func (a *App) ingest(recs []metering.Record, done func([]metering.Outcome, error)) error {
	answers := slices.ContainsFunc(recs, func(r metering.Record) bool { return r.Bad == nil && (r.Rec.Command != nil || r.Rec.Token != nil) })
	return a.engine.Ingest(recs, func(out []metering.Outcome, err error) {
		a.mirror.markAll(recs)
		done(out, err)
		if answers && err == nil {
			select {
			case a.answered <- struct{}{}:
			default: // the worker has another wake pending
			}
		}
	})
}

// watchEvery is how often waiting supplies are checked.
const watchEvery = 20 * time.Second

// watch checks supplies that wait for the end of friendly hours or of a notice, and leases whose time is running out.
func (a *App) watch(ctx context.Context) error {
	by := access.SystemActor(tenant, "wallets")
	return every(ctx, watchEvery, nil, func() {
		n, err := a.wallets.Watch(ctx, by)
		a.warn(ctx, "supply check failed", err)
		if n > 0 {
			a.kick()
		}
	})
}

// configureEvery is how often the server looks whether the utility's values for all meters have changed.
const configureEvery = 5 * time.Second

// configure sends meters that keep their credit themselves the configuration that they should have.
func (a *App) configure(ctx context.Context) error {
	by := access.SystemActor(tenant, "configurations")
	return every(ctx, configureEvery, nil, func() {
		_, err := a.configs.Watch(ctx, by)
		a.warn(ctx, "meters not configured", err)
	})
}

// missEvery is how often the server looks for silent meters.
const missEvery = time.Minute

// missMeters raises alarms for meters and feeders that have fallen silent.
func (a *App) missMeters(ctx context.Context) error {
	by := access.SystemActor(tenant, "silence")
	return every(ctx, missEvery, nil, func() {
		a.warn(ctx, "check for silent meters failed", a.silence.Look(ctx, by))
	})
}

// unless skips work while the clock is in doubt. The work is not lost: it is done once the clock is trusted.
func unless(doubted func() bool, do func() (int, error)) (int, error) {
	if doubted() {
		return 0, nil
	}
	return do()
}

// settle posts what wallets used and takes their fixed charges, at once and then every minute. Most runs find nothing to do: there is work
// only after each hour and each day. It does not run while the clock is in doubt.
func (a *App) settle(ctx context.Context) error {
	by := access.SystemActor(tenant, "wallets")
	return every(ctx, chargeEvery, nil, func() {
		days, err := unless(a.dayDoubted, func() (int, error) { return a.wallets.ChargeDays(ctx, by) })
		a.warn(ctx, "wallets not charged", err)
		accounts, err := unless(a.clockDoubted, func() (int, error) { return a.wallets.SettleDue(ctx, by) })
		a.warn(ctx, "use of wallets not posted", err)
		if n := days + accounts; n > 0 {
			a.log.Info("wallets settled", logkey.Count, n)
		}
	})
}

// reconcileEvery is how often days that are not closed are compared again.
const reconcileEvery = 10 * time.Minute

// reconcile compares the days of payment providers that have ended and are not closed. It does not run while the clock is in doubt.
func (a *App) reconcile(ctx context.Context) error {
	return every(ctx, reconcileEvery, nil, func() {
		_, err := unless(a.clockDoubted, func() (int, error) { return a.statements.RunDue(ctx, tenant) })
		a.warn(ctx, "payments not reconciled", err)
	})
}

// ownCallsEvery is how soon somebody looks after a payment provider's call that could not be read.
const ownCallsEvery = time.Minute

// ownCalls makes calls of payment providers that could not be read differences, so that somebody looks after each.
func (a *App) ownCalls(ctx context.Context) error {
	return every(ctx, ownCallsEvery, nil, func() {
		a.warn(ctx, "unreadable calls not listed", a.statements.OwnCalls(ctx, tenant))
	})
}

// charge makes fixed charges due once a local day, and makes those smaller that a correction of a tariff makes smaller. It runs at once, to make up for days when the server was off, and then every
// minute. Most runs find nothing to do. It does not run while the clock is in doubt.
func (a *App) charge(ctx context.Context) error {
	by := access.SystemActor(tenant, "fixed charges")
	return every(ctx, chargeEvery, nil, func() {
		n, err := unless(a.dayDoubted, func() (int, error) { return a.debts.Accrue(ctx, by) })
		a.warn(ctx, "fixed charges not raised", err)
		if n > 0 {
			a.log.Info("fixed charges raised", logkey.Count, n)
		}
		n, err = unless(a.dayDoubted, func() (int, error) { return a.debts.CorrectCharges(ctx, by) })
		a.warn(ctx, "fixed charges not corrected", err)
		if n > 0 {
			a.log.Info("fixed charges given back", logkey.Count, n)
		}
	})
}
