package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/demo"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// The meter of a platform and its customer.
const (
	storyNumber   = "04140001001"
	storyCustomer = "Amina A."
	storyPhone    = "+254700000001"
)

// kwh writes watt-hours as a meter does.
func kwh(wh int64) string { return unit.Energy(wh).KWh(1) + " kWh" }

// platform is a server with one meter. The test runs the program's commands against it from outside.
type platform struct {
	t     *testing.T
	place *demo.Server
	api   *client.Client
	meter *demo.Scripted
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	place, err := demo.NewPlace(t.Context(), demoProgram())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			_ = place.WriteLog(os.Stderr) // the test has failed already
		}
		if err := errors.Join(place.Stop(), place.Remove()); err != nil {
			t.Error(err)
		}
	})
	if err := place.Start(); err != nil {
		t.Fatal(err)
	}
	p := &platform{t: t, place: place}
	if p.api, err = place.API(); err != nil {
		t.Fatal(err)
	}
	flat := int64(2_500_000)
	if _, err := p.api.CreateTariff(t.Context(), apiv1.NewTariff{Name: "domestic", Price: apiv1.Price{Currency: "KES", VATBps: 1500, FlatMicro: &flat}}); err != nil {
		t.Fatal(err)
	}
	return p
}

// add registers the meter and starts it.
func (p *platform) add() {
	p.t.Helper()
	m, err := p.place.Register(p.t.Context(), p.api, storyNumber, storyCustomer, storyPhone, "")
	if err != nil {
		p.t.Fatal(err)
	}
	p.meter = p.place.Meter(p.t.Context(), m, "")
	p.t.Cleanup(func() {
		if err := p.meter.Close(); err != nil {
			p.t.Error(err)
		}
	})
	p.do("sync")
}

// do gives the meter a command and returns the meter's balance.
func (p *platform) do(command string) int64 {
	p.t.Helper()
	v, err := p.meter.Do(command)
	if err != nil {
		p.t.Fatal(err)
	}
	return v.BalanceWh
}

func (p *platform) sell(ref string) apiv1.Sale {
	p.t.Helper()
	v, err := p.api.Vend(p.t.Context(), apiv1.NewSale{Meter: storyNumber, Tender: apiv1.Amount{AmountMinor: 10_000, Currency: "KES"}, ClientRef: ref}, "")
	if err != nil {
		p.t.Fatal(err)
	}
	return v.Sale
}

// paywatt runs a command against the server.
func (p *platform) paywatt(stdin string, args ...string) (code int, out, messages string) {
	p.t.Helper()
	var o, e bytes.Buffer
	env := map[string]string{"PAYWATT_URL": p.place.URL(), "PAYWATT_KEY": p.place.Key}
	code = run(args, console{in: strings.NewReader(stdin), out: &o, err: &e, getenv: func(name string) string { return env[name] }})
	return code, o.String(), e.String()
}

// recharge runs meter recharge and reads its answer.
func (p *platform) recharge(token string, more ...string) (int, apiv1.Recharge, string) {
	p.t.Helper()
	code, out, messages := p.paywatt(token, append([]string{"meter", "recharge", storyNumber, "-", "--wait", await.Limit.String(), "-o", "json"}, more...)...)
	var r apiv1.Recharge
	if out != "" {
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			p.t.Fatalf("%v: %s", err, out)
		}
	}
	return code, r, messages
}

func states(r apiv1.Recharge) (out []string) {
	for _, s := range r.Steps {
		out = append(out, s.State)
	}
	return out
}

