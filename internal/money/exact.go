package money

import "math/bits"

// Exact is a non-negative sum of products, in 128 bits. The allocator sums costs in it, in 10⁻¹³ of the major unit, so that no amount is
// rounded before the whole purchase is added up. The zero value is 0.
type Exact struct{ hi, lo uint64 }

// Product returns a·b; both must not be negative.
func Product(a, b int64) Exact {
	if a < 0 || b < 0 {
		panic("money: Product of a negative number")
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return Exact{hi, lo}
}

// Add returns x+y. It fails if the sum exceeds 128 bits.
func (x Exact) Add(y Exact) (Exact, error) {
	lo, carry := bits.Add64(x.lo, y.lo, 0)
	hi, carry := bits.Add64(x.hi, y.hi, carry)
	if carry != 0 {
		return Exact{}, ErrOverflow
	}
	return Exact{hi, lo}, nil
}

// Sub returns x-y. It fails if y is larger.
func (x Exact) Sub(y Exact) (Exact, error) {
	lo, borrow := bits.Sub64(x.lo, y.lo, 0)
	hi, borrow := bits.Sub64(x.hi, y.hi, borrow)
	if borrow != 0 {
		return Exact{}, ErrOverflow
	}
	return Exact{hi, lo}, nil
}

// Less reports whether x is smaller than y.
func (x Exact) Less(y Exact) bool { return x.hi < y.hi || x.hi == y.hi && x.lo < y.lo }

// Div returns x/c with the given rounding; c must be positive.
func (x Exact) Div(c int64, m Mode) (int64, error) {
	if c <= 0 {
		return 0, ErrDivisor
	}
	return quotient(x.hi, x.lo, uint64(c), false, m)
}
