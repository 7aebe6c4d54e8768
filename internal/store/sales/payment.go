package sales

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/webhook"
)

var paymentColumns = core.Columns[payment.Payment]{Table: "payment", Attested: []core.Column[payment.Payment]{
	core.Text("provider", func(p *payment.Payment) *string { return &p.Provider }),
	core.Text("provider_txn", func(p *payment.Payment) *string { return &p.Txn }),
	core.Int("amount", func(p *payment.Payment) *money.Minor { return &p.Amount.Minor }),
	core.Text("currency", func(p *payment.Payment) *string { return &p.Amount.Currency }),
	core.Text("reference", func(p *payment.Payment) *string { return &p.Reference }),
	core.Text("payer", func(p *payment.Payment) *string { return &p.Payer }),
	core.Time("paid_at", func(p *payment.Payment) *time.Time { return &p.PaidAt }),
	core.Text("status", func(p *payment.Payment) *payment.State { return &p.State }),
	core.Text("reason", func(p *payment.Payment) *payment.Reason { return &p.Reason }),
	core.Text("proof", func(p *payment.Payment) *payment.Proof { return &p.Proof }),
	core.Time("confirmed_at", func(p *payment.Payment) *time.Time { return &p.ConfirmedAt }),
	core.Text("meter", func(p *payment.Payment) *string { return &p.Meter }),
	core.ID("vend_id", func(p *payment.Payment) *id.ID { return &p.Sale }),
	core.Int("tries", func(p *payment.Payment) *int { return &p.Tries }),
}, Added: []core.Column[payment.Payment]{
	core.ID("request_id", func(p *payment.Payment) *id.ID { return &p.Request }),
	core.Maybe("alone_total", func(p *payment.Payment) **money.Minor { return &p.AloneTotal }),
	core.Int("back", func(p *payment.Payment) *money.Minor { return &p.Back }).OrNull(),
	core.Int("back_owed", func(p *payment.Payment) *money.Minor { return &p.Owed }).OrNull(),
	core.Time("back_at", func(p *payment.Payment) *time.Time { return &p.BackAt }),
}, Unattested: []core.Column[payment.Payment]{
	core.ID("id", func(p *payment.Payment) *id.ID { return &p.ID }),
	core.Text("detail", func(p *payment.Payment) *string { return &p.Detail }),
	{Name: "channel", Form: 't', Write: func(*payment.Payment) any { return "provider" }},
	{Name: "raw", Form: 'b'},
	core.Time("created_at", func(p *payment.Payment) *time.Time { return &p.SeenAt }),
	core.Int("version", func(p *payment.Payment) *int64 { return &p.Version }).ReadOnly(),
}}

// paymentKind is the name of payments in evidence, and PaymentKind describes it.
const paymentKind = "payment"

var PaymentKind = core.AttestedKind{Name: paymentKind, Noun: "Payment", Prefix: id.Payment, From: "payment r", Key: "id", Order: "r.version",
	Proof: paymentColumns.Proof("r")}

var (
	paymentInsert = `INSERT INTO ` + paymentColumns.Into()
	paymentQuery  = `SELECT ` + paymentColumns.List("") + ` FROM payment WHERE tenant_id = $1 AND `
)

// AddPayment stores a payment that a provider names for the first time. If the provider has named it before, AddPayment stores nothing and
// returns false.
func (tx Rows) AddPayment(p payment.Payment) (bool, error) {
	n, err := tx.C.Exec(paymentInsert+` ON CONFLICT DO NOTHING`, paymentColumns.Values(tx.Tenant, &p)...)
	if err == nil && n == 1 {
		err = tx.Attest(paymentKind, p.ID)
	}
	return n == 1, fault.Wrap(err, "store a payment")
}

