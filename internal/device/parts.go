package device

import (
	"fmt"
	"math"
	"time"

	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/ds1307"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/device/virtual"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// MaxLoad is the largest load a virtual board can have.
const MaxLoad = virtual.MaxLoad

// parts is the board. Each virtual part is also in a second field under its own type; that field is nil if the board has a
// real part.
type parts struct {
	board.Board
	chip     *virtual.Chip
	rtc      *ds1307.Chip
	switches *virtual.Switches
	worn     *memory.Worn
}

// assemble completes the caller's board with virtual parts in their stored state.
func (d *Device) assemble(m mark, closed bool) {
	p := parts{Board: d.c.Board, worn: d.parts.worn}
	if p.Relay == nil {
		p.Relay = virtual.NewRelay(closed)
	}
	if p.Pulses == nil {
		relay, is := p.Relay.(*virtual.Relay)
		if !is {
			relay = virtual.NewRelay(true) // reading a real relay for every impulse would be too slow
		}
		p.chip = virtual.NewChip(relay, d.config.ImpPerKWh, m.rem)
		p.Pulses = p.chip
	} else {
		p.chip, _ = p.Pulses.(*virtual.Chip)
	}
	if p.Clock == nil {
		p.rtc = ds1307.Restore(ds1307.Saved{At: m.at, Halted: m.halted})
		p.rtc.SetDrift(d.c.Drift)
		p.Clock = ds1307.New(p.rtc)
	}
	if p.Tamper == nil {
		p.switches = virtual.NewSwitches(m.tampers)
		p.Tamper = p.switches
	} else {
		p.switches, _ = p.Tamper.(*virtual.Switches)
	}
	if p.Wear == nil && p.worn != nil {
		p.Wear = p.worn
	}
	d.parts = p
	d.contact = contact{part: p.Relay, driven: closed, wanted: closed}
}

// mains tells the virtual parts whether the mains is on.
func (p *parts) mains(on bool) {
	if p.chip != nil {
		p.chip.Mains(on)
	}
	if p.switches != nil {
		p.switches.Mains(on)
	}
}

// clock holds the meter's two times: the time since boot, which only rises, and the calendar, which can be set. The
// calendar counts on its own. From time to time it follows the clock chip, which has a resolution of a second.
type clock struct {
	// up is the time since boot in milliseconds.
	up uint64
	// at is the calendar's time in Unix milliseconds.
	at      int64
	quality meter.Clock
	// setAt is when the chip was last set, in Unix milliseconds. followAt is when to read it again, in milliseconds since
	// boot.
	setAt    int64
	followAt uint64
	// failed says that a fault of the chip was reported.
	failed bool
}

// pass lets time go by.
func (c *clock) pass(ms uint64) { c.up, c.at = c.up+ms, c.at+int64(ms) }

// time returns the calendar's time.
func (c *clock) time() time.Time { return time.UnixMilli(c.at).UTC() }

const (
	// followEvery is how often the calendar follows the clock chip, in milliseconds.
	followEvery = uint64(time.Hour / time.Millisecond)
	// holdover is for how long a clock chip is fully trusted after it was last set. An ordinary crystal is then wrong by
	// ten minutes.
	holdover = 365 * 24 * time.Hour
)

// follow sets the calendar to the clock chip's time if the two differ by a second or more.
func (d *Device) follow() {
	d.clock.followAt = d.clock.up + followEvery
	at, running, err := d.parts.Clock.Read()
	switch {
	case err != nil || !running:
		d.clock.quality = meter.ClockInvalid
	case time.Duration(at.UnixMilli()-d.clock.setAt)*time.Millisecond > holdover:
		d.clock.quality = meter.ClockHoldover
	default:
		d.clock.quality = meter.ClockValid
	}
	if err != nil {
		d.clockFault(err)
		return
	}
	d.clock.failed = false
	// Below a second the calendar is more exact than the chip.
	if diff := at.UnixMilli() - d.clock.at; diff >= 1000 || diff <= -1000 {
		d.clock.at = at.UnixMilli()
	}
}

// clockFault reports once that the chip cannot be used.
func (d *Device) clockFault(err error) {
	if d.clock.failed {
		return
	}
	d.clock.failed = true
	d.log.Warn("clock chip failed", logkey.Meter, d.c.Number, logkey.Err, err)
	d.after = append(d.after, boardEvent(meter.CodeFault, int64(meter.PartClock), 0))
}

// setChip sets the clock chip and the calendar.
func (d *Device) setChip(at time.Time) error {
	if err := d.parts.Clock.Set(at); err != nil {
		return err
	}
	d.clock.at, d.clock.setAt = at.UnixMilli(), at.UnixMilli()
	d.clock.quality, d.clock.failed = meter.ClockValid, false
	return nil
}

// boardEvent makes an event that only the board can notice.
func boardEvent(code meter.Code, a, b int64) meter.Event {
	return meter.Event{Kind: meter.EventBoard, Code: code, A: a, B: b}
}

// The contact's times.
const (
	// contactRest is the minimum time between an operation and the next close (docs/reference/meter-rules.md#supply).
	contactRest = 5 * time.Second
	// readBack is how long after an operation the contact is read back.
	readBack = 200 * time.Millisecond
	// mendEvery is how often a contact is driven again if it has not moved.
	mendEvery = time.Minute
)

// contact drives the relay. It opens at once, but closes no sooner than contactRest after the previous operation.
// Afterwards it reads the contact back.
type contact struct {
	part board.Relay
	// driven is the position to which the coil was last driven, wanted the position that the meter has decided.
	driven, wanted bool
	moved          bool
	readyAt        uint64
	// checkAt is when the contact is read back, 0 for never. mismatch says that the contact was not in the driven
	// position.
	checkAt  uint64
	mismatch bool
	failed   bool
}

// want sets the position that the meter has decided at a time since boot, and reports whether the coil was driven.
func (r *contact) want(closed bool, up uint64) (moved bool, err error) {
	r.wanted = closed
	return r.settle(up)
}

// settle drives the contact to the wanted position if it may move now.
func (r *contact) settle(up uint64) (moved bool, err error) {
	if r.driven == r.wanted || (r.wanted && r.moved && up < r.readyAt) {
		return false, nil
	}
	r.driven, r.moved = r.wanted, true
	r.readyAt = up + uint64(contactRest/time.Millisecond)
	r.checkAt = up + uint64(readBack/time.Millisecond)
	return true, r.part.Move(r.driven)
}

// check reads the contact back when that is due. changed reports that a mismatch has begun or ended.
func (r *contact) check(up uint64) (changed bool, err error) {
	if r.checkAt == 0 || up < r.checkAt {
		return false, nil
	}
	r.checkAt = 0
	closed, err := r.part.Closed()
	if err != nil {
		return false, err
	}
	changed = r.mismatch != (closed != r.driven)
	r.mismatch = closed != r.driven
	if r.mismatch {
		r.checkAt = up + uint64(mendEvery/time.Millisecond)
		return changed, r.part.Move(r.driven)
	}
	return changed, nil
}

// due returns the time since boot at which the contact has something to do.
func (r *contact) due() uint64 {
	due := uint64(math.MaxUint64)
	if r.wanted && !r.driven {
		due = r.readyAt
	}
	if r.checkAt != 0 {
		due = min(due, r.checkAt)
	}
	return due
}

// restart begins a new boot: the time since boot starts at 0 again, so the contact need not rest any longer. It reads the
// contact's position.
func (r *contact) restart() {
	r.readyAt, r.moved, r.checkAt, r.failed = 0, false, 0, false
	if closed, err := r.part.Closed(); err == nil && !r.mismatch {
		r.driven = closed
	}
}

// relayFault reports once that the relay cannot be driven or read.
func (d *Device) relayFault(err error) {
	if err == nil || d.contact.failed {
		return
	}
	d.contact.failed = true
	d.log.Warn("relay failed", logkey.Meter, d.c.Number, logkey.Err, err)
	d.after = append(d.after, boardEvent(meter.CodeFault, int64(meter.PartRelay), 0))
}

// moveContact carries out the core's decision about the relay.
func (d *Device) moveContact(closed bool) {
	moved, err := d.contact.want(closed, d.clock.up)
	d.relayFault(err)
	if moved {
		d.after = append(d.after, d.sample())
	}
}

// tendContact drives the contact and reads it back, each when it is due.
func (d *Device) tendContact() {
	moved, err := d.contact.settle(d.clock.up)
	d.relayFault(err)
	changed, err := d.contact.check(d.clock.up)
	d.relayFault(err)
	if moved {
		d.give(d.sample())
	}
	if changed {
		wanted, matches := int64(0), int64(1)
		if d.contact.driven {
			wanted = 1
		}
		if d.contact.mismatch {
			matches = 0
			d.log.Warn("relay contact does not follow the relay", logkey.Meter, d.c.Number)
		}
		d.give(boardEvent(meter.CodeMismatch, wanted, matches))
	}
}

// sample returns the load as an event.
func (d *Device) sample() meter.Event {
	return meter.Event{Kind: meter.EventPower, Power: d.parts.Pulses.Power(), Voltage: d.parts.Pulses.Voltage()}
}

// SetLoad switches on a load behind a virtual meter, from 0 to MaxLoad.
func (d *Device) SetLoad(w unit.Power) error {
	if w < 0 || w > MaxLoad {
		return fmt.Errorf("%w: a load of %d W; 0 to %d can be switched on", ErrInput, int64(w), int64(MaxLoad))
	}
	if d.parts.chip == nil {
		return fmt.Errorf("%w: this board measures its load", ErrInput)
	}
	d.parts.chip.SetLoad(w)
	if d.on {
		d.give(d.sample())
	}
	return d.broken
}

// Load returns the load behind a virtual chip, whether or not supply is on. For a real chip it returns the measured
// power.
func (d *Device) Load() unit.Power {
	if d.parts.chip == nil {
		return d.parts.Pulses.Power()
	}
	return d.parts.chip.Load()
}

// Tamper opens or closes a tamper switch of a virtual board. Without mains only the battery-backed latch notices it.
func (d *Device) Tamper(kind meter.Tamper, open bool) error {
	if d.parts.switches == nil {
		return fmt.Errorf("%w: this board has switches of its own", ErrInput)
	}
	d.parts.switches.Set(kind, open)
	d.Switches()
	return d.broken
}

// Switches reads the tamper switches and tells the core what has changed. A board calls it after every change.
func (d *Device) Switches() {
	now := d.parts.Tamper.Open()
	if !d.on {
		return
	}
	for _, kind := range tamperKinds() {
		if now.Has(kind) != d.open.Has(kind) {
			d.give(meter.Event{Kind: meter.EventTamper, Tamper: kind, Active: now.Has(kind)})
		}
	}
	d.open = now
}

func tamperKinds() []meter.Tamper {
	return []meter.Tamper{
		meter.TamperCover, meter.TamperTerminal, meter.TamperMagnet, meter.TamperReverse, meter.TamperBypass, meter.TamperPhaseLoss,
	}
}

// SetClock sets the clock chip directly, as somebody who opens the case could do; years 2000 to 2099. Powered-on time
// is not affected.
func (d *Device) SetClock(t time.Time) error {
	if err := d.setChip(t); err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	d.tick()
	return d.broken
}

// StopClock stops the clock chip of a virtual board, as an empty battery does: the meter no longer knows the time.
func (d *Device) StopClock() error {
	if d.parts.rtc == nil {
		return fmt.Errorf("%w: the clock of this board cannot be stopped", ErrInput)
	}
	d.parts.rtc.Halt()
	d.follow()
	d.tick()
	return d.broken
}

// tick tells the core of a clock that has changed.
func (d *Device) tick() {
	if d.on {
		d.give(meter.Event{Kind: meter.EventWake})
	}
}

// Online tells the core that the connection to the server has begun or ended.
func (d *Device) Online(on bool) error {
	if d.on && d.online != on {
		d.online = on
		d.give(meter.Event{Kind: meter.EventComms, Active: on})
	}
	return d.broken
}
