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

// rigDay is 2026-11-20.
const rigDay meter.Date = 20_777

// rig is a panel with a meter whose state a test sets.
type rig struct {
	t *testing.T
	p panel.Panel
	c meter.Config
	s meter.State
	h panel.History
	// setup holds the values that the maker has set.
	setup panel.Setup
	texts meter.Texts
	up    uint64

	signal int
	card   bool
}

func newRig(t *testing.T) *rig {
	c := meter.DefaultConfig()
	c.Number = 4140001001
	s := meter.New(meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255, EA: sts.EA07}, &c, 0)
	s.Balance, s.Register, s.Power, s.Reasons, s.Relay = 8129, 120_433, 320, 0, supply.Closed
	s.Voltage, s.LED, s.Clock, s.Offset = 230_400, meter.LEDOff, meter.ClockValid, 1_795_161_600_000 // 2026-11-20 08:00:00 UTC
	s.Day.Date, s.Day.Used, s.Month.Used = rigDay, 3219, 98_765
	return &rig{t: t, c: c, s: s}
}

// m returns the meter as the panel sees it.
func (d *rig) m() *panel.View {
	d.s.Up = d.up
	return &panel.View{Config: &d.c, State: &d.s, Up: d.up, Setup: d.setup, Texts: d.texts, History: d.h, Signal: d.signal, Card: d.card}
}

// keys presses keys and returns the event of the last key.
func (d *rig) keys(keys string) (last meter.EventKind) { return d.press(keys).Event }

func (d *rig) press(keys string) (last panel.Press) {
	for i := range len(keys) {
		last = d.p.Key(d.m(), keys[i])
	}
	return last
}

// show gives the panel the answer to a token.
func (d *rig) show(r meter.Result) { d.notice(meter.Effect{Kind: meter.EffectResult, Result: r}) }

func (d *rig) notice(e meter.Effect) { d.p.Notice(d.m(), &e) }

func (d *rig) lines() []string { return d.p.Lines(d.m()) }

func (d *rig) wants(line1, line2 string) {
	d.t.Helper()
	got := d.lines()
	if got[0] != line1 || got[1] != line2 {
		d.t.Errorf("display [%s] [%s], want [%s] [%s]", got[0], got[1], line1, line2)
	}
}

