package tariff

import (
	"bytes"
	"slices"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Corrects returns why a tariff may not take the place of a version that has begun. It may only make fixed charges smaller or leave them out:
// nobody is charged more for a time that has passed, and what was sold keeps its price.
func (b Body) Corrects(v Version) (refusal.Refusal, error) {
	was, is := v.Body, b
	was.Fixed, is.Fixed = nil, nil
	same, err := equalBodies(was, is)
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case !same:
		return refuse.TariffCorrectionBeyondCharges(int64(v.N)), nil
	}
	smaller := len(b.Fixed) < len(v.Body.Fixed)
	for _, f := range b.Fixed {
		i := slices.IndexFunc(v.Body.Fixed, func(o FixedCharge) bool { return o.Name == f.Name })
		if i < 0 {
			return refuse.TariffCorrectionNotSmaller(int64(v.N), f.Name), nil
		}
		old := v.Body.Fixed[i]
		smaller = smaller || f.Amount < old.Amount
		if old.Amount = min(old.Amount, f.Amount); f != old {
			return refuse.TariffCorrectionNotSmaller(int64(v.N), f.Name), nil
		}
	}
	if !smaller {
		return refuse.TariffCorrectionOfNothing(int64(v.N)), nil
	}
	return refusal.Refusal{}, nil
}

// equalBodies reports whether two tariffs are written alike.
func equalBodies(a, b Body) (bool, error) {
	one, err := Encode(a)
	if err != nil {
		return false, err
	}
	other, err := Encode(b)
	return bytes.Equal(one, other), err
}

// HasFixed reports whether a version of a list has a fixed charge of this name.
func HasFixed(versions []Version, name string) bool {
	return slices.ContainsFunc(versions, func(v Version) bool {
		return slices.ContainsFunc(v.Body.Fixed, func(f FixedCharge) bool { return f.Name == name })
	})
}