// PutPayment stores the state of a payment that PaymentByID locked.
func (tx Rows) PutPayment(p payment.Payment) error {
	err := tx.Rewrite(paymentKind, p.ID, func() error {
		return tx.Must(`UPDATE payment SET status = $1, reason = $2, detail = $3, proof = $4, confirmed_at = $5, meter = $6, vend_id = $7, tries = $8,
			amount = $9, currency = $10, paid_at = $11, reference = $12, payer = $13, request_id = $14, alone_total = $15,
			back = $16, back_owed = $17, back_at = $18, version = version + 1 WHERE tenant_id = $19 AND id = $20`,
			string(p.State), string(p.Reason), p.Detail, string(p.Proof), p.ConfirmedAt, p.Meter, p.Sale, p.Tries, p.Amount.Minor, p.Amount.Currency, p.PaidAt,
			p.Reference, p.Payer, p.Request, p.AloneTotal, unlessZero(p.Back), unlessZero(p.Owed), p.BackAt, tx.Tenant, p.ID)
	})
	if e, is := webhook.OfPayment(p); is && err == nil {
		err = tx.Announce(e.Type, func() (webhook.Event, error) { return e, nil })
	}
	return fault.Wrap(err, "write payment %s", p.Name())
}

// unlessZero returns an amount as it is stored where NULL stands for 0.
func unlessZero(m money.Minor) any {
	if m == 0 {
		return nil
	}
	return int64(m)
}

// PaymentByID reads a payment and locks it.
func (tx Rows) PaymentByID(i id.ID) (payment.Payment, bool, error) {
	return tx.paymentWhere(`id = $2`+tx.C.ForUpdate(), i)
}

// PaymentNamed finds a payment by its provider's own name for it, and locks it.
func (tx Rows) PaymentNamed(provider, txn string) (payment.Payment, bool, error) {
	return tx.paymentWhere(`provider = $2 AND provider_txn = $3`+tx.C.ForUpdate(), provider, txn)
}

// PaymentsNamed reads the payments to which providers gave a name, and locks them.
func (tx Rows) PaymentsNamed(txn string, max int) (out []payment.Payment, err error) {
	err = tx.C.Query(paymentQuery+`provider_txn = $2 ORDER BY id LIMIT $3`+tx.C.ForUpdate(), paymentColumns.AddTo(&out), tx.Tenant, txn, max)
	return out, fault.Wrap(err, "find the payments of a name")
}

func (tx Rows) paymentWhere(condition string, args ...any) (p payment.Payment, found bool, err error) {
	found, err = tx.One(paymentQuery+condition, paymentColumns.To(&p), append([]any{tx.Tenant}, args...)...)
	return p, found, fault.Wrap(err, "find a payment")
}

// PaymentPage lists payments that a filter names, newest first, from before the given one or from the newest on.
func (tx Rows) PaymentPage(f payment.Filter, before id.ID, max int) (out []payment.Payment, err error) {
	where, args := []string{`id < $2`}, []any{tx.Tenant, core.UpTo(before)}
	add := func(use bool, condition string, value any) {
		if use {
			args = append(args, value)
			where = append(where, fmt.Sprintf(condition+` $%d`, len(args)))
		}
	}
	add(f.State != "", `status =`, string(f.State))
	add(f.Provider != "", `provider =`, f.Provider)
	add(f.Reference != "", `reference =`, f.Reference)
	add(!f.From.IsZero(), `created_at >=`, f.From)
	add(!f.To.IsZero(), `created_at <`, f.To)
	if f.State == payment.Parked || f.State == payment.Received { // lets the database use the index of open payments
		where = append(where, `(status = 'received' OR status = 'parked')`)
	}
	args = append(args, max)
	err = tx.C.Query(paymentQuery+strings.Join(where, ` AND `)+fmt.Sprintf(` ORDER BY id DESC LIMIT $%d`, len(args)), paymentColumns.AddTo(&out), args...)
	return out, fault.Wrap(err, "list payments")
}

