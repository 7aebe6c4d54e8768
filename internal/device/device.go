// Package device is a virtual meter. It hosts the meter core as firmware would, with a memory, a clock, a chip that
// counts impulses, a relay, a keypad and a modem. These are small parts in this package and its folders.
//
// Start at [Open], which restores a meter from its memory or begins a new one. Then pass on what happens:
// [Device.Keys], [Device.SMS], [Device.Deliver], [Device.Receive], [Device.SetLoad], [Device.Power], and let time pass
// with [Device.Advance]. The records for its server are in [Device.Box], for package link. [Device.Flush] makes pending
// changes durable; what must not wait, such as an accepted token, is durable at once. A Device belongs to one
// goroutine; only its outbox is shared.
//
// Time is virtual: it stands still until Advance is called, and then jumps from one event to the next as fast as the
// machine can.
package device

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/flight"
	"github.com/paywatt/paywatt/internal/device/history"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

// firmware is the firmware version that this meter reports.
const firmware = "paywatt-vmeter-1"

// protocol is the version of docs/reference/mqtt.md that this meter speaks.
const protocol = 1

// storeIDSize is the length of a memory's identifier in bytes.
const storeIDSize = 8

// Config is what a meter is made of.
type Config struct {
	// Number is the meter number, 11 or 13 digits.
	Number string
	// Keys is the key with which the meter was made. It may be nil for a memory that already holds a key, and for a new
	// meter in wallet mode, which then accepts no tokens.
	Keys *meter.Keys
	// Made is the time of manufacture of a new meter: it refuses tokens issued earlier. With the zero time it refuses no
	// tokens.
	Made time.Time
	// LinkKey authenticates the messages of the server. Without one (HasLink false) the meter ignores all of them.
	LinkKey wire.LinkKey
	HasLink bool
	// Phones are the registered numbers. The first is the customer's; the meter sends its notices to it.
	Phones []string

	// Board holds the parts; a part that is nil is virtual. Drift is the error of a virtual clock's crystal in
	// millionths.
	Board board.Board
	Drift int32
	// Endurance is how often a page of the memory can be written; 0 means memory.Endurance.
	Endurance uint32

	// Image and Log are the memory; the caller closes them. Found is the result of opening the log.
	Image journal.Memory
	Log   memory.Log
	Found memory.Found
	// Rand is the source of the name of a new memory.
	Rand io.Reader
	// Now is the calendar time of a new meter; an existing memory has its own.
	Now time.Time
	// Keep is how many records the outbox holds; 0 means outbox.DefaultKeep.
	Keep int
	// Display is the size of the display. Language is the language of a new meter until it is configured.
	Display  panel.Size
	Language meter.Language
	// Document is the configuration of a new meter until a server sends one. It has the keys of meter.Settings and values
	// of type int64, bool, string and []any. A language in it overrides Language. It may be nil.
	Document map[string]any
	// Setup holds what the maker or the installer has set on the panel.
	Setup panel.Setup
	// Recorder records everything that happens; nil for none.
	Recorder *flight.Recorder
	// Effects is a buffer for the effects of a step; nil to allocate one. Devices of one goroutine may share it, because
	// it holds nothing between two calls.
	Effects []meter.Effect
	// Logger gets what an operator may want to know; nil for none.
	Logger *slog.Logger
}

var (
	// ErrNumber is returned for an invalid meter number, or one that differs from the memory's.
	ErrNumber = errors.New("meter number does not fit")
	// ErrKey is returned if the memory holds another key, or if a new meter has none.
	ErrKey = errors.New("meter key does not fit")
	// ErrDocument is returned for a configuration that a meter refuses; it names the first bad key.
	ErrDocument = errors.New("configuration does not fit")
	// ErrBroken is returned once the memory can no longer be trusted. The device then does nothing more and must be opened
	// again from its memory.
	ErrBroken = errors.New("memory has failed")
)

// Device is one virtual meter.
type Device struct {
	c   Config
	log *slog.Logger

	// The core.
	config meter.Config
	texts  meter.Texts // of the configuration in force
	state  meter.State
	keys   meter.Keys
	out    []meter.Effect
	after  []meter.Event
	// starting says that the log is being replayed: no other event may be handled meanwhile.
	starting bool

	// The board.
	parts   parts
	clock   clock
	contact contact
	on      bool
	// offAt is the calendar time at which the mains failed, in Unix milliseconds.
	offAt int64
	// open and online are the tamper switches and the connection as the core last saw them.
	open   meter.Tampers
	online bool
	card   cardCopy
	// wornReported says that a worn memory was reported. wornSaved is the highest number of writes in the log.
	wornReported bool
	wornSaved    uint32

	// The memory.
	journal *journal.Journal
	box     *outbox.Box
	boot    bootInfo
	mark    mark
	rings   history.Rings
	// saved is the state in the newest snapshot.
	saved meter.State
	// rewrite says that the log must be rewritten.
	rewrite bool
	// appended counts records that are not durable yet.
	appended int
	// losing says that the outbox is full of unacknowledged records, and that this was logged.
	losing bool
	broken error

	// The face and the modem.
	panel    panel.Panel
	gate     panel.Gate
	requests requests
	// next is the configuration whose record is being written, nextKeys the keys that take effect if the core accepts a
	// section.
	next     *nextConfig
	bad      badKey
	nextKeys *meter.Keys
	smsFrom  string
	// modem is nil for a meter without one.
	modem Modem
	mail  smsState
	under *underWay // the modem's message that is being handled; nil if there is none
	// masked is the token being handled, masked for the history.
	masked    string
	smsOut    []SMS
	lastToken string
}

