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
	To sts.BaseDate // the next base date
	// Key has the facts of a change that the server can make. It is empty if there is none, and then Refusal says why; without a refusal, only the
	// issuer of another system could say.
	Key NextKey
	refusal.Refusal
}

// RollOverOf returns the key change that a meter needs because no token can be dated with its base date any more. The caller has read the meter, so
// no further right is needed.
func (v *Vending) RollOverOf(ctx context.Context, m registry.MeterView) (out RollOver, err error) {
	now := v.moment()
	if m.Key == nil || !now.After(m.Key.BaseDate.End()) {
		return RollOver{}, nil
	}
	next, found := m.Key.BaseDate.Successor()
	c, ok := lookedAt(v.c.Issuer).(Checker)
	if out.To = next; !ok || !found {
		return out, nil
	}
	of := sale.MeterRef{Number: m.Meter.Number, Simulated: m.Meter.Simulated}
	for _, key := range rollOvers(next, m.Key.DKGA) {
		o, err := changeRequest(of, *m.Key, key.after(*m.Key), now)
		if err != nil {
			return RollOver{}, err
		}
		no := c.Check(ctx, o)
		if !no.Refused() {
			return RollOver{To: next, Key: key}, nil
		}
		if out.Code == "" || out.Code == refusal.KeyMissing { // what is wrong with a key that is there says more
			out.Refusal = no
		}
	}
	return out, nil
}

// rollOvers lists the changes to a base date that are worth trying: each revision, first with the derivation that the meter has.
func rollOvers(to sts.BaseDate, dkga sts.DKGA) (out []NextKey) {
	other := sts.DKGA02
	if dkga == sts.DKGA02 {
		other = sts.DKGA04
	}
	for krn := uint8(1); krn <= maxKRN; krn++ {
		out = append(out, NextKey{KRN: krn, BaseDate: to})
	}
	for krn := uint8(1); krn <= maxKRN; krn++ {
		out = append(out, NextKey{KRN: krn, BaseDate: to, DKGA: other})
	}
	return out
}
