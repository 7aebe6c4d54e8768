package journal_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

var update = flag.Bool("update", false, "write the golden memory of this version if there is none")

// chip is a memory of bytes that can be made to fail.
type chip struct {
	b          [journal.Size]byte
	failWrites int // the number of writes that fail
	failSyncs  int
	writes     int
}

var errChip = errors.New("chip fails")

func (c *chip) ReadAt(p []byte, at int64) (int, error) {
	if n := copy(p, c.b[at:]); n < len(p) {
		return n, io.EOF
	}
	return len(p), nil
}

func (c *chip) WriteAt(p []byte, at int64) (int, error) {
	c.writes++
	if c.failWrites > 0 {
		c.failWrites--
		return copy(c.b[at:], p[:len(p)/2]), errChip
	}
	return copy(c.b[at:], p), nil
}

func (c *chip) Sync() error {
	if c.failSyncs > 0 {
		c.failSyncs--
		return errChip
	}
	return nil
}

func example(t *testing.T) (meter.State, meter.Config, meter.Keys) {
	t.Helper()
	c := meter.DefaultConfig()
	c.Number, c.MfrCode, c.Version, c.TZMinutes = 4140001001, 4, 7, -180
	key, err := sts.NewKey(sts.EA11, []byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	k := meter.NewKeys(key, meter.KeyInfo{
		Base: sts.Base2014, Type: sts.DUTK, KEN: 255, Named: true, SGC: 123456, KRN: 1, TI: 7,
	})
	s := meter.New(k.Info(), &c, 6_000_000)
	return s, c, k
}

// vary fills a state with values that a meter could have.
func vary(rnd *rand.Rand, s *meter.State) {
	s.Register, s.Balance, s.ECUsed = unit.Energy(rnd.Int64N(1<<40)), unit.Energy(rnd.Int64N(1<<30)), int32(rnd.IntN(5000))
	if rnd.IntN(2) == 0 {
		s.Balance, s.Overrun = 0, unit.Energy(rnd.IntN(9000))
	}
	s.PulseRem, s.Imp = uint32(rnd.IntN(1600)), 1600
	s.Seq, s.Counter, s.Applied = 1+rnd.Uint64N(1<<50), rnd.Uint64N(1<<50), rnd.Uint32()
	s.Boots, s.Unclean, s.Saved = rnd.Uint32(), uint16(rnd.IntN(1<<16)), rnd.IntN(2) == 0
	s.On, s.Up, s.LastAt = rnd.Uint64N(1<<50), rnd.Uint64N(1<<40), uint32(min(rnd.Int64N(1<<40), math.MaxUint32))
	s.Reasons, s.Confirm = supply.Reasons(rnd.IntN(1<<9)), rnd.IntN(2) == 0
	s.Relay = supply.Relay(rnd.IntN(3))
	s.Low1 = supply.Crossing{Below: rnd.IntN(2) == 0, Fired: rnd.IntN(2) == 0}
	s.Low2 = supply.Crossing{Below: rnd.IntN(2) == 0, Fired: rnd.IntN(2) == 0}
	for range 60 {
		s.TIDs.Add(sts.TID(rnd.IntN(1 << 24)))
	}
	for i := range s.Guards {
		g := &s.Guards[i]
		var ages [10]uint16
		for j := range ages {
			ages[j] = uint16(rnd.IntN(1 << 16))
		}
		g.Keep(rnd.Uint32(), ages)
		g.Until, g.Row = rnd.Uint32(), uint8(rnd.IntN(256))
	}
	for i := range s.RingKeys {
		s.RingKeys[i], s.RingAnswers[i] = rnd.Uint64(), uint8(rnd.IntN(256))
	}
	rnd.IntN(meter.RingSize) // the result is unused; the draw keeps later values equal to the values in the stored memories
	varyKey(rnd, s)
}

// varyKey fills the fields that version 2 added.
func varyKey(rnd *rand.Rand, s *meter.State) {
	k := &s.Key
	k.Base, k.Type, k.KEN = sts.Base2035, sts.KeyType(rnd.IntN(4)), uint8(rnd.IntN(256))
	k.Named, k.KRN, k.TI, k.SGC = rnd.IntN(2) == 0, uint8(rnd.IntN(10)), uint8(rnd.IntN(100)), uint32(rnd.IntN(1_000_000))
	s.Sections, s.SectionsUntil, s.Limit = uint8(rnd.IntN(16)), rnd.Uint32(), unit.Power(rnd.Int32())
}

// vary3 fills the fields that version 3 added.
func vary3(rnd *rand.Rand, s *meter.State) {
	s.Export, s.Flags = rnd.Uint32(), meter.Flags(rnd.IntN(1<<6))&^meter.Volatile
	s.EC, s.Overload, s.TripAt = meter.EC(rnd.IntN(4)), meter.OverloadTripped, rnd.Uint32()
	for i := range s.TripGaps {
		s.TripGaps[i] = uint16(rnd.IntN(1 << 16))
	}
	s.Latched, s.Asserted, s.Waiting = meter.Tampers(rnd.IntN(64)), meter.Tampers(rnd.IntN(64)), meter.Tampers(rnd.IntN(64))
	s.Tampered, s.Clock, s.SetBy = uint16(rnd.IntN(1<<16)), meter.Clock(rnd.IntN(3)), meter.ClockSource(rnd.IntN(4))
	s.Moved, s.MovedAt, s.Closed = uint16(rnd.IntN(3601)), uint16(rnd.IntN(1<<16)), meter.Date(rnd.IntN(1<<16))
	s.Day = meter.Day{
		Used: rnd.Uint32(), Tokens: rnd.Uint32(), Min: -rnd.Int32(), Max: rnd.Int32(), Peak: unit.Power(rnd.Int32()),
		Off: uint16(rnd.IntN(43_200)), Date: meter.Date(rnd.IntN(1 << 16)), Events: uint16(rnd.IntN(1 << 16)),
		Clock: meter.Clock(rnd.IntN(3)),
	}
	s.Month = meter.Month{Used: rnd.Uint32(), Tokens: rnd.Uint32()}
	for i := range s.Week {
		s.Week[i] = uint16(rnd.IntN(1 << 16))
	}
}

// vary4 fills the fields that version 4 added.
func vary4(rnd *rand.Rand, s *meter.State) {
	if rnd.IntN(2) == 0 {
		s.Flags |= meter.FlagWallet
	}
	s.LeaseSeq, s.LeaseAt = rnd.Uint32(), rnd.Uint32()
}

// varied4 returns a configuration with values in the fields that configuration version 3 added.
func varied4(c meter.Config) meter.Config {
	c = varied(c)
	c.Wallet, c.LeaseGrace = true, 700
	return c
}

// varied returns a configuration with values in every field that version 2 added.
func varied(c meter.Config) meter.Config {
	doc := map[string]any{
		"low1_days": 3, "reminder_trip": true, "overrun_limit_wh": 900, "ec_limit_wh": 5000, "ec_initial_limit_wh": 8000,
		"ec_threshold_wh": 2000, "ec_repay_before_reconnect": false, "power_limit_w": 4000, "ec_power_limit_w": 1000,
		"lifeline_w": 200, "overload_trip_s": 20, "overload_retry_s": 100, "overload_max_trips": 3, "overload_window_s": 900,
		"overload_lockout_s": 600, "overload_manual": true, "tamper_cover": "alarm", "tamper_terminal": "log",
		"tamper_reverse": "latch", "reverse_debit": true, "friendly_when_clock_invalid": true, "language": "sw",
		"friendly":     []any{"all 22:00-06:00", "sat,sun 00:00-24:00", "mon,tue,wed,thu,fri 18:30-07:15"},
		"special_days": []any{"2026-12-25", "2026-12-31 12:00-24:00"},
		"tz_min":       120, "dst_shift_min": 60, "dst_begin": "3.5.0/02:00", "dst_end": "10.5.0/03:00",
	}
	next, bad := meter.NewConfig(c, c.Version, doc)
	if bad != "" {
		panic(bad)
	}
	return next
}

// kept returns the part of a state that survives a power cut.
func kept(s meter.State) meter.State {
	s.On += s.Up
	s.Up, s.Offset, s.Unsaved, s.Power, s.Voltage = 0, 0, 0, 0, 0
	s.NextAt, s.Settling, s.Flags = 0, [6]uint8{}, s.Flags&^meter.Volatile
	s.BeepAt, s.QuietAt, s.MoveAt, s.LED, s.Buzzer = 0, 0, 0, 0, 0
	return s
}

func TestEveryFieldSurvives(t *testing.T) {
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 0))
	for range tier.MeterMemories.N() {
		s, c, k := example(t)
		vary(rnd, &s)
		vary3(rnd, &s)
		vary4(rnd, &s)
		c = varied4(c)
		m := &chip{}
		if _, err := journal.Create(m, &s, &c, &k); err != nil {
			t.Fatal(err)
		}
		_, l, err := journal.Open(m)
		if err != nil {
			t.Fatal(err)
		}
		if want := kept(s); l.State != want {
			t.Fatalf("state\n got  %+v\n want %+v", l.State, want)
		}
		if l.Config != c || !l.Keys.Reveal().Equal(k.Reveal()) || l.Keys.Info() != k.Info() {
			t.Fatalf("configuration %+v, keys %+v, want %+v, %+v", l.Config, l.Keys.Info(), c, k.Info())
		}
		if l.Damage != 0 || len(l.Replay) != 0 {
			t.Fatalf("damage %d, %d records, want none", l.Damage, len(l.Replay))
		}
	}
}