// SMS is a message the meter has sent.
type SMS struct {
	To   string `json:"to"`
	Text string `json:"text"`
}

// nextConfig is a configuration that is not in force yet.
type nextConfig struct {
	config meter.Config
	texts  meter.Texts
	hash   string
}

// Open restores a meter from its memory, or creates one if the memory is blank. A journal damaged beyond recovery is an
// error (journal.ErrDamaged), because it is then unknown which tokens were used.
func Open(c Config) (*Device, error) {
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	if cap(c.Effects) < meter.MaxEffects {
		c.Effects = make([]meter.Effect, 0, meter.MaxEffects)
	}
	d := &Device{c: c, log: c.Logger, out: c.Effects[:0]}
	d.wear()
	if err := d.recall(); err != nil {
		return nil, fmt.Errorf("open meter %s: %w", c.Number, err)
	}
	return d, nil
}

// face returns the part of a configuration that is printed on the case.
func face(number string) (meter.Config, error) {
	if _, err := sts.ParseNumber(number); err != nil {
		return meter.Config{}, fmt.Errorf("%w: %w", ErrNumber, err)
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return meter.Config{}, fmt.Errorf("%w: %w", ErrNumber, err)
	}
	long := len(number) == 13
	digits := 2
	if long {
		digits = 4
	}
	code, err := strconv.ParseUint(number[:digits], 10, 16)
	if err != nil {
		return meter.Config{}, fmt.Errorf("%w: %w", ErrNumber, err)
	}
	m := meter.DefaultConfig()
	m.Number, m.MfrCode, m.LongNumber = n, uint16(code), long
	return m, nil
}

// unconfigured returns the configuration of a new meter, from the data printed on its case and the caller's Document.
func (d *Device) unconfigured(printed meter.Config) (meter.Config, error) {
	c, bad := meter.NewConfig(printed, 0, d.c.Document)
	if bad != "" {
		return meter.Config{}, fmt.Errorf("%w: %s", ErrDocument, bad)
	}
	if _, says := d.c.Document["language"]; !says {
		c.Language = d.c.Language
	}
	return c, nil
}

// create begins a new meter in a blank memory.
func (d *Device) create(c meter.Config) error {
	keys := d.c.Keys
	if keys == nil && c.Wallet {
		k, err := d.anyKey()
		if err != nil {
			return err
		}
		keys = &k
	}
	if keys == nil {
		return fmt.Errorf("%w: a new meter needs one", ErrKey)
	}
	facts := keys.Info()
	var made sts.TID
	if d.c.Keys != nil && !d.c.Made.IsZero() { // no token fits a key that the meter made for itself, so there are no older ones to refuse
		t, err := facts.Base.TIDAt(d.c.Made)
		if err != nil {
			return fmt.Errorf("time of manufacture: %w", err)
		}
		made = max(t, 1) - 1
	}
	id := make([]byte, storeIDSize)
	if _, err := io.ReadFull(d.c.Rand, id); err != nil {
		return fmt.Errorf("name the memory: %w", err)
	}
	d.boot = bootInfo{store: hex.EncodeToString(id)}
	now := d.c.Now.Truncate(time.Second)
	d.config = c
	d.assemble(mark{at: now.UnixMilli(), halted: true}, false)
	if err := d.setChip(now); err != nil {
		return fmt.Errorf("set the clock of a new meter: %w", err)
	}
	d.mark = d.marks()
	d.mark.on = true
	d.box = outbox.New(1, d.c.Keep)
	// Write the name first: a meter must never exist without a name, and a name without a meter is replaced at the next
	// start.
	if err := d.c.Log.Replace(d.frames()); err != nil {
		return err
	}
	s := meter.New(facts, &c, made)
	j, err := journal.Create(d.c.Image, &s, &c, keys)
	if err != nil {
		return err
	}
	d.journal, d.state, d.keys = j, s, *keys
	d.start()
	// The very first start is a clean one, without the wait after a power cut.
	d.give(meter.Event{Kind: meter.EventPowerRestore, Reset: meter.ResetUpdate, NextSeq: s.Seq})
	d.announce()
	d.log.Info("new meter created", logkey.Meter, d.c.Number, logkey.Memory, d.boot.store)
	return d.Flush()
}

// anyKey makes a key for a wallet meter that was given none. It is random and never disclosed, so no token opens.
func (d *Device) anyKey() (meter.Keys, error) {
	b := make([]byte, sts.EA07.KeySize())
	if _, err := io.ReadFull(d.c.Rand, b); err != nil {
		return meter.Keys{}, fmt.Errorf("make a key for a meter without tokens: %w", err)
	}
	k, err := sts.NewKey(sts.EA07, b)
	if err != nil {
		return meter.Keys{}, fmt.Errorf("make a key for a meter without tokens: %w", err)
	}
	return meter.NewKeys(k, meter.KeyInfo{}), nil
}

