package ds1307

import "time"

// Chip is a virtual DS1307. It counts the time of its crystal, which runs a little fast or slow, and runs on without
// mains while its battery lasts. It belongs to one goroutine.
type Chip struct {
	// at is the time in Unix milliseconds. rest is the part of the crystal's error below a millisecond, in millionths of a
	// millisecond.
	at, rest int64
	halted   bool
	drift    int32
	// ram are the registers behind the time.
	ram [Registers - timeRegisters]byte
}

// Saved is what the chip's battery preserves, so a virtual meter must store it in a file.
type Saved struct {
	// At is the time in Unix milliseconds. Rest is the crystal's error below a millisecond, in millionths of a
	// millisecond.
	At, Rest int64
	// Halted says that the oscillator stands still.
	Halted bool
}

// NewChip returns a chip in its factory state after the first power-up: 1 January 2000, not running.
func NewChip() *Chip {
	return &Chip{at: time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), halted: true}
}

// Restore returns a chip with this saved state.
func Restore(s Saved) *Chip { return &Chip{at: s.At, rest: s.Rest, halted: s.Halted} }

// Saved returns the state that the battery preserves.
func (c *Chip) Saved() Saved { return Saved{At: c.at, Rest: c.rest, Halted: c.halted} }

// maxDrift bounds the error of a crystal in millionths, far beyond any crystal that runs at all.
const maxDrift = 100_000

// SetDrift makes the crystal fast (above 0) or slow by this many millionths. An ordinary crystal is off by 20.
func (c *Chip) SetDrift(ppm int32) { c.drift = max(-maxDrift, min(maxDrift, ppm)) }

// Halt stops the oscillator, as an empty battery does.
func (c *Chip) Halt() { c.halted = true }

// Pass lets time go by.
func (c *Chip) Pass(ms uint64) {
	if c.halted {
		return
	}
	c.at += int64(ms)
	if c.drift == 0 {
		return
	}
	c.rest += int64(ms) * int64(c.drift)
	c.at += c.rest / 1_000_000
	c.rest %= 1_000_000
}

// ReadRegisters implements Bus.
func (c *Chip) ReadRegisters(from byte, b []byte) error {
	now, err := encode(c.time())
	if err != nil {
		return err
	}
	if c.halted {
		now[0] |= haltBit
	}
	for i := range b {
		// Addresses wrap around after the last register.
		if at := (int(from) + i) % Registers; at < timeRegisters {
			b[i] = now[at]
		} else {
			b[i] = c.ram[at-timeRegisters]
		}
	}
	return nil
}

// time returns the calendar time. The two-digit year wraps around after a century.
func (c *Chip) time() time.Time {
	at := time.UnixMilli(c.at).UTC()
	if y := at.Year(); y < firstYear || y > lastYear {
		at = at.AddDate((firstYear+((y-firstYear)%100+100)%100)-y, 0, 0)
	}
	return at
}

// WriteRegisters implements Bus. Writing the seconds begins a new second.
func (c *Chip) WriteRegisters(from byte, b []byte) error {
	var now [timeRegisters]byte
	if err := c.ReadRegisters(regSeconds, now[:]); err != nil {
		return err
	}
	timed := false
	for i, v := range b {
		if at := (int(from) + i) % Registers; at < timeRegisters {
			now[at], timed = v, true
		} else {
			c.ram[at-timeRegisters] = v
		}
	}
	if !timed {
		return nil
	}
	at, err := decode(now)
	if err != nil {
		return err
	}
	c.at, c.rest, c.halted = at.UnixMilli(), 0, now[0]&haltBit != 0
	return nil
}
