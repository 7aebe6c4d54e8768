package provider_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sim/provider"
)

// momoLogin returns the headers of a call.
func (m *merchant) momoLogin() map[string]string {
	m.t.Helper()
	head := map[string]string{"Ocp-Apim-Subscription-Key": "subscription-key", "X-Target-Environment": "sandbox",
		"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("6f9b4f0e-5f0a-4a52-9d0e-7f0f5c1f2a10:api-key"))}
	status, out := m.ask("POST", "/momo/collection/token/", head, nil)
	token, _ := out["access_token"].(string)
	if status != 200 || token == "" || out["expires_in"] != 3600.0 {
		m.t.Fatalf("no token: %d %v", status, out)
	}
	head["Authorization"] = "Bearer " + token
	return head
}

func momoID(n int) string { return fmt.Sprintf("0b6a2f6e-0000-4000-8000-%012d", n) }

func (m *merchant) requestToPay(head map[string]string, id, payer string) (int, map[string]any) {
	m.t.Helper()
	head = maps.Clone(head)
	head["X-Reference-Id"], head["X-Callback-Url"] = id, m.own+"/momo"
	return m.ask("POST", "/momo/collection/v1_0/requesttopay", head, map[string]any{"amount": "5000", "currency": "EUR", "externalId": "order-1",
		"payer": map[string]string{"partyIdType": "MSISDN", "partyId": payer}, "payerMessage": "Power", "payeeNote": "04140001001"})
}

func TestARequestToPayIsPolled(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.momoLogin()
	id := momoID(1)
	if status, _ := m.requestToPay(head, id, "256772123456"); status != 202 {
		t.Fatalf("status %d, want 202", status)
	}
	if status, out := m.requestToPay(head, id, "256772123456"); status != 409 || out["code"] != "RESOURCE_ALREADY_EXIST" {
		t.Errorf("the same reference again: %d %v", status, out)
	}
	if status, _ := m.requestToPay(head, "0b6a2f6e-0000-1000-8000-000000000001", "256772123456"); status != 400 {
		t.Errorf("a UUID of version 1: %d", status)
	}
	status, out := m.ask("GET", "/momo/collection/v1_0/requesttopay/"+id, head, nil)
	want(t, "open request", out, map[string]any{"status": "PENDING", "amount": "5000", "currency": "EUR", "externalId": "order-1", "payer.partyId": "256772123456", "financialTransactionId": nil})
	if status != 200 {
		t.Errorf("status %d", status)
	}
	m.advance(10 * time.Second)
	paid := m.sim.Books().Payments[0]
	_, out = m.ask("GET", "/momo/collection/v1_0/requesttopay/"+id, head, nil)
	want(t, "paid request", out, map[string]any{"status": "SUCCESSFUL", "financialTransactionId": paid.ID, "reason": nil})
	back := m.at("/momo")
	if len(back) != 1 || back[0].method != "POST" && back[0].method != "PUT" {
		t.Fatalf("callbacks %+v", back)
	}
	want(t, "callback", object(t, back[0].body), map[string]any{"status": "SUCCESSFUL", "financialTransactionId": paid.ID, "externalId": "order-1"})
	if paid.Amount != 500_000 || paid.Currency != "EUR" || paid.Request != id {
		t.Errorf("books: %+v", paid)
	}
	if status, out := m.ask("GET", "/momo/collection/v1_0/requesttopay/"+momoID(9), head, nil); status != 404 || out["code"] != "RESOURCE_NOT_FOUND" {
		t.Errorf("unknown request: %d %v", status, out)
	}
	m.advance(time.Hour)
	if status, _ := m.ask("GET", "/momo/collection/v1_0/requesttopay/"+id, head, nil); status != 401 {
		t.Errorf("an old token: %d", status)
	}
}

// TestRequestsToPayFail also shows that a reason is sometimes a word and sometimes an object, and a callback sometimes PUT and
// sometimes POST.
func TestRequestsToPayFail(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.momoLogin()
	words, methods := map[bool]int{}, map[string]int{}
	for do, reasons := range map[provider.Act][]string{provider.ActFunds: {"NOT_ENOUGH_FUNDS"}, provider.ActUnreachable: {"PAYER_NOT_FOUND"}, provider.ActCancel: {"APPROVAL_REJECTED"},
		provider.ActIgnore: {"EXPIRED", "COULD_NOT_PERFORM_TRANSACTION"}, provider.ActLimit: {"PAYER_LIMIT_REACHED"}} {
		if err := m.sim.SetBehaviour(provider.MoMo, "*", provider.Behaviour{Do: do}); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			id := momoID(1000*int(do[0]) + 10*len(do) + i)
			if status, out := m.requestToPay(head, id, "256772123456"); status != 202 {
				t.Fatalf("%s: %d %v", id, status, out)
			}
			m.advance(5 * time.Minute)
			_, out := m.ask("GET", "/momo/collection/v1_0/requesttopay/"+id, head, nil)
			reason, word := out["reason"].(string)
			if !word {
				reason = out["reason"].(map[string]any)["code"].(string)
			}
			words[word]++
			if out["status"] != "FAILED" || reason != reasons[0] && reason != reasons[len(reasons)-1] {
				t.Errorf("%s: %v", do, out)
			}
		}
		head = m.momoLogin()
	}
	for _, g := range m.at("/momo") {
		methods[g.method]++
	}
	if words[true] == 0 || words[false] == 0 || methods["PUT"] == 0 || methods["POST"] == 0 || methods["PUT"]+methods["POST"] != 20 {
		t.Errorf("reasons %v, methods %v", words, methods)
	}
	if x := total(t, m.sim.Books(), provider.MoMo); x != (provider.Total{}) {
		t.Errorf("money moved: %+v", x)
	}
}

