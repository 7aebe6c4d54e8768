package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app/apptest"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/demo"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/tier"
)

// told runs a command with JSON output and decodes it.
func told[T any](p *platform, args ...string) (answer T) {
	p.t.Helper()
	code, out, messages := p.paywatt("", append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &answer); code != 0 || err != nil {
		p.t.Fatalf("paywatt %s: exit %d, %v\n%s%s", strings.Join(args, " "), code, err, out, messages)
	}
	return answer
}

// TestTheAuthoritysPlatformByCommandLine runs a working day. It finds and corrects a consumer, generates a token and sends it through the
// server's modem into the meter. Then it sends another token to the consumer's telephone and looks at each message.
func TestTheAuthoritysPlatformByCommandLine(t *testing.T) {
	tier.Slow(t)
	const newPhone = "+254799000001"
	s := newPushStreet(t, 1)
	s.owned()
	m := s.meters[0]
	telephone, err := s.radio.Phone(newPhone)
	if err != nil {
		t.Fatal(err)
	}

	found := told[[]apiv1.CustomerEntry](s.platform, "customer", "list", "--find", strings.ToLower(streetName))
	if len(found) != 1 || found[0].Name != streetName || found[0].Phone != streetPhone(0) || len(found[0].Meters) != 1 || found[0].Meters[0] != m.Number {
		t.Fatalf("found %+v, want the one customer with meter %s", found, m.Number)
	}
	if none := told[[]apiv1.CustomerEntry](s.platform, "customer", "list", "--find", "nobody at all"); len(none) != 0 {
		t.Errorf("no customer was found as %+v", none)
	}
	one := found[0].ID
	if code, out, messages := s.paywatt("", "customer", "change", one, "--phone", "call me"); code != exit.Usage && code != exit.Refused {
		t.Errorf("a telephone that is none: exit %d\n%s%s", code, out, messages)
	}
	if code, out, messages := s.paywatt("", "customer", "change", one); code != exit.Usage || !strings.Contains(messages, "No changes are given") {
		t.Errorf("no change: exit %d\n%s%s", code, out, messages)
	}
	told[apiv1.Customer](s.platform, "customer", "change", one, "--phone", newPhone, "--lang", "sw")
	if now := told[apiv1.Customer](s.platform, "customer", "show", one); now.Name != streetName || now.Phone != newPhone || now.Lang != "sw" {
		t.Errorf("the customer is now %+v", now)
	}
	// Tokens wait for a day before they go to the changed number, unless somebody else confirms it.
	if code, out, messages := s.paywatt("", "customer", "confirm-phone", one); code == 0 {
		t.Errorf("whoever changed the number confirms it: exit %d\n%s%s", code, out, messages)
	}
	if _, err := s.colleague().ConfirmPhone(t.Context(), one, "called the old number"); err != nil {
		t.Fatal(err)
	}

	give := []string{"meter", "give-token", m.Number, "free", "--units", "12.3", "--reason-code", "test", "--reason", "trial of the platform", "--key", "platform-1"}
	made := told[apiv1.Tokens](s.platform, give...)
	if again := told[apiv1.Tokens](s.platform, give...); len(made.Tokens) != 1 || made.UnitsWh != 12_300 || len(again.Tokens) != 1 || again.Tokens[0].Digits != made.Tokens[0].Digits {
		t.Fatalf("generated %+v, and under the same key %+v; want one token of 12.3 kWh", made, again)
	}
	sent := told[apiv1.Recharge](s.platform, "meter", "recharge", m.Number, made.Tokens[0].Digits, "--by", "sms", "--wait", await.Limit.String())
	if sent.State != "heard" || sent.Balance == nil || sent.Balance.Wh != 12_300 || len(sent.Deliveries) != 1 || m.live("show").BalanceWh != 12_300 {
		t.Fatalf("recharged: %+v, want heard, with a balance of 12.3 kWh", sent)
	}
	s.toTelephone(m, telephone)

	code, out, messages := s.paywatt("", "message", "list", m.Number)
	for _, want := range []string{m.sim, "answered", newPhone, "delivered", "Recharge OK. 12.3 kWh added. Balance 12.3 kWh"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("message list, exit %d, does not say %q:\n%s%s", code, want, out, messages)
		}
	}
	shown := told[apiv1.MessageDetail](s.platform, "message", "show", sent.Deliveries[0].Message)
	if shown.State != "answered" || shown.Phone != m.sim || shown.SentAt == nil || shown.AnsweredAt == nil || len(shown.Attempts) != 1 {
		t.Errorf("the message is shown as %+v", shown)
	}
	if strings.Contains(strings.ReplaceAll(out, " ", ""), made.Tokens[0].Digits) {
		t.Error("the list of messages shows the digits of a token")
	}
	month := time.Now().UTC().Format("2006-01")
	code, out, messages = s.paywatt("", "message", "routes")
	if later := time.Now().UTC().Format("2006-01"); code != 0 || !strings.Contains(out, "modem") || !strings.Contains(out, month) && !strings.Contains(out, later) {
		t.Errorf("message routes: exit %d\n%s%s", code, out, messages)
	}
}

