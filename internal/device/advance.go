package device

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// maxAdvance is the longest time one call lets pass.
const maxAdvance = 20 * 366 * 24 * time.Hour

// maxRoom bounds the energy that is looked ahead for, far above any real threshold: 1 GWh.
const maxRoom = unit.Energy(1_000_000_000)

// Advance lets time pass. It goes straight from one moment at which something happens to the next; between two of them
// it calls between, if that is not nil, and stops with its error. Without mains only the calendar goes on.
func (d *Device) Advance(t time.Duration, between func() error) error {
	if t < 0 || t > maxAdvance {
		return fmt.Errorf("%w: time passes from 0 to %v", ErrInput, maxAdvance)
	}
	if !d.on {
		d.clock.at += t.Milliseconds()
		return d.broken
	}
	target := d.clock.up + uint64(t.Milliseconds())
	for d.on && d.broken == nil && d.clock.up < target {
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

// stop is the next moment at which anything can happen without an input.
func (d *Device) stop() uint64 {
	stop := meter.Wake(&d.config, &d.state)
	if at, is := d.contact.waiting(); is {
		stop = min(stop, at)
	}
	if w := d.draw(); w > 0 {
		n := meter.Pulses(&d.state, min(meter.Headroom(&d.config, &d.state), maxRoom))
		stop = min(stop, d.clock.up+d.chip.until(w, max(n, 1)))
	}
	// A moment that has passed already is due now.
	return max(stop, d.clock.up)
}

// move goes to a moment at or before the next stop. Energy comes first.
func (d *Device) move(to uint64) {
	ms := to - d.clock.up
	n := d.chip.run(d.draw(), ms)
	d.clock.pass(ms)
	ev := meter.Event{Kind: meter.EventWake}
	if n > 0 {
		ev = meter.Event{Kind: meter.EventPulses, Pulses: n}
	}
	if n > 0 || meter.Wake(&d.config, &d.state) <= d.clock.up {
		d.give(ev)
	}
	if d.contact.settle(d.clock.up) {
		d.give(d.sample())
	}
}
