package panel_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

func TestShortCodes(t *testing.T) {
	for _, c := range []struct {
		keys  string
		event meter.EventKind
		line1 string
	}{
		{"01#", 0, "CREDIT  8.12 kWh"}, {"1#", 0, "CREDIT  8.12 kWh"}, {"001#", 0, "CREDIT  8.12 kWh"},
		{"*110#", 0, "TOTAL"}, {"12#", 0, "METER"}, {"14#", 0, "SOFTWARE"}, {"12##", 0, "KRN -"}, {"12###", 0, "SGC"}, {"12####", 0, "METER"},
		{"12#*", 0, "CREDIT  8.12 kWh"},
		// Digits that are not a code count as a token, and so does a code with too many digits.
		{"2#", meter.EventToken, "2"}, {"99#", meter.EventToken, "99"}, {"000#", meter.EventToken, "000"}, {"0001#", meter.EventToken, "0001"},
	} {
		d := newRig(t)
		if got := d.keys(c.keys); got != c.event {
			t.Errorf("%q: event %d, want %d", c.keys, got, c.event)
		}
		if got := d.lines()[0]; got != c.line1 {
			t.Errorf("%q shows %q, want %q", c.keys, got, c.line1)
		}
	}
}

func TestShortCodesOfAMaker(t *testing.T) {
	codes, err := panel.ParseCodes("register=800, emergency=77,version=5")
	if err != nil {
		t.Fatal(err)
	}
	d := newRig(t)
	d.setup.Codes = codes
	for keys, want := range map[string]string{"800#": "TOTAL", "5#": "SOFTWARE", "077#": "NO EMERGENCY", "01#": "01"} {
		if d.keys(keys); d.lines()[0] != want {
			t.Errorf("%q shows %q, want %q", keys, d.lines()[0], want)
		}
		d.keys("*")
		d.p = panel.Panel{}
	}
	if got := panel.Message(d.m(), meter.MessageEmergency, 0); !strings.Contains(got, "type 77 # at") {
		t.Errorf("the offer says %q", got)
	}
	for table, want := range map[string]string{
		"register": "1 to 999", "register=0": "1 to 999", "register=1000": "1 to 999", "power=x": "1 to 999", "colour=1": "no page",
		"power=1,register=1": "two pages", "=1": "no page",
	} {
		if _, err := panel.ParseCodes(table); !errors.Is(err, panel.ErrCodes) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", table, err, want)
		}
	}
	if codes, err := panel.ParseCodes(""); err != nil || codes != panel.DefaultCodes() {
		t.Errorf("no table: %v, %v", codes, err)
	}
}

func TestEmergencyCreditWantsADeliberateKey(t *testing.T) {
	d := newRig(t)
	d.c.ECLimit, d.s.EC = 5000, meter.ECOffered
	if got := d.press("03#"); got != (panel.Press{}) {
		t.Errorf("the page alone asks for %+v", got)
	}
	d.wants("EMERGENCY CREDIT", "# USE   5.00 kWh")
	if got := d.press("#"); got.Event != meter.EventActivate {
		t.Errorf("# on its page: event %d, want the activation", got.Event)
	}
	// An answer to another source is not shown here.
	d.notice(meter.Effect{Kind: meter.EffectEmergency, EC: meter.ECNotActive, Source: meter.SMS})
	d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
}

// A meter may lend emergency credit only the first time. Until that credit is used, the page says that emergency
// credit is available.
func TestTheOneTimeEmergencyCreditIsThere(t *testing.T) {
	d := newRig(t)
	d.c.ECLimit, d.c.ECInitial, d.s.EC = 0, 5000, meter.ECNone
	d.press("03#")
	d.wants("NOT NEEDED YET", "CREDIT IS ENOUGH")
	d.s.Flags |= meter.FlagInitial
	d.press("*03#")
	d.wants("NO EMERGENCY", "ASK YOUR SELLER")
}

