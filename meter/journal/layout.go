package journal

import "github.com/paywatt/paywatt/meter"

// The memory has 4 KiB, the size of the EEPROM of an ATmega2560. docs/reference/meter-memory.md is its reference; a
// firmware in another language must read and write the same bytes.
const (
	// Size is the size of the whole memory in bytes.
	Size = 4096

	snapshotAt   = 0x000 // two places
	snapshotSize = 0x400
	configAt     = 0x800 // two places
	configSize   = 0x100
	keysAt       = 0xa00 // two places
	keysSize     = 0x080
	logAt        = 0xb00
	// LogRecords is the number of records that the log holds before it begins again at its first place.
	LogRecords = 16
	entrySize  = 80
	entryCRC   = entrySize - 4

	// Every place but a log record begins with a header of 16 bytes.
	headSize = 16

	// The versions of the bodies that this package writes. It reads these and all earlier ones, from 1.
	snapshotVersion = 4
	configVersion   = 3
	keysVersion     = 3
	// recordVersion is the version of log records: 2 added the kind RecordKeys; 3 added RecordTamper, RecordEmergency
	// and the register; 4 added leases and refused commands.
	recordVersion = 4
)

// The marks that begin a place, as text in memory.
const (
	snapshotMark = "PWMS"
	configMark   = "PWMC"
	keysMark     = "PWMK"
)

// place is where the two copies of one kind of part are stored. Each write replaces the older copy, so a torn write
// leaves the newer one.
type place struct {
	mark    string
	at      int
	size    int
	version uint16
}

func snapshots() place { return place{snapshotMark, snapshotAt, snapshotSize, snapshotVersion} }
func configs() place   { return place{configMark, configAt, configSize, configVersion} }
func keyring() place   { return place{keysMark, keysAt, keysSize, keysVersion} }

// Layout returns the field tables of the bodies in their newest version: snapshot, config, keys, log record, and the log
// record of a key change.
func Layout() map[string][]Field {
	list := func(body func(*cursor)) []Field {
		c := cursor{b: make([]byte, snapshotSize), list: true, write: true}
		body(&c)
		return c.fields
	}
	var (
		s snapshot
		k keys
		e entry
	)
	e.version = recordVersion
	change := entry{version: recordVersion, Entry: Entry{Record: meter.Record{Kind: meter.RecordKeys}}}
	return map[string][]Field{
		"snapshot": list(func(c *cursor) { s.body(c, snapshotVersion) }),
		"config":   list(func(c *cursor) { configBody(c, new(meter.Config), configVersion) }),
		"keys":     list(func(c *cursor) { k.body(c, keysVersion) }),
		"record":   list(e.body),
		"change":   list(change.body),
	}
}
