package app

import (
	"cmp"
	"context"
	"net"
	"time"

	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// sharedListener is the listener for many unmodified devices.
type sharedListener struct {
	*gateway.Devices
	socket net.Listener
}

// openDevices opens the address of the shared listener, if there is one.
func (a *App) openDevices() (err error) {
	if a.c.Devices == "" {
		return nil
	}
	s := &sharedListener{}
	if s.socket, err = listenFor(a.crowd("devices", listen.Few()), config.MQTTDevices, a.c.Devices, "devices"); err != nil {
		return err
	}
	a.shared = s
	s.Devices, err = gateway.NewDevices(gateway.DevicesConfig{Listener: s.socket, Profiles: a.c.Profiles, PollEvery: cmp.Or(a.c.LegacyPoll, defaultLegacyPoll),
		Now: a.c.Now, Log: a.log, OnConnected: a.connected, OnDisconnected: a.disconnected, OnClaim: a.claimed,
		Unread: func(ctx context.Context, who registry.Identity, p *profile.Profile, at time.Time) error {
			return a.devices.Unread(ctx, who, p, at)
		},
		Admits: func(ctx context.Context, user, password string) (bool, error) {
			return a.adoption.Admits(ctx, tenant, user, password)
		},
		Find: func(ctx context.Context, name string) (profile.Adopted, registry.Identity, bool, error) {
			d, who, found, err := a.adoption.Find(ctx, tenant, name)
			return d, who, found && a.legacyOf(who.Number) == nil, err
		},
		Take: func(ctx context.Context, who registry.Identity, p *profile.Profile, h profile.Incoming) (profile.Outcome, error) {
			t, err := a.devices.Take(ctx, who, p, h)
			a.mirror.mark(who.Number)
			return t, err
		},
		Account: func(ctx context.Context, who registry.Identity) (profile.Account, error) {
			return a.devices.Account(ctx, who, a.c.Now())
		}})
	return err
}

// serveDevices serves the shared listener until ctx ends.
func (a *App) serveDevices(ctx context.Context) error {
	if a.shared == nil {
		return nil
	}
	return a.shared.Run(ctx)
}

// claimed raises an alarm: another client has used the name of a meter's device.
func (a *App) claimed(who registry.Identity, c profile.Claim) {
	go func() {
		if err := a.devices.Claimed(a.stopping, who, c); err != nil && a.stopping.Err() == nil {
			a.log.Warn("alarm not raised", logkey.Meter, who.Number, logkey.Err, err)
		}
	}()
}

// Devices returns the address of the shared listener; empty if there is none.
func (a *App) Devices() string {
	if a.shared == nil {
		return ""
	}
	return a.shared.Addr().String()
}

// deviceLive returns the state of a meter's unmodified device.
func (a *App) deviceLive(number string) (profile.Live, bool) {
	if l := a.deviceOf(number); l != nil {
		return l.Status(), true
	}
	return profile.Live{}, false
}

// adopting returns the use cases about the devices of the shared listener. They also work if this server has none.
func (a *App) adopting() *profile.Adoption {
	return profile.NewAdoption(profile.AdoptionConfig{Profiles: a.c.Profiles, Hasher: a.data, Rand: a.c.Rand, Now: a.c.Now, Live: a.deviceLive,
		Door:    store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) profile.AdoptTx { return tx }),
		Listens: func() bool { return a.shared != nil },
		OwnPort: func(number string) bool { return a.legacyOf(number) != nil },
		OwnProfile: func(number string) *profile.Profile {
			if l := a.legacyOf(number); l != nil {
				return l.Profile()
			}
			return nil
		},
		Rebound: func(number string) {
			if l := a.legacyOf(number); l != nil {
				l.Rebound()
			}
		},
		Strangers: func() []profile.UnknownDevice {
			if a.shared == nil {
				return nil
			}
			return a.shared.Strangers()
		},
		Claimed: func(name string) (profile.Claim, bool) {
			if a.shared == nil {
				return profile.Claim{}, false
			}
			return a.shared.Claimed(name)
		},
		Changed: func(name string) {
			if a.shared != nil {
				a.shared.Changed(name)
			}
		},
		Relogin: func() { ring(a.loginsMoved) }})
}
