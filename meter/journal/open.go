package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// Open reads a memory. The errors are [ErrBlank], [ErrDamaged], and those of reading the memory.
func Open(mem Memory) (*Journal, Loaded, error) {
	r := reader{Journal: Journal{mem: mem}}
	if n, err := mem.ReadAt(r.image[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, Loaded{}, fmt.Errorf("journal: read %d bytes of memory: %w", n, err)
	}
	for _, part := range []func() error{r.readSnapshot, r.readLog, r.readConfig, r.readKeys} {
		if err := part(); err != nil {
			return nil, Loaded{}, fmt.Errorf("journal: %w", err)
		}
	}
	return &r.Journal, r.loaded, nil
}

// reader holds one running call of Open.
type reader struct {
	Journal
	image  [Size]byte
	loaded Loaded
}

// found is one readable place of a pair.
type found struct {
	version uint16
	slot    slot
	body    []byte
}

// pair returns the readable places of a pair, the newest first, and whether an unreadable place was ever written.
func (r *reader) pair(p place) (good []found, spoilt bool) {
	for i := range 2 {
		b := r.image[p.at+i*p.size:][:p.size]
		if h, ok := readHead(b, p.mark); ok {
			good = append(good, found{h.version, slot{generation: h.generation, index: i}, b[headSize:h.length]})
		} else {
			spoilt = spoilt || !blank(b)
		}
	}
	slices.SortFunc(good, func(a, b found) int { return cmp.Compare(b.slot.generation, a.slot.generation) })
	return good, spoilt
}

// readSnapshot takes the newest good snapshot.
func (r *reader) readSnapshot() error {
	good, spoilt := r.pair(snapshots())
	if spoilt {
		r.loaded.Damage |= meter.DamageSnapshot
	}
	for i, f := range good {
		snap, ok := r.decode(f)
		if !ok {
			r.loaded.Damage |= meter.DamageSnapshot
			continue
		}
		r.loaded.State = snap.state
		r.number, r.snapshot, r.frozen = snap.number, f.slot, snap.state.Frozen
		r.config.generation, r.keys.generation = snap.configGen, snap.keysGen
		r.newest, r.older = snap.state.Applied, snap.state.Applied
		if i+1 < len(good) {
			if other, ok := r.decode(good[i+1]); ok {
				r.older = other.state.Applied
				r.config.saves, r.keys.saves = both(snap.configGen, other.configGen), both(snap.keysGen, other.keysGen)
			}
		}
		return nil
	}
	// The first snapshot of a new meter goes to the first place, and the log is not written before both snapshots
	// exist.
	if blank(r.image[snapshotAt+snapshotSize:][:snapshotSize]) && blank(r.image[logAt:]) {
		return ErrBlank
	}
	return fmt.Errorf("%w: no readable snapshot", ErrDamaged)
}

// both returns 2 when both snapshots name the same generation, otherwise 0.
func both(a, b uint32) int {
	if a == b {
		return 2
	}
	return 0
}

// twins reports whether both places of a pair are readable and of one generation.
func twins(good []found) bool {
	return len(good) == 2 && good[0].slot.generation == good[1].slot.generation
}

// decode reads the body of a snapshot: all of it if its version is known, otherwise the prefix, for a frozen meter.
func (r *reader) decode(f found) (snapshot, bool) {
	var snap snapshot
	c := cursor{b: f.body}
	if f.version > snapshotVersion {
		snap.prefix(&c)
		snap.state.Frozen = true
	} else {
		snap.body(&c, f.version)
	}
	return snap, !c.short() && snap.sound()
}

// readLog collects the records the snapshot does not contain.
func (r *reader) readLog() error {
	if r.frozen {
		return nil
	}
	for i := range LogRecords {
		b := r.image[logAt+i*entrySize:][:entrySize]
		if blank(b) {
			continue
		}
		if !wholeEntry(b) {
			r.loaded.Damage |= meter.DamageLog
			continue
		}
		e := entry{}
		e.body(&cursor{b: b})
		if e.Seq <= r.newest {
			continue
		}
		if e.version == 0 || e.version > recordVersion || !e.Sound() {
			r.freeze()
			return nil
		}
		e.complete(r.loaded.State.Register)
		if e.Text != "" {
			e.Request = meter.Handle(e.Text)
		}
		if e.Kind == meter.RecordKeys {
			r.keys.take(e.generation)
		} else {
			r.config.take(e.generation)
		}
		r.loaded.Replay = append(r.loaded.Replay, e.Entry)
	}
	slices.SortFunc(r.loaded.Replay, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	r.last = r.newest + uint32(len(r.loaded.Replay))
	for i, e := range r.loaded.Replay {
		if want := r.newest + uint32(i) + 1; e.Seq != want {
			return fmt.Errorf("%w: log record %d is missing", ErrDamaged, want)
		}
	}
	return nil
}

// take puts in force the generation that a log record names, if that generation is newer.
func (s *slot) take(generation uint32) {
	if generation > s.generation {
		s.generation, s.saves = generation, 0
	}
}

// freeze freezes the meter. Its snapshot is readable, but a newer version has written the log or the keys.
func (r *reader) freeze() {
	r.frozen, r.loaded.State.Frozen, r.loaded.Replay = true, true, nil
}

// readConfig reads the configuration in force. If this configuration is unreadable, the meter uses the other copy, or
// the defaults, until the server sends the configuration again.
func (r *reader) readConfig() error {
	good, _ := r.pair(configs())
	r.loaded.Config = meter.DefaultConfig()
	r.loaded.Config.Number, r.loaded.Config.ImpPerKWh = r.number, r.loaded.State.Imp
	found := false
	for _, f := range good {
		c := meter.DefaultConfig()
		cur := cursor{b: f.body}
		configBody(&cur, &c, f.version)
		inForce := f.slot.generation == r.config.generation
		if f.version > configVersion || cur.short() || !c.Sound() || found && !inForce {
			continue
		}
		r.loaded.Config, r.config.index, found = c, f.slot.index, true
		r.config.twin = twins(good)
		if inForce {
			return nil
		}
	}
	r.loaded.Damage |= meter.DamageSnapshot
	return nil
}

// readKeys reads the keys in force. Without keys no token can be checked, so unreadable keys are an error.
func (r *reader) readKeys() error {
	good, _ := r.pair(keyring())
	for _, f := range good {
		if f.slot.generation != r.keys.generation {
			continue
		}
		if f.version > keysVersion {
			r.freeze()
		}
		var k keys
		cur := cursor{b: f.body}
		k.body(&cur, f.version)
		v, err := k.value()
		if (err != nil || cur.short()) && !r.frozen {
			return fmt.Errorf("%w: keys: %w", ErrDamaged, cmp.Or(err, io.ErrUnexpectedEOF))
		}
		r.keys.index, r.keys.twin, r.loaded.Keys = f.slot.index, twins(good), v
		r.upgrade(v.Info())
		return nil
	}
	if r.frozen {
		return nil
	}
	return fmt.Errorf("%w: no readable keys", ErrDamaged)
}

// upgrade adds the description of the key that a snapshot of version 1 lacks.
func (r *reader) upgrade(info meter.KeyInfo) {
	if key := &r.loaded.State.Key; key.EA == 0 {
		key.EA, key.Named, key.KRN, key.TI, key.SGC = info.EA, info.Named, info.KRN, info.TI, info.SGC
	}
}

// value returns the keys of a keys record.
func (k *keys) value() (meter.Keys, error) {
	if int(k.size) > len(k.key) {
		return meter.Keys{}, fmt.Errorf("key of %d bytes", k.size)
	}
	key, err := sts.NewKey(k.info.EA, k.key[:k.size])
	if err != nil {
		return meter.Keys{}, err
	}
	var pending sts.KeySections
	for i, revealed := range k.pending {
		if revealed == 0 {
			continue
		}
		s, ok := sts.NewKeySection(k.info.EA, revealed)
		if !ok || int(s.Number()) != i+1 || !pending.Add(s) {
			return meter.Keys{}, fmt.Errorf("section %d of a key change fits nowhere", i+1)
		}
	}
	var previous sts.Key
	if ea := sts.EA(k.previousEA); ea != 0 {
		if ea != sts.EA07 && ea != sts.EA11 {
			return meter.Keys{}, fmt.Errorf("previous key of algorithm %d", ea)
		}
		if previous, err = sts.NewKey(ea, k.previous[:ea.KeySize()]); err != nil {
			return meter.Keys{}, err
		}
	}
	return meter.RestoreKeys(key, k.info, pending, k.changes).After(previous), nil
}
