package journal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
)

const reference = "../../docs/reference/meter-memory.md"

// golden returns the memory whose bytes are stored in testdata: a snapshot in use and two records after it, and from
// version 2 on a section of a key change as well.
func golden(t *testing.T, version int) (*chip, meter.State) {
	t.Helper()
	s, c, k := example(t)
	key := s.Key
	rnd := rand.New(rand.NewPCG(2026, 11))
	vary(rnd, &s)
	if version >= 3 {
		vary3(rnd, &s)
		c = varied(c)
	}
	if version >= 4 {
		vary4(rnd, &s)
		s.Flags, s.LeaseSeq = s.Flags|meter.FlagWallet, 40
		c = varied4(c)
	}
	if s.Applied = 5; version == 1 {
		s.Key, s.Sections, s.SectionsUntil, s.Limit = key, 0, 0, 0
	}
	m := &chip{}
	j, err := journal.Create(m, &s, &c, &k)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"tok_01jd0000000000000000000000", ""} {
		e := accept(&s, sts.TID(16_000_000+i), text)
		if err := j.Append(&s, e); err != nil {
			t.Fatal(err)
		}
		apply(&c, &s, e)
	}
	if version >= 4 {
		e := journal.Entry{Text: "cmd_01jd0000000000000000000000", Record: meter.Record{
			Seq: s.Applied + 1, Kind: meter.RecordCommand, Command: meter.CommandDisconnect, Refused: meter.AnswerExpired, Counter: s.Counter + 1,
		}}
		e.Request = meter.Handle(e.Text)
		if err := j.Append(&s, e); err != nil {
			t.Fatal(err)
		}
		apply(&c, &s, e)
	}
	if version >= 4 {
		e := journal.Entry{Text: "lea_01jd0000000000000000000000", Record: meter.Record{
			Seq: s.Applied + 1, Kind: meter.RecordCommand, Command: meter.CommandLease, Lease: 41, Value: 259_200, Units: 17_391,
			Counter: s.Counter + 1, Register: s.Register,
		}}
		e.Request = meter.Handle(e.Text)
		if err := j.Append(&s, e); err != nil {
			t.Fatal(err)
		}
		apply(&c, &s, e)
	}
	if version >= 2 {
		s.Sections = 0
		e, next := section(t, &s, &k, 1)
		if err := j.AppendKeys(&s, e, &next); err != nil {
			t.Fatal(err)
		}
		apply(&c, &s, e)
	}
	return m, s
}

