// Package journal is the memory of a meter. It stores State, Config, Keys and the log in 4 KiB of non-volatile memory,
// and survives a power cut at any byte of any write.
//
// Start at [Create] for a new memory and [Open] for an existing one. The bytes are a public format, described field by
// field in docs/reference/meter-memory.md; another implementation must read and write the same.
//
// Two snapshots of the state are written alternately, each with a generation and a checksum. Between them a log takes
// the records that must not wait: accepted and wrong tokens, key changes, commands, configurations, the customer's
// switch. A record describes a change, such as credit to add, and never a new balance. [Open] returns the newest good
// snapshot and the records it does not contain yet, which the host gives to meter.Step as EventReplay. A complete
// record took effect; an incomplete one did not. A new configuration, or new keys, are written beside those in force
// and replace them atomically with their log record: the meter has either the old key or the new one, with the matching
// state.
//
// Every write is one WriteAt followed by Sync, so that a test can tear it at every byte. The package reads no clock,
// opens no file and remembers only what it could read back from the memory.
package journal

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// Memory is the non-volatile memory: a file, an EEPROM, a slice of bytes. Bytes beyond its end count as zero.
type Memory interface {
	io.ReaderAt
	io.WriterAt
	// Sync returns when everything written before is durable.
	Sync() error
}

var (
	// ErrBlank means that there is no meter in this memory yet: it is empty, or its creation was cut short.
	ErrBlank = errors.New("blank memory")
	// ErrDamaged means that there was a meter in this memory and the memory can no longer be trusted: both copies of a
	// part are unreadable, or log records are missing. The used tokens are then unknown, so the meter must not
	// continue.
	ErrDamaged = errors.New("damaged memory")
	// ErrNotWritten means that a record could not be made durable and is certainly not in the memory: give
	// EventPersisted without OK.
	ErrNotWritten = errors.New("record not written")
	// ErrUnknown means that it is unknown whether the record is in the memory. The host must restart from the memory.
	ErrUnknown = errors.New("outcome of the write unknown")
)

// Entry is a log record with the text of the id that the core knows only as a handle.
type Entry struct {
	meter.Record
	// Text is the id of the request or command, "" for none, at most meter.MaxRequest bytes.
	Text string
}

// Loaded is the contents of a memory.
type Loaded struct {
	// State is the newest good snapshot. It is Frozen when its format is newer than this package supports.
	State  meter.State
	Config meter.Config
	Keys   meter.Keys
	// Replay holds the log records that State does not contain, oldest first. Config and Keys already include the
	// changes of these records.
	Replay []Entry
	// Damage is the damage found in the memory, for EventPowerRestore.
	Damage meter.Damage
}

// Journal writes to one memory. No other Journal may write to that memory.
type Journal struct {
	mem Memory
	// number is the meter number, repeated in every snapshot.
	number uint64
	// snapshot, config and keys locate the newest part of each pair, which is in force.
	snapshot, config, keys slot
	// newest is the number of the newest record that the newest snapshot contains. older is that number for the other
	// snapshot.
	older, newest uint32
	// last is the number of the newest record that is in the log or in the newest snapshot.
	last uint32
	// frozen memories are never written to.
	frozen bool
	buf    [snapshotSize]byte
}

// slot locates the newest of a pair.
type slot struct {
	generation uint32
	index      int
	// saves is the number of snapshots, 0 to 2, that name this generation; twin means that the other place of the pair
	// holds a copy.
	saves int
	twin  bool
}

