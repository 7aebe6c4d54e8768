// Package timeline tells what happened to a meter over time: its use by day, week and month, the course of its balance and of its load, and
// one list of everything that was sold to it, sent to it, heard from it and decided about it.
package timeline

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Tx is the part of a transaction that this package needs.
type Tx interface {
	Meters() registry.MeterLookup
	// WalletTenant returns the tenant's settings.
	WalletTenant() (wallet.Tenant, error)
	// ReadingsAround lists at most a number of a meter's readings in a span of the meter's time, in the order of that time. The newest
	// reading before the span comes first, and the oldest one after it comes last. The server's time stands for the time of a clock
	// that was not set.
	ReadingsAround(meter int64, s metering.Span, max int) ([]metering.StoredReading, error)
	// ReadingsAtEnds lists the first and the last reading of each of some meters in each of several spans, in the order of the spans and of time.
	ReadingsAtEnds(meters []int64, spans []metering.Span) (map[int64][]metering.StoredReading, error)
	// NewestReading returns the meter's time of its newest reading before a time, or of all if the time is zero. It returns zero for none.
	NewestReading(meter int64, before time.Time) (time.Time, error)
	// NewestReadings does so for some meters, of all their readings. A meter without one is missing.
	NewestReadings(meters []int64) (map[int64]time.Time, error)
	// WalletUse lists the use of a meter on a range of local days, the first and last day included, newest first.
	WalletUse(meter int64, from, to string, max int) ([]wallet.DayUse, error)
	// WalletBooked returns the balance of an account's wallet at the beginning of a time span, credit positive, and the bookings in that span.
	WalletBooked(account id.ID, from, to time.Time, max int) (opening money.Minor, booked []wallet.Booked, err error)
	// HeldEntries lists entries of the quarantine, newest first.
	HeldEntries(meter int64, open bool, before id.ID, max int) ([]quarantine.Entry, error)
	// AcceptedTokens lists the credit tokens that a meter accepted between two times of its own, in order.
	AcceptedTokens(meter int64, from, to time.Time, max int) ([]metering.StoredToken, error)
	// Moments lists at most max moments of a kind that are older than a place, newest first.
	Moments(kind Kind, meter int64, before Place, max int) ([]Moment, error)
}

// Config has the parts of a Timeline; every field is required.
type Config struct {
	Door    access.Door[Tx]
	Wallets *wallet.Wallets
	Sealer  registry.Hasher
	Now     func() time.Time
}

// Timeline answers what happened to meters.
type Timeline struct{ c Config }

// New makes a Timeline.
func New(c Config) *Timeline { return &Timeline{c} }

// look reads in one transaction.
func (t *Timeline) look(ctx context.Context, by access.Actor, fn func(tx Tx) error) error {
	_, err := access.Look(ctx, t.c.Door, by.Tenant, func(tx Tx) (struct{}, error) { return struct{}{}, fn(tx) })
	return err
}