// accept makes a log record and applies it to the state, as a meter does.
func accept(s *meter.State, tid sts.TID, text string) journal.Entry {
	r := meter.Record{
		Seq: s.Applied + 1, Kind: meter.RecordToken, Source: meter.Remote, Result: sts.Accept, HasTID: true, TID: tid,
		Units: 100,
	}
	if text != "" {
		r.Request = meter.Handle(text)
	}
	return journal.Entry{Record: r, Text: text}
}

// apply carries out a durable record, as the meter does.
func apply(c *meter.Config, s *meter.State, e journal.Entry) {
	s.Flags |= meter.FlagPending
	meter.Step(c, s, meter.Event{Kind: meter.EventPersisted, Record: e.Record, OK: true, Up: s.Up}, nil)
}

// replayed returns the state after a start from a memory.
func replayed(t *testing.T, m journal.Memory) (meter.State, journal.Loaded, error) {
	t.Helper()
	_, l, err := journal.Open(m)
	s := l.State
	for _, e := range l.Replay {
		meter.Step(&l.Config, &s, meter.Event{Kind: meter.EventReplay, Record: e.Record}, nil)
	}
	return s, l, err
}

// same compares the fields that money depends on.
func same(a, b *meter.State) bool {
	return a.Register == b.Register && a.Balance == b.Balance && a.Overrun == b.Overrun && a.TIDs == b.TIDs &&
		a.Counter == b.Counter && a.Applied == b.Applied
}

