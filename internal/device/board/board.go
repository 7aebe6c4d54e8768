// Package board names the parts of a meter's board, each as a small interface: what the meter asks of a clock, a
// memory card, a relay, and no more. Package device works on a [Board]; the virtual parts stand in packages ds1307,
// card and virtual, those of a Linux board in package linux. A part that is missing from a Board is nil, and the meter
// does without it, or takes the virtual one where it cannot.
//
// No part keeps time of its own that a test could not drive: virtual parts stand still until Pass.
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
	// Wear is the memory's own account of its age, nil where nobody counts.
	Wear    Wear
	Buzzer  Buzzer
	Light   Light
	Display Display
	// Keypad is that of a live meter; nobody presses keys on a virtual one.
	Keypad Keypad
}

// Memory is what a meter's state, key and log lie in: a file, an EEPROM, a slice of bytes. It is not part of a Board,
// because a meter is opened with it.
type Memory = journal.Memory

// Clock is a calendar that runs on without mains.
type Clock interface {
	// Read returns the time. running is false when the clock has stood still since it was last set: the time then means
	// nothing.
	Read() (at time.Time, running bool, err error)
	// Set sets the time and starts the clock.
	Set(at time.Time) error
	// Pass lets time go by in a virtual clock; a real one needs no telling and ignores it.
	Pass(ms uint64)
}

// Pulses is the meter chip: it gives impulses for energy.
type Pulses interface {
	// Count lets ms milliseconds pass and returns the impulses that came in them. A real chip returns those that came
	// since the call before.
	Count(ms uint64) uint32
	// Next returns in how many milliseconds the n-th impulse from now comes, as far as the part can know; a real one
	// cannot and returns a long time.
	Next(n uint64) uint64
	// Constant sets the impulses per kWh.
	Constant(imp uint32)
	// Power is the present load, and Voltage the mains in millivolts, as the chip sees them.
	Power() unit.Power
	Voltage() int32
}

// Relay is the contact between the mains and the load. It latches: without power it stays where it is.
type Relay interface {
	// Move drives the coil. The contact follows; whether it did, Closed tells.
	Move(closed bool) error
	// Closed reads the contact back, from behind the relay.
	Closed() (bool, error)
}

// Switches are the tamper switches, and the latch behind them that a battery keeps while the mains is off.
type Switches interface {
	// Open returns the kinds that now read as tampered with.
	Open() meter.Tampers
	// Latched returns the kinds that were noticed while the mains was off, and forgets them.
	Latched() meter.Tampers
}

// Row is one line of the memory card: what a spreadsheet wants to know of a record.
type Row struct {
	Seq  uint64
	At   time.Time
	Kind string
	// Clock is "valid", "holdover" or "invalid".
	Clock string
	// Register and Balance are there in readings and day rows, otherwise they are 0 and Energy is false.
	Energy            bool
	Register, Balance unit.Energy
	Power             unit.Power
	// Record is the whole record as it is published, in JSON.
	Record string
}

// Card is the memory card. It is a copy: what is read from it is for the display only, nothing on it runs the meter, and no
// failure of it stops one.
type Card interface {
	// Last returns the sequence number of the newest good row on the card, 0 for none. An error says that there is no
	// card, or that it cannot be used.
	Last() (uint64, error)
	// Write appends rows, in order. After an error any number of them may be there; Last tells.
	Write(rows []Row) error
	// Months returns the months of which the card has a file, each by its first day, the newest first.
	Months() ([]time.Time, error)
	// Rows returns the good rows of one kind in the file of a month, in order, and how many of its lines are spoilt. A month
	// without a file has none.
	Rows(month time.Time, kind string) (rows []Row, spoilt int, err error)
}

// Wear counts the writes of a memory that wears out.
type Wear interface {
	// Worst returns the most writes that any page has seen, and how many it is made for.
	Worst() (writes, endurance uint32)
}

// Buzzer sounds.
type Buzzer interface {
	// Sound begins a pattern, which lasts until the next.
	Sound(p meter.Buzzer) error
}

// Light is the credit light.
type Light interface {
	// Show begins a pattern, which lasts until the next.
	Show(p meter.LED) error
}

// Display is the text display.
type Display interface {
	// Show replaces all lines.
	Show(lines []string) error
}

// Keypad gives keys.
type Keypad interface {
	// Keys are those that were pressed: 0 to 9, * and #, each once.
	Keys() <-chan byte
}
