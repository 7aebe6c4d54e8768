package vending

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// CheckKey returns the refusal that a token for the meter would get because of its key: the vending key is missing or expired, the meter's figures
// do not fit it, or the key store is locked. It returns the zero Refusal if tokens can be made, and if only the issuer of another system could say.
// The caller has read the meter, so no further right is needed. No token is made.
func (v *Vending) CheckKey(ctx context.Context, m registry.MeterView) (refusal.Refusal, error) {
	c, ok := lookedAt(v.c.Issuer).(Checker)
	if !ok || m.Key == nil {
		return refusal.Refusal{}, nil
	}
	attributes, err := m.Key.Attributes(m.Meter.Number)
	if err != nil {
		return refusal.Refusal{}, err
	}
	return c.Check(ctx, IssueRequest{Attributes: attributes, KEN: m.Key.KEN, Simulated: m.Meter.Simulated}), nil
}

// changeRequest is the request for the tokens of a key change, without the section.
func changeRequest(m sale.MeterRef, from, to registry.Key, at time.Time) (IssueRequest, error) {
	held, err := from.Attributes(m.Number)
	if err != nil {
		return IssueRequest{}, err
	}
	next, err := to.Attributes(m.Number)
	change := Change{Next: next, KEN: to.KEN, At: at}
	return IssueRequest{Attributes: held, KEN: from.KEN, Make: MakeKeyChange, Change: change, Simulated: m.Simulated}, err
}

// checkChange returns the refusal that the tokens of a key change would get, if their issuer can say so beforehand. A plan stops the sales to its
// meter, so nobody makes one that cannot be carried out.
func checkChange(ctx context.Context, i Issuer, m sale.MeterRef, from, to registry.Key, at time.Time) (refusal.Refusal, error) {
	c, ok := i.(Checker)
	if !ok {
		return refusal.Refusal{}, nil
	}
	o, err := changeRequest(m, from, to, at)
	if err != nil {
		return refusal.Refusal{}, err
	}
	return c.Check(ctx, o), nil
}

// RollOver is the key change that a meter needs because its base date has ended. The zero RollOver is none.
type RollOver struct {
	To  sts.BaseDate // the next base date
	KRN uint8        // a revision that the server can make the change to; 0 for none, and if only the issuer of another system could say
}

// RollOverOf returns the key change that a meter needs because no token can be dated with its base date any more. The caller has read the meter, so
// no further right is needed.
func (v *Vending) RollOverOf(ctx context.Context, m registry.MeterView) (out RollOver, err error) {
	now := v.moment()
	if m.Key == nil || !now.After(m.Key.BaseDate.End()) {
		return RollOver{}, nil
	}
	out.To, _ = m.Key.BaseDate.Successor()
	c, ok := lookedAt(v.c.Issuer).(Checker)
	for krn := uint8(1); ok && out.To != 0 && krn <= maxKRN; krn++ {
		next := NextKey{KRN: krn, BaseDate: out.To}.after(*m.Key)
		o, err := changeRequest(sale.MeterRef{Number: m.Meter.Number, Simulated: m.Meter.Simulated}, *m.Key, next, now)
		if err != nil {
			return RollOver{}, err
		}
		if no := c.Check(ctx, o); !no.Refused() {
			out.KRN = krn
			return out, nil
		}
	}
	return out, nil
}
