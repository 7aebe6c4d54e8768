// Package face holds what all user interfaces of a virtual meter share: the rules by which its time passes and its
// state becomes durable, and the words for its visible state. The interfaces themselves are packages panelweb (a web
// page) and terminal.
//
// Start at [New]. A [Driver] belongs to the goroutine of its device.
package face

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/unit"
)

// Net is the meter's connection, as far as a face needs it.
type Net interface {
	Messages() <-chan link.Message
	Status() link.Status
	Power(on bool)
}

// Times of a face, in real time.
const (
	// Tick is how often time passes for the meter.
	Tick = 100 * time.Millisecond
	// maxTick is the most time that one tick counts. If the machine slept for longer, the rest is not counted.
	maxTick = 5 * time.Second
	// saveEvery is how often the meter's clock is made durable when nothing else happens.
	saveEvery = 5 * time.Second
)

// maxSent is how many of the meter's messages a face shows.
const maxSent = 10

// Speeds returns the factors by which the meter's time can run faster than the machine's; 0 stops it.
func Speeds() []int { return []int{0, 1, 60, 600} }

// Driver is a device driven by a face.
type Driver struct {
	dev   *device.Device
	net   Net
	log   *slog.Logger
	speed int
	// before is when the meter's time was last advanced; saved is when its clock was last made durable.
	before, saved time.Time
	sent          []device.SMS
}

// New returns the meter of a face, running at the machine's speed from now on. net is nil for a meter without a server.
func New(dev *device.Device, net Net, log *slog.Logger, now time.Time) *Driver {
	return &Driver{dev: dev, net: net, log: log, speed: 1, before: now, saved: now}
}

// Messages returns the messages of the server; nil for a meter without one.
func (m *Driver) Messages() <-chan link.Message {
	if m.net == nil {
		return nil
	}
	return m.net.Messages()
}

// Pass advances the meter by the machine's elapsed time, times the speed. An error comes from the memory and is
// permanent.
func (m *Driver) Pass(now time.Time) error {
	passed := min(now.Sub(m.before), maxTick)
	m.before = now
	if err := m.dev.Advance(passed*time.Duration(m.speed), nil); err != nil {
		return err
	}
	if m.dev.Unflushed() == 0 && now.Sub(m.saved) < saveEvery {
		return nil
	}
	m.saved = now
	return m.Save()
}

// Speed returns how many times faster the meter's time runs than the machine's; 0 means that it stands still.
func (m *Driver) Speed() int { return m.speed }

// SetSpeed sets how many times faster the meter's time runs than the machine's. The factor must be one of Speeds.
func (m *Driver) SetSpeed(times int) error {
	if !slices.Contains(Speeds(), times) {
		return fmt.Errorf("%w: a speed of 0, 1, 60 or 600", device.ErrInput)
	}
	m.speed = times
	return nil
}

// SetLoad switches on a load, given as text in watts.
func (m *Driver) SetLoad(text string) error {
	w, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return fmt.Errorf("%w: a load in whole watts", device.ErrInput)
	}
	return m.dev.SetLoad(unit.Power(w))
}

// Do runs f on the device and makes its effects durable before anybody sees them.
func (m *Driver) Do(f func() error) error { return errors.Join(f(), m.Save()) }

// Receive handles a message of the server.
func (m *Driver) Receive(msg link.Message) error {
	err := m.Do(func() error { return m.dev.Receive(msg.Down, msg.Topic, msg.Payload) })
	if errors.Is(err, device.ErrOff) {
		return nil // without mains nobody receives the message
	}
	return err
}

// Tasks returns the tasks of the meter's modem; nil for a meter without one.
func (m *Driver) Tasks() <-chan device.Task { return m.dev.Tasks() }

// Task runs a task of the modem.
func (m *Driver) Task(t device.Task) error { return m.Do(func() error { return t(m.dev) }) }

// Power switches the mains, and the modem with it.
func (m *Driver) Power(on bool) error {
	if m.net != nil && !on {
		m.net.Power(false)
	}
	if err := m.dev.Power(on); err != nil {
		return err
	}
	if m.net != nil && on {
		m.net.Power(true)
	}
	return nil
}

// Modem switches the modem off, as if there were no network, or on again.
func (m *Driver) Modem(on bool) error {
	if m.net == nil {
		return fmt.Errorf("%w: this meter is offline and has no modem", device.ErrInput)
	}
	if on && !m.dev.On() {
		return fmt.Errorf("%w: the modem is dead", device.ErrOff)
	}
	m.net.Power(on)
	return nil
}

// Save makes the meter's state durable. It logs an error that may be temporary, such as a full disk, and returns only
// device.ErrBroken.
func (m *Driver) Save() error {
	err := m.dev.Flush()
	if err != nil && !errors.Is(err, device.ErrBroken) {
		m.log.Warn("not durable yet", logkey.Meter, m.dev.Number(), logkey.Err, err)
		return nil
	}
	return err
}
