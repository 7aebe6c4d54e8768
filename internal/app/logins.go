package app

import (
	"bytes"
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/registry"
)

// Times of the watch over logins.
const (
	loginsEvery = 2 * time.Second // how often a server looks for logins that another server changed, or that have run out
	// loginsAgain is how long each look goes back behind the one before: a change is stamped when its transaction begins, and seen after
	// its commit. The database's clock may also be corrected meanwhile.
	loginsAgain = 2 * time.Minute
)

// watchLogins ends the connections of meters and devices whose login no longer counts: at once after a change by this server, and within
// loginsEvery after one by another server.
func (a *App) watchLogins(ctx context.Context) error {
	last := a.started
	var devices deviceLogins
	return every(ctx, loginsEvery, a.loginsMoved, func() {
		now := a.c.Now()
		changed, err := a.registry.LoginsChanged(ctx, last.Add(-loginsAgain), now)
		if err == nil {
			err = a.gateway.LoginsChanged(ctx, changed)
		}
		if err == nil {
			err = devices.look(ctx, a)
		}
		switch {
		case err == nil:
			last = now
		case ctx.Err() == nil:
			a.log.Warn("connections of meters not checked", logkey.Err, err)
		}
	})
}

// deviceLogins watches the password of the shared listener for devices.
type deviceLogins struct {
	form []byte // its stored form at the last look; nil for none, and before the first look
}

// look ends all connections to the listener if it has another password than at the last look. The first look ends those that came
// between the server's start and it: their password may be an old one.
func (d *deviceLogins) look(ctx context.Context, a *App) error {
	if a.shared == nil {
		return nil
	}
	form, err := a.adoption.PasswordForm(ctx, tenant)
	if err != nil {
		return err
	}
	if form != nil && !bytes.Equal(form, d.form) {
		a.shared.Relogin()
	}
	d.form = form
	return nil
}

// stillSignedIn tells the gateway whether a meter may stay.
func (a *App) stillSignedIn(ctx context.Context, who registry.Identity) (bool, error) {
	return a.registry.StillSignedIn(ctx, who)
}

// ring wakes whoever waits for a channel; it never blocks.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default: // it rings already
	}
}
