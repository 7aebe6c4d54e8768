package meter_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata; read the diff")

// TestTranscripts plays the stories in testdata. Lines that begin with > are commands, # comments; all other lines
// describe the meter's actions.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if got == string(want) {
				return
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("%s differs (go test ./meter -update rewrites it):\n%s", file, firstDifference(got, string(want)))
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return fmt.Sprintf("line %d\n got  %q\n want %q", i+1, g[i], append(w, "")[min(i, len(w))])
		}
	}
	return fmt.Sprintf("line %d is missing: %q", len(g)+1, w[len(g)])
}

// story is a transcript being played.
type story struct {
	*rig
	out    strings.Builder
	tokens map[string]string
	made   map[string]sts.Key // the new key of each set, by the name of the set
	key    sts.Key            // the key with which tokens are made
	count  int
}

func play(t *testing.T, script string) string {
	s := &story{rig: newRig(t), tokens: map[string]string{}, made: map[string]sts.Key{}, key: testKey(t)}
	s.seen = s.tell
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "> "):
			s.out.WriteString(line + "\n")
			s.do(line[2:])
			if !silent(line) {
				s.sum()
			}
		case strings.HasPrefix(line, "#") || line == "":
			s.out.WriteString(line + "\n")
		}
	}
	return s.out.String()
}

// silent reports whether a command does not involve the meter.
func silent(line string) bool {
	for _, word := range []string{"token", "set", "manage", "test", "issuer"} {
		if strings.HasPrefix(line, "> "+word+" ") {
			return true
		}
	}
	return false
}

func (s *story) sayf(format string, args ...any) {
	line := fmt.Sprintf("  %s  %s", s.now().Format("15:04:05"), fmt.Sprintf(format, args...))
	s.out.WriteString(strings.TrimRight(line, " ") + "\n")
}

// sum is the line under each command: display, relay, reasons.
func (s *story) sum() {
	l := s.lcd()
	fmt.Fprintf(&s.out, "  = [%-16s] [%-16s] %s", l[0], l[1], s.state.Relay)
	if s.state.Reasons != 0 {
		fmt.Fprintf(&s.out, " %s", s.state.Reasons)
	}
	fmt.Fprintf(&s.out, ", light %s\n", s.state.LED)
}

// do carries out one command of a transcript.
func (s *story) do(line string) {
	s.tb.Helper()
	word := strings.Fields(line)
	arg := func(i int) string {
		if i >= len(word) {
			s.tb.Fatalf("command %q: argument %d missing", line, i)
		}
		return word[i]
	}
	switch word[0] {
	case "token": // token A 34.7
		s.tokens[arg(1)] = creditFor(s.tb, s.key, s.nextTID(), tenths(s.tb, arg(2)))
	case "manage": // manage M sub-class value
		sub, value := number(s.tb, arg(2)), number(s.tb, arg(3))
		s.tokens[arg(1)] = manageFor(s.tb, s.key, uint8(sub), s.nextTID(), uint16(value))
	case "test": // test T number
		s.tokens[arg(1)] = testFor(s.tb, sts.TestShort, 1<<(number(s.tb, arg(2))-1), 0)
	case "set": // set K krn=2 ti=01 sgc=123456 rollover: makes the tokens K1, K2 and so on
		s.set(arg(1), word[2:])
	case "issuer": // issuer K: from now on tokens are made with the key of set K
		s.key = s.made[arg(1)]
	case "key":
		s.keypad(s.digits(arg(1)))
	case "sms", "stranger": // sms TEXT
		text := s.digits(strings.Join(word[1:], " "))
		if a := s.sms(word[0], text, word[0] == "sms"); a != "" {
			s.sayf("answer %q", a)
		} else {
			s.sayf("no answer")
		}
	case "push": // push A request
		s.rig.token(s.digits(arg(1)), meter.Remote, arg(2))
	case "load":
		s.load = unit.Power(number(s.tb, arg(1)))
		s.step(meter.Event{Kind: meter.EventPower, Power: s.load, Voltage: 230_000})
	case "run":
		d, err := time.ParseDuration(arg(1))
		if err != nil {
			s.tb.Fatal(err)
		}
		s.run(d)
	case "wrong": // wrong 5: five wrong tokens at the keypad
		for range number(s.tb, arg(1)) {
			s.keypad(wrongToken(s.tb, 0) + "#")
		}
	case "command": // command connect id counter [force]
		s.command(arg(2), uint64(number(s.tb, arg(3))), meter.Event{
			Command: meter.ParseCommand(arg(1)), Force: len(word) > 4 && word[4] == "force",
		})
	case "cancel": // cancel A id counter
		o := s.keys.Open(s.tokens[arg(1)])
		s.command(arg(2), uint64(number(s.tb, arg(3))), meter.Event{
			Command: meter.CommandCancelToken, TID: o.TID, Base: sts.Base2014,
		})
	case "config": // config version id counter {json}
		s.config(uint32(number(s.tb, arg(1))), arg(2), uint64(number(s.tb, arg(3))), strings.Join(word[4:], " "))
	case "power":
		s.power(arg(1))
	case "tamper", "time", "emergency", "comms", "export", "step", "time-off", "lease":
		s.more(word, arg)
	case "memory":
		s.mem.fail = arg(1) == "fails"
	case "clock":
		s.clock = map[string]meter.Clock{"valid": meter.ClockValid, "invalid": meter.ClockInvalid}[arg(1)]
	default:
		s.tb.Fatalf("unknown command %q", line)
	}
}

