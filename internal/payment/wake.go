package payment

// What wakes a payment that waits.
//
// A parked payment waits for a registration. The transaction of the registration orders the look at
// the parked payments, so none of them waits for a timer. The sweep still looks at them, in case an
// order was lost. The time alone decides for no payment, and neither does a telephone number that
// was registered after the payer paid: such a payment gets the reason [NumberNewer].
//
// An unconfirmed payment waits for its provider. The first answer after a silence wakes the questions
// about all payments.

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
)

// pageOfParked is how many parked payments are read at once.
const pageOfParked = 500

// MayHelp reports whether something that was registered may be what a parked payment waits for. It may say so too often, but never too rarely: the
// payment is then matched or priced again.
func MayHelp(a job.Registration, p Payment) bool {
	if p.State != Parked || !p.Booked() {
		return false
	}
	switch p.Reason {
	case NotSold:
		return a.Prices || a.Meter != "" && a.Meter == p.Meter
	case UnknownReference, ManyReferences:
	default: // only a person can decide
		return false
	}
	r := ReadReference(p.Reference)
	if strings.TrimSpace(registry.PlainDigits(p.Reference)) == "" {
		r = Reference{Phones: ReadReference(p.Payer).Phones}
		if a.Meter != "" { // it may be the meter of the customer whose telephone paid
			return len(r.Phones) > 0
		}
	}
	switch {
	case a.Meter != "" && (slices.Contains(r.Numbers, a.Meter) || slices.Contains(r.Mended, a.Meter)):
		return true
	case a.Meter != "" && len(r.Phones) > 0: // a typed telephone number, whose customer has a meter now
		return true
	case !r.Account.IsZero() && r.Account.Text(id.Account) == a.Account:
		return true
	}
	return a.Phone != "" && slices.ContainsFunc(r.Phones, func(digits string) bool { return SamePhone(digits, a.Phone) })
}

// lookAgain looks at the parked payments that a registration may help.
func (w Worker) lookAgain(ctx context.Context, t access.Tenant, c job.Claim) (job.Verdict, error) {
	var a job.Registration
	if err := json.Unmarshal(c.Body, &a); err != nil {
		return job.Dead("not a registration: " + err.Error()), nil
	}
	for _, list := range []func(Tx, id.ID) ([]Payment, error){
		func(tx Tx, after id.ID) ([]Payment, error) { return tx.Requests().ParkedAfter(after, pageOfParked) },
		func(tx Tx, after id.ID) ([]Payment, error) { return tx.Requests().ParkedUnsold(after, pageOfParked) },
	} {
		for after, full := (id.ID{}), true; full; {
			page, err := access.Look(ctx, w.ps.c.Door, t, func(tx Tx) ([]Payment, error) { return list(tx, after) })
			if err != nil {
				return job.Verdict{}, err
			}
			full = len(page) == pageOfParked
			for _, p := range page {
				after = p.ID
				if !MayHelp(a, p) {
					continue
				}
				if v, err := w.tryAgain(ctx, t, p); err != nil || v != job.Done() {
					return v, err
				}
			}
		}
	}
	return job.Done(), nil
}

// tryAgain looks for the meter of a parked payment again, or prices its sale again if its meter is known. A payment that would be refused again stays as
// it is.
func (w Worker) tryAgain(ctx context.Context, t access.Tenant, seen Payment) (job.Verdict, error) {
	if seen.Reason == NotSold {
		q, err := w.ps.c.Seller.Quote(ctx, actor(t), seen.Meter, seen.Amount)
		if err != nil || q.Refused() {
			return job.Done(), err
		}
	}
	return w.do(ctx, t, func(tx Tx) (job.Verdict, error) {
		return job.Done(), w.matchAgain(tx, seen)
	})
}

// matchAgain reads a parked payment again, which locks it, and tries it unless somebody has decided about it since it was seen.
func (w Worker) matchAgain(tx Tx, seen Payment) error {
	p, found, err := tx.Payments().PaymentByID(seen.ID)
	switch {
	case err != nil || !found || p.State != Parked || p.Reason != seen.Reason || !p.Booked():
		return err
	case p.Reason == NotSold:
		return rematch(tx, p)
	}
	return w.appeared(tx, p)
}

// actOn runs the transaction that acts on a provider's answer, or on its silence.
//
// The first answer after a silence also orders that the questions about other payments are asked at
// once. So does the first answer after the start of the program: it does not know whether the
// provider was silent before.
func (w Worker) actOn(
	ctx context.Context, t access.Tenant, provider Provider, silent error, fn func(Tx) (job.Verdict, error),
) (job.Verdict, error) {
	wakes := silent == nil && w.ps.beginWaking(provider.ID)
	ordered := false
	v, err := w.do(ctx, t, func(tx Tx) (job.Verdict, error) {
		if wakes {
			if err := enqueue(tx, kindAwake+" "+provider.Name, kindAwake, item{Provider: provider.Name}, time.Time{}); err != nil {
				return job.Verdict{}, err
			}
			ordered = true
		}
		return fn(tx)
	})
	if wakes {
		w.ps.endWaking(provider.ID, err == nil && ordered)
	}
	return v, err
}

// wakeUnanswered wakes the questions about the payments about which a provider was silent.
func (w Worker) wakeUnanswered(ctx context.Context, t access.Tenant, provider string) (job.Verdict, error) {
	for after, full := (id.ID{}), true; full; {
		_, err := access.Through(ctx, w.ps.c.Door, t, func(tx Tx) (done, error) {
			page, err := tx.Requests().UnansweredAfter(provider, after, sweepSlice)
			if err != nil {
				return done{}, err
			}
			full = len(page) == sweepSlice
			for _, p := range page {
				if err := wakeQuestion(tx, p); err != nil {
					return done{}, err
				}
			}
			if full {
				after = page[len(page)-1].ID
			}
			return done{}, nil
		})
		if err != nil {
			return job.Verdict{}, err
		}
	}
	return job.Done(), nil
}