// owned gives the key of the platform to a person, who works with it from then on.
func (p *platform) owned() {
	p.t.Helper()
	data := filepath.Join(p.place.Dir, "data")
	if _, err := apptest.Key(p.t.Context(), data, "", nil, apptest.Person{Email: "amina@example.org", Role: access.Owner}); err != nil {
		p.t.Fatal(err)
	}
	_, list, _ := p.paywatt("", "apikey", "list", "--data", data, "-o", "json")
	var keys []struct{ ID string }
	if err := json.Unmarshal([]byte(list), &keys); err != nil {
		p.t.Fatal(err)
	}
	if code, _, messages := p.paywatt("", "apikey", "give", keys[0].ID, "--person", "amina@example.org", "--data", data); code != 0 {
		p.t.Fatalf("apikey give: exit %d\n%s", code, messages)
	}
}

// colleague is somebody else of the authority.
func (p *platform) colleague() *client.Client {
	p.t.Helper()
	key, err := apptest.Key(p.t.Context(), filepath.Join(p.place.Dir, "data"), "", nil, apptest.Person{Email: "juma@example.org", Role: access.Engineer, KeyName: "colleague"})
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := client.New(p.place.URL(), key, client.Config{})
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// toTelephone sends the consumer a token in the consumer's language. It may only go to the registered telephone.
func (s *pushStreet) toTelephone(m *pushMeter, telephone *network.Phone) {
	s.t.Helper()
	v, err := s.api.Vend(s.t.Context(), apiv1.NewSale{Meter: m.Number, Tender: apiv1.Amount{AmountMinor: 10_000, Currency: "KES"}, ClientRef: "to-telephone"}, "")
	if err != nil {
		s.t.Fatal(err)
	}
	if code, out, messages := s.paywatt("", "message", "send", m.Number, "--phone", streetPhone(0)); code == 0 {
		s.t.Errorf("a token to a telephone that is not registered: exit %d\n%s%s", code, out, messages)
	}
	if code, out, messages := s.paywatt("", "message", "send", m.Number); code != 0 || strings.Contains(strings.ReplaceAll(out+messages, " ", ""), v.Tokens[0].Digits) {
		s.t.Fatalf("message send: exit %d, or it shows the digits\n%s%s", code, out, messages)
	}
	got := telephone.Wait(s.t.Context(), 0)
	if len(got) != 1 || got[0].From != demo.Authority || !strings.Contains(got[0].Text, grouped(v.Tokens[0].Digits)) || !strings.Contains(got[0].Text, "mita "+m.Number) {
		s.t.Errorf("the telephone got %d messages, want one in Swahili with the token from %s", len(got), demo.Authority)
	}
	for _, e := range s.radio.Events(0) {
		if "+"+e.To == streetPhone(0) && strings.Contains(strings.ReplaceAll(e.Text, " ", ""), v.Tokens[0].Digits) {
			s.t.Errorf("%s: the token goes to the telephone that is not registered any more", e.Kind)
		}
	}
	await.True(s.t, "a message is delivered", func() bool {
		list, err := s.api.Messages(s.t.Context(), apiv1.MessageFilter{Meter: m.Number, State: "delivered", Page: apiv1.Page{Limit: 10}})
		if err != nil {
			s.t.Fatal(err)
		}
		return len(list.Data) > 0
	})
}
