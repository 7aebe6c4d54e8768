// Package calibration says how true a meter counts: it turns impulses that were counted at a known load into the
// meter's constant, its error, the verdict of accuracy class 1 and what the error costs in a year, and it repeats a
// published load test with virtual meters.
//
// Start at [Measure]; [LoadTest] is the published test. Everything is whole numbers: loads in watts, times in
// milliseconds, errors in millionths (10,000 are 1 %). The load is taken as exact: a count is never better than the
// wattmeter beside it.
package calibration

import (
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// Limits of a count. Beyond them the figures would overflow, and no bench needs them.
const (
	MaxLoad   unit.Power = 1_000_000
	MaxMillis            = 7 * 86_400_000
	MaxPulses            = 1_000_000_000_000
	// MaxConstant is the most impulses per kilowatt-hour that a meter's configuration takes.
	MaxConstant = 1_000_000
)

// ErrCount: a count that cannot be one.
var ErrCount = errors.New("not a count")

// Count is one measurement: impulses counted while a known load ran for a known time.
type Count struct {
	Load   unit.Power // W, steady
	Millis int64      // how long, ms
	Within int64      // how wrong that time may be to either side, ms
	Pulses int64
}

// Check says what is wrong with a count, nil when nothing is.
func (c Count) Check() error {
	switch {
	case c.Load <= 0 || c.Load > MaxLoad:
		return fmt.Errorf("%w: the load must be 1 to %d W", ErrCount, MaxLoad)
	case c.Millis <= 0 || c.Millis > MaxMillis:
		return fmt.Errorf("%w: the time must be above 0 and at most 7 days", ErrCount)
	case c.Within < 0 || c.Within >= c.Millis:
		return fmt.Errorf("%w: the time must be longer than its own uncertainty", ErrCount)
	case c.Pulses <= 0 || c.Pulses > MaxPulses:
		return fmt.Errorf("%w: at least one impulse must have been counted, at most %d", ErrCount, int64(MaxPulses))
	}
	return nil
}

// Millionths is a relative error: 1,000,000 is 100 %, negative where the meter counts too little.
type Millionths int64

const one Millionths = 1_000_000

// Result is what a count says of a meter.
type Result struct {
	// Constant is the number of impulses per kilowatt-hour, in millionths of an impulse.
	Constant int64
	// Prescale is by what the impulses must be divided before the meter counts them, 1 for not at all; Setting is the
	// whole constant to configure then.
	Prescale, Setting int64
	// Residue is what rounding the setting to a whole number leaves.
	Residue Millionths
	// Doubt is how far the figures may be off to either side: one impulse, and the time's own uncertainty.
	Doubt Millionths
}

// Measure turns a count into the constant to configure. Rounding: half up.
func Measure(c Count) (Result, error) {
	if err := c.Check(); err != nil {
		return Result{}, err
	}
	// impulses per kWh = pulses ÷ (W · ms ÷ 3.6·10⁹)
	constant, err := money.MulDiv(c.Pulses, 3_600_000_000_000_000, int64(c.Load)*c.Millis, money.HalfUp)
	if err != nil {
		return Result{}, fmt.Errorf("%w: so many impulses at so small a load are beyond counting", ErrCount)
	}
	r := Result{Constant: constant, Prescale: 1}
	for constant/r.Prescale > MaxConstant*int64(one) {
		r.Prescale *= 2
	}
	scaled := int64(one) * r.Prescale
	if r.Setting, err = money.MulDiv(constant, 1, scaled, money.HalfUp); err != nil {
		return Result{}, err
	}
	if r.Setting == 0 {
		return Result{}, fmt.Errorf("%w: less than one impulse per kilowatt-hour", ErrCount)
	}
	r.Residue = relative(constant, r.Setting*r.Prescale)
	r.Doubt = ceil(int64(one), c.Pulses) + ceil(c.Within*int64(one), c.Millis)
	return r, nil
}

// ErrorWith is by how much a meter with another whole constant, in impulses per kilowatt-hour as they come from the
// chip, counts too much or too little.
func (r Result) ErrorWith(constant int64) Millionths { return relative(r.Constant, constant) }

// relative is measured ÷ setting − 1; measured in millionths. Rounding: half up.
func relative(measured, setting int64) Millionths {
	q, r := measured/setting, measured%setting
	if r >= setting-r {
		q++
	}
	return Millionths(q) - one
}

func ceil(a, b int64) Millionths { return Millionths((a + b - 1) / b) }

// Verdict is whether an error is within accuracy class 1.
type Verdict string

// The verdicts. Undecided: the count is too coarse to say. Outside the range the class promises nothing.
const (
	Pass      Verdict = "within class 1"
	Fail      Verdict = "outside class 1"
	Undecided Verdict = "cannot be told"
	NoLimit   Verdict = "no limit at this current"
)

// Range is what a meter is made for, in milliamperes.
type Range struct {
	Basic int64 // Ib
	Max   int64 // Imax
}

// DefaultRange is that of the published meter: 5 A basic, 80 A at most.
func DefaultRange() Range { return Range{Basic: 5_000, Max: 80_000} }

// Milliamperes is the current of a load at unity power factor, rounded down; 0 where the voltage is not known.
func Milliamperes(load unit.Power, millivolts int64) int64 {
	if millivolts <= 0 {
		return 0
	}
	return int64(load) * 1_000_000 / millivolts
}

// Limit is the most error that class 1 allows a meter at a current and unity power factor (IEC 62053-21): 1 % from
// 0.1 Ib up to Imax, 1.5 % from 0.05 Ib up to there. ok is false outside. A current of 0 is one nobody measured: 1 %.
func (r Range) Limit(milliamperes int64) (limit Millionths, ok bool) {
	switch {
	case milliamperes == 0:
		return 10_000, true
	case milliamperes > r.Max || milliamperes*20 < r.Basic:
		return 0, false
	case milliamperes*10 < r.Basic:
		return 15_000, true
	}
	return 10_000, true
}

// Judge compares an error, and how far it may be off, with the limit of the class.
func (r Range) Judge(e, doubt Millionths, milliamperes int64) Verdict {
	limit, ok := r.Limit(milliamperes)
	size := max(e, -e)
	switch {
	case !ok:
		return NoLimit
	case size+doubt <= limit:
		return Pass
	case size-doubt > limit:
		return Fail
	}
	return Undecided
}

// yearHours is a year of 365 days.
const yearHours = 8760

// PerYear is the energy that a load uses in a year of 365 days.
func PerYear(load unit.Power) unit.Energy { return unit.Energy(int64(load) * yearHours) }

// Astray is the energy that an error counts too much (positive: the customer pays for it) or too little (negative: it
// is given away) out of the true one. Rounding: towards zero.
func Astray(truth unit.Energy, e Millionths) (unit.Energy, error) {
	size, err := money.MulDiv(int64(truth), int64(max(e, -e)), int64(one), money.Floor)
	if e < 0 {
		size = -size
	}
	return unit.Energy(size), err
}
