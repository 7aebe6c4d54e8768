package api_test

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/provider/webhook"
)

// pays sends a payment for the meter, signed with a secret, to the path of a provider.
func (w *world) pays(path, secret, txn string) answer {
	w.t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		w.t.Fatal(err)
	}
	now := time.Now().UTC()
	body := fmt.Sprintf(`{"type":"payment.taken","timestamp":"%s","data":{"id":"%s","amount_minor":90000,"currency":"KES","reference":"%s","payer":"+254711000001","status":"taken","paid_at":"%[1]s"}}`,
		now.Format(time.RFC3339), txn, meterNumber)
	name, stamp := "msg_"+txn, strconv.FormatInt(now.Unix(), 10)
	return w.ask("POST", path, "", body, "Webhook-Id", name, "Webhook-Timestamp", stamp,
		"Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(webhook.Sign(key, name, stamp, []byte(body))))
}

// newest returns the newest request that waits, as somebody sees it.
func (w *world) newest(key string) string {
	w.t.Helper()
	return decode[struct{ Data []approval }](w.t, w.want(200, w.ask("GET", "/v1/approvals?state=waiting&limit=1", key, ""))).Data[0].ID
}

// TestWhatWasTypedBeforeTheFirstApprovalEndsWithIt: whoever knows the signing secret of a provider makes payments. Whoever asks for the enabling,
// with whichever key, and whatever was replaced before: after the approval the secret that the first person typed proves nothing.
func TestWhatWasTypedBeforeTheFirstApprovalEndsWithIt(t *testing.T) {
	type people struct{ first, again, second, third string } // again is another key of the first
	enableBy := func(w *world, key string) string {
		return decode[approval](w.t, w.want(202, w.ask("POST", "/v1/payment-providers/bank/enable", key, `{}`, "Idempotency-Key", "enable-again-1"))).ID
	}
	for name, asks := range map[string]func(w *world, p people) string{
		"the first person asks":                  func(w *world, p people) string { return w.newest(p.second) },
		"the first person asks with another key": func(w *world, p people) string { return enableBy(w, p.again) },
		"a third person asks":                    func(w *world, p people) string { return enableBy(w, p.third) },
		"the secrets are replaced with an overlap": func(w *world, p people) string {
			first := w.newest(p.second)
			r := decode[approval](w.t, w.want(202, w.ask("POST", "/v1/payment-providers/bank/secrets", p.first, `{"overlap_hours":168}`, "Idempotency-Key", "secrets-again-1"))).ID
			w.want(200, w.ask("POST", "/v1/approvals/"+r+"/approve", p.second, `{}`, "Idempotency-Key", "approve-secrets"))
			return first
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			first := w.newKeys(access.Owner, 2)
			p := people{first[0], first[1], w.newKey(access.Owner), w.newKey(access.Owner)}
			w.fourEyes(true)
			path := decode[struct{ Path string }](t, w.want(201, w.ask("POST", "/v1/payment-providers", p.first,
				`{"name":"bank","kind":"webhook","secrets":{"signing":"`+signing+`"},"max_single_minor":1000000,"max_daily_minor":90000000}`, "Idempotency-Key", "add-provider-1"))).Path
			request := asks(w, p)
			w.want(200, w.ask("POST", "/v1/approvals/"+request+"/approve", p.second, `{}`, "Idempotency-Key", "approve-provider"))
			if got := w.pays(path+"x", signing, "FORGED1"); got.status < 400 {
				t.Errorf("a payment that is signed with the first person's secret: %d %s", got.status, got.body)
			}
		})
	}
}

