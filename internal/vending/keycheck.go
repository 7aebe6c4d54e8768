package vending

import (
	"context"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
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
