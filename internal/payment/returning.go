package payment

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
)

// kindReturn orders a payment's provider to give it back.
const kindReturn = "return"

// returnPause is the time after which the provider is first asked what became of the order.
const returnPause = time.Minute

// returns reports whether the provider of a parked payment can be ordered to give it back. An order is given once: whoever decides again records
// what the provider's own pages show.
func (ps *Payments) returns(tx Tx, p Payment) (bool, error) {
	if !p.Booked() || p.Proof != Asked || p.Reason == Returning || p.Reason == ReturnSent || p.Reason == PartBack || p.Reason == GivenBack {
		return false, nil
	}
	provider, found, err := tx.Payments().ProviderByName(p.Provider)
	if err != nil || !found || provider.Disabled() {
		return false, err
	}
	a, err := ps.adapter(provider)
	if err != nil {
		return false, err
	}
	r, can := a.(RefundAdapter)
	return can && r.Returns(), nil
}

// giveBackThere orders a provider to give a payment back. That the order is being given is durable first, so it is never given twice. The books
// follow when the provider's answer says that the money went back; until then the payment stays parked for a person.
func (w Worker) giveBackThere(ctx context.Context, t access.Tenant, payment id.ID) (job.Verdict, error) {
	p, provider, err := w.known(ctx, t, payment)
	if err != nil || p.State != Parked || p.Reason != Returning && p.Reason != ReturnSent {
		return job.Done(), err
	}
	a, err := w.ps.adapter(provider)
	if err != nil {
		return job.Verdict{}, err
	}
	send := false
	v, err := w.do(ctx, t, func(tx Tx) (job.Verdict, error) {
		p, found, err := tx.Payments().PaymentByID(payment)
		switch {
		case err != nil || !found || p.State != Parked:
			return job.Done(), err
		case p.Reason == ReturnSent: // the server was stopped while it gave the order
			return job.Done(), enqueueQuestion(tx, p, kindCheck)
		case p.Reason != Returning:
			return job.Done(), nil
		}
		p.Reason, send = ReturnSent, true
		return job.Verdict{}, note(tx, p, "payment.return", tx.Payments().PutPayment(p))
	})
	if err != nil || !send {
		return v, err
	}
	refused, unknown := "", error(nil)
	if r, can := a.(RefundAdapter); can {
		limited, stop := context.WithTimeout(ctx, askTime)
		defer stop()
		refused, unknown = r.GiveBack(limited, p)
	} else {
		refused = "the provider takes no such orders"
	}
	return w.do(ctx, t, func(tx Tx) (job.Verdict, error) {
		p, found, err := tx.Payments().PaymentByID(payment)
		switch {
		case err != nil || !found || p.State != Parked || p.Reason != ReturnSent:
			return job.Done(), err
		case refused != "":
			p.Reason, p.Detail = ReturnRefused, cut(plain(refused), MaxDetail)
			return job.Done(), note(tx, p, "payment.return", tx.Payments().PutPayment(p))
		case unknown != nil:
			w.ps.c.Log.Warn("it is unknown whether a provider took the order to give a payment back", "payment", p.Name(), "error", unknown)
		}
		return job.Done(), enqueue(tx, questionKey(p.Name()), kindCheck, item{Payment: p.Name()}, tx.Moment().Add(returnPause))
	})
}
