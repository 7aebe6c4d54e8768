package wire_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func ptr[T any](v T) *T { return &v }

var formats = map[string]wire.Format{"json": wire.JSON, "cbor": wire.CBOR}

// samples returns one record of each kind with every field set, and for some kinds a second record with only the
// required fields.
func samples() map[string]wire.Record {
	head := wire.Head{Seq: 1042, At: 1795161600, Up: 86_400_123, Clock: wire.ClockValid}
	return map[string]wire.Record{
		"boot": wire.Boot{
			Memory: "00c0ffee00c0ffee", Lowest: 1, Next: 1043, Boot: 3, Proto: 1, FW: "0.1.0", Reset: "power",
			Caps: []string{"lease", "cbor", "arm"}, Config: wire.ConfigRef{Version: 7, Hash: "1f2e3d4c"},
			Key: &wire.KeyRef{SGC: ptr("123456"), KRN: ptr(1), TI: ptr("01"), KEN: ptr(255), BaseDate: ptr(2014)},
		}.Record(),
		"boot_unknown_key": wire.Boot{
			Memory: "0000000000000001", Lowest: 1, Next: 1, Proto: 1,
			Key: &wire.KeyRef{KEN: ptr(255), BaseDate: ptr(2014)},
		}.Record(),
		"reading": wire.Reading{
			Head: head, RegisterWh: 120433, BalanceWh: 8120, ECUsedWh: 7, OverrunWh: 3, W: 381, MV: 230400,
			Relay: "open", Reasons: []string{"CREDIT", "REMOTE"},
		}.Record(),
		"token": wire.Token{
			Head: head, Request: "tok_01", TID: ptr(uint32(6777094)), BaseDate: 2014, Class: ptr(uint8(0)),
			SubClass: ptr(uint8(0)), Result: "accept", UnitsWh: 34700, BalanceWh: 42820, Source: "remote",
		}.Record(),
		"token_crc_error": wire.Token{Head: head, BaseDate: 2014, Result: "crc_error", BalanceWh: -20, Source: "keypad"}.Record(),
		"command":         wire.CommandAnswer{Head: head, ID: "cmd_01", State: "failed", Reason: "expired"}.Record(),
		"event": wire.Event{Head: head, Code: 401, Args: map[string]any{
			"reason": "CREDIT", "wh": int64(-5), "again": true, "list": []any{int64(1), "two"}, "map": map[string]any{"k": nil},
		}}.Record(),
		"event_unknown": wire.Event{Head: head, Code: 99999}.Record(),
		"close": wire.Close{
			Head: head, Date: "2026-11-20", RegisterWh: 120433, UsedWh: 6120, MinBalanceWh: 0, MaxBalanceWh: 42820,
			MaxW: 3120, OffMin: 12, TokensWh: 34700, Events: 4, Gap: true,
		}.Record(),
	}
}

// withoutRaw removes Raw, so that records can be compared.
func withoutRaw(recs []wire.Record) []wire.Record {
	for i := range recs {
		recs[i].Raw = nil
	}
	return recs
}

func TestGoldenRecordsReadAndWriteTheSameBytes(t *testing.T) {
	for name, rec := range samples() {
		for ext, f := range formats {
			path := filepath.Join("testdata", "up", name+"."+ext)
			got, err := wire.EncodeUp(f, rec)
			if err != nil {
				t.Fatalf("EncodeUp %s: %v", path, err)
			}
			checkGolden(t, path, got)
			good, bad, err := wire.DecodeUp(rec.Kind, got)
			if err != nil || len(bad) != 0 || len(good) != 1 {
				t.Fatalf("DecodeUp %s: good %d, bad %+v, err %v", path, len(good), bad, err)
			}
			if !bytes.Equal(good[0].Raw, got) {
				t.Errorf("%s: Raw = %q, want the whole payload", path, good[0].Raw)
			}
			if want := []wire.Record{rec}; !reflect.DeepEqual(withoutRaw(good), want) {
				t.Errorf("%s: got %+v\nwant %+v", path, deep(good[0]), deep(want[0]))
			}
		}
	}
}

