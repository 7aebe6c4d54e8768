package sts

import (
	"errors"
	"fmt"
	"math/big"
)

// ErrRange reports an amount that no token can carry.
var ErrRange = errors.New("out of range")

// MaxTenths is the largest amount of a unit token: 1,820,162.4 units.
const MaxTenths int64 = 18_201_624

const (
	mantissaBits = 14
	mantissaMask = 1<<mantissaBits - 1
)

// amountStart and amountStep hold, for each exponent e, the first amount (the sum over n = 1..e of 2^14 * 10^(n-1))
// and the step (10^e).
var (
	amountStart = [...]int64{0, 16_384, 180_224, 1_818_624}
	amountStep  = [...]int64{1, 10, 100, 1000}
)

// Amount is the 16-bit code of an amount: exponent in the top two bits, mantissa below. Credit tokens carry tenths
// of a unit in it (0.1 kWh, 0.1 m3, 0.1 min), power limits carry watts.
type Amount uint16

// EncodeTenths codes t tenths (or watts, for a limit). An amount that has no exact code is rounded up: the code is
// the smallest that is not below t, in favour of the customer. The error is [ErrRange], for a negative amount and
// above [MaxTenths].
func EncodeTenths(t int64) (Amount, error) {
	if t < 0 || t > MaxTenths {
		return 0, fmt.Errorf("sts: amount %d: %w", t, ErrRange)
	}
	e := 0
	for t > Amount(e<<mantissaBits|mantissaMask).Tenths() {
		e++
	}
	m := (t - amountStart[e] + amountStep[e] - 1) / amountStep[e]
	return Amount(e<<mantissaBits | int(m)), nil
}

// Tenths returns the amount of the code, in tenths of a unit (or in watts, for a limit).
func (a Amount) Tenths() int64 {
	e := a >> mantissaBits
	return amountStart[e] + amountStep[e]*int64(a&mantissaMask)
}

// CurrencyAmount is the 20-bit code of a currency amount: sign, 5 bits of exponent, 14 bits of mantissa, in 0.00001
// of the base currency unit.
type CurrencyAmount uint32

const (
	currencySign    CurrencyAmount = 1 << 19
	currencyMask    CurrencyAmount = 1<<20 - 1
	maxExponent                    = 31
	exponentMask                   = 1<<5 - 1
	currencyDecimal                = 5
)

// EncodeCurrency codes an amount in 0.00001 of the base currency unit. An amount that has no exact code is rounded
// up on the number line: a positive one grows, a negative one shrinks in magnitude. The error is [ErrRange], beyond
// the largest code of either sign (some 1.82e30 base units).
func EncodeCurrency(v *big.Int) (CurrencyAmount, error) {
	mag := new(big.Int).Abs(v)
	start, step, ten := new(big.Int), big.NewInt(1), big.NewInt(10)
	for e := range maxExponent + 1 {
		last := new(big.Int).Mul(step, big.NewInt(mantissaMask))
		last.Add(last, start)
		next := new(big.Int).Mul(step, big.NewInt(1<<mantissaBits))
		next.Add(next, start)
		switch {
		case v.Sign() >= 0 && mag.Cmp(last) <= 0:
			m := new(big.Int).Sub(mag, start)
			m.Add(m, step).Sub(m, big.NewInt(1)).Quo(m, step)
			return CurrencyAmount(e<<mantissaBits) | CurrencyAmount(m.Int64()), nil
		case v.Sign() < 0 && (mag.Cmp(next) < 0 && e < maxExponent || mag.Cmp(last) <= 0):
			// From the gap above the last code of an exponent, rounding up means back to that code.
			m := new(big.Int).Sub(mag, start)
			m.Quo(m, step)
			return currencySign | CurrencyAmount(e<<mantissaBits) | CurrencyAmount(m.Int64()), nil
		}
		start, step = next, new(big.Int).Mul(step, ten)
	}
	return 0, fmt.Errorf("sts: currency amount %s: %w", v, ErrRange)
}

// Value returns the amount of the code, in 0.00001 of the base currency unit.
func (c CurrencyAmount) Value() *big.Int {
	start, step, ten := new(big.Int), big.NewInt(1), big.NewInt(10)
	for range c >> mantissaBits & exponentMask {
		start.Add(start, new(big.Int).Mul(step, big.NewInt(1<<mantissaBits)))
		step.Mul(step, ten)
	}
	v := step.Mul(step, big.NewInt(int64(c&mantissaMask)))
	v.Add(v, start)
	if c&currencySign != 0 {
		v.Neg(v)
	}
	return v
}
