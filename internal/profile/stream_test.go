// Random streams of a plug's messages against a model of its true register. The model knows what was really used. It loses, repeats, delays
// and falsifies messages and restarts the plug, as networks and plugs do.

package profile_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/profile"
)

var (
	streams     = flag.Int("streams", 3_000, "number of random streams of a device's register")
	firstStream = flag.Uint64("first", 0, "number of the first stream, from which all follow")
)

// plug is the true state of a device, and what the server made of its messages.
type plug struct {
	rng      *rand.Rand
	p        *profile.Profile
	now      time.Time
	used     int64 // energy really used since the first message, in mWh
	shown    int64 // the device's own register
	floor    int64 // the lowest value of this life
	watts    int64
	past     []int64 // values that the server was sent in this life
	reg      profile.Register
	good     int   // good values in a row
	lost     int64 // energy that the server cannot know of, because the device forgot it
	heard    int64 // used at the last good value that another one has confirmed
	newest   int64 // used at the last good value
	newestAt time.Time
	restart  bool  // the device restarted, and no good value came since
	back     int64 // what the device forgot, until three rising values have shown the start
	backAt   int64 // used at that start
	top      int64 // the device's register before it
	rises    int
	last     int64
	lastAt   time.Time
	log      []string
}

// minute is the energy of a minute at the greatest power.
func (g *plug) minute() int64 { return g.p.Energy.MaxW * 60_000 / 3600 }

// note writes a line of the story of a stream.
func (g *plug) note(format string, args ...any) {
	g.log = append(g.log, g.now.Format("15:04:05.0 ")+fmt.Sprintf(format, args...))
}

// pass lets time pass. The plug uses energy if it has power.
func (g *plug) pass(d time.Duration, powered bool) {
	g.now = g.now.Add(d)
	if powered {
		e := g.watts * d.Milliseconds() / 3600
		g.used += e
		g.shown += e
	}
}

// send delivers a value as the device's message.
func (g *plug) send(what string, mwh int64) {
	was := g.reg
	var s profile.Step
	g.reg, s = g.p.Take(g.reg, counted(mwh), g.now)
	if s.Ended == profile.EndedBegan {
		g.lost += g.notShown()
		g.back = 0
	}
	if s.Ended == profile.EndedMoved || s.Ended == profile.EndedOpen { // a person decides about it
		g.lost += was.Counting.Held.First - was.Device
	}
	g.note("%s %d: counted %d, register %d of %d, %s%s", what, mwh, s.CountedMWh, g.reg.MWh, g.used, s.Held, s.Ended)
}

// sendTrue delivers the true value, rounded down to the device's resolution.
func (g *plug) sendTrue(resolution int64) {
	mwh := g.shown / resolution * resolution
	if g.restart {
		g.lost += g.used - g.heard
		g.restart, g.good = false, 0
	}
	if g.rises == 0 || mwh > g.last && g.now.Sub(g.lastAt) >= 5*time.Second {
		g.rises++
		g.last, g.lastAt = mwh, g.now
	}
	g.past = append(g.past, mwh)
	if g.good++; g.good > 1 && g.now.Sub(g.newestAt) >= 5*time.Second {
		g.heard = g.newest
	}
	if g.good == 1 || g.now.Sub(g.newestAt) >= 5*time.Second {
		g.newest, g.newestAt = g.used, g.now
	}
	g.send("true", mwh)
}

// begin restarts the device. A plug whose register is not kept begins at 0. Another one begins where it was saved last.
func (g *plug) begin() {
	g.pass(time.Duration(g.rng.Int64N(3_600_000))*time.Millisecond, false)
	top := g.shown
	if g.back > 0 {
		top = max(top, g.top)
	}
	if g.p.Energy.Reset == profile.ResetZero || g.rng.IntN(4) == 0 {
		g.shown = 0
	} else {
		g.shown -= min(g.shown-g.floor, g.rng.Int64N(300_000))
	}
	g.lost += g.notShown()
	g.back, g.backAt, g.top, g.rises = top-g.shown, g.used, top, 0
	g.floor, g.past, g.restart = g.shown, g.past[:0], true
	g.note("restart at %d", g.shown)
}

// notShown returns what a register may use again below its old value before three values have shown that it began again. It is not counted,
// because the register may as well have come back.
func (g *plug) notShown() int64 { return min(g.back, g.used-g.backAt) }

// wrong delivers one wrong value, and perhaps a copy of it.
func (g *plug) wrong(other int64) {
	mwh := int64(0)
	switch g.rng.IntN(6) {
	case 0:
	case 1, 2:
		if len(g.past) > 0 {
			mwh = g.past[g.rng.IntN(len(g.past))]
		}
	case 3:
		mwh = g.shown + g.rng.Int64N(2*g.minute())
	case 4:
		mwh = g.shown + g.rng.Int64N(100_000_000)
	case 5:
		mwh = other
	}
	g.good, g.rises = 0, 0
	g.send("wrong", mwh)
	if g.rng.IntN(5) == 0 {
		g.pass(time.Duration(g.rng.Int64N(2000))*time.Millisecond, true)
		g.send("copy", mwh)
	}
}

