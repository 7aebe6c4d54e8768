package profile

import (
	"fmt"
	"time"
)

// Register is what the server counts for a device, durable with every message that moved it.
type Register struct {
	MWh  int64 // counted so far, in milliwatt-hours; never falls
	Rest int64 // below one milliwatt-hour, in halves of mW·ms: 0 to restOf-1

	At      time.Time // of the last sample; zero: none yet
	PowerMW int64     // of the last sample
	// Device is the device's own register when it was last read, in mWh; HasDevice says that it was.
	Device    int64
	HasDevice bool

	Relay string // closed, open, or empty while the device has not said

	Gaps   int64 // how often time between samples counted nothing, and how long that was in all
	GapSec int64

	// Of the newest reading that was ingested.
	Seq        uint64
	ReportedAt time.Time
	ReportedWh int64
	Boots      uint64 // how often the device has said that it started
}

// restOf is one milliwatt-hour in halves of mW·ms: 3,600 s · 1,000 ms · 2.
const restOf = 7_200_000

// Step is what one message did to a register.
type Step struct {
	CountedMWh int64
	Gap        time.Duration // time that counted nothing; 0 for none
	Why        string        // of a gap, for people
	Sample     bool          // the message carried a measured value that was taken
	Turned     bool          // the relay's position is another than before
	Load       bool          // a load came or went: power is 0 now and was not, or the other way round
}

// Wh is the register in whole watt-hours, rounded down.
func (r Register) Wh() int64 { return r.MWh / 1000 }

// Take moves a register by one message that came at a moment of the server's clock.
//
// From power: between two samples the power is taken to run straight from one to the other (trapezoid), in whole numbers
// with the exact remainder carried on. Time between samples beyond the profile's max_gap is a gap, and so is time that
// runs backwards: it counts nothing, is added up and shown, and is never filled in. A restart of the server or of the
// device is a gap only where it lasted that long. When the relay opens, the last power is taken to have run until then,
// and nothing from there on: a customer who was cut off does not pay for the slope to the next sample.
//
// From a register of the device: the difference to the last value counts, however long ago that was. The first value
// ever is where counting begins. A smaller value is a restart: with reset "zero" the new value itself counts, with
// "never" nothing does and counting goes on from there. A difference that the device could not have measured in the
// time, at its max_w and with a minute's allowance, counts nothing either.
func (p *Profile) Take(r Register, m Meaning, at time.Time) (Register, Step) {
	var s Step
	if m.Relay != "" && m.Relay != r.Relay {
		r.Relay, s.Turned = m.Relay, true
		if m.Relay == Open && p.Energy.From == FromPower && !r.At.IsZero() {
			r, s = p.integrate(r, s, r.PowerMW, at.UTC().Truncate(time.Millisecond))
			r.PowerMW, s.Sample = 0, true
		}
	}
	if m.Kind == IsStarted {
		r.Boots++
	}
	if m.Kind != IsData {
		return r, s
	}
	at = at.UTC().Truncate(time.Millisecond)
	s.Load = m.PowerMW != nil && (*m.PowerMW == 0) != (r.PowerMW == 0)
	switch p.Energy.From {
	case FromPower:
		if m.PowerMW != nil {
			r, s = p.integrate(r, s, *m.PowerMW, at)
		}
	case FromRegister:
		if m.PowerMW != nil {
			r.PowerMW, s.Sample = *m.PowerMW, true
		}
		if m.EnergyMWh != nil {
			r, s = p.follow(r, s, *m.EnergyMWh, at)
		}
	}
	return r, s
}

// integrate adds the energy between the last sample and this one.
func (p *Profile) integrate(r Register, s Step, mw int64, at time.Time) (Register, Step) {
	s.Sample = true
	if !r.At.IsZero() {
		elapsed := at.Sub(r.At)
		switch {
		case elapsed < 0:
			s.Gap, s.Why = -elapsed, "the clock went back"
		case elapsed > time.Duration(p.Energy.MaxGap):
			s.Gap, s.Why = elapsed, "no sample for longer than max_gap"
		default:
			// At most 2·10⁹ mW for 3.6·10⁶ ms: 7.2·10¹⁵, far from the end of 64 bits.
			sum := r.Rest + (r.PowerMW+mw)*elapsed.Milliseconds()
			s.CountedMWh = sum / restOf
			r.MWh, r.Rest = r.MWh+s.CountedMWh, sum%restOf
		}
	}
	r.PowerMW, r.At = mw, at
	return r.gap(s), s
}

// allowance is what is added to the time between two values of a device's register before judging the step: messages
// are late, and devices publish registers in steps.
const allowance = time.Minute

// follow adds the step of the device's own register.
func (p *Profile) follow(r Register, s Step, mwh int64, at time.Time) (Register, Step) {
	s.Sample = true
	elapsed := max(at.Sub(r.At), 0)
	if r.HasDevice {
		step := mwh - r.Device
		if step < 0 {
			step = 0
			s.Gap, s.Why = elapsed, fmt.Sprintf("the device's register went back from %d to %d mWh", r.Device, mwh)
			if p.Energy.Reset == ResetZero {
				step, s.Gap, s.Why = mwh, 0, ""
			}
		}
		// W·s·1000/3,600 is mWh; a year of the highest power allowed stays below 2⁶³.
		const year = 366 * 24 * time.Hour
		if most := p.Energy.MaxW * int64((min(elapsed, year)+allowance)/time.Second) * 1000 / 3600; step > most {
			s.Gap, s.Why = max(elapsed, time.Second), fmt.Sprintf("the device's register moved by %d mWh, at most %d are possible", step, most)
			step = 0
		}
		s.CountedMWh = step
		r.MWh += step
	}
	r.Device, r.HasDevice, r.At = mwh, true, at
	return r.gap(s), s
}

// gap adds a gap up.
func (r Register) gap(s Step) Register {
	if s.Gap > 0 {
		r.Gaps++
		r.GapSec += int64(s.Gap / time.Second)
	}
	return r
}
