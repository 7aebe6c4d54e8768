package main

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
)

// dialogue sends texts from one phone, a minute apart, and returns the answers.
func (m *smsMeter) dialogue(p *network.Phone, texts ...string) []string {
	before := len(answers(p, m.number, 0))
	for _, text := range texts {
		m.send(p, text)
		pass(time.Minute)
	}
	return answers(p, m.number, before)
}

func TestWhoGetsWhichAnswerBySMS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSMSBus(t, 1)
		m := newSMSMeter(b, "+255700000200")
		pass(10 * time.Second)
		want := func(what string, got []string, want ...string) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		first, second := smsToken(t, 6_000_000, 123), smsToken(t, 6_000_010, 100)
		want("a stranger's questions", m.dialogue(b.stranger, "*01#", "*03#", "*04#", "*05#", "*06#", "hello"))
		want("a stranger's token", m.dialogue(b.stranger, "*02#"+first, "*02#"+first),
			"Recharge OK. 12.3 kWh added.", "this recharge card has been used!")
		arabic := strings.Map(func(r rune) rune { return r - '0' + '٠' }, second)
		want("Arabic digits", m.dialogue(b.owner, "*02#"+arabic), "Recharge OK. 10.0 kWh added. Balance 22.3 kWh")
		var long []string
		for i := range 5 {
			long = append(long, grouped(smsToken(t, sts.TID(6_000_020+i), 10)))
		}
		text := "*02# " + strings.Join(long, "\n*02# ")
		if n := pdu.Measure("*٠٢# " + text).Parts; n < 2 {
			t.Fatalf("the long message has %d part", n)
		}
		got := m.dialogue(b.owner, strings.Replace(text, "*02#", "*٠٢#", 1))
		want("five tokens in a message of several parts", got, "Recharge OK. 1.0 kWh added. Balance 23.3 kWh",
			"Recharge OK. 1.0 kWh added. Balance 24.3 kWh", "Recharge OK. 1.0 kWh added. Balance 25.3 kWh",
			"Recharge OK. 1.0 kWh added. Balance 26.3 kWh", "Recharge OK. 1.0 kWh added. Balance 27.3 kWh")
		b.net.SetWeather(network.Weather{Duplicate: 1, Delay: time.Second})
		if got := m.dialogue(b.owner, "*01#"); len(got) == 0 || len(got) > 2 { // the network may double the answer, but the meter gives it once
			t.Errorf("a doubled question: %q", got)
		}
		b.net.SetWeather(network.Weather{})
		if used, _ := m.sim.Used(); used != 0 {
			t.Errorf("%d messages are left in the SIM", used)
		}
		m.end()
		b.stop()
	})
}

// A stranger guesses until the channel is locked. The meter answers three times a day, and the keypad stays open.
func TestGuessingBySMSLocksNeitherKeypadNorAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSMSBus(t, 1)
		m := newSMSMeter(b, "+255700000200")
		pass(10 * time.Second)
		var guesses []string
		for i := range 12 {
			guesses = append(guesses, "*02#"+wrongSMSToken(t, sts.TID(6_000_000+i)))
		}
		if got := m.dialogue(b.stranger, guesses...); len(got) != 3 || got[0] != "Token rejected." {
			t.Errorf("12 guesses are answered by %q, want three rejections", got)
		}
		token := smsToken(t, 6_000_100, 123)
		if got := m.dialogue(b.owner, "*02#"+token); len(got) != 1 || got[0] != "Token rejected. Balance 0.0 kWh" {
			t.Errorf("by the locked channel: %q", got)
		}
		m.ask(func(d *device.Device) {
			if err := d.Keys("*1" + token + "#"); err != nil {
				t.Error(err)
			}
		})
		if wh := m.balance(); wh != 12_300 {
			t.Errorf("typed at the keypad: %d Wh, want 12300", wh)
		}
		// A power cut does not reset the stranger's limit of answers.
		m.end()
		m.start()
		pass(time.Hour)
		if got := m.dialogue(b.stranger, "*02#"+wrongSMSToken(t, 6_000_200)); len(got) != 0 {
			t.Errorf("after a restart: %q, want no answer", got)
		}
		m.end()
		b.stop()
	})
}

// The limits apply to answers, never to loading a token.
func TestATokenLoadsWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSMSBus(t, 1)
		m := newSMSMeter(b, "+255700000200")
		pass(10 * time.Second)
		var sent []string
		for i := range 12 {
			sent = append(sent, "*02#"+smsToken(t, sts.TID(6_000_000+i), 10))
		}
		if got := m.dialogue(b.owner, sent...); len(got) != 10 {
			t.Errorf("12 messages in 12 minutes got %d answers, want 10", len(got))
		}
		if wh := m.balance(); wh != 12_000 {
			t.Errorf("%d Wh, want 12000", wh)
		}
		m.end()
		b.stop()
	})
}

// This test measures the software's share of a recharge by SMS in real time, from the message to the answer on the network.
// The published
// system needed 28.99 s over the air; the goal here is 20 ms. The figures are printed, no test judges them.
func TestSoftwareShareOfASMSRecharge(t *testing.T) {
	tier.Long(t)
	messages := tier.SMSRecharges.N()
	b := newSMSBus(t, 1)
	m := newSMSMeter(b, "+255700000200")
	took := make([]time.Duration, 0, messages)
	var after uint64
	for i := range messages {
		token := smsToken(t, sts.TID(6_000_000+i), 1)
		began := time.Now()
		m.send(b.owner, "*02#"+token)
		for answered := false; !answered; {
			got := b.owner.Wait(b.ctx, after)
			for _, msg := range got {
				after = msg.N
				answered = answered || strings.HasPrefix(msg.Text, "Recharge OK.")
			}
			if len(got) == 0 {
				t.Fatal("no answer")
			}
		}
		if i > 0 { // the first recharge waits for the modem's setup
			took = append(took, time.Since(began))
		}
		if i%9 == 8 { // the limits of answers: ten an hour, twenty a day
			m.ask(func(d *device.Device) {
				if err := d.Advance(12*time.Hour, nil); err != nil {
					t.Error(err)
				}
			})
		}
	}
	m.end()
	b.stop()
	slices.Sort(took)
	p50, p99 := took[len(took)/2].Seconds()*1000, took[len(took)*99/100].Seconds()*1000
	t.Logf("figures: software's share of a recharge by SMS, within one process: p50 %.1f ms, p99 %.1f ms (published round trip over the air: 28.99 s)", p50, p99)
}
