package device

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
)

// Inputs are the events of a board that its parts do not report by themselves. A nil channel never reports anything.
// Keys come from the board's Keypad.
type Inputs struct {
	// Pulses is signalled after the meter chip has given impulses, Switches after a tamper switch has changed.
	Pulses, Switches <-chan struct{}
	// Do carries functions to run on the meter's goroutine, such as messages of the server or of the modem.
	Do <-chan func(*Device) error
}

// Times of a live meter.
const (
	// liveSave is how often a live meter is made durable when nothing else happens.
	liveSave = time.Minute
	// liveShow is how often the display is rewritten, which also turns its pages.
	liveShow = time.Second
)

// Live runs a meter on a board in real time until ctx ends. It wakes only for inputs and for what is due. An error
// comes from the memory.
func Live(ctx context.Context, d *Device, in Inputs) error {
	began, lived, saved := time.Now(), time.Duration(0), time.Duration(0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var keys <-chan byte
	if pad := d.parts.Keypad; pad != nil {
		keys = pad.Keys()
	}
	for {
		var do func(*Device) error
		select {
		case <-ctx.Done():
			return d.Close()
		case key := <-keys:
			do = func(d *Device) error { return d.Keys(string(key)) }
		case <-in.Switches:
			do = func(d *Device) error { d.Switches(); return nil }
		case do = <-in.Do:
		case t := <-d.Tasks():
			do = t
		case <-in.Pulses:
		case <-timer.C:
		}
		// Count the energy up to now first: it belongs to the time before the input.
		now := time.Since(began)
		if err := d.Advance((now - lived).Truncate(time.Millisecond), nil); err != nil {
			return err
		}
		lived += (now - lived).Truncate(time.Millisecond)
		d.measure()
		if do != nil {
			if err := do(d); err != nil && d.Err() == nil {
				d.log.Warn("input dropped", logkey.Meter, d.c.Number, logkey.Err, err)
			}
		}
		if d.Unflushed() > 0 || lived-saved >= liveSave {
			saved = lived
			if err := d.Flush(); err != nil && d.Err() == nil {
				d.log.Warn("not durable yet", logkey.Meter, d.c.Number, logkey.Err, err)
			}
		}
		if d.Err() != nil {
			return d.Err()
		}
		if display := d.parts.Display; display != nil {
			d.partFailed("display", display.Show(d.View().LCD))
		}
		timer.Reset(min(d.Next(), liveShow))
	}
}

// measure tells the core that the load has changed, for the power limit and the display. A virtual chip needs no
// measuring.
func (d *Device) measure() {
	if now := d.sample(); d.on && d.parts.chip == nil && (now.Power != d.state.Power || now.Voltage != d.state.Voltage) {
		d.give(now)
	}
}
