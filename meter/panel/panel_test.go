package panel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// desk is a panel before a meter whose state a test sets.
type desk struct {
	t  *testing.T
	p  panel.Panel
	c  meter.Config
	s  meter.State
	up uint64
}

func newDesk(t *testing.T) *desk {
	c := meter.DefaultConfig()
	c.Number = 4140001001
	s := meter.New(meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255, EA: sts.EA07}, &c, 0)
	s.Balance, s.Register, s.Power, s.Reasons, s.Relay = 8129, 120_433, 320, 0, supply.Closed
	return &desk{t: t, c: c, s: s}
}

// keys presses keys and returns what the last one means.
func (d *desk) keys(keys string) (last meter.EventKind) {
	for i := range len(keys) {
		last = d.p.Key(&d.s, keys[i], d.up).Event
	}
	return last
}

func (d *desk) wants(line1, line2 string) {
	d.t.Helper()
	got := d.p.Lines(&d.c, &d.s, d.up)
	if got[0] != line1 || got[1] != line2 {
		d.t.Errorf("display [%s] [%s], want [%s] [%s]", got[0], got[1], line1, line2)
	}
}

func TestHomePageTurnsEveryFiveSeconds(t *testing.T) {
	d := newDesk(t)
	for range 2 {
		d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
		d.up += 5_000
		d.wants("CREDIT  8.12 kWh", "CONNECTED")
		d.up += 5_000
		d.wants("CREDIT  8.12 kWh", "TOTAL 120.43 kWh")
		d.up += 5_000
	}
}

func TestCreditIsTruncatedAndMayBeNegative(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		balance, ec, overrun unit.Energy
		want                 string
	}{
		{8129, 0, 0, "CREDIT  8.12 kWh"}, {0, 0, 0, "CREDIT  0.00 kWh"}, {9, 0, 0, "CREDIT  0.00 kWh"},
		{0, 0, 150, "CREDIT -0.15 kWh"}, {0, 2500, 100, "CREDIT -2.60 kWh"}, {123_456, 0, 0, "CR    123.45 kWh"},
		{5_000_000, 0, 0, "CR   5000.00 kWh"}, {99_999_999, 0, 0, "CR  99999.99 kWh"},
	} {
		d.s.Balance, d.s.ECUsed, d.s.Overrun = c.balance, int32(c.ec), c.overrun
		if got := d.p.Lines(&d.c, &d.s, d.up); got[0] != c.want {
			t.Errorf("%d/%d/%d: %q, want %q", c.balance, c.ec, c.overrun, got[0], c.want)
		}
	}
}

func TestTheStateWord(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*meter.State)
		want   string
	}{
		{"on", func(*meter.State) {}, "CONNECTED"},
		{"no credit", func(s *meter.State) { s.Reasons = supply.Of(supply.Credit) }, "NO CREDIT"},
		{"remote before credit", func(s *meter.State) { s.Reasons = supply.Of(supply.Credit, supply.Remote) }, "REMOTE OFF"},
		{"credit before local", func(s *meter.State) { s.Reasons = supply.Of(supply.Credit, supply.Local) }, "NO CREDIT"},
		{"local", func(s *meter.State) { s.Reasons = supply.Of(supply.Local) }, "LOCAL OFF"},
		{"tamper", func(s *meter.State) { s.Reasons = supply.Of(supply.Tamper, supply.Credit) }, "TAMPER"},
		{"overload", func(s *meter.State) { s.Reasons = supply.Of(supply.Overload) }, "OVERLOAD"},
		{"armed", func(s *meter.State) { s.Confirm, s.Relay = true, supply.Armed }, "PRESS #"},
		{"after a power cut", func(s *meter.State) { s.CloseIn = 43 }, "WAIT 00:43"},
		{"locked", func(s *meter.State) { s.Guards[meter.Keypad-1].Until = 600 }, "LOCKED 10:00"},
		{"locked for a day", func(s *meter.State) { s.Guards[meter.Keypad-1].Until = 86_400 }, "LOCKED 1440:00"},
		{"another channel locked", func(s *meter.State) { s.Guards[meter.SMS-1].Until = 600 }, "CONNECTED"},
		{"frozen", func(s *meter.State) { s.Frozen = true }, "MEMORY FAULT"},
	} {
		d := newDesk(t)
		c.change(&d.s)
		if d.s.Reasons != 0 || d.s.CloseIn != 0 {
			d.s.Relay = supply.Open
		}
		if got := d.p.Lines(&d.c, &d.s, 5_000); got[1] != c.want {
			t.Errorf("%s: %q, want %q", c.name, got[1], c.want)
		}
	}
}

func TestTwentyDigitsStraightFromHome(t *testing.T) {
	d := newDesk(t)
	d.keys("12345678901")
	d.wants("1234 5678 901", "           11/20")
	d.keys("2")
	d.wants("1234 5678 9012", "           12/20")
	d.keys("34567890")
	d.wants("1234 5678 9012", "3456 7890  20/20")
	if got := d.keys("#"); got != meter.EventToken || d.p.RevealTyped() != "12345678901234567890" {
		t.Errorf("# gives event %d with %d digits, want a token of 20", got, len(d.p.RevealTyped()))
	}
	d.p.Show(meter.Result{Code: sts.Accept, Source: meter.Keypad, Units: 34_700}, d.up)
	d.wants("ACCEPTED", "+34.70 kWh")
	if d.p.RevealTyped() != "" {
		t.Error("the digits are still there after the result")
	}
	d.up += 9_999
	d.wants("ACCEPTED", "+34.70 kWh")
	d.up++
	d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
}

