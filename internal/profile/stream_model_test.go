// A model of a device with a register of its own, and of all that can happen to its values on their way to the server. The model knows the true
// register and what each fault hides. It knows nothing of the rule that judges the values.

package profile_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/profile"
)

// apart is the time between two values that can speak for each other. Nearer ones may be the same message.
const apart = 5 * time.Second

// good is a true value that was delivered in its turn.
type good struct {
	at   time.Time
	mwh  int64
	used int64 // what was used when the device sent it

	first bool // a fault came before it
}

// plug is a device and the register that the server makes of its messages. Energy is in mWh.
type plug struct {
	rng *rand.Rand
	p   *profile.Profile
	now time.Time

	used       int64 // what was really used
	register   int64 // the device's own register
	saved      int64 // the register that a restart takes from its memory, if it keeps one
	keeps      bool
	resolution int64
	load       int64 // W

	other *plug // a second device that sends to the same listener

	goods []good // the newest true values

	run     int // how many good values in a row, apart from each other, have followed the last fault
	runAt   time.Time
	wrongAt time.Time // of the newest value that was not good
	rises   int       // rising ones among them since the last restart or spell
	risen   int64     // the highest of these
	left    int64     // the part of it that ends if the register goes on
	waiting int64     // energy about which a person must decide, because max_w did not allow it

	// A spell lasts while wrong values follow each other, or while a second device sends. It begins with the last confirmed value before it, and
	// ends with the third good value. Then the server need not believe wrong values any more. What was used it may learn later, with the third
	// good value that rises: a register that stands still does not show whose it is.
	wrongs  int
	wronged span
	unclear span

	// What the device itself forgot. After a restart, the use up to the third good value in a row can hide below the value that was sent before.
	forgotten int64
	restarted bool
	startedAt int64 // used at the restart
	threeAt   int64 // used at the third good value in a row after it
	hides     int64 // the most that can hide
	top, sure int64 // the highest value that was sent before the restart, and the lowest that counting may have ended with
	silent    bool  // more than max_gap passed before the first value after the restart, or a spell came between
	disturbed bool  // a wrong or an old value came before three values had risen after it, or the second one rose as only a wrong one may
	repeated  int64 // what a profile that is wrong about its device may count once more
	young     int   // values until a start is beyond doubt; until then one wrong value may undo it

	reg   profile.Register
	begin int64
	log   []string
}

// newPlug returns a device of a random kind, the true one or another one than its profile says.
func newPlug(seed uint64, l profile.Library) *plug {
	rng := rand.New(rand.NewPCG(seed, 2026))
	p := *l[[]string{"tasmota", "shelly", "shelly-gen1"}[rng.IntN(3)]]
	p.Energy.MaxW = []int64{2300, 3680, 16_000}[rng.IntN(3)]
	d := &plug{rng: rng, p: &p, now: at(0), resolution: []int64{1, 17, 1000, 10_000}[rng.IntN(4)]}
	d.keeps = (p.Energy.Reset == profile.ResetNever) != (rng.IntN(8) == 0)
	d.register = []int64{0, rng.Int64N(100_000), rng.Int64N(5_000_000), rng.Int64N(2_000_000_000)}[rng.IntN(4)]
	d.saved = d.register
	return d
}

// energyOf returns the energy of a power in a time.
func energyOf(watts int64, t time.Duration) int64 { return watts * t.Milliseconds() / 3600 }

// most is the greatest power that the device uses. A device that uses all of max_w leaves no room for values that come late.
func (d *plug) most() int64 { return d.p.Energy.MaxW * 9 / 10 }

func (d *plug) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	d.log = append(d.log, fmt.Sprintf("%9.0fs used %d, counted %d: %s", d.now.Sub(at(0)).Seconds(), d.used, d.charged(), line))
}

func (d *plug) charged() int64 { return d.reg.MWh - d.begin }

func (d *plug) story() string {
	last := d.log[max(0, len(d.log)-60):]
	return fmt.Sprintf("%s, reset %s, keeps %v, max_w %d\n%s", d.p.Name, d.p.Energy.Reset, d.keeps, d.p.Energy.MaxW, strings.Join(last, "\n"))
}

