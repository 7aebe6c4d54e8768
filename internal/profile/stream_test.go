// What the server charges for a device's own register, in random streams of its messages. The model of the device is in stream_model_test.go.

package profile_test

import (
	"flag"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
)

var firstStream = flag.Uint64("first", 0, "number of the first stream, from which all follow")

// margin is the time whose energy at max_w may be charged too much or too little, whatever happened.
const margin = 2 * time.Minute

// over is the energy that may be charged too much: max_w · (margin + the time of all spells). A spell is a time in which wrong values followed each
// other, or a second device sent, from the last good value that another one confirmed before it to the third good value after it. A single wrong
// value, a value that comes late, a burst of old values, a restart and a time without power add nothing.
func (d *plug) over() int64 {
	return energyOf(d.p.Energy.MaxW, margin+d.wronged.until(d.now)) + 2*d.resolution
}

// under is the energy that may be missing when ten good values have followed: the same, but the spell ends with the third good value that rises.
func (d *plug) under() int64 {
	return energyOf(d.p.Energy.MaxW, margin+d.unclear.until(d.now)) + 2*d.resolution
}

// fault lets one fault happen, of those that this stream has.
func (d *plug) fault(kinds []func()) { kinds[d.rng.IntN(len(kinds))]() }

// live lets the device live for some messages, and calls check after each.
func (d *plug) live(messages int, check func() bool) bool {
	all := []func(){
		d.glitch, d.glitches, d.replay, d.late, d.visit,
		func() {
			d.disturb()
			d.deliver("twice", d.lastGood().mwh)
		},
		func() { d.sayStarted() },
		func() { d.restart(time.Duration(d.rng.IntN(30)) * time.Second) },
		func() { d.restart(time.Duration(1+d.rng.IntN(12)) * time.Hour) },
		func() { d.pass(time.Duration(d.rng.IntN(12*60)) * time.Minute) }, // without a network
	}
	var kinds []func()
	for len(kinds) == 0 {
		for _, k := range all {
			if d.rng.IntN(3) == 0 {
				kinds = append(kinds, k)
			}
		}
	}
	d.sendGood()
	calm := 0
	for range messages {
		if d.rng.IntN(8) == 0 {
			d.load = []int64{0, d.rng.Int64N(100), d.rng.Int64N(d.most()), d.most()}[d.rng.IntN(4)]
		}
		if d.rng.IntN(30) == 0 {
			calm = 12
		}
		d.pass(d.pause())
		if calm--; calm < 0 && d.rng.IntN(6) == 0 {
			d.fault(kinds)
			if !check() {
				return false
			}
			d.pass(d.pause())
		}
		d.sendGood()
		if !check() {
			return false
		}
	}
	return true
}

// TestARegisterIsChargedForWhatWasUsed: at no time is more charged than used + bound. When ten good values have followed the last fault, no less
// is charged than used − bound − what the device itself has forgotten − what a person must decide.
func TestARegisterIsChargedForWhatWasUsed(t *testing.T) {
	l := library(t)
	wrong := 0
	for n := range uint64(tier.RegisterStreams.N()) {
		d := newPlug(*firstStream+n, l)
		ok := d.live(80, func() bool {
			if d.charged() > d.used+d.repeated+d.over() {
				wrong++
				t.Errorf("stream %d: charged %d, used %d, bound %d\n%s", *firstStream+n, d.charged(), d.used, d.over(), d.story())
				return false
			}
			if d.settled() && d.charged() < d.confirmed().used-d.hidden()-d.under() {
				wrong++
				t.Errorf("stream %d: charged only %d, confirmed %d, forgotten or waiting %d, bound %d\n%s", *firstStream+n, d.charged(), d.confirmed().used, d.hidden(), d.under(), d.story())
				return false
			}
			return true
		})
		if !ok && wrong > 4 {
			t.FailNow()
		}
	}
}
