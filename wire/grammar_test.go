package wire_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/wire"
)

// TestJSONIsThatOfTheStandardLibrary tries every short text over a few letters as a value. The value is read exactly
// if encoding/json calls it well-formed.
func TestJSONIsThatOfTheStandardLibrary(t *testing.T) {
	const before, after = `{"seq":1,"at":0,"up":0,"clock":"valid","code":1,"x":`, `}`
	var try func(alphabet, text string, left int)
	try = func(alphabet, text string, left int) {
		payload := before + text + after
		good, bad, err := wire.DecodeUp(wire.KindEvent, []byte(payload))
		if got, want := err == nil && len(good) == 1 && len(bad) == 0, json.Valid([]byte(payload)); got != want {
			t.Errorf("value %q: read %t, want %t", text, got, want)
		}
		if left > 0 && !t.Failed() {
			for i := range len(alphabet) {
				try(alphabet, text+alphabet[i:i+1], left-1)
			}
		}
	}
	try("01-+.eE ", "", 5)
	try(`[]{},:"1`, "", 5)
	for _, text := range []string{"true", "false", "null", "tru", "truex", "nul", "True", `"\u00e4"`, `"\u00"`, `"\x"`, `"a\"`, `"\""`, "\"\t\"", "\"\x1f\"", "\" \""} {
		try("", text, 0)
	}
}

// TestAKeyIsNotGivenTwiceAnywhere checks that duplicate keys are refused, because it is unknown which of the two
// values is meant.
func TestAKeyIsNotGivenTwiceAnywhere(t *testing.T) {
	const head = `{"seq":1,"at":0,"up":0,"clock":"valid",`
	const boot = `{"store":"0123456789abcdef","lowest":1,"next":2,"boot":0,"proto":1,`
	for _, c := range []struct {
		kind    wire.Kind
		payload string
		ok      bool
	}{
		{wire.KindEvent, head + `"code":1,"args":{"a":1,"b":{"c":2}}}`, true},
		{wire.KindEvent, head + `"code":1,"args":{"a":1,"a":1}}`, false},
		{wire.KindEvent, head + `"code":1,"args":{"b":{"c":2,"c":2}}}`, false},
		{wire.KindEvent, head + `"code":1,"args":{"b":[{"c":2,"c":2}]}}`, false},
		{wire.KindEvent, head + `"code":1,"new":1,"new":2}`, false},
		{wire.KindBoot, boot + `"config":{"version":7,"hash":"ab"}}`, true},
		{wire.KindBoot, boot + `"config":{"version":7,"version":8}}`, false},
		{wire.KindBoot, boot + `"key":{"ken":255}}`, true},
		{wire.KindBoot, boot + `"key":{"ken":255,"ken":254}}`, false},
	} {
		good, bad, err := wire.DecodeUp(c.kind, []byte(c.payload))
		if got := err == nil && len(good) == 1 && len(bad) == 0; got != c.ok {
			t.Errorf("%s: good %d, bad %+v, %v; want read %t", c.payload, len(good), bad, err, c.ok)
		}
	}
}

// TestWhatFollowsAPayloadIsNotSwallowed adds bytes after a payload. The records before these bytes are good, and the
// rest is reported as one Bad.
func TestWhatFollowsAPayloadIsNotSwallowed(t *testing.T) {
	rec := wire.Event{Head: wire.Head{Seq: 1, Clock: wire.ClockValid}, Code: 1}.Record()
	for name, c := range map[string]struct {
		f    wire.Format
		list bool
		rest string
		bad  int
	}{
		"a record and blanks":       {wire.JSON, false, " \r\n\t", 0},
		"a list and blanks":         {wire.JSON, true, "\n", 0},
		"a record and a letter":     {wire.JSON, false, "x", 1},
		"a list and a letter":       {wire.JSON, true, " x", 1},
		"a list and a second one":   {wire.JSON, true, "[]", 1},
		"a CBOR record":             {wire.CBOR, false, "", 0},
		"a CBOR record and a byte":  {wire.CBOR, false, "\x00", 1},
		"a CBOR list and a byte":    {wire.CBOR, true, "\xf6", 1},
		"a CBOR list and a newline": {wire.CBOR, true, "\n", 1},
	} {
		payload, err := wire.EncodeUp(c.f, rec)
		if err == nil && c.list {
			payload, err = wire.EncodeUp(c.f, rec, rec)
		}
		if err != nil {
			t.Fatal(err)
		}
		good, bad, err := wire.DecodeUp(wire.KindEvent, append(payload, c.rest...))
		want := 1
		if c.list {
			want = 2
		}
		if err != nil || len(good) != want || len(bad) != c.bad {
			t.Errorf("%s: %d good, bad %+v, %v; want %d and %d", name, len(good), bad, err, want, c.bad)
		}
	}
}