// repeat delivers old messages once more, in their order, as a bridge does after it has connected again.
func (g *plug) repeat() {
	g.good, g.rises = 0, 0
	n := min(len(g.past), 1+g.rng.IntN(20))
	for _, mwh := range g.past[len(g.past)-n:] {
		g.pass(time.Duration(g.rng.Int64N(200))*time.Millisecond, true)
		g.send("repeated", mwh)
	}
}

// over returns by how much the server has counted more than was used.
func (g *plug) over() int64 { return g.reg.MWh - g.used }

// under returns by how much the server has counted less than was used, except for what it cannot know of.
func (g *plug) under() int64 { return g.used - g.reg.MWh - g.lost - g.notShown() }

// live lets the plug live for a number of messages, and returns false as soon as check does.
func (g *plug) live(messages int, check func(*plug) bool) bool {
	resolution := []int64{1, 1000, 10_000}[g.rng.IntN(3)]
	other := g.shown + 20_000_000 + g.rng.Int64N(900_000_000)
	g.sendTrue(resolution)
	for range messages {
		if g.rng.IntN(8) == 0 {
			g.watts = g.rng.Int64N(g.p.Energy.MaxW + 1)
		}
		g.pass(time.Duration(1000+g.rng.Int64N(15_000))*time.Millisecond, true)
		switch k := g.rng.IntN(40); {
		case k < 3 && g.good > 0: // two wrong values never follow each other

			g.wrong(other)
		case k == 3:
			g.begin()
		case k == 4:
			g.repeat()
		case k == 5: // no network, but power
			g.pass(time.Duration(g.rng.Int64N(12*3_600_000))*time.Millisecond, true)
			g.good, g.rises = 0, 0
		case k == 6: // no power
			g.pass(time.Duration(g.rng.Int64N(12*3_600_000))*time.Millisecond, false)
		case k == 7:
			g.reg, _ = g.p.Take(g.reg, profile.Meaning{Kind: profile.IsStarted}, g.now)
			g.note("started")
			g.rises = 0
		case k == 8: // a copy
			g.sendTrue(resolution)
			g.send("copy", g.past[len(g.past)-1])
		default:
			g.sendTrue(resolution)
		}
		if !check(g) {
			return false
		}
	}
	return true
}

// newPlug returns a plug with a register that has counted before.
func newPlug(seed uint64, l profile.Library) *plug {
	rng := rand.New(rand.NewPCG(seed, 51))
	p := *l[[]string{"tasmota", "shelly", "shelly-gen1"}[rng.IntN(3)]]
	p.Energy.MaxW = []int64{2300, 3680, 16_000}[rng.IntN(3)]
	g := &plug{rng: rng, p: &p, now: at(0), shown: rng.Int64N(5_000_000)}
	g.floor = g.shown
	return g
}

// TestARegisterIsChargedForWhatWasUsed: at no time is more charged than was used and what max_w gives in overMinutes. Once ten good values have
// followed whatever happened, no less is charged than was used, less what max_w gives in underMinutes and what the device forgot or a person
// decides about. Two wrong values never follow each other in these streams, because nobody could tell two from a new start.
func TestARegisterIsChargedForWhatWasUsed(t *testing.T) {
	const overMinutes, underMinutes = 2, 2
	l := library(t)
	var over, under int64 // the most of all streams, in thousandths of a minute at max_w
	for n := range uint64(*streams) {
		seed := *firstStream + n
		g := newPlug(seed, l)
		why := ""
		g.live(60, func(g *plug) bool {
			over = max(over, g.over()*1000/g.minute())
			if g.over() > overMinutes*g.minute() {
				why = "more was counted than used"
			}
			if g.good < 10 {
				return why == ""
			}
			under = max(under, g.under()*1000/g.minute())
			switch {
			case g.under() > underMinutes*g.minute():
				why = "less was counted than used"
			case g.rises >= 5 && g.reg.Counting.Held.Kind != "":
				why = "rising values are still held"
			}
			return why == ""
		})
		if why != "" {
			t.Fatalf("stream %d of %s, at most %d W: %s\n%s", seed, g.p.Name, g.p.Energy.MaxW, why, strings.Join(g.log, "\n"))
		}
	}
	t.Logf("%d streams: at most %d.%03d minutes at max_w too much, %d.%03d too little", *streams, over/1000, over%1000, under/1000, under%1000)
}