// deep prints a record through its pointers.
func deep(r wire.Record) string {
	return fmt.Sprintf("%+v %+v %+v %+v %+v %+v %+v %+v", r.Kind, r.Head, r.Boot, r.Reading, r.Token, r.Command, r.Event, r.Close)
}

func checkGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	text := string(got) + "\n"
	if strings.HasSuffix(path, ".cbor") {
		path += ".hex" // people read golden files, so the bytes are in hexadecimal
		text = hex.EncodeToString(got) + "\n"
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s: got  %swant %s", path, text, want)
	}
}

// TestExamplesOfRecordsAreRead reads records like those of docs/reference/mqtt.md#records, with their keys.
func TestExamplesOfRecordsAreRead(t *testing.T) {
	for _, c := range []struct {
		kind    wire.Kind
		payload string
	}{
		{wire.KindBoot, `{"store":"0123456789abcdef","lowest":1,"next":1043,"boot":3,"proto":1,"fw":"x","reset":"power","caps":["lease","cbor","arm"],"config":{"version":7,"hash":"ab"},"key":{"sgc":"123456","krn":1,"ti":"01","ken":255,"base_date":2014}}`},
		{wire.KindReading, `{"seq":1,"at":2,"up":3,"clock":"valid","register_wh":120433,"balance_wh":8120,"ec_used_wh":0,"overrun_wh":0,"w":381,"mv":230400,"relay":"closed","reasons":[]}`},
		{wire.KindToken, `{"seq":1,"at":2,"up":3,"clock":"valid","request":"" ,"tid":6777094,"base_date":2014,"class":0,"subclass":0,"result":"accept","units_wh":34700,"balance_wh":42820,"source":"keypad"}`},
		{wire.KindCommand, `{"seq":1,"at":2,"up":3,"clock":"valid","id":"c","state":"acked","reason":""}`},
		{wire.KindEvent, `{"seq":1,"at":2,"up":3,"clock":"valid","code":101,"args":{}}`},
	} {
		good, bad, err := wire.DecodeUp(c.kind, []byte(c.payload))
		if err != nil || len(bad) != 0 || len(good) != 1 {
			t.Errorf("%s: good %d, bad %+v, err %v", c.kind, len(good), bad, err)
		}
	}
}

func TestUnknownKeysAreIgnoredAndUnknownCodesKept(t *testing.T) {
	payload := []byte(`{"seq":1,"at":2,"up":3,"clock":"valid","code":64123,"colour":{"deep":[1,2.5,{"x":null}]},"args":{"t":21.5,"big":18446744073709551615}}`)
	good, bad, err := wire.DecodeUp(wire.KindEvent, payload)
	if err != nil || len(bad) != 0 || len(good) != 1 {
		t.Fatalf("good %d, bad %+v, err %v", len(good), bad, err)
	}
	e := good[0].Event
	want := map[string]any{"t": "21.5", "big": "18446744073709551615"}
	if e.Code != 64123 || !reflect.DeepEqual(e.Args, want) {
		t.Errorf("got code %d args %v, want 64123 %v", e.Code, e.Args, want)
	}
}

func TestListsKeepTheirOrderAndTheirLimits(t *testing.T) {
	for ext, f := range formats {
		recs := make([]wire.Record, wire.MaxRecords)
		encoded := make([][]byte, len(recs))
		for i := range recs {
			recs[i] = wire.Event{Head: wire.Head{Seq: uint64(i + 1), Clock: wire.ClockInvalid}, Code: i}.Record()
			one, err := wire.EncodeUp(f, recs[i])
			if err != nil {
				t.Fatal(err)
			}
			encoded[i] = one
		}
		payload, err := wire.EncodeUp(f, recs...)
		if err != nil {
			t.Fatal(err)
		}
		joined, err := wire.JoinUp(f, encoded...)
		if err != nil || !bytes.Equal(joined, payload) {
			t.Errorf("%s: JoinUp gave %d bytes and %v, want what EncodeUp wrote", ext, len(joined), err)
		}
		good, bad, err := wire.DecodeUp(wire.KindEvent, payload)
		if err != nil || len(bad) != 0 || !reflect.DeepEqual(withoutRaw(good), recs) {
			t.Errorf("%s: good %d, bad %d, err %v, want the 100 as they were", ext, len(good), len(bad), err)
		}
		if _, err := wire.EncodeUp(f, append(recs, recs[0])...); err == nil {
			t.Errorf("%s: 101 records were written", ext)
		}
	}
}

