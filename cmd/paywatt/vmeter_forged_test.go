package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// forge sends a meter a text with a forged sender's number.
func (m *smsMeter) forge(from, text string) {
	t := m.bus.t
	t.Helper()
	to, err := pdu.ParseAddress(m.number)
	if err != nil {
		t.Fatal(err)
	}
	bodies, err := pdu.Compose(text, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bodies {
		if err := m.bus.net.Submit(from, pdu.Submit{To: to, Body: b}); err != nil {
			t.Fatal(err)
		}
	}
}

// supplied is the state that a forger may want to change: the credit, the emergency credit, the locks, the accepted tokens.
func (m *smsMeter) supplied() string {
	var s string
	m.ask(func(d *device.Device) {
		st := d.State()
		s = fmt.Sprint(st.Balance, d.View().BalanceWh, st.EC, st.Guards)
	})
	return fmt.Sprint(s, m.accepted())
}

// A message under the owner's forged number changes nothing in the meter, because only tokens do. The answer goes to the
// owner, never to the forger.
func TestAForgedOwnerChangesNothingAndHearsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSMSBus(t, 1)
		m := newSMSMeter(b, "+255700000200")
		pass(10 * time.Second)
		if got := m.dialogue(b.owner, "*02#"+smsToken(t, 6_000_000, 123)); len(got) != 1 {
			t.Fatalf("a token is answered by %q", got)
		}
		before := m.supplied()
		for _, text := range []string{"*01#", "*03#", "*04#", "*05#", "*06#", "STOP", "*02#", "*90#1234", "*02#1234567890123456789", "Recharge OK. 99.9 kWh added."} {
			m.forge(smsOwner, text)
			pass(time.Minute)
			m.forge("+255799999999", text)
			pass(time.Minute)
		}
		if after := m.supplied(); after != before {
			t.Errorf("forged messages change %s to %s", before, after)
		}
		heard := answers(b.owner, m.number, 1)
		if len(heard) < 5 || !strings.HasPrefix(heard[0], "Balance 12.3 kWh") {
			t.Errorf("the owner hears %q, want the answers that the forger asked for", heard)
		}
		if got := answers(b.stranger, m.number, 0); len(got) != 0 {
			t.Errorf("a stranger hears %q", got)
		}
		m.end()
		b.stop()
	})
}

// wrongBySMS is the number of wrong tokens in a row that the SMS channel has counted.
func (m *smsMeter) wrongBySMS() (row uint8) {
	m.ask(func(d *device.Device) { s := d.State(); row = s.Guards[meter.SMS-1].Row })
	return row
}

// Guessing by SMS, each guess from another number, ends in a lock (docs/reference/meter-rules.md#wrong-tokens): ten minutes
// after five wrong tokens, and twenty minutes after ten. From then on the channel is locked until the oldest of the last ten
// wrong tokens is a day old. The keypad accepts a token throughout.
func TestGuessingBySMSEndsInTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSMSBus(t, 1)
		m := newSMSMeter(b, "+255700000200")
		pass(10 * time.Second)
		guesses, tokens := 0, 0
		guess := func(n int) {
			for range n {
				guesses++
				m.forge(fmt.Sprintf("+2557990000%02d", guesses), "*02#"+wrongSMSToken(t, sts.TID(6_000_000+guesses)))
				pass(5 * time.Second)
			}
		}
		next := func() string {
			tokens++
			return smsToken(t, sts.TID(6_100_000+tokens), 10)
		}
		typed := func(when string) {
			t.Helper()
			before := m.balance()
			m.ask(func(d *device.Device) {
				if err := d.Keys("*1" + next() + "#"); err != nil {
					t.Error(err)
				}
			})
			pass(time.Minute)
			if got := m.balance() - before; got != 1000 {
				t.Errorf("%s the keypad adds %d Wh, want 1000", when, got)
			}
		}
		sent := func(when string, takes bool) {
			t.Helper()
			before, want := m.balance(), int64(0)
			if takes {
				want = 1000
			}
			m.forge(smsOwner, "*02#"+next())
			pass(5 * time.Second)
			if got := m.balance() - before; got != want {
				t.Errorf("%s a token by SMS adds %d Wh, want %d", when, got, want)
			}
		}
		guess(5)
		sent("after five guesses", false)
		typed("after five guesses")
		pass(7 * time.Minute) // liveBySMS advances the meter in whole minutes
		sent("before ten minutes are over", false)
		pass(3 * time.Minute)
		guess(5) // no good token came between, so the count continues
		sent("after ten guesses", false)
		typed("after ten guesses")
		pass(21 * time.Minute)
		sent("when twenty minutes are over, ten in a day", false)
		guess(20) // these guesses are not even checked
		if wrong := m.wrongBySMS(); wrong != 10 {
			t.Errorf("%d wrong tokens are counted after %d guesses, want 10", wrong, guesses)
		}
		typed("in the day's lock")
		pass(22 * time.Hour)
		sent("before the oldest is a day old", false)
		pass(2 * time.Hour)
		sent("a day later", true)
		if got := m.dialogue(b.owner, "*01#"); len(got) != 1 || !strings.HasPrefix(got[0], "Balance 4.0 kWh") {
			t.Errorf("the owner is told %q", got)
		}
		m.end()
		b.stop()
	})
}

