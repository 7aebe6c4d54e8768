package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

func accountTariffTests() []test {
	return []test{
		{"whatever reads an account knows its tariff at each moment", tariffsOfAccounts},
		{"lists know the tariff that an account has now", tariffsListed},
		{"another tariff of an account is evidence", tariffChangesAreEvidence},
		{"a change knows what the account bought and used", tariffChangesKnowUse},
		{"a reading is priced by the tariff of its own time", readingsAroundAChange},
		{"whoever waits for a change knows it", tariffChangesAreWaitedFor},
		{"a change begins after what it has waited for", tariffChangesWait},
	}
}

// reassignTariff gives an account another tariff.
func reassignTariff(t *testing.T, e store.Engine, c registry.TariffChange) {
	t.Helper()
	must(t, e, func(tx *store.Tx) error { return addReassignment(tx, c) })
}

// addReassignment does the same in a transaction.
func addReassignment(tx *store.Tx, c registry.TariffChange) (err error) {
	c.By, c.Reason, c.At = "person a@example.org", "a shop now", tx.Now
	if c.ID, err = tx.NewID(); err != nil {
		return err
	}
	return tx.AddTariffChange(c)
}

// storedNow returns the engine's clock.
func storedNow(t *testing.T, e store.Engine) time.Time {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (time.Time, error) { return tx.Now, nil })
}

// tariffsOfAccounts has a token meter and a wallet meter that became shops an hour ago, with a change back that is planned and then withdrawn.
func tariffsOfAccounts(t *testing.T, r Rig) {
	e := r.Open(t)
	h, p := addHousehold(t, e, 1), addWalletMeter(t, e, 2, 100)
	shop, now := publishVersions(t, e, 0), storedNow(t, e)
	first := map[id.ID]id.ID{h.account: h.meter.ID, p.account: p.row(t, e).Meter.Tariff}
	reads := map[string]func(tx *store.Tx, at time.Time) (h, p id.ID, err error){
		"their rows": func(tx *store.Tx, at time.Time) (a, b id.ID, err error) {
			if a, err = tx.AccountTariff(h.account, at); err == nil {
				b, err = tx.AccountTariff(p.account, at)
			}
			return a, b, err
		},
		"sales": func(tx *store.Tx, at time.Time) (id.ID, id.ID, error) {
			a, _, err := tx.VendPoint(registry.Ref{ID: h.meter.ID})
			if err != nil {
				return id.ID{}, id.ID{}, err
			}
			b, _, err := tx.VendPoint(registry.Ref{ID: p.ID})
			return a.TariffAt(at), b.TariffAt(at), err
		},
		"accounts": func(tx *store.Tx, at time.Time) (id.ID, id.ID, error) {
			a, _, err := tx.AccountPlace(debt.AccountName{ID: h.account})
			if err != nil {
				return id.ID{}, id.ID{}, err
			}
			b, _, err := tx.AccountPlace(debt.AccountName{ID: p.account})
			return a.Later.At(a.Tariff, at), b.Later.At(b.Tariff, at), err
		},
		"fixed charges": func(tx *store.Tx, at time.Time) (id.ID, id.ID, error) {
			due, err := tx.ChargeAccounts(id.ID{}, "9999-12-31", 10)
			if err != nil || len(due) != 1 {
				return id.ID{}, id.ID{}, fmt.Errorf("%d accounts of token meters: %w", len(due), err)
			}
			b, err := tx.AccountTariff(p.account, at) // a wallet is charged by what is read of it under its lock
			return due[0].Later.At(due[0].Tariff, at), b, err
		},
		"wallets": func(tx *store.Tx, at time.Time) (id.ID, id.ID, error) {
			of, err := tx.WalletsOf(p.account)
			if err != nil {
				return id.ID{}, id.ID{}, err
			}
			all, err := tx.WalletsOfMeters([]int64{p.N})
			if err != nil || len(of) != 1 || len(all) != 1 || of[0].Meter.TariffAt(at) != all[0].Meter.TariffAt(at) {
				return id.ID{}, id.ID{}, fmt.Errorf("the wallets of the account and of the meter: %+v, %+v, %w", of, all, err)
			}
			a, err := tx.AccountTariff(h.account, at)
			return a, of[0].Meter.TariffAt(at), err
		},
	}
	for _, step := range []struct {
		what    string
		changes registry.TariffChange
		shop    map[time.Duration]bool // whether the accounts are shops at that time after now
	}{
		{"before any change", registry.TariffChange{}, map[time.Duration]bool{-2 * time.Hour: false, 0: false, 2 * time.Hour: false}},
		{"changed", registry.TariffChange{N: 1, Tariff: shop, From: now.Add(-time.Hour)},
			map[time.Duration]bool{-time.Hour - time.Microsecond: false, -time.Hour: true, 2 * time.Hour: true}},
		{"with a change planned", registry.TariffChange{N: 2, From: now.Add(time.Hour)},
			map[time.Duration]bool{-2 * time.Hour: false, 0: true, time.Hour - time.Microsecond: true, time.Hour: false}},
		{"withdrawn", registry.TariffChange{N: 3, Tariff: shop, From: now.Add(time.Hour), Withdraws: 2},
			map[time.Duration]bool{-2 * time.Hour: false, 0: true, time.Hour: true, 2 * time.Hour: true}},
	} {
		for account, was := range first {
			if c := step.changes; c.N > 0 {
				if c.Account = account; c.Tariff.IsZero() {
					c.Tariff = was
				}
				reassignTariff(t, e, c)
			}
		}
		for name, read := range reads {
			must(t, e, func(tx *store.Tx) error {
				for after, isShop := range step.shop {
					want := [2]id.ID{first[h.account], first[p.account]}
					if isShop {
						want = [2]id.ID{shop, shop}
					}
					a, b, err := read(tx, now.Add(after))
					if err != nil {
						return err
					}
					if got := [2]id.ID{a, b}; got != want {
						t.Errorf("%s, %s later, %s know %x, want %x", step.what, after, name, got, want)
					}
				}
				return nil
			})
		}
	}
}

