// Package ds1307 is the meter's clock: a driver for the DS1307 and compatible chips, and a virtual chip with the same
// registers, so that the same driver runs on a board and in a test.
//
// Start at [New] with a [Bus]: that of a Linux board, or a [Chip]. The chip keeps a calendar in BCD, with two digits
// for the year, on a battery. The chip's bit CH says that the oscillator stands still. The bit is set after the first
// power-up and after the battery was empty. The time then means nothing until somebody sets it.
package ds1307

import (
	"errors"
	"fmt"
	"time"
)

// Bus carries bytes to and from the registers of the chip (I²C address 0x68 on a board).
type Bus interface {
	// ReadRegisters fills b with consecutive registers; from is the first. The chip latches the time at the start of a read, so
	// the bytes of one call belong together.
	ReadRegisters(from byte, b []byte) error
	// WriteRegisters writes b to consecutive registers; from is the first.
	WriteRegisters(from byte, b []byte) error
}

// The registers.
const (
	regSeconds = 0
	// timeRegisters is how many registers hold the time.
	timeRegisters = 7
	// Registers is the total number of registers.
	Registers = 64
)

// Bits in the registers.
const (
	haltBit   = 0x80 // in the seconds register: the oscillator stands still
	twelveBit = 0x40 // in the hours register: twelve-hour form
	pmBit     = 0x20 // in the hours register in twelve-hour form: afternoon
)

// The years that two digits cover.
const (
	firstYear = 2000
	lastYear  = 2099
)

var (
	// ErrYear is returned for a year that two digits cannot express.
	ErrYear = errors.New("this clock keeps the years 2000 to 2099")
	// ErrRegisters is returned when the registers hold no time.
	ErrRegisters = errors.New("clock registers hold no time")
)

// Clock drives one chip.
type Clock struct {
	bus Bus
}

// New returns the driver of a chip.
func New(bus Bus) *Clock { return &Clock{bus: bus} }

// Read implements board.Clock. If the registers hold no valid time, the chip counts as stopped and Read returns an
// error.
func (c *Clock) Read() (at time.Time, running bool, err error) {
	var r [timeRegisters]byte
	if err := c.bus.ReadRegisters(regSeconds, r[:]); err != nil {
		return time.Time{}, false, fmt.Errorf("read clock: %w", err)
	}
	at, err = decode(r)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("read clock: %w", err)
	}
	return at, r[0]&haltBit == 0, nil
}

// Set implements board.Clock: it sets the time and starts the oscillator.
func (c *Clock) Set(at time.Time) error {
	r, err := encode(at)
	if err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	if err := c.bus.WriteRegisters(regSeconds, r[:]); err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	return nil
}

// passer is a chip whose time passes only on request.
type passer interface{ Pass(ms uint64) }

// Pass implements board.Clock.
func (c *Clock) Pass(ms uint64) {
	if p, virtual := c.bus.(passer); virtual {
		p.Pass(ms)
	}
}

// encode converts a time to register values, with the oscillator running, in 24-hour form.
func encode(at time.Time) (r [timeRegisters]byte, err error) {
	at = at.UTC()
	if y := at.Year(); y < firstYear || y > lastYear {
		return r, fmt.Errorf("%w, not %d", ErrYear, y)
	}
	// The chip counts weekdays from 1; nothing depends on which day that is.
	for i, v := range [...]int{at.Second(), at.Minute(), at.Hour(), int(at.Weekday()) + 1, at.Day(), int(at.Month()), at.Year() - firstYear} {
		r[i] = bcd(v)
	}
	return r, nil
}

// decode converts register values to a time.
func decode(r [timeRegisters]byte) (time.Time, error) {
	hour, sound := hourOf(r[2])
	var v [timeRegisters]int
	for i, b := range [...]byte{r[0] &^ haltBit, r[1], 0, r[3], r[4], r[5], r[6]} {
		n, is := number(b)
		v[i], sound = n, sound && is
	}
	at := time.Date(firstYear+v[6], time.Month(v[5]), v[4], hour, v[1], v[0], 0, time.UTC)
	// A value that does not convert back unchanged, such as 31 April, is not a date.
	if !sound || at.Second() != v[0] || at.Minute() != v[1] || at.Hour() != hour || at.Day() != v[4] || int(at.Month()) != v[5] {
		return time.Time{}, fmt.Errorf("%w: % x", ErrRegisters, r)
	}
	return at, nil
}

// hourOf reads the hours in 12-hour or 24-hour form.
func hourOf(b byte) (hour int, sound bool) {
	if b&twelveBit == 0 {
		return number(b)
	}
	h, is := number(b &^ (twelveBit | pmBit))
	if !is || h < 1 || h > 12 {
		return 0, false
	}
	h %= 12
	if b&pmBit != 0 {
		h += 12
	}
	return h, true
}

func bcd(v int) byte { return byte(v/10<<4 | v%10) }

func number(b byte) (int, bool) { return int(b>>4)*10 + int(b&15), b>>4 <= 9 && b&15 <= 9 }
