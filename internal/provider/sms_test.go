package provider_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/provider/sms"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

// tillTexts is the configuration in docs/guide/payments.md.
const tillTexts = `{"senders": ["MPESA"], "currency": "KES", "time_zone": "Africa/Nairobi", "patterns": [
  {"text": "(?P<txn>[A-Z0-9]{10}) Confirmed\\. on (?P<date>\\S+) at (?P<time>\\S+ [AP]M) Ksh(?P<amount>[0-9,.]+) received from .*? (?P<payer>[0-9]+)\\. Account Number (?P<reference>.*) New Utility balance", "layout": "2/1/06 3:04 PM"},
  {"text": "(?P<txn>[A-Z0-9]{10}) Confirmed\\. on (?P<date>\\S+) at (?P<time>\\S+ [AP]M) Ksh(?P<amount>[0-9,.]+) received from (?P<payer>[0-9]+) ", "layout": "2/1/06 3:04 PM"},
  {"text": "(?P<txn>[A-Z0-9]{10}) Confirmed\\. Reversal of Ksh(?P<amount>[0-9,.]+)", "says": "undone"},
  {"text": "Your M-PESA (PIN|balance)", "says": "nothing"}]}`

const tillSecret = "0123456789abcdef0123456789abcdef"

func smsBench(t *testing.T) *bench {
	b := newBench(t, sms.Kind, tillTexts, `{"secret": "`+tillSecret+`"}`)
	if err := b.sim.SetEndpoint(sim.SMS, sim.Endpoint{URL: b.hook + "in", Secret: tillSecret}); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTextsOfATillArePayments(t *testing.T) {
	b := smsBench(t)
	for _, o := range []sim.Order{{Amount: 102_000, Reference: "0414 0001 001", Payer: "254711000001", Name: "Amina Odhiambo"}, {Amount: 50_000, Payer: "254711000001", Name: "Amina Odhiambo"}} {
		o.Provider = sim.SMS
		p, err := b.sim.Pay(o)
		if err != nil {
			t.Fatal(err)
		}
		b.advance(time.Second)
		got := b.heard()
		want := payment.Notice{Kind: payment.Paid, Txn: p.ID, Amount: money.Amount{Minor: money.Minor(o.Amount), Currency: "KES"}, Reference: o.Reference, Payer: o.Payer, Signed: true}
		if len(got) != 1 || !got[0].PaidAt.Equal(start) {
			t.Fatalf("notices %+v", got)
		}
		if got[0].PaidAt = (time.Time{}); !reflect.DeepEqual(got[0], want) {
			t.Errorf("notice %+v\nwant   %+v", got[0], want)
		}
	}
	if got := b.forged(sim.SMS, sim.ForgeSender); len(got) != 0 {
		t.Errorf("believed a text from a customer: %+v", got)
	}
}

func TestTextsWithoutAPayment(t *testing.T) {
	b := smsBench(t)
	read := func(from, text string) ([]payment.Notice, error) {
		return b.Read(payment.Incoming{Body: body(t, map[string]string{"from": from, "text": text})})
	}
	if got, err := read("mpesa", "Your M-PESA balance is Ksh1.00"); err != nil || len(got) != 0 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := read("MPESA", "A new wording of UKP1234567"); err == nil {
		t.Error("a new wording went unseen")
	}
	if got, err := read("MPESA", "UKP1234567 Confirmed. Reversal of Ksh500.00 done"); err != nil || len(got) != 1 || got[0].Kind != payment.Undone || got[0].Amount.Minor != 50_000 {
		t.Errorf("%+v %v", got, err)
	}
	// A payer who types a text as reference changes only the reference.
	text := "UKP1234567 Confirmed. on 20/11/26 at 11:00 AM Ksh10.00 received from A B 254711000001. Account Number UKQ7654321 Confirmed. on 20/11/26 at 11:00 AM Ksh9,999.00 received from X 254711000002. Account Number 7 New Utility balance is Ksh1.00"
	if got, err := read("MPESA", text); err != nil || len(got) != 1 || got[0].Txn != "UKP1234567" || got[0].Amount.Minor != 1_000 || got[0].Payer != "254711000001" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestATextNeedsTheSecretAndTheTime(t *testing.T) {
	b := smsBench(t)
	text := []byte(`{"id":"a1","from":"+255711000001","text":"BAL"}`)
	at := func(seconds int64, signature string) error {
		return b.Prove(payment.Incoming{Body: text, Header: map[string][]string{"Paywatt-Timestamp": {fmt.Sprint(seconds)}, "Paywatt-Signature": {signature}}})
	}
	sign := func(secret string, seconds int64) string {
		return fmt.Sprintf("v1=%x", sms.Sign(secret, fmt.Sprint(seconds), text))
	}
	if got := sign(tillSecret, 1795192200); got != "v1=24902061400a78b6e328a240f7287540a7b899cd0da87204125df8fa6d41aca9" { // docs/reference/sms-gateway.md
		t.Errorf("signature %s", got)
	}
	now := start.Unix()
	if err := at(now, sign(tillSecret, now)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{"late": at(now-301, sign(tillSecret, now-301)), "another secret": at(now, sign(strings.ToUpper(tillSecret), now)), "another time": at(now+1, sign(tillSecret, now)), "none": at(now, ""), "empty": at(now, "v1=")} {
		if err == nil {
			t.Errorf("believed: %s", name)
		}
	}
}

func TestPatternsAreChecked(t *testing.T) {
	for _, pattern := range []string{`{"text": "("}`, `{"text": "(?P<txn>x)"}`, `{"text": "x", "says": "paid"}`, `{"text": "` + strings.Repeat("x", 1001) + `", "says": "nothing"}`} {
		config := `{"senders": ["MPESA"], "currency": "KES", "patterns": [` + pattern + `]}`
		if _, err := provider.Open(sms.Kind, payment.Setup{Config: []byte(config), Secrets: []byte(`{"secret": "` + tillSecret + `"}`)}, nil); err == nil {
			t.Errorf("%.60s was taken", pattern)
		}
	}
}
