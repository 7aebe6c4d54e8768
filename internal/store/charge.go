package store

import (
	"encoding/json"
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
)

// salePolicy reads what a tenant decided about charges and limits out of its settings. Most tenants decided nothing.
func salePolicy(settings string) (registry.ChargePolicy, registry.Limits, error) {
	s := struct {
		Charges registry.ChargePolicy `json:"charges"`
		Limits  registry.Limits       `json:"limits"`
	}{Limits: registry.DefaultLimits()}
	if settings == "" || settings == "{}" {
		return s.Charges, s.Limits, nil
	}
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		return registry.ChargePolicy{}, registry.Limits{}, fmt.Errorf("read settings %s, %s: %w", chargesKey, limitsKey, err)
	}
	return s.Charges, s.Limits, nil
}

// MaxCommission is the ceiling that the tenant's settings give to commissions.
func (tx *Tx) MaxCommission() (money.Bps, error) {
	settings := ""
	found, err := tx.one(`SELECT settings FROM tenant WHERE id = $1`, func(r Row) error { settings = r.Text(0); return nil }, tx.Tenant)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("read the ceiling of commissions of tenant %d: %w", tx.Tenant, err)
	}
	_, limits, err := salePolicy(settings)
	return limits.MaxCommission, err
}

// ChargeTenant is the tenant's time zone and what it decided about charges.
func (tx *Tx) ChargeTenant() (string, registry.ChargePolicy, error) {
	zone, settings := "", ""
	found, err := tx.one(`SELECT tz, settings FROM tenant WHERE id = $1`, func(r Row) error {
		zone, settings = r.Text(0), r.Text(1)
		return nil
	}, tx.Tenant)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return "", registry.ChargePolicy{}, fmt.Errorf("read tenant %d: %w", tx.Tenant, err)
	}
	policy, _, err := salePolicy(settings)
	return zone, policy, err
}

const dueColumns = `id, account_id, kind, month, amount_gross, paid, vat_bps, priority, capped, created_at`

func scanDue(r Row) vending.Due {
	return vending.Due{ID: r.ID(0), Account: r.ID(1), Name: r.Text(2), Month: r.Text(3), Gross: money.Minor(r.Int(4)), Paid: money.Minor(r.Int(5)),
		VATBps: money.Bps(r.Int(6)), Priority: int(r.Int(7)), Capped: r.Bool(8), CreatedAt: r.Time(9)}
}

// ChargesOpen are the charges due and the debts of an account that are not paid, by priority and then the oldest first, at
// most max of each.
// Whoever changes them locks the account's row first, so they need no locks of their own.
func (tx *Tx) ChargesOpen(account id.ID, max int) ([]vending.Due, []vending.Debt, error) {
	due, owing := false, false // most accounts have neither, which one statement tells
	_, err := tx.one(`SELECT CASE WHEN EXISTS (SELECT 1 FROM charge_due WHERE tenant_id = $1 AND account_id = $2 AND paid < amount_gross) THEN 1 ELSE 0 END,
		CASE WHEN EXISTS (SELECT 1 FROM debt WHERE tenant_id = $1 AND account_id = $2 AND outstanding > 0) THEN 1 ELSE 0 END`,
		func(r Row) error { due, owing = r.Bool(0), r.Bool(1); return nil }, tx.Tenant, account)
	if err != nil || !due && !owing {
		return nil, nil, wrapVend("look for open charges", err)
	}
	var dues []vending.Due
	err = tx.C.Query(`SELECT `+dueColumns+` FROM charge_due WHERE tenant_id = $1 AND account_id = $2 AND paid < amount_gross
		ORDER BY priority, month, kind LIMIT $3`, func(r Row) error {
		dues = append(dues, scanDue(r))
		return nil
	}, tx.Tenant, account, max)
	if err != nil {
		return nil, nil, fmt.Errorf("read open charges: %w", err)
	}
	var debts []vending.Debt
	err = tx.C.Query(`SELECT `+debtColumns+` FROM debt WHERE tenant_id = $1 AND account_id = $2 AND outstanding > 0
		ORDER BY priority, created_at, id LIMIT $3`, func(r Row) error {
		debts = append(debts, scanDebt(r))
		return nil
	}, tx.Tenant, account, max)
	if err != nil {
		return nil, nil, fmt.Errorf("read open debts: %w", err)
	}
	return dues, debts, nil
}

// ChargesOf are the charges of an account from a local month on, paid or not.
func (tx *Tx) ChargesOf(account id.ID, fromMonth string) ([]vending.Due, error) {
	var out []vending.Due
	err := tx.C.Query(`SELECT `+dueColumns+` FROM charge_due WHERE tenant_id = $1 AND account_id = $2 AND month >= $3
		ORDER BY month, kind`, func(r Row) error {
		out = append(out, scanDue(r))
		return nil
	}, tx.Tenant, account, fromMonth)
	if err != nil {
		return nil, fmt.Errorf("read the charges of an account: %w", err)
	}
	return out, nil
}

