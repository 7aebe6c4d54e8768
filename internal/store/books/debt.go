package books

import (
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
)

// debtRow is a row of debt.
type debtRow = debt.Debt

var debtColumns = core.Columns[debtRow]{Table: "debt", Attested: []core.Column[debtRow]{
	core.ID("account_id", func(d *debtRow) *id.ID { return &d.Account }),
	core.Text("kind", func(d *debtRow) *string { return &d.Kind }),
	core.Int("principal", func(d *debtRow) *money.Minor { return &d.Principal }),
	core.Text("mode", func(d *debtRow) *tariff.ChargeMode { return &d.Mode }),
	core.Int("value", func(d *debtRow) *int64 { return &d.Value }),
	core.Int("min", func(d *debtRow) *money.Minor { return &d.Min }),
	core.Int("max", func(d *debtRow) *money.Minor { return &d.Max }),
	core.Int("month_cap", func(d *debtRow) *money.Minor { return &d.MonthCap }),
	core.Int("priority", func(d *debtRow) *int { return &d.Priority }),
	core.Bool("capped", func(d *debtRow) *bool { return &d.Capped }),
	core.Text("against", func(d *debtRow) *string { return &d.Against }),
	core.Text("memo", func(d *debtRow) *string { return &d.Memo }),
	core.Time("created_at", func(d *debtRow) *time.Time { return &d.CreatedAt }),
}, Added: []core.Column[debtRow]{
	core.Time("taken_back_at", func(d *debtRow) *time.Time { return &d.TakenBack }),
	core.ID("moved_to", func(d *debtRow) *id.ID { return &d.MovedTo }),
}, Unattested: []core.Column[debtRow]{ // the books prove the outstanding amount
	core.ID("id", func(d *debtRow) *id.ID { return &d.ID }),
	core.Int("outstanding", func(d *debtRow) *money.Minor { return &d.Outstanding }),
	core.Text("month", func(d *debtRow) *string { return &d.Month }),
	core.Int("month_taken", func(d *debtRow) *money.Minor { return &d.MonthTaken }),
	core.Text("status", func(d *debtRow) *string { return &d.Status }),
	{Name: "version", Form: 'i'},
}}

// DebtKind describes the evidence of debts.
var DebtKind = core.AttestedKind{Name: "debt", Noun: "Debt", Prefix: id.Debt, From: "debt r", Key: "id",
	Order: "COALESCE(r.taken_back_at, 0) + CASE WHEN r.moved_to IS NULL THEN 0 ELSE 1 END",
	Proof: debtColumns.Proof("r")}

// DebtAdd stores a new debt. The caller posts its journal in the same transaction.
func (tx Rows) DebtAdd(d debt.Debt) error {
	_, err := tx.C.Exec(`INSERT INTO `+debtColumns.Into(), debtColumns.Values(tx.Tenant, &d)...)
	if err != nil {
		return fmt.Errorf("store debt %s: %w", d.Name(), err)
	}
	return tx.Attest("debt", d.ID)
}

// Debt reads a debt by its identity. To change the debt, lock its account and read the debt again.
func (tx Rows) Debt(named id.ID) (debt.Debt, bool, error) {
	var d debt.Debt
	found, err := tx.One(`SELECT `+debtColumns.List("")+` FROM debt WHERE tenant_id = $1 AND id = $2`, debtColumns.To(&d), tx.Tenant, named)
	return d, found, fault.Wrap(err, "read debt %s", named.Text(id.Debt))
}

// takeDebt subtracts a payment from a debt and counts it in the local month of the sale.
func (tx Rows) takeDebt(s sale.Sale, l sale.Line) error {
	debt, err := id.Parse(id.Debt, l.Ref)
	if err != nil {
		return err
	}
	return tx.Must(`UPDATE debt SET outstanding = outstanding - $1, month_taken = CASE WHEN month = $2 THEN month_taken ELSE 0 END + $1,
		month = $2, status = CASE WHEN outstanding = $1 THEN 'paid' ELSE 'open' END, version = version + 1
		WHERE tenant_id = $3 AND id = $4 AND account_id = $5 AND outstanding >= $1`, l.Amount, s.Month, tx.Tenant, debt, s.Account)
}

// giveDebtBack adds a payment back to a debt.
func (tx Rows) giveDebtBack(s sale.Sale, l sale.Line) error {
	debt, err := id.Parse(id.Debt, l.Ref)
	if err != nil {
		return err
	}
	return tx.Must(`UPDATE debt SET outstanding = outstanding + $1, month_taken = month_taken - CASE WHEN month = $2 THEN $1 ELSE 0 END,
		status = 'open', version = version + 1 WHERE tenant_id = $3 AND id = $4 AND account_id = $5`,
		l.Amount, s.Month, tx.Tenant, debt, s.Account)
}