// more carries out the commands that are neither tokens nor messages of the server.
func (s *story) more(word []string, arg func(int) string) {
	switch word[0] {
	case "tamper": // tamper cover on
		kind, known := meter.ParseTamper(arg(1))
		if !known {
			s.tb.Fatalf("no tamper kind %q", arg(1))
		}
		s.step(meter.Event{Kind: meter.EventTamper, Tamper: kind, Active: arg(2) == "on"})
		s.run(300 * time.Millisecond)
	case "time": // time menu 2026-11-20T07:00:00Z
		at, err := time.Parse(time.RFC3339, arg(2))
		if err != nil {
			s.tb.Fatal(err)
		}
		by := map[string]meter.ClockSource{"menu": meter.ClockMenu, "gsm": meter.ClockGSM}[arg(1)]
		if arg(1) == "server" {
			s.command("cmd_time_"+arg(2), s.state.Counter+1, meter.Event{Command: meter.CommandSetTime, NewAt: at.Unix()})
			return
		}
		s.step(meter.Event{Kind: meter.EventClock, NewAt: at.Unix(), ClockBy: by})
	case "lease": // lease 7 12000 72h [again]: number, register, duration; a further word gives the lease another id
		ttl, err := time.ParseDuration(arg(3))
		if err != nil {
			s.tb.Fatal(err)
		}
		s.command("lease_"+strings.Join(word[1:], "_"), s.state.Counter+1, meter.Event{Command: meter.CommandLease, Lease: meter.Lease{
			Seq: uint32(number(s.tb, arg(1))), Max: unit.Energy(number(s.tb, arg(2))), TTL: uint32(ttl.Seconds()),
		}})
	case "emergency": // emergency keypad
		from := map[string]meter.Source{"keypad": meter.Keypad, "sms": meter.SMS}[arg(1)]
		s.step(meter.Event{Kind: meter.EventActivate, Source: from})
	case "comms": // comms on
		s.step(meter.Event{Kind: meter.EventComms, Active: arg(1) == "on"})
	case "step": // step confirm: # on the home page
		s.step(meter.Event{Kind: meter.EventConfirm})
	case "time-off": // time-off 49h: the mains is back after 49 hours
		d, err := time.ParseDuration(arg(1))
		if err != nil {
			s.tb.Fatal(err)
		}
		s.reboot(d)
	case "export": // export 500
		s.step(meter.Event{Kind: meter.EventEnergy, Export: unit.Energy(number(s.tb, arg(1)))})
	}
}

func (s *story) nextTID() sts.TID {
	s.count++
	return testTID(s.tb, testStart()) + sts.TID(s.count)
}

// set makes a key change from the issuer's key.
func (s *story) set(name string, options []string) {
	s.tb.Helper()
	key := aKey(s.tb, s.key.EA(), byte(len(s.made)+2))
	c := sts.KeyChange{Key: key, KEN: 255, KRN: 2, KT: sts.DUTK, TI: "01"}
	for _, o := range options {
		field, value, _ := strings.Cut(o, "=")
		switch field {
		case "krn":
			c.KRN = uint8(number(s.tb, value))
		case "kt":
			c.KT = sts.KeyType(number(s.tb, value))
		case "ken":
			c.KEN = uint8(number(s.tb, value))
		case "ti":
			c.TI = value
		case "sgc":
			c.SGC = value
		case "rollover":
			c.Rollover = true
		default:
			s.tb.Fatalf("set: unknown option %q", o)
		}
	}
	s.made[name] = key
	for i, digits := range keySet(s.tb, s.key, c) {
		s.tokens[name+strconv.Itoa(i+1)] = digits
	}
}

