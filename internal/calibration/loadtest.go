package calibration

import (
	"fmt"
	"math"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// Row is one line of a load test: how long a meter took to count a fixed energy at a load, over several runs.
type Row struct {
	Load unit.Power
	Runs int
	Mean int64 // ms
	Dev  int64 // standard deviation, ms
}

// loadTestEnergy is the energy that each run of the test counts: one step of the published meter's display.
const loadTestEnergy unit.Energy = 10

// Published is the load test of the GSM prepayment meter that Paywatt grew from (ADE7755; 0.01 kWh).
func Published() []Row {
	return []Row{
		{Load: 320, Runs: 15, Mean: 133_460, Dev: 880},
		{Load: 200, Runs: 10, Mean: 233_300, Dev: 640},
		{Load: 160, Runs: 10, Mean: 311_100, Dev: 1_140},
	}
}

// PublishedCount is the count from which the same source computed its constant.
func PublishedCount() Count { return Count{Load: 320, Millis: 133_000, Within: 500, Pulses: 132_673} }

// Truth returns how long an exact meter takes for the test's energy at the row's load, ms.
func (r Row) Truth() int64 { return int64(loadTestEnergy) * 3_600_000 / int64(r.Load) }

// Error returns the meter's error according to the mean: exact time ÷ time taken − 1. Rounding: half up.
func (r Row) Error() Millionths { return relative(r.Truth()*int64(one), r.Mean) }

// chip is a virtual metering chip: its impulses per kilowatt-hour at each load of the test.
type chip struct {
	nominal int64 // impulses per kilowatt-hour
	errors  []Millionths
	spread  []Millionths // standard deviation of a run, by load
}

// chipConstant is the nominal constant of the virtual chips: 1,000 impulses for the test's energy, so that the
// resolution of a run is a thousandth.
const chipConstant = 100_000

// Columns are the published figures of a load test, and those of two virtual meters.
type Columns struct {
	Published  []Row
	AsBuilt    []Row  // a virtual meter whose error curve is computed from the published mean values
	Calibrated []Row  // a virtual meter that was calibrated first
	Count      Count  // the count from which it was calibrated
	Result     Result // the result of that count
}

// LoadTest repeats the published test with two virtual meters. The meter core counts their energy, as in every meter.
// The first has the error curve and the spread that the published means imply. The second has a chip whose constant is
// off by up to 3 % and whose error differs by up to 0.5 % between loads. It was calibrated as on a bench: by a count of
// 133 s at the first load. The same seed gives the same figures.
func LoadTest(seed uint64) (Columns, error) {
	rnd := dice(seed)
	rows := Published()
	out := Columns{Published: rows}
	asBuilt := chip{nominal: chipConstant}
	class1 := chip{nominal: chipConstant - 3_000 + int64(rnd.below(6_001))}
	for i, r := range rows {
		asBuilt.errors = append(asBuilt.errors, r.Error())
		asBuilt.spread = append(asBuilt.spread, Millionths(r.Dev*int64(one)/r.Mean))
		var bend Millionths
		if i > 0 {
			bend = Millionths(rnd.below(10_001)) - 5_000
		}
		class1.errors = append(class1.errors, bend)
		class1.spread = append(class1.spread, 500) // 0.05 %: a chip repeats far better than a hand-held stopwatch
	}
	var err error
	if out.AsBuilt, err = asBuilt.run(rows, chipConstant, &rnd); err != nil {
		return Columns{}, err
	}
	out.Count = class1.count(rows[0].Load, 133_000)
	if out.Result, err = Measure(out.Count); err != nil {
		return Columns{}, err
	}
	out.Calibrated, err = class1.run(rows, out.Result.Setting, &rnd)
	return out, err
}

// count returns what a bench counts at the first load of the test.
func (c chip) count(load unit.Power, millis int64) Count {
	return Count{Load: load, Millis: millis, Within: 1, Pulses: int64(load) * millis * c.nominal / 3_600_000_000}
}

// run performs every run of the test on a meter with this chip and a configured constant.
func (c chip) run(rows []Row, constant int64, rnd *dice) ([]Row, error) {
	out := make([]Row, len(rows))
	for i, r := range rows {
		times := make([]int64, r.Runs)
		for n := range times {
			// The rate is the number of impulses per hour in this run, in millionths.
			rate, err := money.MulDiv(int64(r.Load)*c.nominal, int64(one+c.errors[i]), 1000, money.Floor)
			if err != nil {
				return nil, err
			}
			stretch := one + Millionths(int64(c.spread[i])*rnd.normal()/normalUnit)
			if times[n], err = takes(constant, rate, int64(stretch)); err != nil {
				return nil, err
			}
		}
		out[i] = Row{Load: r.Load, Runs: r.Runs}
		out[i].Mean, out[i].Dev = deviation(times)
	}
	return out, nil
}

// takes returns the time in ms that a meter needs to count the test's energy. That is the time of the impulse at which its
// register reaches the energy. The parameter constant is the meter's setting in impulses per kilowatt-hour. The parameter
// rate is the number of impulses per hour, in millionths. The parameter stretch is a factor for all times, in millionths.
func takes(constant, rate, stretch int64) (int64, error) {
	c := meter.DefaultConfig()
	c.ImpPerKWh = uint32(constant)
	c.ReadingEvery = 0
	s := meter.New(meter.KeyInfo{}, &c, 0)
	effects := meter.Step(&c, &s, meter.Event{Kind: meter.EventPowerRestore, Clock: meter.ClockValid, NextSeq: s.Seq}, nil)
	var at int64
	for n := int64(1); s.Register < loadTestEnergy; n++ {
		micros, err := money.MulDiv(n*3_600_000_000, stretch, rate, money.HalfUp) // the n-th impulse, µs
		if err != nil {
			return 0, err
		}
		at = micros
		ev := meter.Event{Kind: meter.EventPulses, Pulses: 1, Up: uint64(micros / 1000), Clock: meter.ClockValid}
		effects = meter.Step(&c, &s, ev, effects[:0])
		if n > 10*chipConstant {
			return 0, fmt.Errorf("a meter with constant %d never counts %d Wh", constant, loadTestEnergy)
		}
	}
	return (at + 500) / 1000, nil
}

// deviation returns the mean and the standard deviation of a sample, rounded to whole numbers.
func deviation(of []int64) (mean, dev int64) {
	n := int64(len(of))
	var sum, squares int64
	for _, v := range of {
		sum += v
	}
	mean = (sum + n/2) / n
	for _, v := range of {
		squares += (v - mean) * (v - mean)
	}
	if n < 2 {
		return mean, 0
	}
	return mean, root((squares + (n-1)/2) / (n - 1))
}

// root returns the whole number nearest to the square root of n.
func root(n int64) int64 {
	var r int64
	for bit := int64(1) << 30; bit > 0; bit >>= 1 {
		if (r+bit)*(r+bit) <= n {
			r += bit
		}
	}
	if n-r*r > r {
		r++
	}
	return r
}

// dice is a small random generator (splitmix64): the same seed gives the same run on every machine.
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *dice) below(n uint64) uint64 { return d.next() % n }

// normalUnit is one standard deviation of the numbers that normal returns.
const normalUnit = 1 << 16

// normal draws a nearly normal number. The sum of twelve uniform numbers has a variance of one and hardly ever exceeds
// four standard deviations.
func (d *dice) normal() int64 {
	var sum int64
	for range 12 {
		sum += int64(d.next() & math.MaxUint16)
	}
	return sum - 6*normalUnit
}
