// Package device is a virtual meter: it hosts the meter core as firmware would, with a memory, a clock, a chip that
// counts impulses, a contact, a keypad and a modem, all of them small parts of this package and its folders.
//
// Start at [Open], which brings up what the memory holds or begins a new meter. Then give it what happens: [Device.Keys],
// [Device.SMS], [Device.Deliver], [Device.Receive], [Device.SetLoad], [Device.Power], and let time pass with [Device.Advance]. What it has
// to tell its server lies in [Device.Box], for package link. [Device.Flush] makes durable what is not yet; what must not
// wait (an accepted token) never does. A Device belongs to one goroutine; only its outbox is shared.
//
// Time is virtual: it stands still unless Advance is called, and then it jumps from one moment at which something
// happens to the next, as fast as the machine can.
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

// firmware is the version this meter reports of itself.
const firmware = "paywatt-vmeter-1"

// protocol is the version of docs/reference/mqtt.md that it speaks.
const protocol = 1

// storeIDSize is the length of a store id in bytes.
const storeIDSize = 8

// Config is what a meter is made of.
type Config struct {
	// Number is the meter number, 11 or 13 digits.
	Number string
	// Keys is the key the meter is made with. A memory that already has one may be opened without, and so may a new meter in
	// wallet mode, which takes no tokens then.
	Keys *meter.Keys
	// Made is the time of manufacture of a new meter: it refuses tokens issued before. The zero time refuses none.
	Made time.Time
	// LinkKey authenticates the messages of the server; without one (HasLink false) they are all ignored.
	LinkKey wire.LinkKey
	HasLink bool
	// Phones are the registered numbers; the first is the customer's, to whom the meter writes unasked.
	Phones []string

	// Board are the parts; those that are nil are virtual. Drift is the error of a virtual clock's crystal in millionths.
	Board board.Board
	Drift int32
	// Endurance is how often a page of the memory can be written, memory.Endurance if 0.
	Endurance uint32

	// Image and Log are the memory, Found what the log held. They stay the caller's to close.
	Image journal.Memory
	Log   memory.Log
	Found memory.Found
	// Rand gives the name of a new memory.
	Rand io.Reader
	// Now is the calendar of a new meter; a memory has its own.
	Now time.Time
	// Keep is how many records the outbox holds, outbox.DefaultKeep if 0.
	Keep int
	// Display is the size of the display, Language that of a new meter until it is configured.
	Display  panel.Size
	Language meter.Language
	// Document is the configuration of a new meter until a server sends one, by the keys of meter.Settings with int64, bool,
	// string and []any for values; a language in it counts more than Language. nil for what nobody has configured.
	Document map[string]any
	// Setup is what the maker or the installer has set of the panel.
	Setup panel.Setup
	// Recorder records everything that happens; nil for none.
	Recorder *flight.Recorder
	// Effects is room for the effects of a step, nil for some of its own. Devices of one goroutine may share it: it holds
	// nothing between two calls.
	Effects []meter.Effect
	// Logger gets what a person may want to know; nil for none.
	Logger *slog.Logger
}

var (
	// ErrNumber is returned for a meter number that cannot be one, or is not that of the memory.
	ErrNumber = errors.New("meter number does not fit")
	// ErrKey is returned when the memory holds another key, or when a new meter is given none.
	ErrKey = errors.New("meter key does not fit")
	// ErrDocument is returned for a configuration that a meter refuses; it names the first bad key.
	ErrDocument = errors.New("configuration does not fit")
	// ErrBroken is returned once the memory can no longer be trusted: the device does nothing more and has to be opened
	// again from its memory.
	ErrBroken = errors.New("memory has failed")
)

// Device is one virtual meter.
type Device struct {
	c   Config
	log *slog.Logger

	// The core.
	config meter.Config
	state  meter.State
	keys   meter.Keys
	out    []meter.Effect
	after  []meter.Event
	// starting says that the log is replayed: nothing else may come in between.
	starting bool

	// The board.
	parts   parts
	clock   clock
	contact contact
	on      bool
	// offAt is the calendar when the mains went, in Unix milliseconds.
	offAt int64
	// open are the tamper switches as the core knows them, online the connection.
	open   meter.Tampers
	online bool
	card   cardCopy
	// wornReported says that a worn memory was told of, wornSaved the most writes that the log knows of.
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
	// rewrite says that the log must be written anew.
	rewrite bool
	// appended counts records that are not durable yet.
	appended int
	// losing says that the outbox is full of what no server has acknowledged, and that this was logged.
	losing bool
	broken error

	// The face and the modem.
	panel    panel.Panel
	gate     panel.Gate
	requests requests
	// next is the configuration whose record is under way, nextKeys the keys as they will be if the core takes a section.
	next     *nextConfig
	nextKeys *meter.Keys
	smsFrom  string
	// modem is nil for a meter without; under is the message of it that is carried out.
	modem Modem
	mail  mail
	under *underWay
	// masked is the token under way, as the history may show it.
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
	hash   string
}

// Open brings a meter up: from its memory, or new when that is blank. A journal that is damaged beyond guessing is an
// error (journal.ErrDamaged): which tokens were used is then unknown.
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

// unconfigured is the configuration of a new meter: what is printed on its case, and what the caller wants of it.
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
	if !d.c.Made.IsZero() {
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
	// The name first: a meter without one cannot exist, a name without a meter is given again.
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
	// The first start of all: a clean one, without the wait after a power cut.
	d.give(meter.Event{Kind: meter.EventPowerRestore, Reset: meter.ResetUpdate, NextSeq: s.Seq})
	d.announce()
	d.log.Info("new meter created", logkey.Meter, d.c.Number, logkey.Memory, d.boot.store)
	return d.Flush()
}

// anyKey is the key of a wallet meter to which nobody has given one: random, so that no token opens, and told to nobody.
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

// Box is what the meter has to tell its server.
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

// give lets the core take an event and carries out what it decides.
func (d *Device) give(ev meter.Event) {
	if d.broken != nil {
		return
	}
	d.step(ev)
	// What follows from a step comes after all of its effects.
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
		// One that is not urgent comes with the next Flush, which the host owes anyway.
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

// partFailed notes a part without which the meter goes on.
func (d *Device) partFailed(part string, err error) {
	if err != nil {
		d.log.Warn("part failed", logkey.Meter, d.c.Number, "part", part, logkey.Err, err)
	}
}

// clockAnswer sets the clock when the core has said so.
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

// fail notes that the memory cannot be trusted any more.
func (d *Device) fail(err error) {
	if err != nil && d.broken == nil {
		d.broken = fmt.Errorf("%w: %w", ErrBroken, err)
		d.log.Error("memory failed", logkey.Meter, d.c.Number, logkey.Err, err)
	}
}

// Err is why the device does nothing any more, nil while it works.
func (d *Device) Err() error { return d.broken }