func TestOneRecordTooManyIsLeftForTheNextPayload(t *testing.T) {
	one := `{"seq":1,"at":0,"up":0,"clock":"valid","code":1},`
	payload := "[" + strings.Repeat(one, wire.MaxRecords) + strings.TrimSuffix(one, ",") + "]"
	good, bad, err := wire.DecodeUp(wire.KindEvent, []byte(payload))
	if err != nil || len(good) != wire.MaxRecords || len(bad) != 1 || bad[0].HasSeq {
		t.Errorf("got good %d bad %+v err %v, want 100 good and the rest as one bad without seq", len(good), bad, err)
	}
}

func TestABadRecordDoesNotTakeItsNeighboursWithIt(t *testing.T) {
	good1 := `{"seq":5,"at":0,"up":0,"clock":"valid","code":1}`
	good2 := `{"seq":7,"at":0,"up":0,"clock":"valid","code":1}`
	for _, c := range []struct {
		name, middle string
		seq          uint64
		good, bad    int
	}{
		{"wrong type", `{"seq":6,"at":"noon","up":0,"clock":"valid","code":1}`, 6, 2, 1},
		{"missing key", `{"seq":6,"at":0,"up":0,"clock":"valid"}`, 6, 2, 1},
		{"fraction", `{"seq":6,"at":0,"up":0,"clock":"valid","code":1.0}`, 6, 2, 1},
		{"unknown clock", `{"seq":6,"at":0,"up":0,"clock":"sundial","code":1}`, 6, 2, 1},
		{"key twice", `{"seq":6,"at":0,"up":0,"clock":"valid","code":1,"code":2}`, 6, 2, 1},
		{"seq twice", `{"seq":6,"seq":7,"at":0,"up":0,"clock":"valid","code":1}`, 0, 2, 1},
		{"seq 0", `{"seq":0,"at":0,"up":0,"clock":"valid","code":1}`, 0, 2, 1},
		{"seq not a number", `{"seq":"6","at":0,"up":0,"clock":"valid","code":1}`, 0, 2, 1},
		{"seq beyond every JSON reader", `{"seq":9007199254740992,"at":0,"up":0,"clock":"valid","code":1}`, 0, 2, 1},
		{"broken after the seq", `{"seq":6,"at":0,"up":0,"clock":"va`, 6, 1, 1},
		{"broken inside the seq", `{"seq":6`, 0, 1, 1},
		{"not a map", `17`, 0, 1, 1},
	} {
		payload := "[" + good1 + "," + c.middle + "," + good2 + "]"
		if c.good == 1 {
			payload = "[" + good1 + "," + c.middle
		}
		good, bad, err := wire.DecodeUp(wire.KindEvent, []byte(payload))
		if err != nil || len(good) != c.good || len(bad) != c.bad {
			t.Errorf("%s: good %d bad %+v err %v, want %d and %d", c.name, len(good), bad, err, c.good, c.bad)
			continue
		}
		if bad[0].Seq != c.seq || bad[0].HasSeq != (c.seq != 0) || bad[0].Reason == "" || len(bad[0].Raw) == 0 {
			t.Errorf("%s: bad = %+v, want seq %d", c.name, bad[0], c.seq)
		}
	}
}

