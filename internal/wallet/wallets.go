package wallet

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// Config is what the use cases need.
type Config struct {
	Door   access.Door[Tx]
	Now    func() time.Time
	Sealer Sealer // of the cursors of lists
}

// Sealer keeps cursors from being made up.
type Sealer interface {
	Seal(context string, plain []byte) []byte
	Open(context string, sealed []byte) ([]byte, error)
	Hash(context string, data []byte) []byte
}

// Wallets carries out the use cases of this package.
type Wallets struct{ c Config }

// New makes a Wallets.
func New(c Config) *Wallets { return &Wallets{c} }

// settleBatch is how many accounts one transaction settles.
const settleBatch = 20

// moment is now as it is stored: UTC, whole microseconds.
func (w *Wallets) moment() time.Time { return access.Stored(w.c.Now()) }

// batch is what one transaction of a job did.
type batch struct {
	last int64 // the meter to go on after
	full bool
	done int
}

// Refused is false: there is nothing to refuse.
func (batch) Refused() bool { return false }

// SettleDue posts what was accrued in hours that are over, and reports for how many accounts. It may run at any time, on
// several instances, and be cut off anywhere: what is posted is no longer accrued.
func (w *Wallets) SettleDue(ctx context.Context, by access.Actor) (int, error) {
	settled := 0
	for b := (batch{full: true}); b.full; {
		after := b.last
		var err error
		b, err = access.Through(ctx, w.c.Door, by.Tenant, func(tx Tx) (batch, error) { return settleSome(tx, w.moment(), after) })
		if err != nil {
			return settled, fmt.Errorf("post what wallets used: %w", err)
		}
		settled += b.done
	}
	return settled, nil
}

func settleSome(tx Tx, now time.Time, after int64) (batch, error) {
	accounts, last, err := tx.WalletJobs().WalletsDue(hour(now), after, settleBatch)
	if err != nil || len(accounts) == 0 {
		return batch{}, err
	}
	t, err := tx.Rating().WalletTenant()
	if err != nil {
		return batch{}, err
	}
	out := batch{last: last, full: true}
	for _, a := range accounts {
		rows, err := tx.Rating().WalletsOf(a)
		if err != nil {
			return batch{}, err
		}
		settled, err := Settle(tx.Rating(), t, rows, now, true)
		if err != nil {
			return batch{}, err
		}
		if settled.Posted > 0 {
			out.done++
		}
	}
	return out, nil
}

// JobTx is what recurring work on wallets needs of a transaction.
type JobTx interface {
	// WalletsDue lists accounts of which some meter has accrued money and was not settled since a moment, by their
	// meters, after the given one; last is the meter to go on after.
	WalletsDue(before time.Time, after int64, max int) (accounts []id.ID, last int64, err error)
	// WalletsUncharged lists active wallet accounts with a meter each, by their meters, after the given one: those that
	// are not charged up to a local date yet, those that never were, and all whose meter lives in its own time.
	WalletsUncharged(date string, after int64, max int) ([]ChargeAccount, error)
	// WalletChargedTo locks an account and reads up to which local date it is charged; "" for never.
	WalletChargedTo(account id.ID) (string, error)
	// ChargedTo notes the local date up to which an account's fixed charges are taken.
	ChargedTo(account id.ID, date string) error
	// JobDone reports whether a recurring job was carried out for a period; JobRun notes it.
	JobDone(name, period string) (bool, error)
	JobRun(name, period string) (first bool, err error)
}

// hour is the server's hour that a moment lies in: use is posted once in each.
func hour(now time.Time) time.Time { return now.Truncate(time.Hour) }
