package provider_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sim/provider"
)

func paystackHead() map[string]string {
	return map[string]string{"Authorization": "Bearer sk_test_simulator"}
}

// paystackEvents returns the data of the events of a type, after checking the signatures.
func (m *merchant) paystackEvents(kind string) []map[string]any {
	m.t.Helper()
	var out []map[string]any
	for _, g := range m.at("/paystack") {
		mac := hmac.New(sha512.New, []byte("sk_test_simulator"))
		mac.Write(g.body)
		if hex.EncodeToString(mac.Sum(nil)) != g.head.Get("x-paystack-signature") {
			m.t.Errorf("wrong signature of %s", g.body)
		}
		if e := object(m.t, g.body); e["event"] == kind {
			out = append(out, e["data"].(map[string]any))
		}
	}
	return out
}

func TestATransactionIsPaidVerifiedAndRefunded(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	if err := m.sim.SetEndpoint(provider.Paystack, provider.Endpoint{URL: m.own + "/paystack"}); err != nil {
		t.Fatal(err)
	}
	in := map[string]any{"email": "amina@example.org", "amount": "50000", "currency": "KES", "reference": "req-1", "callback_url": m.own + "/thanks", "metadata": map[string]string{"meter": "04140001001"}}
	status, out := m.ask("POST", "/paystack/transaction/initialize", paystackHead(), in)
	want(t, "initialize", out, map[string]any{"status": true, "data.reference": "req-1"})
	if page, _ := out["data"].(map[string]any)["authorization_url"].(string); status != 200 || !strings.HasSuffix(page, "/checkout/req-1") {
		t.Errorf("%d %v", status, out)
	}
	if status, out := m.ask("POST", "/paystack/transaction/initialize", paystackHead(), in); status != 400 || out["message"] != "Duplicate Transaction Reference" {
		t.Errorf("the same reference: %d %v", status, out)
	}
	if status, _ := m.ask("GET", "/paystack/transaction/verify/req-1", nil, nil); status != 401 {
		t.Errorf("no key: %d", status)
	}
	_, out = m.ask("GET", "/paystack/transaction/verify/req-1", paystackHead(), nil)
	want(t, "open", out, map[string]any{"data.status": "ongoing"})
	paid, err := m.sim.Pay(provider.Order{Provider: provider.Paystack, Request: "req-1"})
	if err != nil {
		t.Fatal(err)
	}
	m.advance(0)
	if e := m.paystackEvents("charge.success"); len(e) != 1 {
		t.Fatalf("events %v", e)
	} else {
		want(t, "charge.success", e[0], map[string]any{"status": "success", "reference": "req-1", "amount": 50_000.0, "currency": "KES", "metadata.meter": "04140001001"})
	}
	_, out = m.ask("GET", "/paystack/transaction/verify/req-1", paystackHead(), nil)
	want(t, "paid", out, map[string]any{"data.status": "success", "data.amount": 50_000.0})
	_, list := m.ask("GET", "/paystack/transaction?perPage=10&page=1", paystackHead(), nil)
	want(t, "list", list, map[string]any{"meta.total": 1.0, "meta.pageCount": 1.0})

	status, out = m.ask("POST", "/paystack/refund", paystackHead(), map[string]any{"transaction": paid.ID, "amount": 20_000})
	want(t, "refund", out, map[string]any{"data.status": "pending", "data.amount": 20_000.0})
	if status != 200 {
		t.Errorf("status %d", status)
	}
	m.advance(time.Minute)
	if e := m.paystackEvents("refund.processed"); len(e) != 1 {
		t.Errorf("events %v", e)
	} else {
		want(t, "refund.processed", e[0], map[string]any{"amount": 20_000.0, "transaction_reference": "req-1", "status": "processed"})
	}
	if _, err := m.sim.ChargeBack(provider.Paystack, paid.ID); err != nil {
		t.Fatal(err)
	}
	m.advance(0)
	if e := m.paystackEvents("charge.dispute.create"); len(e) != 1 || e[0]["refund_amount"] != 30_000.0 {
		t.Errorf("dispute %v", e)
	}
}

func TestPaystackTriesForThreeDays(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	if err := m.sim.SetEndpoint(provider.Paystack, provider.Endpoint{URL: m.own + "/paystack"}); err != nil {
		t.Fatal(err)
	}
	m.answer = func(got) (int, string) { return 500, "" }
	m.ask("POST", "/paystack/transaction/initialize", paystackHead(), map[string]any{"email": "a@b.c", "amount": 100, "reference": "r"})
	if _, err := m.sim.Answer(provider.Paystack, "r", provider.ActPay); err != nil {
		t.Fatal(err)
	}
	m.advance(100 * time.Hour)
	tries := m.at("/paystack")
	if len(tries) != 77 || tries[1].at.Sub(tries[0].at) != 3*time.Minute || tries[76].at.Sub(tries[75].at) != time.Hour {
		t.Errorf("%d tries, want the first, four after three minutes each, and 72 after an hour each", len(tries))
	}
}

