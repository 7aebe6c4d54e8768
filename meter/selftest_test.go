package meter_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// testFor makes a test token.
func testFor(tb testing.TB, sub uint8, control uint64, mfr uint16) string {
	tb.Helper()
	t, err := sts.EncodeTest(sts.MeterTest{SubClass: sub, Control: control, MfrCode: mfr})
	if err != nil {
		tb.Fatal(err)
	}
	return t.Reveal()
}

// This test enters each test of the STS list alone, for short and long meter numbers. The meter shows the tests it
// supports and refuses the rest.
func TestEveryTestToken(t *testing.T) {
	for _, long := range []bool{false, true} {
		for n := 1; n <= 36; n++ {
			sub, most := sts.TestShort, 36
			if long {
				sub, most = sts.TestLong, 28
			}
			if n > most {
				continue
			}
			r := newRig(t)
			r.cfg.LongNumber = long
			want := sts.FunctionError
			if meter.KnownTests>>(n-1)&1 == 1 {
				want = sts.Accept
			}
			r.wants(fmt.Sprintf("test %d, long number %t", n, long), testFor(t, sub, 1<<(n-1), 0), want)
			if home := strings.HasPrefix(r.lcd()[0], "CREDIT"); home {
				t.Errorf("test %d shows the home page", n)
			}
		}
	}
}

// This test enters the well-known tokens, tokens with manufacturers' codes, and tokens whose sub-class does not fit
// the meter's number.
func TestWhoseTestTokensAreTaken(t *testing.T) {
	const all, display = 1<<36 - 1, 1 << (meter.TestDisplay - 1)
	for _, c := range []struct {
		name   string
		long   bool
		digits string
		want   sts.Result
	}{
		{"all tests", false, "56493153725450313471", sts.Accept},
		{"all tests for a long number", false, "02305843005052951967", sts.FunctionError},
		{"all tests for a long number", true, "02305843005052951967", sts.Accept},
		{"all tests for a short number", true, "56493153725450313471", sts.FunctionError},
		{"test 1", false, "00000000000150997584", sts.Accept},
		{"test 4", false, "18446744073843772416", sts.Accept},
		{"own maker", false, testFor(t, sts.TestShort, display, 4), sts.Accept},
		{"own maker, all", false, testFor(t, sts.TestShort, all, 4), sts.Accept},
		{"other maker", false, testFor(t, sts.TestShort, display, 5), sts.MfrCodeError},
		{"own maker, long", true, testFor(t, sts.TestLong, display, 4), sts.Accept},
		{"other maker, long", true, testFor(t, sts.TestLong, display, 1004), sts.MfrCodeError},
		{"other maker, unknown test", false, testFor(t, sts.TestShort, 1<<20, 5), sts.MfrCodeError},
		{"extended read", false, testFor(t, sts.ExtendedRead, display, 0), sts.FunctionError},
		{"nothing asked", false, testFor(t, sts.TestShort, 0, 0), sts.FunctionError},
	} {
		r := newRig(t)
		r.cfg.LongNumber, r.cfg.MfrCode = c.long, 4
		r.wants(fmt.Sprintf("%s, long number %t", c.name, c.long), c.digits, c.want)
	}
}

// Test tokens are never locked, work while disconnected, and change nothing permanently.
func TestTestTokensAreFree(t *testing.T) {
	r := newRig(t)
	for range 5 {
		r.wants("a wrong token", wrongToken(t, 0), sts.CRCError)
	}
	r.wants("credit while locked", testToken(t, testTID(t, testStart()), 10), sts.Locked)
	before := r.state
	for range 30 {
		r.wants("test while locked and disconnected", "18446744073843772416", sts.Accept)
	}
	after := r.state
	after.Seq, after.Buzzer, after.QuietAt, after.Day.Events = before.Seq, before.Buzzer, before.QuietAt, before.Day.Events
	if after != before {
		t.Errorf("test tokens have changed the state\n got  %+v\n want %+v", after, before)
	}
}

// All tests at once show one page after the other, then the home page.
func TestAllTestsShowTheirPages(t *testing.T) {
	r := newRig(t)
	r.state.Key.Named, r.state.Key.KRN, r.state.Key.TI, r.state.Key.SGC = true, 3, 7, 12345
	r.keypad("56493153725450313471#")
	var pages []string
	for range 15 {
		l := r.lcd()
		pages = append(pages, l[0]+" / "+l[1])
		r.run(5 * time.Second)
	}
	want := "SWITCH TEST / NO CREDIT, 8888888888888888 / 8888888888888888, TOTAL / 0.00 kWh, KRN 3 / KT 2, TI / 07, " +
		"TOKEN INPUT / KEYPAD OK, POWER LIMIT / NONE, TAMPER / NONE, LOAD / 0 W, SOFTWARE / " + meter.Version +
		", EA / 07, KEY TOKENS / 3, SGC / 012345, KEN / 255, METER / 04140001001"
	if got := strings.Join(pages, ", "); got != want {
		t.Errorf("pages %s, want %s", got, want)
	}
	if l := r.lcd(); l[0] != "CREDIT  0.00 kWh" {
		t.Errorf("afterwards %q, want the home page", l)
	}
}

// Test 1 opens the switch for five seconds, if it is closed, and only for somebody at the keypad.
func TestTheSwitchTest(t *testing.T) {
	const digits = "00000000000150997584"
	tid := testTID(t, testStart())
	for _, from := range []meter.Source{meter.SMS, meter.Remote} {
		r := newRig(t)
		r.wants("credit", testToken(t, tid, 10), sts.Accept)
		if got := r.last(digits, from, "").Code; got != sts.FunctionError || r.state.Relay != supply.Closed {
			t.Errorf("by %s: %s, relay %s, want function_error, closed", from, got, r.state.Relay)
		}
		if got := r.last("56493153725450313471", from, "").Code; got != sts.Accept || r.state.Relay != supply.Closed {
			t.Errorf("all tests by %s: %s, relay %s, want accept, closed", from, got, r.state.Relay)
		}
	}
	r := newRig(t)
	r.wants("with the switch open", digits, sts.Accept)
	if r.state.MoveAt != 0 || r.state.Reasons.Has(supply.Test) {
		t.Error("an open switch was tested")
	}
	r.wants("credit", testToken(t, tid, 10), sts.Accept)
	r.wants("with the switch closed", digits, sts.Accept)
	if s := &r.state; s.Relay != supply.Open || s.Reasons != supply.Of(supply.Test) || r.lcd() != [panel.Height]string{"SWITCH TEST", "SWITCH IS OPEN"} {
		t.Errorf("relay %s %s, display %q", s.Relay, s.Reasons, r.lcd())
	}
	r.run(4999 * time.Millisecond)
	if r.state.Relay != supply.Open {
		t.Error("the switch closed before its time")
	}
	r.run(time.Millisecond)
	if s := &r.state; s.Relay != supply.Closed || s.Reasons != 0 {
		t.Errorf("after five seconds: relay %s %s, want closed", s.Relay, s.Reasons)
	}
	// A power cut ends the test too.
	r.wants("once more", digits, sts.Accept)
	r.reboot(time.Second)
	r.run(2 * time.Minute)
	if s := &r.state; s.Relay != supply.Closed || s.Reasons != 0 {
		t.Errorf("after a power cut: relay %s %s, want closed", s.Relay, s.Reasons)
	}
}
