package sts

import (
	"errors"
	"fmt"
	"math/big"
)

// ErrRange reports an amount that no token can carry (CTSA10).
var ErrRange = errors.New("out of range")

// MaxTenths is the largest amount that has a code: 1,820,162.4 units, or 18,201,624 W (CTSA10, CTSA12).
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
// of a unit in it (0.1 kWh, 0.1 m3, 0.1 min; CTSA01, CTSA10), power limits carry watts (CTSA12, CTSA13). A larger code
// is a larger amount. With exponent e and mantissa m the amount is 10^e m + sum over n = 1..e of 2^14 10^(n-1).
type Amount uint16

// EncodeTenths encodes t tenths (or watts, for a limit). An amount without an exact code is rounded up to the next one,
// in favour of the customer (CTSA10). The error is [ErrRange], for a negative amount and above [MaxTenths].
func EncodeTenths(t int64) (Amount, error) {
	if t < 0 || t > MaxTenths {
		return 0, fmt.Errorf("sts: amount %d: %w", t, ErrRange)
	}
	e := len(amountStart) - 1
	for t < amountStart[e] {
		e--
	}
	m := (t - amountStart[e] + amountStep[e] - 1) / amountStep[e]
	// If m is one above the last mantissa, the sum carries into the exponent. The first amount of that exponent is the
	// next larger amount.
	return Amount(int64(e)<<mantissaBits + m), nil
}

// Tenths returns the amount of the code, in tenths of a unit (or in watts, for a limit).
func (a Amount) Tenths() int64 {
	e := a >> mantissaBits
	return amountStart[e] + amountStep[e]*int64(a&mantissaMask)
}

// CurrencyAmount is the 20-bit code of a currency amount: sign, 5 bits of exponent, 14 bits of mantissa, in 0.00001
// of the base currency unit (CTSA20 to CTSA23). The magnitude is that of an [Amount] with exponents up to 31.
type CurrencyAmount uint32

const (
	currencySign CurrencyAmount = 1 << 19
	currencyMask CurrencyAmount = 1<<20 - 1
	maxExponent                 = 31
)

// EncodeCurrency encodes an amount in 0.00001 of the base currency unit. An amount without an exact code is rounded up
// on the number line (CTSA20): 1.00000 becomes 1.00004, and -1.00000 becomes -0.99994. The errors are [ErrRange],
// beyond the largest code of either sign (about 1.82e30 base units), and [ErrField] for nil.
func EncodeCurrency(v *big.Int) (CurrencyAmount, error) {
	if v == nil {
		return 0, fmt.Errorf("sts: no currency amount: %w", ErrField)
	}
	magnitude := new(big.Int).Abs(v)
	if magnitude.Cmp((currencySign - 1).Value()) > 0 {
		return 0, fmt.Errorf("sts: currency amount %s: %w", v, ErrRange)
	}
	e := maxExponent
	start, step := currencyScale(e)
	for magnitude.Cmp(start) < 0 {
		e--
		start, step = currencyScale(e)
	}
	m, rest := new(big.Int).QuoRem(magnitude.Sub(magnitude, start), step, new(big.Int))
	code := CurrencyAmount(e)<<mantissaBits + CurrencyAmount(m.Uint64())
	switch {
	case v.Sign() < 0:
		return currencySign | code, nil
	case rest.Sign() != 0:
		return code + 1, nil // carries into the exponent as in EncodeTenths
	}
	return code, nil
}

// Value returns the amount of the code, in 0.00001 of the base currency unit.
func (c CurrencyAmount) Value() *big.Int {
	start, step := currencyScale(int(c >> mantissaBits & maxExponent))
	v := step.Mul(step, big.NewInt(int64(c&mantissaMask)))
	v.Add(v, start)
	if c&currencySign != 0 {
		v.Neg(v)
	}
	return v
}

// currencyScale returns the first magnitude of an exponent, 2^14 * (10^e - 1) / 9, and its step, 10^e.
func currencyScale(e int) (start, step *big.Int) {
	step = new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(e)), nil)
	start = new(big.Int).Sub(step, big.NewInt(1))
	start.Quo(start, big.NewInt(9))
	return start.Lsh(start, mantissaBits), step
}
