package silence

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/metering"
)

// Limits of a look.
const (
	// page is the largest number of meters that one transaction reads.
	page = 2000
	// changes is the largest number of alarms that one look raises or clears. The next look continues.
	changes = 1000
	// blindAfter is the time without a look after which the server counts as not having listened.
	blindAfter = 2 * time.Minute
)

// Tx is the part of a transaction that looks for silent meters.
type Tx interface {
	// HeardMeters lists meters in service that have been heard, in the order of their private numbers, after the given number. It
	// does not set Connected.
	HeardMeters(after int64, max int) ([]Heard, error)
	// DarkFeeders lists the feeders whose alarm is open.
	DarkFeeders() ([]SilentFeeder, error)
	// RaiseFeeder opens the alarm of a feeder, or updates its text.
	RaiseFeeder(feeder string, a metering.Alarm) error
	// ClearFeeder closes the alarm of a feeder.
	ClearFeeder(feeder string) error
	RaiseAlarm(meter int64, a metering.Alarm) error
	ClearAlarm(meter int64, code metering.AlarmCode) error
}

// Config holds the parts that a Watch needs.
type Config struct {
	Door      access.Door[Tx]
	Connected func(number string) bool // whether a meter is connected to this server or another one of the same database
	Now       func() time.Time
}

// Watch looks for silent meters. It is not safe for concurrent use.
type Watch struct {
	c      Config
	since  time.Time // start of the present watch, without a gap of more than blindAfter between looks
	looked time.Time // time of the last look; zero before the first
}

// New returns a Watch.
func New(c Config) *Watch { return &Watch{c: c} }

// moment returns the current time in the form in which it is stored: UTC, whole microseconds.
func (w *Watch) moment() time.Time { return access.Stored(w.c.Now()) }

// Look compares the open alarms with the times at which meters were last heard. It opens, updates and closes alarms. Several
// servers may call Look at the same time, and each alarm still opens only once.
func (w *Watch) Look(ctx context.Context, by access.Actor) error {
	now := w.moment()
	if w.looked.IsZero() || now.Sub(w.looked) > blindAfter || now.Before(w.looked) {
		w.since = now
	}
	w.looked = now
	meters, dark, err := w.read(ctx, by.Tenant)
	if err != nil {
		return fmt.Errorf("look for silent meters: %w", err)
	}
	texts := make(map[string]string, len(dark))
	for _, d := range dark {
		texts[d.Feeder] = d.Text
	}
	j := Judge(meters, dark, now, w.since)
	var told []Feeder
	for _, f := range j.Feeders {
		if texts[f.Name] != f.Alarm().Text || slices.Contains(j.Back, f.Name) {
			told = append(told, f)
		}
	}
	if j.Feeders = told; j.nothing() {
		return nil
	}
	err = w.c.Door.Do(ctx, by.Tenant, func(tx Tx) (bool, error) { return false, j.tell(tx) })
	return fault.Wrap(err, "raise alarms for silent meters")
}

// read reads the meters in service and the open feeder alarms.
func (w *Watch) read(ctx context.Context, t access.Tenant) (meters []Heard, dark []SilentFeeder, err error) {
	for after, more := int64(0), true; more; {
		var rows []Heard
		err := w.c.Door.View(ctx, t, func(tx Tx) (err error) {
			if rows, err = tx.HeardMeters(after, page); err == nil && after == 0 {
				dark, err = tx.DarkFeeders()
			}
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		for i := range rows {
			rows[i].Connected = w.c.Connected(rows[i].Number)
		}
		if more = len(rows) == page; more {
			after = rows[page-1].Meter
		}
		meters = append(meters, rows...)
	}
	return meters, dark, nil
}

func (j Changes) nothing() bool {
	return len(j.Feeders)+len(j.Back)+len(j.Raise)+len(j.Clear) == 0
}

// tell changes the alarms. It closes alarms before it opens any, so that a feeder that fell silent again gets a
// new alarm with a new time.
func (j Changes) tell(tx Tx) error {
	for _, name := range j.Back {
		if err := tx.ClearFeeder(name); err != nil {
			return err
		}
	}
	for _, f := range j.Feeders {
		if err := tx.RaiseFeeder(f.Name, f.Alarm()); err != nil {
			return err
		}
	}
	for _, m := range j.Clear[:min(len(j.Clear), changes)] {
		if err := tx.ClearAlarm(m.Meter, AlarmMeter); err != nil {
			return err
		}
	}
	for _, m := range j.Raise[:min(len(j.Raise), changes)] {
		if err := tx.RaiseAlarm(m.Meter, m.alarm()); err != nil {
			return err
		}
	}
	return nil
}
