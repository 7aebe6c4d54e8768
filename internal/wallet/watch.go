package wallet

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
)

// WatchTx is what watching over supplies needs of a transaction.
type WatchTx interface {
	// SuppliesDue lists accounts with a supply to look at by a moment, at most max.
	SuppliesDue(by time.Time, max int) ([]id.ID, error)
	// LockAccount locks an account, which comes before the wallets of its meters.
	LockAccount(account id.ID) error
	// AccountSupply sets what is special about the supply of an account.
	AccountSupply(account id.ID, s registry.AccountSupply) error
	AuditLog(access.Entry) error
}

// watchMost bounds how many accounts one call of Watch looks at; the rest is for the next.
const watchMost = 5000

// Watch looks at every supply that waits for something that brings no reading and no payment: the end of a friendly
// window, of a notice, or of half a lease's time. It reports how many accounts there were. It may run at any time.
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
