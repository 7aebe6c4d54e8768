package at_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/gsm/at"
)

// frame is a DELIVER of 27 octets after a service centre's address of 8.
const frame = "07919730071111F1000B919746121611F10000811170021222230DC8329BFD6681EE6F399B1C02"

// say feeds the engine in pieces of n bytes and returns the lines in a short form.
func say(e *at.Engine, n int, s string) []string {
	var out []string
	for len(s) > 0 {
		k := min(n, len(s))
		e.Feed([]byte(s[:k]), func(l at.Line) {
			t := l.Kind.String() + " " + l.Text
			if l.Data != nil {
				t += fmt.Sprintf(" [%d]", len(l.Data))
			}
			out = append(out, t)
		})
		s = s[k:]
	}
	return out
}

func TestEachLineIsClassified(t *testing.T) {
	for _, c := range []struct {
		name string
		run  *at.Command
		in   string
		want []string
	}{
		{"echo and answer", &at.Command{Text: "AT+CSQ", Prefix: "+CSQ:"}, "AT+CSQ\r\r\n+CSQ: 17,0\r\n\r\nOK\r\n", []string{"echo AT+CSQ", "info +CSQ: 17,0", "final OK"}},
		{"a message arrives before the answer", &at.Command{Text: "AT+CSQ", Prefix: "+CSQ:"}, "\r\n+CMTI: \"SM\",3\r\n\r\n+CSQ: 17,0\r\n\r\nOK\r\n",
			[]string{`notice +CMTI: "SM",3`, "info +CSQ: 17,0", "final OK"}},
		{"a report arrives in two lines", &at.Command{Text: "AT+CMGD=1"}, "\r\n+CDS: 31\r\n" + frame + "\r\n\r\nOK\r\n", []string{"notice +CDS: 31 [39]", "final OK"}},
		{"a report between header and message", &at.Command{Text: "AT+CMGR=1", Prefix: "+CMGR:", Message: true},
			"\r\n+CMGR: 0,,31\r\n\r\n+CDS: 2\r\n000102\r\n" + frame + "\r\n\r\nOK\r\n", []string{"notice +CDS: 2 [3]", "info +CMGR: 0,,31 [39]", "final OK"}},
		{"a notice between header and message", &at.Command{Text: "AT+CMGR=1", Prefix: "+CMGR:", Message: true},
			"\r\n+CMGR: 0,,31\r\n\r\n+CMTI: \"SM\",2\r\n" + frame + "\r\n\r\nOK\r\n", []string{`notice +CMTI: "SM",2`, "info +CMGR: 0,,31 [39]", "final OK"}},
		{"a list", &at.Command{Text: "AT+CMGL=4", Prefix: "+CMGL:", Message: true}, "\r\n+CMGL: 1,0,\"\",31\r\n" + frame + "\r\n+CMGL: 2,1,\"\",2\r\n000102\r\n\r\nOK\r\n",
			[]string{`info +CMGL: 1,0,"",31 [39]`, `info +CMGL: 2,1,"",2 [3]`, "final OK"}},
		{"a header without its message", &at.Command{Text: "AT+CMGR=1", Prefix: "+CMGR:", Message: true}, "+CMGR: 0,,31\r\n0001\r\nOK\r\n",
			[]string{"noise 0001", "info +CMGR: 0,,31", "final OK"}},
		{"an empty slot", &at.Command{Text: "AT+CMGR=1", Prefix: "+CMGR:", Message: true}, "\r\nOK\r\n", []string{"final OK"}},
		{"registration asked", &at.Command{Text: "AT+CREG?", Prefix: "+CREG:"}, "+CREG: 5\r\n+CREG: 2,\"1A\",\"2B\"\r\n+CREG: 1,5\r\nOK\r\n",
			[]string{"notice +CREG: 5", `notice +CREG: 2,"1A","2B"`, "info +CREG: 1,5", "final OK"}},
		{"registration unasked", nil, "\r\n+CREG: 1,5\r\n", []string{"notice +CREG: 1,5"}},
		{"PIN asked", &at.Command{Text: "AT+CPIN?", Prefix: "+CPIN:"}, "+CPIN: READY\r\nOK\r\n", []string{"info +CPIN: READY", "final OK"}},
		{"power-up", nil, "\xff\x00\xfe\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nCall Ready\r\n\r\nSMS Ready\r\n",
			[]string{"notice RDY", "notice +CFUN: 1", "notice +CPIN: READY", "notice Call Ready", "notice SMS Ready"}},
		{"power", nil, "NORMAL POWER DOWN\r\nUNDER-VOLTAGE WARNNING\r\nOVER-VOLTAGE POWER DOWN\r\n",
			[]string{"notice NORMAL POWER DOWN", "notice UNDER-VOLTAGE WARNNING", "notice OVER-VOLTAGE POWER DOWN"}},
		{"free information", &at.Command{Text: "ATI", Free: true}, "ATI\r\r\nSIM900 R11.0\r\nRING\r\nOK\r\n", []string{"echo ATI", "info SIM900 R11.0", "notice RING", "final OK"}},
		{"the prompt", &at.Command{Text: "AT+CMGS=35", Prefix: "+CMGS:", Prompts: true}, "\r\n> ", []string{"prompt >"}},
		{"the prompt and more", &at.Command{Text: "AT+CMGS=35", Prefix: "+CMGS:", Prompts: true}, "\r\n>\r\n+CMGS: 7\r\n\r\nOK\r\n",
			[]string{"prompt >", "info +CMGS: 7", "final OK"}},
		{"a late prompt", &at.Command{Text: "AT"}, "\r\n> \r\nOK\r\n", []string{"stale >", "final OK"}},
		{"a late end", nil, "\r\n+CMGS: 7\r\n\r\nOK\r\n", []string{"noise +CMGS: 7", "stale OK"}},
		{"the end of the command before", &at.Command{Text: "AT+CSQ", Prefix: "+CSQ:", Needs: true}, "OK\r\n+CSQ: 1,0\r\nOK\r\n", []string{"stale OK", "info +CSQ: 1,0", "final OK"}},
		{"errors", &at.Command{Text: "AT+CMGS=35", Prefix: "+CMGS:", Prompts: true}, "\r\n+CMS ERROR: 38\r\n\r\n+CME ERROR: SIM busy\r\n", []string{"final +CMS ERROR: 38", "stale +CME ERROR: SIM busy"}},
		{"words nobody knows", nil, "hello\r\n+XYZ: 1\r\n", []string{"noise hello", "noise +XYZ: 1"}},
		{"a number that is no message", nil, "+CDS: many\r\n0102\r\n", []string{"notice +CDS: many", "noise 0102"}},
		{"a message that never comes", nil, "+CDS: 31\r\nRING\r\nRING\r\nRING\r\nRING\r\nRING\r\n" + frame + "\r\n",
			[]string{"notice RING", "notice RING", "notice RING", "notice RING", "notice +CDS: 31", "notice RING", "noise " + frame}},
	} {
		for _, n := range []int{1, 3, 1 << 20} {
			var e at.Engine
			if c.run != nil {
				e.Begin(*c.run)
			}
			if got := say(&e, n, c.in); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s, %d bytes at a time:\n got %q\nwant %q", c.name, n, got, c.want)
			}
		}
	}
}