// Create writes a new meter into a memory that is blank.
func Create(mem Memory, s *meter.State, c *meter.Config, k *meter.Keys) (*Journal, error) {
	j := &Journal{mem: mem, number: c.Number, snapshot: slot{index: 1}, config: slot{index: 1}, keys: slot{index: 1}}
	// The snapshot goes last: without a snapshot, the other parts do not make a meter. Everything is written to both
	// places, with the same generation, so that no single bad byte destroys a meter.
	for range 2 {
		if err := j.saveKeys(k); err != nil {
			return nil, err
		}
		if err := j.saveConfig(c); err != nil {
			return nil, err
		}
		j.keys, j.config = slot{0, 0, 0, false}, slot{0, 0, 0, false}
	}
	j.keys, j.config = slot{1, 0, 0, true}, slot{1, 0, 0, true}
	// Write both places, so that from here on one unreadable snapshot means damage and not a creation that was cut
	// short.
	for range 2 {
		if err := j.Save(s); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// next returns the slot to write next.
func (s slot) next() slot { return slot{generation: s.generation + 1, index: 1 - s.index} }

// Save writes a snapshot. It does not contain a pending record, even if that record has already been appended.
func (j *Journal) Save(s *meter.State) error {
	if j.frozen {
		return nil
	}
	to := j.snapshot.next()
	snap := snapshot{number: j.number, configGen: j.config.generation, keysGen: j.keys.generation, state: *s}
	snap.state.On += snap.state.Up
	if err := j.write(snapshots(), to, func(c *cursor) { snap.body(c, snapshotVersion) }); err != nil {
		return fmt.Errorf("journal: save snapshot: %w", err)
	}
	j.snapshot = to
	j.older, j.newest, j.last = j.newest, s.Applied, max(j.last, s.Applied)
	for _, pair := range [...]struct {
		place
		*slot
	}{{configs(), &j.config}, {keyring(), &j.keys}} {
		if err := j.mirror(pair.place, pair.slot); err != nil {
			return fmt.Errorf("journal: second copy: %w", err)
		}
	}
	return nil
}

// mirror copies the part in force to the other place of its pair. It does so only when both snapshots name that part.
// The old contents of the other place are then no longer needed.
func (j *Journal) mirror(p place, s *slot) error {
	if s.saves = min(s.saves+1, 2); s.saves < 2 || s.twin {
		return nil
	}
	b := j.buf[:p.size]
	if _, err := j.mem.ReadAt(b, int64(p.at+s.index*p.size)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := j.put(b, p.at+(1-s.index)*p.size); err != nil {
		return err
	}
	s.twin = true
	return nil
}

func (j *Journal) saveKeys(k *meter.Keys) error {
	secret := k.Reveal()
	body := keys{info: k.Info(), size: uint8(secret.EA().KeySize()), changes: k.Changes()}
	copy(body.key[:], secret.Reveal())
	pending := k.Pending()
	for i := range body.pending {
		body.pending[i] = pending.Section(uint8(i) + 1).Reveal()
	}
	if old := k.Previous(); old != (sts.Key{}) {
		body.previousEA = uint8(old.EA())
		copy(body.previous[:], old.Reveal())
	}
	if err := j.write(keyring(), j.keys.next(), func(c *cursor) { body.body(c, keysVersion) }); err != nil {
		return fmt.Errorf("journal: save keys: %w", err)
	}
	return nil
}

func (j *Journal) saveConfig(c *meter.Config) error {
	if err := j.write(configs(), j.config.next(), func(cur *cursor) { configBody(cur, c, configVersion) }); err != nil {
		return fmt.Errorf("journal: save configuration: %w", err)
	}
	return nil
}

// write fills one place of a pair.
func (j *Journal) write(p place, to slot, body func(*cursor)) error {
	b := j.buf[:p.size]
	clear(b)
	c := cursor{b: b[headSize:], write: true}
	body(&c)
	n := headSize + c.off
	putHead(b[:n], p, to.generation)
	return j.put(b[:n], p.at+to.index*p.size)
}

func (j *Journal) put(b []byte, at int) error {
	if _, err := j.mem.WriteAt(b, int64(at)); err != nil {
		return err
	}
	return j.mem.Sync()
}

// Append makes a record durable. The parameter s is the meter's state before the record. Append saves it first if the
// log would otherwise overwrite a record that one of the snapshots needs. The errors are [ErrNotWritten] and
// [ErrUnknown].
func (j *Journal) Append(s *meter.State, e Entry) error {
	if e.Kind == meter.RecordKeys {
		return fmt.Errorf("%w: a key change without its keys", ErrNotWritten)
	}
	return j.append(s, e, j.config.generation)
}

// AppendConfig makes a configuration and its record durable together: after a power cut either both are in force, or
// neither is. The errors are those of Append.
func (j *Journal) AppendConfig(s *meter.State, e Entry, c *meter.Config) error {
	if err := j.writable(); err != nil {
		return err
	}
	if err := j.saveConfig(c); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritten, err)
	}
	to := j.config.next()
	if err := j.append(s, e, to.generation); err != nil {
		return err
	}
	j.config = to
	return nil
}

// AppendKeys makes keys and their record durable together: after a power cut the keys and the state are both old or
// both new. The errors are those of Append.
func (j *Journal) AppendKeys(s *meter.State, e Entry, k *meter.Keys) error {
	if e.Kind != meter.RecordKeys {
		return fmt.Errorf("%w: keys with a record of another kind", ErrNotWritten)
	}
	if err := j.writable(); err != nil {
		return err
	}
	if err := j.saveKeys(k); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritten, err)
	}
	to := j.keys.next()
	if err := j.append(s, e, to.generation); err != nil {
		return err
	}
	j.keys = to
	return nil
}

// writable returns an error for a frozen memory.
func (j *Journal) writable() error {
	if j.frozen {
		return fmt.Errorf("%w: unknown newer format", ErrNotWritten)
	}
	return nil
}

func (j *Journal) append(s *meter.State, e Entry, generation uint32) error {
	if err := j.writable(); err != nil {
		return err
	}
	if len(e.Text) > meter.MaxRequest || strings.IndexByte(e.Text, 0) >= 0 ||
		e.Text == "" && e.Request != 0 || e.Text != "" && e.Request != meter.Handle(e.Text) {
		return fmt.Errorf("%w: id %q is not that of the record", ErrNotWritten, e.Text)
	}
	// Both snapshots must contain the record that is overwritten, so that one of them may go bad. If the meter has
	// skipped the number of a lost record, it must have saved both snapshots since then. Otherwise a record would seem
	// to be missing from the log.
	for e.Seq > j.older+LogRecords || e.Seq != j.last+1 && j.older != s.Applied {
		if err := j.Save(s); err != nil {
			return fmt.Errorf("%w: %w", ErrNotWritten, err)
		}
	}
	b := j.buf[:entrySize]
	clear(b)
	rec := entry{Entry: e, generation: generation, version: recordVersion}
	c := cursor{b: b, write: true}
	rec.body(&c)
	sealEntry(b)
	at := entryAt(e.Seq)
	err := j.put(b, at)
	if err == nil {
		j.last = e.Seq
		return nil
	}
	clear(b)
	if again := j.put(b, at); again != nil {
		return fmt.Errorf("%w: %w", ErrUnknown, errors.Join(err, again))
	}
	return fmt.Errorf("%w: %w", ErrNotWritten, err)
}

func entryAt(seq uint32) int { return logAt + int(seq%LogRecords)*entrySize }