// SignedBefore returns what signatures, or statements of one person alone, have confirmed for a provider before a time; zero time for all.
func (tx Rows) SignedBefore(provider string, before time.Time) (u payment.SignedTotal, err error) {
	earlier, args := ``, []any{tx.Tenant, provider}
	if !before.IsZero() {
		earlier, args = ` AND confirmed_at < $3`, append(args, before)
	}
	_, err = tx.One(`SELECT alone_total, confirmed_at FROM payment WHERE tenant_id = $1 AND provider = $2 AND alone_total IS NOT NULL`+earlier+`
		ORDER BY confirmed_at DESC, alone_total DESC LIMIT 1`, func(r core.Row) error {
		u = payment.SignedTotal{Total: money.Minor(r.Int(0)), At: r.Time(1)}
		return nil
	}, args...)
	return u, fault.Wrap(err, "read what signatures confirmed")
}

// PaymentBacklog counts what waits for a person; of parked payments those that became known before a time.
func (tx Rows) PaymentBacklog(before time.Time) (b payment.OpenPayments, err error) {
	for _, q := range []struct {
		sql  string
		args []any
		to   func(core.Row)
	}{
		{`SELECT COUNT(*), MIN(created_at) FROM payment WHERE tenant_id = $1 AND (status = 'received' OR status = 'parked') AND status = 'parked' AND created_at < $2`,
			[]any{tx.Tenant, before}, func(r core.Row) { b.Parked, b.Oldest = int(r.Int(0)), r.Time(1) }},
		{`SELECT COUNT(*) FROM payment WHERE tenant_id = $1 AND ` + usedBack + ` AND (back_owed IS NULL OR back_owed < back OR back_at >= $2)`, []any{tx.Tenant, before.Add(-payment.BackFor)},
			func(r core.Row) { b.Back = int(r.Int(0)) }},
		{`SELECT COUNT(*) FROM payment_call WHERE tenant_id = $1 AND state = 'unreadable' AND difference_id IS NULL AND what <> $2`, []any{tx.Tenant, payment.WhatContradicts}, func(r core.Row) { b.Unreadable = int(r.Int(0)) }},
		{`SELECT COUNT(*) FROM difference WHERE tenant_id = $1 AND open = 1 AND kind = $2`, []any{tx.Tenant, string(reconcile.UnreadCall)}, func(r core.Row) { b.Unreadable += int(r.Int(0)) }},
	} {
		if _, err := tx.One(q.sql, func(r core.Row) error { q.to(r); return nil }, q.args...); err != nil {
			return b, fault.Wrap(err, "count the payments that wait")
		}
	}
	return b, nil
}

// usedBack selects the payments that a sale has used and that their provider took back, wholly or in part.
const usedBack = `status = 'applied' AND (reason = 'given-back' OR reason = 'part-back')`

// BackUnowed lists used payments of which the provider took back more than the customer owes in the books, and locks them.
func (tx Rows) BackUnowed(max int) (out []payment.Payment, err error) {
	err = tx.C.Query(paymentQuery+usedBack+` AND back > COALESCE(back_owed, 0) ORDER BY id LIMIT $2`+tx.C.ForUpdate(), paymentColumns.AddTo(&out), tx.Tenant, max)
	return out, fault.Wrap(err, "list the payments that were taken back")
}

// NewestPaid returns when the newest payment of a provider was paid; zero for none.
func (tx Rows) NewestPaid(provider string) (at time.Time, err error) {
	_, err = tx.One(`SELECT MAX(paid_at) FROM payment WHERE tenant_id = $1 AND provider = $2`, func(r core.Row) error { at = r.Time(0); return nil }, tx.Tenant, provider)
	return at, fault.Wrap(err, "find the newest payment of a provider")
}

// PaymentToSpend reads a payment for a sale and locks it. A voucher that nobody has redeemed is a payment too.
func (tx Rows) PaymentToSpend(i id.ID) (vending.Payment, bool, error) {
	p, found, err := tx.PaymentByID(i)
	if err != nil {
		return vending.Payment{}, false, err
	}
	if !found {
		return tx.voucherToSpend(i)
	}
	return vending.Payment{Amount: p.Amount, Till: sale.ProviderTill + p.Provider, Free: p.Booked()}, true, nil
}

