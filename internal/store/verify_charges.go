package store

import (
	"strings"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store/core"
)

// paidFor holds the amounts that sales paid towards one debt.
type paidFor struct {
	open    int64            // paid by sales that are not in the ledger yet
	byMonth map[string]int64 // amounts by the local month of the sale
}

// paidDebts sums the amounts that sales paid towards every debt, by account and debt.
func (tx *Tx) paidDebts() (map[string]paidFor, error) {
	out := map[string]paidFor{}
	err := tx.C.Query(`SELECT v.account_id, l.ref, v.month, SUM(l.amount + l.vat), SUM(CASE WHEN v.state = 'held' THEN l.amount + l.vat ELSE 0 END)
		FROM vend_line l JOIN vend v ON v.tenant_id = l.tenant_id AND v.id = l.vend_id
		WHERE l.tenant_id = $1 AND l.kind = 'debt' AND v.state IN ('held', 'completed', 'reversing')
		GROUP BY v.account_id, l.ref, v.month`, func(w core.Row) error {
		key := w.ID(0).Text(id.Account) + ":" + w.Text(1)
		p := out[key]
		if p.byMonth == nil {
			p.byMonth = map[string]int64{}
		}
		p.open += w.Int(4)
		p.byMonth[w.Text(2)] += w.Int(3)
		out[key] = p
		return nil
	}, tx.Tenant)
	return out, err
}

// verifyCharges compares the paid amount of every charge with the sales that paid it. An account has a charge for every month of its life, so
// the database compares them, and only the differences are read.
func (tx *Tx) verifyCharges(r *Report) error {
	charges, err := tx.Number(`SELECT COUNT(*) FROM charge_due WHERE tenant_id = $1`, tx.Tenant)
	if err != nil {
		return err
	}
	r.Count("charges due", charges)
	return tx.C.Query(`SELECT account_id, ref, SUM(noted), SUM(sold), SUM(charges) FROM (
			SELECT account_id, kind || ' ' || month AS ref, paid + COALESCE(paid_back, 0) AS noted, 0 AS sold, 1 AS charges FROM charge_due WHERE tenant_id = $1
			UNION ALL
			SELECT v.account_id, l.ref, 0, l.amount + l.vat, 0 FROM vend_line l JOIN vend v ON v.tenant_id = l.tenant_id AND v.id = l.vend_id
			WHERE l.tenant_id = $1 AND l.kind = 'fixed' AND v.state IN ('held', 'completed', 'reversing')) u
		GROUP BY account_id, ref HAVING SUM(noted) <> SUM(sold) OR SUM(charges) <> 1`, func(w core.Row) error {
		key := w.ID(0).Text(id.Account) + ":" + w.Text(1)
		if w.Int(4) == 0 {
			r.Find("charge", "Sales paid towards charge %s, but that charge is missing.", key)
			return nil
		}
		r.Find("charge", "Charge %s records %d paid, but its sales paid %d.", key, w.Int(2), w.Int(3))
		return nil
	}, tx.Tenant)
}

// lastMonth returns the newest month with a payment; it returns an empty text if there is none.
func lastMonth(byMonth map[string]int64) (last string) {
	for m, amount := range byMonth {
		if amount > 0 {
			last = max(last, m)
		}
	}
	return last
}

// verifyDebts compares the outstanding amount of every debt with its ledger account, less the amounts that pending sales have reserved. It
// also compares the amount taken in a month with the sales of that month.
func (tx *Tx) verifyDebts(r *Report) error {
	paid, err := tx.paidDebts()
	if err != nil {
		return err
	}
	balances := map[string]int64{}
	err = tx.C.Query(`SELECT subject, balance FROM ledger_account WHERE tenant_id = $1 AND code = $2`, func(w core.Row) error {
		balances[w.Text(0)] = w.Int(1)
		return nil
	}, tx.Tenant, ledger.Debt)
	if err != nil {
		return err
	}
	debts := int64(0)
	err = tx.C.Query(`SELECT id, account_id, outstanding, month, month_taken, status FROM debt WHERE tenant_id = $1`, func(w core.Row) error {
		debts++
		name, account := w.ID(0).Text(id.Debt), w.ID(1).Text(id.Account)
		key := ledger.SubjectOf(w.ID(1), name)
		if want := balances[key] - paid[key].open; w.Int(2) != want {
			r.Find("debt", "Debt %s of account %s has %d outstanding, but the ledger and open sales leave %d.", name, account, w.Int(2), want)
		}
		if taken := paid[key].byMonth[w.Text(3)]; w.Int(4) != taken {
			r.Find("debt", "Debt %s of account %s records %d paid in %s, but its sales paid %d.", name, account, w.Int(4), w.Text(3), taken)
		}
		if last := lastMonth(paid[key].byMonth); w.Text(3) < last {
			r.Find("debt", "Debt %s of account %s records its last payment in %q, but its sales last paid it in %s. Its monthly limit would start again.", name, account, w.Text(3), last)
		}
		if open := w.Text(5) == "open"; open != (w.Int(2) > 0) {
			r.Find("debt", "Debt %s of account %s is %q, but has %d outstanding.", name, account, w.Text(5), w.Int(2))
		}
		delete(balances, key)
		return nil
	}, tx.Tenant)
	for key, balance := range balances {
		account, debt, _ := strings.Cut(key, ":")
		if balance != 0 {
			r.Find("debt", "The ledger has %d on debt %s of account %s, but that debt is missing.", balance, debt, account)
		}
	}
	r.Count("debts", debts)
	return err
}
