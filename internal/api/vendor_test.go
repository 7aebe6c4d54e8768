package api_test

import (
	"log/slog"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
)

// vendorKey makes a key that sells for a vendor.
func (w *world) vendorKey(vendor string) string {
	w.t.Helper()
	f, err := app.OpenFolder(w.t.Context(), w.dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	v, err := f.Vendor(w.t.Context(), vendor)
	if err != nil || v.Refused() {
		w.t.Fatal(v.Refusal, err)
	}
	made, err := f.Access.CreateAPIKey(w.t.Context(), app.Clerk(), access.NewKey{Role: access.VendorAPI, Vendor: v.ID})
	if err != nil || made.Refused() {
		w.t.Fatal(made.Refusal, err)
	}
	return made.Secret.Reveal()
}

func TestAVendorsKeySellsUntilItsFloatIsUsedUp(t *testing.T) {
	w := begin(t)
	w.want(201, w.post("/v1/vendors", `{"name":"Corner shop","code":"shop1","commission_bps":150}`))
	w.want(201, w.post("/v1/vendors", `{"name":"Other shop"}`))
	key, other := w.vendorKey("SHOP1"), w.vendorKey("V001")
	deposit := `{"amount":{"amount_minor":15000,"currency":"KES"},"reference":"BANK-1"}`
	if code, _ := w.problem(w.want(400, w.post("/v1/vendors/SHOP1/deposits", deposit))); code != "idempotency-key-missing" {
		t.Errorf("a deposit without a key: %s", code)
	}
	first := w.want(201, w.ask("POST", "/v1/vendors/SHOP1/deposits", w.key, deposit, "Idempotency-Key", "deposit-1"))
	again := w.want(201, w.ask("POST", "/v1/vendors/SHOP1/deposits", w.key, deposit, "Idempotency-Key", "deposit-1"))
	if string(first.body) != string(again.body) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the repeated deposit answers %s, want %s", again.body, first.body)
	}
	code, moved := w.problem(w.want(409, w.ask("POST", "/v1/vendors/SHOP1/deposits", w.key, deposit, "Idempotency-Key", "deposit-2")))
	if code != "client-ref-reused" || moved != "no" {
		t.Errorf("the same payment under another key: %s, money_moved %s", code, moved)
	}
	s := decode[sale](t, w.want(201, w.ask("POST", "/v1/vends", key, order("10000"), "Idempotency-Key", "sale-0001")))
	if code, moved := w.problem(w.want(409, w.ask("POST", "/v1/vends", key, order("10000"), "Idempotency-Key", "sale-0002"))); code != "insufficient-float" || moved != "no" {
		t.Errorf("beyond the float: %s, money_moved %s", code, moved)
	}
	f := decode[struct {
		AvailableMinor int64 `json:"available_minor"`
	}](t, w.want(200, w.ask("GET", "/v1/vendors/SHOP1/float", key, "")))
	if f.AvailableMinor != 5150 {
		t.Errorf("%d available, want 5150", f.AvailableMinor)
	}
	for path, want := range map[string]int{"/v1/vends/" + s.ID: 404, "/v1/vendors/SHOP1": 404, "/v1/vendors/SHOP1/statement": 404, "/v1/vendors": 403,
		"/v1/vendors/V001": 200} {
		if a := w.ask("GET", path, other, ""); a.status != want {
			t.Errorf("another vendor asks for %s: %d, want %d", path, a.status, want)
		}
	}
	st := decode[struct {
		Data []struct {
			Kind         string
			AmountMinor  int64 `json:"amount_minor"`
			BalanceMinor int64 `json:"balance_minor"`
		}
	}](t, w.want(200, w.ask("GET", "/v1/vendors/SHOP1/statement", key, "")))
	if len(st.Data) != 3 || st.Data[0].BalanceMinor != 5150 || st.Data[2].Kind != "deposit" {
		t.Errorf("statement %+v", st.Data)
	}
}
