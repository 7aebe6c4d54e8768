package store

import (
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/store/core"
)

// verifyPayments checks that every payment of a provider became exactly one credit or one refund, or waits with its whole amount: the books,
// the payment's row and the sales say the same. It reads the payments in slices, so that its questions do not grow with their number.
func (tx *Tx) verifyPayments(r *Report) error {
	payments, booked := int64(0), map[ledger.Kind]int64{}
	taken, err := tx.takenBack()
	if err != nil {
		return err
	}
	for last, more := (id.ID{}), true; more; {
		slice, err := tx.paymentSlice(last)
		if err != nil {
			return err
		}
		if more = len(slice) == verifySlice; len(slice) == 0 {
			break
		}
		last = slice[len(slice)-1].ID
		books, err := tx.paymentBooks(slice)
		if err != nil {
			return err
		}
		for _, p := range slice {
			payments++
			in, out := books.journals[string(ledger.Payment)+p.Name()], books.journals[string(ledger.Returned)+p.Name()]
			booked[ledger.Payment], booked[ledger.Returned] = booked[ledger.Payment]+count(in), booked[ledger.Returned]+count(out)
			verifyPayment(r, p, books, in, out)
			verifyTakenBack(r, p, taken[p.Name()])
			delete(taken, p.Name())
		}
	}
	r.Count("payments", payments)
	for ref, amount := range taken {
		r.Find("payment", "The books took back %d of %s, but there is no such payment.", amount, ref)
	}
	for _, kind := range []ledger.Kind{ledger.Payment, ledger.Returned} {
		journals, err := tx.Number(`SELECT COUNT(*) FROM journal WHERE tenant_id = $1 AND kind = $2`, tx.Tenant, string(kind))
		if err != nil {
			return err
		}
		if journals != booked[kind] {
			r.Find("payment", "%d journals of kind %s belong to no payment.", journals-booked[kind], kind)
		}
	}
	return tx.C.Query(`SELECT v.id, v.payment_id FROM vend v LEFT JOIN payment p ON p.tenant_id = v.tenant_id AND p.id = v.payment_id
		WHERE v.tenant_id = $1 AND v.payment_id IS NOT NULL AND v.state IN ('completed', 'reversing')
		AND (p.id IS NULL OR p.vend_id IS NULL OR p.vend_id <> v.id)`, func(w core.Row) error {
		r.Find("payment", "Sale %s says that payment %s paid for it, but the payment does not.", w.ID(0).Text(id.Vend), w.ID(1).Text(id.Payment))
		return nil
	}, tx.Tenant)
}

// verifySlice is how many payments are compared together.
const verifySlice = 500

// paymentSlice reads the next payments after one, with the columns that are compared.
func (tx *Tx) paymentSlice(after id.ID) (out []payment.Payment, err error) {
	err = tx.C.Query(`SELECT p.id, p.status, p.amount, p.confirmed_at, p.vend_id, p.back, p.back_owed FROM payment p WHERE p.tenant_id = $1 AND p.id > $2 ORDER BY p.id LIMIT $3`,
		func(w core.Row) error {
			out = append(out, payment.Payment{ID: w.ID(0), State: payment.State(w.Text(1)), Amount: money.Amount{Minor: money.Minor(w.Int(2))}, ConfirmedAt: w.Time(3), Sale: w.ID(4),
				Back: money.Minor(w.Int(5)), Owed: money.Minor(w.Int(6))})
			return nil
		}, tx.Tenant, after[:], verifySlice)
	return out, err
}

// paymentBooks is what the books and the sales say about some payments.
type paymentBooks struct {
	journals map[string]bool        // by kind and payment
	left     map[string]money.Minor // balance of what is unused, by payment
	sales    map[id.ID]paidSale
}

// paidSale is a sale that stands, with the payment that paid for it.
type paidSale struct {
	payment id.ID
	tender  money.Minor
}