// PaymentSpent records that a sale used a payment.
func (tx Rows) PaymentSpent(i, used id.ID) error {
	return tx.changePayment(i, func(p *payment.Payment) error {
		if !p.Booked() {
			return fmt.Errorf("%w: payment %s is %s, but a sale uses it", core.ErrInvariant, p.Name(), p.State)
		}
		if p.State, p.Sale = payment.Applied, used; p.Reason != payment.PartBack { // which it can become while its sale waits for the issuer
			p.Reason, p.Detail = payment.NoReason, ""
		}
		return nil
	})
}

// PaymentUnspent parks the payment of a sale that was reversed.
func (tx Rows) PaymentUnspent(i, reversed id.ID) error {
	return tx.changePayment(i, func(p *payment.Payment) error {
		if p.State != payment.Applied || p.Sale != reversed {
			return fmt.Errorf("%w: sale %s is reversed, but payment %s is %s", core.ErrInvariant, reversed.Text(id.Vend), p.Name(), p.State)
		}
		if p.State, p.Sale = payment.Parked, (id.ID{}); p.Reason != payment.GivenBack && p.Reason != payment.PartBack {
			p.Reason = payment.SaleReversed
		}
		p.Back, p.Owed, p.BackAt = 0, 0, time.Time{}
		p.Tries++ // another sale needs another reference
		return nil
	})
}

func (tx Rows) changePayment(i id.ID, change func(*payment.Payment) error) error {
	p, found, err := tx.PaymentByID(i)
	if err == nil && !found {
		err = fmt.Errorf("%w: payment %s is missing", core.ErrInvariant, i.Text(id.Payment))
	}
	if err == nil {
		err = change(&p)
	}
	if err != nil {
		return err
	}
	return tx.PutPayment(p)
}

// foundQuery lists meters that a customer pays for, with their accounts, and when an account took its place over from another one. An account and a
// telephone number mean none that was replaced or removed.
// Its own number still finds such a meter, so that the refusal of a sale names the one that took its place.
const foundQuery = `SELECT m.number, m.account_id, c.phone, c.phone_since, c.id, CASE WHEN EXISTS (SELECT 1 FROM account o
		WHERE o.tenant_id = a.tenant_id AND o.service_point_id = a.service_point_id AND o.id <> a.id AND o.opened_at <= a.opened_at) THEN a.opened_at END
	FROM meter m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
	JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id WHERE m.tenant_id = $1 AND `

// PayableMeters lists at most max meters that a reference names by a number or an account.
func (tx Rows) PayableMeters(r payment.Reference, max int) (out []payment.Found, err error) {
	add := func(row core.Row) error {
		out = append(out, payment.Found{Meter: row.Text(0), Account: row.ID(1), Phone: row.Text(2)})
		return nil
	}
	addNumbered := func(row core.Row) error {
		out = append(out, payment.Found{Meter: row.Text(0), Account: row.ID(1), Phone: row.Text(2), Opened: row.Time(5)})
		return nil
	}
	for _, number := range r.Numbers {
		if err := tx.C.Query(foundQuery+`m.number = $2`, addNumbered, tx.Tenant, number); err != nil {
			return nil, fault.Wrap(err, "find the meter of a payment")
		}
	}
	if len(out) == 0 && !r.Account.IsZero() {
		err = tx.C.Query(foundQuery+`m.account_id = $2 AND m.status NOT IN `+core.LeftMeters+` ORDER BY m.number LIMIT $3`,
			add, tx.Tenant, r.Account, max)
	}
	return out, fault.Wrap(err, "find the meters of an account")
}

// manyLike bounds the meters of customers with the same telephone number that are looked at.
const manyLike = 100