// DebtWriteOff lowers a debt by the amount written off. It returns false if less than this amount is outstanding.
func (tx Rows) DebtWriteOff(debt id.ID, amount money.Minor) (bool, error) {
	n, err := tx.C.Exec(`UPDATE debt SET outstanding = outstanding - $1, status = CASE WHEN outstanding = $1 THEN 'written_off' ELSE status END,
		version = version + 1 WHERE tenant_id = $2 AND id = $3 AND outstanding >= $1`, amount, tx.Tenant, debt)
	return n == 1, fault.Wrap(err, "write off debt %s", debt.Text(id.Debt))
}

// DebtTakeBack lowers a debt that was never owed to nothing. It returns false if something of it is paid.
func (tx Rows) DebtTakeBack(d debt.Debt, at time.Time) (ok bool, err error) {
	err = tx.Rewrite("debt", d.ID, func() error {
		n, err := tx.C.Exec(`UPDATE debt SET outstanding = 0, status = 'written_off', taken_back_at = $1, version = version + 1
			WHERE tenant_id = $2 AND id = $3 AND outstanding = principal`, at, tx.Tenant, d.ID)
		ok = n == 1
		return err
	})
	return ok, fault.Wrap(err, "take back debt %s", d.Name())
}

// ClosedOwing lists and locks the closed accounts of a customer that have an unpaid debt or charge, oldest first.
func (tx Rows) ClosedOwing(customer id.ID) (out []id.ID, err error) {
	err = tx.C.Query(`SELECT a.id FROM account a WHERE a.tenant_id = $1 AND a.customer_id = $2 AND a.status = 'closed' AND `+owingAccount+` ORDER BY a.id`+tx.C.ForUpdate(),
		func(r core.Row) error { out = append(out, r.ID(0)); return nil }, tx.Tenant, customer)
	return out, fault.Wrap(err, "find what customer %s owes", customer.Text(id.Customer))
}

// owingAccount is the condition that account a has an unpaid debt or charge.
const owingAccount = `(EXISTS (SELECT 1 FROM debt d WHERE d.tenant_id = a.tenant_id AND d.account_id = a.id AND d.outstanding > 0)
	OR EXISTS (SELECT 1 FROM charge_due c WHERE c.tenant_id = a.tenant_id AND c.account_id = a.id AND c.paid < c.amount_gross))`

// owedOnAccount is the sum of the unpaid debts and charges of account a.
const owedOnAccount = `(SELECT COALESCE(SUM(d.outstanding), 0) FROM debt d WHERE d.tenant_id = a.tenant_id AND d.account_id = a.id AND d.outstanding > 0)
	+ (SELECT COALESCE(SUM(h.amount_gross - h.paid), 0) FROM charge_due h WHERE h.tenant_id = a.tenant_id AND h.account_id = a.id AND h.paid < h.amount_gross)`

// OtherDebts lists other accounts with an unpaid debt or charge, of the same customer or of a customer with the same telephone number, the
// newest first. The same number may be written in several ways, with the country or without.
func (tx Rows) OtherDebts(account id.ID, max int) (out []registry.OtherDebt, err error) {
	others := func(whose string) string {
		return `SELECT a.id, a.status, c.id, c.name, c.id = p.id,
			` + owedOnAccount + `, p.phone, c.phone
		FROM account o JOIN customer p ON p.tenant_id = o.tenant_id AND p.id = o.customer_id
		JOIN customer c ON c.tenant_id = p.tenant_id AND ` + whose + `
		JOIN account a ON a.tenant_id = c.tenant_id AND a.customer_id = c.id
		WHERE o.tenant_id = $1 AND o.id = $2 AND a.id <> o.id AND ` + owingAccount
	}
	// Two queries in one: with a condition for both, no index would find the accounts. An index has the last digits of telephone numbers.
	const called = `p.phone <> '' AND c.phone <> '' AND c.id <> p.id AND SUBSTR(c.search, LENGTH(c.search) - 7) = SUBSTR(p.search, LENGTH(p.search) - 7)`
	err = tx.C.Query(others(`c.id = p.id`)+` UNION ALL `+others(called)+` ORDER BY 1 DESC LIMIT $3`, func(r core.Row) error {
		o := registry.OtherDebt{Account: r.ID(0), Status: r.Text(1), Customer: r.ID(2), Name: r.Text(3), Same: r.Bool(4), Owed: money.Minor(r.Int(5))}
		if o.Same || registry.SamePhone(r.Text(6), r.Text(7)) {
			out = append(out, o)
		}
		return nil
	}, tx.Tenant, account, max)
	return out, fault.Wrap(err, "find what else the customer of account %s owes", account.Text(id.Account))
}

