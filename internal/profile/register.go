package profile

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

// Register holds the energy that the server counts for a device. Every message that changes the register makes it durable.
type Register struct {
	MWh  int64 // energy counted until now, in milliwatt-hours; never decreases
	Rest int64 // energy below one milliwatt-hour, in halves of mW·ms: 0 to restOf-1

	At      time.Time // time of the last sample; zero if there is none yet
	PowerMW int64     // power of the last sample
	// Device is the device's own register at its last reading, in mWh. HasDevice says whether that register was read yet.
	Device    int64
	HasDevice bool
	Counting  Counting // how far the device's own register is believed

	Relay string // closed, open, or empty until the device has reported it
	// OpenFrom is the time since when the relay is known to be open; zero while it may be closed.
	OpenFrom time.Time

	Gaps   int64 // number of gaps between samples, and their total time in seconds
	GapSec int64

	// The newest reading that was ingested.
	Seq        uint64
	ReportedAt time.Time
	ReportedWh int64
	Boots      uint64 // how often the device has reported a start
}

// restOf is one milliwatt-hour in halves of mW·ms: 3,600 s · 1,000 ms/s · 2.
const restOf = 7_200_000

// Anew returns the register for another device at the same meter: the energy goes on, and nothing that the last device said of itself counts. So
// the first value of the new device's own counter is only a starting point, and no energy is counted between the last sample of one device and
// the first of the other.
func (r Register) Anew() Register {
	r.At, r.PowerMW, r.Device, r.HasDevice, r.Relay, r.OpenFrom = time.Time{}, 0, 0, false, "", time.Time{}
	r.Counting = Counting{Skip: r.Counting.Skip, EntryAt: r.Counting.EntryAt}
	return r
}

// Step is the effect of one message on a register.
type Step struct {
	CountedMWh   int64
	Gap          time.Duration // time without counted energy; 0 for none
	Why          string        // the reason of a gap, for people
	Held         string        // why the value of the device's register is held, for people; empty if it is not
	Ended        HeldEnding    // how values ended that were held before; empty if none were, or if they still are
	Moot         id.ID         // the entry of a rise that needs no person any more, because the register counts it itself
	Sample       bool          // the message carried a measured value that was used
	RelayChanged bool          // the relay's position has changed
	Load         bool          // a load was switched on or off: power changed to or from 0
}

// Wh returns the register in whole watt-hours, rounded down.
func (r Register) Wh() int64 { return r.MWh / 1000 }

// Take applies one message to a register. The parameter at is the server's time at which the message arrived. The function
// integrate has the rules of a register that is computed from power. The function follow has the rules of the device's own register.
func (p *Profile) Take(r Register, m Meaning, at time.Time) (Register, Step) {
	var s Step
	at = at.UTC().Truncate(time.Millisecond)
	if m.Relay != "" && m.Relay != r.Relay {
		r.Relay, s.RelayChanged = m.Relay, true
		if m.Relay == Open && p.Energy.From == FromPower && !r.At.IsZero() {
			// The last power counts until now, when the relay opens. Otherwise integrate would draw a line from the last power to the next
			// sample, and the customer would pay for energy after the cut-off.
			r, s = p.integrate(r, s, r.PowerMW, at)
			r.PowerMW, s.Sample = 0, true
		}
	}
	r.OpenFrom = p.openFrom(r, m, at)
	if m.Kind == IsStarted {
		r.Boots++
		r.Counting.Held = r.Counting.Held.hearStart()
	}
	if m.Kind != IsData {
		return r, s
	}
	power := r.PowerMW
	if m.PowerMW != nil {
		if power = *m.PowerMW; r.Relay == Open {
			power = p.withoutNoise(power)
		}
		s.Load = (power == 0) != (r.PowerMW == 0)
	}
	switch p.Energy.From {
	case FromPower:
		if m.PowerMW == nil {
			break
		}
		counts := power // with an open relay, energy counts only between two samples above the noise
		if r.Relay == Open && (p.withoutNoise(r.PowerMW) == 0 || power == 0) {
			r.PowerMW, counts = 0, 0
		}
		r, s = p.integrate(r, s, counts, at)
		r.PowerMW = power
	case FromRegister:
		if m.PowerMW != nil {
			r.PowerMW, s.Sample = power, true
		}
		if m.EnergyMWh != nil {
			r, s = endLeft(p.follow(r, s, *m.EnergyMWh, at))
		}
	}
	return r, s
}

// openFrom returns the time since when the relay is known to be open. A device that has just started may have closed the
// relay. The relay is then known to be open as soon as the device reports so again. If the device reports nothing about its
// relay, the relay is known to be open one minute after the start. A device with its own register may report energy late, so
// its relay is known to be open one minute after its report.
func (p *Profile) openFrom(r Register, m Meaning, at time.Time) time.Time {
	from := at
	if m.Kind == IsStarted || p.Energy.From == FromRegister {
		from = at.Add(allowance)
	}
	switch {
	case r.Relay != Open:
		return time.Time{}
	case m.Kind == IsStarted, m.Relay == Open && (r.OpenFrom.IsZero() || from.Before(r.OpenFrom)):
		return from
	}
	return r.OpenFrom
}

// KnownOpen reports whether the relay is known to be open at a time.
func (r Register) KnownOpen(at time.Time) bool {
	return r.Relay == Open && !r.OpenFrom.IsZero() && !at.Before(r.OpenFrom)
}

// withoutNoise returns the power that counts while the relay is open: 0 for power up to the noise, else the power itself.
func (p *Profile) withoutNoise(mw int64) int64 {
	if mw <= p.Energy.NoiseW*1000 {
		return 0
	}
	return mw
}

// integrate adds the energy between the last sample and the present one. The power between them counts as a straight line
// (trapezoid), in whole numbers with an exact remainder. If the time between them is longer than the profile's max_gap, or
// runs backwards, it is a gap: it counts no energy, only its length is recorded, and nothing is estimated. So a restart of
// the server or of the device is a gap only if it took longer than max_gap.
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
			// At most 2·10⁹ mW for 3.6·10⁶ ms: 7.2·10¹⁵, far below the limit of 64 bits.
			sum := r.Rest + (r.PowerMW+mw)*elapsed.Milliseconds()
			s.CountedMWh = sum / restOf
			r.MWh, r.Rest = r.MWh+s.CountedMWh, sum%restOf
		}
	}
	r.PowerMW, r.At = mw, at
	return r.gap(s), s
}

// A register of whole watt-hours does not show the power of a short time. So steps are added up for noiseSpan before
// they count as noise. noiseStep is the size of one step of such a register, in mWh.
const (
	noiseSpan = 10 * time.Minute
	noiseStep = 1000 // mWh
)

// noise returns the greatest energy of noise in a time, in mWh.
func (p *Profile) noise(elapsed time.Duration) int64 {
	const year = 366 * 24 * time.Hour
	return p.Energy.NoiseW*1000*int64(min(elapsed, year)/time.Second)/3600 + noiseStep
}

// gap adds a gap to the totals.
func (r Register) gap(s Step) Register {
	if s.Gap > 0 {
		r.Gaps++
		r.GapSec += int64(s.Gap / time.Second)
	}
	return r
}
