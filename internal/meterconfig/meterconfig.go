// Package meterconfig brings the configuration to meters that keep their credit themselves: emergency credit, friendly hours, limits of the
// load, a lifeline, texts. Start at [Configure]. The utility's values for all meters are settings; one meter's own values replace them
// ([Configs.Set]). The document travels as a signed command and is sent again until the meter reports it. A wallet meter gets its
// configuration from package wallet.
package meterconfig

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/meterdoc"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// ConfigureTx is the part of a transaction that brings a meter its configuration.
type ConfigureTx interface {
	// LockConfig locks a meter before its configuration is changed.
	LockConfig(meter int64) error
	// ConfigPoint reads the facts about a meter's configuration.
	ConfigPoint(meter int64) (p Point, found bool, err error)
	// PutMeterConfig stores the configuration of a meter.
	PutMeterConfig(m registry.Meter, r Row) error
	TenantSettings() (registry.Settings, error)
	// QueueCommand gives a meter a command. The command is signed when it is sent, and sent again until the meter answers or it expires.
	QueueCommand(wallet.MeterFacts, wallet.Command) (id.ID, error)
	// Withdraw ends a command that the meter has not carried out yet.
	Withdraw(m wallet.MeterFacts, t wallet.CommandType, order id.ID, why string) error
	// MetersToConfigure lists meters that keep their credit themselves and have connected at least once, by their dense numbers after one.
	MetersToConfigure(after int64, which Which, max int) ([]int64, error)
}

// Which says which meters to look at.
type Which int

// Meters to look at.
const (
	WhichOpen  Which = iota // that did not report the configuration that was decided last
	WhichKnown              // for which a configuration was decided, or that have values of their own
	WhichAll
)

// Tx is the part of a transaction that the use cases of this package need.
type Tx interface {
	Eyes() access.EyesTx
	Meters() registry.MeterLookup
	Configuring() ConfigureTx
	AuditLog(access.Entry) error
}

// orderTTL is how long a configuration waits for its meter.
const orderTTL = 24 * time.Hour

// Configure sends a meter the configuration that it should have, if it does not have it and it is not on its way. It changes nothing about
// a meter that takes none. The parameter met says that the meter has just connected.
func Configure(tx ConfigureTx, meter int64, now time.Time, met bool) error {
	if err := tx.LockConfig(meter); err != nil {
		return err
	}
	p, found, err := tx.ConfigPoint(meter)
	if err != nil || !found || !p.takes() {
		return err
	}
	s, err := tx.TenantSettings()
	if err != nil {
		return err
	}
	zone, err := zoneOf(s)
	if err != nil {
		return err
	}
	return p.configure(tx, s.MeterConfig, zone, now, met)
}

// configure carries out the decision about a meter whose facts are read.
func (p Point) configure(tx ConfigureTx, utility meterdoc.Values, zone *time.Location, now time.Time, met bool) error {
	d := decide(p, utility, zone, now, met)
	facts := wallet.MeterFacts{ID: p.Meter.ID, N: p.Meter.N, Number: p.Meter.Number, Simulated: p.Meter.Simulated}
	if d.withdraw {
		if err := tx.Withdraw(facts, wallet.CommandConfig, p.Command, "a newer configuration replaces it"); err != nil {
			return err
		}
	}
	if d.send != nil {
		var err error
		d.row.Command, err = tx.QueueCommand(facts, wallet.Command{Type: wallet.CommandConfig, TTL: orderTTL, Until: p.Clock.Add(orderTTL),
			Reason: "configuration of a meter", By: access.SystemActor(0, "configurations").String(), Args: wallet.ConfigArgs(d.row.Version, d.row.Hash, d.send)})
		if err != nil {
			return fmt.Errorf("send meter %s its configuration: %w", p.Meter.Number, err)
		}
	}
	if d.row.same(p.Row) {
		return nil
	}
	return tx.PutMeterConfig(p.Meter, d.row)
}

// same reports whether nothing of a row has changed but the meter's own values, which Set stores.
func (r Row) same(o Row) bool {
	return r.Version == o.Version && r.Hash == o.Hash && r.Doc == o.Doc && r.Asked.Equal(o.Asked) && r.Command == o.Command && r.Has == o.Has
}

// zoneOf returns the tenant's time zone.
func zoneOf(s registry.Settings) (*time.Location, error) {
	return localday.LoadZone(s.TZ)
}

// Config is what Configs need.
type Config struct {
	Door access.Door[Tx]
	Now  func() time.Time
}

// Configs carries out the use cases of this package.
type Configs struct {
	c Config
	// mark identifies the settings that the last look at all meters was made with, and at is when the last look ended.
	mark string
	at   time.Time
}

// New returns Configs.
func New(c Config) *Configs { return &Configs{c: c} }

// Bounds of one look at many meters.
const (
	watchMost = 100 // meters in one transaction
	// watchEvery is how often the meters are looked at that do not have their configuration.
	watchEvery = 30 * time.Minute
)

// Watch looks at every meter after a change of the utility's values or of local time, and from time to time at those that do not have their
// configuration. One goroutine calls it, as often as it likes. It returns the number of meters that it looked at.
func (c *Configs) Watch(ctx context.Context, by access.Actor) (int, error) {
	now := access.Stored(c.c.Now())
	w, err := access.Look(ctx, c.c.Door, by.Tenant, func(tx Tx) (watch, error) { return watchOf(tx.Configuring(), now) })
	if err != nil {
		return 0, fmt.Errorf("read the configuration of all meters: %w", err)
	}
	if w.mark == c.mark {
		if w.which = WhichOpen; now.Before(c.at.Add(watchEvery)) && !now.Before(c.at) {
			return 0, nil
		}
	}
	looked, b := 0, batch{full: true}
	for b.full && ctx.Err() == nil {
		b, err = access.Through(ctx, c.c.Door, by.Tenant, func(tx Tx) (batch, error) { return next(tx.Configuring(), b.last, w.which, now) })
		if err != nil {
			return looked, fmt.Errorf("configure meters: %w", err)
		}
		looked += b.done
	}
	c.mark, c.at = w.mark, now
	return looked, ctx.Err()
}

// batch says how far a look at many meters has come.
type batch struct {
	last int64 // the meter to continue after
	done int
	full bool
}

// Refused is false: a look refuses nothing.
func (batch) Refused() bool { return false }

// next looks at the next meters after one.
func next(tx ConfigureTx, after int64, which Which, now time.Time) (batch, error) {
	meters, err := tx.MetersToConfigure(after, which, watchMost)
	b := batch{last: after, done: len(meters), full: len(meters) == watchMost}
	for _, m := range meters {
		if err == nil {
			b.last, err = m, Configure(tx, m, now, false)
		}
	}
	return b, err
}

// watch says which meters a look at all of them concerns. Its mark identifies what their documents depend on.
type watch struct {
	mark  string
	which Which
}

func watchOf(tx ConfigureTx, now time.Time) (watch, error) {
	s, err := tx.TenantSettings()
	if err != nil {
		return watch{}, err
	}
	zone, err := zoneOf(s)
	if err != nil {
		return watch{}, err
	}
	out := watch{which: WhichAll}
	if len(s.MeterConfig) == 0 {
		out.which = WhichKnown
	}
	_, offset := now.In(zone).Zone()
	out.mark = fmt.Sprintf("%s %d", meterdoc.Hash(s.MeterConfig), offset)
	return out, nil
}