// pass lets time pass while the device has power and uses some.
func (d *plug) pass(t time.Duration) {
	d.now = d.now.Add(t)
	e := energyOf(d.load, t)
	d.used += e
	d.register += e
	if d.rng.IntN(10) == 0 {
		d.saved = d.register
	}
	if d.other != nil {
		d.other.now = d.now
		d.other.register += energyOf(d.other.load, t)
	}
}

// deliver gives a value to the server.
func (d *plug) deliver(what string, mwh int64) {
	before := d.reg
	var s profile.Step
	d.reg, s = d.p.Take(d.reg, profile.Meaning{Kind: profile.IsData, EnergyMWh: &mwh}, d.now)
	moved := int64(0)
	switch held := before.Counting.Held; {
	case s.Ended == profile.EndedMoved:
		moved = d.reg.Device - before.Device - s.CountedMWh
	case s.Ended == profile.EndedOpen, s.Ended == profile.EndedReturned && held.Kind == profile.HeldJump && d.restarted: // the device forgot it
		moved = max(held.First-before.Device, 0)
	}
	if !s.Moot.IsZero() { // the register counts it itself
		d.waiting -= d.left
		d.left = 0
	}
	moved = min(moved, max(d.used-d.charged()-d.waiting, 0)) // what was not used is the register of another device
	d.waiting += moved
	if s.Ended == profile.EndedOpen { // a person finds it in the quarantine
		d.reg.Counting.Left = id.ID{15: 1}
		d.left = moved
	}
	d.note("%s %d → +%d %s%s", what, mwh, s.CountedMWh, s.Held, s.Why)
}

func (d *plug) sayStarted() {
	d.reg, _ = d.p.Take(d.reg, profile.Meaning{Kind: profile.IsStarted}, d.now)
	d.note("says that it started")
}

// shown is the value that the device sends.
func (d *plug) shown() int64 { return d.register - d.register%d.resolution }

// sendGood delivers the true value in its turn, up to three seconds after it was measured.
func (d *plug) sendGood() {
	first := len(d.goods) == 0
	d.deliver("good", d.shown())
	if first {
		d.used = 0
		d.begin = d.reg.MWh
	}
	d.wrongs = 0
	d.young = max(d.young-1, 0)
	d.countGood()
	d.goods = append(d.goods, good{d.now, d.shown(), d.used, d.run <= 1})
	if len(d.goods) > 40 {
		d.goods = d.goods[20:]
	}
}

// countGood counts the good values in a row, and how often they have risen since the last restart or spell.
func (d *plug) countGood() {
	if d.run > 0 && d.now.Sub(d.runAt) < apart || d.now.Sub(d.wrongAt) < apart {
		return
	}
	d.run++
	d.runAt = d.now
	if d.rises == 0 || d.shown() > d.risen {
		d.rises++
		d.risen = d.shown()
	}
	if d.run >= 3 {
		d.endSpell()
	}
	if d.restarted && d.rises == 1 {
		d.endSilence()
	}
	if gap := time.Duration(d.p.Energy.MaxGap); d.restarted && d.run <= 3 && d.now.Sub(d.lastGood().at) > gap {
		d.silent = true
	}
	if d.restarted && d.run == 2 && d.shown()-d.lastGood().mwh > energyOf(d.p.Energy.MaxW, time.Minute) {
		d.disturbed = true // one of the first two values may be a wrong one
	}
	if d.run == 3 {
		d.threeAt = d.used
	}
	if d.restarted && d.run >= 3 && d.rises >= 3 {
		d.hideUse()
	}
}

// settled reports whether ten good values have followed the last fault. They must have risen three times if the register may have begun again,
// since a device that uses nothing says nothing about its register.
func (d *plug) settled() bool { return d.run >= 10 && d.rises >= 4 }

// confirmed is the newest good value that another one has followed in the same row, at least apart later. A larger rise waits for that one.
func (d *plug) confirmed() good {
	row := d.lastGood()
	for i := len(d.goods) - 1; i >= 0; i-- {
		if g := d.goods[i]; row.at.Sub(g.at) >= apart {
			return g
		}
		if d.goods[i].first && i > 0 {
			row = d.goods[i-1]
		}
	}
	return d.goods[0]
}

func (d *plug) lastGood() good { return d.goods[len(d.goods)-1] }