// The log holds 16 records; a hundred go through it, with snapshots now and then. At each point the meter can be read
// back, also when the newest snapshot has gone bad.
func TestTheLogGoesRound(t *testing.T) {
	s, c, k := example(t)
	m := &chip{}
	j, err := journal.Create(m, &s, &c, &k)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 1))
	for n := range 100 {
		e := accept(&s, sts.TID(7_000_000+n), fmt.Sprintf("tok_%d", n))
		if err := j.Append(&s, e); err != nil {
			t.Fatal(err)
		}
		apply(&c, &s, e)
		if rnd.IntN(9) == 0 {
			if err := j.Save(&s); err != nil {
				t.Fatal(err)
			}
		}
		for _, rot := range []int{-1, 0x020, 0x420} {
			bad := *m
			if rot >= 0 {
				bad.b[rot] ^= 1
			}
			got, l, err := replayed(t, &bad)
			if err != nil || !same(&got, &s) {
				t.Fatalf("after %d records, rot %#x: %v, balance %s, want %s", n+1, rot, err, got.Balance, s.Balance)
			}
			if (l.Damage != 0) != (rot >= 0) {
				t.Fatalf("rot %#x: damage %d", rot, l.Damage)
			}
			if len(l.Replay) > 0 && rot < 0 && l.Replay[len(l.Replay)-1].Text != e.Text {
				t.Fatalf("id %q, want %q", l.Replay[len(l.Replay)-1].Text, e.Text)
			}
		}
		if j, _, err = journal.Open(m); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoByteMayLie changes each byte of the memory in turn. The meter comes back as it was, or Open fails: money never
// changes.
func TestNoByteMayLie(t *testing.T) {
	s, c, k := example(t)
	m := &chip{}
	j, err := journal.Create(m, &s, &c, &k)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 21 {
		e := accept(&s, sts.TID(7_000_000+n), "")
		if err := j.Append(&s, e); err != nil {
			t.Fatal(err)
		}
		apply(&c, &s, e)
		if n%5 == 3 || n == 20 {
			if err := j.Save(&s); err != nil {
				t.Fatal(err)
			}
		}
	}
	refused := 0
	for i := range m.b {
		for _, bit := range [...]byte{0x01, 0x80, 0xff} {
			bad := *m
			bad.b[i] ^= bit
			got, _, err := replayed(t, &bad)
			switch {
			case errors.Is(err, journal.ErrDamaged):
				refused++
			case err != nil:
				t.Fatalf("byte %#x: %v", i, err)
			case !same(&got, &s):
				t.Fatalf("byte %#x ^ %#x: balance %s, applied %d, want %s, %d", i, bit, got.Balance, got.Applied, s.Balance, s.Applied)
			}
		}
	}
	t.Logf("%d of %d changes make the memory refuse", refused, 3*len(m.b))
}

func TestANewMemory(t *testing.T) {
	s, c, k := example(t)
	if _, _, err := journal.Open(&chip{}); !errors.Is(err, journal.ErrBlank) {
		t.Errorf("zeros: %v, want ErrBlank", err)
	}
	erased := &chip{}
	for i := range erased.b {
		erased.b[i] = 0xff
	}
	if _, _, err := journal.Open(erased); !errors.Is(err, journal.ErrBlank) {
		t.Errorf("an erased chip: %v, want ErrBlank", err)
	}
	// A creation cut short at any byte leaves either no meter or the whole meter.
	whole := &chip{}
	if _, err := journal.Create(whole, &s, &c, &k); err != nil {
		t.Fatal(err)
	}
	blank, complete := 0, 0
	for n := range 1500 {
		m := &cutChip{left: n}
		_, _ = journal.Create(m, &s, &c, &k)
		switch got, l, err := replayed(t, &m.chip); {
		case errors.Is(err, journal.ErrBlank):
			blank++
		case err != nil || !same(&got, &s) || l.Config != c:
			t.Fatalf("cut after %d bytes: %v", n, err)
		default:
			complete++
		}
	}
	if blank == 0 || complete == 0 {
		t.Errorf("%d cuts leave nothing, %d a meter: want some of each", blank, complete)
	}
}

// cutChip is a chip that loses its power after a given number of bytes.
type cutChip struct {
	chip
	left int
}

func (c *cutChip) WriteAt(p []byte, at int64) (int, error) {
	n := min(c.left, len(p))
	copy(c.b[at:], p[:n])
	if c.left -= n; n < len(p) {
		return n, errChip
	}
	return n, nil
}

func TestAFailedRecordIsCertainlyNotThere(t *testing.T) {
	for name, fail := range map[string]func(*chip){
		"the write fails": func(c *chip) { c.failWrites = 1 }, "the sync fails": func(c *chip) { c.failSyncs = 1 },
	} {
		s, c, k := example(t)
		m := &chip{}
		j, err := journal.Create(m, &s, &c, &k)
		if err != nil {
			t.Fatal(err)
		}
		fail(m)
		if err := j.Append(&s, accept(&s, 7_000_000, "")); !errors.Is(err, journal.ErrNotWritten) {
			t.Errorf("%s: %v, want ErrNotWritten", name, err)
		}
		if got, l, err := replayed(t, m); err != nil || got.Applied != s.Applied || l.Damage != 0 {
			t.Errorf("%s: %v, applied %d, damage %d, want the meter as it was", name, err, got.Applied, l.Damage)
		}
	}
	s, c, k := example(t)
	m := &chip{}
	j, err := journal.Create(m, &s, &c, &k)
	if err != nil {
		t.Fatal(err)
	}
	m.failSyncs = 2
	if err := j.Append(&s, accept(&s, 7_000_000, "")); !errors.Is(err, journal.ErrUnknown) {
		t.Errorf("neither written nor erased for sure: %v, want ErrUnknown", err)
	}
}

func TestAnIDThatCannotBeKeptIsRefused(t *testing.T) {
	s, c, k := example(t)
	m := &chip{}
	j, err := journal.Create(m, &s, &c, &k)
	if err != nil {
		t.Fatal(err)
	}
	longest := strings.Repeat("x", meter.MaxRequest)
	for text, want := range map[string]bool{longest: true, longest + "x": false, "with\x00zero": false, "tok_1": true} {
		if err := j.Append(&s, accept(&s, 7_000_000, text)); (err == nil) != want {
			t.Errorf("id of %d bytes: %v, want accepted %t", len(text), err, want)
		}
	}
	other := accept(&s, 7_000_000, "tok_1")
	other.Text = "tok_2"
	if err := j.Append(&s, other); !errors.Is(err, journal.ErrNotWritten) {
		t.Errorf("the id of another record: %v, want ErrNotWritten", err)
	}
}

func TestAConfigurationComesWithItsRecord(t *testing.T) {
	s, c, k := example(t)
	m := &chip{}
	j, err := journal.Create(m, &s, &c, &k)
	if err != nil {
		t.Fatal(err)
	}
	before := *m
	next := c
	next.Version, next.Low1 = 8, 12_340
	e := journal.Entry{Record: meter.Record{Seq: s.Applied + 1, Kind: meter.RecordConfig, Value: 8}}
	if err := j.AppendConfig(&s, e, &next); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]meter.Config{"without the record": c, "with the record": next} {
		part := *m
		if name == "without the record" {
			copy(part.b[0xb00:], before.b[0xb00:])
		}
		if _, l, err := journal.Open(&part); err != nil || l.Config != want {
			t.Errorf("%s: version %d, %v, want %d", name, l.Config.Version, err, want.Version)
		}
	}
	// An unreadable configuration is no reason to stop metering.
	for i := 0x800; i < 0xa00; i++ {
		m.b[i] ^= 0x55
	}
	if _, l, err := journal.Open(m); err != nil || l.Config.Number != c.Number || l.Damage == 0 {
		t.Errorf("both places spoilt: %v, number %d, damage %d", err, l.Config.Number, l.Damage)
	}
}