// TestAListIsNotAText checks that a list in place of a text is refused, at every depth of nesting. Arguments of an
// event may be nested, but only up to a limit.
func TestAListIsNotAText(t *testing.T) {
	const head = `{"seq":1,"at":0,"up":0,"clock":"valid","register_wh":1,"balance_wh":0,"relay":"open","reasons":[`
	for n := range 10 {
		payload := head + strings.Repeat("[", n) + `"CREDIT"` + strings.Repeat("]", n) + "]}"
		good, bad, err := wire.DecodeUp(wire.KindReading, []byte(payload))
		if ok := err == nil && len(good) == 1 && len(bad) == 0; ok != (n == 0) {
			t.Errorf("a reason in %d lists: good %d, bad %+v, %v", n, len(good), bad, err)
		}
	}
	for n, ok := range map[int]bool{6: true, 7: false} { // the record and its args are two more levels, and eight are allowed
		for _, nest := range [][2]string{{"[", "]"}, {`{"y":`, "}"}} {
			payload := `{"seq":1,"at":0,"up":0,"clock":"valid","code":1,"args":{"x":` + strings.Repeat(nest[0], n) + "1" + strings.Repeat(nest[1], n) + "}}"
			good, bad, err := wire.DecodeUp(wire.KindEvent, []byte(payload))
			if got := err == nil && len(good) == 1 && len(bad) == 0; got != ok {
				t.Errorf("an argument in %d %s: good %d, bad %+v, %v; want read %t", n, nest[0], len(good), bad, err, ok)
			}
		}
	}
	for n, ok := range map[int]bool{6: true, 7: false} { // the record and the innermost empty list are two more levels
		for name, nest := range map[string]string{"lists": "81", "maps": "a16179"} {
			payload, err := hex.DecodeString("a663736571016261740062757000" + "65636c6f636b6576616c696464636f646507" + "6178" + strings.Repeat(nest, n) + "80")
			if err != nil {
				t.Fatal(err)
			}
			good, bad, err := wire.DecodeUp(wire.KindEvent, payload)
			if got := err == nil && len(good) == 1 && len(bad) == 0; got != ok {
				t.Errorf("%d %s of CBOR: good %d, bad %+v, %v; want read %t", n, name, len(good), bad, err, ok)
			}
		}
	}
}

// TestNumbersOfARecordAtTheirLimits tries each number just inside and just outside its limits.
func TestNumbersOfARecordAtTheirLimits(t *testing.T) {
	const head = `{"seq":1,"at":0,"up":0,"clock":"valid",`
	const boot = `{"store":"0123456789abcdef","lowest":1,"next":2,"boot":0,"proto":1`
	for _, c := range []struct {
		kind        wire.Kind
		begin       string
		good, wrong []string
	}{
		{wire.KindToken, head + `"result":"accept","balance_wh":0,"source":"keypad"`,
			[]string{`"tid":0`, `"tid":16777215`, `"class":0`, `"class":3`, `"subclass":15`, `"base_date":9999`},
			[]string{`"tid":-1`, `"tid":16777216`, `"class":4`, `"class":-1`, `"subclass":16`, `"base_date":10000`, `"base_date":-1`}},
		{wire.KindBoot, boot, []string{`"key":{"krn":9,"ken":255,"base_date":9999}`, `"key":{"krn":0,"ken":0,"base_date":0}`},
			[]string{`"key":{"krn":10}`, `"key":{"ken":256}`, `"key":{"ken":-1}`, `"key":{"base_date":10000}`, `"key":7`, `"config":[]`, `"config":{"version":"7"}`}},
		{wire.KindReading, head + `"balance_wh":0,"relay":"open"`,
			[]string{`"register_wh":1000000000000000`, `"register_wh":-1000000000000000`, `"register_wh":0,"w":2147483647,"mv":-2147483648`},
			[]string{`"register_wh":1000000000000001`, `"register_wh":-1000000000000001`, `"register_wh":0,"w":2147483648`, `"register_wh":0,"mv":-2147483649`}},
		{wire.KindClose, head + `"date":"2026-11-20","register_wh":0`, []string{`"off_min":0`, `"events":2147483647`}, []string{`"off_min":-1`, `"events":2147483648`, `"events":-1`}},
	} {
		for wrong, list := range map[bool][]string{false: c.good, true: c.wrong} {
			for _, more := range list {
				good, bad, err := wire.DecodeUp(c.kind, []byte(c.begin+","+more+"}"))
				if got := err == nil && len(good) == 1 && len(bad) == 0; got == wrong {
					t.Errorf("%s with %s: good %d, bad %+v, %v; want read %t", c.kind, more, len(good), bad, err, !wrong)
				}
			}
		}
	}
	for store, ok := range map[string]bool{"0123456789abcdef": true, "0123456789ABCDEF": false, "0123456789abcde": false, "0123456789abcdef0": false,
		"g123456789abcdef": false, "/123456789abcdef": false, ":123456789abcdef": false, "`123456789abcdef": false} {
		good, bad, err := wire.DecodeUp(wire.KindBoot, []byte(strings.Replace(boot, "0123456789abcdef", store, 1)+"}"))
		if got := err == nil && len(good) == 1 && len(bad) == 0; got != ok {
			t.Errorf("memory %s: good %d, bad %+v, %v; want read %t", store, len(good), bad, err, ok)
		}
	}
	for payload, ok := range map[string]bool{"[" + head + `"code":1} , ` + head + `"code":2} ]`: true, "[ " + head + `"code":1} , ]`: false, "[ ,]": false} {
		good, bad, err := wire.DecodeUp(wire.KindEvent, []byte(payload))
		if got := err == nil && len(good) == 2 && len(bad) == 0; got != ok {
			t.Errorf("%s: good %d, bad %+v, %v", payload, len(good), bad, err)
		}
	}
}

// TestCBORLengthsMayBeWide checks that a length or a number may use more bytes than it needs.
func TestCBORLengthsMayBeWide(t *testing.T) {
	const rest = "62617400627570006563" + "6c6f636b6576616c696464636f6465"
	for text, code := range map[string]int{
		"a563736571" + "01" + rest + "07":               7,
		"a563736571" + "1801" + rest + "1807":           7,
		"b80563736571" + "190001" + rest + "190107":     263,
		"b9000563736571" + "1a00000001" + rest + "1807": 7,
	} {
		payload, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		good, bad, err := wire.DecodeUp(wire.KindEvent, payload)
		if err != nil || len(bad) != 0 || len(good) != 1 || good[0].Event.Code != code || good[0].Event.Seq != 1 {
			t.Errorf("%s: %+v, bad %+v, %v; want code %d", text, good, bad, err, code)
		}
	}
}
