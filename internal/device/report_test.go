package device_test

import (
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

const customerPhone, authorityPhone = "+254700000001", "+254700000100"

// reporting is a meter with two registered numbers.
func reporting(t *testing.T, m *medium) *device.Device {
	t.Helper()
	c := config(t, m)
	c.Phones = []string{customerPhone, authorityPhone}
	d, err := device.Open(c)
	must(t, err)
	return d
}

// TestATokenAtTheKeypadIsReported checks the reports of a token accepted at the keypad. The customer gets the same text
// as for a recharge by SMS; the authority also gets the first and last digits of the token. A refused token appears on
// the display only, and a token that the server pushed is answered to the server.
func TestATokenAtTheKeypadIsReported(t *testing.T) {
	d := reporting(t, newMedium())
	said := func(what string, want ...device.SMS) {
		t.Helper()
		if got := d.TakeSMS(); !slices.Equal(got, want) {
			t.Errorf("%s: the meter writes %+v, want %+v", what, got, want)
		}
	}
	first := digits(t, 5_871_715, 347)
	enter(t, d, first)
	said("a recharge",
		device.SMS{To: customerPhone, Text: "Recharge OK. 34.7 kWh added. Balance 34.7 kWh"},
		device.SMS{To: authorityPhone, Text: "Recharge OK. 34.7 kWh added. Balance 34.7 kWh. Token " + first[:4] + ".." + first[16:]})
	for _, refused := range []string{first, wrongDigits(t), "123"} {
		if got := enter(t, d, refused); got == "accept" {
			t.Fatalf("%s is accepted", refused)
		}
		said("a token that is refused")
	}
	pushed := digits(t, 5_871_716, 100)
	push(t, d, "tok_1", pushed)
	if r := last(t, d, wire.KindToken); r.Token.Result != "accept" || r.Token.Source != "remote" {
		t.Fatalf("pushed: %+v", r.Token)
	}
	said("a token of the server's")
	configure(t, d, 1, map[string]any{"language": "sw"})
	second := digits(t, 5_871_717, 10)
	enter(t, d, second)
	said("in Swahili",
		device.SMS{To: customerPhone, Text: "Umeme umeongezwa: 1.0 kWh. Salio 45.7 kWh"},
		device.SMS{To: authorityPhone, Text: "Umeme umeongezwa: 1.0 kWh. Salio 45.7 kWh. Tokeni " + second[:4] + ".." + second[16:]})
	if r := last(t, d, wire.KindToken); r.Token.Result != "accept" || r.Token.Source != "keypad" || r.Token.BalanceWh != 45_700 {
		t.Errorf("the server's record says %+v", r.Token)
	}
}

// TestReportsKeepTheLimitsOfAnswers checks that a number gets at most ten reports an hour, and that the tokens still
// load.
func TestReportsKeepTheLimitsOfAnswers(t *testing.T) {
	d := reporting(t, newMedium())
	for i := range 12 {
		enter(t, d, digits(t, 5_871_715+sts.TID(i), 10))
	}
	if got := d.TakeSMS(); len(got) != 20 || d.View().BalanceWh != 12_000 {
		t.Errorf("12 tokens within an hour: %d messages, %d Wh; want 20 to two numbers, and 12000", len(got), d.View().BalanceWh)
	}
}

// letterbox is a modem without tasks. The test reads the meter's letters from the device.
type letterbox struct{}

func (letterbox) Tasks() <-chan device.Task { return nil }
func (letterbox) Power(bool)                {}
func (letterbox) Bars() int                 { return 4 }
func (letterbox) Wake()                     {}

// posted returns the texts that wait to be sent to the customer, and settles all letters.
func posted(t *testing.T, d *device.Device) (texts []string) {
	t.Helper()
	for {
		l, has := d.Letter()
		if !has {
			return texts
		}
		if l.To == customerPhone {
			texts = append(texts, l.Text)
		}
		d.Settle(l.ID)
	}
}

// TestNoReportOfAKeypadIsLost cuts the mains at every byte that a token at the keypad writes. If the token was loaded
// its report is sent, at worst twice; if not, no report is sent.
func TestNoReportOfAKeypadIsLost(t *testing.T) {
	const want = "Recharge OK. 10.0 kWh added. Balance 10.0 kWh"
	token := digits(t, 5_871_715, 100)
	story := newMedium()
	must(t, reporting(t, story).Flush())
	done, cuts := false, 0
	for n := 0; !done; n++ {
		m := story.clone()
		d := reporting(t, m)
		d.Attach(letterbox{})
		m.budget = n
		var sent []string
		done = unlessCut(t, func() {
			must(t, d.Keys("*1"+token+"#"))
			must(t, d.Flush())
			sent = posted(t, d)
		})
		m.lose()
		d = reporting(t, m)
		d.Attach(letterbox{})
		must(t, d.Flush())
		sent = append(sent, posted(t, d)...)
		took := d.View().BalanceWh == 10_000
		if took && (len(sent) == 0 || len(sent) > 2) || !took && len(sent) > 0 || slices.ContainsFunc(sent, func(s string) bool { return s != want }) {
			t.Fatalf("cut after %d bytes: the meter has %d Wh and reports %q", n, d.View().BalanceWh, sent)
		}
		cuts++
	}
	t.Logf("figures: the mains gone at each of %d bytes that a token at the keypad writes: no report lost", cuts)
}

// unlessCut runs f, which a power cut may end, and reports whether it finished.
func unlessCut(t *testing.T, f func()) (whole bool) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(cut); !is {
				panic(r)
			}
		}
	}()
	f()
	return true
}

// TestAManagementTokenIsReported checks that the customer also hears what a management token has cleared or set. A test
// token changes nothing and is not reported.
func TestAManagementTokenIsReported(t *testing.T) {
	d := reporting(t, newMedium())
	enter(t, d, digits(t, 5_871_715, 100))
	d.TakeSMS()
	clearing, err := sts.EncodeManagement(testKey(t), sts.Management{SubClass: sts.ManageClearCredit, TID: 5_871_716, Value: 0xffff})
	must(t, err)
	enter(t, d, clearing.Reveal())
	if got := d.TakeSMS(); len(got) < 2 || got[0].Text != "Token accepted. Balance 0.0 kWh" || got[1].To != authorityPhone {
		t.Errorf("clearing the credit is reported as %+v", got)
	}
	test, err := sts.EncodeTest(sts.MeterTest{SubClass: sts.TestShort, Control: 1 << (meter.TestDisplay - 1)})
	must(t, err)
	enter(t, d, test.Reveal())
	if got := d.TakeSMS(); len(got) != 0 || d.View().LastToken != "accept" {
		t.Errorf("a test is reported as %+v", got)
	}
	advance(t, d, time.Second)
}