// power cuts or restores the mains. "crash" gives the meter no time to save; "torn" cuts in the middle of writing the
// record of the token that follows.
func (s *story) power(how string) {
	switch how {
	case "off":
		s.step(meter.Event{Kind: meter.EventPowerFail})
	case "opened": // the mains is back, and the cover was opened while it was off
		s.reboot(10*time.Minute, meter.TamperCover)
	case "crash":
		s.sayf("the mains is gone without a save")
	case "on":
		s.reboot(10 * time.Minute)
	case "slow":
		s.lazy = true
	case "torn":
		s.lazy = false
		before := s.mem.b
		if err := s.j.Append(&s.state, *s.under); err != nil {
			s.tb.Fatal(err)
		}
		cut := false
		for i := range before {
			if before[i] != s.mem.b[i] {
				if cut {
					s.mem.b[i] = before[i]
				}
				cut = !cut
			}
		}
		s.sayf("the mains is gone in the middle of a write")
	default:
		s.tb.Fatalf("unknown power command %q", how)
	}
}

func (s *story) config(version uint32, id string, counter uint64, text string) {
	var doc map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		s.tb.Fatal(err)
	}
	for k, v := range doc {
		if n, ok := v.(json.Number); ok {
			doc[k] = number(s.tb, string(n))
		}
	}
	c, bad := meter.NewConfig(s.cfg, version, doc)
	ev := meter.Event{Kind: meter.EventConfig, Version: version, Wallet: c.Wallet}
	if bad != "" {
		ev.Refused = meter.AnswerConfig
		s.sayf("configuration refused for %q", bad)
	}
	s.next = &c
	s.command(id, counter, ev)
}

// digits replaces the names of tokens by their digits, longer names first.
func (s *story) digits(text string) string {
	names := slices.Collect(maps.Keys(s.tokens))
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, name := range names {
		text = strings.ReplaceAll(text, name, s.tokens[name])
	}
	return text
}

// tell writes the meter's actions in the words of a customer-care agent.
func (s *story) tell(e meter.Effect) {
	switch e.Kind {
	case meter.EffectRelay:
		s.sayf("relay %s", map[bool]string{true: "closes", false: "opens"}[e.Close])
	case meter.EffectLED:
		s.sayf("light %s", e.LED)
	case meter.EffectBuzzer:
		s.sayf("buzzer %s", e.Buzzer)
	case meter.EffectSMS:
		s.sayf("sms to the customer %q", panel.Message(s.look(), e.SMS, e.Balance))
	case meter.EffectPublish:
		s.tellReport(&e.Report)
	case meter.EffectEmergency:
		s.sayf("emergency credit: %s, to %s", e.EC, e.Source)
	case meter.EffectClock:
		s.sayf("clock to %s: %s", time.Unix(e.At, 0).UTC().Format(time.RFC3339), e.Clock)
		if e.Clock == meter.ClockDone {
			s.born, s.clock = e.At*1000-int64(s.up), meter.ClockValid
		}
	case meter.EffectAppend:
		s.tellRow(&e.Row, e.Days)
	}
}

func (s *story) tellRow(r *meter.Row, gap uint8) {
	if r.Kind == meter.HistoryMonths {
		s.sayf("row of month %s: register %d, used %d, tokens %d", r.Date.String()[:7], r.Register, r.Used, r.Tokens)
		return
	}
	s.sayf("row of day %s: register %d, used %d, credit %d to %d, peak %d W, off %d min, tokens %d, %d events, clock %s",
		r.Date, r.Register, r.Used, r.Min, r.Max, r.Peak, r.OffMinutes, r.Tokens, r.Events, r.Clock)
	if gap > 0 {
		s.sayf("and %d empty days after it, marked as a gap", gap)
	}
}

func (s *story) tellReport(r *meter.Report) {
	switch r.Kind {
	case meter.ReportEvent:
		args, err := json.Marshal(r.Args())
		if err != nil {
			s.tb.Fatal(err)
		}
		s.sayf("event %d %s", r.Code, args)
	case meter.ReportToken:
		s.sayf("up/token %s %s kWh by %s %s", r.Result, r.Units.KWh(1), r.Source, s.ids[r.Request])
	case meter.ReportClose:
		s.sayf("up/close %s", r.Row.Date)
	case meter.ReportCommand:
		s.sayf("up/command %s %s %s", s.ids[r.Request], r.Answer.State(), r.Answer.Reason())
	}
}

func tenths(tb testing.TB, kwh string) int64 {
	tb.Helper()
	return number(tb, strings.Replace(kwh, ".", "", 1))
}

func number(tb testing.TB, s string) int64 {
	tb.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}
