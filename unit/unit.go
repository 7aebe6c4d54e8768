// Package unit holds the exact quantities of Paywatt: energy in whole watt-hours and power in whole watts.
//
// Start at [Energy]. Arithmetic is ordinary integer arithmetic. Only Tenths and KWh divide; they truncate towards
// zero, so that a display never shows more than there is. Money belongs to the server and is not in this package.
// Floating point is not allowed here.
package unit

import "strconv"

// Energy is an amount of energy in watt-hours (1 Wh). Fields and columns that carry it end in _wh.
type Energy int64

// Power is a real power in watts. Fields that carry it end in _w.
type Power int32

const (
	// WattHour is one watt-hour.
	WattHour Energy = 1
	// Quantum is the smallest amount a token can carry: 0.1 kWh.
	Quantum Energy = 100
	// KilowattHour is 1,000 Wh, the "unit" of the trade.
	KilowattHour Energy = 1000
	// MaxToken is the largest amount that one token may carry, for vending and for meters: 1,638.3 kWh.
	MaxToken Energy = 1_638_300
)

// Tenths returns the energy in 0.1 kWh, rounded towards zero.
func (e Energy) Tenths() int64 { return int64(e) / int64(Quantum) }

// FromTenths returns the energy of t tenths of a kilowatt-hour.
func FromTenths(t int64) Energy { return Energy(t) * Quantum }

// KWh formats the energy in kilowatt-hours with 0 to 3 decimals, truncated towards zero, without a unit:
// Energy(8129).KWh(2) is "8.12", Energy(-50).KWh(1) is "0.0".
func (e Energy) KWh(decimals int) string {
	scale := [4]int64{1, 10, 100, 1000}[decimals]
	v := int64(e) / (1000 / scale)
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	s := sign + strconv.FormatInt(v/scale, 10)
	if decimals == 0 {
		return s
	}
	frac := strconv.FormatInt(v%scale, 10)
	for len(frac) < decimals {
		frac = "0" + frac
	}
	return s + "." + frac
}

// String formats the energy exactly, in kilowatt-hours with three decimals and the unit.
func (e Energy) String() string { return e.KWh(3) + " kWh" }

// String formats the power in watts with the unit.
func (p Power) String() string { return strconv.FormatInt(int64(p), 10) + " W" }