// OwesNow lists the accounts of a customer that are not closed and have an unpaid debt or charge, the newest first.
func (tx Rows) OwesNow(customer id.ID, max int) (out []registry.OtherDebt, err error) {
	err = tx.C.Query(`SELECT a.id, a.status, `+owedOnAccount+` FROM account a WHERE a.tenant_id = $1 AND a.customer_id = $2 AND a.status <> 'closed' AND `+owingAccount+`
		ORDER BY a.id DESC LIMIT $3`, func(r core.Row) error {
		out = append(out, registry.OtherDebt{Account: r.ID(0), Status: r.Text(1), Customer: customer, Same: true, Owed: money.Minor(r.Int(2))})
		return nil
	}, tx.Tenant, customer, max)
	return out, fault.Wrap(err, "find what customer %s owes now", customer.Text(id.Customer))
}

// ChargeNames lists the names of all charges of an account in a local month, paid or not.
func (tx Rows) ChargeNames(account id.ID, month string) (out []string, err error) {
	err = tx.C.Query(`SELECT kind FROM charge_due WHERE tenant_id = $1 AND account_id = $2 AND month = $3`, func(r core.Row) error {
		out = append(out, r.Text(0))
		return nil
	}, tx.Tenant, account, month)
	return out, fault.Wrap(err, "read the charges of account %s", account.Text(id.Account))
}

// OwedBy reads the unpaid debts and charges of an account.
func (tx Rows) OwedBy(account id.ID) (debts, charges []registry.Owed, err error) {
	dues, owed, err := tx.ChargesOpen(account, 1<<30)
	for _, d := range owed {
		debts = append(debts, registry.Owed{ID: d.ID, Left: d.Outstanding})
	}
	for _, d := range dues {
		charges = append(charges, registry.Owed{ID: d.ID, Left: d.Left(), Name: d.Name, Month: d.Month})
	}
	return debts, charges, err
}

// DebtMove makes an account owe what is left of a debt of another account, on the same terms and as old as it was, and leaves nothing on that
// debt. The caller posts the journal in the same transaction.
func (tx Rows) DebtMove(from, to, account id.ID) error {
	d, found, err := tx.Debt(from)
	if err == nil && !found {
		err = core.ErrNotFound
	}
	if err != nil {
		return err
	}
	next := d
	next.ID, next.Account, next.Principal, next.Month, next.MonthTaken = to, account, d.Outstanding, "", 0
	if err := tx.DebtAdd(next); err != nil {
		return err
	}
	err = tx.Rewrite("debt", from, func() error {
		return tx.Must(`UPDATE debt SET outstanding = 0, status = 'written_off', moved_to = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3 AND outstanding = $4`,
			to, tx.Tenant, from, d.Outstanding)
	})
	return fault.Wrap(err, "move debt %s", d.Name())
}

// ChargeMove makes an account owe what is left of a charge of another account, under another name. What was paid stays on that charge, and it notes
// what it lost, so that the month is not charged again.
func (tx Rows) ChargeMove(from, to, account id.ID, name string) error {
	var d debt.Due
	found, err := tx.One(`SELECT `+dueColumns.List("")+` FROM charge_due WHERE tenant_id = $1 AND id = $2`, dueColumns.To(&d), tx.Tenant, from)
	if err == nil && !found {
		err = core.ErrNotFound
	}
	if err != nil {
		return fault.Wrap(err, "read charge %s", from.Text(id.Charge))
	}
	next, left := d, d.Left()
	next.ID, next.Account, next.Name = to, account, name
	next.Gross, next.Moved, next.PaidBack = left, 0, 0
	d.Gross -= left
	d.Moved += left
	if err := tx.ChargePut(next); err != nil {
		return err
	}
	return tx.ChargePut(d)
}

// DebtPaid reports whether a sale paid towards a debt, or is about to.
func (tx Rows) DebtPaid(d debt.Debt) (bool, error) {
	a, found, err := tx.Account(ledger.AccountRef{Code: ledger.Debt, Subject: ledger.SubjectOf(d.Account, d.Name())})
	if err != nil || !found {
		return false, err
	}
	n, err := tx.Number(`SELECT COUNT(*) FROM posting WHERE tenant_id = $1 AND account = $2 AND listed = 1`, tx.Tenant, a.N)
	return a.Held != 0 || n > 1, fault.Wrap(err, "look for payments of debt %s", d.Name())
}