func TestTheClockIsSetAsItIsTyped(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*meter.Config)
		keys   string
		want   string // the expected time in UTC
	}{
		{"UTC", func(*meter.Config) {}, "2011260815", "2026-11-20T08:15:00Z"},
		{"Nairobi", func(c *meter.Config) { c.TZMinutes = 180 }, "2011260815", "2026-11-20T05:15:00Z"},
		{"the first minute of a year", func(c *meter.Config) { c.TZMinutes = 180 }, "0101270000", "2026-12-31T21:00:00Z"},
		{"a leap day", func(*meter.Config) {}, "2902280000", "2028-02-29T00:00:00Z"},
		{"summer", summer, "1507261200", "2026-07-15T10:00:00Z"},
		{"winter", summer, "1501261200", "2026-01-15T11:00:00Z"},
		{"the hour that there is twice", summer, "2510260230", "2026-10-25T00:30:00Z"},
		{"the hour that there is not", summer, "2903260230", ""},
		{"no such day", func(*meter.Config) {}, "3002260815", ""},
		{"no such hour", func(*meter.Config) {}, "2011262400", ""},
		{"no such month", func(*meter.Config) {}, "2013260800", ""},
	} {
		d := newRig(t)
		c.change(&d.c)
		got := d.press("*3" + c.keys + "#")
		want := panel.Press{}
		if c.want != "" {
			at, err := time.Parse(time.RFC3339, c.want)
			if err != nil {
				t.Fatal(err)
			}
			want = panel.Press{Event: meter.EventClock, At: at.Unix()}
		}
		if got != want {
			t.Errorf("%s: %s gives %+v, want %+v", c.name, c.keys, got, want)
		}
		if c.want == "" {
			d.wants("INVALID TIME", "*3 TRY AGAIN")
		}
	}
}

// summer sets the daylight saving of Central Europe.
func summer(c *meter.Config) {
	c.TZMinutes = 60
	c.DST = meter.DST{
		Shift: 60, Begin: meter.Switch{Month: 3, Week: 5, Minute: 120}, End: meter.Switch{Month: 10, Week: 5, Minute: 180},
	}
}

func TestOnlyATypedTimeIsAnswered(t *testing.T) {
	d := newRig(t)
	set := meter.Effect{Kind: meter.EffectClock, Clock: meter.ClockDone}
	d.notice(set) // set by the server
	d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
	d.keys("*32011260815#")
	d.notice(set)
	d.wants("CLOCK SET", "* BACK")
	// An eleventh digit is ignored.
	if got := d.press("*320112608159#"); got.Event != meter.EventClock {
		t.Errorf("11 digits give %+v", got)
	}
}

func TestAWarningStaysUntilAKey(t *testing.T) {
	warn := func(m meter.Message) meter.Effect { return meter.Effect{Kind: meter.EffectSMS, SMS: m} }
	d := newRig(t)
	d.up = 7_000
	d.notice(warn(meter.MessageLow2))
	for range 3 {
		d.wants("CREDIT  8.12 kWh", "CREDIT NEARLY 0")
		d.up += 5_000
		d.wants("CREDIT  8.12 kWh", "CONNECTED")
		d.up += 5_000
		d.wants("CREDIT  8.12 kWh", "BUY A TOKEN")
		d.up += 5_000
	}
	d.keys("#")
	d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
	d.notice(warn(meter.MessageLow1))
	d.up += 60_000
	d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
	// The customer is not interrupted while typing, and sees the warning afterwards.
	d.keys("12")
	d.notice(warn(meter.MessageTamper))
	d.wants("12", "            2/20")
	d.up += 59_000
	d.keys("*")
	d.notice(warn(meter.MessageTamper))
	d.wants("CREDIT  8.12 kWh", "TAMPERING SEEN")
	d.notice(warn(99))
	d.wants("CREDIT  8.12 kWh", "TAMPERING SEEN")
}

func TestHashEndsAnOverloadLock(t *testing.T) {
	d := newRig(t)
	d.s.Overload, d.c.LockManual = meter.OverloadLocked, true
	d.off(supply.Overload)
	if got := d.keys("#"); got != meter.EventConfirm {
		t.Errorf("event %d, want the confirmation", got)
	}
}

func TestATokenFromElsewhereDoesNotDisturb(t *testing.T) {
	for _, keys := range []string{"*3201", "*4", "*5", "*5#"} {
		d := newRig(t)
		d.keys(keys)
		before := d.lines()
		d.show(meter.Result{Code: sts.Accept, Source: meter.Remote, Units: 100})
		if got := d.lines(); got[0] != before[0] || got[1] != before[1] {
			t.Errorf("after %q the display turns from %q to %q", keys, before, got)
		}
	}
}

