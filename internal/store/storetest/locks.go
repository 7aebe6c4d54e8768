package storetest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/wallet"
)

// lockDoor is the wallets' Door. It counts how often a closure runs: once, unless the database aborts it to resolve a deadlock.
type lockDoor struct {
	e    store.Engine
	runs *atomic.Int32
}

func (d lockDoor) Do(ctx context.Context, t access.Tenant, fn func(wallet.Tx) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) {
		d.runs.Add(1)
		return fn(tx)
	})
}

func (d lockDoor) View(ctx context.Context, t access.Tenant, fn func(wallet.Tx) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// walletLocks sets an account to protected during a recharge. The recharge has locked the account, but not yet the wallets of the account's
// meters. If the change locked the wallets first, the two transactions would deadlock until the database aborts one.
func walletLocks(t *testing.T, r Rig) {
	open := r.Open
	if r.Several != nil {
		open = r.Several
	}
	e := open(t)
	letThrough(e)
	p := addWalletMeter(t, e, 1, 10_000)
	by := access.Actor{Tenant: store.FirstTenant, Name: "tester", Role: access.Owner}
	var runs [2]int32
	for n := range meetings {
		protected := n%2 == 0
		var recharges, changes atomic.Int32
		d := lockDoor{e: e, runs: &changes}
		w := wallet.New(wallet.Config{Door: d, Now: time.Now})
		locked, ended, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			defer close(ended)
			<-locked
			out, err := w.SetAccount(t.Context(), by, p.ID.Text(id.Meter), wallet.AccountChange{Protected: &protected, Reason: "a pump for the heart"})
			if err == nil && out.Refused() {
				t.Errorf("the change was refused: %s", out.What)
			}
			done <- err
		}()
		must(t, e, func(tx *store.Tx) error {
			if _, err := tx.WalletChargedTo(p.account); err != nil {
				return err
			}
			if recharges.Add(1) == 1 {
				close(locked)
				r.behind(t, e, ended)
			}
			_, err := wallet.SettleAccount(tx, p.account, tx.Now, true)
			return err
		})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if runs = [2]int32{recharges.Load(), changes.Load()}; runs == [2]int32{1, 1} {
			return
		}
	}
	t.Errorf("in each of %d rounds one transaction waited for the other: in the last one the recharge and the change ran %v times, want once each", meetings, runs)
}
