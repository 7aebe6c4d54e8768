package provider_test

// Tests of what the answers of every kind of provider say: the table of docs/guide/payments.md is that of the adapters, and no GET request has a body.

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/provider/outbound"
)

// setups are configurations and secrets of every kind. SIM stands for the address of the provider.
func setups() map[string][2]string {
	return map[string][2]string{
		"airtel":      {`{"url": "SIM", "country": "KE", "currency": "KES", "dial": "254"}`, `{"client_id": "a", "client_secret": "b"}`},
		"flutterwave": {`{"url": "SIM", "email": "power@example.org", "return_url": "https://power.example/thanks"}`, `{"key": "k", "hash": "h"}`},
		"momo":        {`{"url": "SIM", "environment": "mtnkenya"}`, `{"api_user": "u", "api_key": "k", "subscription_key": "s"}`},
		"mpesa": {`{"base_url": "SIM", "short_code": "600000", "till": "5012345", "initiator": "api", "pull": "254722000000"}`,
			`{"consumer_key": "k", "consumer_secret": "s", "passkey": "p", "security_credential": "c"}`},
		"paystack":  {`{"url": "SIM", "email": "power@example.org"}`, `{"key": "k"}`},
		"sms":       {tillTexts, `{"secret": "` + tillSecret + `"}`},
		"stripe":    {`{"url": "SIM", "success_url": "https://power.example/thanks"}`, `{"key": "k", "signing": "whsec_s"}`},
		"webhook":   {`{"ask_url": "SIM/payments/{id}"}`, `{"signing": "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="}`},
		"statement": {`{}`, `{}`},
	}
}

func openAt(t *testing.T, kind, address string) payment.Adapter {
	t.Helper()
	s := setups()[kind]
	a, err := provider.Open(kind, payment.Setup{Config: []byte(strings.ReplaceAll(s[0], "SIM", address)), Secrets: []byte(s[1]), Address: "https://power.example/hooks/pay/0/"},
		outbound.New(http.DefaultClient, func() time.Time { return start }))
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return a
}

// TestNoGETRequestHasABody: a gateway may refuse a GET request with the body null.
func TestNoGETRequestHasABody(t *testing.T) {
	var lock sync.Mutex
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		lock.Lock()
		defer lock.Unlock()
		seen = append(seen, r.Method)
		if r.Method == http.MethodGet && (len(body) > 0 || r.Header.Get("Content-Type") != "" || r.ContentLength > 0) {
			t.Errorf("GET %s has the body %q of type %q", r.URL.Path, body, r.Header.Get("Content-Type"))
		}
		if r.Method == http.MethodPost && len(body) > 0 && r.Header.Get("Content-Type") == "" {
			t.Errorf("POST %s has a body without a type", r.URL.Path)
		}
		_, _ = io.WriteString(w, `{"access_token": "t", "expires_in": 3600}`)
	}))
	defer s.Close()
	for _, kind := range provider.Kinds() {
		seen = nil
		a := openAt(t, kind, s.URL)
		if a.Asks() {
			_, _ = a.Ask(t.Context(), payment.Payment{Txn: "1"}) // what it makes of the answer is not the question
		}
		r := payment.Request{Name: "prq_1", Handle: "h", Amount: money.Amount{Minor: 50_000, Currency: "KES"}, Phone: "+254711000001", MadeAt: start}
		if q, can := a.(payment.Requester); can {
			_, _ = q.Request(t.Context(), r)
			_, _ = q.Follow(t.Context(), r)
		}
		if l, can := a.(payment.Lister); can {
			_, _, _ = l.List(t.Context(), start, start, "")
		}
		if a.Asks() && kind != "mpesa" && !slices.Contains(seen, http.MethodGet) {
			t.Errorf("%s sent %v", kind, seen)
		}
	}
}