func TestCallbacksGoToTheRegisteredHostOnly(t *testing.T) {
	m := newMerchant(t, provider.Config{Credentials: provider.Credentials{CallbackHost: "pay.example.org"}})
	if status, out := m.requestToPay(m.momoLogin(), momoID(1), "256772123456"); status != 400 || out["code"] != "INVALID_CALLBACK_URL_HOST" {
		t.Errorf("%d %v", status, out)
	}
}

func TestWrongRequestsToPayAreRefused(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.momoLogin()
	good := func() map[string]any {
		return map[string]any{"amount": "5000", "currency": "UGX", "externalId": "x", "payer": map[string]string{"partyIdType": "MSISDN", "partyId": "256772123456"}}
	}
	for name, c := range map[string]struct {
		change func(body map[string]any, head map[string]string)
		status int
		code   any
	}{
		"amount":   {func(b map[string]any, _ map[string]string) { b["amount"] = "5000.50" }, 400, nil},
		"nothing":  {func(b map[string]any, _ map[string]string) { b["amount"] = "0" }, 400, nil},
		"currency": {func(b map[string]any, _ map[string]string) { b["currency"] = "XXY" }, 500, "INVALID_CURRENCY"},
		"payer":    {func(b map[string]any, _ map[string]string) { b["payer"] = map[string]string{"partyIdType": "MSISDN"} }, 400, nil},
		"payer type": {func(b map[string]any, _ map[string]string) {
			b["payer"] = map[string]string{"partyIdType": "EMAIL", "partyId": "a@b.c"}
		}, 400, nil},
		"callback":     {func(_ map[string]any, h map[string]string) { h["X-Callback-Url"] = "callback" }, 400, "INVALID_CALLBACK_URL_HOST"},
		"environment":  {func(_ map[string]any, h map[string]string) { delete(h, "X-Target-Environment") }, 500, "NOT_ALLOWED_TARGET_ENVIRONMENT"},
		"subscription": {func(_ map[string]any, h map[string]string) { h["Ocp-Apim-Subscription-Key"] = "x" }, 401, nil},
		"token":        {func(_ map[string]any, h map[string]string) { h["Authorization"] = "Bearer x" }, 401, nil},
		"good request": {func(map[string]any, map[string]string) {}, 202, nil},
	} {
		body, h := good(), maps.Clone(head)
		h["X-Reference-Id"] = fmt.Sprintf("0b6a2f6e-%04x-4000-8000-000000000001", len(name)+int(name[0])<<8%65536)
		c.change(body, h)
		if status, out := m.ask("POST", "/momo/collection/v1_0/requesttopay", h, body); status != c.status || out["code"] != c.code {
			t.Errorf("%s: %d %v, want %d %v", name, status, out, c.status, c.code)
		}
	}
	if n := len(m.sim.Books().Payments); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	m.advance(5 * time.Second)
	if _, out := m.ask("GET", "/momo/collection/v1_0/account/balance", head, nil); out["availableBalance"] != "5000" || out["currency"] != "UGX" {
		t.Errorf("balance %v", out)
	}
}

// TestALateRequestToPay: the payer takes a minute.
func TestALateRequestToPay(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	if err := m.sim.SetBehaviour(provider.MoMo, "256772123456", provider.Behaviour{Do: provider.ActLate}); err != nil {
		t.Fatal(err)
	}
	m.requestToPay(m.momoLogin(), momoID(1), "256772123456")
	for _, w := range []provider.State{provider.Pending, provider.Taken} {
		m.advance(50 * time.Second)
		if p := m.sim.Books().Payments[0]; p.State != w {
			t.Errorf("after %s: %s", m.sim.Now().Sub(start), p.State)
		}
	}
}
