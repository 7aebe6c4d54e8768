package wire_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/paywatt/paywatt/wire"
)

// object is a record as keys and values, before encoding.
type object = map[string]any

// least returns the required keys of a kind of record, each with a valid value.
func least(k wire.Kind) object {
	if k == wire.KindBoot {
		return object{"store": "0123456789abcdef", "lowest": int64(1), "next": int64(9), "boot": int64(0), "proto": int64(1)}
	}
	out := object{"seq": int64(7), "at": int64(0), "up": int64(0), "clock": "valid"}
	maps.Copy(out, map[wire.Kind]object{
		wire.KindReading: {"register_wh": int64(1), "balance_wh": int64(2), "relay": "open"},
		wire.KindToken:   {"result": "accept", "balance_wh": int64(2), "source": "sms"},
		wire.KindCommand: {"id": "cmd_01", "state": "done"},
		wire.KindEvent:   {"code": int64(1)},
		wire.KindClose:   {"date": "2026-11-20", "register_wh": int64(1)},
	}[k])
	return out
}

// with returns the record that the function least makes, with one key set to a value. If the value is the constant
// absent, the key is removed instead. A path such as key.ken addresses a key of a nested map.
func with(k wire.Kind, path string, value any) object {
	o := least(k)
	outer, inner, nested := strings.Cut(path, ".")
	switch {
	case value == absent:
		delete(o, path)
	case nested:
		o[outer] = object{inner: value}
	default:
		o[path] = value
	}
	return o
}

// absent removes a key.
const absent = deletion(0)

type deletion int

