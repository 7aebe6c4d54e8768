package device

import (
	"fmt"
	"math"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// maxAdvance is the longest time that one call may cover.
const maxAdvance = 20 * 366 * 24 * time.Hour

// maxRoom bounds how far ahead the method stop looks for a threshold of energy: 1 GWh, far above any real threshold.
const maxRoom = unit.Energy(1_000_000_000)

// Advance lets time pass. It jumps from one event to the next. The parameter between, if not nil, is a function to call after
// each jump. If it returns an error, Advance stops and returns the error. Without mains only the calendar advances.
func (d *Device) Advance(t time.Duration, between func() error) error {
	if t < 0 || t > maxAdvance {
		return fmt.Errorf("%w: time passes from 0 to %v", ErrInput, maxAdvance)
	}
	if !d.on {
		d.clock.at += t.Milliseconds()
		d.parts.Clock.Pass(uint64(t.Milliseconds()))
		return d.broken
	}
	target := d.clock.up + uint64(t.Milliseconds())
	// The loop runs once even for a duration of 0: a real chip may have given impulses since the last call.
	for asked := false; d.on && d.broken == nil && (!asked || d.clock.up < target); asked = true {
		d.move(min(d.stop(), target))
		if between == nil {
			continue
		}
		if err := between(); err != nil {
			return err
		}
	}
	return d.broken
}

// Next returns how long time can pass before anything happens without an input: at most an hour, and always an hour
// without mains.
func (d *Device) Next() time.Duration {
	if !d.on || d.broken != nil {
		return time.Hour
	}
	return min(time.Hour, time.Duration(min(d.stop()-d.clock.up, uint64(math.MaxInt32)))*time.Millisecond)
}

// stop returns the next moment, in milliseconds since boot, at which anything can happen without an input.
func (d *Device) stop() uint64 {
	stop := min(meter.Wake(&d.config, &d.state), d.contact.due())
	n := meter.Pulses(&d.state, min(meter.Headroom(&d.config, &d.state), maxRoom))
	stop = min(stop, d.clock.up+d.parts.Pulses.Next(max(n, 1)))
	// A moment that has already passed is due now.
	return max(stop, d.clock.up)
}

// move goes to a moment at or before the next stop. It counts energy before it handles anything else that is due.
func (d *Device) move(to uint64) {
	ms := to - d.clock.up
	n := d.parts.Pulses.Count(ms)
	d.clock.pass(ms)
	d.parts.Clock.Pass(ms)
	ev := meter.Event{Kind: meter.EventWake}
	if n > 0 {
		ev = meter.Event{Kind: meter.EventPulses, Pulses: n}
	}
	if n > 0 || meter.Wake(&d.config, &d.state) <= d.clock.up {
		d.give(ev)
	}
	if d.contact.due() <= d.clock.up {
		d.tendContact()
	}
}