func TestATokenIsSentToItsMeterAndFollowed(t *testing.T) {
	tier.Slow(t)
	p := newPlatform(t)
	p.add()
	sold := p.sell("one")
	code, r, told := p.recharge(grouped(sold.Tokens[0].Digits))
	if code != 0 || r.State != "accepted" || r.Elsewhere || !slices.Equal(states(r), []string{"queued", "sent", "answered", "accepted"}) ||
		r.Balance == nil || r.Balance.Wh != 34_700 || r.Balance.Source != "remote" {
		t.Fatalf("exit %d, %+v\n%s", code, r, told)
	}
	if strings.Count(told, "\n") < 4 || !strings.Contains(told, "accepted") || strings.Contains(told, sold.Tokens[0].Digits) {
		t.Errorf("the steps are told as\n%s", told)
	}
	if wh := p.do("show"); wh != 34_700 {
		t.Errorf("the meter holds %d Wh, want 34700", wh)
	}
	// Recharge the token again, by its id and by its digits: the server asks the meter once more, and the meter adds no credit.
	if code, again, told := p.recharge(sold.Tokens[0].Digits); code != 0 || again.State != "accepted" || again.Token != r.Token {
		t.Errorf("again: exit %d, %+v\n%s", code, again, told)
	}
	if code, out, told := p.paywatt("", "meter", "recharge", storyNumber, r.Token, "--wait", await.Limit.String()); code != 0 || !strings.Contains(out, "accepted") {
		t.Errorf("by its id: exit %d, %s%s", code, out, told)
	}
	if wh := p.do("sync"); wh != 34_700 {
		t.Errorf("after three recharges with one token: %d Wh, want 34700", wh)
	}
}

// TestHowAFollowedTokenEnds: sometimes only a text message confirms a token. If the user sent the token by SMS and the newest SMS was
// answered, the token counts as delivered. If the user sent the token over the meter's own connection, the outcome stays unknown. With a
// waiting time of 0, the command succeeds without waiting for the outcome.
func TestHowAFollowedTokenEnds(t *testing.T) {
	way := func(by, state string) apiv1.RechargeDelivery { return apiv1.RechargeDelivery{By: by, State: state} }
	for _, c := range []struct {
		state string
		ways  []apiv1.RechargeDelivery
		by    string
		wait  time.Duration
		want  int
	}{
		{"accepted", []apiv1.RechargeDelivery{way(byMQTT, "answered")}, byMQTT, time.Second, 0},
		{"accepted", []apiv1.RechargeDelivery{way(byMQTT, "queued")}, byMQTT, time.Second, 0}, // accepted before this delivery
		{"heard", []apiv1.RechargeDelivery{way(byMQTT, "queued"), way(bySMS, "answered")}, byMQTT, time.Second, exit.Unreachable},
		{"heard", []apiv1.RechargeDelivery{way(byMQTT, "failed"), way(bySMS, "answered")}, byMQTT, time.Second, exit.Unreachable},
		{"heard", []apiv1.RechargeDelivery{way(byMQTT, "queued"), way(bySMS, "answered")}, byMQTT, 0, 0},
		{"heard", []apiv1.RechargeDelivery{way(bySMS, "answered")}, bySMS, time.Second, 0},
		{"heard", []apiv1.RechargeDelivery{way(bySMS, "sent"), way(bySMS, "answered")}, bySMS, time.Second, exit.Unreachable},
		{"heard", []apiv1.RechargeDelivery{way(bySMS, "unknown"), way(bySMS, "answered")}, bySMS, time.Second, exit.Unreachable},
		{"rejected", []apiv1.RechargeDelivery{way(byMQTT, "answered")}, byMQTT, time.Second, exit.Refused},
		{"sent", []apiv1.RechargeDelivery{way(byMQTT, "sent")}, byMQTT, time.Second, exit.Unreachable},
	} {
		err := rechargeEnd(apiv1.Recharge{State: c.state, Deliveries: c.ways}, c.by, c.wait)
		var f *exit.Failure
		if got := errors.As(err, &f); got != (c.want != 0) || got && (f.Code != c.want || f.What == "" || f.Not == "" || f.Try == "") {
			t.Errorf("%+v ends with %+v, want exit code %d", c, err, c.want)
		}
	}
}