func TestWebhooksAreSignedAsTheStandardSays(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	key := bytes.Repeat([]byte("k"), 24)
	if err := m.sim.SetEndpoint(provider.Webhook, provider.Endpoint{URL: m.own + "/hook", Secret: "whsec_" + base64.StdEncoding.EncodeToString(key)}); err != nil {
		t.Fatal(err)
	}
	calls := 0
	m.answer = func(got) (int, string) {
		if calls++; calls == 1 {
			return 503, ""
		}
		return 204, ""
	}
	p, err := m.sim.Pay(provider.Order{Provider: provider.Webhook, Amount: 50_000, Reference: "04140001001", Payer: "+254712345126"})
	if err != nil {
		t.Fatal(err)
	}
	m.advance(time.Minute)
	if _, err := m.sim.Reverse(provider.Webhook, p.ID); err != nil {
		t.Fatal(err)
	}
	other, err := m.sim.Pay(provider.Order{Provider: provider.Bank, Amount: 5})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.sim.Reverse(provider.Bank, other.ID); err != nil { // a bank tells nobody
		t.Fatal(err)
	}
	m.advance(0)
	all := m.at("/hook")
	if len(all) != 3 || all[1].at.Sub(all[0].at) != 5*time.Second {
		t.Fatalf("%d messages", len(all))
	}
	for _, g := range all {
		mac := hmac.New(sha256.New, key)
		io.WriteString(mac, g.head.Get("webhook-id")+"."+g.head.Get("webhook-timestamp")+"."+string(g.body))
		if w := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); g.head.Get("webhook-signature") != w {
			t.Errorf("signature %s, want %s", g.head.Get("webhook-signature"), w)
		}
	}
	if all[0].head.Get("webhook-id") != all[1].head.Get("webhook-id") || all[1].head.Get("webhook-id") == all[2].head.Get("webhook-id") {
		t.Error("a try has another id, or another message the same id")
	}
	want(t, "taken", object(t, all[0].body), map[string]any{"type": "payment.taken", "data.id": p.ID, "data.amount_minor": 50_000.0, "data.amount": "500.00", "data.reference": "04140001001"})
	want(t, "reversed", object(t, all[2].body), map[string]any{"type": "payment.reversed", "data.status": "reversed"})
	if status, out := m.ask("GET", "/webhook/payments/"+p.ID, map[string]string{"Authorization": "Bearer webhook-key"}, nil); status != 200 || out["status"] != "reversed" {
		t.Errorf("query: %d %v", status, out)
	}
}

func TestATillsTelephoneGetsATextForEachPayment(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	if err := m.sim.SetEndpoint(provider.SMS, provider.Endpoint{URL: m.own + "/hooks/sms/phone1/in", Secret: "0123456789abcdef0123456789abcdef"}); err != nil {
		t.Fatal(err)
	}
	bill, err := m.sim.Pay(provider.Order{Provider: provider.SMS, Amount: 102_000, Reference: "04140001001", Payer: "254712345126", Name: "AMINA ODHIAMBO"})
	if err != nil {
		t.Fatal(err)
	}
	till, err := m.sim.Pay(provider.Order{Provider: provider.SMS, Amount: 100_000_000, Payer: "254712345126", Name: "AMINA ODHIAMBO"})
	if err != nil {
		t.Fatal(err)
	}
	m.advance(0)
	texts := m.sim.Texts(0)
	if len(texts) != 2 {
		t.Fatalf("%d texts", len(texts))
	}
	if w := bill.ID + " Confirmed. on 20/11/26 at 11:00 AM Ksh1,020.00 received from AMINA ODHIAMBO 254712345126. Account Number 04140001001 New Utility balance is Ksh1,020.00"; texts[0].Text != w || texts[0].From != "MPESA" {
		t.Errorf("got  %q\nwant %q", texts[0].Text, w)
	}
	if !regexp.MustCompile(`^` + till.ID + ` Confirmed\. .* Ksh1,000,000\.00 received from 254712345126 AMINA ODHIAMBO\. New Account balance is Ksh1,001,020\.00\.`).MatchString(texts[1].Text) {
		t.Errorf("got %q", texts[1].Text)
	}
	posts := m.at("/hooks/sms/phone1/in")
	if len(posts) != 2 {
		t.Fatalf("%d posts", len(posts))
	}
	for i, g := range posts {
		mac := hmac.New(sha256.New, []byte("0123456789abcdef0123456789abcdef"))
		io.WriteString(mac, g.head.Get("Paywatt-Timestamp")+".in."+string(g.body))
		if "v1="+hex.EncodeToString(mac.Sum(nil)) != g.head.Get("Paywatt-Signature") {
			t.Errorf("wrong signature of %s", g.body)
		}
		want(t, "post", object(t, g.body), map[string]any{"id": texts[i].ID, "from": "MPESA", "text": texts[i].Text})
	}
}

