package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/paywatt/paywatt/wire"
)

// said describes a bad record briefly: its number, the reason and its bytes.
func said(bad []wire.Bad) string {
	var out []string
	for _, b := range bad {
		seq := "-"
		if b.HasSeq || b.Seq != 0 {
			seq = fmt.Sprint(b.Seq)
		}
		out = append(out, fmt.Sprintf("%s|%s|%q", seq, b.Reason, b.Raw))
	}
	return strings.Join(out, "\n")
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTheLimitsThatFirmwareIsWrittenFor checks that the limits on which firmware relies do not change.
func TestTheLimitsThatFirmwareIsWrittenFor(t *testing.T) {
	if got, want := fmt.Sprint(wire.MaxPayload, wire.MaxRecords, wire.Window, uint64(wire.MaxSeq)), "16384 100 64 9007199254740991"; got != want {
		t.Errorf("limits %s, want %s", got, want)
	}
}

// TestAPayloadWithoutRecordsIsAnError produces every error of DecodeUp.
func TestAPayloadWithoutRecordsIsAnError(t *testing.T) {
	const begin = "payload from the meter is unreadable: "
	record := []byte(`{"seq":1,"at":0,"up":0,"clock":"valid","code":1}`)
	for _, c := range []struct {
		kind    wire.Kind
		payload []byte
		want    string
	}{
		{"weather", record, `unknown kind "weather"`},
		{wire.Kind(strings.Repeat("k", 40)), record, `unknown kind "` + strings.Repeat("k", 32) + `"`},
		{wire.KindEvent, nil, "payload is empty"},
		{wire.KindEvent, []byte("\x7f"), "payload begins as neither JSON nor CBOR"},
		{wire.KindEvent, []byte("\xc0"), "payload begins as neither JSON nor CBOR"},
		{wire.KindEvent, []byte("null"), "payload begins as neither JSON nor CBOR"},
		{wire.KindEvent, bytes.Repeat([]byte(" "), wire.MaxPayload+1), "payload is larger than 16 KiB"},
		{wire.KindEvent, []byte("[]"), "no record in it"},
		{wire.KindEvent, []byte(" [ ] "), "no record in it"},
		{wire.KindEvent, []byte("\x80"), "no record in it"},
		{wire.KindEvent, []byte("\x98"), "not well-formed"},
		{wire.KindEvent, []byte("\x9f\xff"), "not well-formed"},
	} {
		good, bad, err := wire.DecodeUp(c.kind, c.payload)
		if good != nil || bad != nil || !errors.Is(err, wire.ErrPayload) || err.Error() != begin+c.want {
			t.Errorf("DecodeUp(%.10s, %.20q) = %d good, %d bad, %v; want %s", c.kind, c.payload, len(good), len(bad), err, c.want)
		}
	}
	for _, blank := range []string{" ", "\t", "\r", "\n", " \t\r\n"} {
		good, bad, err := wire.DecodeUp(wire.KindEvent, append([]byte(blank), record...))
		if err != nil || len(bad) != 0 || len(good) != 1 || !bytes.Equal(good[0].Raw, record) {
			t.Errorf("a record after %q: %+v, bad %+v, %v", blank, good, bad, err)
		}
	}
}

// TestAMalformedRecordIsLeftWithTheReason reads JSON lists with an error; the records before the error are read.
func TestAMalformedRecordIsLeftWithTheReason(t *testing.T) {
	const ok = `{"seq":1,"at":0,"up":0,"clock":"valid","code":1}`
	const six = `{"seq":6,`
	many := strings.TrimSuffix(strings.Repeat(`"k":0,`, 129), ",")
	for _, c := range []struct{ rest, bad string }{
		{` , ` + ok + " ] ", ""},
		{", ]", `-|not well-formed|"]"`},
		{"; 1", `-|not well-formed|"; 1"`},
		{"", `-|not well-formed|""`},
		{"] 7", `-|something follows the payload|"7"`},
		{", 17]", `-|a record is a map of keys and values|"17]"`},
		{", {}]", `-|seq: missing|"{}"`},
		{", { } ]", `-|seq: missing|"{ }"`},
		{", " + six + `"a"}]`, `6|not well-formed|` + fmt.Sprintf("%q", six+`"a"}]`)},
		{", " + six + `a:1}]`, `6|not well-formed|` + fmt.Sprintf("%q", six+`a:1}]`)},
		{", " + six + `"a":1]`, `6|not well-formed|` + fmt.Sprintf("%q", six+`"a":1]`)},
		{", " + six + `"a":`, `6|not well-formed|` + fmt.Sprintf("%q", six+`"a":`)},
		{", " + six + `"a":{"b" 1}}]`, `6|not well-formed|` + fmt.Sprintf("%q", six+`"a":{"b" 1}}]`)},
		{", " + six + "\"a\":\"\xff\"}]", `6|text is not UTF-8|` + fmt.Sprintf("%q", six+"\"a\":\"\xff\"}]")},
		{", " + six + "\"\xff\":1}]", `6|text is not UTF-8|` + fmt.Sprintf("%q", six+"\"\xff\":1}]")},
		{", {" + many + "}]", `-|too many entries in a list or map|` + fmt.Sprintf("%q", "{"+many+"}]")},
		{", " + six + `"a":{` + many + "}}]", `6|too many entries in a list or map|` + fmt.Sprintf("%q", six+`"a":{`+many+"}}]")},
		{`, {"at":0,"seq":6}]`, `6|up: missing|"{\"at\":0,\"seq\":6}"`},
		{`, {"seq":1}]`, `1|at: missing|"{\"seq\":1}"`},
		{`, {"seq":9007199254740991}]`, `9007199254740991|at: missing|"{\"seq\":9007199254740991}"`},
		{", " + six + "\"a\":\"\x80\"}]", `6|text is not UTF-8|` + fmt.Sprintf("%q", six+"\"a\":\"\x80\"}]")},
		{`, {"seq":6,"at":0,"at":0,"up":0,"clock":"valid","code":1}]`,
			`6|a key appears twice|"{\"seq\":6,\"at\":0,\"at\":0,\"up\":0,\"clock\":\"valid\",\"code\":1}"`},
		{` , { "seq" : 6 , "at" : [ 0 , { "a" : 1 } ] , "up" : 0 } ] `,
			`6|at: not a whole number of 64 bits|"{ \"seq\" : 6 , \"at\" : [ 0 , { \"a\" : 1 } ] , \"up\" : 0 }"`},
	} {
		good, bad, err := wire.DecodeUp(wire.KindEvent, []byte("["+ok+c.rest))
		want := 1 + strings.Count(c.rest, ok)
		if err != nil || len(good) != want || string(good[0].Raw) != ok || said(bad) != c.bad {
			t.Errorf("after a record %.40q: %d good, bad %s, %v; want %d and %s", c.rest, len(good), said(bad), err, want, c.bad)
		}
	}
}

// TestMalformedCBORIsLeftWithTheReason does the same for CBOR, byte by byte.
func TestMalformedCBORIsLeftWithTheReason(t *testing.T) {
	const one, six = "a5" + "63736571" + "01" + tail, "63736571" + "06"
	pairs := strings.Repeat("616b00", 129)
	for _, c := range []struct{ rest, seq, reason string }{
		{"", "-", "not well-formed"},
		{"17", "-", "a record is a map of keys and values"},
		{"bf", "-", "not well-formed"},
		{"b8", "-", "not well-formed"},
		{"a1", "-", "not well-formed"},
		{"a101" + "01", "-", "not well-formed"},          // a key that is a number
		{"a142" + "6161" + "01", "-", "not well-formed"}, // a key of bytes
		{"a2" + six + "62", "6", "not well-formed"},
		{"a2" + six + "6162", "6", "not well-formed"},
		{"a2" + six + "616219", "6", "not well-formed"},
		{"a2" + six + "61621901", "6", "not well-formed"},
		{"a2" + six + "6162" + "1c" + strings.Repeat("00", 16), "6", "not well-formed"}, // reserved
		{"a2" + six + "6162" + "1d" + strings.Repeat("00", 32), "6", "not well-formed"},
		{"a2" + six + "6162" + "1e" + strings.Repeat("00", 64), "6", "not well-formed"},
		{"a2" + six + "6162" + "1f" + strings.Repeat("00", 128), "6", "not well-formed"},
		{"a2" + six + "6162" + "7f6161ff", "6", "not well-formed"},
		{"a2" + six + "6162" + "c100", "6", "not well-formed"},       // a tag
		{"a2" + six + "6162" + "f3", "6", "not well-formed"},         // a simple value without meaning
		{"a2" + six + "6162" + "f820", "6", "not well-formed"},       // a wide simple value
		{"a2" + six + "6162" + "81", "6", "not well-formed"},         // a list without its element
		{"a2" + six + "6162" + "a10000", "6", "not well-formed"},     // a map inside with a key that is a number
		{"a2" + six + "6162" + "62" + "61", "6", "not well-formed"},  // a text cut short
		{"a2" + six + "6162" + "42" + "61", "6", "not well-formed"},  // bytes cut short
		{"a2" + six + "6162" + "61ff", "6", "text is not UTF-8"},     // a value
		{"a2" + six + "61ff" + "00", "6", "text is not UTF-8"},       // a key
		{"a2" + six + "6162" + "a161ff00", "6", "text is not UTF-8"}, // a key inside
		{"b881" + pairs, "-", "too many entries in a list or map"},   // in the record
		{"a2" + six + "6162" + "b881" + pairs, "6", "too many entries in a list or map"},
	} {
		payload := unhex(t, "82"+one+c.rest)
		good, bad, err := wire.DecodeUp(wire.KindEvent, payload)
		want := fmt.Sprintf("%s|%s|%q", c.seq, c.reason, unhex(t, c.rest))
		if err != nil || len(good) != 1 || said(bad) != want {
			t.Errorf("after a record %.60s: %d good, bad %s, %v; want %s", c.rest, len(good), said(bad), err, want)
		}
	}
	// 128 keys are allowed: this record only lacks the required keys.
	var keys strings.Builder
	for i := range 128 {
		fmt.Fprintf(&keys, "61%02x00", i)
	}
	payload := unhex(t, "b880"+keys.String())
	if _, bad, err := wire.DecodeUp(wire.KindEvent, payload); err != nil || len(bad) != 1 || bad[0].Reason != "seq: missing" {
		t.Errorf("128 keys: bad %s, %v", said(bad), err)
	}
}

// tail is the rest of an event in CBOR after its seq: at 0, up 0, a valid clock and code 7.
const tail = "626174" + "00" + "627570" + "00" + "65636c6f636b" + "6576616c6964" + "64636f6465" + "07"

// TestACutPayloadHasNoHalfRecord cuts a list of two after every byte. Only a whole record counts; the sequence number
// of a cut record is known as soon as the end of the number is certain.
func TestACutPayloadHasNoHalfRecord(t *testing.T) {
	for name, first := range samples() {
		second := first
		for ext, f := range formats {
			if first.Kind == wire.KindBoot {
				continue // boot has no number, and is alone in its payload
			}
			one, err := wire.EncodeUp(f, first)
			if err != nil {
				t.Fatal(err)
			}
			payload, err := wire.EncodeUp(f, first, second)
			if err != nil {
				t.Fatal(err)
			}
			number, end := []byte(`"seq":1042`), 1
			if f == wire.CBOR {
				number, end = append([]byte{0x63}, "seq\x19\x04\x12"...), 0
			}
			known := bytes.Index(one, number) + len(number) + end
			for n := 1; n < len(payload); n++ {
				good, bad, err := wire.DecodeUp(first.Kind, payload[:n])
				whole := min((n-1)/len(one), 2)
				start := 1 + whole*len(one)
				if f == wire.JSON && n > len(one)+1 { // there is a comma between them
					whole = min(1+(n-2-len(one))/len(one), 2)
					start = min(1+whole*(len(one)+1), n)
				}
				reason := "not well-formed"
				if f == wire.JSON && (n == 1 || n == len(one)+2) {
					reason = "a record is a map of keys and values" // the payload ends where a record should begin
				}
				has := n-start >= known
				if err != nil || len(good) != whole || len(bad) != 1 || bad[0].HasSeq != has || !has && bad[0].Seq != 0 ||
					bad[0].Reason != reason || !bytes.Equal(bad[0].Raw, payload[start:n]) {
					t.Fatalf("%s %s cut after %d of %d bytes: %d good, bad %s, %v; want %d and seq known %t", ext, name, n, len(payload),
						len(good), said(bad), err, whole, has)
				}
			}
		}
	}
}

// TestArgumentsKeepTheirValues reads every kind of value that an argument of an event may have in CBOR.
func TestArgumentsKeepTheirValues(t *testing.T) {
	const sixtyThree = "7fffffffffffffff"
	for text, want := range map[string]string{
		"f6": "<nil> <nil>", "f7": "<nil> <nil>", "f4": "bool false", "f5": "bool true", "00": "int64 0", "17": "int64 23",
		"1818": "int64 24", "20": "int64 -1", "3863": "int64 -100", "60": "string ", "6161": "string a", "80": "[]interface {} []",
		"820102": "[]interface {} [1 2]", "a0": "map[string]interface {} map[]", "a1616181f5": "map[string]interface {} map[a:[true]]",
		"1b" + sixtyThree: fmt.Sprint("int64 ", math.MaxInt64), "3b" + sixtyThree: fmt.Sprint("int64 ", math.MinInt64),
		"1b8000000000000000": "string 9223372036854775808", "3b8000000000000000": "string -9223372036854775809",
		"f93e00": "string 1.5", "fa3fc00000": "string 1.5", "fb3ff8000000000000": "string 1.5",
		"f97e00": "", "f97c00": "", "fa7fc00000": "", "fb7ff0000000000000": "", "4161": "", "8141" + "61": "", "81f97e00": "",
		"a1" + "6178" + "4161": "", "a2616100616100": "", "81a2616100616100": "",
	} {
		payload := unhex(t, "a6"+"6373657101"+tail+"6461726773"+"a1"+"6176"+text)
		good, bad, err := wire.DecodeUp(wire.KindEvent, payload)
		if want == "" {
			if err != nil || len(good) != 0 || said(bad) != fmt.Sprintf("1|args: not a map of names and values|%q", payload) {
				t.Errorf("argument %s: %d good, bad %s, %v; want it refused", text, len(good), said(bad), err)
			}
			continue
		}
		if err != nil || len(bad) != 0 || len(good) != 1 {
			t.Errorf("argument %s: %d good, bad %s, %v", text, len(good), said(bad), err)
			continue
		}
		v := good[0].Event.Args["v"]
		if got := fmt.Sprintf("%T %v", v, v); got != want {
			t.Errorf("argument %s = %s, want %s", text, got, want)
		}
	}
}

// TestNestingIsTheSameInEveryPlace checks that up to eight containers may be nested, including the list of records.
func TestNestingIsTheSameInEveryPlace(t *testing.T) {
	for ext, f := range formats {
		for _, list := range []bool{false, true} {
			for _, key := range []string{"args", "new"} {
				for _, nest := range []func(any) any{func(v any) any { return []any{v} }, func(v any) any { return object{"k": v} }} {
					most := 7 // containers below the record
					if list {
						most--
					}
					for n := most; n <= most+1; n++ {
						var v any = int64(1)
						for range n - 1 {
							v = nest(v)
						}
						var doc any = with(wire.KindEvent, key, object{"k": v})
						if list {
							doc = []any{doc}
						}
						payload := encoded(t, f, doc)
						good, bad, err := wire.DecodeUp(wire.KindEvent, payload)
						if read := len(good) == 1 && len(bad) == 0; err != nil || read != (n == most) {
							t.Errorf("%s %s with %d below the record, list %t: %d good, bad %s, %v", ext, key, n, list, len(good), said(bad), err)
						}
						if n > most && (len(bad) != 1 || bad[0].Reason != "nested too deeply") {
							t.Errorf("%s %s with %d below the record: bad %s", ext, key, n, said(bad))
						}
					}
				}
			}
		}
	}
}

// TestRecordsThatMakeNoPayload produces every error of EncodeUp and JoinUp.
func TestRecordsThatMakeNoPayload(t *testing.T) {
	const begin = "records do not make a payload: "
	event, close := samples()["event"], samples()["close"]
	for _, c := range []struct {
		recs []wire.Record
		want string
	}{
		{nil, "0 of them, want 1 to 100"},
		{make([]wire.Record, 101), "101 of them, want 1 to 100"},
		{[]wire.Record{event, event, close}, "close beside event"},
		{[]wire.Record{{Kind: wire.KindBoot}}, "a boot without its body"},
		{[]wire.Record{{Kind: wire.KindReading}}, "a reading without its body"},
		{[]wire.Record{{Kind: wire.KindToken}}, "a token without its body"},
		{[]wire.Record{{Kind: wire.KindCommand}}, "a command without its body"},
		{[]wire.Record{event, {Kind: wire.KindEvent, Close: close.Close}}, "a event without its body"},
		{[]wire.Record{{Kind: wire.KindClose}}, "a close without its body"},
		{[]wire.Record{{Kind: "weather", Event: event.Event}}, "a weather without its body"},
	} {
		for ext, f := range formats {
			b, err := wire.EncodeUp(f, c.recs...)
			if b != nil || !errors.Is(err, wire.ErrEncode) || err.Error() != begin+c.want {
				t.Errorf("%s EncodeUp = %.20q, %v; want %s", ext, b, err, c.want)
			}
		}
	}
	unwritable := wire.Event{Code: 1, Args: map[string]any{"f": func() {}}}.Record()
	for ext, f := range formats {
		if b, err := wire.EncodeUp(f, unwritable); b != nil || err == nil || !strings.HasPrefix(err.Error(), "encode event: ") {
			t.Errorf("%s EncodeUp of a function = %q, %v", ext, b, err)
		}
		for n, ok := range map[int]bool{0: false, 1: true, 2: true, 100: true, 101: false} {
			b, err := wire.JoinUp(f, make101(t, f)[:n]...)
			want := fmt.Sprintf("%s%d of them, want 1 to 100", begin, n)
			if (err == nil) != ok || (b != nil) != ok || !ok && (!errors.Is(err, wire.ErrEncode) || err.Error() != want) {
				t.Errorf("%s JoinUp of %d: %d bytes, %v", ext, n, len(b), err)
			}
		}
	}
	if b, err := wire.JoinUp(wire.JSON, []byte("{"), []byte("}")); b != nil || err == nil || !strings.HasPrefix(err.Error(), "join records: ") {
		t.Errorf("JoinUp of a text that is not JSON = %q, %v", b, err)
	}
}

// make101 returns one more record than a payload may carry, encoded.
func make101(t *testing.T, f wire.Format) [][]byte {
	t.Helper()
	out := make([][]byte, 101)
	for i := range out {
		out[i] = encoded(t, f, least(wire.KindEvent))
	}
	return out
}

// TestAPayloadOf16KiBIsWrittenAndALargerOneIsNot fills a payload to its last byte.
func TestAPayloadOf16KiBIsWrittenAndALargerOneIsNot(t *testing.T) {
	const begin = "records do not make a payload: payload is larger than 16 KiB"
	for ext, f := range formats {
		filled := func(n int) wire.Record {
			return wire.Event{Head: wire.Head{Seq: 1, Clock: wire.ClockValid}, Args: map[string]any{"x": strings.Repeat("x", n)}}.Record()
		}
		some, err := wire.EncodeUp(f, filled(1000))
		if err != nil {
			t.Fatal(err)
		}
		room := 16384 - len(some) + 1000
		full, err := wire.EncodeUp(f, filled(room))
		if err != nil || len(full) != 16384 {
			t.Fatalf("%s: %d bytes, %v; want 16384", ext, len(full), err)
		}
		if good, bad, err := wire.DecodeUp(wire.KindEvent, full); err != nil || len(bad) != 0 || len(good) != 1 {
			t.Errorf("%s: %d good, bad %s, %v", ext, len(good), said(bad), err)
		}
		if b, err := wire.EncodeUp(f, filled(room+1)); b != nil || !errors.Is(err, wire.ErrEncode) || err.Error() != begin {
			t.Errorf("%s: one byte more gives %d bytes, %v", ext, len(b), err)
		}
		over := 1 // a CBOR list of two adds one byte, a JSON list three
		if f == wire.JSON {
			over = 3
		}
		for more, ok := range map[int]bool{0: true, 1: false} {
			half, err := wire.EncodeUp(f, filled(room-8192-over+more))
			if err != nil {
				t.Fatal(err)
			}
			other, err := wire.EncodeUp(f, filled(8192-len(some)+1000))
			if err != nil {
				t.Fatal(err)
			}
			b, err := wire.JoinUp(f, half, other)
			if ok && (err != nil || len(b) != 16384) || !ok && (b != nil || !errors.Is(err, wire.ErrEncode) || err.Error() != begin) {
				t.Errorf("%s: joined to %d bytes, %v; want it done %t", ext, len(b), err, ok)
			}
		}
	}
}

// TestUsualWordsCostNoAllocation checks that the usual words of readings and tokens are not allocated for each
// record.
func TestUsualWordsCostNoAllocation(t *testing.T) {
	cost := func(o object) float64 {
		payload, err := cbor.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(50, func() {
			if good, _, err := wire.DecodeUp(wire.KindReading, payload); err != nil || len(good) != 1 {
				t.Fatal(len(good), err)
			}
		})
	}
	for _, w := range []string{"closed", "open", "armed", "valid", "holdover", "invalid", "accept", "keypad", "remote", "sms", "CREDIT"} {
		other := strings.Repeat("z", len(w))
		if usual, unusual := cost(with(wire.KindReading, "relay", w)), cost(with(wire.KindReading, "relay", other)); usual >= unusual {
			t.Errorf("%s costs %.0f allocations and %s %.0f, want fewer", w, usual, other, unusual)
		}
	}
	long := least(wire.KindReading)
	for i := len(long); i < 24; i++ {
		long[fmt.Sprintf("new%d", i)] = int64(i)
	}
	if few, many := cost(least(wire.KindReading)), cost(long); few != many {
		t.Errorf("a record of 24 keys costs %.0f allocations, one of %d %.0f; want as many", many, len(least(wire.KindReading)), few)
	}
}
