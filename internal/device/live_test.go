package device_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/ds1307"
	"github.com/paywatt/paywatt/internal/device/linux"
	"github.com/paywatt/paywatt/sts"
)

// gpio is a fake GPIO chip: outputs keep their values, and the test sets inputs and sends edges.
type gpio struct {
	mu     sync.Mutex
	next   int
	values map[int]uint64
	events map[int]*io.PipeWriter
	reads  map[int]*io.PipeReader
	flags  map[int]uint64
}

const chip = 3

func newGPIO() *gpio {
	return &gpio{next: 100, values: map[int]uint64{}, events: map[int]*io.PipeWriter{}, reads: map[int]*io.PipeReader{}, flags: map[int]uint64{}}
}

func (g *gpio) Open(string) (int, error) { return chip, nil }
func (g *gpio) Close(int) error          { return nil }

func (g *gpio) File(fd int) io.ReadCloser {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reads[fd]
}

func (g *gpio) Ioctl(fd int, _ uint, arg []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case fd == chip:
		g.next++
		g.reads[g.next], g.events[g.next] = io.Pipe()
		g.flags[g.next] = binary.NativeEndian.Uint64(arg[288:])
		binary.NativeEndian.PutUint32(arg[588:], uint32(g.next))
	case g.flags[fd]&(1<<3) != 0: // an output
		bits, mask := binary.NativeEndian.Uint64(arg), binary.NativeEndian.Uint64(arg[8:])
		g.values[fd] = g.values[fd]&^mask | bits&mask
	default:
		binary.NativeEndian.PutUint64(arg, g.values[fd])
	}
	return nil
}

// lit reports whether an output is on.
func (g *gpio) lit(fd int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.values[fd]&1 != 0
}

// latching is a relay on two coils. After each pulse it moves the contact, as the magnet would.
type latching struct {
	*linux.Contact
	g     *gpio
	sense int
}

func (l *latching) Move(closed bool) error {
	err := l.Contact.Move(closed)
	l.g.mu.Lock()
	defer l.g.mu.Unlock()
	l.g.values[l.sense] = 0
	if closed {
		l.g.values[l.sense] = 1
	}
	return err
}

// lcd stores what a display shows.
type lcd struct {
	mu    sync.Mutex
	lines string
}

func (l *lcd) Show(lines []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = strings.Join(lines, "\n")
	return nil
}

func (l *lcd) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}

// pad is a keypad on which the test presses keys.
type pad chan byte

func (p pad) Keys() <-chan byte { return p }

// liveMeter is a meter on lines of a GPIO chip.
type liveMeter struct {
	g      *gpio
	screen *lcd
	keys   pad
	do     chan func(*device.Device) error

	hardware *linux.Hardware
	contact  *linux.Contact
	end      func() error
}

// The descriptors of the lines, in the order in which they are requested.
const (
	fdPulses = 101
	fdSense  = 103
	fdLight  = 104
	fdTamper = 105
)

func startLive(t *testing.T) *liveMeter {
	t.Helper()
	m := &liveMeter{g: newGPIO(), screen: &lcd{}, keys: make(pad), do: make(chan func(*device.Device) error)}
	text, err := os.ReadFile("../../examples/raspberry-pi.toml")
	must(t, err)
	file, err := linux.ParseFile(string(text))
	must(t, err)
	file.Keypad, file.Buzzer = nil, nil // the test presses the keys itself
	m.hardware, err = linux.Open(m.g, file)
	must(t, err)
	c := config(t, newMedium())
	c.Board = m.hardware.Board
	c.Board.Clock, c.Board.Display, c.Board.Keypad = ds1307.New(ds1307.NewChip()), m.screen, m.keys
	m.contact = c.Board.Relay.(*linux.Contact)
	c.Board.Relay = &latching{m.contact, m.g, fdSense}
	d, err := device.Open(c)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- device.Live(ctx, d, device.Inputs{Pulses: m.hardware.Pulses(), Switches: m.hardware.Switches(), Do: m.do})
	}()
	m.end = func() error {
		cancel()
		return errors.Join(<-ended, m.hardware.Close())
	}
	return m
}

// look returns the meter's view, read on its goroutine.
func (m *liveMeter) look() (v device.View) {
	seen := make(chan struct{})
	m.do <- func(d *device.Device) error { v = d.View(); close(seen); return nil }
	<-seen
	return v
}

// impulse sends the n-th edge of the metering chip.
func (m *liveMeter) impulse(n uint32) error { return m.edge(fdPulses, n) }