func tariffsListed(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	shop, now := publishVersions(t, e, 0), storedNow(t, e)
	home := h.meter.ID
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`INSERT INTO usage_month (tenant_id, account_id, month, units_wh) VALUES ($1, $2, '2026-10', 300)`, tx.Tenant, h.account)
		return err
	})
	says := func(tx *store.Tx) (string, error) {
		rec, _, err := tx.MeterRecord(home)
		if err != nil {
			return "", err
		}
		out := fmt.Sprintf("%q", rec.TariffName)
		for _, t := range []id.ID{home, shop} {
			listed, err := tx.MeterStandings(registry.StandingFilter{Tariff: t}, id.ID{}, 10)
			if err != nil {
				return "", err
			}
			uses, err := tx.TariffUses(t, "2026-01", "2026-12", 10)
			if err != nil {
				return "", err
			}
			sells, err := tx.TariffSellsTokens(t)
			if err != nil {
				return "", err
			}
			out += fmt.Sprintf(", %d listed %d used %t", len(listed), len(uses), sells)
		}
		return out, nil
	}
	for _, step := range []struct {
		what   string
		change registry.TariffChange
		want   string
	}{
		{"at first", registry.TariffChange{}, `"", 1 listed 1 used true, 0 listed 0 used false`},
		{"planned", registry.TariffChange{N: 1, Tariff: shop, From: now.Add(time.Hour)}, `"", 1 listed 1 used true, 0 listed 0 used true`},
		{"withdrawn", registry.TariffChange{N: 2, Tariff: home, From: now.Add(time.Hour), Withdraws: 1},
			`"", 1 listed 1 used true, 0 listed 0 used false`},
		{"changed", registry.TariffChange{N: 3, Tariff: shop, From: now}, `"domestic", 0 listed 0 used false, 1 listed 1 used true`},
	} {
		if step.change.N > 0 {
			step.change.Account = h.account
			reassignTariff(t, e, step.change)
		}
		if got := look(t, e, says); got != step.want {
			t.Errorf("%s: %s, want %s", step.what, got, step.want)
		}
	}
	for closed, want := range map[time.Time]string{
		now:                       `"", 0 listed 1 used false, 0 listed 0 used false`, // the change at that moment never began
		now.Add(time.Microsecond): `"", 0 listed 0 used false, 0 listed 1 used false`,
	} {
		must(t, e, func(tx *store.Tx) error {
			return tx.Must(`UPDATE account SET status = 'closed', closed_at = $1 WHERE tenant_id = $2 AND id = $3`, closed, tx.Tenant, h.account)
		})
		if got := look(t, e, says); got != want {
			t.Errorf("closed at %s: %s, want %s", closed, got, want)
		}
	}
}