func TestHomePageTurnsEveryFiveSeconds(t *testing.T) {
	d := newRig(t)
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
	d := newRig(t)
	for _, c := range []struct {
		balance, ec, overrun unit.Energy
		want                 string
	}{
		{8129, 0, 0, "CREDIT  8.12 kWh"}, {0, 0, 0, "CREDIT  0.00 kWh"}, {9, 0, 0, "CREDIT  0.00 kWh"},
		{0, 0, 150, "CREDIT -0.15 kWh"}, {0, 2500, 100, "CREDIT -2.60 kWh"}, {123_456, 0, 0, "CR    123.45 kWh"},
		{5_000_000, 0, 0, "CR   5000.00 kWh"}, {99_999_999, 0, 0, "CR  99999.99 kWh"},
	} {
		d.s.Balance, d.s.ECUsed, d.s.Overrun = c.balance, int32(c.ec), c.overrun
		if got := d.lines(); got[0] != c.want {
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
		{"after a power cut", func(s *meter.State) { s.MoveAt = 48 }, "WAIT 00:43"},
		{"locked", func(s *meter.State) { s.Guards[meter.Keypad-1].Until = 605 }, "LOCKED 10:00"},
		{"locked for a day", func(s *meter.State) { s.Guards[meter.Keypad-1].Until = 86_405 }, "LOCKED 1440:00"},
		{"another channel locked", func(s *meter.State) { s.Guards[meter.SMS-1].Until = 600 }, "CONNECTED"},
		{"frozen", func(s *meter.State) { s.Frozen = true }, "MEMORY FAULT"},
	} {
		d := newRig(t)
		c.change(&d.s)
		if d.s.Reasons != 0 || d.s.MoveAt != 0 {
			d.s.Relay = supply.Open
		}
		d.up = 5_000
		if got := d.lines(); got[1] != c.want {
			t.Errorf("%s: %q, want %q", c.name, got[1], c.want)
		}
	}
}

func TestTwentyDigitsStraightFromHome(t *testing.T) {
	d := newRig(t)
	d.keys("12345678901")
	d.wants("1234 5678 901", "           11/20")
	d.keys("2")
	d.wants("1234 5678 9012", "           12/20")
	d.keys("34567890")
	d.wants("1234 5678 9012", "3456 7890  20/20")
	if got := d.keys("#"); got != meter.EventToken || d.p.RevealTyped() != "12345678901234567890" {
		t.Errorf("# gives event %d with %d digits, want a token of 20", got, len(d.p.RevealTyped()))
	}
	d.show(meter.Result{Code: sts.Accept, Source: meter.Keypad, Units: 34_700})
	d.wants("ACCEPTED  +34.70", "CREDIT  8.12 kWh")
	if d.p.RevealTyped() != "" {
		t.Error("the digits are still there after the result")
	}
	d.up += 9_999
	d.wants("ACCEPTED  +34.70", "CREDIT  8.12 kWh")
	d.up++
	d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
}

func TestTooManyDigitsAreNoToken(t *testing.T) {
	d := newRig(t)
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
		{"*", 0, "1 RECHARGE", "2 USAGE HISTORY"},
		{"*#", 0, "3 DATE AND TIME", "4 LOAD OFF"},
		{"*##", 0, "5 CLEAR DATA", "# MORE  * BACK"},
		{"*###", 0, "1 RECHARGE", "2 USAGE HISTORY"},
		{"**", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*1", 0, "ENTER TOKEN", "20 DIGITS THEN #"},
		{"*1#", 0, "ENTER TOKEN", "20 DIGITS THEN #"},
		{"*112*", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*2", 0, "TODAY", "        3.21 kWh"},
		{"*2*", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*2123", 0, "123", "            3/20"},
		{"*3", 0, "20.11.2026 08:00", "DD.MM.YY hh:mm"},
		{"*32112", 0, "# SET  * BACK", "21.12.YY hh:mm"},
		{"*3*", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*4", 0, "SWITCH LOAD OFF?", "# YES  * NO"},
		{"*41234567890", 0, "SWITCH LOAD OFF?", "# YES  * NO"},
		{"*4*", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*4#", meter.EventLocal, "LOAD IS ON", "CONNECTED"},
		{"*4#*", 0, "1 RECHARGE", "2 USAGE HISTORY"},
		{"*4#5", 0, "5", "            1/20"},
		{"*5", 0, "CLEAR HISTORY?", "# YES  * NO"},
		{"*51234567890", 0, "CLEAR HISTORY?", "# YES  * NO"},
		{"*5#", 0, "REALLY CLEAR IT?", "# YES  * NO"},
		{"*5#1", 0, "REALLY CLEAR IT?", "# YES  * NO"},
		{"*5*", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*5#*", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*5##", meter.EventClear, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"*6", 0, "INVALID CHOICE", "PRESS 1-5 OR *"},
		{"*64", 0, "SWITCH LOAD OFF?", "# YES  * NO"},
		{"*6*", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"#", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
		{"x", 0, "CREDIT  8.12 kWh", "LOAD 320 W"},
	} {
		d := newRig(t)
		if got := d.keys(c.keys); got != c.want {
			t.Errorf("%q: event %d, want %d", c.keys, got, c.want)
		}
		d.wants(c.line1, c.line2)
	}
	d := newRig(t)
	d.s.Reasons, d.s.Relay = supply.Of(supply.Local), supply.Open
	d.keys("*#")
	d.wants("3 DATE AND TIME", "4 LOAD ON")
	d.keys("4")
	d.wants("SWITCH LOAD ON?", "# YES  * NO")
	if got := d.keys("#"); got != meter.EventLocal {
		t.Errorf("# switches the load on by event %d, want %d", got, meter.EventLocal)
	}
	d.wants("LOAD IS OFF", "*4# SWITCHES ON")
}

// TestTheMenuTurnsByItself checks that the menu shows every choice without a press of #.
func TestTheMenuTurnsByItself(t *testing.T) {
	d := newRig(t)
	d.keys("*")
	for _, want := range [][2]string{
		{"1 RECHARGE", "2 USAGE HISTORY"}, {"3 DATE AND TIME", "4 LOAD OFF"}, {"5 CLEAR DATA", "# MORE  * BACK"}, {"1 RECHARGE", "2 USAGE HISTORY"},
	} {
		d.wants(want[0], want[1])
		d.up += 5_000
	}
}

func TestHashClosesAnArmedRelayOnlyFromHome(t *testing.T) {
	d := newRig(t)
	d.s.Confirm, d.s.Relay = true, supply.Armed
	if got := d.keys("#"); got != meter.EventConfirm {
		t.Errorf("at home: event %d, want the confirmation", got)
	}
	if got := d.keys("*#"); got != 0 {
		t.Errorf("in the menu: event %d, want none", got)
	}
	d.keys("*")
	d.show(meter.Result{Code: sts.Accept, Source: meter.Keypad, Units: 100})
	if got := d.keys("#"); got != meter.EventConfirm {
		t.Errorf("under a result: event %d, want the confirmation", got)
	}
	if got := d.keys("7777#"); got != meter.EventToken {
		t.Errorf("in an entry: event %d, want the token", got)
	}
}

func TestAMinuteWithoutAKeyLeavesThePage(t *testing.T) {
	d := newRig(t)
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
	d := newRig(t)
	d.show(meter.Result{Code: sts.CRCError, Source: meter.SMS})
	d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
	d.keys("12")
	d.show(meter.Result{Code: sts.Accept, Source: meter.Remote, Units: 100})
	d.wants("12", "            2/20")
	d.keys("*")
	d.show(meter.Result{Code: sts.Accept, Source: meter.Remote, Units: 100})
	d.wants("ACCEPTED   +0.10", "CREDIT  8.12 kWh")
}

// This test checks that every answer of a meter has its own two lines, neither wider than the display.
func TestEveryResultHasAText(t *testing.T) {
	seen := map[string]sts.Result{}
	for r := sts.Accept; r <= sts.StorageError; r++ {
		d := newRig(t)
		d.s.Guards[meter.Keypad-1].Until = 86_400
		d.show(meter.Result{Code: r, Source: meter.Keypad, Units: unit.MaxToken})
		l := d.lines()
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
	d := newRig(t)
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