// section makes the record of a section of a key change, and the keys that belong to it.
func section(t *testing.T, s *meter.State, k *meter.Keys, n int) (journal.Entry, meter.Keys) {
	t.Helper()
	next, err := sts.NewKey(sts.EA11, []byte("fedcba9876543210"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := sts.EncodeKeyChange(k.Reveal(), sts.KeyChange{
		Key: next, KEN: 200, KRN: 2, KT: sts.DUTK, TI: "08", SGC: "654321", Rollover: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	change, keys := k.Take(s, set[n-1].Reveal())
	return journal.Entry{Record: meter.Record{
		Seq: s.Applied + 1, Kind: meter.RecordKeys, Source: meter.Keypad, Result: change.Result, Class: 2,
		SubClass: [...]uint8{3, 4, 8, 9}[n-1], Sections: change.Sections, Rollover: change.Rollover, Key: change.Key,
	}}, keys
}

// TestTheBytesOfEachVersion reads the memory of every version, and checks that this version writes the stored bytes.
func TestTheBytesOfEachVersion(t *testing.T) {
	const newest = 4
	for version := 1; version <= newest; version++ {
		m, s := golden(t, version)
		file := fmt.Sprintf("testdata/memory_v%d.bin", version)
		want, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) && *update {
			want, err = m.b[:], os.WriteFile(file, m.b[:], 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if version == newest && m.b[i] != want[i] {
				t.Fatalf("version %d: byte %#x is %#x, want %#x", version, i, m.b[i], want[i])
			}
		}
		old := &chip{}
		copy(old.b[:], want)
		got, l, err := replayed(t, old)
		if err != nil || !same(&got, &s) || len(l.Replay) != [...]int{1: 2, 2: 3, 3: 3, 4: 5}[version] || l.Damage != 0 {
			t.Fatalf("version %d: %v, balance %s, want %s; %d records", version, err, got.Balance, s.Balance, len(l.Replay))
		}
		if got.Key != s.Key || got.Sections != s.Sections || got.Limit != s.Limit {
			t.Errorf("version %d: key %+v, sections %b, limit %s, want %+v, %b, %s", version,
				got.Key, got.Sections, got.Limit, s.Key, s.Sections, s.Limit)
		}
		upgraded(t, old, &got)
	}
}

// upgraded writes a memory that was read from an older version in the format of this version.
func upgraded(t *testing.T, m *chip, s *meter.State) {
	t.Helper()
	j, _, err := journal.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := j.Save(s); err != nil {
			t.Fatal(err)
		}
	}
	got, l, err := replayed(t, m)
	if err != nil || got != kept(*s) || l.State.Key != s.Key {
		t.Errorf("after the upgrade %v\n got  %+v\n want %+v", err, got, kept(*s))
	}
}

// TestTheReferenceHasEveryField compares the field tables of the documentation with the fields of the code.
func TestTheReferenceHasEveryField(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]string{
		"snapshot": "## Snapshot", "config": "## Configuration", "keys": "## Keys", "record": "## Log record",
		"change": "## Log record of a key change",
	}
	for body, fields := range journal.Layout() {
		_, section, _ := strings.Cut(string(text), headings[body]+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		var got, want []string
		for line := range strings.Lines(section) {
			if cells := strings.Split(line, " | "); len(cells) >= 3 && cells[1] != "size" {
				got = append(got, strings.TrimPrefix(cells[0], "| ")+" "+cells[1]+" "+cells[2])
			}
		}
		for i := 0; i < len(fields); i++ {
			f := fields[i]
			name, isArray := strings.CutSuffix(f.Name, "[0]")
			size := fmt.Sprint(f.Size)
			if isArray {
				n := 1
				for ; i+1 < len(fields) && strings.HasPrefix(fields[i+1].Name, name+"["); i++ {
					n++
				}
				size = fmt.Sprintf("%d × %d", n, f.Size)
			}
			want = append(want, fmt.Sprintf("%d %s %s", f.Offset, size, name))
		}
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			t.Errorf("%s: the reference has\n%s\nwant\n%s", body, g, w)
		}
	}
}

// TestTheReferenceHasEveryAnswer checks that the reference lists every number that ring_answer may hold.
func TestTheReferenceHasEveryAnswer(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "### Answers in ring_answer\n")
	section, _, _ = strings.Cut(section, "\n## ")
	results, answers, _ := strings.Cut(section, "The answer to a command")
	lists := [...]string{" · " + strings.Join(strings.Fields(results), " ") + " ·", " · " + strings.Join(strings.Fields(answers), " ") + " ·"}
	has := func(list string, n uint8, name string) {
		if entry := fmt.Sprintf(" %d %s ·", n, name); !strings.Contains(list, entry) {
			t.Errorf("the reference has no%s", entry)
		}
	}
	for r := sts.Accept; r.String() != sts.Result(0).String(); r++ {
		has(lists[0], uint8(r), r.String())
	}
	has(lists[1], uint8(meter.AnswerDone), meter.AnswerDone.State())
	for a := meter.AnswerDone + 1; a.Reason() != meter.Answer(255).Reason() || a == meter.AnswerUnknown; a++ {
		has(lists[1], uint8(a), a.Reason())
	}
}

func TestEverythingFits(t *testing.T) {
	const head, crc = 16, 4
	limits := map[string]int{"snapshot": 1024, "config": 256, "keys": 128, "record": 80 - crc + head, "change": 80 - crc + head}
	for body, fields := range journal.Layout() {
		end := fields[len(fields)-1]
		size := head + end.Offset + end.Size
		t.Logf("%s: %d of %d bytes", body, size, limits[body])
		if size > limits[body] {
			t.Errorf("%s has %d bytes, want at most %d", body, size, limits[body])
		}
	}
}
