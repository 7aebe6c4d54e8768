package journal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
)

// changing is a meter whose key changes again and again.
type changing struct {
	t   *testing.T
	mem *chip
	j   *journal.Journal
	s   meter.State
	c   meter.Config
	k   meter.Keys
	n   byte
}

func newChanging(t *testing.T) *changing {
	t.Helper()
	m := &changing{t: t, mem: &chip{}}
	m.s, m.c, m.k = example(t)
	var err error
	if m.j, err = journal.Create(m.mem, &m.s, &m.c, &m.k); err != nil {
		t.Fatal(err)
	}
	return m
}

// set makes the tokens of the next key change.
func (m *changing) set() []string {
	m.t.Helper()
	m.n++
	next, err := sts.NewKey(sts.EA11, append([]byte("fedcba987654321"), m.n))
	if err != nil {
		m.t.Fatal(err)
	}
	tokens, err := sts.EncodeKeyChange(m.k.Reveal(), sts.KeyChange{
		Key: next, KEN: 255, KRN: m.n%9 + 1, KT: sts.DUTK, TI: fmt.Sprintf("%02d", m.n%100), SGC: "654321",
	})
	if err != nil {
		m.t.Fatal(err)
	}
	var digits []string
	for _, t := range tokens {
		digits = append(digits, t.Reveal())
	}
	return digits
}

// enter takes a section.
func (m *changing) enter(digits string) {
	m.t.Helper()
	change, keys := m.k.Take(&m.s, digits)
	e := journal.Entry{Record: meter.Record{
		Seq: m.s.Applied + 1, Kind: meter.RecordKeys, Source: meter.Keypad, Result: change.Result, Class: 2, SubClass: 3,
		Sections: change.Sections, Rollover: change.Rollover, Key: change.Key,
	}}
	if err := m.j.AppendKeys(&m.s, e, &keys); err != nil {
		m.t.Fatal(err)
	}
	m.k = keys
	apply(&m.c, &m.s, e)
}

// check starts from a memory and compares keys and state.
func (m *changing) check(mem journal.Memory, what string) {
	m.t.Helper()
	got, l, err := replayed(m.t, mem)
	if err != nil || !same(&got, &m.s) || got.Key != m.s.Key || got.Sections != m.s.Sections {
		m.t.Fatalf("%s: %v, key %+v, sections %b, want %+v, %b", what, err, got.Key, got.Sections, m.s.Key, m.s.Sections)
	}
	if l.Keys != m.k || l.Keys.Info() != got.Key {
		m.t.Fatalf("%s: keys of %+v with a state of %+v", what, l.Keys.Info(), got.Key)
	}
}

// Keys change fifty times, through a log of 16 records, with snapshots and credit now and then. At each point the
// memory gives back matching keys and state, also when the newest snapshot has gone bad.
func TestKeysAndStateStayTogether(t *testing.T) {
	m := newChanging(t)
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 5))
	for range 50 {
		for _, digits := range m.set() {
			m.enter(digits)
			if rnd.IntN(9) == 0 {
				if err := m.j.Save(&m.s); err != nil {
					t.Fatal(err)
				}
			}
			for _, rot := range []int{-1, 0x020, 0x420} {
				bad := *m.mem
				if rot >= 0 {
					bad.b[rot] ^= 1
				}
				m.check(&bad, fmt.Sprintf("record %d, rot %#x", m.s.Applied, rot))
			}
		}
		e := accept(&m.s, sts.TID(7_000_000+int(m.s.Applied)), "")
		if err := m.j.Append(&m.s, e); err != nil {
			t.Fatal(err)
		}
		apply(&m.c, &m.s, e)
		var err error
		if m.j, _, err = journal.Open(m.mem); err != nil {
			t.Fatal(err)
		}
	}
	if m.k.Changes() != 50 {
		t.Errorf("%d changes, want 50", m.k.Changes())
	}
}

// Keys written without their record are not in force. Keys that a failed record leaves behind are not in force
// either.
func TestKeysComeWithTheirRecord(t *testing.T) {
	m := newChanging(t)
	set := m.set()
	for _, digits := range set[:3] {
		m.enter(digits)
	}
	before := *m.mem
	old := *m
	m.enter(set[3])
	m.check(m.mem, "with the record")
	part := *m.mem
	copy(part.b[0xb00:], before.b[0xb00:])
	old.check(&part, "without the record")
	old.mem, old.j = &before, nil
	j, _, err := journal.Open(&before)
	if err != nil {
		t.Fatal(err)
	}
	change, keys := old.k.Take(&old.s, set[3])
	e := journal.Entry{Record: meter.Record{
		Seq: old.s.Applied + 1, Kind: meter.RecordKeys, Source: meter.Keypad, Result: change.Result, Key: change.Key,
	}}
	for name, fail := range map[string]func(*chip){
		"the first write fails": func(c *chip) { c.failWrites = 1 }, "the first sync fails": func(c *chip) { c.failSyncs = 1 },
	} {
		fail(&before)
		if err := j.AppendKeys(&old.s, e, &keys); !errors.Is(err, journal.ErrNotWritten) {
			t.Errorf("%s: %v, want ErrNotWritten", name, err)
		}
		old.check(&before, name)
	}
	if err := j.Append(&old.s, e); !errors.Is(err, journal.ErrNotWritten) {
		t.Errorf("a key change without keys: %v, want ErrNotWritten", err)
	}
	if err := j.AppendKeys(&old.s, accept(&old.s, 7_000_000, ""), &keys); !errors.Is(err, journal.ErrNotWritten) {
		t.Errorf("keys with a token: %v, want ErrNotWritten", err)
	}
	if err := j.AppendKeys(&old.s, e, &keys); err != nil {
		t.Fatal(err)
	}
	m.check(&before, "written in the end")
}

// A changed bit in the keys in force makes Open fail; in the other copy it changes nothing.
func TestNoByteOfTheKeysMayLie(t *testing.T) {
	m := newChanging(t)
	for _, digits := range m.set()[:2] {
		m.enter(digits)
	}
	refused := 0
	for i := 0xa00; i < 0xb00; i++ {
		for bit := range 8 {
			bad := *m.mem
			bad.b[i] ^= 1 << bit
			if _, _, err := journal.Open(&bad); errors.Is(err, journal.ErrDamaged) {
				refused++
				continue
			}
			m.check(&bad, fmt.Sprintf("byte %#x", i))
		}
	}
	if want := 8 * (16 + 80); refused != want {
		t.Errorf("%d changed bits are refused, want the %d of the keys in force", refused, want)
	}
}

func TestKeysOfANewerFormatFreeze(t *testing.T) {
	m := newChanging(t)
	journal.SetVersion(m.mem.b[0xa00:0xa80], 9)
	j, l, err := journal.Open(m.mem)
	if err != nil || !l.State.Frozen || len(l.Replay) != 0 {
		t.Fatalf("%v, frozen %t", err, l.State.Frozen)
	}
	_, keys := m.k.Take(&m.s, m.set()[0])
	e := journal.Entry{Record: meter.Record{Seq: m.s.Applied + 1, Kind: meter.RecordKeys}}
	before := *m.mem
	if err := j.AppendKeys(&m.s, e, &keys); !errors.Is(err, journal.ErrNotWritten) || *m.mem != before {
		t.Errorf("a frozen memory is written to: %v", err)
	}
}