// TestEveryAdapterSaysWhatItsAnswersAreLike: all aspects once, and what the answer says of its name is judged. The guide has the same table.
func TestEveryAdapterSaysWhatItsAnswersAreLike(t *testing.T) {
	page, err := os.ReadFile("../../docs/guide/payments.md")
	if err != nil {
		t.Fatal(err)
	}
	aspects := []payment.Aspect{
		payment.OfName, payment.OfReceiver, payment.OfDirection, payment.OfKind, payment.OfCurrency, payment.OfReference,
	}
	kinds := provider.Kinds()
	slices.Sort(kinds)
	for _, kind := range kinds {
		a := openAt(t, kind, "https://provider.example")
		r := a.Rules()
		row := fmt.Sprintf("| `%s` | %s |", kind, nameRule(r.Names))
		if !a.Asks() {
			if len(r.Answers) > 0 {
				t.Errorf("%s cannot be asked, but has rules for answers", kind)
			}
			row += strings.Repeat(" – |", len(aspects))
		}
		for i, rule := range r.Answers {
			if len(r.Answers) != len(aspects) || rule.Aspect != aspects[i] {
				t.Fatalf("%s: rule %d is about %q", kind, i, rule.Aspect)
			}
			switch {
			case rule.Source == payment.InAnswer && rule.Fits != nil:
				row += " must fit: `" + rule.Field + "` |"
			case rule.Source == payment.InAnswer:
				row += " taken from `" + rule.Field + "` |"
			case rule.Source == payment.ByQuestion:
				row += " " + rule.Field + " |"
			default:
				row += " only the call says it |"
			}
			if rule.Aspect == payment.OfName && (rule.Source != payment.InAnswer || rule.Fits == nil || rule.Fits("another", payment.Payment{Txn: "1"})) {
				t.Errorf("%s: an answer about another payment fits", kind)
			}
		}
		if !strings.Contains(string(page), row+"\n") {
			t.Errorf("docs/guide/payments.md lacks the row\n%s", row)
		}
	}
}

func nameRule(r payment.NameRule) string {
	switch r {
	case payment.UpperName:
		return "capital and small letters are the same"
	case payment.LowerName:
		return "small letters"
	}
	return "as written"
}

// published is the result of a status query in Safaricom's documentation: the short code paid a customer.
const published = `{"Result": {"ResultType": 0, "ResultCode": 0, "ResultDesc": "The service request has been accepted successfully.",
 "OriginatorConversationID": "10816-694520-2", "ConversationID": "AG_20170727_000059c52529a8e080bd", "TransactionID": "LGR0000000",
 "ResultParameters": {"ResultParameter": [{"Key": "ReceiptNo", "Value": "LGR919G2AV"}, {"Key": "Conversation ID", "Value": "AG_20170727_00004492b1b6d0078fbe"},
  {"Key": "FinalisedTime", "Value": 20170727101415}, {"Key": "Amount", "Value": 10}, {"Key": "TransactionStatus", "Value": "Completed"},
  {"Key": "ReasonType", "Value": "Salary Payment via API"}, {"Key": "TransactionReason"}, {"Key": "DebitPartyCharges", "Value": "Fee For B2C Payment|KES|33.00"},
  {"Key": "DebitAccountType", "Value": "Utility Account"}, {"Key": "InitiatedTime", "Value": 20170727101415}, {"Key": "Originator Conversation ID", "Value": "19455-773836-1"},
  {"Key": "CreditPartyName", "Value": "254708374149 - John Doe"}, {"Key": "DebitPartyName", "Value": "600134 - Safaricom157"}]},
 "ReferenceData": {"ReferenceItem": {"Key": "Occasion", "Value": "aaaa"}}}}`

