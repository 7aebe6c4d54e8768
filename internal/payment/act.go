package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// View is a payment as people see it.
type View struct {
	refusal.Refusal
	Waits   *access.Approval // the approval that the act waits for; nothing was done
	Payment Payment
}

// List is one page of payments, newest first.
type List struct {
	refusal.Refusal
	Payments []View
	Next     string
}

// listPayments is the list that a cursor of List belongs to.
const listPayments = "payments"

// List lists payments (right: payment.read).
func (ps *Payments) List(ctx context.Context, by access.Actor, f Filter, page registry.Page) (List, error) {
	if no := by.Needs(access.ReadPayments); no.Refused() {
		return List{Refusal: no}, nil
	}
	before, max, no := page.Read(ps.c.Sealer, by.Tenant, listPayments)
	if no.Refused() {
		return List{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ps.c.Door, by.Tenant, func(tx Tx) (List, error) {
		rows, err := tx.Payments().PaymentPage(f, before, max+1)
		if err != nil {
			return List{}, err
		}
		rows, next := registry.Cut(rows, max, ps.c.Sealer, by.Tenant, listPayments, func(p Payment) id.ID { return p.ID })
		l := List{Next: next}
		for _, p := range rows {
			l.Payments = append(l.Payments, View{Payment: p})
		}
		return l, nil
	})
	return out, fault.Wrap(err, "list payments")
}

// Show returns a payment (right: payment.read).
func (ps *Payments) Show(ctx context.Context, by access.Actor, payment string) (View, error) {
	if no := by.Needs(access.ReadPayments); no.Refused() {
		return View{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ps.c.Door, by.Tenant, func(tx Tx) (View, error) {
		p, no, err := named(tx, payment)
		return View{Refusal: no, Payment: p}, err
	})
	return out, fault.Wrap(err, "show payment %s", refusal.Echo(payment))
}

// named finds a payment by its identity, and locks it.
func named(tx Tx, payment string) (Payment, refusal.Refusal, error) {
	i, broken := id.Parse(id.Payment, payment)
	if broken != nil {
		return Payment{}, refuse.PaymentNotFound(refusal.Echo(payment)), nil
	}
	p, found, err := tx.Payments().PaymentByID(i)
	if err == nil && !found {
		return Payment{}, refuse.PaymentNotFound(refusal.Echo(payment)), nil
	}
	return p, refusal.Refusal{}, err
}

// Decision is what somebody decides about a payment.
type Decision struct {
	once.Request
	Payment string // identity
	Meter   string // for Apply: the meter that the payment is for
	Reason  string // for Refund and Reject

	// Render makes the answer that is stored under Once.Key, and RenderWaits that of a decision which waits for a second person.
	Render      func(View) (status int, body []byte)
	RenderWaits func(access.Approval) (status int, body []byte)
}

// request is the part of a decision that an approval stores.
type request struct {
	Payment string `json:"payment"`
	Meter   string `json:"meter,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Apply says which meter a parked payment is for (right: payment.decide). The payment is then sold from exactly once; if the sale is refused, it
// is parked again. Of a payment above the ceilings, it also says that the provider took it.
func (ps *Payments) Apply(ctx context.Context, by access.Actor, d Decision) (once.Done[View], error) {
	return ps.decided(ctx, by, d, only(access.ActApplyPayment), "apply", func(tx Tx, p *Payment) (func() error, refusal.Refusal, error) {
		if p.State == Parked && p.Reason == PartBack {
			return nil, refuse.PaymentPartBack(p.Name(), p.Detail), nil
		}
		if p.State != Parked || p.Reason == GivenBack || p.Reason == Returning || p.Reason == ReturnSent || !p.Booked() && !p.needsPerson() {
			return nil, refuse.PaymentNotParked(p.Name(), string(p.State)), nil
		}
		meters, err := tx.Payments().PayableMeters(ReadReference(d.Meter), maxFound)
		if err != nil {
			return nil, refusal.Refusal{}, err
		}
		if len(meters) != 1 {
			return nil, refuse.PaymentMeterUnknown(refusal.Echo(d.Meter)), nil
		}
		unbooked := p.needsPerson()
		p.State, p.Reason, p.Detail, p.Meter = Received, ByPerson, "", meters[0].Meter
		p.account, p.since = meters[0].Account, meters[0].Opened
		return func() error {
			if unbooked {
				return book(tx, p, Person)
			}
			return enqueueSale(tx, *p)
		}, refusal.Refusal{}, nil
	})
}

// Refund records that the provider gives a parked payment back (right: payment.decide; P22 of docs/reference/postings.md). If the provider can be
// ordered to do so, it is, once: the payment stays parked until the provider's answer says that the money went back.
func (ps *Payments) Refund(ctx context.Context, by access.Actor, d Decision) (once.Done[View], error) {
	return ps.decided(ctx, by, d, only(access.ActRefundPayment), "refund", func(tx Tx, p *Payment) (func() error, refusal.Refusal, error) {
		if p.State != Parked {
			return nil, refuse.PaymentNotParked(p.Name(), string(p.State)), nil
		}
		if p.Proof == ByVoucher {
			return nil, refuse.PaymentOfVoucher(p.Name(), p.Txn), nil
		}
		if no := checkReason(d.Reason); no.Refused() {
			return nil, no, nil
		}
		order, err := ps.returns(tx, *p)
		if err != nil {
			return nil, refusal.Refusal{}, err
		}
		if order {
			p.Reason, p.Detail = Returning, d.Reason
			return func() error { return enqueueFor(tx, *p, kindReturn) }, refusal.Refusal{}, nil
		}
		booked := p.Booked()
		p.State, p.Reason, p.Detail = Refunded, ByPerson, d.Reason
		return func() error {
			if !booked {
				return nil
			}
			return giveBack(tx, *p)
		}, refusal.Refusal{}, nil
	})
}

// Reject says that a payment which is not confirmed was never taken (right: payment.decide; of a parked payment also a second person, because its
// money would be missing without a trace in the books). A confirmed payment can only be applied or refunded.
func (ps *Payments) Reject(ctx context.Context, by access.Actor, d Decision) (once.Done[View], error) {
	return ps.decided(ctx, by, d, rejecting, "reject", func(tx Tx, p *Payment) (func() error, refusal.Refusal, error) {
		if !p.Unconfirmed() {
			return nil, refuse.PaymentConfirmed(p.Name(), string(p.State)), nil
		}
		if no := checkReason(d.Reason); no.Refused() {
			return nil, no, nil
		}
		p.State, p.Reason, p.Detail = Rejected, ByPerson, d.Reason
		return func() error { return nil }, refusal.Refusal{}, nil
	})
}

// rejecting returns the act by which a payment is rejected.
func rejecting(p Payment) access.Act {
	if p.State == Parked {
		return access.ActDismissPayment
	}
	return access.ActRejectPayment
}

// only returns a function that returns the same act for every payment.
func only(a access.Act) func(Payment) access.Act { return func(Payment) access.Act { return a } }

// giveBack posts that the provider gives a payment back.
func giveBack(tx Tx, p Payment) error {
	_, err := ledger.Enter(tx.Books(), ledger.Journal{Kind: ledger.Returned, Ref: p.Name(), PostedAt: tx.Moment(), Memo: p.Provider + " " + p.Txn,
		Postings: ledger.PaymentReturned(p.Provider, p.Name(), p.Amount.Minor)})
	return err
}

// checkReason refuses a decision without a reason.
func checkReason(reason string) refusal.Refusal {
	if reason == "" || !utf8.ValidString(reason) || len(reason) > MaxDetail {
		return refuse.PaymentReasonMissing(MaxDetail)
	}
	return refusal.Refusal{}
}

// decided carries out a decision. The function change checks it, sets the payment's new state and returns what else to write. If the decision
// needs a second person, nothing is written before that person agrees.
func (ps *Payments) decided(ctx context.Context, by access.Actor, d Decision, act func(Payment) access.Act, word string,
	change func(Tx, *Payment) (func() error, refusal.Refusal, error)) (once.Done[View], error) {
	d.Reason = strings.TrimSpace(d.Reason)
	out, err := once.Do(ctx, ps.answers, by, access.DecidePayments, d.Request, d.render(), func(tx Tx) (View, refusal.Refusal, error) {
		p, no, err := named(tx, d.Payment)
		if err != nil || no.Refused() {
			return View{}, no, err
		}
		before, waitedFor, meter, needs := p.State, p.ShownReason(), d.Meter, act(p)
		commit, no, err := change(tx, &p)
		if err != nil || no.Refused() {
			return View{}, no, err
		}
		if meter != "" { // what is approved is this meter, whatever the text means by then
			meter = p.Meter
		}
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: needs, Object: p.Name(),
			Summary: p.words(word, d.Reason),
			Body:    request{p.Name(), meter, d.Reason}, Content: p.content(), Effect: func() (e access.Effect, err error) {
				p.tell(&e, before, waitedFor)
				if meter != "" {
					return e, nil
				}
				if needs == access.ActDismissPayment {
					if err := tellFirst(tx, p, &e); err != nil {
						return e, err
					}
				}
				meant, why, err := ps.MeterOf(tx, Payment{Provider: p.Provider, Amount: p.Amount, Reference: p.Reference, Payer: p.Payer, PaidAt: p.PaidAt, SeenAt: p.SeenAt})
				if err == nil && why == NoReason { // whoever gives it back should know that somebody could be credited
					e.Fact("reference-means", meant.Meter)
				}
				return e, err
			}}, tx.Moment())
		if err != nil || eyes.Refused() {
			return View{}, eyes.Refusal, err
		}
		if eyes.Waits != nil {
			return View{Waits: eyes.Waits}, refusal.Refusal{}, nil
		}
		e := by.Entry("payment."+word, p.Name())
		e.At, e.Reason, e.Before = tx.Moment(), d.Reason, "state="+string(before)
		e.After = fmt.Sprintf("state=%s amount=%d meter=%s", p.State, p.Amount.Minor, p.Meter)
		if err := tx.AuditLog(eyes.Mark(e)); err != nil {
			return View{}, refusal.Refusal{}, err
		}
		if err := errors.Join(commit(), tx.Payments().PutPayment(p)); err != nil {
			return View{}, refusal.Refusal{}, err
		}
		return View{Payment: p}, refusal.Refusal{}, nil
	})
	return out, fault.Wrap(err, "%s payment %s", word, refusal.Echo(d.Payment))
}

// content is what a provider said of a payment, for which a decision is approved. If another customer has moved in at the meter, it is also when: the
// approval ends with a further move.
func (p Payment) content() string {
	out := fmt.Sprintf("provider=%q txn=%q amount=%d%s payer=%q reference=%q paid=%d",
		p.Provider, p.Txn, p.Amount.Minor, p.Amount.Currency, p.Payer, p.Reference, p.PaidAt.UnixMicro())
	if !p.since.IsZero() {
		out += fmt.Sprintf(" moved-in=%d", p.since.UnixMicro())
	}
	return out
}

// words says what a decision does, in a sentence.
func (p Payment) words(word, reason string) string {
	out := fmt.Sprintf("%s payment of %s, reference %q", word, p.Amount, p.Reference)
	if p.Meter != "" {
		out += ", for meter " + p.Meter
	}
	if reason != "" {
		out += ": " + reason
	}
	return out
}

// tell says what a decision does with a payment. The payment has its new state.
func (p Payment) tell(e *access.Effect, before State, waitedFor Reason) {
	e.Sum("amount", p.Amount)
	e.Fact("payer", p.Payer)
	e.Fact("reference", p.Reference)
	e.Fact("provider", p.Provider)
	e.Fact("transaction", p.Txn)
	e.Tells("paid-at", access.Moments(p.PaidAt))
	e.Tells("known", access.Named("payment-reason", string(waitedFor)))
	if p.ConfirmedAt.IsZero() {
		e.Tells("proof", access.Named("payment-proof", "none"))
	} else {
		e.Tells("proof", access.Named("payment-proof", string(p.Proof)))
	}
	e.Fact("meter", p.Meter)
	e.Change("state", access.Named("payment-state", string(before)), access.Named("payment-state", string(p.State)))
}

// doubleWithin is how far apart two payments may be, so that one may be the other.
const doubleWithin = 7 * 24 * time.Hour

// tellFirst shows the payment that another one may be a double of, beside it. If there is none, that is a reason to look twice: whoever paid may
// lose the money.
func tellFirst(tx Tx, p Payment, e *access.Effect) error {
	first, found, err := firstOf(tx, p)
	if err != nil {
		return err
	}
	if !found {
		e.Tells("first-payment", access.Named("first-payment", "none"), access.Oddity{Refusal: refuse.OddNoFirst()})
		return nil
	}
	e.Sum("first-payment", first.Amount)
	e.Fact("first-payer", first.Payer)
	e.Fact("first-reference", first.Reference)
	e.Fact("first-provider", first.Provider)
	e.Fact("first-transaction", first.Txn)
	e.Tells("first-paid-at", access.Moments(first.PaidAt))
	e.Tells("first-state", access.Named("payment-state", string(first.State)))
	return nil
}

// firstOf finds a payment of the same amount that is perhaps the same: another provider gave it the same name, or it has the same reference and was
// paid at about the same time, and its money is in the books.
func firstOf(tx Tx, p Payment) (Payment, bool, error) {
	named, err := tx.Payments().PaymentsNamed(p.Txn, maxOfThese)
	if err != nil {
		return Payment{}, false, err
	}
	alike, err := tx.Payments().PaymentPage(Filter{Reference: p.Reference, From: p.PaidAt.Add(-doubleWithin), To: p.PaidAt.Add(doubleWithin)}, id.ID{}, maxOfThese)
	if err != nil {
		return Payment{}, false, err
	}
	for _, other := range append(named, alike...) {
		same := other.Txn == p.Txn || p.Reference != "" && other.Reference == p.Reference
		if other.ID != p.ID && same && other.Amount == p.Amount && !other.ConfirmedAt.IsZero() && other.PaidAt.Sub(p.PaidAt).Abs() <= doubleWithin {
			return other, true, nil
		}
	}
	return Payment{}, false, nil
}

// render returns the function that writes the answer.
func (d Decision) render() func(View) (int, []byte) {
	if d.Render == nil || d.RenderWaits == nil {
		return d.Render
	}
	return func(v View) (int, []byte) {
		if v.Waits != nil {
			return d.RenderWaits(*v.Waits)
		}
		return d.Render(v)
	}
}

// Executors returns the executors of the actions that a second person can approve.
func (ps *Payments) Executors() access.Executors {
	do := func(act func(context.Context, access.Actor, Decision) (once.Done[View], error)) access.Executor {
		return func(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
			var r request
			if err := json.Unmarshal(body, &r); err != nil {
				return access.Done{}, fmt.Errorf("read an approved decision about a payment: %w", err)
			}
			out, err := act(ctx, maker, Decision{Payment: r.Payment, Meter: r.Meter, Reason: r.Reason})
			return access.Done{Refusal: out.Refusal, Object: r.Payment}, err
		}
	}
	return access.Executors{access.ActApplyPayment: do(ps.Apply), access.ActRefundPayment: do(ps.Refund), access.ActDismissPayment: do(ps.Reject), access.ActProvider: ps.doEnable,
		access.ActProviderSecret: ps.doReplaceSecrets}
}
