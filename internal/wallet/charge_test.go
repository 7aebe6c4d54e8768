package wallet_test

import (
	"context"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// nothing is the rest of a transaction, which these tests do not need.
type nothing struct{ wallet.Tx }

// till is a desk whose account was listed to be charged.
type till struct {
	*desk
	nothing
	charged string
}

func (d *till) Do(_ context.Context, _ access.Tenant, fn func(wallet.Tx) (bool, error)) error {
	_, err := fn(d)
	return err
}

func (d *till) View(_ context.Context, _ access.Tenant, fn func(wallet.Tx) error) error { return fn(d) }

func (d *till) JobDone(string, string) (bool, error) { return false, nil }

func (d *till) JobRun(string, string) (bool, error) { return true, nil }

func (d *till) WalletsUncharged(string, int64, int) ([]wallet.ChargeAccount, error) {
	return []wallet.ChargeAccount{{Meter: wallet.Meter{N: 1, Account: id.ID{15: 1}, Active: true}, OpenedAt: d.now.AddDate(0, 0, -2)}}, nil
}

func (d *till) WalletChargedTo(id.ID) (string, error) { return d.charged, nil }

func (d *till) ChargedTo(_ id.ID, date string) error {
	d.charged = date
	return nil
}

// TestAnAccountThatWasClosedMeanwhileIsNotCharged closes it, or takes its meter away, between the list and its transaction.
func TestAnAccountThatWasClosedMeanwhileIsNotCharged(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*desk)
		want int
		to   string
	}{
		"active":         {func(*desk) {}, 3, "2026-11-18"},
		"closed":         {func(d *desk) { d.rows[0].Meter.Active = false }, 0, ""},
		"without meters": {func(d *desk) { d.rows = nil }, 0, ""},
	} {
		d := &till{desk: newDesk(t, 100_000, 1)}
		d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
		c.do(d.desk)
		w := wallet.New(wallet.Config{Door: d, Now: func() time.Time { return d.now }})
		got, err := w.ChargeDays(t.Context(), access.SystemActor(1, "test"))
		if err != nil || got != c.want || d.charged != c.to {
			t.Errorf("%s: %d days charged up to %q, %v; want %d up to %q", name, got, d.charged, err, c.want, c.to)
		}
	}
}