// encoded returns the bytes of a value in a format. It does not use this package's encoder.
func encoded(t *testing.T, f wire.Format, v any) []byte {
	t.Helper()
	write := json.Marshal
	if f == wire.CBOR {
		write = cbor.Marshal
	}
	b, err := write(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkField reads a record in both formats. If the last parameter is not empty, the record must be bad, for that
// reason. Otherwise the value at the path must equal the value that was sent.
func checkField(t *testing.T, k wire.Kind, path string, value any, reason string) {
	t.Helper()
	for ext, f := range formats {
		name := fmt.Sprintf("%s %s with %s %.40v", ext, k, path, value)
		payload := encoded(t, f, with(k, path, value))
		good, bad, err := wire.DecodeUp(k, payload)
		if err != nil || len(good)+len(bad) != 1 {
			t.Errorf("%s: %d good, bad %+v, %v; want one record", name, len(good), bad, err)
			continue
		}
		if reason != "" {
			want := wire.Bad{Seq: 7, HasSeq: true, Reason: reason, Raw: payload}
			if k == wire.KindBoot || path == "seq" {
				want.Seq, want.HasSeq = 0, false
			}
			if len(bad) != 1 || fmt.Sprint(bad[0]) != fmt.Sprint(want) {
				t.Errorf("%s: bad %+v, want %+v", name, bad, want)
			}
			continue
		}
		if len(good) != 1 {
			t.Errorf("%s: bad %+v, want it read", name, bad)
			continue
		}
		got := field(t, good[0], path)
		if want := fmt.Sprint(value); got != want {
			t.Errorf("%s: read as %.40s", name, got)
		}
	}
}

// field returns the value at a path of a record, as text.
func field(t *testing.T, r wire.Record, path string) string {
	t.Helper()
	b, err := wire.EncodeUp(wire.JSON, r)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil {
		t.Fatal(err)
	}
	outer, inner, nested := strings.Cut(path, ".")
	if m, ok := o[outer].(object); ok && nested {
		return fmt.Sprint(m[inner])
	}
	return fmt.Sprint(o[outer])
}

// numbers are the numbers in each kind of record, without the head, with their smallest and largest value. A star marks
// a required number.
var numbers = map[wire.Kind]map[string][2]int64{
	wire.KindBoot: {"*lowest": {1, 9}, "*next": {1, wire.MaxSeq}, "*boot": {0, math.MaxInt64}, "*proto": {1, math.MaxInt32},
		"config.version": {math.MinInt64, math.MaxInt64}, "key.krn": {0, 9}, "key.ken": {0, 255}, "key.base_date": {0, 9999}},
	wire.KindReading: {"*register_wh": wh, "*balance_wh": wh, "ec_used_wh": wh, "overrun_wh": wh, "w": whole32, "mv": whole32},
	wire.KindToken: {"tid": {0, 16777215}, "base_date": {0, 9999}, "class": {0, 3}, "subclass": {0, 15}, "units_wh": wh,
		"*balance_wh": wh},
	wire.KindCommand: {},
	wire.KindEvent:   {"*code": {0, math.MaxInt32}},
	wire.KindClose: {"*register_wh": wh, "used_wh": wh, "min_balance_wh": wh, "max_balance_wh": wh, "max_w": whole32,
		"off_min": {0, math.MaxInt32}, "tokens_wh": wh, "events": {0, math.MaxInt32}},
}

var (
	wh      = [2]int64{-1_000_000_000_000_000, 1_000_000_000_000_000}
	whole32 = [2]int64{math.MinInt32, math.MaxInt32}
	heads   = map[string][2]int64{"*seq": {1, wire.MaxSeq}, "*at": {math.MinInt64, math.MaxInt64}, "*up": {0, math.MaxInt64}}
)

// TestEveryNumberAtItsLimits checks that the smallest and the largest value of every number are read. The values just
// beyond these limits, and all values that are not 64-bit numbers, are refused.
func TestEveryNumberAtItsLimits(t *testing.T) {
	for k, own := range numbers {
		all := maps.Clone(own)
		if k != wire.KindBoot {
			maps.Copy(all, heads)
		}
		for key, r := range all {
			path, needed := strings.CutPrefix(key, "*")
			inside := ""
			if outer, _, nested := strings.Cut(path, "."); nested {
				inside = outer + ": "
			}
			name := inside + path[max(0, len(inside)-1):]
			limits := fmt.Sprintf("is not within %d and %d", r[0], r[1])
			switch path {
			case "lowest":
				limits = fmt.Sprintf("is not within 1 and %d", int64(wire.MaxSeq))
				checkField(t, k, path, int64(10), "lowest: above next")
			case "next":
				checkField(t, k, path, int64(8), "")
			}
			if path != "next" {
				checkField(t, k, path, r[0], "")
			}
			checkField(t, k, path, r[1], "")
			if r[0] > math.MinInt64 {
				checkField(t, k, path, r[0]-1, fmt.Sprintf("%s: %d %s", name, r[0]-1, limits))
			}
			if r[1] < math.MaxInt64 && path != "lowest" {
				checkField(t, k, path, r[1]+1, fmt.Sprintf("%s: %d %s", name, r[1]+1, limits))
			}
			for _, wrong := range []any{"1", true, 1.5, uint64(math.MaxInt64) + 1, []any{}, object{}} {
				checkField(t, k, path, wrong, name+": not a whole number of 64 bits")
			}
			if needed {
				checkField(t, k, path, absent, path+": missing")
				checkField(t, k, path, nil, path+": missing")
			}
		}
	}
}

// TestEveryTextAtItsLimits checks that a text of 256 bytes is read and a text of 257 bytes is refused. A required
// text may not be empty.
func TestEveryTextAtItsLimits(t *testing.T) {
	for k, list := range map[wire.Kind][]string{
		wire.KindBoot:    {"*store", "fw", "reset", "config.hash", "!key.sgc", "!key.ti"},
		wire.KindReading: {"*clock", "*relay"},
		wire.KindToken:   {"*clock", "*result", "*source", "request"},
		wire.KindCommand: {"*clock", "*id", "*state", "reason"},
		wire.KindEvent:   {"*clock"},
		wire.KindClose:   {"*clock", "*date"},
	} {
		for _, key := range list {
			path := strings.TrimLeft(key, "*!")
			name := strings.Replace(path, ".", ": ", 1)
			checkField(t, k, path, strings.Repeat("x", 257), name+": text longer than 256 bytes")
			for _, wrong := range []any{int64(1), false, 1.5, []any{"a"}, object{}} {
				checkField(t, k, path, wrong, name+": not a text")
			}
			switch path {
			case "store", "clock":
			default:
				checkField(t, k, path, strings.Repeat("x", 256), "")
			}
			if key != path {
				checkField(t, k, path, "", name+": empty")
			} else if path != "reason" {
				checkField(t, k, path, "", "")
			}
			if key[0] == '*' {
				checkField(t, k, path, absent, path+": missing")
				checkField(t, k, path, nil, path+": missing")
			}
		}
	}
	for _, clock := range []string{"valid", "holdover", "invalid"} {
		checkField(t, wire.KindEvent, "clock", clock, "")
	}
	for _, clock := range []string{"Valid", "holdove", "invalid "} {
		checkField(t, wire.KindEvent, "clock", clock, "clock: not valid, holdover or invalid")
	}
	for _, store := range []string{"0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", "0123456789abcdeg"} {
		checkField(t, wire.KindBoot, "store", store, "store: not 16 hexadecimal digits")
	}
}

// TestListsMapsAndFlagsRefuseOtherTypes checks that the reason names the field and the expected type.
func TestListsMapsAndFlagsRefuseOtherTypes(t *testing.T) {
	for path, k := range map[string]wire.Kind{"caps": wire.KindBoot, "reasons": wire.KindReading} {
		for _, good := range [][]string{{}, {"CREDIT"}, {"CREDIT", "", "x"}, {strings.Repeat("x", 256)}, slices.Repeat([]string{"a"}, 128)} {
			checkField(t, k, path, good, "")
		}
		for _, wrong := range []any{"CREDIT", int64(1), object{}, true} {
			checkField(t, k, path, wrong, path+": not a list")
		}
		checkField(t, k, path, []any{"a", int64(1)}, path+": not a text")
		checkField(t, k, path, []any{"a", strings.Repeat("x", 257)}, path+": text longer than 256 bytes")
	}
	checkField(t, wire.KindClose, "gap", true, "")
	for _, wrong := range []any{int64(1), int64(0), "true", []any{}} {
		checkField(t, wire.KindClose, "gap", wrong, "gap: neither true nor false")
	}
	for _, path := range []string{"config", "key"} {
		for _, wrong := range []any{int64(1), "x", []any{}, false} {
			checkField(t, wire.KindBoot, path, wrong, path+": a record is a map of keys and values")
		}
	}
	for _, wrong := range []any{int64(1), "x", []any{}, false, 1.5} {
		checkField(t, wire.KindEvent, "args", wrong, "args: not a map of names and values")
	}
}

// TestWhatIsMissingIsZero checks that an optional key may be missing or null, and that it then reads as the zero
// value.
func TestWhatIsMissingIsZero(t *testing.T) {
	want := map[wire.Kind]string{
		wire.KindBoot: `{"store":"0123456789abcdef","lowest":1,"next":9,"boot":0,"proto":1,"fw":"","reset":"","caps":[],` +
			`"config":{"version":0,"hash":""}}`,
		wire.KindReading: `{"seq":7,"at":0,"up":0,"clock":"valid","register_wh":1,"balance_wh":2,"ec_used_wh":0,"overrun_wh":0,` +
			`"w":0,"mv":0,"relay":"open","reasons":[]}`,
		wire.KindToken: `{"seq":7,"at":0,"up":0,"clock":"valid","request":"","base_date":0,"result":"accept","units_wh":0,` +
			`"balance_wh":2,"source":"sms"}`,
		wire.KindCommand: `{"seq":7,"at":0,"up":0,"clock":"valid","id":"cmd_01","state":"done"}`,
		wire.KindEvent:   `{"seq":7,"at":0,"up":0,"clock":"valid","code":1}`,
		wire.KindClose: `{"seq":7,"at":0,"up":0,"clock":"valid","date":"2026-11-20","register_wh":1,"used_wh":0,"min_balance_wh":0,` +
			`"max_balance_wh":0,"max_w":0,"off_min":0,"tokens_wh":0,"events":0}`,
	}
	optional := map[wire.Kind][]string{
		wire.KindBoot: {"fw", "reset", "caps", "config", "key"}, wire.KindReading: {"ec_used_wh", "overrun_wh", "w", "mv", "reasons"},
		wire.KindToken:   {"request", "tid", "base_date", "class", "subclass", "units_wh"},
		wire.KindCommand: {"reason"}, wire.KindEvent: {"args"},
		wire.KindClose: {"used_wh", "min_balance_wh", "max_balance_wh", "max_w", "off_min", "tokens_wh", "events", "gap"},
	}
	for k, text := range want {
		nulls := least(k)
		for _, key := range optional[k] {
			nulls[key] = nil
		}
		for _, o := range []object{least(k), nulls} {
			for ext, f := range formats {
				good, bad, err := wire.DecodeUp(k, encoded(t, f, o))
				if err != nil || len(bad) != 0 || len(good) != 1 {
					t.Errorf("%s %s: %d good, bad %+v, %v", ext, k, len(good), bad, err)
					continue
				}
				if got, err := wire.EncodeUp(wire.JSON, good[0]); err != nil || string(got) != text {
					t.Errorf("%s %s: read as %s, %v; want %s", ext, k, got, err, text)
				}
			}
		}
	}
}
