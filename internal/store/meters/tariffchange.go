package meters

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// PricedAccount locks the account that a meter supplies, and then its wallets, and reads what a change of its tariff depends on.
func (tx Rows) PricedAccount(meter int64) (registry.PricedAccount, bool, error) {
	var a registry.PricedAccount
	found, err := tx.One(`SELECT id, status, mode, opened_at, tariff_id, closed_at FROM account
		WHERE tenant_id = $1 AND id = (SELECT account_id FROM meter WHERE tenant_id = $1 AND n = $2)`+tx.C.ForUpdate(), func(r core.Row) error {
		a.ID, a.Status, a.Mode, a.OpenedAt, a.Tariff, a.ClosedAt = r.ID(0), r.Text(1), registry.Mode(r.Text(2)), r.Time(3), r.ID(4), r.Time(5)
		return nil
	}, tx.Tenant, meter)
	if err != nil || !found {
		return registry.PricedAccount{}, false, fault.Wrap(err, "lock the account of meter %d", meter)
	}
	later, err := people.Of(tx.Tx).AssignmentsOf(a.ID)
	if err != nil {
		return registry.PricedAccount{}, false, err
	}
	a.Later = later[a.ID]
	if a.Earliest, err = tx.afterPurchases(a.ID); err != nil {
		return registry.PricedAccount{}, false, err
	}
	wallets, err := tx.WalletsOf(a.ID)
	for _, w := range wallets {
		if w.Started && w.At.After(a.Earliest) {
			a.Earliest = w.At
		}
		if w.Meter.N == meter {
			a.Month, a.Used = w.Month, w.Used
		}
	}
	return a, err == nil, err
}

// afterPurchases returns the moment just after the newest purchase for a meter of a locked account; zero if there is none. Another server, or a clock
// that was set back since, may have given that purchase a time that is still to come here.
func (tx Rows) afterPurchases(account id.ID) (after time.Time, err error) {
	_, err = tx.One(`SELECT MAX((SELECT MAX(v.created_at) FROM vend v WHERE v.tenant_id = m.tenant_id AND v.meter = m.n))
		FROM meter m WHERE m.tenant_id = $1 AND m.account_id = $2`, func(r core.Row) error {
		if !r.IsNull(0) {
			after = r.Time(0).Add(time.Microsecond) // the store keeps microseconds
		}
		return nil
	}, tx.Tenant, account)
	return after, fault.Wrap(err, "find the newest purchase of account %s", account.Text(id.Account))
}

// AccountMonths returns what an account bought, or used if its balance is on the server, in each local month of a range.
func (tx Rows) AccountMonths(a registry.PricedAccount, from, to string) ([]tariff.MonthUse, error) {
	sql := `SELECT month, units_wh FROM usage_month WHERE tenant_id = $1 AND account_id = $2 AND month >= $3 AND month <= $4 ORDER BY month`
	if a.Mode == registry.PrepayWallet {
		// A meter that supplied somebody else before has days from before the account.
		from, to = max(from+"-01", a.OpenedAt.UTC().Format(time.DateOnly)), to+"-31"
		sql = `SELECT SUBSTR(d.day, 1, 7), SUM(d.wh) FROM wallet_day d JOIN meter m ON m.tenant_id = d.tenant_id AND m.n = d.meter
			WHERE d.tenant_id = $1 AND m.account_id = $2 AND d.day >= $3 AND d.day <= $4 GROUP BY SUBSTR(d.day, 1, 7) ORDER BY SUBSTR(d.day, 1, 7)`
	}
	var out []tariff.MonthUse
	err := tx.C.Query(sql, func(r core.Row) error {
		out = append(out, tariff.MonthUse{Month: r.Text(0), Units: unit.Energy(r.Int(1))})
		return nil
	}, tx.Tenant, a.ID, from, to)
	return out, fault.Wrap(err, "read the months of account %s", a.ID.Text(id.Account))
}

// CheckSupplies makes the supplies of the meters of an account due for a check at a moment, unless they are due before.
func (tx Rows) CheckSupplies(account id.ID, at time.Time) error {
	_, err := tx.C.Exec(`UPDATE wallet_supply SET look_at = $1 WHERE tenant_id = $2 AND (look_at IS NULL OR look_at > $1)
		AND meter IN (SELECT n FROM meter WHERE tenant_id = $2 AND account_id = $3)`, at, tx.Tenant, account)
	return fault.Wrap(err, "check the supplies of account %s", account.Text(id.Account))
}
