// Package board defines the parts of a meter's board as small interfaces: what the meter needs of a clock, a memory
// card or a relay, and no more. Package device works on a [Board]. The virtual parts are in packages ds1307, card and
// virtual, those of a Linux board in package linux. A part that a Board lacks is nil; the meter then does without it,
// or uses a virtual one where it needs the part.
//
// A test controls the time of every part: virtual parts stand still until Pass is called.
package board

import (
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/unit"
)

// Board is the parts of one meter.
type Board struct {
	Clock  Clock
	Pulses Pulses
	Relay  Relay
	Tamper Switches
	Card   Card
	// Wear counts the writes to the memory; nil if the board does not count them.
	Wear    Wear
	Buzzer  Buzzer
	Light   Light
	Display Display
	// Keypad belongs to a live meter; a virtual one gets its keys from Device.Keys.
	Keypad Keypad
}

// Memory holds a meter's state, key and log: a file, an EEPROM or a slice of bytes. It is not part of a Board, because
// a meter is opened with it.
type Memory = journal.Memory

// Clock is a calendar that runs on without mains.
type Clock interface {
	// Read returns the time. running is false if the clock has stood still since it was last set: the time then means
	// nothing.
	Read() (at time.Time, running bool, err error)
	// Set sets the time and starts the clock.
	Set(at time.Time) error
	// Pass lets time go by in a virtual clock. A real clock ignores it.
	Pass(ms uint64)
}

// Pulses is the metering chip, which gives impulses for energy.
type Pulses interface {
	// Count lets ms milliseconds pass and returns the impulses of that time. A real chip returns those since the previous
	// call.
	Count(ms uint64) uint32
	// Next returns in how many milliseconds the n-th impulse from now comes. A real chip cannot know the future and returns a
	// long time.
	Next(n uint64) uint64
	// Constant sets the impulses per kWh.
	Constant(imp uint32)
	// Power returns the present load, and Voltage the mains in millivolts, as the chip measures them.
	Power() unit.Power
	Voltage() int32
}

// Relay is the contact between the mains and the load. It latches: without power it stays where it is.
type Relay interface {
	// Move drives the coil. Closed tells whether the contact followed.
	Move(closed bool) error
	// Closed reads the position of the contact from behind the relay.
	Closed() (bool, error)
}

// Switches are the tamper switches, with the battery-backed latch that watches them while the mains is off.
type Switches interface {
	// Open returns the kinds of tampering that are present now.
	Open() meter.Tampers
	// Latched returns the kinds that were noticed while the mains was off, and clears them.
	Latched() meter.Tampers
}

// Row is one line of the memory card: the fields of a record that a spreadsheet needs.
type Row struct {
	Seq  uint64
	At   time.Time
	Kind string
	// Clock is "valid", "holdover" or "invalid".
	Clock string
	// Register and Balance are set in readings and day rows. In other rows Register and Balance are 0 and Energy is false.
	Energy            bool
	Register, Balance unit.Energy
	Power             unit.Power
	// Record is the whole record as it is published, in JSON.
	Record string
}

// Card is the memory card. It is only a copy: the meter shows the contents on its display, but they never control the
// meter. A failure of the card never stops the meter.
type Card interface {
	// Last returns the sequence number of the newest good row on the card, 0 for none. It returns an error if there is no
	// card or the card cannot be used.
	Last() (uint64, error)
	// Write appends rows, in order. After an error any number of them may have been written; call Last to find out.
	Write(rows []Row) error
	// Months returns the first day of each month that has a file on the card, newest first.
	Months() ([]time.Time, error)
	// Rows returns the good rows of one kind in the file of a month, in order, and the number of spoilt lines in it. A
	// month without a file has no rows.
	Rows(month time.Time, kind string) (rows []Row, spoilt int, err error)
}

// Wear counts the writes of a memory that wears out.
type Wear interface {
	// Worst returns the highest number of writes to any page, and how many writes a page should survive.
	Worst() (writes, endurance uint32)
}

// Buzzer is the buzzer.
type Buzzer interface {
	// Sound begins a pattern, which lasts until the next one.
	Sound(p meter.Buzzer) error
}

// Light is the credit light.
type Light interface {
	// Show begins a pattern, which lasts until the next one.
	Show(p meter.LED) error
}

// Display is the text display.
type Display interface {
	// Show replaces all lines.
	Show(lines []string) error
}

// Keypad is the keypad.
type Keypad interface {
	// Keys returns a channel of the keys that are pressed: 0 to 9, * and #, once for each press.
	Keys() <-chan byte
}