// paymentBooks reads what the books and the sales say about some payments.
func (tx *Tx) paymentBooks(slice []payment.Payment) (paymentBooks, error) {
	b := paymentBooks{journals: map[string]bool{}, left: map[string]money.Minor{}, sales: map[id.ID]paidSale{}}
	names, sales := make([]string, 0, len(slice)), make([]id.ID, 0, len(slice))
	for _, p := range slice {
		names = append(names, p.Name())
		if !p.Sale.IsZero() {
			sales = append(sales, p.Sale)
		}
	}
	for _, kind := range []ledger.Kind{ledger.Payment, ledger.Returned} {
		err := core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT ref FROM journal WHERE tenant_id = $1 AND kind = $2 AND ref <> '' AND ref `, Args: []any{string(kind)}, Form: 't'}, names,
			func(w core.Row) error { b.journals[string(kind)+w.Text(0)] = true; return nil })
		if err != nil {
			return b, err
		}
	}
	err := core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT subject, balance FROM ledger_account WHERE tenant_id = $1 AND code = $2 AND subject `, Args: []any{int64(ledger.Unapplied)}, Form: 't'}, names,
		func(w core.Row) error { b.left[w.Text(0)] += money.Minor(w.Int(1)); return nil })
	if err != nil {
		return b, err
	}
	return b, core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT id, payment_id, tender FROM vend WHERE tenant_id = $1 AND state IN ('completed', 'reversing') AND id `, Form: 'b'}, sales,
		func(w core.Row) error { b.sales[w.ID(0)] = paidSale{w.ID(1), money.Minor(w.Int(2))}; return nil })
}

// verifyPayment compares one payment with its journals, with what is left of it in the books, and with its sale.
func verifyPayment(r *Report, p payment.Payment, b paymentBooks, in, out bool) {
	if in != !p.ConfirmedAt.IsZero() {
		r.Find("payment", "Payment %s was confirmed: %t, but it is in the books: %t.", p.Name(), !p.ConfirmedAt.IsZero(), in)
	}
	if back := p.State == payment.Refunded && in; out != back {
		r.Find("payment", "Payment %s is %s, but the books gave it back: %t.", p.Name(), p.State, out)
	}
	want := money.Minor(0)
	if p.Booked() {
		want = -p.Amount.Minor
	}
	if left := b.left[p.Name()]; left != want {
		r.Find("payment", "Payment %s of %d is %s, but %d of it is unused.", p.Name(), p.Amount.Minor, p.State, -left)
	}
	if (p.State == payment.Applied) != !p.Sale.IsZero() {
		r.Find("payment", "Payment %s is %s, but it names a sale: %t.", p.Name(), p.State, !p.Sale.IsZero())
	}
	if p.State == payment.Applied && b.sales[p.Sale] != (paidSale{p.ID, p.Amount.Minor}) {
		r.Find("payment", "Payment %s is applied to sale %s, but that sale does not use it.", p.Name(), p.Sale.Text(id.Vend))
	}
}

// verifyTakenBack compares what the customer owes for a payment that its provider took back with the books.
func verifyTakenBack(r *Report, p payment.Payment, taken money.Minor) {
	switch {
	case p.Owed != taken:
		r.Find("payment", "The customer owes %d of payment %s again, but the books took back %d.", p.Owed, p.Name(), taken)
	case p.Owed > p.Back || p.Back > p.Amount.Minor || p.Owed > 0 && p.State != payment.Applied:
		r.Find("payment", "Payment %s of %d is %s. Its provider took back %d, and the customer owes %d again.", p.Name(), p.Amount.Minor, p.State, p.Back, p.Owed)
	}
}

// takenBack sums the journals of money that providers took back after its use, by payment, without those that were undone.
func (tx *Tx) takenBack() (map[string]money.Minor, error) {
	out := map[string]money.Minor{}
	err := tx.C.Query(`SELECT j.ref, SUM(p.amount) FROM journal j JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
		JOIN ledger_account a ON a.tenant_id = j.tenant_id AND a.n = p.account WHERE j.tenant_id = $1 AND j.kind = $2 AND a.code = $3
		AND NOT EXISTS (SELECT 1 FROM journal m WHERE m.tenant_id = j.tenant_id AND m.reverses = j.id) GROUP BY j.ref`, func(w core.Row) error {
		out[debt.PaymentOf(w.Text(0))] -= money.Minor(w.Int(1))
		return nil
	}, tx.Tenant, string(ledger.TakenBack), int64(ledger.Clearing))
	return out, err
}

func count(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