func TestAnUnknownNewerFormatIsLeftAlone(t *testing.T) {
	s, c, k := example(t)
	s.Register, s.Balance, s.Relay, s.Reasons = 120_433, 8120, supply.Closed, 0
	m := &chip{}
	if _, err := journal.Create(m, &s, &c, &k); err != nil {
		t.Fatal(err)
	}
	journal.SetVersion(m.b[0x400:0x800], 9) // the newer of the two snapshots
	j, l, err := journal.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.State; !got.Frozen || got.Register != 120_433 || got.Balance != 8120 || got.Relay != supply.Closed {
		t.Errorf("frozen %t, register %s, balance %s, relay %s", got.Frozen, got.Register, got.Balance, got.Relay)
	}
	before := *m
	if err := j.Save(&l.State); err != nil {
		t.Error(err)
	}
	if err := j.Append(&l.State, accept(&l.State, 7_000_000, "")); !errors.Is(err, journal.ErrNotWritten) {
		t.Errorf("append: %v, want ErrNotWritten", err)
	}
	if *m != before {
		t.Error("the memory was written to")
	}
}

func TestALogOfANewerFormatFreezesToo(t *testing.T) {
	s, c, k := example(t)
	m := &chip{}
	j, err := journal.Create(m, &s, &c, &k)
	if err != nil {
		t.Fatal(err)
	}
	e := accept(&s, 7_000_000, "")
	e.Kind = 200
	if err := j.Append(&s, e); err != nil {
		t.Fatal(err)
	}
	if _, l, err := journal.Open(m); err != nil || !l.State.Frozen || len(l.Replay) != 0 {
		t.Errorf("%v, frozen %t, %d records", err, l.State.Frozen, len(l.Replay))
	}
}

func TestWithoutKeysTheMemoryIsDamaged(t *testing.T) {
	s, c, k := example(t)
	m := &chip{}
	if _, err := journal.Create(m, &s, &c, &k); err != nil {
		t.Fatal(err)
	}
	m.b[0xa20] ^= 1
	if _, l, err := journal.Open(m); err != nil || !l.Keys.Reveal().Equal(k.Reveal()) {
		t.Errorf("one of two copies is bad: %v, want the other", err)
	}
	m.b[0xaa0] ^= 1
	if _, _, err := journal.Open(m); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
}
