package api_test

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store"
)

// route is a call, the right that it needs, and its answer to a key that has it. For answers to valid calls see operations.
type route struct {
	method, path, body string
	right              access.Right
	status             int
}

// everybody means that no right is needed: the actions themselves say who may decide about them.
const everybody access.Right = ""

func pageLinkRoutes(meter string) []route {
	return []route{
		{"GET", meter + "/page-link", "", access.ReadCustomers, 200},
		{"POST", meter + "/page-link", `{}`, access.SendMessages, 201},
		{"POST", meter + "/page-link/revoke", `{}`, access.SendMessages, 200},
	}
}

// routes are all calls below /v1 that need a key; TestEveryRouteIsInTheMatrix keeps the list complete.
func routes(saleID, commandID string) []route {
	meter := "/v1/meters/" + meterNumber
	return append(append(append(reviewRoutes(meter), peopleRoutes()...), pageLinkRoutes(meter)...), []route{
		{"GET", "/v1/tariffs", "", access.ReadTariffs, 200},
		{"POST", "/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`, access.WriteTariffs, 409},
		{"GET", "/v1/tariffs/domestic/versions", "", access.ReadTariffs, 200},
		{"POST", "/v1/tariffs/domestic/versions", `{"currency":"UGX","vat_bps":0,"flat_micro":1}`, access.WriteTariffs, 409},
		{"POST", "/v1/tariffs/domestic/versions/plan", `{"currency":"KES","flat_micro":1,"replaces":9}`, access.WriteTariffs, 404},
		{"POST", "/v1/tariffs/domestic/withdrawals", `{"version":9}`, access.WriteTariffs, 404},
		{"POST", "/v1/tariff-simulations", `{"tariff":"domestic","draft":{"currency":"KES","vat_bps":0,"flat_micro":1000000}}`, access.ReadTariffs, 200},
		{"GET", "/v1/meters", "", access.ReadMeters, 200},
		{"POST", "/v1/meters", newMeter(meterNumber), access.WriteMeters, 409},
		{"GET", meter, "", access.ReadMeters, 200},
		{"POST", meter, `{"feeder":"North","reason":"matrix"}`, access.WriteMeters, 200},
		{"GET", meter + "/readings", "", access.ReadMeters, 200},
		{"GET", meter + "/events", "", access.ReadMeters, 200},
		{"GET", "/v1/alarms", "", access.ReadMeters, 200},
		{"GET", meter + "/tokens", "", access.ReadVends, 200},
		{"GET", meter + "/usage", "", access.ReadMeters, 200},
		{"GET", "/v1/accounts/{id}/wallet", "", access.ReadCustomers, 422},
		{"GET", "/v1/reports/registers", "", access.ReadMeters, 200},
		{"GET", meter + "/commands", "", access.ReadMeters, 200},
		{"POST", meter + "/commands", `{"type":"read","reason":"matrix"}`, access.SendCommands, 202},
		{"GET", meter + "/commands/" + commandID, "", access.ReadMeters, 200},
		{"GET", meter + "/device", "", access.ReadMeters, 200},
		{"POST", meter + "/device/summary", `{}`, access.SendCommands, 409},
		{"POST", meter + "/emergency", `{"hours":1,"energy_wh":1000,"reason":"matrix"}`, access.SendCommands, 409},
		{"POST", meter + "/device/toggle", `{"reason":"matrix"}`, access.SendCommands, 409},
		{"GET", "/v1/customers/{id}", "", access.ReadCustomers, 404},
		{"POST", "/v1/vend-quotes", order("10000"), access.Quote, 200},
		{"POST", "/v1/vends", order("10000"), access.Sell, 201},
		{"GET", "/v1/vends?client_ref=sale-0001", "", access.ReadVends, 200},
		{"GET", "/v1/vends/" + saleID, "", access.ReadVends, 200},
		{"GET", "/v1/vends/" + saleID + "/receipt", "", access.ReadVends, 200},
		{"GET", "/v1/vends/" + saleID + "/receipt?proof=1", "", access.ReadVends, 200},
		{"GET", "/v1/heads/newest", "", access.ReadVends, 200},
		{"GET", "/v1/vends/" + saleID + "/explain", "", access.ReadVends, 200},
		{"POST", "/v1/token-diagnoses", `{"digits":"2371 6100 5011 8319 4197"}`, access.ReadVends, 200},
		{"GET", "/v1/ledger/trial-balance", "", access.ReadLedger, 200}, {"GET", "/v1/ledger/export", "", access.ReadLedger, 200},
		{"GET", "/v1/vends/" + saleID + "/reversal", "", access.ReadVends, 404},
		{"POST", "/v1/vends/" + saleID + "/reversal", `{"reason":"matrix"}`, access.Reverse, 409},
		{"GET", "/v1/events?after=yesterday", "", access.ReadVends, 400}, // a stream would not end
		{"GET", "/v1/ledger/accounts", "", access.ReadLedger, 200},
		{"GET", "/v1/ledger/accounts/{code}/balance", "", access.ReadLedger, 200},
		{"GET", "/v1/ledger/journals", "", access.ReadLedger, 200},
		{"POST", "/v1/debts", `{"account":"` + meterNumber + `","kind":"fine","amount":{"amount_minor":5,"currency":"KES"}}`, access.WriteDebts, 201},
		{"GET", "/v1/debts", "", access.ReadCustomers, 200},
		{"POST", "/v1/debts/{id}/write-off", `{"reason":"matrix"}`, access.AdjustLedger, 404},
		{"POST", "/v1/adjustments", `{"account":"` + meterNumber + `","amount":{"amount_minor":5,"currency":"KES"},"reason":"matrix"}`, access.AdjustLedger, 201},
		{"GET", "/v1/charges", "", access.ReadCustomers, 200},
		{"POST", "/v1/charges", `{"account":"` + meterNumber + `","name":"","month":"2026-11","amount":{"amount_minor":5,"currency":"KES"}}`, access.WriteDebts, 400},
		{"GET", "/v1/settings", "", access.ReadSettings, 200},
		{"POST", "/v1/settings", `{"vat_no":"P1"}`, access.WriteSettings, 200},
		{"GET", "/v1/accounts/{id}", "", access.ReadCustomers, 422},
		{"GET", "/v1/accounts/{id}/balance", "", access.ReadCustomers, 422},
		{"GET", "/v1/accounts/{id}/statement", "", access.ReadCustomers, 422}, {"GET", "/v1/accounts/{id}/statements/2026-11", "", access.ReadCustomers, 422},
		{"POST", "/v1/accounts/{id}/move-out/plan", `{}`, access.WriteCustomers, 422},
		{"POST", "/v1/accounts/{id}/move-out", `{"reason":"matrix"}`, access.WriteCustomers, 422}, {"POST", "/v1/accounts/{id}/take-over", `{"from":"acc_x","reason":"matrix"}`, access.WriteDebts, 404}, {"POST", "/v1/accounts/{id}/refunds", `{"reason":"matrix"}`, access.AdjustLedger, 422},
		{"POST", meter + "/move-in/plan", `{"tariff":"domestic"}`, access.WriteCustomers, 409},
		{"POST", meter + "/move-in", `{"tariff":"domestic","reason":"matrix"}`, access.WriteCustomers, 409},
		{"POST", meter + "/tokens", `{"kind":"clear_tamper","reason_code":"tamper_fixed"}`, access.IssueTokens, 201},
		{"POST", meter + "/recharges", `{"token":"tok_x","by":"mqtt"}`, access.SendTokens, 404},
		{"GET", meter + "/recharges/{id}", "", access.ReadMeters, 404},
		{"POST", meter + "/key-changes", `{}`, access.IssueTokens, 400}, {"POST", meter + "/key-changes/confirm", `{"reason":"matrix"}`, access.IssueTokens, 400}, {"POST", meter + "/key-changes/cancel", `{"reason":"matrix"}`, access.IssueTokens, 400},
		{"GET", meter + "/timeline", "", access.ReadMeters, 200}, {"GET", meter + "/swap", "", access.ReadMeters, 200}, {"POST", meter + "/swap", `{"new_meter":"04140001999","reason":"matrix"}`, access.IssueTokens, 404}, {"POST", meter + "/swap/plan", `{"new_meter":"04140001999","reason":"matrix"}`, access.IssueTokens, 404},
		{"GET", meter + "/tariffs", "", access.ReadMeters, 200}, {"POST", meter + "/tariff", `{"tariff":"domestic","reason":"matrix"}`, access.WriteMeters, 422},
		{"POST", meter + "/tariff/plan", `{"tariff":"domestic"}`, access.WriteMeters, 422},
		{"GET", "/v1/approvals", "", everybody, 200},
		{"GET", "/v1/approvals/{id}", "", everybody, 404},
		{"GET", "/v1/overview", "", access.ReadMeters, 200}, {"GET", "/v1/flats", "", access.ReadMeters, 200}, {"GET", "/v1/flats/loss?feeder=Hill", "", access.ReadMeters, 404}, {"GET", "/v1/flats/statements/2026-11", "", access.ReadCustomers, 200}, {"GET", "/v1/search?q=amina", "", everybody, 200}, {"GET", "/v1/customers", "", access.ReadCustomers, 200}, {"POST", "/v1/customers", `{"name":"Zed"}`, access.WriteCustomers, 201},
		{"GET", "/v1/reports/daily", "", access.ReadLedger, 200},
		{"POST", "/v1/vends/" + saleID + "/reprints", `{}`, access.Reverse, 201},
		{"POST", "/v1/clock/trust", `{"reason":"matrix"}`, access.WriteSettings, 409}, // the clock is not in doubt
		{"POST", "/v1/approvals/apr_x/approve", `{}`, everybody, 404},
		{"POST", "/v1/approvals/apr_x/reject", `{}`, everybody, 404},
	}...)
}

// peopleRoutes are the routes of people and API keys.
func peopleRoutes() []route {
	return []route{
		{"GET", "/v1/people", "", access.ManagePeople, 200},
		{"POST", "/v1/people", `{"email":"nobody","role":"support"}`, access.ManagePeople, 400},
		{"GET", "/v1/people/{id}/sessions", "", access.ManagePeople, 404},
		{"DELETE", "/v1/people/{id}/sessions", "", access.ManagePeople, 404},
		{"GET", "/v1/people/{id}/devices", "", access.ManagePeople, 404},
		{"DELETE", "/v1/people/{id}/devices/{device}", "", access.ManagePeople, 404},
		{"GET", "/v1/people/{id}/own", "", access.ManagePeople, 404},
		{"POST", "/v1/people/{id}/own", `{"kind":"meter","number":"04140001019"}`, access.ManagePeople, 404},
		{"DELETE", "/v1/people/{id}/own/{own}", "", access.ManagePeople, 404},
		{"POST", "/v1/people/{id}/role", `{"role":"support"}`, access.ManagePeople, 404},
		{"POST", "/v1/people/{id}/block", `{}`, access.ManagePeople, 404},
		{"POST", "/v1/people/{id}/unblock", `{}`, access.ManagePeople, 404},
		{"POST", "/v1/people/{id}/reset", `{}`, access.ManagePeople, 404},
		{"POST", "/v1/people/{id}/confirm", `{}`, everybody, 404},
		{"GET", "/v1/keys", "", access.ManageKeys, 200},
		{"POST", "/v1/keys", `{"role":"root"}`, access.ManageKeys, 400},
		{"POST", "/v1/keys/{id}/rotate", `{}`, access.ManageKeys, 404},
		{"DELETE", "/v1/keys/{id}", "", access.ManageKeys, 404},
	}
}

// reviewRoutes are the routes of messages, the quarantine, supplies and vendors.
func reviewRoutes(meter string) []route {
	return []route{
		{"GET", "/v1/devices", "", access.ReadMeters, 200}, {"GET", "/v1/devices/unknown", "", access.ReadMeters, 200},
		{"POST", "/v1/devices", `{"name":"x","meter":"` + meterNumber + `"}`, access.WriteMeters, 404},
		{"POST", "/v1/devices/{name}/release", `{"reason":"matrix"}`, access.WriteMeters, 404},
		{"POST", "/v1/meters/{meter}/device/replace", `{"device":"x","reason":"matrix"}`, access.WriteMeters, 422},
		{"POST", "/v1/devices/password", `{}`, access.WriteSettings, 201}, {"DELETE", "/v1/devices/password", "", access.WriteMeters, 200},
		{"GET", "/v1/shifts", "", access.ReadTills, 200},
		{"POST", "/v1/imports?kind=meters&mode=dry_run", "number,tariff\n04140001027,domestic\n", access.WriteMeters, 201},
		{"GET", "/v1/imports", "", access.ReadMeters, 200},
		{"GET", "/v1/imports/{id}", "", access.ReadMeters, 404},
		{"POST", "/v1/imports/{id}/undo", "{}", access.ReadMeters, 404},
		{"GET", "/v1/shifts/{id}/report", "", access.ReadTills, 404},
		{"POST", "/v1/shifts", `{"till":"T 1"}`, access.UseTill, 400},
		{"POST", "/v1/shifts/{id}/payouts", `{"amount":{"amount_minor":5,"currency":"KES"}}`, access.UseTill, 404},
		{"POST", "/v1/shifts/{id}/close", `{"counted":{"amount_minor":5,"currency":"KES"}}`, access.UseTill, 404},
		{"GET", "/v1/audit", "", access.ReadAudit, 200},
		{"GET", "/v1/payments", "", access.ReadPayments, 200}, {"GET", "/v1/payments/{id}", "", access.ReadPayments, 404},
		{"POST", "/v1/payments/{id}/apply", `{"meter":"` + meterNumber + `"}`, access.DecidePayments, 404},
		{"POST", "/v1/payments/{id}/refund", `{"reason":"matrix"}`, access.DecidePayments, 404},
		{"POST", "/v1/payments/{id}/reject", `{"reason":"matrix"}`, access.DecidePayments, 404},
		{"GET", "/v1/voucher-batches", "", access.ReadPayments, 200}, {"GET", "/v1/voucher-batches/{id}", "", access.ReadPayments, 404}, {"POST", "/v1/voucher-batches", `{"count":0,"face_minor":1,"expires":"x"}`, access.DecidePayments, 400}, {"POST", "/v1/voucher-batches/{id}/pins", `{}`, access.DecidePayments, 404}, {"POST", "/v1/voucher-batches/{id}/sell", `{}`, access.Sell, 404}, {"POST", "/v1/voucher-batches/{id}/end", `{"reason":"matrix"}`, access.DecidePayments, 404}, {"POST", "/v1/voucher-batches/{id}/codes", `{}`, access.Sell, 404}, {"POST", "/v1/voucher-batches/{id}/codes/again", `{"reason":"matrix"}`, access.DecidePayments, 404}, {"POST", "/v1/voucher-redemptions", `{"pin":"0000000000000000","meter":"` + meterNumber + `"}`, access.Sell, 404},
		{"GET", "/v1/payment-requests", "", access.ReadPayments, 200}, {"GET", "/v1/payment-requests/{id}", "", access.ReadPayments, 404},
		{"POST", "/v1/payment-requests", `{"meter":"` + meterNumber + `","amount_minor":1000,"phone":"+254711000001"}`, access.Sell, 404},
		{"GET", "/v1/reconciliations", "", access.ReadPayments, 200}, {"POST", "/v1/reconciliations", `{"provider":"none","date":"2026-11-20"}`, access.DecidePayments, 404},
		{"GET", "/v1/differences", "", access.ReadPayments, 200}, {"GET", "/v1/statement-files", "", access.ReadPayments, 200}, {"POST", "/v1/differences/{id}/close", `{"why":"matrix"}`, access.DecidePayments, 404},
		{"GET", "/v1/differences/{id}/call", "", access.DecidePayments, 404}, {"POST", "/v1/differences/{id}/read", `{}`, access.DecidePayments, 404}, {"POST", "/v1/differences/{id}/assign", `{"owner":"matrix"}`, access.DecidePayments, 404}, {"POST", "/v1/payment-providers/{id}/statements", `{}`, access.DecidePayments, 404},
		{"GET", "/v1/payment-providers", "", access.ReadSettings, 200}, {"POST", "/v1/payment-providers", `{"name":"X","kind":"webhook"}`, access.WriteSettings, 422},
		{"POST", "/v1/payment-providers/{id}/enable", `{}`, access.WriteSettings, 404}, {"POST", "/v1/payment-providers/{id}/secrets", `{}`, access.WriteSettings, 404}, {"POST", "/v1/payment-providers/{id}/register", `{}`, access.WriteSettings, 404}, {"POST", "/v1/payment-providers/{id}/disable", `{}`, access.WriteSettings, 404},
		{"GET", "/v1/webhooks", "", access.ReadSettings, 200}, {"POST", "/v1/webhooks", `{"url":"ftp://a","events":["x"]}`, access.WriteSettings, 422},
		{"POST", "/v1/webhooks/{id}/enable", `{}`, access.WriteSettings, 404}, {"POST", "/v1/webhooks/{id}/disable", `{}`, access.WriteSettings, 404},
		{"POST", "/v1/webhooks/{id}/rotate", `{}`, access.WriteSettings, 404}, {"DELETE", "/v1/webhooks/{id}", "", access.WriteSettings, 404},
		{"POST", "/v1/webhooks/{id}/test", `{}`, access.WriteSettings, 404}, {"GET", "/v1/webhooks/{id}/deliveries", "", access.ReadSettings, 404},
		{"POST", "/v1/webhooks/{id}/deliveries/{delivery}/resend", `{}`, access.WriteSettings, 404},
		{"POST", "/v1/webhooks/{id}/recover", `{"since":"2026-11-20T00:00:00Z"}`, access.WriteSettings, 404},
		{"GET", "/v1/days", "", access.ReadLedger, 200}, {"GET", "/v1/days/next", "", access.ReadLedger, 200},
		{"GET", "/v1/days/{date}", "", access.ReadLedger, 404}, {"POST", "/v1/days", `{}`, access.AdjustLedger, 409},
		{"GET", "/v1/vendors", "", access.ReadVendors, 200},
		{"GET", "/v1/vendors/{id}", "", access.ReadVendors, 200},
		{"GET", "/v1/vendors/{id}/float", "", access.ReadVendors, 200},
		{"GET", "/v1/vendors/{id}/statement", "", access.ReadVendors, 200},
		{"GET", "/v1/vendors/{id}/settlement", "", access.ReadVendors, 200},
		{"POST", "/v1/vendors/{id}/terms", `{"commission_bps":100}`, access.ManageVendors, 200},
		{"POST", "/v1/vendors/{id}/deposits", `{"amount":{"amount_minor":500,"currency":"KES"},"reference":"slip"}`, access.DepositFloat, 409},
		{"POST", "/v1/vendors", `{"name":"Corner shop","code":"V9"}`, access.ManageVendors, 409},
		{"GET", meter + "/supply", "", access.ReadMeters, 404},
		{"GET", meter + "/config", "", access.ReadMeters, 200},
		{"POST", meter + "/config", `{"set":{"ec_limit_wh":1000},"reason":"matrix"}`, access.WriteMeters, 200},
		{"POST", meter + "/cut", `{"reason":"matrix"}`, access.SendCommands, 202},
		{"POST", meter + "/restore", `{"reason":"matrix"}`, access.SendCommands, 202},
		{"POST", meter + "/supply", `{"protected":true,"reason":"matrix"}`, access.WriteMeters, 404},
		{"GET", "/v1/messages", "", access.ReadCustomers, 200},
		{"GET", "/v1/messages/{id}", "", access.ReadCustomers, 404},
		{"GET", "/v1/message-routes", "", access.ReadCustomers, 200},
		{"POST", "/v1/messages", `{"phone":"+254700000001","text":"matrix"}`, access.SendMessages, 400},
		{"POST", "/v1/messages/{id}/retry", `{}`, access.SendMessages, 404},
		{"POST", "/v1/customers/{id}", `{"lang":"sw"}`, access.WriteCustomers, 404},
		{"POST", "/v1/customers/{id}/confirm-phone", `{"reason":"matrix"}`, access.WriteCustomers, 404},
		{"POST", meter + "/confirm-sim", `{"reason":"matrix"}`, access.WriteMeters, 409},
		{"POST", meter + "/link-key", `{}`, access.WriteMeters, 201},
		{"POST", meter + "/link-key/finish", `{}`, access.WriteMeters, 200},
		{"DELETE", meter + "/link-key", "", access.WriteMeters, 404},
		{"POST", meter + "/password", `{}`, access.WriteMeters, 201},
		{"DELETE", meter + "/password", "", access.WriteMeters, 200},
		{"POST", meter + "/remove", `{"reason":"matrix"}`, access.WriteMeters, 400},
		{"POST", meter + "/scrap", `{"reason":"matrix"}`, access.WriteMeters, 400},
		{"POST", meter + "/sim", `{"sim_phone":"+254700000200"}`, access.WriteMeters, 200},
		{"GET", "/v1/quarantine", "", access.ReadMeters, 200},
		{"GET", "/v1/quarantine/{id}", "", access.ReadMeters, 404},
		{"POST", "/v1/quarantine/{id}/accept", `{"reason":"matrix"}`, access.DecideReadings, 404},
		{"POST", "/v1/quarantine/{id}/rebase", `{"reason":"matrix"}`, access.DecideReadings, 404},
		{"POST", "/v1/quarantine/{id}/discard", `{"reason":"matrix"}`, access.DecideReadings, 404},
		{"POST", meter + "/rebase", `{"register_wh":0,"reason":"matrix"}`, access.DecideReadings, 404},
	}
}

// TestNoKeyOfAVendorReachesForeignSales calls every route with a vendor's key that names no vendor, as older versions made
// them, and with another vendor's key. Neither key shows a sale or digits of V9, and the key without a vendor can do nothing.
func TestNoKeyOfAVendorReachesForeignSales(t *testing.T) {
	w := begin(t)
	for _, code := range []string{"V9", "V8"} {
		w.want(201, w.post("/v1/vendors", `{"name":"Corner shop","code":"`+code+`"}`))
		w.want(201, w.ask("POST", "/v1/vendors/"+code+"/deposits", w.key, `{"amount":{"amount_minor":50000,"currency":"KES"},"reference":"`+code+`"}`,
			"Idempotency-Key", "deposit-"+code))
	}
	s := decode[sale](t, w.want(201, w.ask("POST", "/v1/vends", w.vendorKey("V9"), order("10000"), "Idempotency-Key", "sale-0001")))
	digits := strings.ReplaceAll(s.Tokens[0].Digits, " ", "")
	for name, key := range map[string]string{"no vendor": w.unboundKey(), "another vendor": w.vendorKey("V8")} {
		for i, r := range routes(s.ID, "cmd_x") {
			a := w.ask(r.method, strings.NewReplacer("{id}", "V9", "{code}", "4000").Replace(r.path), key, r.body, "Idempotency-Key", fmt.Sprintf("foreign-%d-%s", i, name[:2]))
			said := strings.NewReplacer(" ", "", "-", "").Replace(string(a.body))
			foreign := strings.Contains(said, digits) || a.status < 300 && strings.Contains(string(a.body), s.ID)
			if named := strings.Contains(r.path, s.ID) || strings.Contains(r.path, "/tokens"); foreign || named && a.status < 400 {
				t.Errorf("%s %s with a key of %s: got %d, the sale or its digits: %s", r.method, r.path, name, a.status, a.body)
			}
			if name == "no vendor" && r.right != everybody && a.status != 403 {
				t.Errorf("%s %s with a key of no vendor: got %d, want 403: %s", r.method, r.path, a.status, a.body)
			}
		}
	}
	if code, _ := w.problem(w.ask("POST", "/v1/vends", w.unboundKey(), order("10000"), "Idempotency-Key", "sale-0002")); code != "forbidden" {
		t.Errorf("a key of no vendor sells: %s", code)
	}
}

// unboundKey puts a vendor's key without a vendor into the database, as earlier versions did.
func (w *world) unboundKey() string {
	w.t.Helper()
	f, err := app.OpenFolder(w.t.Context(), w.dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	secret, err := access.NewSecret(access.KeyPrefix, rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := keystore.OpenData(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	err = f.Engine.Run(w.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		i, err := tx.NewID()
		if err != nil {
			return false, err
		}
		return false, tx.AddKey(access.Key{Tenant: store.FirstTenant, ID: i, Role: access.VendorAPI, CreatedAt: tx.Now}, access.StoredForm(data, access.FormKey, secret))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return secret.Reveal()
}

func TestEveryRouteIsInTheMatrix(t *testing.T) {
	have := map[string]bool{}
	for _, r := range routes("{id}", "{command}") {
		path, _, _ := strings.Cut(r.path, "?")
		have[r.method+" "+strings.NewReplacer("apr_x", "{id}", meterNumber, "{meter}", "/tariffs/domestic", "/tariffs/{tariff}", "newest", "{size}", "2026-11", "{month}").Replace(path)] = true
	}
	open := map[string]bool{"GET /livez": true, "GET /readyz": true, "GET /v1/version": true}
	for path, item := range spec(t).Paths {
		for method := range item {
			name := strings.ToUpper(method) + " " + path
			if !have[name] && !open[name] {
				t.Errorf("%s is in the OpenAPI document and not in the matrix of roles", name)
			}
		}
	}
}

func TestNobodyGetsInWithoutAKey(t *testing.T) {
	w := begin(t)
	for name, header := range map[string]string{
		"none": "", "no scheme": w.key, "basic": "Basic " + w.key, "unknown": "Bearer pk_" + strings.Repeat("A", 43),
		"shortened": "Bearer " + w.key[:20], "empty": "Bearer ", "longer": "Bearer " + w.key + "A",
	} {
		for _, r := range routes("vnd_x", "cmd_x") {
			headers := []string{"Idempotency-Key", "matrix-nobody"}
			if header != "" {
				headers = append(headers, "Authorization", header)
			}
			a := w.ask(r.method, r.path, "", r.body, headers...)
			if code, _ := w.problem(a); a.status != 401 || code != "unauthenticated" || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s with %s: got %d %s, want 401 unauthenticated with WWW-Authenticate", r.method, r.path, name, a.status, code)
			}
		}
	}
}

// TestSecretsAreShownOnce: only the answer to POST /v1/meters shows the meter's secrets.
func TestSecretsAreShownOnce(t *testing.T) {
	w := begin(t)
	added := decode[struct {
		ID           string
		MQTTPassword string `json:"mqtt_password"`
		LinkKey      string `json:"link_key"`
		DecoderKey   string `json:"decoder_key"`
	}](t, w.want(201, w.post("/v1/meters", newMeter("04140001019"))))
	if len(added.MQTTPassword) != 43 || len(added.LinkKey) != 64 || len(added.DecoderKey) != 16 {
		t.Fatalf("got secrets of %d, %d and %d characters, want 43, 64 and 16", len(added.MQTTPassword), len(added.LinkKey), len(added.DecoderKey))
	}
	for _, path := range []string{"/v1/meters", "/v1/meters/04140001019", "/v1/meters/" + added.ID, "/v1/customers", "/metrics"} {
		body := string(w.want(200, w.get(path)).body)
		for _, secret := range []string{added.MQTTPassword, added.LinkKey, added.DecoderKey, "mqtt_password", "link_key", "decoder_key"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s shows %q", path, secret)
			}
		}
	}
	log := w.log.String()
	for _, secret := range []string{added.MQTTPassword, added.LinkKey, added.DecoderKey} {
		if strings.Contains(log, secret) {
			t.Errorf("the log shows a secret of the meter")
		}
	}
	real := w.want(201, w.post("/v1/meters", strings.Replace(newMeter("04140001027"), `"simulated":true`, `"simulated":false`, 1)))
	if strings.Contains(string(real.body), "decoder_key") {
		t.Errorf("a real meter's decoder key left the server: %s", real.body)
	}
}