// TestSettingsThatCanBeTakenForOthersAreRefused: a provider's field in other letters, and a host that looks like another one. Webhooks have the same rule
// for hosts.
func TestSettingsThatCanBeTakenForOthersAreRefused(t *testing.T) {
	w := begin(t)
	key := w.newKey(access.Owner)
	w.fourEyes(true)
	for name, body := range map[string]string{
		"a field in large letters":     `{"name":"bank","kind":"webhook","secrets":{"signing":"` + signing + `","Signing_Old":"` + signing + `"},"max_single_minor":1000,"max_daily_minor":1000}`,
		"a field with another s":       `{"name":"bank","kind":"webhook","secrets":{"` + "\u017f" + `igning":"` + signing + `"},"max_single_minor":1000,"max_daily_minor":1000}`,
		"a config with another letter": `{"name":"bank","kind":"webhook","config":{"a` + "\u017f" + `k_url":"https://pay.example.org/{id}"},"secrets":{"signing":"` + signing + `"},"max_single_minor":1000,"max_daily_minor":1000}`,
	} {
		if got := w.ask("POST", "/v1/payment-providers", key, body, "Idempotency-Key", strings.ReplaceAll(name, " ", "-")); got.status != 422 || !strings.Contains(string(got.body), "provider-invalid") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	const lookAlike, its = "api.s\u0430faricom.co.ke", "api.xn--sfaricom-16g.co.ke" // a Cyrillic letter
	provider := w.ask("POST", "/v1/payment-providers", key, `{"name":"mpesa","kind":"mpesa","config":{"base_url":"https://`+lookAlike+`","short_code":"600000"},
		"secrets":{"consumer_key":"k","consumer_secret":"s"}}`, "Idempotency-Key", "add-mpesa-1")
	hook := w.ask("POST", "/v1/webhooks", key, `{"url":"https://api.s%D0%B0faricom.co.ke/in","events":["vend.completed"]}`, "Idempotency-Key", "add-webhook-1")
	for name, got := range map[string]answer{"provider": provider, "webhook": hook} {
		if got.status != 422 || !strings.Contains(string(got.body), its) {
			t.Errorf("%s: %d %s, want a refusal that names %s", name, got.status, got.body, its)
		}
	}
}

// TestTheSecondPersonSeesTheNewAddressOfAProvider: once, with the new secret, and the first person sees neither. The answer that waits says what ends.
func TestTheSecondPersonSeesTheNewAddressOfAProvider(t *testing.T) {
	w := begin(t)
	first, second := w.newKey(access.Owner), w.newKey(access.Owner)
	w.fourEyes(true)
	old := decode[struct{ Path string }](t, w.want(201, w.ask("POST", "/v1/payment-providers", first,
		`{"name":"bank","kind":"webhook","max_single_minor":1000000,"max_daily_minor":90000000}`, "Idempotency-Key", "add-provider-1"))).Path
	w.want(200, w.ask("POST", "/v1/approvals/"+w.newest(second)+"/approve", second, `{}`, "Idempotency-Key", "approve-provider"))
	waits := w.want(202, w.ask("POST", "/v1/payment-providers/bank/secrets", first, `{"new_address":true}`, "Idempotency-Key", "new-address-1"))
	if text := string(waits.body); strings.Contains(text, "/hooks/pay/") || !strings.Contains(text, "its address is replaced too") {
		t.Errorf("the first person sees %s", text)
	}
	approve := func() (shown struct{ Secret, Address string }) {
		a := w.ask("POST", "/v1/approvals/"+decode[approval](t, waits).ID+"/approve", second, `{}`, "Idempotency-Key", "approve-address")
		return decode[struct{ Secret, Address string }](t, w.want(200, a))
	}
	shown := approve()
	if shown.Address == old || !strings.HasPrefix(shown.Address, "/hooks/pay/") || shown.Secret == "" {
		t.Fatalf("the second person sees %+v", shown)
	}
	if again := approve(); again.Address != "" || again.Secret != "" {
		t.Errorf("the second person sees them again: %+v", again)
	}
	if got := w.pays(old+"x", shown.Secret, "OLD1"); got.status != 404 {
		t.Errorf("at the old address: %d %s, want 404", got.status, got.body)
	}
	if got := w.pays(shown.Address+"x", shown.Secret, "NEW1"); got.status >= 300 {
		t.Errorf("at the new address: %d %s", got.status, got.body)
	}
}