// tariffChangesKnowUse reads what a change of a tariff depends on: a day from before the account counts for nobody.
func tariffChangesKnowUse(t *testing.T, r Rig) {
	e := r.Open(t)
	h, p := addHousehold(t, e, 1), addWalletMeter(t, e, 2, 100)
	exec(t, e, `INSERT INTO usage_month (tenant_id, account_id, month, units_wh, free_wh, fbe_issued) VALUES ($1, $2, '2026-01', 300, 50, 1)`,
		int64(store.FirstTenant), h.account)
	for i, day := range []string{"2026-01-10", "2026-01-25", "2026-01-26", "2026-03-01"} {
		exec(t, e, `INSERT INTO wallet_day (tenant_id, meter, day, wh, debit) VALUES ($1, $2, $3, $4, 0)`,
			int64(store.FirstTenant), p.N, day, 1000<<i)
	}
	exec(t, e, `INSERT INTO wallet_supply (tenant_id, meter) VALUES ($1, $2) ON CONFLICT (tenant_id, meter) DO UPDATE SET look_at = NULL`,
		int64(store.FirstTenant), p.N)
	got := look(t, e, func(tx *store.Tx) (out string, err error) {
		for _, meter := range []int64{h.meter.N, p.N, 99} {
			a, found, err := tx.PricedAccount(meter)
			if err != nil {
				return "", err
			}
			months, err := tx.AccountMonths(a, "2026-01", "2026-02")
			if err != nil {
				return "", err
			}
			buys, err := tx.AccountBuys(a.ID, meter, "2026-01")
			if err != nil {
				return "", err
			}
			out += fmt.Sprintf("%t %s %s %v %+v\n", found, a.Status, a.Mode, months, buys)
		}
		return out, nil
	})
	if want := `true active prepay_token [{ 2026-01 0.300 kWh}] {Units:0.300 kWh Free:0.050 kWh FreeClaimed:true Carry:0 LastPaid:0}
true active prepay_wallet [{ 2026-01 6.000 kWh}] {Units:0.000 kWh Free:0.000 kWh FreeClaimed:false Carry:0 LastPaid:0}
false   [] {Units:0.000 kWh Free:0.000 kWh FreeClaimed:false Carry:0 LastPaid:0}
`; got != want {
		t.Errorf("the accounts are\n%swant\n%s", got, want)
	}
	now := storedNow(t, e)
	for _, step := range []struct{ asked, want time.Duration }{
		{2 * time.Hour, 2 * time.Hour}, {3 * time.Hour, 2 * time.Hour}, {time.Hour, time.Hour},
	} {
		must(t, e, func(tx *store.Tx) error {
			if err := tx.CheckSupplies(p.account, now.Add(step.asked)); err != nil {
				return err
			}
			n, err := tx.Number(`SELECT COUNT(*) FROM wallet_supply WHERE tenant_id = $1 AND meter = $2 AND look_at = $3`,
				tx.Tenant, p.N, now.Add(step.want))
			if n != 1 {
				t.Errorf("asked to look in %s, the supply is not due in %s", step.asked, step.want)
			}
			return err
		})
	}
}

