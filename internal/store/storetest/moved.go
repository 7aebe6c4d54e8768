package storetest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

func movedTests() []test {
	return []test{
		{"a reading that waited for a move-out is not charged to the closed account", movedThenRead},
		{"tax taken with top-ups is noted without waiting for the account", advanceLocks},
		{"a move-out and the signing of a command do not wait for each other", signLocks},
		{"a warning counts for all meters of its account", noticeOfAll},
		{"a change of a meter waits for its removal", changedThenRemoved},
		{"the days left are those of the whole account, with its fixed charges", daysOfAll},
	}
}

// meets runs two transactions at once. When the first transaction calls the function meet, the second begins and runs until it ends or
// waits for a lock. meets returns how often each transaction ran: once, unless the database aborted it to resolve a deadlock.
func (r Rig) meets(t *testing.T, e store.Engine, first func(tx *store.Tx, meet func()) error, second func(*store.Tx) error) (runs [2]int32) {
	t.Helper()
	if f, ok := e.(*Faults); ok {
		defer f.pause()()
	}
	var ones, twos atomic.Int32
	met, ended, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(ended)
		<-met
		done <- e.Run(context.WithoutCancel(t.Context()), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
			twos.Add(1)
			return false, second(tx)
		})
	}()
	must(t, e, func(tx *store.Tx) error {
		again := ones.Add(1) > 1
		return first(tx, func() {
			if again {
				return
			}
			close(met)
			r.behind(t, e, ended)
		})
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return [2]int32{ones.Load(), twos.Load()}
}

// meetings is how often two transactions meet that must not wait for each other. If they do, the database aborts one of them every time. If
// the machine stalls for seconds, the database also aborts one, but not every time.
const meetings = 3

// meetOnce lets the transactions of a new meter meet, until each has run once.
func (r Rig) meetOnce(t *testing.T, e store.Engine, meet func(p walletMeter) (runs [2]int32)) (p walletMeter) {
	t.Helper()
	var runs [2]int32
	for n := range int64(meetings) {
		p = addWalletMeter(t, e, n+1, 10_000)
		if runs = meet(p); runs == [2]int32{1, 1} {
			return p
		}
	}
	t.Errorf("in each of %d rounds one transaction waited for the other: in the last one they ran %v times, want once each", meetings, runs)
	return p
}

// several opens an engine that runs several closures at once, if there is one.
func (r Rig) several(t *testing.T) store.Engine {
	if r.Several != nil {
		return r.Several(t)
	}
	return r.Open(t)
}

func movedThenRead(t *testing.T, r Rig) {
	e := r.several(t)
	p := addWalletMeter(t, e, 1, 10_000)
	outcomes(t, e, p.boot(1, 9), p.use(1, 1000), p.use(2, 2000))
	before := p.row(t, e)
	if before.Debited == 0 {
		t.Fatal("nothing is charged before the move-out")
	}
	r.meets(t, e, func(tx *store.Tx, meet func()) error {
		if _, _, err := tx.AccountPlace(debt.AccountName{ID: p.account}); err != nil {
			return err
		}
		if _, err := tx.WalletsOf(p.account); err != nil {
			return err
		}
		meet()
		return tx.AccountClose(p.account, tx.Now, registry.CreditLeft{})
	}, func(tx *store.Tx) error {
		_, err := intake.Take(tx, []metering.Record{p.use(3, 9000)})
		return err
	})
	if after := p.row(t, e); after.Debited != before.Debited || after.Accrued != before.Accrued || after.Meter.Active {
		t.Errorf("after the account was closed %d is debited and %d accrued, want %d and %d as before", after.Debited, after.Accrued, before.Debited, before.Accrued)
	}
}

// changedThenRemoved changes a meter whose removal is under way. The change must see the removal: a removed meter could otherwise become the main
// meter of a feeder.
func changedThenRemoved(t *testing.T, r Rig) {
	e := r.several(t)
	p := addWalletMeter(t, e, 1, 0)
	var m registry.Meter
	must(t, e, func(tx *store.Tx) (err error) {
		err = tx.AccountClose(p.account, tx.Now, registry.CreditLeft{})
		if err == nil {
			m, _, err = tx.MeterByID(p.ID)
		}
		return err
	})
	var seen registry.Status
	r.meets(t, e, func(tx *store.Tx, meet func()) error {
		known, err := tx.ReadEnding(m)
		if err = firstOf(err, tx.EndMeter(known.Meter, registry.Removed)); err == nil {
			meet()
		}
		return err
	}, func(tx *store.Tx) error {
		locked, err := tx.LockMeter(m)
		seen = locked.Status
		return err
	})
	if seen != registry.Removed {
		t.Errorf("the change sees a meter that is %s, want %s", seen, registry.Removed)
	}
}

// advanceLocks runs two transactions. One locks the account and then its wallets, as a recharge does. The other stores advanced tax under
// the lock of the wallets alone, as a reading does.
func advanceLocks(t *testing.T, r Rig) {
	e := r.several(t)
	p := r.meetOnce(t, e, func(p walletMeter) [2]int32 {
		return r.meets(t, e, func(tx *store.Tx, meet func()) error {
			if err := tx.LockAccount(p.account); err != nil {
				return err
			}
			meet()
			_, err := tx.WalletsOf(p.account)
			return err
		}, func(tx *store.Tx) error {
			if _, err := tx.WalletsOf(p.account); err != nil {
				return err
			}
			return tx.WalletAdvanced(p.account, 150)
		})
	})
	must(t, e, func(tx *store.Tx) error { return tx.WalletAdvanced(p.account, -40) })
	if got := p.row(t, e).Meter.Advanced; got != 110 {
		t.Errorf("tax advanced: %d, want 110", got)
	}
}

func signLocks(t *testing.T, r Rig) {
	e := r.several(t)
	r.meetOnce(t, e, func(p walletMeter) [2]int32 {
		var order id.ID
		must(t, e, func(tx *store.Tx) (err error) {
			order, err = tx.QueueCommand(wallet.MeterFacts{ID: p.ID, N: p.N, Number: p.Number}, wallet.Command{Type: wallet.CommandCut, Reason: "CREDIT", TTL: time.Hour,
				Args: map[string]any{"reason": "CREDIT"}})
			return err
		})
		return r.meets(t, e, func(tx *store.Tx, meet func()) error {
			if _, _, err := tx.AccountPlace(debt.AccountName{ID: p.account}); err != nil {
				return err
			}
			if _, err := tx.WalletsOf(p.account); err != nil {
				return err
			}
			meet()
			return tx.AccountClose(p.account, tx.Now, registry.CreditLeft{})
		}, func(tx *store.Tx) error {
			_, err := command.Sign(tx, order)
			return err
		})
	})
}

// addBeside adds a second meter to another meter's account.
func addBeside(t *testing.T, e store.Engine, p walletMeter, n int64) walletMeter {
	t.Helper()
	q := addWalletMeter(t, e, n, 0)
	q.account, q.Account = p.account, p.account
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE meter SET account_id = $1 WHERE n = $2`, p.account, n)
		return err
	})
	return q
}

func noticeOfAll(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 1, 1000)
	q := addBeside(t, e, p, 2)
	body := []byte(`{"kind":"wallet-used-up","meter":"` + p.Number + `","account":"` + p.account.Text(id.Account) + `","available_minor":0,"currency":"KES"}`)
	must(t, e, func(tx *store.Tx) error { return wallet.NoticeSent(tx, wallet.NoticeOut, body) })
	if a, b := supplied(t, e, p).Noticed, supplied(t, e, q).Noticed; a.IsZero() || !a.Equal(b) {
		t.Errorf("the meters count as warned of at %s and %s, want one moment", a, b)
	}
}

func daysOfAll(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 1, 1600)
	charged := p.row(t, e).Meter.Tariff
	q := addBeside(t, e, p, 2)
	today := time.Now().UTC()
	must(t, e, func(tx *store.Tx) error {
		version, err := tx.NewID()
		if err != nil {
			return err
		}
		body := tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{Rate: 2_500_000}},
			Fixed: []tariff.FixedCharge{{Name: "rent", Amount: 10, Per: tariff.PerDay, Untaxed: true}}}
		err = tx.AddTariffVersion(tariff.Version{ID: version, TariffID: charged, N: 2, EffectiveFrom: base().AddDate(0, -11, 0), Body: body}, "test")
		for i, debit := range []money.Minor{40, 100, 100, 100, 340} {
			for meter, debit := range map[int64]money.Minor{p.N: debit, q.N: 50} {
				if err == nil {
					day := today.AddDate(0, 0, -2-i).Format(time.DateOnly)
					err = tx.WalletDays([]wallet.MeterDays{{Meter: meter, Days: []wallet.DayUse{{Day: day, Units: 100 * unit.WattHour, Debit: debit}}}})
				}
			}
		}
		return err
	})
	w := wallet.New(wallet.Config{Now: func() time.Time { return today }, Door: doorOf[wallet.Tx]{e, func(tx *store.Tx) wallet.Tx { return tx }}})
	by := access.Actor{Tenant: store.FirstTenant, Name: "tester", Role: access.Owner}
	for _, m := range []walletMeter{p, q} { // the account has 1600, and its last days cost 100, 160, 160, 160 and 400
		v, err := w.Supply(t.Context(), by, m.ID.Text(id.Meter))
		if want := (wallet.Days{Estimated: true, Least: 10, Likely: 10, Most: 16}); err != nil || v.Days != want {
			t.Errorf("meter %s: %+v %v (%s), want %+v", m.Number, v.Days, err, v.What, want)
		}
	}
}
