package payment

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/money"
)

// undone acts on a provider's notice that it gave a payment back. A notice that comes before that of the payment itself is remembered, so that
// the payment is not credited afterwards. Of a provider that can be asked, only the answer counts.
func (w Worker) undone(tx Tx, provider Provider, a Adapter, n Notice, proof Proof) error {
	n = n.folded(a.Rules().Names)
	if n.Whole {
		p, found, err := paymentNamed(tx, provider, n)
		if err != nil || !found || p.Amount.Currency != n.Amount.Currency || p.Amount.Minor > n.Amount.Minor {
			return err
		}
	}
	state, why := Rejected, GivenBack
	if a.Asks() {
		if state, why = Received, NoReason; n.Signed {
			why = PartBack // until the provider's answer says how much it took
		}
	} else if proof == Unproved {
		return nil
	}
	p, added, err := first(tx, provider, n, state, why)
	if err == nil && !added {
		err = w.ps.keepContradiction(tx, provider, a, p, n, proof)
	}
	switch {
	case err != nil:
		return err
	case added && a.Asks():
		return enqueueQuestion(tx, p, kindConfirm)
	case added:
		return nil
	case a.Asks():
		if n.Signed {
			if err := partBack(tx, &p, n.Amount, false); err != nil {
				return err
			}
		}
		return enqueueQuestion(tx, p, kindCheck)
	case p.State == Rejected && p.Reason == GivenBack && n.Amount.Currency == p.Amount.Currency:
		if n.Amount.Minor <= p.Amount.Minor {
			return nil
		}
		p.Amount = n.Amount // of several parts the largest is remembered, in whatever order they come
		return note(tx, p, "payment.part-back", tx.Payments().PutPayment(p))
	case n.Amount.Currency == p.Amount.Currency && n.Amount.Minor < p.Amount.Minor:
		return partBack(tx, &p, n.Amount, proof != StatedAlone)
	}
	return takeBack(tx, p, proof != StatedAlone)
}

// partBack records that a provider gave a part of a payment back. A payment that no sale has used is parked: it buys nothing any more, and a
// person gives the rest back too. If a sale has used it and the provider itself confirmed the part, the customer owes it. An amount that is no
// part changes nothing: it is the whole, about which the provider is asked.
func partBack(tx Tx, p *Payment, part money.Amount, sure bool) error {
	if part.Minor <= 0 || part.Currency != p.Amount.Currency || part.Minor >= p.Amount.Minor || p.Reason == GivenBack {
		return nil
	}
	before, detail := p.Back, fmt.Sprintf("%s of %s", part, p.Amount)
	switch {
	case p.State == Refunded || p.State == Rejected:
		return nil
	case p.State == Applied:
		if part.Minor < p.Back { // of several parts the largest counts, in whatever order they come
			return nil
		}
		if err := usedBack(tx, p, part.Minor, sure); err != nil {
			return err
		}
	case p.Booked():
		if p.BackAt, p.State = tx.Moment(), Parked; sure { // its sale may be under way
			p.Back = max(p.Back, part.Minor)
		}
	}
	if p.Reason == PartBack && p.Detail == detail && before == p.Back {
		return nil
	}
	p.Reason, p.Detail = PartBack, detail
	return note(tx, *p, "payment.part-back", tx.Payments().PutPayment(*p))
}

// wasPart reports whether a notice of a payment shows that what its provider gave back before was not the whole. Until then such a payment is
// rejected.
func wasPart(a Adapter, p Payment, n Notice) bool {
	return !a.Asks() && p.State == Rejected && p.Reason == GivenBack && (n.Amount.Currency != p.Amount.Currency || n.Amount.Minor > p.Amount.Minor)
}

// rest takes a payment of which a part was given back before its notice came. The rest is still there, so the payment is booked as far as its
// notice proves it, and parked for a person.
func (w Worker) rest(tx Tx, provider Provider, a Adapter, p Payment, n Notice, proof Proof) error {
	part := p.Amount
	p.Amount, p.State, p.Reason = n.Amount, Received, NoReason
	if !n.PaidAt.IsZero() {
		p.PaidAt = access.Stored(n.PaidAt)
	}
	if err := w.decide(tx, provider, a, &p, proof); err != nil || p.Reason == OtherProvider || p.Reason == OtherCurrency {
		return err
	}
	return park(tx, &p, PartBack, fmt.Sprintf("%s of %s", part, n.Amount))
}

// takeBack records that a provider gave a payment back. If a sale has used it and the provider itself confirmed that it took the money back, the
// customer owes it. When the sale is reversed, the payment is parked and can be recorded as given back.
func takeBack(tx Tx, p Payment, sure bool) error {
	switch {
	case p.State == Refunded || p.State == Rejected:
		return nil
	case p.State == Applied:
		before := p.Back
		if err := usedBack(tx, &p, p.Amount.Minor, sure); err != nil || before == p.Back && p.Reason == GivenBack {
			return err
		}
		p.Reason, p.Detail = GivenBack, ""
	case p.Booked():
		if err := giveBack(tx, p); err != nil {
			return err
		}
		p.State, p.Reason = Refunded, GivenBack
	case p.State == Parked:
		p.State, p.Reason = Refunded, GivenBack
	default:
		p.State, p.Reason = Rejected, GivenBack
	}
	return note(tx, p, "payment.back", tx.Payments().PutPayment(p))
}

// check asks the provider whether it gave a payment back.
func (w Worker) check(ctx context.Context, t access.Tenant, payment id.ID, asked int) (job.Verdict, error) {
	p, provider, err := w.known(ctx, t, payment)
	if err != nil || p.ID.IsZero() {
		return job.Done(), err
	}
	answer, silent := w.ask(ctx, provider, p)
	pause, last := NextQuestion(asked)
	return w.actOn(ctx, t, provider, silent, func(tx Tx) (job.Verdict, error) {
		switch {
		case silent != nil:
			return job.Again(tx.Moment().Add(pause), silent.Error()), nil
		case answer.Outcome == Differs:
			p, found, err := tx.Payments().PaymentByID(payment)
			if err != nil || !found {
				return job.Done(), err
			}
			return job.Done(), w.ps.keepAnswer(tx, provider, p, answer)
		case answer.Question != "":
			if err := askedLater(tx, p, answer); err != nil || last {
				return job.Done(), err
			}
			return job.Again(tx.Moment().Add(max(pause, answerPause)), "the provider answers later"), nil
		case answer.Outcome != Back && answer.Part.Minor == 0 && !last: // its own answer may be later than its notice
			return job.Again(tx.Moment().Add(pause), "the provider says: "+string(answer.Outcome)), nil
		}
		p, found, err := tx.Payments().PaymentByID(payment)
		switch {
		case err != nil || !found:
			return job.Done(), err
		case answer.Outcome != Back:
			return job.Done(), partBack(tx, &p, answer.Part, true)
		}
		return job.Done(), takeBack(tx, p, true)
	})
}
