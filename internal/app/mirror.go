package app

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// Times and limits of the mirror.
const (
	mirrorEvery = time.Second     // how often the meters that sent something are copied again
	mirrorSweep = 5 * time.Second // how often all meters are copied: new ones, changes without a message, and meters of other servers
	mirrorRest  = 20              // the pause after a sweep is mirrorSweep, or this many times the sweep's length if that is longer
	mirrorPage  = 200             // meters in one query
	mirrorFew   = 1000            // if more meters than this sent something at once, all are copied
)

// mirrorFeed maintains the integration broker's copy of the meters. It is nil if the server has no broker.
type mirrorFeed struct {
	*gateway.Integration
	socket net.Listener

	cleared bool // no meter has gone since those that are gone were cleared

	mu    sync.Mutex
	heard map[string]struct{}
}

// openIntegration opens the address of the integration broker, if there is one.
func (a *App) openIntegration() (err error) {
	if a.c.Integration == "" {
		return nil
	}
	logins := newLogins(a.engine, a.c, a.data)
	r := &mirrorFeed{heard: map[string]struct{}{}}
	if r.socket, err = listenFor(a.crowd("integrations", listen.Few()), config.MQTTIntegration, a.c.Integration, "integrations"); err != nil {
		return err
	}
	a.mirror = r
	r.Integration, err = gateway.NewIntegration(gateway.IntegrationConfig{Listener: r.socket, TLS: a.tls, Log: a.log,
		Auth: func(ctx context.Context, user, password string) (mirror.Login, bool) {
			l, ok, err := logins.Check(ctx, user, password)
			if err != nil {
				a.log.Error("integration login failed", logkey.Err, err)
			}
			return l, ok && err == nil
		},
		InForce: func(ctx context.Context, user string) bool {
			ok, err := logins.InForce(ctx, user)
			return ok || err != nil // a database error disconnects nobody
		}})
	return err
}

func newLogins(e store.Engine, c Config, h access.Hasher) *mirror.Logins {
	return mirror.NewLogins(store.DoorTo(e, store.Sale, func(tx *store.Tx) mirror.Tx { return tx }), c.Now, c.Rand, h)
}

// reflect updates the copy until ctx ends.
func (a *App) reflect(ctx context.Context) error {
	if a.mirror == nil {
		return nil
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	failed := make(chan error, 1)
	serving.Go(func() { failed <- a.mirror.Run(ctx) })
	tick := time.NewTicker(mirrorEvery)
	defer tick.Stop()
	known, next := map[string]bool{}, time.Time{}
	for {
		if !a.mirror.cleared {
			a.mirror.cleared = a.clearGone(ctx)
		}
		heard := a.mirror.take()
		if begun := time.Now(); begun.After(next) || len(heard) > mirrorFew {
			a.sweep(ctx, known)
			next = time.Now().Add(max(mirrorSweep, mirrorRest*time.Since(begun)))
		} else {
			for _, number := range heard {
				a.look(ctx, number)
			}
		}
		select {
		case <-ctx.Done():
			return <-failed
		case err := <-failed:
			return err
		case <-tick.C:
		}
	}
}

// mark notes that a meter sent something.
func (r *mirrorFeed) mark(number string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.heard) <= mirrorFew {
		r.heard[number] = struct{}{}
	}
}

// take returns the meters that were marked since the last call.
func (r *mirrorFeed) take() (heard []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	heard = slices.Collect(maps.Keys(r.heard))
	clear(r.heard)
	return heard
}

// markAll notes all meters of a batch.
func (r *mirrorFeed) markAll(recs []metering.Record) {
	if r == nil {
		return
	}
	for i := range recs {
		r.mark(recs[i].Number)
	}
}

// look copies one meter.
func (a *App) look(ctx context.Context, number string) {
	v, err := a.registry.Meter(ctx, access.SystemActor(tenant, "mirror"), number)
	if err == nil && !v.Refused() {
		err = a.show(v)
	}
	if err != nil && ctx.Err() == nil {
		a.log.Warn("meter not mirrored", logkey.Meter, number, logkey.Err, err)
	}
}

func (a *App) show(v registry.MeterView) error {
	if v.Meter.Status.IsGone() {
		return a.mirror.Drop(v.Meter.Number)
	}
	messages, err := mirror.Messages(v, a.c.Version.Version)
	if err != nil {
		return err
	}
	return a.mirror.Put(v.Meter.Number, v.Customer.ID, messages)
}

// clearGone clears the meters that were removed or scrapped last, also before this server started: programs may still have what it once published
// about them, also those of a customer who has moved out.
func (a *App) clearGone(ctx context.Context) bool {
	gone, err := a.registry.GoneMeters(ctx, access.SystemActor(tenant, "mirror"), gateway.MaxCleared)
	for i := len(gone.Data) - 1; i >= 0 && err == nil; i-- { // the last one is remembered longest
		err = a.mirror.Clear(gone.Data[i].Number, gone.Data[i].Customer)
	}
	if err != nil && ctx.Err() == nil {
		a.log.Warn("meters that are gone not cleared", logkey.Err, err)
	}
	return err == nil
}

// sweep copies every meter and removes the copies of meters that are gone. The parameter known holds the last sweep's meters.
func (a *App) sweep(ctx context.Context, known map[string]bool) {
	by := access.SystemActor(tenant, "mirror")
	seen, page := map[string]bool{}, registry.Page{Limit: mirrorPage}
	for {
		all, err := a.registry.Meters(ctx, by, registry.MeterFilter{}, page)
		if err != nil || all.Refused() {
			if ctx.Err() == nil {
				a.log.Warn("meters not mirrored", logkey.Err, err)
			}
			return
		}
		for i := range all.Data {
			seen[all.Data[i].Meter.Number] = true
			if err := a.show(all.Data[i]); err != nil {
				a.log.Warn("meter not mirrored", logkey.Meter, all.Data[i].Meter.Number, logkey.Err, err)
			}
		}
		if page.Cursor = all.Next; page.Cursor == "" {
			break
		}
	}
	for number := range known {
		if !seen[number] {
			a.mirror.cleared = false
			if err := a.mirror.Drop(number); err != nil {
				a.log.Warn("meter not removed from the mirror", logkey.Meter, number, logkey.Err, err)
			}
		}
	}
	clear(known)
	maps.Copy(known, seen)
}

// Integration returns the address of the integration broker; empty if there is none.
func (a *App) Integration() string {
	if a.mirror == nil {
		return ""
	}
	return a.mirror.Addr().String()
}
