package books

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
)

const debtColumns = `id, account_id, kind, memo, principal, outstanding, mode, value, min, max, month_cap, priority, capped, against,
	month, month_taken, status, created_at`

func scanDebt(r core.Row) debt.Debt {
	return debt.Debt{ID: r.ID(0), Account: r.ID(1), Kind: r.Text(2), Memo: r.Text(3), Principal: money.Minor(r.Int(4)),
		Outstanding: money.Minor(r.Int(5)), Mode: tariff.ChargeMode(r.Text(6)), Value: r.Int(7), Min: money.Minor(r.Int(8)),
		Max: money.Minor(r.Int(9)), MonthCap: money.Minor(r.Int(10)), Priority: int(r.Int(11)), Capped: r.Bool(12), Against: r.Text(13),
		Month: r.Text(14), MonthTaken: money.Minor(r.Int(15)), Status: r.Text(16), CreatedAt: r.Time(17)}
}

// DebtAdd keeps a new debt. Its journal is posted by the caller in the same transaction.
func (tx Rows) DebtAdd(d debt.Debt) error {
	_, err := tx.C.Exec(`INSERT INTO debt (tenant_id, id, account_id, kind, memo, principal, outstanding, mode, value, min, max, month_cap,
		priority, capped, against, status, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		tx.Tenant, d.ID, d.Account, d.Kind, d.Memo, d.Principal, d.Outstanding, string(d.Mode), d.Value, d.Min, d.Max, d.MonthCap,
		d.Priority, d.Capped, d.Against, d.Status, d.CreatedAt)
	if err != nil {
		return fmt.Errorf("keep debt %s: %w", d.Name(), err)
	}
	return tx.Attest("debt", d.ID)
}

// Debt reads a debt by its identity. To change it, lock its account and read it again.
func (tx Rows) Debt(named id.ID) (debt.Debt, bool, error) {
	var d debt.Debt
	found, err := tx.One(`SELECT `+debtColumns+` FROM debt WHERE tenant_id = $1 AND id = $2`,
		func(r core.Row) error { d = scanDebt(r); return nil }, tx.Tenant, named)
	if err != nil {
		return debt.Debt{}, false, fmt.Errorf("read debt %s: %w", named.Text(id.Debt), err)
	}
	return d, found, nil
}

// takeDebt takes a payment from a debt's row, and counts it in the local month of the sale.
func (tx Rows) takeDebt(s sale.Sale, l sale.Line) error {
	debt, err := id.Parse(id.Debt, l.Ref)
	if err != nil {
		return err
	}
	return tx.Must(`UPDATE debt SET outstanding = outstanding - $1, month_taken = CASE WHEN month = $2 THEN month_taken ELSE 0 END + $1,
		month = $2, status = CASE WHEN outstanding = $1 THEN 'paid' ELSE 'open' END, version = version + 1
		WHERE tenant_id = $3 AND id = $4 AND account_id = $5 AND outstanding >= $1`, l.Amount, s.Month, tx.Tenant, debt, s.Account)
}

// giveDebtBack puts a payment back into a debt's row.
func (tx Rows) giveDebtBack(s sale.Sale, l sale.Line) error {
	debt, err := id.Parse(id.Debt, l.Ref)
	if err != nil {
		return err
	}
	return tx.Must(`UPDATE debt SET outstanding = outstanding + $1, month_taken = month_taken - CASE WHEN month = $2 THEN $1 ELSE 0 END,
		status = 'open', version = version + 1 WHERE tenant_id = $3 AND id = $4 AND account_id = $5`,
		l.Amount, s.Month, tx.Tenant, debt, s.Account)
}

// DebtWriteOff lowers a debt by what is written off. False means that not so much is outstanding.
func (tx Rows) DebtWriteOff(debt id.ID, amount money.Minor) (bool, error) {
	n, err := tx.C.Exec(`UPDATE debt SET outstanding = outstanding - $1, status = CASE WHEN outstanding = $1 THEN 'written_off' ELSE status END,
		version = version + 1 WHERE tenant_id = $2 AND id = $3 AND outstanding >= $1`, amount, tx.Tenant, debt)
	if err != nil {
		return false, fmt.Errorf("write off debt %s: %w", debt.Text(id.Debt), err)
	}
	return n == 1, nil
}

// DebtPay lowers a debt by what is paid on it other than by a sale.
func (tx Rows) DebtPay(debt id.ID, amount money.Minor) error {
	err := tx.Must(`UPDATE debt SET outstanding = outstanding - $1, status = CASE WHEN outstanding = $1 THEN 'paid' ELSE status END,
		version = version + 1 WHERE tenant_id = $2 AND id = $3 AND outstanding >= $1`, amount, tx.Tenant, debt)
	if err != nil {
		return fmt.Errorf("pay debt %s: %w", debt.Text(id.Debt), err)
	}
	return nil
}

// DebtPage lists debts, newest first, before the given one (zero for the newest), of one account unless it is zero.
func (tx Rows) DebtPage(account id.ID, open bool, before id.ID, max int) ([]debt.Debt, error) {
	var out []debt.Debt
	row := func(r core.Row) error { out = append(out, scanDebt(r)); return nil }
	which := ``
	if open {
		which = ` AND outstanding > 0`
	}
	var err error
	if account.IsZero() {
		err = tx.C.Query(`SELECT `+debtColumns+` FROM debt WHERE tenant_id = $1 AND id < $2`+which+` ORDER BY id DESC LIMIT $3`,
			row, tx.Tenant, core.UpTo(before), max)
	} else {
		err = tx.C.Query(`SELECT `+debtColumns+` FROM debt WHERE tenant_id = $1 AND account_id = $2 AND id < $3`+which+` ORDER BY id DESC LIMIT $4`,
			row, tx.Tenant, account, core.UpTo(before), max)
	}
	if err != nil {
		return nil, fmt.Errorf("list debts: %w", err)
	}
	return out, nil
}

// ChargePage lists charges in the same way.
func (tx Rows) ChargePage(account id.ID, open bool, before id.ID, max int) ([]debt.Due, error) {
	var out []debt.Due
	row := func(r core.Row) error { out = append(out, scanDue(r)); return nil }
	which := ``
	if open {
		which = ` AND paid < amount_gross`
	}
	var err error
	if account.IsZero() {
		err = tx.C.Query(`SELECT `+dueColumns+` FROM charge_due WHERE tenant_id = $1 AND id < $2`+which+` ORDER BY id DESC LIMIT $3`,
			row, tx.Tenant, core.UpTo(before), max)
	} else {
		err = tx.C.Query(`SELECT `+dueColumns+` FROM charge_due WHERE tenant_id = $1 AND account_id = $2 AND id < $3`+which+` ORDER BY id DESC LIMIT $4`,
			row, tx.Tenant, account, core.UpTo(before), max)
	}
	if err != nil {
		return nil, fmt.Errorf("list charges: %w", err)
	}
	return out, nil
}
