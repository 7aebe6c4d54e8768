package sts_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/sts"
)

// Only a cipher without a key panics; a nil amount gives an error.
func TestNoCurrencyAmountIsAnError(t *testing.T) {
	if a, err := sts.EncodeCurrency(nil); a != 0 || !errors.Is(err, sts.ErrField) {
		t.Errorf("EncodeCurrency(nil) = %d, %v, want 0, %v", a, err, sts.ErrField)
	}
}

func TestAmountsAtTheEdgesOfTheCode(t *testing.T) {
	for _, c := range []struct{ tenths, want int64 }{
		{0, 0}, {1, 1}, {16383, 16383}, {16384, 16384}, {16385, 16394}, {180214, 180214}, {180215, 180224},
		{180223, 180224}, {180224, 180224}, {1818524, 1818524}, {1818525, 1818624}, {1818623, 1818624},
		{18200625, 18201624}, {sts.MaxTenths, sts.MaxTenths},
	} {
		a, err := sts.EncodeTenths(c.tenths)
		if err != nil || a.Tenths() != c.want {
			t.Errorf("EncodeTenths(%d) = %d tenths, %v, want %d", c.tenths, a.Tenths(), err, c.want)
		}
	}
	for _, tenths := range []int64{-1, math.MinInt64, sts.MaxTenths + 1, math.MaxInt64} {
		if _, err := sts.EncodeTenths(tenths); !errors.Is(err, sts.ErrRange) {
			t.Errorf("EncodeTenths(%d): %v, want %v", tenths, err, sts.ErrRange)
		}
	}
}

func TestEveryAmountCodeIsItsOwn(t *testing.T) {
	last := int64(-1)
	for code := range 1 << 16 {
		a := sts.Amount(code)
		got, err := sts.EncodeTenths(a.Tenths())
		if err != nil || got != a {
			t.Fatalf("EncodeTenths(%d) = %d, %v, want %d", a.Tenths(), got, err, a)
		}
		if a.Tenths() <= last {
			t.Fatalf("code %d is %d, not above the one before", code, a.Tenths())
		}
		last = a.Tenths()
	}
}

// wantRoundedUp checks that the code is the smallest that is not below the amount.
func wantRoundedUp(t *testing.T, tenths int64) {
	t.Helper()
	a, err := sts.EncodeTenths(tenths)
	switch {
	case err != nil:
		t.Errorf("EncodeTenths(%d): %v", tenths, err)
	case a.Tenths() < tenths:
		t.Errorf("EncodeTenths(%d) = %d tenths, below the amount", tenths, a.Tenths())
	case a > 0 && (a-1).Tenths() >= tenths:
		t.Errorf("EncodeTenths(%d) = %d tenths, but %d would do", tenths, a.Tenths(), (a - 1).Tenths())
	}
}

func TestAmountsAreRoundedUp(t *testing.T) {
	for tenths := int64(0); tenths <= sts.MaxTenths; tenths += 7 {
		wantRoundedUp(t, tenths)
	}
}

// largestCurrency is the magnitude of the largest currency code, in 0.00001 of the base unit.
const largestCurrency = 1<<19 - 1

func TestCurrencyAmountsAtTheEdgesOfTheCode(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"0", "0"}, {"1", "1"}, {"16383", "16383"}, {"16384", "16384"}, {"16385", "16394"}, {"100000", "100004"},
		{"180215", "180224"}, {"-1", "-1"}, {"-16384", "-16384"}, {"-16385", "-16384"}, {"-100000", "-99994"},
		{"-180223", "-180214"}, {"-180224", "-180224"}, {"123456789", "123462624"}, {"-123456789", "-123452624"},
		{"18204444444444441624", "18204444444444442624"},
	} {
		a, err := sts.EncodeCurrency(decimal(t, c.in))
		if err != nil || a.Value().String() != c.want {
			t.Errorf("EncodeCurrency(%s) = %s, %v, want %s", c.in, a.Value(), err, c.want)
		}
	}
	largest := sts.CurrencyAmount(largestCurrency).Value()
	for _, sign := range []int64{1, -1} {
		v := new(big.Int).Mul(largest, big.NewInt(sign))
		if a, err := sts.EncodeCurrency(v); err != nil || a.Value().Cmp(v) != 0 {
			t.Errorf("EncodeCurrency(%s) = %s, %v, want itself", v, a.Value(), err)
		}
		v.Add(v, big.NewInt(sign))
		if _, err := sts.EncodeCurrency(v); !errors.Is(err, sts.ErrRange) {
			t.Errorf("EncodeCurrency(%s): %v, want %v", v, err, sts.ErrRange)
		}
	}
	// 1.82e30 base units, the figure of the standard.
	if got := largest.String(); len(got) != 36 || got[:3] != "182" {
		t.Errorf("the largest amount is %s, want 182 and 33 digits more", got)
	}
}

func decimal(t testing.TB, s string) *big.Int {
	t.Helper()
	v, ok := new(big.Int).SetString(s, 10)
	if !ok {
		t.Fatalf("%q is not a number", s)
	}
	return v
}

func TestCurrencyCodesComeBackExactly(t *testing.T) {
	for code := 0; code < 1<<20; code += 13 {
		a := sts.CurrencyAmount(code)
		if got, err := sts.EncodeCurrency(a.Value()); err != nil || got != a {
			t.Fatalf("EncodeCurrency(%s) = %d, %v, want %d", a.Value(), got, err, a)
		}
	}
}

func TestCurrencyAmountsAreRoundedUpOnTheNumberLine(t *testing.T) {
	largest := sts.CurrencyAmount(largestCurrency).Value()
	rapid.Check(t, func(r *rapid.T) {
		v := decimal(t, rapid.StringMatching(`-?[0-9]{1,36}`).Draw(r, "amount"))
		a, err := sts.EncodeCurrency(v)
		if v.CmpAbs(largest) > 0 {
			if !errors.Is(err, sts.ErrRange) {
				r.Fatalf("EncodeCurrency(%s): %v, want %v", v, err, sts.ErrRange)
			}
			return
		}
		if err != nil || a.Value().Cmp(v) < 0 {
			r.Fatalf("EncodeCurrency(%s) = %s, %v, below the amount", v, a.Value(), err)
		}
		// The next smaller amount has a code whose magnitude is one less, or one more if the amount is negative.
		below := a - 1
		if v.Sign() < 0 {
			below = a + 1
		}
		if a.Value().Sign() != 0 && a&largestCurrency != largestCurrency && below.Value().Cmp(v) >= 0 {
			r.Fatalf("EncodeCurrency(%s) = %s, but %s would do", v, a.Value(), below.Value())
		}
	})
}
