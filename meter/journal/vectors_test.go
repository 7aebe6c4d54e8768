package journal_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

const vectorsFile = "testdata/vectors.json"

// written returns the bytes of one record, as this version makes them.
func written(t *testing.T, r meter.Record, text string) []byte {
	t.Helper()
	s, c, k := example(t)
	s.Register = 120_433
	m := &chip{}
	j, err := journal.Create(m, &s, &c, &k)
	if err != nil {
		t.Fatal(err)
	}
	r.Seq, r.Register = s.Applied+1, s.Register
	if text != "" {
		r.Request = meter.Handle(text)
	}
	if err := j.Append(&s, journal.Entry{Record: r, Text: text}); err != nil {
		t.Fatal(err)
	}
	at := 0xb00 + int(r.Seq%journal.LogRecords)*80
	return m.b[at:][:80]
}

// vectors returns the public vectors: the parts of the memories of every version, and a log record of each kind.
func vectors(t *testing.T) (list []journal.Vector) {
	t.Helper()
	for version := 1; version <= 4; version++ {
		b, err := os.ReadFile(fmt.Sprintf("testdata/memory_v%d.bin", version))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range journal.Inspect(b) {
			if !part.Blank {
				name := fmt.Sprintf("memory_v%d.bin at 0x%03x", version, part.Offset)
				list = append(list, journal.NewVector(name, part.Kind, b[part.Offset:][:part.Size]))
			}
		}
	}
	const id = "tok_01jd0000000000000000000000"
	for name, r := range map[string]meter.Record{
		"1 credit accepted": {
			Kind: meter.RecordToken, Source: meter.Remote, Result: sts.Accept, HasTID: true, TID: 6_777_094, Units: 34_700,
		},
		"2 wrong token":      {Kind: meter.RecordToken, Source: meter.Keypad, Result: sts.CRCError, Class: 2},
		"3 credit cleared":   {Kind: meter.RecordToken, Source: meter.SMS, Result: sts.Accept, Class: 2, SubClass: 1, HasTID: true, TID: 7_000_000, Units: -8120},
		"4 connect at once":  {Kind: meter.RecordCommand, Command: meter.CommandConnect, Force: true, Counter: 12},
		"5 token cancelled":  {Kind: meter.RecordCommand, Command: meter.CommandCancelToken, HasTID: true, TID: 7_000_001, Counter: 13},
		"6 time set":         {Kind: meter.RecordCommand, Command: meter.CommandSetTime, Value: 1_795_154_400, Counter: 14},
		"7 switched off":     {Kind: meter.RecordLocal, Value: 1},
		"8 cover latched":    {Kind: meter.RecordTamper, Value: 1},
		"10 command refused": {Kind: meter.RecordCommand, Command: meter.CommandConnect, Refused: meter.AnswerExpired, Counter: 15},
		"11 lease": {
			Kind: meter.RecordCommand, Command: meter.CommandLease, Lease: 41, Value: 259_200, Units: 17_391, Counter: 16,
		},
		"12 configuration for wallet mode": {Kind: meter.RecordConfig, Value: 8, Wallet: true, Counter: 17},
		"9 emergency credit":               {Kind: meter.RecordEmergency, Source: meter.SMS},
	} {
		text := ""
		if r.Kind == meter.RecordCommand || r.Source == meter.Remote {
			text = id
		}
		list = append(list, journal.NewVector(name, journal.KindRecord, written(t, r, text)))
	}
	torn := written(t, meter.Record{Kind: meter.RecordLocal, Value: 1}, "")
	torn[32] ^= 1
	list = append(list, journal.NewVector("torn: it has not happened", journal.KindRecord, torn))
	return list
}

// TestThePublicVectorsHold checks the vectors in the repository, and that this version makes the same vectors.
func TestThePublicVectorsHold(t *testing.T) {
	made := vectors(t)
	if *update {
		slicesByName(made)
		text, err := json.MarshalIndent(made, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorsFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var kept []journal.Vector
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	byName := map[string]journal.Vector{}
	for _, v := range kept {
		byName[v.Name] = v
		if err := v.Check(); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	for _, v := range made {
		if byName[v.Name].Hex != v.Hex {
			t.Errorf("%s: this version writes other bytes", v.Name)
		}
	}
	t.Logf("figures: %d vectors of memory hold", len(kept))
}

// TestAVectorThatLiesIsFound falsifies a vector in one way at a time; Check must fail.
func TestAVectorThatLiesIsFound(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Bad {
			continue
		}
		for name, lie := range map[string]func(*journal.Vector){
			"bytes":   func(v *journal.Vector) { v.Hex = flip(v.Hex) },
			"version": func(v *journal.Vector) { v.Version++ },
			"field":   func(v *journal.Vector) { v.Fields = map[string]string{"colour": "3"} },
			"bad":     func(v *journal.Vector) { v.Bad = true },
			"hex":     func(v *journal.Vector) { v.Hex += "0" },
			"length":  func(v *journal.Vector) { v.Hex += strings.Repeat("00", 1024) },
			"blank":   func(v *journal.Vector) { v.Hex = "00" },
		} {
			bad := v
			lie(&bad)
			if bad.Check() == nil {
				t.Errorf("%s: a lie about its %s holds", v.Name, name)
			}
		}
	}
}

// flip changes the last byte of a vector.
func flip(text string) string {
	b, _ := hex.DecodeString(text)
	b[len(b)-1] ^= 1
	return hex.EncodeToString(b)
}

// TestInspectMasksSecrets checks that the output for people does not contain the key.
func TestInspectMasksSecrets(t *testing.T) {
	s, c, k := example(t)
	s.Balance, s.Register = 5*unit.KilowattHour, 9
	m := &chip{}
	if _, err := journal.Create(m, &s, &c, &k); err != nil {
		t.Fatal(err)
	}
	secrets, seen := 0, ""
	for _, part := range journal.Inspect(m.b[:]) {
		for _, f := range part.Fields {
			seen += f.Shown + " "
			if f.Secret {
				secrets++
			}
		}
	}
	if secrets != 2*(16+4+16) || !strings.Contains(seen, "5000") {
		t.Errorf("%d secret fields, want %d", secrets, 2*(16+4+16))
	}
}

func slicesByName(list []journal.Vector) {
	slices.SortFunc(list, func(a, b journal.Vector) int { return strings.Compare(a.Name, b.Name) })
}
