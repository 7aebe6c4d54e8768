package journal

import "github.com/paywatt/paywatt/meter"

// The memory, 4 KiB, as it fits the EEPROM of an ATmega2560. docs/reference/meter-memory.md is its reference; a firmware
// in another language must read and write the same bytes.
const (
	// Size of the whole memory in bytes.
	Size = 4096

	snapshotAt   = 0x000 // two places
	snapshotSize = 0x400
	configAt     = 0x800 // two places
	configSize   = 0x100
	keysAt       = 0xa00 // two places
	keysSize     = 0x080
	logAt        = 0xb00
	// LogRecords is how many records the log holds before it begins again.
	LogRecords = 16
	entrySize  = 80
	entryCRC   = entrySize - 4

	// Every place but a log record begins with a header of 16 bytes.
	headSize = 16

	// version of the bodies this package writes.
	version = 1
)

// The marks that begin a place, as text in memory.
const (
	snapshotMark = "PWMS"
	configMark   = "PWMC"
	keysMark     = "PWMK"
)

// place is a pair of places of the same kind, written in turn: the older is overwritten, so a torn write leaves the
// newer.
type place struct {
	mark string
	at   int
	size int
}

func snapshots() place { return place{snapshotMark, snapshotAt, snapshotSize} }
func configs() place   { return place{configMark, configAt, configSize} }
func keyring() place   { return place{keysMark, keysAt, keysSize} }

// Layout returns the field tables of the four bodies: snapshot, config, keys and log record.
func Layout() map[string][]Field {
	list := func(body func(*cursor)) []Field {
		c := cursor{b: make([]byte, snapshotSize), list: true}
		body(&c)
		return c.fields
	}
	var (
		s snapshot
		k keys
		e entry
	)
	return map[string][]Field{
		"snapshot": list(s.body),
		"config":   list(func(c *cursor) { configBody(c, new(meter.Config)) }),
		"keys":     list(k.body),
		"record":   list(e.body),
	}
}