// This test recharges a token that another vending system made with the same key. The books do not know the token, but the meter accepts
// it.
func TestATokenFromElsewhereIsFollowedToo(t *testing.T) {
	tier.Slow(t)
	p := newPlatform(t)
	p.add()
	raw, err := hex.DecodeString(p.meter.Key)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sts.NewKey(sts.EA07, raw)
	if err != nil {
		t.Fatal(err)
	}
	a, err := sts.EncodeTenths(123)
	if err != nil {
		t.Fatal(err)
	}
	tid, err := sts.Base2014.TIDAt(time.Now().Add(5 * time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	token, err := sts.EncodeCredit(key, sts.Credit{TID: tid, Amount: a})
	if err != nil {
		t.Fatal(err)
	}
	code, r, told := p.recharge(token.Reveal())
	if code != 0 || r.State != "accepted" || !r.Elsewhere || r.UnitsWh != 12_300 || r.Balance == nil || r.Balance.Wh != 12_300 {
		t.Fatalf("exit %d, %+v\n%s", code, r, told)
	}
	if code, again, _ := p.recharge(token.Reveal()); code != 0 || again.Token != r.Token {
		t.Errorf("again: exit %d, %+v, want the same token", code, again)
	}
	// The meter's list of tokens has the token, marked as an external token.
	list, err := p.api.Tokens(t.Context(), apiv1.MeterFilter{Meter: storyNumber, Page: apiv1.Page{Limit: 10}})
	if err != nil || len(list.Data) != 1 || list.Data[0].ID != r.Token || !list.Data[0].Elsewhere || list.Data[0].Vend != "" || list.Data[0].State != "accepted" || list.Data[0].Digits != token.Reveal() {
		t.Errorf("the meter's tokens are %+v, %v; want the one from elsewhere", list.Data, err)
	}
	if code, out, told := p.paywatt("", "meter", "tokens", storyNumber); code != 0 || !strings.Contains(out, "not made here") || !strings.Contains(out, r.Token) {
		t.Errorf("exit %d\n%s%s", code, out, told)
	}
	// The server marks credit that was not sold here, and raises an alarm.
	alarms, err := p.api.Alarms(t.Context(), apiv1.AlarmFilter{Meter: storyNumber, Open: true, Page: apiv1.Page{Limit: 10}})
	if err != nil || len(alarms.Data) != 1 || !strings.Contains(fmt.Sprint(alarms.Data), "token.recharge") {
		t.Errorf("alarms %+v, %v; want the one for credit that was not sold here", alarms.Data, err)
	}
	books, err := p.api.TrialBalance(t.Context())
	if err != nil || len(books.Accounts) != 0 {
		t.Errorf("books %+v, %v; want none", books, err)
	}
}

func TestWhatCanNeverLoadIsNotSent(t *testing.T) {
	tier.Slow(t)
	p := newPlatform(t)
	p.add()
	for what, digits := range map[string]string{"too short": "1234", "for no meter": "12345678901234567890"} {
		code, _, told := p.recharge(digits)
		if code != exit.Refused && code != exit.Usage || !strings.Contains(told, "was not sent") {
			t.Errorf("%s: exit %d\n%s", what, code, told)
		}
	}
	sold := p.sell("one")
	if _, err := p.api.Reverse(t.Context(), sold.ID, "test", "reverse-1"); err != nil {
		t.Fatal(err)
	}
	if code, _, told := p.recharge(sold.Tokens[0].Digits); code != exit.Refused {
		t.Errorf("of a reversed sale: exit %d\n%s", code, told)
	}
	if code, _, told := p.paywatt("", "meter", "recharge", storyNumber, "tok_01jd00000000000000000000000"); code != exit.NotFound {
		t.Errorf("a token that is not there: exit %d\n%s", code, told)
	}
	if wh := p.do("sync"); wh != 0 {
		t.Errorf("the meter holds %d Wh, want none", wh)
	}
}

// TestTheBalanceAfterEachWay: whichever way a token took, the meter's page, the API and the command line show the balance after it. For a
// connected meter they show it at once, although its next reading is half an hour away. For a meter with only a modem, the balance comes
// from the meter's answers.
func TestTheBalanceAfterEachWay(t *testing.T) {
	tier.Slow(t)
	p := newPlatform(t)
	p.add()
	shown := func(number string, wh int64, source string) {
		t.Helper()
		var m apiv1.Meter
		await.True(t, fmt.Sprintf("meter %s has said %d Wh by %s", number, wh, source), func() bool {
			var err error
			if m, err = p.api.Meter(t.Context(), number); err != nil {
				t.Fatal(err)
			}
			return m.Said != nil && m.Said.Wh == wh && m.Said.Source == source && !m.Said.At.IsZero()
		})
		if code, out, told := p.paywatt("", "meter", "show", number); code != 0 || !strings.Contains(out, fmt.Sprintf("%s as of %s by %s", kwh(wh), m.Said.At.Format(time.RFC3339), source)) {
			t.Errorf("meter show: exit %d\n%s%s", code, out, told)
		}
	}
	p.do("key *1" + p.sell("first").Tokens[0].Digits + "#") // the supply comes back, and the meter sends a reading
	p.do("sync")
	shown(storyNumber, p.do("key *1"+p.sell("keypad").Tokens[0].Digits+"#"), "keypad")
	if code, _, told := p.recharge(p.sell("remote").Tokens[0].Digits); code != 0 {
		t.Fatalf("exit %d\n%s", code, told)
	}
	shown(storyNumber, p.do("show"), "remote")
	shown(storyNumber, p.do("sms "+storyPhone+" *02#"+p.sell("phone").Tokens[0].Digits), "sms")
	// The next reading is the newest balance again.
	p.do("run 1h")
	p.do("sync")
	if m, err := p.api.Meter(t.Context(), storyNumber); err != nil || m.Said != nil || m.BalanceWh == nil || *m.BalanceWh != p.do("show") {
		t.Errorf("after a reading: %+v, %v; want its balance alone", m, err)
	}
}

// TestTheBalanceOfAMeterWithNothingButAModem: the balance of such a meter comes from its answers to tokens and questions, and from its
// report of a token typed at the keypad. The report goes to the customer's telephone too, but only the server's copy names the token.
func TestTheBalanceOfAMeterWithNothingButAModem(t *testing.T) {
	tier.Slow(t)
	s := newPushStreet(t, 1)
	m := s.meters[0]
	said := func(wh int64) {
		t.Helper()
		await.True(t, fmt.Sprintf("the meter has said %d Wh", wh), func() bool {
			got, err := s.api.Meter(t.Context(), m.Number)
			if err != nil {
				t.Fatal(err)
			}
			return got.Said != nil && got.Said.Wh == wh && got.Said.Source == "sms answer" && got.BalanceWh == nil
		})
	}
	s.settled(m, s.sellTo(m), "")
	said(m.units / 100 * 100)
	telephone, err := s.radio.Phone(streetPhone(0))
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.api.Vend(t.Context(), apiv1.NewSale{Meter: m.Number, Tender: apiv1.Amount{AmountMinor: 10_000, Currency: "KES"}, ClientRef: "typed"}, "")
	if err != nil {
		t.Fatal(err)
	}
	held := m.live("key *1" + v.Tokens[0].Digits + "#").BalanceWh
	if held != m.units+v.UnitsWh {
		t.Fatalf("the meter holds %d Wh after the keypad, want %d", held, m.units+v.UnitsWh)
	}
	said(held / 100 * 100)
	reported := fmt.Sprintf("Recharge OK. %s added. Balance %s", kwh(v.UnitsWh), kwh(held))
	if got := telephone.Wait(t.Context(), 0); len(got) != 1 || got[0].Text != reported {
		t.Errorf("the customer's telephone got %+v, want %q", got, reported)
	}
	digits := v.Tokens[0].Digits
	if code, out, told := s.paywatt("", "message", "list", m.Number); code != 0 || !strings.Contains(out, reported+". Token "+digits[:4]+".."+digits[16:]) {
		t.Errorf("message list, exit %d, does not say %q with the token's ends:\n%s%s", code, reported, out, told)
	}
	if sale, err := s.api.VendByID(t.Context(), v.ID); err != nil || sale.Tokens[0].State != "heard" {
		t.Errorf("the server has the token as %+v, %v; want heard, as far as an SMS can say so", sale.Tokens, err)
	}
	m.live("load 1000")
	held = m.live("run 30m").BalanceWh
	if code, out, told := s.paywatt("", "message", "send", "--phone", m.sim, "--text", "*01#"); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, told)
	}
	said(held / 100 * 100)
	if code, out, told := s.paywatt("", "meter", "show", m.Number); code != 0 || !strings.Contains(out, kwh(held)+" as of ") || !strings.Contains(out, "by sms answer") {
		t.Errorf("meter show: exit %d\n%s%s", code, out, told)
	}
}