func TestPaystacksPageReturnsToTheMerchant(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	_, out := m.ask("POST", "/paystack/transaction/initialize", paystackHead(), map[string]any{"email": "a@b.c", "amount": 100, "reference": "r", "callback_url": m.own + "/thanks?a=b"})
	status, back := 0, ""
	m.answer = func(g got) (int, string) { back = g.path; return 200, "{}" }
	status, _ = m.ask("POST", strings.TrimPrefix(out["data"].(map[string]any)["authorization_url"].(string), m.url), nil, url.Values{"do": {"pay"}})
	if status != 200 || back != "/thanks" || m.sim.Books().Payments[0].State != provider.Taken {
		t.Errorf("%d %s", status, back)
	}
}

func TestTransactionsAreListedByPage(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	for i := range 5 {
		m.ask("POST", "/paystack/transaction/initialize", paystackHead(), map[string]any{"email": "a@b.c", "amount": 100 + i, "reference": "r" + string(rune('0'+i))})
		m.advance(time.Minute)
	}
	list := func(query string) (out []string) {
		t.Helper()
		_, body := m.ask("GET", "/paystack/transaction"+query, paystackHead(), nil)
		for _, row := range body["data"].([]any) {
			out = append(out, row.(map[string]any)["reference"].(string))
		}
		return out
	}
	for query, w := range map[string]string{"": "r4 r3 r2 r1 r0", "?perPage=2": "r4 r3", "?perPage=2&page=3": "r0", "?perPage=2&page=4": "", "?perPage=1&page=1": "r4",
		"?from=2026-11-20T08:01:00Z&to=2026-11-20T08:02:00Z": "r2 r1"} {
		if got := strings.Join(list(query), " "); got != w {
			t.Errorf("%s: %s, want %s", query, got, w)
		}
	}
	for name, body := range map[string]map[string]any{"amount": {"email": "a@b.c", "amount": "0"}, "email": {"amount": 5}, "currency": {"email": "a@b.c", "amount": 5, "currency": "XXY"}, "callback_url": {"email": "a@b.c", "amount": 5, "callback_url": "x"}} {
		if status, out := m.ask("POST", "/paystack/transaction/initialize", paystackHead(), body); status != 400 || out["status"] != false {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	for path, w := range map[string]int{"transaction/verify/x": 400, "refund/1": 404, "transaction?from=x": 400} {
		if status, _ := m.ask("GET", "/paystack/"+path, paystackHead(), nil); status != w {
			t.Errorf("%s: %d, want %d", path, status, w)
		}
	}
	for do, w := range map[provider.Act]string{provider.ActPIN: "failed", provider.ActCancel: "abandoned", provider.ActExpire: "abandoned"} {
		ref := "do-" + string(do)
		m.ask("POST", "/paystack/transaction/initialize", paystackHead(), map[string]any{"email": "a@b.c", "amount": 100, "reference": ref})
		if _, err := m.sim.Answer(provider.Paystack, ref, do); err != nil {
			t.Fatal(err)
		}
		if _, out := m.ask("GET", "/paystack/transaction/verify/"+ref, paystackHead(), nil); out["data"].(map[string]any)["status"] != w {
			t.Errorf("%s: %v", do, out)
		}
	}
}

// TestARefundIsProcessedLater: first it is pending, a minute later it is processed.
func TestARefundIsProcessedLater(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	m.ask("POST", "/paystack/transaction/initialize", paystackHead(), map[string]any{"email": "a@b.c", "amount": 100, "reference": "r"})
	if status, _ := m.ask("POST", "/paystack/refund", paystackHead(), map[string]any{"transaction": "r"}); status != 400 {
		t.Errorf("a refund of nothing: %d", status)
	}
	if _, err := m.sim.Answer(provider.Paystack, "r", provider.ActPay); err != nil {
		t.Fatal(err)
	}
	_, out := m.ask("POST", "/paystack/refund", paystackHead(), map[string]any{"transaction": "r"})
	id := "/paystack/refund/" + strconv.FormatFloat(out["data"].(map[string]any)["id"].(float64), 'f', -1, 64)
	for _, w := range []string{"pending", "processed"} {
		_, out := m.ask("GET", id, paystackHead(), nil)
		want(t, "refund", out, map[string]any{"data.status": w, "data.amount": 100.0})
		m.advance(time.Minute)
	}
	if status, out := m.ask("POST", "/paystack/refund", paystackHead(), map[string]any{"transaction": "r"}); status != 400 || out["message"] != "Transaction has been fully reversed" {
		t.Errorf("refunded twice: %d %v", status, out)
	}
	_, out = m.ask("GET", "/paystack/transaction/verify/r", paystackHead(), nil)
	want(t, "transaction", out, map[string]any{"data.status": "reversed"})
}
