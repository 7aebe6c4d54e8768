package api_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/store"
)

// fourEyes switches the second person on.
func (w *world) fourEyes() {
	w.t.Helper()
	f, err := app.OpenFolder(w.t.Context(), w.dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	err = f.Engine.Run(w.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		s, err := tx.TenantSettings()
		if err != nil {
			return false, err
		}
		on := true
		s.FourEyes = &on
		return false, tx.PutTenantSettings(s)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// approval is what the tests look at in one.
type approval struct{ ID, State, Maker, Checker, Act, Result string }

func TestActsOfWeightNeedASecondPerson(t *testing.T) {
	w := begin(t)
	w.want(201, w.post("/v1/vendors", `{"name":"Corner shop","code":"V9"}`))
	w.fourEyes()
	second := w.newKey(access.Owner)
	tariffs := func() int {
		return strings.Count(string(w.want(200, w.get("/v1/tariffs")).body), `"version_id"`)
	}
	balance := func() int64 { // the order of the cases is left to chance, and credit is no balance
		return decode[struct {
			BalanceMinor int64 `json:"balance_minor"`
		}](t, w.want(200, w.get("/v1/vendors/V9/float"))).BalanceMinor
	}
	before := balance()
	for name, c := range map[string]struct {
		path, body string
		done       func() bool
	}{
		"a tariff":  {"/v1/tariffs", `{"name":"second","currency":"KES","flat_micro":1000000}`, func() bool { return tariffs() == 2 }},
		"a deposit": {"/v1/vendors/V9/deposits", `{"amount":{"amount_minor":500,"currency":"KES"},"reference":"R1"}`, func() bool { return balance() != before }},
		"a credit line": {"/v1/vendors/V9/terms", `{"credit_limit_minor":70000}`, func() bool {
			return strings.Contains(string(w.get("/v1/vendors/V9").body), `"credit_limit_minor":70000`)
		}},
		"a replacement": {"/v1/meters/" + meterNumber + "/tokens", `{"kind":"replacement","units_wh":1000,"reason_code":"meter_swap"}`, func() bool {
			return strings.Contains(string(w.get("/v1/meters/"+meterNumber+"/tokens").body), `"units_wh":1000`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.want(202, w.ask("POST", c.path, w.key, c.body, "Idempotency-Key", "eyes-"+strings.ReplaceAll(name, " ", "-")))
			waiting := decode[approval](t, a)
			if waiting.State != "waiting" || c.done() {
				t.Fatalf("the act was done by one: %s", a.body)
			}
			path := "/v1/approvals/" + waiting.ID + "/approve"
			if code, _ := w.problem(w.want(403, w.post(path, `{}`))); code != "forbidden" {
				t.Errorf("the maker allows it: %s", code)
			}
			w.want(404, w.ask("POST", path, w.newKey(access.Support), `{}`))
			if c.done() {
				t.Fatal("the act was done by one")
			}
			got := decode[approval](t, w.want(200, w.ask("POST", path, second, `{"reason":"seen"}`)))
			if got.State != "done" || got.Checker == "" || got.Result == "" || !c.done() {
				t.Errorf("after the approval: %+v, done %t", got, c.done())
			}
			w.want(409, w.ask("POST", path, second, `{}`)) // once
		})
	}
	no := decode[approval](t, w.want(202, w.post("/v1/tariffs", `{"name":"third","currency":"KES","flat_micro":1000000}`)))
	w.want(200, w.ask("POST", "/v1/approvals/"+no.ID+"/reject", second, `{"reason":"too cheap"}`))
	w.want(409, w.ask("POST", "/v1/approvals/"+no.ID+"/approve", second, `{}`))
	if n := tariffs(); n != 2 {
		t.Errorf("%d tariffs, want 2: a rejected one is not published", n)
	}
	if l := string(w.want(200, w.get("/v1/approvals?state=rejected")).body); !strings.Contains(l, no.ID) || strings.Contains(l, `"waiting"`) {
		t.Errorf("the rejected: %s", l)
	}
	if code, _ := w.problem(w.want(409, w.ask("POST", "/v1/approvals/"+no.ID+"/approve", second, `{}`))); code != "approval-invalid" {
		t.Errorf("a rejected act is allowed: %s", code)
	}
}

// What a second person allows may be refused when it is tried; the approval stays, and deciding again tries again.
func TestAnApprovedActMayStillBeRefused(t *testing.T) {
	w := begin(t)
	w.fourEyes()
	second := w.newKey(access.Owner)
	body := `{"name":"second","currency":"KES","flat_micro":1000000}`
	a := decode[approval](t, w.want(202, w.post("/v1/tariffs", body)))
	b := decode[approval](t, w.want(202, w.post("/v1/tariffs", body)))
	w.want(200, w.ask("POST", "/v1/approvals/"+a.ID+"/approve", second, `{}`))
	for range 2 {
		if code, _ := w.problem(w.want(409, w.ask("POST", "/v1/approvals/"+b.ID+"/approve", second, `{}`))); code != "tariff-exists" {
			t.Errorf("the second of the same name: %s", code)
		}
	}
}

// The list of approvals has pages as every list has; each asker's pages hold what is that asker's business, all of it.
func TestApprovalsHavePages(t *testing.T) {
	w := begin(t)
	w.fourEyes()
	manager := w.newKey(access.TariffManager)
	for i := range 5 {
		key := w.key
		if i%2 == 0 {
			key = manager
		}
		w.want(202, w.ask("POST", "/v1/tariffs", key, fmt.Sprintf(`{"name":"t%d","currency":"KES","flat_micro":1000000}`, i)))
	}
	w.want(202, w.ask("POST", "/v1/meters/"+meterNumber+"/tokens", w.key, `{"kind":"replacement","units_wh":1000,"reason_code":"meter_swap"}`,
		"Idempotency-Key", "eyes-pages"))
	pages := func(key, path string) (sizes []int, ids []string) {
		for path != "" {
			a := w.want(200, w.ask("GET", path, key, ""))
			head, rows := table(t, a)
			for _, r := range rows {
				ids = append(ids, r[slices.Index(head, "id")])
			}
			sizes, path = append(sizes, len(rows)), next(t, a)
		}
		return sizes, ids
	}
	for key, want := range map[string]string{w.key: "[2 2 2]", manager: "[2 2 1]", w.newKey(access.Support): "[0]"} {
		sizes, ids := pages(key, "/v1/approvals?limit=2&state=waiting&format=csv")
		if fmt.Sprint(sizes) != want || !slices.IsSortedFunc(ids, func(a, b string) int { return strings.Compare(b, a) }) || len(slices.Compact(ids)) != len(ids) {
			t.Errorf("pages of %v rows, want %s: %v", sizes, want, ids)
		}
	}
	first := decode[struct {
		Next string `json:"next_cursor"`
	}](t, w.get("/v1/approvals?limit=2&state=waiting"))
	if code, _ := w.problem(w.want(400, w.get("/v1/approvals?limit=2&state=done&cursor="+first.Next))); code != "invalid-request" {
		t.Errorf("a cursor of another list: %q", code)
	}
}
