package provider_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sim/provider"
)

// airtelLogin returns the headers of a call.
func (m *merchant) airtelLogin() map[string]string {
	m.t.Helper()
	status, out := m.ask("POST", "/airtel/auth/oauth2/token", nil, map[string]string{"client_id": "airtel-id", "client_secret": "airtel-secret", "grant_type": "client_credentials"})
	token, _ := out["access_token"].(string)
	if status != 200 || token == "" || out["expires_in"] != "180" {
		m.t.Fatalf("no token: %d %v", status, out)
	}
	return map[string]string{"Authorization": "Bearer " + token, "X-Country": "UG", "X-Currency": "UGX"}
}

func (m *merchant) airtelPush(head map[string]string, id, phone string) (int, map[string]any) {
	m.t.Helper()
	return m.ask("POST", "/airtel/merchant/v2/payments/", head, map[string]any{"reference": "Power", "subscriber": map[string]string{"country": "UG", "currency": "UGX", "msisdn": phone},
		"transaction": map[string]any{"amount": 5000, "country": "UG", "currency": "UGX", "id": id}})
}

func TestAnAirtelPaymentIsPolled(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	if err := m.sim.SetEndpoint(provider.Airtel, provider.Endpoint{URL: m.own + "/airtel", Secret: "s3cret"}); err != nil {
		t.Fatal(err)
	}
	head := m.airtelLogin()
	status, out := m.airtelPush(head, "req-1", "750123456")
	want(t, "push", out, map[string]any{"status.response_code": "DP00800001006", "data.transaction.id": "req-1"})
	if status != 200 {
		t.Errorf("status %d", status)
	}
	if status, _ := m.airtelPush(head, "req-1", "750123456"); status != 400 {
		t.Errorf("the same id again: %d", status)
	}
	if status, _ := m.airtelPush(head, "req-2", "256750123456"); status != 400 {
		t.Errorf("a telephone with its country code: %d", status)
	}
	state := func(w string) map[string]any {
		t.Helper()
		_, out := m.ask("GET", "/airtel/standard/v1/payments/req-1", head, nil)
		want(t, "enquiry", out, map[string]any{"data.transaction.status": w, "data.transaction.id": "req-1"})
		return out["data"].(map[string]any)["transaction"].(map[string]any)
	}
	state("TIP")
	m.advance(10 * time.Second)
	paid := m.sim.Books().Payments[0]
	want(t, "transaction", state("TS"), map[string]any{"airtel_money_id": paid.ID})
	var back struct {
		Transaction json.RawMessage `json:"transaction"`
		Hash        string          `json:"hash"`
	}
	if err := json.Unmarshal(m.at("/airtel")[0].body, &back); err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write(back.Transaction)
	want(t, "callback", object(t, back.Transaction), map[string]any{"id": "req-1", "status_code": "TS", "airtel_money_id": paid.ID})
	if back.Hash != base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		t.Errorf("hash %s", back.Hash)
	}
	if status, out := m.ask("POST", "/airtel/standard/v1/payments/refund", head, map[string]any{"transaction": map[string]string{"airtel_money_id": paid.ID}}); status != 200 {
		t.Errorf("refund: %d %v", status, out)
	}
	state("TR")
	if status, _ := m.ask("POST", "/airtel/standard/v1/payments/refund", head, map[string]any{"transaction": map[string]string{"airtel_money_id": paid.ID}}); status != 400 {
		t.Errorf("refunded twice: %d", status)
	}
	m.advance(3 * time.Minute)
	if status, _ := m.ask("GET", "/airtel/standard/v1/payments/req-1", head, nil); status != 401 {
		t.Errorf("a token of three minutes ago: %d", status)
	}
}

// TestAnAirtelPaymentMayBeAmbiguous before it is taken. It also shows that the field success means nothing.
func TestAnAirtelPaymentMayBeAmbiguous(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	says := map[any]int{}
	for do, w := range map[provider.Act][2]string{provider.ActLate: {"TA", "TS"}, provider.ActFunds: {"TF", "TF"}, provider.ActIgnore: {"TIP", "TIP"}, provider.ActCancel: {"TF", "TF"}} {
		head, id := m.airtelLogin(), string(do)
		if err := m.sim.SetBehaviour(provider.Airtel, "*", provider.Behaviour{Do: do}); err != nil {
			t.Fatal(err)
		}
		m.airtelPush(head, id, "750123456")
		for _, state := range w {
			m.advance(time.Second)
			_, out := m.ask("GET", "/airtel/standard/v1/payments/"+id, head, nil)
			want(t, id, out, map[string]any{"data.transaction.status": state})
			says[out["status"].(map[string]any)["success"]]++
			m.advance(time.Minute)
		}
	}
	if says[true] == 0 || says[false] == 0 {
		t.Errorf("success is %v", says)
	}
}