// CalledMeters lists at most max meters of the customers with a telephone number that a reference may be. Where somebody changed a number in the
// database, it lists the customer's meters also if the number is another one now: only the text that finds it is left. After them it lists meters of
// customers who gave the number up.
func (tx Rows) CalledMeters(r payment.Reference, max int) ([]payment.Found, error) {
	var out []payment.Found
	for _, digits := range r.Phones {
		var like []payment.Found
		var customers []id.ID
		err := tx.C.Query(foundQuery+people.CalledBy+` AND m.status NOT IN `+core.LeftMeters+` ORDER BY m.number LIMIT $4`, func(row core.Row) error {
			like = append(like, payment.Found{Meter: row.Text(0), Account: row.ID(1), Phone: row.Text(2), Since: row.Time(3)})
			customers = append(customers, row.ID(4))
			return nil
		}, tx.Tenant, registry.LastDigits(digits), digits, manyLike)
		if err != nil {
			return nil, fault.Wrap(err, "find the meters of a telephone number")
		}
		for i, f := range like {
			may, err := tx.mayBeCalled(customers[i], &f, digits)
			if err != nil {
				return nil, fault.Wrap(err, "find the meters of a telephone number")
			}
			if may {
				out = append(out, f)
			}
			if len(out) == max {
				return out, nil
			}
		}
		former, err := tx.formerMeters(digits, max)
		if err != nil {
			return nil, err
		}
		out = append(out, former...)
	}
	return out, nil
}

// formerMeters lists meters of customers who gave up a telephone number that some digits may be. It stops when there are max.
func (tx Rows) formerMeters(digits string, max int) (out []payment.Found, err error) {
	owners, err := people.Of(tx.Tx).FormerOwners(digits)
	for _, owner := range owners {
		if err != nil || len(out) >= max {
			break
		}
		err = tx.C.Query(foundQuery+`c.id = $2 AND m.status NOT IN `+core.LeftMeters+` ORDER BY m.number LIMIT $3`, func(row core.Row) error {
			out = append(out, payment.Found{Meter: row.Text(0), Account: row.ID(1), HeldUntil: owner.Until, Former: true})
			return nil
		}, tx.Tenant, owner.Customer, max)
	}
	return out, fault.Wrap(err, "find the meters of who gave a telephone number up")
}

// mayBeCalled reports whether the customer of a meter may be called by some digits, and notes from when the customer's number decides.
func (tx Rows) mayBeCalled(customer id.ID, f *payment.Found, digits string) (bool, error) {
	if !payment.SamePhone(digits, f.Phone) {
		written, err := people.Of(tx.Tx).NumberWritten(customer)
		f.Forged = !written
		return f.Forged, err
	}
	d, err := people.Of(tx.Tx).DecideNumber(customer, f.Phone, f.Since)
	f.HeldUntil, f.Forged, f.Many = core.Later(d.From, d.HeldUntil), d.Forged, d.Many
	return true, err
}

// PaidFor returns who brought a payment, and the telephone of the customer of a meter.
func (tx Rows) PaidFor(i id.ID, meter string) (out vending.PaidFor, err error) {
	p, found, err := tx.PaymentByID(i)
	if err == nil && !found {
		err = fmt.Errorf("%w: a sale used payment %s, which does not exist", core.ErrInvariant, i.Text(id.Payment))
	}
	if err != nil {
		return out, err
	}
	out.Provider = p.Provider
	_, err = tx.One(foundQuery+`m.number = $2`, func(r core.Row) error { out.Phone = r.Text(2); return nil }, tx.Tenant, meter)
	return out, fault.Wrap(err, "find the telephone of a meter's customer")
}

// CanText reports whether the customer of a meter has a telephone number.
func (tx Rows) CanText(meter string) (can bool, err error) {
	_, err = tx.One(foundQuery+`m.number = $2`, func(r core.Row) error { can = r.Text(2) != ""; return nil }, tx.Tenant, meter)
	return can, fault.Wrap(err, "find the telephone of a meter's customer")
}
