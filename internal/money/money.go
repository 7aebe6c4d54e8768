// Package money holds the exact numbers of the server's side: amounts in whole minor units, prices in millionths of the major unit per
// kilowatt-hour, ratios in basis points, and all divisions of money.
//
// Start at [Minor] and [MulDiv]. Every division names its rounding ([Floor], [HalfUp], [Ceil]); splits whose parts must sum to the whole
// use [LargestRemainder] or [Accrued]; sums of products that do not fit 64 bits use [Exact]. There is no floating point here, and none may
// be added. Amounts are compared and added as integers. The caller makes sure that two amounts have the same currency, because a tenant has
// exactly one.
package money

import (
	"errors"
	"math"
	"math/bits"
)

// Minor is an amount in the minor unit of its currency (ISO 4217): cents for KES, whole shillings for UGX, millimes
// for TND. Fields and columns that carry it end in _minor.
type Minor int64

// MicroRate is a price without tax: millionths of the major unit per kilowatt-hour (2.50 per kWh is 2,500,000).
type MicroRate int64

// Bps is a ratio in basis points, 1/10,000: a tax of 15 % is 1500.
type Bps int32

// Whole is the ratio 1 in basis points.
const Whole Bps = 10_000

// Amount is an amount with its currency, in the form of requests and answers.
type Amount struct {
	Minor    Minor  `json:"amount_minor"`
	Currency string `json:"currency"`
}

// Mode is a way of rounding.
type Mode uint8

// The roundings.
const (
	Floor  Mode = iota // towards minus infinity: -5/2 = -3
	HalfUp             // to the nearest, halves away from zero: 5/2 = 3, -5/2 = -3, so a reversal is the exact mirror
	Ceil               // towards plus infinity: -5/2 = -2
)

// Errors of the arithmetic. Each means that a caller does not limit its amounts, or passes wrong values.
var (
	ErrOverflow = errors.New("money: result does not fit 64 bits")
	ErrDivisor  = errors.New("money: divisor is not positive")
)

// MulDiv returns a·b/c with the product in 128 bits and one rounding at the end. c must be positive.
func MulDiv(a, b, c int64, m Mode) (int64, error) {
	if c <= 0 {
		return 0, ErrDivisor
	}
	neg := (a < 0) != (b < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	return quotient(hi, lo, uint64(c), neg, m)
}

// TaxIn returns the tax contained in a gross amount, rounded half up: a·v/(10000+v). TaxIn(11270, 1500) is 1470.
func TaxIn(gross Minor, v Bps) (Minor, error) {
	if v < 0 {
		return 0, ErrDivisor
	}
	tax, err := MulDiv(int64(gross), int64(v), int64(Whole)+int64(v), HalfUp)
	return Minor(tax), err
}

// Share returns a ratio of an amount with the given rounding: Share(10000, 150, HalfUp) is 150.
func Share(of Minor, r Bps, m Mode) (Minor, error) {
	part, err := MulDiv(int64(of), int64(r), int64(Whole), m)
	return Minor(part), err
}

// quotient divides a 128-bit magnitude by c, rounds in mode m with the sign applied, and returns an error if the result does not fit.
func quotient(hi, lo, c uint64, neg bool, m Mode) (int64, error) {
	if hi >= c {
		return 0, ErrOverflow
	}
	q, r := bits.Div64(hi, lo, c)
	var up bool // rounding goes away from zero
	switch m {
	case Floor:
		up = neg && r != 0
	case Ceil:
		up = !neg && r != 0
	default:
		up = r >= c-r // the same as r >= c/2, also for an odd c
	}
	if up {
		if q == math.MaxUint64 {
			return 0, ErrOverflow
		}
		q++
	}
	if neg {
		if q > 1<<63 {
			return 0, ErrOverflow
		}
		return -int64(q), nil
	}
	if q > math.MaxInt64 {
		return 0, ErrOverflow
	}
	return int64(q), nil
}

// magnitude returns |a| as unsigned, also for the smallest int64.
func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}