// ChargePut keeps a charge: a new one of its account, name and month, or the new amount of the one there is.
func (tx *Tx) ChargePut(d vending.Due) error {
	kept := d.ID
	_, err := tx.one(`SELECT id FROM charge_due WHERE tenant_id = $1 AND account_id = $2 AND kind = $3 AND month = $4`,
		func(r Row) error { kept = r.ID(0); return nil }, tx.Tenant, d.Account, d.Name, d.Month)
	if err == nil {
		err = tx.rewrite("charge", kept, func() error {
			return tx.must(`INSERT INTO charge_due (tenant_id, id, account_id, kind, month, amount_gross, vat_bps, priority, capped, created_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
				ON CONFLICT (tenant_id, account_id, kind, month) DO UPDATE SET amount_gross = excluded.amount_gross, version = charge_due.version + 1`,
				tx.Tenant, d.ID, d.Account, d.Name, d.Month, d.Gross, d.VATBps, d.Priority, d.Capped, tx.Now)
		})
	}
	if err != nil {
		return fmt.Errorf("make charge %s due: %w", d.Ref(), err)
	}
	return nil
}

// ChargedTo notes the local date up to which an account's fixed charges were made due.
func (tx *Tx) ChargedTo(account id.ID, date string) error {
	err := tx.rewrite("account", account, func() error {
		return tx.must(`UPDATE account SET charged_to = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, date, tx.Tenant, account)
	})
	if err != nil {
		return fmt.Errorf("note that account %s is charged to %s: %w", account.Text(id.Account), date, err)
	}
	return nil
}

// ChargeAccounts locks and reads accounts of token meters that are not charged to a date yet, after the given one.
// Accounts that were closed before their last charge are left out.
func (tx *Tx) ChargeAccounts(after id.ID, date string, max int) ([]vending.ChargeAccount, error) {
	var out []vending.ChargeAccount
	err := tx.C.Query(`SELECT id, tariff_id, opened_at, closed_at, charged_to FROM account
		WHERE tenant_id = $1 AND id > $2 AND mode = $3 AND charged_to < $4 AND (closed_at IS NULL OR charged_to = '' OR status <> 'closed')
		ORDER BY id LIMIT $5`+tx.C.ForUpdate(), func(r Row) error {
		a := vending.ChargeAccount{ID: r.ID(0), Tariff: r.ID(1), OpenedAt: r.Time(2), ChargedTo: r.Text(4)}
		if !r.IsNull(3) {
			a.ClosedAt = r.Time(3)
		}
		out = append(out, a)
		return nil
	}, tx.Tenant, after[:], string(registry.PrepayToken), date, max)
	if err != nil {
		return nil, fmt.Errorf("list accounts to charge: %w", err)
	}
	return out, nil
}

// JobDone reports whether a recurring job was carried out for a period.
func (tx *Tx) JobDone(name, period string) (bool, error) {
	found, err := tx.one(`SELECT at FROM job_run WHERE tenant_id = $1 AND name = $2 AND period = $3`, func(Row) error { return nil },
		tx.Tenant, name, period)
	if err != nil {
		return false, fmt.Errorf("look for %s of %s: %w", name, period, err)
	}
	return found, nil
}

// takeCharges takes what a sale pays towards charges and debts from their rows. One that has not so much left is a
// broken invariant: the sale was priced under the account's lock.
func (tx *Tx) takeCharges(s vending.Sale) error {
	for _, l := range s.Lines {
		var err error
		switch l.Kind {
		case vending.LineFixed:
			name, month := vending.DueRef(l.Ref)
			err = tx.must(`UPDATE charge_due SET paid = paid + $1, version = version + 1 WHERE tenant_id = $2 AND account_id = $3
				AND kind = $4 AND month = $5 AND amount_gross - paid >= $1`, l.Amount+l.VAT, tx.Tenant, s.Account, name, month)
		case vending.LineDebt:
			err = tx.takeDebt(s, l)
		}
		if err != nil {
			return fmt.Errorf("pay %s %s: %w", l.Kind, l.Ref, err)
		}
	}
	return nil
}

// ChargesGiveBack undoes what reserving a sale took besides the ledger: payments towards charges and debts, the
// month's units, the claim to free units. It is called once, by whoever fails or reverses the sale.
func (tx *Tx) ChargesGiveBack(s vending.Sale) error {
	for _, l := range s.Lines {
		var err error
		switch l.Kind {
		case vending.LineFixed:
			name, month := vending.DueRef(l.Ref)
			err = tx.must(`UPDATE charge_due SET paid = paid - $1, version = version + 1 WHERE tenant_id = $2 AND account_id = $3
				AND kind = $4 AND month = $5`, l.Amount+l.VAT, tx.Tenant, s.Account, name, month)
		case vending.LineDebt:
			err = tx.giveDebtBack(s, l)
		}
		if err != nil {
			return fmt.Errorf("give %s %s back: %w", l.Kind, l.Ref, err)
		}
	}
	err := tx.must(`UPDATE usage_month SET units_wh = units_wh - $1, free_wh = free_wh - $2,
		fbe_issued = CASE WHEN free_wh > $2 THEN 1 ELSE 0 END
		WHERE tenant_id = $3 AND account_id = $4 AND month = $5`, s.Units, s.Free, tx.Tenant, s.Account, s.Month)
	return wrapVend("give back to the month", err)
}

// TariffVersion reads a version of a tariff by its identity.
func (tx *Tx) TariffVersion(version id.ID) (tariff.Version, error) { return tx.tariffVersion(version) }
