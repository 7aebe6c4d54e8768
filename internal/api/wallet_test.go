package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
)

// TestAWalletIsRecharged (docs/reference/http.md#a-sale): no vending key is needed, and the answer has
// no units, no token and one line.
func TestAWalletIsRecharged(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{}) // a recharge works with a locked key store
	w.key = w.newKey(access.Owner)
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+meterNumber+`","mode":"prepay_wallet","tariff":"domestic"}`))
	quote := w.want(200, w.post("/v1/vend-quotes", order("5000")))
	if !strings.Contains(string(quote.body), `"units_wh":0`) || !strings.Contains(string(quote.body), `"lines":[{"kind":"wallet","amount_minor":5000}]`) {
		t.Errorf("quote %s", quote.body)
	}
	sold := w.want(201, w.sell("recharge-0001", order("5000")))
	for _, want := range []string{`"state":"completed"`, `"units_wh":0`, `"tokens":[]`, `"lines":[{"kind":"wallet","amount_minor":5000}]`} {
		if !strings.Contains(string(sold.body), want) {
			t.Errorf("sale %s lacks %s", sold.body, want)
		}
	}
	again := w.want(201, w.sell("recharge-0001", order("5000")))
	if again.header.Get("Idempotency-Replayed") != "true" || string(again.body) != string(sold.body) {
		t.Errorf("again: %s", again.body)
	}
	if code, moved := w.problem(w.want(422, w.sell("recharge-0001", order("6000")))); code != "idempotency-key-reused" || moved != "no" {
		t.Errorf("another body: %s, money moved %s", code, moved)
	}
	sale := decode[struct{ ID string }](t, sold)
	for format, has := range map[string]string{"json": `"balance_minor":5000,"balance_at":"20`, "text32": "New balance                50.00\n  booked 20", "text48": "New balance  ",
		"html": "New balance<small>booked 20", "sms": "50"} {
		if a := w.want(200, w.get("/v1/vends/"+sale.ID+"/receipt?format="+format)); !strings.Contains(string(a.body), has) {
			t.Errorf("receipt as %s: %s", format, a.body)
		}
	}
	if a := w.want(200, w.get("/v1/vends/"+sale.ID+"/explain")); !strings.Contains(string(a.body), `"agrees":true`) {
		t.Errorf("explained: %s", a.body)
	}
	type figures struct {
		Balance struct {
			AmountMinor int64 `json:"amount_minor"`
		}
		Live struct {
			AmountMinor  int64   `json:"amount_minor"`
			AsOf         *string `json:"as_of"`
			SupplyWanted bool    `json:"supply_wanted"`
		}
	}
	m := decode[figures](t, w.want(200, w.get("/v1/meters/"+meterNumber)))
	if m.Balance.AmountMinor != 5000 || m.Live.AmountMinor != 5000 || m.Live.AsOf != nil || !m.Live.SupplyWanted {
		t.Errorf("meter %+v, want 50.00 in both figures, not read yet, and the supply on", m)
	}
	walletLines(t, w, "opening 0 0", "recharge 5000 5000", "closing 0 5000")
	if a := w.want(http.StatusCreated, w.ask("POST", "/v1/vends/"+sale.ID+"/reversal", w.key, `{}`, "Idempotency-Key", "undo-0001")); !strings.Contains(string(a.body), `"done"`) {
		t.Errorf("reversal: %s", a.body)
	}
	walletLines(t, w, "opening 0 0", "recharge 5000 5000", "reversal -5000 0", "closing 0 0")
	if a := w.want(200, w.get("/v1/vends/"+sale.ID+"/receipt?note=credit")); strings.Contains(string(a.body), "balance") {
		t.Errorf("the credit note says what the balance was: %s", a.body)
	}
}

// walletLines expects these lines in the wallet's statement: kind, amount, balance after it.
func walletLines(t *testing.T, w *world, want ...string) {
	t.Helper()
	a := w.want(200, w.get("/v1/accounts/"+meterNumber+"/wallet?format=csv"))
	rows := strings.Split(strings.TrimSpace(string(a.body)), "\n")
	if len(rows) != len(want)+1 {
		t.Fatalf("statement\n%s\nwant %q", a.body, want)
	}
	for i, row := range rows[1:] {
		f := strings.Split(row, ",")
		if got := f[2] + " " + f[3] + " " + f[4]; got != want[i] {
			t.Errorf("line %d: %q, want %q", i+1, got, want[i])
		}
	}
}