// tariffChangesAreEvidence edits rows as somebody does who can write to the database.
func tariffChangesAreEvidence(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 1, 100)
	shop, now := publishVersions(t, e, 0), storedNow(t, e)
	reassignTariff(t, e, registry.TariffChange{Account: p.account, N: 1, Tariff: shop, From: now})
	reassignTariff(t, e, registry.TariffChange{Account: p.account, N: 2, Tariff: p.row(t, e).Meter.Tariff, From: now.Add(time.Hour)})
	r.seal(t, e)
	found := func(tx *store.Tx) (out []string, err error) {
		var report store.Report
		err = store.Verify(tx, store.Trust{NoHeads: true}, &report)
		for _, f := range report.Findings {
			if strings.Contains(f.What, "Tariff change tch_") {
				out = append(out, f.What)
			}
		}
		return out, err
	}
	if got := look(t, e, found); len(got) > 0 {
		t.Fatalf("untouched, verification finds %q", got)
	}
	for _, edit := range []string{
		`UPDATE account_tariff SET tariff_id = account_id WHERE n = 1`,
		`UPDATE account_tariff SET from_at = from_at + 1 WHERE n = 1`,
		`UPDATE account_tariff SET account_id = id WHERE n = 1`,
		`UPDATE account_tariff SET n = 3 WHERE n = 1`,
		`UPDATE account_tariff SET withdraws = 1 WHERE n = 2`,
		`UPDATE account_tariff SET set_by = 'somebody else' WHERE n = 1`,
		`UPDATE account_tariff SET reason = 'another' WHERE n = 1`,
		`UPDATE account_tariff SET created_at = created_at - 1 WHERE n = 1`,
		`DELETE FROM account_tariff WHERE n = 2`,
		`INSERT INTO account_tariff (tenant_id, id, account_id, n, tariff_id, from_at, set_by, reason, created_at)
			SELECT tenant_id, account_id, account_id, 9, tariff_id, from_at, set_by, reason, created_at FROM account_tariff WHERE n = 1`,
	} {
		_, err := do(e, func(tx *store.Tx) (value, error) {
			if _, err := tx.C.Exec(edit); err != nil {
				return value{}, err
			}
			got, err := found(tx)
			if err == nil && len(got) == 0 {
				t.Errorf("verification does not find %s", edit)
			}
			return value{refused: true}, err
		})
		if err != nil {
			t.Errorf("%s: %v", edit, err)
		}
	}
}

// readingsAroundAChange has a change to twice the price at the time of the second reading.
func readingsAroundAChange(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 1, 100_000)
	dear := addWalletMeterAt(t, e, 2, 0, tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{Rate: 5_000_000}}})
	outcomes(t, e, p.boot(1, 9), p.use(1, 1000))
	change := registry.TariffChange{Account: p.account, N: 1, Tariff: dear.row(t, e).Meter.Tariff, From: base().Add(time.Hour)}
	reassignTariff(t, e, change)
	for _, c := range []struct {
		reading metering.Record
		want    money.Minor
	}{{p.use(2, 3000), 575}, {p.use(3, 5000), 1150}} {
		before := p.row(t, e).Debited
		outcomes(t, e, c.reading)
		if got := p.row(t, e).Debited - before; got != c.want {
			t.Errorf("2 kWh up to record %d cost %d, want %d", c.reading.Rec.Head.Seq, got, c.want)
		}
	}
}