// The meter loads each token once, however people write it: with spaces, dashes or digits of other scripts, and two tokens in one message.
// Messages come whole or in parts, doubled and in any order.
func TestTokensAsPeopleWriteThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSMSBus(t, 1)
		m := newSMSMeter(b, "+255700000200")
		pass(10 * time.Second)
		n := 0
		token := func() string {
			n++
			return smsToken(t, sts.TID(6_000_000+10*n), 10)
		}
		dashed := func(s string) string { return strings.ReplaceAll(grouped(s), " ", "-") }
		arabic := strings.NewReplacer("0", "٠", "1", "١", "2", "٢", "3", "٣", "4", "٤", "5", "٥", "6", "٦", "7", "٧", "8", "٨", "9", "٩")
		for name, c := range map[string]struct {
			text  string
			weigh network.Weather
			adds  int64
		}{
			"spaces":                        {text: "*02#" + grouped(token()), adds: 1},
			"dashes":                        {text: "*02#" + dashed(token()), adds: 1},
			"spaces all over":               {text: "  *02#  " + grouped(token()) + "  # ", adds: 1},
			"Arabic digits in groups":       {text: arabic.Replace("*02#" + grouped(token())), adds: 1},
			"Arabic digits with dashes":     {text: arabic.Replace("*02#" + dashed(token())), adds: 1},
			"two tokens":                    {text: "*02#" + token() + " " + token(), adds: 2},
			"two tokens in two lines":       {text: "*02#" + grouped(token()) + "\n*02#" + dashed(token()), adds: 2},
			"two Arabic tokens, two parts":  {text: arabic.Replace("*02#" + grouped(token()) + "\n\n*02#" + grouped(token()) + strings.Repeat(" ", 30)), adds: 2},
			"five tokens, parts turned":     {text: "*02#" + strings.Join([]string{grouped(token()), grouped(token()), grouped(token()), grouped(token()), grouped(token())}, "\n*02# ") + strings.Repeat(" ", 40), weigh: network.Weather{Reorder: 0.5, Hold: 20 * time.Second}, adds: 5},
			"one token, everything doubled": {text: "*02#" + token(), weigh: network.Weather{Duplicate: 1, Delay: time.Second}, adds: 1},
			"nineteen digits":               {text: "*02#" + token()[1:]},
			"no code before it":             {text: grouped(token())},
		} {
			before := m.balance()
			b.net.SetWeather(c.weigh)
			m.forge(smsOwner, c.text)
			pass(2 * time.Hour) // after the hour in which the answers are counted
			if got := m.balance() - before; got != c.adds*1000 {
				t.Errorf("%s: %q adds %d Wh, want %d", name, c.text, got, c.adds*1000)
			}
		}
		if used, _ := m.sim.Used(); used != 0 {
			t.Errorf("%d messages are left in the SIM", used)
		}
		m.end()
		b.stop()
	})
}