func TestAnEndlessLineIsThrownAway(t *testing.T) {
	var e at.Engine
	got := say(&e, 64, strings.Repeat("A", 100_000)+"\r\nRDY\r\n")
	if want := []string{"noise " + strings.Repeat("A", 32), "notice RDY"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	fits := strings.Repeat("B", at.MaxLine)
	if got := say(&e, 7, fits+"\r\n"); len(got) != 1 || got[0] != "noise "+fits {
		t.Errorf("a line of the longest length: %.60q", got)
	}
}

func TestNobodyWaitsAfterEnd(t *testing.T) {
	var e at.Engine
	e.Begin(at.Command{Text: "AT+CMGS=3", Prefix: "+CMGS:", Prompts: true})
	e.End()
	if got := say(&e, 9, "\r\n> \r\n+CMGS: 1\r\nOK\r\n"); !reflect.DeepEqual(got, []string{"stale >", "noise +CMGS: 1", "stale OK"}) {
		t.Errorf("got %q", got)
	}
}

func TestErrorClasses(t *testing.T) {
	for class, lines := range map[at.Class][]string{
		at.Done:      {"OK"},
		at.Retry:     {"ERROR", "+CMS ERROR: 38", "+CMS ERROR: 41", "+CMS ERROR: 42", "+CMS ERROR: 47", "+CMS ERROR: 314", "+CMS ERROR: 331", "+CMS ERROR: 332", "+CMS ERROR: 500", "+CMS ERROR: 529", "+CMS ERROR: 22", "+CME ERROR: 30", "+CME ERROR: 14", "+CME ERROR: network timeout"},
		at.Permanent: {"+CMS ERROR: 1", "+CMS ERROR: 8", "+CMS ERROR: 10", "+CMS ERROR: 21", "+CMS ERROR: 28", "+CMS ERROR: 30", "+CMS ERROR: 50", "+CMS ERROR: 69", "+CMS ERROR: 302", "+CMS ERROR: 304", "+CMS ERROR: 305", "+CME ERROR: 4"},
		at.Blocked:   {"+CMS ERROR: 310", "+CMS ERROR: 311", "+CMS ERROR: 313", "+CMS ERROR: 316", "+CME ERROR: 10", "+CME ERROR: 11", "+CME ERROR: 16"},
	} {
		for _, l := range lines {
			if r, ok := at.ParseResult(l); !ok || r.Class() != class {
				t.Errorf("%s: %v %v, want %v", l, r.Class(), ok, class)
			}
		}
	}
	for _, l := range []string{"", "ok", "+CMS: 3", "OK.", "ERROR: 3"} {
		if r, ok := at.ParseResult(l); ok {
			t.Errorf("%q ends a command: %+v", l, r)
		}
	}
}

func TestFields(t *testing.T) {
	got := at.Fields(`+CMGR: "REC UNREAD","+255711000001","","26/11/20,06:05:27+12", 24`)
	want := []at.Field{{Text: "REC UNREAD", Quoted: true}, {Text: "+255711000001", Quoted: true}, {Quoted: true}, {Text: "26/11/20,06:05:27+12", Quoted: true}, {Text: "24"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if n, ok := got[4].Int(); !ok || n != 24 {
		t.Errorf("number: %d %v", n, ok)
	}
	if n, ok := (at.Field{Text: "-1"}).Int(); ok {
		t.Errorf("-1 reads as %d", n)
	}
	if f := at.Fields("+X:"); len(f) != 1 || f[0].Text != "" {
		t.Errorf("no parameter: %+v", f)
	}
}

// FuzzFeed sends any bytes, cut into any pieces. The engine must not crash, must limit the length of its lines, and must understand a clean
// line after the bytes. The cuts must make no difference.
func FuzzFeed(f *testing.F) {
	f.Add([]byte("AT+CSQ\r\r\n+CSQ: 17,0\r\n\r\nOK\r\n"), uint8(1), uint8(0))
	f.Add([]byte("\r\n+CMGR: 0,,31\r\n"+frame+"\r\nOK\r\n> "), uint8(5), uint8(1))
	f.Add([]byte("\r\n+CDS: 31\r\n"+frame), uint8(2), uint8(2))
	f.Add([]byte("+CDS:0\n0\n0\r0"), uint8(14), uint8(13))
	f.Fuzz(func(t *testing.T, in []byte, piece, which uint8) {
		commands := []at.Command{{Text: "AT+CSQ", Prefix: "+CSQ:", Needs: true}, {Text: "AT+CMGR=1", Prefix: "+CMGR:", Message: true},
			{Text: "AT+CMGS=3", Prefix: "+CMGS:", Prompts: true}, {Text: "ATI", Free: true}, {Text: "AT+CREG?", Prefix: "+CREG:"}}
		var a, b at.Engine
		c := commands[int(which)%len(commands)]
		a.Begin(c)
		b.Begin(c)
		one, two := say(&a, len(in)+1, string(in)), say(&b, int(piece)+1, string(in))
		if !reflect.DeepEqual(one, two) {
			t.Fatalf("whole: %q\nin pieces of %d: %q", one, int(piece)+1, two)
		}
		for _, l := range one {
			if len(l) > at.MaxLine+20 {
				t.Fatalf("a line of %d characters", len(l))
			}
		}
		got := say(&a, 1, "\r\n\r\nSMS Ready\r\n")
		if !slices.Contains(got, "notice SMS Ready") { // a header whose second line never came may follow it
			t.Fatalf("after the noise: %q", got)
		}
	})
}
