package store

import (
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/store/core"
)

// verifyPayments checks that every payment of a provider became exactly one credit or one refund, or waits with its whole amount: the books,
// the payment's row and the sales say the same.
func (tx *Tx) verifyPayments(r *Report) error {
	payments, booked, returned := int64(0), int64(0), int64(0)
	err := tx.C.Query(`SELECT p.id, p.status, p.amount, p.confirmed_at, p.vend_id FROM payment p WHERE p.tenant_id = $1`, func(w core.Row) error {
		payments++
		p := payment.Payment{ID: w.ID(0), State: payment.State(w.Text(1)), Amount: money.Amount{Minor: money.Minor(w.Int(2))}, ConfirmedAt: w.Time(3), Sale: w.ID(4)}
		in, err := tx.journalExists(ledger.Payment, p.Name())
		if err != nil {
			return err
		}
		out, err := tx.journalExists(ledger.Returned, p.Name())
		if err != nil {
			return err
		}
		booked, returned = booked+count(in), returned+count(out)
		if in != !p.ConfirmedAt.IsZero() {
			r.Find("payment", "Payment %s was confirmed: %t, but it is in the books: %t.", p.Name(), !p.ConfirmedAt.IsZero(), in)
		}
		if back := p.State == payment.Refunded && in; out != back {
			r.Find("payment", "Payment %s is %s, but the books gave it back: %t.", p.Name(), p.State, out)
		}
		return tx.verifyPayment(r, p)
	}, tx.Tenant)
	r.Count("payments", payments)
	if err != nil {
		return err
	}
	for kind, known := range map[ledger.Kind]int64{ledger.Payment: booked, ledger.Returned: returned} {
		journals, err := tx.Number(`SELECT COUNT(*) FROM journal WHERE tenant_id = $1 AND kind = $2`, tx.Tenant, string(kind))
		if err != nil {
			return err
		}
		if journals != known {
			r.Find("payment", "%d journals of kind %s belong to no payment.", journals-known, kind)
		}
	}
	return tx.C.Query(`SELECT v.id, v.payment_id FROM vend v LEFT JOIN payment p ON p.tenant_id = v.tenant_id AND p.id = v.payment_id
		WHERE v.tenant_id = $1 AND v.payment_id IS NOT NULL AND v.state IN ('completed', 'reversing')
		AND (p.id IS NULL OR p.vend_id IS NULL OR p.vend_id <> v.id)`, func(w core.Row) error {
		r.Find("payment", "Sale %s says that payment %s paid for it, but the payment does not.", w.ID(0).Text(id.Vend), w.ID(1).Text(id.Payment))
		return nil
	}, tx.Tenant)
}

// verifyPayment compares one payment with what is left of it in the books, and with its sale.
func (tx *Tx) verifyPayment(r *Report, p payment.Payment) error {
	left, err := tx.Number(`SELECT COALESCE(SUM(balance), 0) FROM ledger_account WHERE tenant_id = $1 AND code = $2 AND subject = $3`,
		tx.Tenant, int64(ledger.Unapplied), p.Name())
	if err != nil {
		return err
	}
	want := money.Minor(0)
	if p.Booked() {
		want = -p.Amount.Minor
	}
	if money.Minor(left) != want {
		r.Find("payment", "Payment %s of %d is %s, but %d of it is unused.", p.Name(), p.Amount.Minor, p.State, -left)
	}
	if (p.State == payment.Applied) != !p.Sale.IsZero() {
		r.Find("payment", "Payment %s is %s, but it names a sale: %t.", p.Name(), p.State, !p.Sale.IsZero())
	}
	if p.State != payment.Applied {
		return nil
	}
	sales, err := tx.Number(`SELECT COUNT(*) FROM vend WHERE tenant_id = $1 AND payment_id = $2 AND id = $3 AND tender = $4 AND state IN ('completed', 'reversing')`,
		tx.Tenant, p.ID, p.Sale, p.Amount.Minor)
	if err == nil && sales != 1 {
		r.Find("payment", "Payment %s is applied to sale %s, but that sale does not use it.", p.Name(), p.Sale.Text(id.Vend))
	}
	return err
}

func (tx *Tx) journalExists(kind ledger.Kind, ref string) (bool, error) {
	return tx.One(`SELECT id FROM journal WHERE tenant_id = $1 AND kind = $2 AND ref = $3 AND ref <> ''`, func(core.Row) error { return nil },
		tx.Tenant, string(kind), ref)
}

func count(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