func TestPayloadLimits(t *testing.T) {
	deep := func(n int) string {
		return `{"seq":1,"at":0,"up":0,"clock":"valid","code":1,"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	wide := func(n int) string {
		return `{"seq":1,"at":0,"up":0,"clock":"valid","code":1,"x":[` + strings.TrimSuffix(strings.Repeat("1,", n), ",") + `]}`
	}
	text := func(n int) string {
		return `{"seq":1,"at":0,"up":0,"clock":"valid","id":"` + strings.Repeat("x", n) + `","state":"done"}`
	}
	padded := func(n int) string {
		s := `{"seq":1,"at":0,"up":0,"clock":"valid","code":1}`
		return s + strings.Repeat(" ", n-len(s))
	}
	for _, c := range []struct {
		name    string
		kind    wire.Kind
		payload string
		ok      bool
	}{
		{"depth 8", wire.KindEvent, deep(7), true}, {"depth 9", wire.KindEvent, deep(8), false},
		{"128 entries", wire.KindEvent, wide(128), true}, {"129 entries", wire.KindEvent, wide(129), false},
		{"text of 256", wire.KindCommand, text(256), true}, {"text of 257", wire.KindCommand, text(257), false},
		{"16 KiB", wire.KindEvent, padded(wire.MaxPayload), true}, {"16 KiB and one", wire.KindEvent, padded(wire.MaxPayload + 1), false},
	} {
		good, bad, err := wire.DecodeUp(c.kind, []byte(c.payload))
		if got := err == nil && len(bad) == 0 && len(good) == 1; got != c.ok {
			t.Errorf("%s: good %d bad %+v err %v, want ok = %v", c.name, len(good), bad, err, c.ok)
		}
	}
}

func TestUnreadablePayloadsAreErrors(t *testing.T) {
	for _, payload := range []string{"", "   ", "[]", "\x80", "hello", "\x00", "\xff", "[ ]"} {
		good, bad, err := wire.DecodeUp(wire.KindReading, []byte(payload))
		if err == nil && len(bad) == 0 {
			t.Errorf("DecodeUp(%q) = %d good and no complaint", payload, len(good))
		}
	}
	if _, _, err := wire.DecodeUp("weather", []byte("{}")); err == nil {
		t.Error("an unknown kind was read")
	}
}

func TestCBORRefusesWhatTheFormatDoesNotNeed(t *testing.T) {
	for name, text := range map[string]string{
		"indefinite map": "bf6373657101ff", "indefinite list": "9fff", "tag": "a1637365" + "71c101", "key that is no text": "a10102",
		"cut map": "a2637365710163", "list longer than its payload": "9b7fffffffffffffff", "text longer than its payload": "a17b7fffffffffffffff",
	} {
		payload, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		good, bad, err := wire.DecodeUp(wire.KindEvent, payload)
		if len(good) != 0 || (err == nil && len(bad) == 0) {
			t.Errorf("%s: good %d bad %+v err %v, want it refused", name, len(good), bad, err)
		}
	}
}

func TestTopics(t *testing.T) {
	if got, want := wire.UpTopic("04140001001", wire.KindReading), "m/04140001001/up/reading"; got != want {
		t.Errorf("UpTopic = %s, want %s", got, want)
	}
	if got, want := wire.DownTopic("04140001001", wire.DownAck), "m/04140001001/down/ack"; got != want {
		t.Errorf("DownTopic = %s, want %s", got, want)
	}
	for _, c := range []struct {
		topic, number, leaf string
		up, ok              bool
	}{
		{"m/04140001001/up/reading", "04140001001", "reading", true, true},
		{"m/04140001001/down/lease", "04140001001", "lease", false, true},
		{topic: "m/04140001001/up/lease"}, {topic: "m/04140001001/down/boot"}, {topic: "m//up/boot"}, {topic: "m/+/up/boot"},
		{topic: "m/1/up/boot/more"}, {topic: "m/1/up/"}, {topic: "x/1/up/boot"}, {topic: "m/1"}, {topic: ""}, {topic: "m/#"},
		{topic: "m/" + strings.Repeat("1", 65) + "/up/boot"},
	} {
		number, up, leaf, ok := wire.ParseTopic(c.topic)
		if number != c.number || up != c.up || leaf != c.leaf || ok != c.ok {
			t.Errorf("ParseTopic(%q) = %q %v %q %v", c.topic, number, up, leaf, ok)
		}
	}
}
