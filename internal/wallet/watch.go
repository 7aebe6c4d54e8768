package wallet

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
)

// WatchTx is the part of a transaction that watching supplies needs.
type WatchTx interface {
	// SuppliesDue lists accounts with a supply that is due to be looked at by a time, at most max.
	SuppliesDue(by time.Time, max int) ([]id.ID, error)
	// LockAccount locks an account. Lock it before the wallets of its meters.
	LockAccount(account id.ID) error
	// AccountSupply stores the special rules for the supply of an account.
	AccountSupply(account id.ID, s registry.AccountSupply) error
	// PutEmergency stores the last supply that one person restored for an account.
	PutEmergency(account id.ID, e Emergency) error
	AuditLog(access.Entry) error
}

// watchMost is how many accounts one call of Watch looks at. The remaining accounts wait for the next call.
const watchMost = 5000

// Watch looks at every supply that waits for something other than a reading or a payment: the end of friendly hours, of a notice, or of
// half a lease's time. It returns the number of accounts. It may run at any time.
func (w *Wallets) Watch(ctx context.Context, by access.Actor) (int, error) {
	looked := 0
	for b := (batch{full: true}); b.full && looked < watchMost; looked += b.done {
		var err error
		b, err = access.Through(ctx, w.c.Door, by.Tenant, func(tx Tx) (batch, error) {
			now := w.moment()
			accounts, err := tx.Supplies().SuppliesDue(now, settleBatch)
			for _, a := range accounts {
				if err == nil {
					_, err = SettleAccount(tx.Rating(), a, now, false)
				}
			}
			return batch{full: len(accounts) == settleBatch, done: len(accounts)}, err
		})
		if err != nil {
			return looked, fmt.Errorf("check supplies: %w", err)
		}
	}
	return looked, nil
}