// edge sends the n-th rising edge of a line.
func (m *liveMeter) edge(fd int, n uint32) error {
	b := make([]byte, 48)
	binary.NativeEndian.PutUint64(b, uint64(time.Duration(n)*time.Second))
	binary.NativeEndian.PutUint32(b[8:], 1)
	binary.NativeEndian.PutUint32(b[20:], n)
	_, err := m.g.events[fd].Write(b)
	return err
}

// TestALinuxBoardStandsInForTheVirtualOne runs a whole meter on the lines of a fake GPIO chip, in real time. Impulses
// come as edges, coils drive the relay, which is read back, and keys come from a keypad.
func TestALinuxBoardStandsInForTheVirtualOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := startLive(t)
		for _, key := range []byte(digits(t, 5_871_715, 1) + "#") { // 100 Wh
			m.keys <- key
		}
		if v := m.look(); v.LastToken != "accept" || v.Relay != "closed" || v.BalanceWh != 100 {
			t.Fatalf("a token by the keypad: %+v", v)
		}
		time.Sleep(10 * time.Second)
		if !strings.Contains(m.screen.text(), "0.10") {
			t.Errorf("the display shows %q, want the credit of 0.10 kWh", m.screen.text())
		}
		for i := range uint32(100) { // an impulse a second: 3600 W
			time.Sleep(time.Second)
			must(t, m.impulse(i+1))
		}
		synctest.Wait()
		v := m.look()
		if v.RegisterWh != 100 || v.BalanceWh != 0 || v.Relay != "open" || m.hardware.Board.Pulses.Power() != 3600 {
			t.Errorf("after 100 impulses: register %d, credit %d, relay %s, %d W; want 100, 0, open, 3600", v.RegisterWh, v.BalanceWh, v.Relay, m.hardware.Board.Pulses.Power())
		}
		if closed, err := m.contact.Closed(); err != nil || closed {
			t.Errorf("the contact is closed %v, %v", closed, err)
		}
		on := 0
		for range 40 {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if m.g.lit(fdLight) {
				on++
			}
		}
		if on < 10 || on > 30 {
			t.Errorf("the light was on in %d of 40 looks, want it to flash", on)
		}
		m.g.mu.Lock()
		m.g.values[fdTamper] = 1 // the cover
		m.g.mu.Unlock()
		must(t, m.edge(fdTamper, 1))
		time.Sleep(time.Second)
		if v := m.look(); !slices.Contains(v.Reasons, "TAMPER") {
			t.Errorf("with the cover open: reasons %v, want TAMPER", v.Reasons)
		}
		refused := make(chan error, 1)
		m.do <- func(d *device.Device) error { refused <- d.SetLoad(500); return nil }
		if err := <-refused; !errors.Is(err, device.ErrInput) {
			t.Errorf("a load on a board that measures: %v", err)
		}
		must(t, m.end())
	})
}

// TestALiveMeterMeasuresItsLoad checks that a meter with a real chip measures its load from the impulses.
func TestALiveMeterMeasuresItsLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := startLive(t)
		limit, err := sts.EncodeTenths(1000) // W
		must(t, err)
		token, err := sts.EncodeManagement(testKey(t), sts.Management{SubClass: sts.ManageMaxPower, TID: 5_871_716, Value: uint16(limit)})
		must(t, err)
		for _, key := range []byte(digits(t, 5_871_715, 100) + "#" + token.Reveal() + "#") {
			m.keys <- key
		}
		time.Sleep(10 * time.Second) // until the contact may move again
		for i := range uint32(2) {
			time.Sleep(time.Second)
			must(t, m.impulse(i+1))
		}
		synctest.Wait()
		if v := m.look(); v.Relay != "closed" {
			t.Errorf("at the second impulse: relay %s, reasons %v; want closed", v.Relay, v.Reasons)
		}
		time.Sleep(2 * time.Second)
		if v := m.look(); v.Relay != "open" || len(v.Reasons) != 1 || v.Reasons[0] != "OVERLOAD" {
			t.Errorf("3600 W for a second above 1000 W: relay %s, reasons %v; want open, OVERLOAD", v.Relay, v.Reasons)
		}
		time.Sleep(3 * time.Minute)
		if v := m.look(); v.Relay != "closed" {
			t.Errorf("three minutes later without a load: relay %s, reasons %v; want closed", v.Relay, v.Reasons)
		}
		must(t, m.end())
	})
}
