package wallet

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// Config has the parts that the use cases need.
type Config struct {
	Door   access.Door[Tx]
	Now    func() time.Time
	Sealer Sealer // seals the cursors of lists
}

// Sealer makes cursors that nobody can forge.
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

// moment returns the present time as it is stored: UTC, whole microseconds.
func (w *Wallets) moment() time.Time { return access.Stored(w.c.Now()) }

// batch is the work of one transaction of a job.
type batch struct {
	last int64 // the meter to continue after
	full bool
	done int
}

// Refused is false: a batch refuses nothing.
func (batch) Refused() bool { return false }

// SettleDue posts the use accrued in past hours, and returns the number of accounts. It may run at any time and on several instances, and
// it may be interrupted anywhere, because posted use is no longer accrued.
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

// JobTx is the part of a transaction that recurring work on wallets needs.
type JobTx interface {
	// WalletsDue lists up to max accounts with a meter that has accrued money and was not settled since a time. They are ordered by meter
	// and begin after the given meter. The second result is the meter after which the next call continues.
	WalletsDue(before time.Time, after int64, max int) (accounts []id.ID, last int64, err error)
	// WalletsUncharged lists up to max active wallet accounts, each with one meter, ordered by meter after the given meter. It lists
	// accounts not charged up to a local date yet, accounts never charged, and all accounts whose meter lives in its own time.
	WalletsUncharged(date string, after int64, max int) ([]ChargeAccount, error)
	// WalletChargedTo locks an account and returns the local date up to which it is charged, or "" for never.
	WalletChargedTo(account id.ID) (string, error)
	// ChargedTo stores the local date up to which an account's fixed charges are taken.
	ChargedTo(account id.ID, date string) error
	// JobDone reports whether a recurring job has run for a period. JobRun records that it has.
	JobDone(name, period string) (bool, error)
	JobRun(name, period string) (first bool, err error)
}

// hour returns the server's hour of a time. Use is posted once in each hour.
func hour(now time.Time) time.Time { return now.Truncate(time.Hour) }
