package payment

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Prompt is a telephone that wants to be asked to pay.
type Prompt struct {
	Phone  string
	Meter  string // number
	Amount string // as typed
}

// Prompted is a request to pay that a telephone wanted.
type Prompted struct {
	refusal.Refusal
	Request PaymentRequest
	Live    bool // the same was requested before and is not answered yet: the telephone is not asked again
}

// Prompt asks the telephone that a message came from to pay for a meter, in the name of an [access.SystemActor] that says which telephone it is. A
// telephone that already has the same request, and has not answered it, is not asked twice.
func (ps *Payments) Prompt(ctx context.Context, by access.Actor, w Prompt) (Prompted, error) {
	out, err := access.Through(ctx, ps.c.Door, by.Tenant, func(tx Tx) (Prompted, error) { return ps.prompt(tx, by, w) })
	return out, fault.Wrap(err, "ask a telephone to pay for meter %s", refusal.Echo(w.Meter))
}

func (ps *Payments) prompt(tx Tx, by access.Actor, w Prompt) (Prompted, error) {
	code, _, err := tx.Books().Currency() // on PostgreSQL this locks the tenant's row, so of two equal messages the later one sees the request of the earlier one
	if err != nil {
		return Prompted{}, err
	}
	c, known := money.CurrencyOf(code)
	amount, wrong := money.Parse(w.Amount, c)
	if !known || wrong != nil || !isReal(money.Amount{Minor: amount, Currency: code}) {
		return Prompted{Refusal: refuse.PaymentAmountWrong()}, nil
	}
	meters, err := tx.Payments().PayableMeters(ReadReference(w.Meter), maxFound)
	if err != nil || len(meters) != 1 {
		return Prompted{Refusal: refuse.PaymentMeterUnknown(refusal.Echo(w.Meter))}, err
	}
	provider, no, err := ps.asker(tx, "", true)
	if err != nil || no.Refused() {
		return Prompted{Refusal: no}, err
	}
	since := tx.Moment().Add(-promptTime)
	old, found, err := tx.Requests().RequestLike(Payment{Meter: meters[0].Meter, Provider: provider.Name, Amount: money.Amount{Minor: amount, Currency: code}}, since)
	if err != nil {
		return Prompted{}, err
	}
	if found && old.waits(w.Phone, tx.Moment()) {
		return Prompted{Request: old, Live: true}, nil
	}
	v, err := ps.ask(tx, by, Asking{Meter: w.Meter, Amount: amount, Phone: w.Phone, Provider: provider.Name}, MaxOwnHour)
	return Prompted{Refusal: v.Refusal, Request: v.Request}, err
}

// waits reports whether a telephone can still answer the request.
func (r PaymentRequest) waits(phone string, now time.Time) bool {
	return r.State == AskRequested && r.Phone == phone && now.Before(r.EndsAt)
}