// span is a time that begins and ends again and again.
type span struct {
	open bool
	from time.Time
	over time.Duration // all such times that have ended
}

func (s *span) begin(at time.Time) {
	if !s.open {
		s.open, s.from = true, at
	}
}

func (s *span) end(at time.Time) {
	s.over = s.until(at)
	s.open = false
}

// until is the sum of all these times until now.
func (s *span) until(now time.Time) time.Duration {
	if s.open {
		return s.over + now.Sub(s.from)
	}
	return s.over
}

// beginSpell notes that more than a single wrong value arrives.
func (d *plug) beginSpell() {
	d.silent = true
	d.run = 0
	d.rises = 0
	d.wronged.begin(d.confirmed().at)
	d.unclear.begin(d.confirmed().at)
}

// endSpell ends a spell with the third good value: no rule can know sooner which values were the wrong ones.
func (d *plug) endSpell() {
	if d.other != nil {
		return
	}
	d.wronged.end(d.now)
	if d.rises >= 3 {
		d.unclear.end(d.now)
	}
}

// disturb ends the row of good values.
func (d *plug) disturb() {
	d.run = 0
	d.wrongAt = d.now
	d.disturbed = d.disturbed || d.restarted
	if d.restarted || d.unclear.open {
		d.rises = 0
	}
}

// sendWrong delivers a value that is not the device's register now. A second one before a good value begins a spell.
func (d *plug) sendWrong(what string, mwh int64) {
	d.disturb()
	if d.young > 0 { // the value may look like the register before the start
		d.young = 0
		d.forgotten += d.used - d.startedAt
	}
	d.wrongs++
	if d.wrongs > 1 {
		d.beginSpell()
	}
	d.deliver(what, mwh)
}

// wrongValue returns a value as a disturbed device or line may send.
func (d *plug) wrongValue() int64 {
	near := energyOf(d.p.Energy.MaxW, time.Minute)
	switch d.rng.IntN(7) {
	case 0, 1:
		return 0
	case 2:
		return d.goods[d.rng.IntN(len(d.goods))].mwh
	case 3:
		return d.rng.Int64N(d.register + 1)
	case 4:
		return d.register + d.rng.Int64N(near)
	case 5:
		since := d.now.Sub(d.lastGood().at)
		return d.register + d.rng.Int64N(energyOf(d.p.Energy.MaxW, since)+2*near)
	}
	return d.rng.Int64N(1 << 40)
}

// glitch delivers one wrong value. Sometimes the network brings it twice at once.
func (d *plug) glitch() {
	v := d.wrongValue()
	d.sendWrong("glitch", v)
	if d.rng.IntN(4) == 0 {
		d.now = d.now.Add(time.Duration(d.rng.IntN(4000)) * time.Millisecond)
		d.deliver("glitch again", v)
	}
}

// glitches delivers wrong values that follow each other: the same, rising, or any.
func (d *plug) glitches() {
	v := d.wrongValue()
	kind := d.rng.IntN(3)
	for range 2 + d.rng.IntN(5) {
		d.sendWrong("one of several glitches", v)
		d.pass(time.Duration(d.rng.IntN(60_000)) * time.Millisecond)
		switch kind {
		case 1:
			v += d.rng.Int64N(energyOf(d.p.Energy.MaxW, 30*time.Second))
		case 2:
			v = d.wrongValue()
		}
	}
}

// replay delivers the newest good values once more, at once or slowly.
func (d *plug) replay() {
	n := min(1+d.rng.IntN(8), len(d.goods))
	slow := d.rng.IntN(2) == 0
	for i, g := range d.goods[len(d.goods)-n:] {
		if slow && i > 0 {
			d.pass(time.Duration(d.rng.IntN(30_000)) * time.Millisecond)
		}
		if slow {
			d.sendWrong("repeated slowly", g.mwh)
			continue
		}
		d.disturb()
		d.deliver("repeated", g.mwh)
	}
}

// late lets a value arrive behind the next one.
func (d *plug) late() {
	v := d.shown()
	d.pass(time.Duration(1+d.rng.IntN(60)) * time.Second)
	d.sendGood()
	d.pass(time.Duration(d.rng.IntN(20)) * time.Second)
	d.sendWrong("late", v)
}

