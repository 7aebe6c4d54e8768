package api_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// lists are the paths of all lists in the document, with existing objects in them.
func (w *world) lists() (out []string) {
	w.t.Helper()
	w.want(201, w.post("/v1/vendors", `{"name":"Corner shop","code":"V9"}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+walletNumber+`","mode":"prepay_wallet","tariff":"domestic"}`))
	w.want(201, w.post("/v1/people", `{"email":"lists@example.org","role":"support"}`))
	hook := decode[struct{ ID string }](w.t, w.want(201, w.post("/v1/webhooks", aWebhook))).ID
	named := strings.NewReplacer("/webhooks/{id}", "/webhooks/"+hook, "/accounts/{id}", "/accounts/"+walletNumber, "/vendors/{id}", "/vendors/V9", "/people/{id}", "/people/lists@example.org", "{meter}", meterNumber, "{tariff}", "domestic")
	paths := spec(w.t).Paths
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		var op struct{ Parameters []struct{ Name string } }
		if get, ok := paths[path]["get"]; ok {
			if err := json.Unmarshal(get, &op); err != nil {
				w.t.Fatalf("%s: %v", path, err)
			}
		}
		for _, p := range op.Parameters {
			if p.Name == "cursor" {
				out = append(out, named.Replace(path))
			}
		}
	}
	if len(out) < 22 {
		w.t.Fatalf("only %d lists: %q", len(out), out)
	}
	return out
}

// TestEveryListRefusesWhatItCannotShow: a missing page or object is a problem, never an empty list that looks like the end.
func TestEveryListRefusesWhatItCannotShow(t *testing.T) {
	w := begin(t)
	unbound := w.unboundKey()
	gone := strings.NewReplacer("/accounts/"+walletNumber, "/accounts/04140001035", "/vendors/V9", "/vendors/V8", "/meters/"+meterNumber, "/meters/04140001035",
		"/tariffs/domestic", "/tariffs/nowhere", "/webhooks/whk_", "/webhooks/whx_")
	for _, path := range w.lists() {
		w.want(200, w.get(path))
		for query, code := range map[string]string{"?limit=0": "invalid-request", "?limit=201": "invalid-request", "?limit=-1": "invalid-request",
			"?cursor=forged": "invalid-request", "?cursor=" + strings.Repeat("A", 43): "invalid-request", "?colour=red": "invalid-request",
			"?format=xml": "invalid-request"} {
			if got, _ := w.problem(w.want(400, w.get(path+query))); got != code {
				t.Errorf("%s%s: %s, want %s", path, query, got, code)
			}
		}
		if other := gone.Replace(path); other != path {
			if code, _ := w.problem(w.want(404, w.get(other))); !strings.HasSuffix(code, "not-found") {
				t.Errorf("%s: %s", other, code)
			}
		}
		if path == "/v1/approvals" {
			continue // it needs no right: each asker's list holds what that asker may decide
		}
		if code, _ := w.problem(w.want(403, w.ask(http.MethodGet, path, unbound, ""))); code != "forbidden" {
			t.Errorf("%s with a key of no vendor: %s", path, code)
		}
	}
}

// damage drops every table except those that authenticate a key.
func (w *world) damage() {
	w.t.Helper()
	f, err := app.OpenFolder(w.t.Context(), w.dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	err = f.Engine.Run(w.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		var names []string
		err := tx.C.Query(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ('api_key', 'person', 'role_binding')`,
			func(r core.Row) error { names = append(names, r.Text(0)); return nil })
		for _, name := range names {
			if err == nil {
				_, err = tx.C.Exec(`ALTER TABLE ` + name + ` RENAME TO gone_` + name)
			}
		}
		return false, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestADatabaseThatCannotBeReadIsAProblem: a database failure never shows as an empty list or a success.
func TestADatabaseThatCannotBeReadIsAProblem(t *testing.T) {
	w := begin(t)
	const inMemory = "/v1/devices/unknown" // needs no database
	lists := slices.DeleteFunc(append(w.lists(), "/v1/events", "/v1/meters/"+meterNumber), func(path string) bool { return path == inMemory })
	unbound := w.unboundKey()
	w.damage()
	w.want(403, w.ask(http.MethodGet, "/v1/meters", unbound, "")) // keys still work
	for _, path := range lists {
		a := w.get(path)
		if code, _ := w.problem(a); a.status != 500 || code != "internal" {
			t.Errorf("%s: got %d %s, want 500 internal", path, a.status, code)
		}
	}
	for i, r := range routes("vnd_01jd00000000000000000000000", "cmd_01jd00000000000000000000000") {
		path := strings.NewReplacer("{id}", "V9", "{code}", "4000").Replace(r.path)
		if path == inMemory {
			continue
		}
		a := w.ask(r.method, path, w.key, r.body)
		if strings.Contains(string(a.body), "idempotency-key-missing") {
			a = w.ask(r.method, path, w.key, r.body, "Idempotency-Key", fmt.Sprintf("damage-%04d", i))
		}
		if done := r.status < 300; a.status < 400 || done && !strings.Contains(path, "01jd") && a.status != 500 {
			t.Errorf("%s %s: got %d, want a fault: %s", r.method, path, a.status, a.body)
		}
	}
}