// TestMpesasAnswerMustBeAboutMoneyThatCameIn reads results as Safaricom sends them, for a pay bill 600000 with the till 5012345.
func TestMpesasAnswerMustBeAboutMoneyThatCameIn(t *testing.T) {
	result := func(fields ...string) string {
		all := `{"Key": "ReceiptNo", "Value": "LGR919G2AV"}, {"Key": "Amount", "Value": 10}, {"Key": "TransactionStatus", "Value": "Completed"}`
		for i := 0; i < len(fields); i += 2 {
			all += fmt.Sprintf(`, {"Key": %q, "Value": %q}`, fields[i], fields[i+1])
		}
		return `{"Result": {"ResultCode": 0, "OriginatorConversationID": "a", "ConversationID": "b", "ResultParameters": {"ResultParameter": [` + all + `]}}}`
	}
	a := openAt(t, "mpesa", "https://provider.example")
	for name, c := range map[string]struct {
		body, txn string
		fits      bool
	}{
		"published, a payment to a customer": {published, "LGR919G2AV", false},
		"to the pay bill":                    {result("CreditPartyName", "600000 - Power", "DebitPartyName", "254711000001 - Amina"), "LGR919G2AV", true},
		"to the till":                        {result("CreditPartyName", "5012345 - Power", "DebitPartyName", "254711000001 - Amina"), "LGR919G2AV", true},
		"without a name":                     {result("CreditPartyName", "600000"), "LGR919G2AV", true},
		"without parties":                    {result(), "LGR919G2AV", true},
		"in small letters":                   {result("CreditPartyName", "600000 - Power"), "lgr919g2av", true},
		"to another":                         {result("CreditPartyName", "600001 - Power"), "LGR919G2AV", false},
		"to a longer number":                 {result("CreditPartyName", "6000001 - Power"), "LGR919G2AV", false},
		"from the pay bill":                  {result("DebitPartyName", "600000 - Power"), "LGR919G2AV", false},
		"from the pay bill, named twice":     {result("DebitPartyName", "600000 - Power", "DebitPartyName", "254711000001 - Amina"), "LGR919G2AV", false},
		"from the pay bill to the till":      {result("CreditPartyName", "5012345 - Power", "DebitPartyName", "600000 - Power"), "LGR919G2AV", false},
		"from another pay bill":              {result("CreditPartyName", "600000 - Power", "DebitPartyName", "700000 - Shop", "ReasonType", "Business Pay Bill"), "LGR919G2AV", true},
		"a payment to a customer":            {result("ReasonType", "Business Payment to Customer via API"), "LGR919G2AV", false},
		"a payment of the pay bill":          {result("ReasonType", "Pay Bill Online"), "LGR919G2AV", true},
		"a withdrawal":                       {result("ReasonType", "Organization Withdrawal Of Funds"), "LGR919G2AV", false},
		"another receipt":                    {result(), "LGR919G2AX", false},
	} {
		got, err := a.Read(payment.Incoming{What: "r", Body: []byte(c.body)})
		if err != nil || len(got) != 1 || got[0].Answer.Outcome != payment.Took {
			t.Fatalf("%s: %+v %v", name, got, err)
		}
		if why := payment.Misfit(a.Rules().Answers, payment.Payment{Txn: c.txn}, got[0].Answer.Said); (why == "") != c.fits {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// TestWhatStripeSaysMustFit reads payment intents of other accounts, and other objects.
func TestWhatStripeSaysMustFit(t *testing.T) {
	said := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, said) }))
	defer s.Close()
	a := openAt(t, "stripe", s.URL)
	const intent = `{"id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount_received": 50000, "currency": "kes", "transfer_data": null}`
	for name, c := range map[string]struct {
		body string
		fits bool
	}{
		"an intent":                   {intent, true},
		"another intent":              {strings.Replace(intent, "pi_1", "pi_2", 1), false},
		"a charge":                    {strings.Replace(intent, `"payment_intent"`, `"charge"`, 1), false},
		"of another account":          {strings.Replace(intent, "null", `{"destination": "acct_2"}`, 1), false},
		"of another account, refused": {strings.Replace(strings.Replace(intent, "null", `{"destination": {"id": "acct_2"}}`, 1), "succeeded", "canceled", 1), false},
	} {
		said = c.body
		got, err := a.Ask(t.Context(), payment.Payment{Txn: "pi_1"})
		if err != nil {
			t.Fatal(name, err)
		}
		if why := payment.Misfit(a.Rules().Answers, payment.Payment{Txn: "pi_1"}, got.Said); (why == "") != c.fits {
			t.Errorf("%s: %q", name, why)
		}
	}
}