// restart takes the device's power for a time. It begins at 0, or where it saved its register.
func (d *plug) restart(off time.Duration) {
	d.noteRestart()
	if d.register = 0; d.keeps {
		d.register = d.saved
	}
	d.saved = d.register
	d.now = d.now.Add(off)
	if d.other != nil {
		d.other.now = d.now
	}
	d.note("restarted at %d after %v", d.register, off)
	if d.rng.IntN(2) == 0 {
		d.sayStarted()
	}
	d.pass(time.Duration(d.rng.IntN(40)) * time.Second)
}

// noteRestart works out what the restart hides: what was not sent before it, and what the register then shows a second time.
func (d *plug) noteRestart() {
	d.run = 0
	d.rises = 0
	top, sure := d.lastGood().mwh+d.resolution, d.confirmed().mwh
	if d.restarted {
		d.forgotten += d.used - d.startedAt
		top, sure = max(top, d.top), min(sure, d.sure)
	} else {
		d.forgotten += d.used - d.confirmed().used
	}
	d.top, d.sure = top, sure
	d.silent = d.unclear.open || d.restarted && d.silent
	next := int64(0)
	if d.keeps {
		next = d.saved
	}
	d.hides = max(top-next, 0)
	d.restarted = true
	d.startedAt = d.used
}

// hideUse ends the doubt about a restart when three good values in a row have risen. Up to then the use can hide below the value that was
// sent before the restart, if the register has reached that value again. If it lies below, the server knows the first value after the start,
// or all if the profile says rightly that the register begins at 0.
func (d *plug) hideUse() {
	d.restarted = false
	d.young = 10
	vague := d.silent || d.disturbed
	d.silent, d.disturbed = false, false
	since := d.used
	switch {
	case d.shown() >= d.sure:
	case d.p.Energy.Reset == profile.ResetZero && !d.keeps && !vague:
		return
	default:
		since = d.threeAt
	}
	d.forgotten += min(d.hides, since-d.startedAt)
}

// endSilence takes the first value after a restart. If the silence was longer than max_gap, nobody knows when the device began. A profile that
// says 0 for a device that keeps its register may count the old register once more, as far as max_w gives it in the silence or in a minute.
func (d *plug) endSilence() {
	gap := time.Duration(d.p.Energy.MaxGap)
	d.silent = d.silent || d.now.Sub(d.goods[max(0, len(d.goods)-3)].at) > gap
	if d.p.Energy.Reset == profile.ResetZero && d.keeps {
		since := time.Duration(0)
		if d.now.Sub(d.lastGood().at) <= gap {
			since = gap
		}
		d.repeated += min(d.shown(), energyOf(d.p.Energy.MaxW, since+time.Minute))
	}
}

// hidden is what the server cannot know of now.
func (d *plug) hidden() int64 {
	if d.restarted {
		return d.waiting + d.forgotten + d.used - d.startedAt
	}
	return d.waiting + d.forgotten
}

// visit lets a second device with a register of its own send to the listener for a time, between the device's own values or in their place.
func (d *plug) visit() {
	d.other = &plug{load: d.rng.Int64N(d.p.Energy.MaxW + 1), now: d.now}
	d.other.register = max(0, []int64{d.rng.Int64N(1000), d.register + d.rng.Int64N(400_000) - 200_000, d.rng.Int64N(1 << 32)}[d.rng.IntN(3)])
	d.beginSpell()
	share := 1 + d.rng.IntN(10)
	for range 2 + d.rng.IntN(30) {
		d.pass(time.Duration(d.rng.IntN(60_000)) * time.Millisecond)
		if d.rng.IntN(10) < share {
			d.disturb()
			d.deliver("other device", d.other.register)
			continue
		}
		d.sendGood()
	}
	d.other = nil
	d.run = 0
	d.rises = 0
}

// pause is the time between two messages.
func (d *plug) pause() time.Duration {
	switch d.rng.IntN(12) {
	case 0:
		return time.Duration(d.rng.IntN(900)) * time.Second
	case 1:
		return time.Duration(d.rng.IntN(5000)) * time.Millisecond
	}
	return time.Duration(5+d.rng.IntN(56)) * time.Second
}