func TestTooManyDigitsAreNoToken(t *testing.T) {
	d := newDesk(t)
	d.keys("123456789012345678901")
	d.wants("1234 5678 9012", "TOO LONG * = NEW")
	d.keys("#")
	if _, r := sts.ParseToken(d.p.RevealTyped()); r != sts.FormatError {
		t.Errorf("21 digits are %s, want format_error", r)
	}
}

func TestKeysOfTheMenu(t *testing.T) {
	for _, c := range []struct {
		keys         string
		want         meter.EventKind
		line1, line2 string
	}{
		{"*", 0, "1 RECHARGE", "4 LOAD OFF"},
		{"**", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*1", 0, "ENTER TOKEN", "20 DIGITS THEN #"},
		{"*1#", 0, "ENTER TOKEN", "20 DIGITS THEN #"},
		{"*112*", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*4", meter.EventLocal, "LOAD IS ON", "CONNECTED"},
		{"*2", 0, "NO SUCH CHOICE", "PRESS 1, 4 OR *"},
		{"*24", meter.EventLocal, "LOAD IS ON", "CONNECTED"},
		{"*2*", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*4*", 0, "1 RECHARGE", "4 LOAD OFF"},
		{"*45", 0, "5", "            1/20"},
		{"#", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"x", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
	} {
		d := newDesk(t)
		if got := d.keys(c.keys); got != c.want {
			t.Errorf("%q: event %d, want %d", c.keys, got, c.want)
		}
		d.wants(c.line1, c.line2)
	}
	d := newDesk(t)
	d.s.Reasons, d.s.Relay = supply.Of(supply.Local), supply.Open
	d.keys("*")
	d.wants("1 RECHARGE", "4 LOAD ON")
	d.keys("4")
	d.wants("LOAD IS OFF", "*4 SWITCHES ON")
}

func TestHashClosesAnArmedRelayOnlyFromHome(t *testing.T) {
	d := newDesk(t)
	d.s.Confirm, d.s.Relay = true, supply.Armed
	if got := d.keys("#"); got != meter.EventConfirm {
		t.Errorf("at home: event %d, want the confirmation", got)
	}
	if got := d.keys("*#"); got != 0 {
		t.Errorf("in the menu: event %d, want none", got)
	}
	d.keys("*")
	d.p.Show(meter.Result{Code: sts.Accept, Source: meter.Keypad, Units: 100}, d.up)
	if got := d.keys("#"); got != meter.EventConfirm {
		t.Errorf("under a result: event %d, want the confirmation", got)
	}
	if got := d.keys("1#"); got != meter.EventToken {
		t.Errorf("in an entry: event %d, want the token", got)
	}
}

func TestAMinuteWithoutAKeyLeavesThePage(t *testing.T) {
	d := newDesk(t)
	d.keys("123")
	d.up += 59_999
	d.keys("4")
	d.up += 59_999
	d.wants("1234", "            4/20")
	d.up++
	d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
	if d.p.RevealTyped() != "" {
		t.Error("the digits outlive the time-out")
	}
	d.keys("*")
	d.up += 60_000
	d.keys("5")
	d.wants("5", "            1/20")
}

func TestResultsOfOtherRoutes(t *testing.T) {
	d := newDesk(t)
	d.p.Show(meter.Result{Code: sts.CRCError, Source: meter.SMS}, d.up)
	d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
	d.keys("12")
	d.p.Show(meter.Result{Code: sts.Accept, Source: meter.Remote, Units: 100}, d.up)
	d.wants("12", "            2/20")
	d.keys("*")
	d.p.Show(meter.Result{Code: sts.Accept, Source: meter.Remote, Units: 100}, d.up)
	d.wants("ACCEPTED", "+0.10 kWh")
}

// Every answer a meter can give has its own two lines, none wider than the display.
func TestEveryResultHasAText(t *testing.T) {
	seen := map[string]sts.Result{}
	for r := sts.Accept; r <= sts.StorageError; r++ {
		d := newDesk(t)
		d.s.Guards[meter.Keypad-1].Until = 86_400
		d.p.Show(meter.Result{Code: r, Source: meter.Keypad, Units: unit.MaxToken}, d.up)
		l := d.p.Lines(&d.c, &d.s, d.up)
		for _, line := range l {
			if line == "" || len(line) > panel.Width || strings.ToUpper(line) != line && r != sts.Accept {
				t.Errorf("%s: line %q", r, line)
			}
		}
		text := l[0] + l[1]
		if other, twice := seen[text]; twice {
			t.Errorf("%s and %s both show %q", r, other, text)
		}
		seen[text] = r
	}
}

func TestThePanelDoesNotPrintDigits(t *testing.T) {
	d := newDesk(t)
	d.keys("98765432109876543210")
	req := panel.ParseSMS("*02#98765432109876543210")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{d.p, &d.p, req, &req} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "9876") || !strings.Contains(text, "masked") {
				t.Errorf("%s of %T: %q", verb, v, text)
			}
		}
	}
}
