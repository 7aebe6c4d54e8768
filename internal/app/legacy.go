package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// defaultLegacyPoll is how often a device is polled if the settings do not say.
const defaultLegacyPoll = 10 * time.Second

// maxLegacy is how many listeners for devices one server has: each takes a socket and one or two goroutines.
const maxLegacy = 256

// ErrLegacy is wrapped by errors in the configuration of device listeners.
var ErrLegacy = errors.New("mqtt_legacy")

// legacy is one listener for a device.
type legacy struct {
	*gateway.Legacy
	socket net.Listener
	meter  string // canonical number
}

// LegacyListener describes a listener for a device. The program prints it when the server is ready.
type LegacyListener struct{ Address, Meter, Profile string }

// openLegacy opens the addresses of all device listeners.
func (a *App) openLegacy() error {
	a.devices = profile.NewListener(store.DoorTo(a.engine, store.Reading, func(tx *store.Tx) profile.Tx { return tx }))
	listeners, err := checkListeners(a.c.Legacy)
	if err != nil {
		return err
	}
	for _, c := range listeners {
		if err := a.openDevice(c); err != nil {
			return err
		}
	}
	return nil
}

// checkListeners returns the listeners with the canonical numbers of their meters, or says why they cannot all be opened.
func checkListeners(given []config.Legacy) ([]config.Legacy, error) {
	if len(given) > maxLegacy {
		return nil, fmt.Errorf("%w: %d listeners, at most %d", ErrLegacy, len(given), maxLegacy)
	}
	seen := map[string]bool{}
	var out []config.Legacy
	for _, c := range given {
		number, no := registry.Canonical(c.Meter)
		if no.Refused() {
			return nil, fmt.Errorf("%w: the listener at %s: %s", ErrLegacy, c.Address, strings.TrimSuffix(no.What, "."))
		}
		if seen[number] {
			return nil, fmt.Errorf("%w: meter %s has two listeners, so two devices would report one register", ErrLegacy, number)
		}
		seen[number] = true
		c.Meter = number
		out = append(out, c)
	}
	return out, nil
}

func (a *App) openDevice(c config.Legacy) error {
	p := a.c.Profiles[c.Profile]
	if p == nil {
		return fmt.Errorf("%w: there is no profile %q; paywatt profile list lists all profiles", ErrLegacy, c.Profile)
	}
	purpose := "the device of meter " + c.Meter
	socket, err := listenFor(a.crowd(purpose, listen.Few()), config.MQTTLegacy, c.Address, purpose)
	if err != nil {
		return err
	}
	l := &legacy{socket: socket, meter: c.Meter}
	a.legacy = append(a.legacy, l)
	l.Legacy, err = gateway.NewLegacy(gateway.LegacyConfig{Listener: socket, Profile: p, PollEvery: cmp.Or(a.c.LegacyPoll, defaultLegacyPoll), Now: a.c.Now, Log: a.log,
		Meter: func(ctx context.Context) (registry.Identity, bool, error) { return a.registry.IdentityOf(ctx, c.Meter) },
		Take: func(ctx context.Context, who registry.Identity, h profile.Incoming) (profile.Outcome, error) {
			t, err := a.devices.Take(ctx, who, p, h)
			a.mirror.mark(who.Number)
			return t, err
		},
		Account: func(ctx context.Context, who registry.Identity) (profile.Account, error) {
			_, stays, err := a.registry.IdentityOf(ctx, c.Meter)
			if err == nil && !stays {
				err = profile.ErrReleased // the meter was removed
			}
			if err != nil {
				return profile.Account{}, err
			}
			return a.devices.Account(ctx, who, a.c.Now())
		},
		Unread: func(ctx context.Context, who registry.Identity, at time.Time) error {
			return a.devices.Unread(ctx, who, p, at)
		},
		OnConnected: a.connected, OnDisconnected: a.disconnected, OnClaim: a.claimed})
	return err
}

// serveLegacy serves every listener for devices until ctx ends or one of them breaks.
func (a *App) serveLegacy(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for _, l := range a.legacy {
		all.Go(func() {
			if err := l.Run(ctx); err != nil && ctx.Err() == nil {
				stop(err)
			}
		})
	}
	all.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// kick wakes the message worker and makes the connections of legacy devices read their accounts again. It is called, for
// example, after money has moved.
func (a *App) kick() {
	a.messages.Kick()
	for _, l := range a.legacy {
		l.Kick()
	}
	if a.shared != nil {
		a.shared.Kick()
	}
}

// legacyConnected reports whether the meter's device is connected to its listener.
func (a *App) legacyConnected(number string) bool {
	l := a.deviceOf(number)
	return l != nil && l.Connected()
}

// deviceOf returns the connection of a meter's unmodified device, at its own listener or at the shared one; nil if there is none.
func (a *App) deviceOf(number string) *gateway.Legacy {
	if l := a.legacyOf(number); l != nil {
		return l.Legacy
	}
	if a.shared == nil {
		return nil
	}
	return a.shared.Of(number)
}

// legacyOf returns the listener of a meter by its canonical number, or nil.
func (a *App) legacyOf(number string) *legacy {
	for _, l := range a.legacy {
		if l.meter == number {
			return l
		}
	}
	return nil
}

// Legacy returns the device listeners with the addresses on which they accept connections.
func (a *App) Legacy() []LegacyListener {
	out := make([]LegacyListener, 0, len(a.legacy))
	for _, l := range a.legacy {
		out = append(out, LegacyListener{Address: l.Addr().String(), Meter: l.meter, Profile: l.Profile().Name})
	}
	return out
}

// answering returns the use cases that act for devices.
func (a *App) answering() *profile.Devices {
	return profile.NewDevices(profile.DevicesConfig{Listener: a.devices, Meter: a.registry.Meter, Now: a.c.Now,
		Live: func(number string) (profile.Live, bool) {
			return a.deviceLive(number)
		},
		Toggle: func(number string) bool {
			l := a.deviceOf(number)
			return l != nil && l.Toggle()
		},
		Tell: func(number string, w profile.Words) bool {
			l := a.deviceOf(number)
			return l != nil && l.Summarise(w)
		}})
}