// start sets the board to the state of the core at the beginning of a boot.
func (d *Device) start() {
	d.on = true
	d.clock.up = 0
	d.parts.mains(true)
	d.follow()
	d.panel, d.gate = panel.Panel{Size: d.c.Display}, d.mail.gate()
	d.parts.Pulses.Constant(d.config.ImpPerKWh)
	d.contact.restart()
	d.requests = requests{}
	d.open, d.online, d.card = 0, false, cardCopy{}
	d.state.Power, d.state.Voltage = d.parts.Pulses.Power(), d.parts.Pulses.Voltage()
	if d.c.Recorder != nil {
		d.c.Recorder.Boot(&d.config, &d.state)
	}
}

// Box returns the outbox: the records for the server.
func (d *Device) Box() *outbox.Box { return d.box }

// Number is the meter number.
func (d *Device) Number() string { return d.c.Number }

// Now is the meter's calendar.
func (d *Device) Now() time.Time { return d.clock.time() }

// On reports whether the meter has mains.
func (d *Device) On() bool { return d.on }

// Unflushed is how many records are not durable yet.
func (d *Device) Unflushed() int { return d.appended }

// Wallet reports whether the meter is in wallet mode.
func (d *Device) Wallet() bool { return d.state.Wallet() }

// State returns a copy of the core's state.
func (d *Device) State() meter.State { return d.state }

// give passes an event to the core and carries out its effects.
func (d *Device) give(ev meter.Event) {
	if d.broken != nil {
		return
	}
	d.step(ev)
	// Events that follow from a step come after all of its effects.
	for len(d.after) > 0 && d.broken == nil && !d.starting {
		next := d.after[0]
		d.after = d.after[1:]
		d.step(next)
	}
}

func (d *Device) step(ev meter.Event) {
	if d.clock.up >= d.clock.followAt {
		d.follow()
	}
	ev.Up, ev.Clock = d.clock.up, d.clock.quality
	ev.At, ev.Ms = d.clock.at/1000, uint16(d.clock.at%1000)
	if d.c.Recorder != nil {
		d.c.Recorder.Event(&ev)
	}
	d.out = meter.Step(&d.config, &d.state, ev, d.out[:0])
	for i := range d.out {
		d.do(&d.out[i])
	}
}

// do carries out one effect.
func (d *Device) do(e *meter.Effect) {
	switch e.Kind {
	case meter.EffectPersist:
		d.persist(e.Record)
	case meter.EffectPublish:
		d.remember(e)
		d.mailReport(&e.Report)
		d.publish(&e.Report)
	case meter.EffectAppend:
		d.addRows(e.Row, e.Days)
	case meter.EffectClear:
		d.clear()
		d.panel.Notice(d.look(), e)
	case meter.EffectCheckpoint:
		// A checkpoint that is not urgent comes with the next Flush, which the host calls anyway.
		if e.Urgent {
			d.fail(d.Flush())
		}
	case meter.EffectRelay:
		d.moveContact(e.Close)
	case meter.EffectClock:
		d.clockAnswer(e)
		d.panel.Notice(d.look(), e)
	case meter.EffectResult:
		d.lastToken = e.Result.Code.String()
		d.panel.Notice(d.look(), e)
		if e.Result.Source == meter.SMS {
			d.tellToken(e.Result)
		}
	case meter.EffectEmergency:
		d.panel.Notice(d.look(), e)
		d.answerEmergency(e)
	case meter.EffectSMS:
		d.panel.Notice(d.look(), e)
		d.notify(e.SMS, e.Balance)
	case meter.EffectLED:
		if l := d.parts.Light; l != nil {
			d.partFailed("light", l.Show(e.LED))
		}
	case meter.EffectBuzzer:
		if b := d.parts.Buzzer; b != nil {
			d.partFailed("buzzer", b.Sound(e.Buzzer))
		}
	}
}

// partFailed logs the failure of a part that the meter can do without.
func (d *Device) partFailed(part string, err error) {
	if err != nil {
		d.log.Warn("part failed", logkey.Meter, d.c.Number, "part", part, logkey.Err, err)
	}
}

// clockAnswer sets the clock if the core has accepted the new time.
func (d *Device) clockAnswer(e *meter.Effect) {
	if e.Clock != meter.ClockDone {
		return
	}
	if err := d.setChip(time.Unix(e.At, 0)); err != nil {
		d.clockFault(err)
		return
	}
	d.after = append(d.after, meter.Event{Kind: meter.EventWake})
}

// fail records that the memory can no longer be trusted.
func (d *Device) fail(err error) {
	if err != nil && d.broken == nil {
		d.broken = fmt.Errorf("%w: %w", ErrBroken, err)
		d.log.Error("memory failed", logkey.Meter, d.c.Number, logkey.Err, err)
	}
}

// Err returns why the device has stopped, nil while it works.
func (d *Device) Err() error { return d.broken }
