package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/tier"
)

// refused runs a command that must fail with an exit code, and expects each of the words in its output.
func (p *platform) refused(code int, say []string, args ...string) {
	p.t.Helper()
	got, out, told := p.paywatt("", args...)
	if got != code || out != "" {
		p.t.Errorf("%q: exit %d, want %d and nothing on stdout\n%s%s", args, got, code, out, told)
	}
	for _, w := range say {
		if !strings.Contains(told, w) {
			p.t.Errorf("%q says\n%swant %q in it", args, told, w)
		}
	}
}

// TestTheSIMOfAMeterByCommandLine registers the number of a meter's SIM, changes it and removes it. Messages to the meter go to the
// registered number.
func TestTheSIMOfAMeterByCommandLine(t *testing.T) {
	tier.Slow(t)
	s := newPushStreet(t, 1)
	s.owned()
	n, sim := s.meters[0].Number, s.meters[0].sim
	v, err := s.api.Vend(t.Context(), apiv1.NewSale{Meter: n, Tender: apiv1.Amount{AmountMinor: 10_000, Currency: "KES"}, ClientRef: "counter"}, "")
	if err != nil {
		t.Fatal(err)
	}
	set := func(number, want string) {
		t.Helper()
		if got := told[apiv1.Meter](s.platform, "meter", "sim", n, number); got.Number != n || got.SIMPhone != want {
			t.Errorf("meter sim %q: %+v, want %q", number, got, want)
		}
		if got := told[apiv1.Meter](s.platform, "meter", "show", n); got.SIMPhone != want {
			t.Errorf("after meter sim %q the meter has %q, want %q", number, got.SIMPhone, want)
		}
	}
	set("", "")
	s.refused(exit.Usage, []string{"The number of the SIM in meter " + n + " is not registered", "No message was sent"}, "message", "send", n, "--to-meter")
	set("+254 700-000 299", "+254700000299")
	set(sim, sim)
	if code, out, told := s.paywatt("", "meter", "sim", n, sim); code != 0 || !strings.Contains(out, sim) || !strings.Contains(out, n) {
		t.Errorf("as a table: exit %d\n%s%s", code, out, told)
	}
	s.refused(exit.Usage, nil, "meter", "sim", n)
	s.refused(exit.Usage, []string{"number"}, "meter", "sim", n, "call me")
	s.refused(exit.NotFound, []string{"04140001019"}, "meter", "sim", "04140001019", sim)
	if got := told[apiv1.Meter](s.platform, "meter", "show", n); got.SIMPhone != sim {
		t.Errorf("after what was refused the meter has the SIM %q, want %q", got.SIMPhone, sim)
	}
	// Tokens wait for a day before they go to the changed number, unless somebody else confirms it.
	if _, err := s.colleague().ConfirmSIM(t.Context(), n, "called the house"); err != nil {
		t.Fatal(err)
	}
	if sent := s.sendToMeter(t, v.Tokens[0].Digits); sent.Phone != sim {
		t.Errorf("the token goes to %s, want %s", sent.Phone, sim)
	}
}

// sendToMeter sends the newest token, or the token with the given digits, to the only meter's SIM, and waits for the answer. The output
// never shows the digits.
func (s *pushStreet) sendToMeter(t *testing.T, digits string, more ...string) apiv1.MessageDetail {
	t.Helper()
	m := s.meters[0]
	code, out, said := s.paywatt("", append([]string{"message", "send", m.Number, "--to-meter", "-o", "json"}, more...)...)
	var sent apiv1.MessageDetail
	if err := json.Unmarshal([]byte(out), &sent); code != 0 || err != nil || sent.Purpose != "meter-sms" || sent.Meter != m.Number || sent.Token == "" {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, said)
	}
	await.True(t, "the message is answered", func() bool {
		now := told[apiv1.MessageDetail](s.platform, "message", "show", sent.ID)
		answered := now.State == "answered" && now.AnsweredAt != nil && now.SentAt != nil && len(now.Attempts) > 0
		if answered {
			sent = now
		}
		return answered
	})
	_, list, _ := s.paywatt("", "message", "list", m.Number)
	_, shown, _ := s.paywatt("", "message", "show", sent.ID)
	if !strings.Contains(list, sent.ID) || !strings.Contains(shown, "answered") || !strings.Contains(shown, "try 1") {
		t.Errorf("the message is listed as\n%s\nand shown as\n%s", list, shown)
	}
	for _, said := range []string{out, said, list, shown} {
		if strings.Contains(said, digits) || strings.Contains(said, grouped(digits)) {
			t.Errorf("the digits stand in\n%s", said)
		}
	}
	return sent
}

// TestATokenIsSentToAMetersSIMByCommandLine: the newest token is sent and answered, and the meter loads it once, however
// often it is sent. An answered message is not sent again, and the refusal says what to do.
func TestATokenIsSentToAMetersSIMByCommandLine(t *testing.T) {
	tier.Slow(t)
	s := newPushStreet(t, 1)
	m := s.meters[0]
	s.refused(exit.NotFound, []string{"No message was sent", "Sell a token first"}, "message", "send", m.Number, "--to-meter")
	s.refused(exit.NotFound, []string{"Meter 04140001019 was not found"}, "message", "send", "04140001019", "--to-meter")
	s.refused(exit.Usage, []string{"No message was sent"}, "message", "send", "--to-meter")
	v, err := s.api.Vend(t.Context(), apiv1.NewSale{Meter: m.Number, Tender: apiv1.Amount{AmountMinor: 10_000, Currency: "KES"}, ClientRef: "counter"}, "")
	if err != nil {
		t.Fatal(err)
	}
	s.refused(exit.Usage, []string{"This server has no route pigeon", "No message was sent"}, "message", "send", m.Number, "--to-meter", "--route", "pigeon")
	digits := v.Tokens[0].Digits
	first := s.sendToMeter(t, digits)
	if wh := m.live("show").BalanceWh; wh != v.UnitsWh {
		t.Fatalf("the meter holds %d Wh, want %d", wh, v.UnitsWh)
	}
	s.refused(exit.Refused, []string{"message-answered", "The meter answered message " + first.ID + " at ", "No message was sent", "in a new message", "It loads once"}, "message", "retry", first.ID)
	if got := told[apiv1.MessageDetail](s.platform, "message", "show", first.ID); got.State != "answered" || len(got.Attempts) != len(first.Attempts) {
		t.Errorf("after the refused retry the message is %+v, want it as it was", got)
	}
	s.pass(time.Minute)
	if again := s.sendToMeter(t, digits, "--token", digits, "--route", "modem1"); again.ID == first.ID || again.Token != first.Token {
		t.Errorf("sent once more: %+v, want a new message with the same token", again)
	}
	if wh := m.live("show").BalanceWh; wh != v.UnitsWh {
		t.Errorf("after the token came twice the meter holds %d Wh, want %d", wh, v.UnitsWh)
	}
}