// AccountMoved reports whether money ever moved on an account: by a sale, also to a meter that has left the account, a payment or use. Opening balances and their reversals do not
// count.
func (tx Rows) AccountMoved(account id.ID) (bool, error) {
	n, err := tx.Number(`SELECT (SELECT COUNT(*) FROM meter m JOIN vend v ON v.tenant_id = m.tenant_id AND v.meter = m.n
			WHERE m.tenant_id = $1 AND m.account_id = $2 AND v.account_id = $2)
		+ (SELECT COUNT(*) FROM usage_month WHERE tenant_id = $1 AND account_id = $2)
		+ (SELECT COUNT(*) FROM ledger_account a JOIN posting p ON p.tenant_id = a.tenant_id AND p.account = a.n AND p.listed = 1
			JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
			WHERE a.tenant_id = $1 AND a.code IN (2000, 2060, 2080, 2090) AND a.subject = $3
			AND j.kind <> $4 AND NOT (j.kind = $5 AND j.ref LIKE $6))`,
		tx.Tenant, account, account.Text(id.Account), string(ledger.BroughtIn), string(ledger.Reversal), ledger.MirrorRef(ledger.BroughtIn, "%"))
	return n > 0, fault.Wrap(err, "look for money on account %s", account.Text(id.Account))
}

// mostOpen is more charges and debts than the account of a meter in stock has.
const mostOpen = 1000

// HasOpenSums reports whether a customer's money or a reservation of it is on the account of a meter in stock, or whether the account owes a debt or
// a charge that it took over. Its own fixed charges do not count: nobody lives where the meter is.
func (tx Rows) HasOpenSums(account id.ID) (bool, error) {
	for _, code := range []ledger.Code{ledger.Wallet, ledger.Carry, ledger.Deposit} {
		a, _, err := tx.Account(ledger.AccountRef{Code: code, Subject: account.Text(id.Account)})
		if err != nil || a.Balance != 0 || a.Held != 0 {
			return err == nil, fault.Wrap(err, "look for money on account %s", account.Text(id.Account))
		}
	}
	dues, debts, err := tx.ChargesOpen(account, mostOpen)
	taken := slices.ContainsFunc(dues, debt.Due.IsTakenOver)
	return len(debts) > 0 || taken, err
}

// DebtPay lowers a debt by a payment that is not part of a sale.
func (tx Rows) DebtPay(debt id.ID, amount money.Minor) error {
	err := tx.Must(`UPDATE debt SET outstanding = outstanding - $1, status = CASE WHEN outstanding = $1 THEN 'paid' ELSE status END,
		version = version + 1 WHERE tenant_id = $2 AND id = $3 AND outstanding >= $1`, amount, tx.Tenant, debt)
	return fault.Wrap(err, "pay debt %s", debt.Text(id.Debt))
}

// DebtPage lists debts, newest first. It begins after the given debt, or with the newest if it is zero. A zero account means all accounts.
func (tx Rows) DebtPage(account id.ID, open bool, before id.ID, max int) ([]debt.Debt, error) {
	out, err := owing(tx, &debtColumns, `outstanding > 0`, account, open, before, max)
	return out, fault.Wrap(err, "list debts")
}

// ChargePage lists charges, with the same parameters as [Rows.DebtPage].
func (tx Rows) ChargePage(account id.ID, open bool, before id.ID, max int) ([]debt.Due, error) {
	out, err := owing(tx, &dueColumns, `paid < amount_gross`, account, open, before, max)
	return out, fault.Wrap(err, "list charges")
}

// owing returns a page of debts or charges. The parameter unpaid is the SQL condition for open rows.
func owing[T any](tx Rows, l *core.Columns[T], unpaid string, account id.ID, open bool, before id.ID, max int) ([]T, error) {
	which := ``
	if open {
		which = ` AND ` + unpaid
	}
	if account.IsZero() {
		return l.All(tx.C, `tenant_id = $1 AND id < $2`+which+` ORDER BY id DESC LIMIT $3`, tx.Tenant, core.UpTo(before), max)
	}
	return l.All(tx.C, `tenant_id = $1 AND account_id = $2 AND id < $3`+which+` ORDER BY id DESC LIMIT $4`,
		tx.Tenant, account, core.UpTo(before), max)
}
