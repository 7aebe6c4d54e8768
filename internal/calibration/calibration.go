// Package calibration measures how accurately a meter counts. From the impulses counted at a known load it computes the
// meter's constant, its error and the verdict of accuracy class 1. It computes how much energy the error amounts to in
// a year. It also repeats a published load test with virtual meters.
//
// Start at [Measure]; [LoadTest] is the published test. All figures are whole numbers: loads in watts, times in
// milliseconds, errors in millionths (10,000 are 1 %). The load is taken as exact, so a count is never more accurate
// than the reference wattmeter.
package calibration

import (
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// Limits of a count. Beyond them the arithmetic would overflow, and no test bench needs them.
const (
	MaxLoad   unit.Power = 1_000_000
	MaxMillis            = 7 * 86_400_000
	MaxPulses            = 1_000_000_000_000
	// MaxConstant is the largest number of impulses per kilowatt-hour that a meter can be configured with.
	MaxConstant = 1_000_000
)

// ErrCount is wrapped by the errors of an invalid count.
var ErrCount = errors.New("not a count")

// Count is one measurement: impulses counted while a known load ran for a known time.
type Count struct {
	Load   unit.Power // W, steady
	Millis int64      // how long, ms
	Within int64      // uncertainty of that time to either side, ms
	Pulses int64
}

// Check returns what is wrong with a count, nil if it is valid.
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

// Millionths is a relative error: 1,000,000 is 100 %. It is negative if the meter counts too little.
type Millionths int64

const one Millionths = 1_000_000

// Result is what a count reveals about a meter.
type Result struct {
	// Constant is the number of impulses per kilowatt-hour, in millionths of an impulse.
	Constant int64
	// Prescale is the number by which the impulses must be divided before the meter counts them, 1 for no division.
	// Setting is the constant to configure with that prescale, as a whole number.
	Prescale, Setting int64
	// Residue is the error that remains because Setting is a whole number.
	Residue Millionths
	// Doubt is the uncertainty of the figures to either side: one impulse, and the uncertainty of the time.
	Doubt Millionths
}

// Measure computes the constant to configure from a count. Rounding: half up.
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

// ErrorWith returns the error of a meter that is configured with another whole constant, in impulses of the chip per
// kilowatt-hour.
func (r Result) ErrorWith(constant int64) Millionths { return relative(r.Constant, constant) }

// relative returns measured ÷ setting − 1, with measured in millionths. Rounding: half up.
func relative(measured, setting int64) Millionths {
	q, r := measured/setting, measured%setting
	if r >= setting-r {
		q++
	}
	return Millionths(q) - one
}

func ceil(a, b int64) Millionths { return Millionths((a + b - 1) / b) }

// Verdict says whether an error is within accuracy class 1.
type Verdict string

// The verdicts. Undecided: the count is too coarse to decide. NoLimit: the class sets no limit at this current.
const (
	Pass      Verdict = "within class 1"
	Fail      Verdict = "outside class 1"
	Undecided Verdict = "cannot be told"
	NoLimit   Verdict = "no limit at this current"
)

// Range is the current range of a meter, in milliamperes.
type Range struct {
	Basic int64 // Ib
	Max   int64 // Imax
}

// DefaultRange returns the range of the published meter: 5 A basic, 80 A maximum.
func DefaultRange() Range { return Range{Basic: 5_000, Max: 80_000} }

// Milliamperes returns the current of a load at unity power factor, rounded down; 0 if the voltage is not known.
func Milliamperes(load unit.Power, millivolts int64) int64 {
	if millivolts <= 0 {
		return 0
	}
	return int64(load) * 1_000_000 / millivolts
}

// Limit returns the largest error that class 1 allows at a current and unity power factor (IEC 62053-21): 1 % from 0.1 Ib to
// Imax, 1.5 % from 0.05 Ib to 0.1 Ib. ok is false outside that range. A current of 0 means that it was not measured; the limit
// is then 1 %.
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

// Judge compares an error and its uncertainty with the limit of the class.
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

// yearHours is the number of hours in a year of 365 days.
const yearHours = 8760

// PerYear returns the energy that a load uses in a year of 365 days.
func PerYear(load unit.Power) unit.Energy { return unit.Energy(int64(load) * yearHours) }

// EnergyError returns how much an error changes the counted energy: positive if the customer pays for too much, negative if
// too little is charged. Rounding: towards zero.
func EnergyError(truth unit.Energy, e Millionths) (unit.Energy, error) {
	size, err := money.MulDiv(int64(truth), int64(max(e, -e)), int64(one), money.Floor)
	if e < 0 {
		size = -size
	}
	return unit.Energy(size), err
}