func TestAFlutterwaveTransactionIsPaidVerifiedAndRefunded(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	if err := m.sim.SetEndpoint(provider.Flutterwave, provider.Endpoint{URL: m.own + "/flutterwave", Secret: "s3cret"}); err != nil {
		t.Fatal(err)
	}
	head := map[string]string{"Authorization": "Bearer flutterwave-key"}
	in := map[string]any{"tx_ref": "req-1", "amount": 500, "currency": "KES", "redirect_url": m.own + "/thanks", "customer": map[string]string{"email": "amina@example.org"}}
	status, out := m.ask("POST", "/flutterwave/v3/payments", head, in)
	if status != 200 {
		t.Fatalf("%d %v", status, out)
	}
	if status, _ := m.ask("POST", "/flutterwave/v3/payments", head, in); status != 400 {
		t.Errorf("the same tx_ref: %d", status)
	}
	if status, _ := m.ask("POST", "/flutterwave/v3/payments", nil, in); status != 401 {
		t.Errorf("no key: %d", status)
	}
	tries := 0
	m.answer = func(g got) (int, string) {
		if g.path == "/flutterwave" {
			if tries++; tries < 3 {
				return 202, "" // only 200 counts
			}
		}
		return 200, "{}"
	}
	page := strings.TrimPrefix(out["data"].(map[string]any)["link"].(string), m.url)
	m.ask("POST", page, nil, url.Values{"do": {"pay"}})
	m.advance(2 * time.Hour)
	if n := len(m.at("/thanks")); n == 1 && (m.query != "status=successful&transaction_id="+m.sim.Books().Payments[0].ID+"&tx_ref=req-1") {
		t.Errorf("the browser returned with %s", m.query)
	}
	if len(m.at("/thanks")) != 1 || len(m.at("/flutterwave")) != 3 {
		t.Errorf("%d returns, %d events", len(m.at("/thanks")), len(m.at("/flutterwave")))
	}
	paid := m.sim.Books().Payments[0]
	e := m.at("/flutterwave")[0]
	want(t, "event", object(t, e.body), map[string]any{"event": "charge.completed", "data.tx_ref": "req-1", "data.amount": 500.0, "data.currency": "KES", "data.status": "successful"})
	if e.head.Get("verif-hash") != "s3cret" {
		t.Errorf("verif-hash %q", e.head.Get("verif-hash"))
	}
	for _, path := range []string{paid.ID + "/verify", "verify_by_reference?tx_ref=req-1"} {
		_, out := m.ask("GET", "/flutterwave/v3/transactions/"+path, head, nil)
		want(t, path, out, map[string]any{"status": "success", "data.status": "successful", "data.amount": 500.0})
	}
	_, out = m.ask("POST", "/flutterwave/v3/transactions/"+paid.ID+"/refund", head, map[string]any{"amount": 200})
	want(t, "refund", out, map[string]any{"status": "success", "data.amount_refunded": 200.0})
	if status, out := m.ask("POST", "/flutterwave/v3/transactions/"+paid.ID+"/refund", head, map[string]any{"amount": 301}); status != 400 {
		t.Errorf("more than there is: %d %v", status, out)
	}
	for _, kind := range []string{provider.ForgeUnsigned, provider.ForgeSignature, provider.ForgeUnknown} {
		f, err := m.sim.Forge(provider.Flutterwave, kind)
		if err != nil {
			t.Fatal(err)
		}
		m.advance(time.Second)
		all := m.at("/flutterwave")
		last := all[len(all)-1]
		if hash := last.head.Get("verif-hash"); (hash == "s3cret") != (kind == provider.ForgeUnknown) || (hash == "") != (kind == provider.ForgeUnsigned) || !strings.Contains(string(last.body), f.ID) {
			t.Errorf("%s: verif-hash %q, %s", kind, hash, last.body)
		}
	}
}

// converse registers pay bills and checks that the name of each conversation is new, in each of its two numbers. Of five digits, 1,000 random
// numbers would repeat.
func (m *merchant) converse(times int) {
	m.t.Helper()
	head, form := m.darajaLogin(), regexp.MustCompile(`^([1-9]\d{4})-([1-9]\d{7})-1$`)
	seen := map[string]bool{}
	for n := range times {
		_, out := m.ask("POST", "/daraja/mpesa/c2b/v2/registerurl", head, map[string]string{"ShortCode": fmt.Sprint(700_000 + n), "ResponseType": "Completed",
			"ConfirmationURL": m.own + "/confirm/s3cret", "ValidationURL": m.own + "/validate/s3cret"})
		parts := form.FindStringSubmatch(fmt.Sprint(out["OriginatorCoversationID"]))
		if len(parts) != 3 || seen[parts[1]] || seen[parts[2]] {
			m.t.Fatalf("conversation %d has the name %v: its numbers come again, or have another length", n, out["OriginatorCoversationID"])
		}
		seen[parts[1]], seen[parts[2]] = true, true
	}
}

// TestReceiptsNeverRepeat at any provider, however many payments there are.
func TestReceiptsNeverRepeat(t *testing.T) {
	const n = 5_000
	for _, p := range []provider.Provider{provider.Daraja, provider.SMS, provider.Bank, provider.Webhook} {
		s := provider.New(provider.Config{Seed: 9, Now: func() time.Time { return start }, Manual: true})
		for range n {
			if _, err := s.Pay(provider.Order{Provider: p, Amount: 100, Payer: "254712345126"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Books().Check(); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	m := newMerchant(t, provider.Config{Seed: 9})
	m.converse(1_000)
	head := m.airtelLogin()
	for i := range 300 {
		if status, out := m.airtelPush(head, fmt.Sprint("r", i), "750123456"); status != 200 {
			t.Fatalf("%d %v", status, out)
		}
	}
	m.advance(time.Minute)
}