// tariffChangesAreWaitedFor changes tariffs while another transaction is about to price by them. It waits for the change, and then knows it. It would
// otherwise use the old tariff at a moment at which the other one is in force.
func tariffChangesAreWaitedFor(t *testing.T, r Rig) {
	e := r.several(t)
	letThrough(e)
	h, p := addHousehold(t, e, 1), addWalletMeter(t, e, 2, 100)
	shop := publishVersions(t, e, 0)
	saleAt := func(meter id.ID) func(*store.Tx) (tariff.Assignments, error) {
		return func(tx *store.Tx) (tariff.Assignments, error) {
			point, _, err := tx.VendPoint(registry.Ref{ID: meter})
			return point.Later, err
		}
	}
	walletsBy := func(read func(*store.Tx) ([]wallet.Row, error)) func(*store.Tx) (tariff.Assignments, error) {
		return func(tx *store.Tx) (tariff.Assignments, error) {
			rows, err := read(tx)
			if err != nil || len(rows) != 1 {
				return nil, fmt.Errorf("%d wallets: %w", len(rows), err)
			}
			return rows[0].Meter.Later, nil
		}
	}
	for n, c := range []struct {
		what    string
		meter   int64
		account id.ID
		later   func(*store.Tx) (tariff.Assignments, error)
	}{
		{"a sale", h.meter.N, h.account, saleAt(h.meter.ID)},
		{"a recharge", p.N, p.account, saleAt(p.ID)},
		{"a reading", p.N, p.account, walletsBy(func(tx *store.Tx) ([]wallet.Row, error) { return tx.WalletsOfMeters([]int64{p.N}) })},
		{"a charge of a wallet", p.N, p.account, walletsBy(func(tx *store.Tx) ([]wallet.Row, error) { return tx.WalletsOf(p.account) })},
		{"a charge of a token meter", h.meter.N, h.account, func(tx *store.Tx) (tariff.Assignments, error) {
			due, err := tx.ChargeAccounts(id.ID{}, "9999-12-31", 10)
			if err != nil || len(due) != 1 {
				return nil, fmt.Errorf("%d accounts of token meters: %w", len(due), err)
			}
			return due[0].Later, nil
		}},
		{"a move-out", p.N, p.account, func(tx *store.Tx) (tariff.Assignments, error) {
			place, _, err := tx.AccountPlace(debt.AccountName{ID: p.account})
			return place.Later, err
		}},
	} {
		from := base().Add(time.Duration(n) * time.Hour)
		var known tariff.Assignments
		r.meets(t, e, func(tx *store.Tx, meet func()) error {
			_, _, err := tx.PricedAccount(c.meter)
			if err = firstOf(err, addReassignment(tx, registry.TariffChange{Account: c.account, N: n + 1, Tariff: shop, From: from})); err == nil {
				meet()
			}
			return err
		}, func(tx *store.Tx) (err error) {
			known, err = c.later(tx)
			return err
		})
		if since := known.Since(from); !since.Equal(from) {
			t.Errorf("%s that waited for a change from %s knows a tariff since %s", c.what, from, since)
		}
	}
}

// tariffChangesWait changes tariffs while a sale and a reading are under way: the change waits for them, and begins after them.
func tariffChangesWait(t *testing.T, r Rig) {
	e := r.several(t)
	letThrough(e)
	h, p := addHousehold(t, e, 1), addWalletMeter(t, e, 2, 10_000)
	outcomes(t, e, p.boot(1, 9), p.use(1, 1000))
	ahead := storedNow(t, e).Add(time.Hour) // by the clock of another server
	used := p.use(2, 2000)
	for _, c := range []struct {
		what     string
		meter    int64
		first    func(*store.Tx) error
		earliest time.Time
	}{
		{"a sale", h.meter.N, func(tx *store.Tx) error {
			tx.Now = ahead
			_, _, err := tx.VendPoint(registry.Ref{ID: h.meter.ID})
			if err != nil {
				return err
			}
			s := h.held("first", ahead)
			if s.ID, err = tx.NewID(); err != nil {
				return err
			}
			return tx.VendReserve(s, [32]byte{1})
		}, ahead.Add(time.Microsecond)},
		{"a reading", p.N, func(tx *store.Tx) error {
			_, err := intake.Take(tx, []metering.Record{used})
			return err
		}, time.Unix(used.Rec.Head.At, 0)},
	} {
		var account registry.PricedAccount
		r.meets(t, e, func(tx *store.Tx, meet func()) error {
			err := c.first(tx)
			if err == nil {
				meet()
			}
			return err
		}, func(tx *store.Tx) (err error) {
			account, _, err = tx.PricedAccount(c.meter)
			return err
		})
		if !account.Earliest.Equal(c.earliest) {
			t.Errorf("a change that waited for %s can begin at %s, want %s", c.what, account.Earliest, c.earliest)
		}
	}
}