func TestMessagesThatAsk(t *testing.T) {
	d := newRig(t)
	d.h = eleven()
	for kind, want := range map[panel.RequestKind]string{
		panel.RequestBalance: "Balance 8.1 kWh",
		panel.RequestUsage:   "Used this month 98.7 kWh, today 3.2 kWh.",
		panel.RequestState:   "Supply: CONNECTED. Balance 8.1 kWh.",
		panel.RequestTokens:  "Last tokens: 20.11 1234..5678 +34.7 kWh; 19.11 1234..5678 +1638.3 kWh; 18.11 1234..5678 USED; 17.11 1234..5678 WRONG;",
		panel.RequestNone:    "", panel.RequestToken: "",
	} {
		if got := panel.Answer(d.m(), kind); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("request %d: %q, want %q", kind, got, want)
		}
	}
	everyFact(d)
	d.off(supply.Tamper)
	d.s.Latched, d.s.Clock = meter.Tampers(0).With(meter.TamperCover), meter.ClockInvalid
	if got, want := panel.Answer(d.m(), panel.RequestState), "Supply: TAMPER. Balance 8.1 kWh. Tamper: cover. Clock not set."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	d.h = nil
	if got := panel.Answer(d.m(), panel.RequestTokens); got != "No tokens yet." {
		t.Errorf("without a history: %q", got)
	}
}

// TestEveryMessage compares every message of the meter with its golden text, in every language.
func TestEveryMessage(t *testing.T) {
	var b strings.Builder
	say := func(title string, said func(*rig) string) {
		fmt.Fprintln(&b, title)
		for l := meter.English; l <= meter.French; l++ {
			d := newRig(t)
			d.c.Language, d.c.ECLimit, d.h = l, 5000, eleven()
			fmt.Fprintf(&b, "  %s: %s\n", l, said(d))
		}
	}
	for r := sts.Accept; r <= sts.StorageError; r++ {
		for _, known := range []bool{true, false} {
			say(fmt.Sprintf("*02# %s, registered %t", r, known), func(d *rig) string {
				return panel.AnswerToken(d.c.Language, meter.Result{Code: r, Units: 34_700, Balance: 42_820}, known)
			})
		}
	}
	for _, k := range []panel.RequestKind{panel.RequestBalance, panel.RequestTokens, panel.RequestUsage, panel.RequestState} {
		say(fmt.Sprintf("request %d", k), func(d *rig) string { return panel.Answer(d.m(), k) })
	}
	for _, k := range []panel.RequestKind{panel.RequestBalance, panel.RequestState} {
		say(fmt.Sprintf("request %d, wallet mode", k), func(d *rig) string {
			wallet(d, 17_391)
			return panel.Answer(d.m(), k)
		})
	}
	for a := meter.ECDone; a <= meter.ECStorage; a++ {
		say("*03# "+a.String(), func(d *rig) string { return panel.AnswerEmergency(d.m(), a) })
	}
	for m := meter.MessageLow1; m <= meter.MessageEnding; m++ {
		say(fmt.Sprintf("message %d", m), func(d *rig) string { return panel.Message(d.m(), m, 4990) })
	}
	golden(t, "testdata/messages.txt", b.String())
}

// TestAnswersFitOneSMS sends every request in every language with the largest possible figures.
func TestAnswersFitOneSMS(t *testing.T) {
	for l := meter.English; l <= meter.French; l++ {
		d := newRig(t)
		d.c.Language, d.c.ECLimit, d.h = l, 1_000_000_000, eleven()
		d.s.Balance, d.s.Day.Used, d.s.Month.Used, d.s.Latched = -1_000_000_000, 4_000_000_000, 4_000_000_000, 63
		d.s.Clock, d.s.Guards[meter.Keypad-1].Until = meter.ClockInvalid, 86_400
		texts := []string{}
		for k := panel.RequestBalance; k <= panel.RequestState; k++ {
			texts = append(texts, panel.Answer(d.m(), k))
		}
		for a := meter.ECAnswer(0); a <= meter.ECStorage; a++ {
			texts = append(texts, panel.AnswerEmergency(d.m(), a))
		}
		for m := meter.MessageLow1; m <= meter.MessageEnding; m++ {
			texts = append(texts, panel.Message(d.m(), m, -1_000_000_000))
		}
		for r := sts.Accept; r <= sts.StorageError; r++ {
			texts = append(texts, panel.AnswerToken(l, meter.Result{Code: r, Units: -1_000_000_000, Balance: -1_000_000_000}, true))
		}
		for _, text := range texts {
			if n := utf8.RuneCountInString(text); n > 160 || strings.Contains(text, "%") {
				t.Errorf("%s: %d septets: %q", l, n, text)
			}
		}
	}
	if got := panel.Message(newRig(t).m(), 99, 0); got != "" {
		t.Errorf("an unknown message is %q", got)
	}
}
