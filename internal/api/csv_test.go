package api_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// table reads an answer that must be CSV.
func table(t *testing.T, a answer) (head []string, rows [][]string) {
	t.Helper()
	if ct := a.header.Get("Content-Type"); ct != "text/csv" {
		t.Fatalf("content type %q, want text/csv: %s", ct, a.body)
	}
	all, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("no CSV: %v\n%s", err, a.body)
	}
	return all[0], all[1:]
}

// next returns the next page in the header Link, "" on the last page.
func next(t *testing.T, a answer) string {
	t.Helper()
	link := a.header.Get("Link")
	if link == "" {
		return ""
	}
	to, rel, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">; ")
	if !ok || rel != `rel="next"` {
		t.Fatalf("Link is %q", link)
	}
	return to
}

// grouped matches the digits of a token as they are printed.
var grouped = regexp.MustCompile(`^\d{4}( \d{4}){4}$`)

// TestAListCanBeHadAsATable: both ways to request CSV give the same rows as JSON, and Link leads through all pages.
func TestAListCanBeHadAsATable(t *testing.T) {
	w := begin(t)
	for i := range 5 {
		w.want(http.StatusCreated, w.sell(fmt.Sprintf("sale-000%d", i), order("10000")))
	}
	var ids []string
	for path := "/v1/meters/" + meterNumber + "/tokens?limit=2&format=csv"; path != ""; {
		a := w.want(http.StatusOK, w.get(path))
		head, rows := table(t, a)
		at := slices.Index(head, "id")
		if at < 0 || !slices.Contains(head, "units_wh") || !slices.Contains(head, "digits") {
			t.Fatalf("columns %v", head)
		}
		for _, r := range rows {
			ids = append(ids, r[at])
			if digits := r[slices.Index(head, "digits")]; !grouped.MatchString(digits) {
				t.Errorf("the digits are %q: a spreadsheet takes them for a number and rounds it", digits)
			}
		}
		path = next(t, a)
	}
	all := decode[struct{ Data []struct{ ID string } }](t, w.want(http.StatusOK, w.get("/v1/meters/"+meterNumber+"/tokens")))
	if len(ids) != 5 || len(all.Data) != 5 {
		t.Fatalf("%d rows as CSV, %d as JSON, want 5 each", len(ids), len(all.Data))
	}
	for i, d := range all.Data {
		if ids[i] != d.ID {
			t.Errorf("row %d is %s, as JSON %s", i, ids[i], d.ID)
		}
	}
	byHeader := w.want(http.StatusOK, w.ask("GET", "/v1/meters/"+meterNumber+"/tokens", w.key, "", "Accept", "text/csv, */*;q=0.1"))
	if _, rows := table(t, byHeader); len(rows) != 5 {
		t.Errorf("%d rows by Accept, want 5", len(rows))
	}
}

// TestOnlyListsAreTables: a single object and a problem stay JSON, whatever the client prefers.
func TestOnlyListsAreTables(t *testing.T) {
	w := begin(t)
	one := w.want(http.StatusOK, w.ask("GET", "/v1/meters/"+meterNumber, w.key, "", "Accept", "text/csv"))
	if ct := one.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("one meter came as %q", ct)
	}
	bad := w.want(http.StatusNotFound, w.ask("GET", "/v1/meters/04140001993/tokens", w.key, "", "Accept", "text/csv"))
	if code, _ := w.problem(bad); code != "meter-not-found" {
		t.Errorf("code %q", code)
	}
}

// TestEveryListIsATableAndNoProblemIs: every list of the document can be requested as CSV, and a wrong request gets a JSON
// problem.
func TestEveryListIsATableAndNoProblemIs(t *testing.T) {
	w := begin(t)
	w.want(http.StatusCreated, w.sell("sale-0001", order("10000")))
	lists := 0
	for path, get := range decode[struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct{ Content map[string]any }
		}
	}](t, w.want(http.StatusOK, w.get("/v1/openapi.json"))).Paths {
		if _, table := get["get"].Responses["200"].Content["text/csv"]; !table {
			continue
		}
		lists++
		path = strings.NewReplacer("{meter}", meterNumber, "{id}", meterNumber, "{tariff}", "domestic", "{month}", "2026-11").Replace(path)
		if strings.HasPrefix(path, "/v1/days/") || strings.HasPrefix(path, "/v1/vendors/") || strings.HasPrefix(path, "/v1/people/") || strings.HasPrefix(path, "/v1/webhooks/") {
			continue // this list needs a closed day, a vendor, a person or a webhook, but is otherwise like the other lists
		}
		ask := path + "?format=csv"
		if path == "/v1/vends" {
			ask += "&client_ref=sale-0001"
		}
		if a := w.want(http.StatusOK, w.get(ask)); !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") || !bytes.Contains(a.body, []byte{','}) {
			t.Errorf("%s: %q %s", ask, a.header.Get("Content-Type"), a.body)
		}
		if code, _ := w.problem(w.want(http.StatusBadRequest, w.get(ask+"&bogus=1"))); code != "invalid-request" {
			t.Errorf("%s with an unknown parameter: %q", ask, code)
		}
	}
	if lists < 15 {
		t.Errorf("the document has %d lists", lists)
	}
}

// TestEveryListHasPagesAndATable walks the document: every operation that answers with data and next_cursor takes limit,
// cursor and format, names the next page in Link, and can answer with CSV.
func TestEveryListHasPagesAndATable(t *testing.T) {
	w := begin(t)
	type schema struct {
		Ref        string `json:"$ref"`
		Properties map[string]any
	}
	doc := decode[struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name string }
			Responses  map[string]struct {
				Headers map[string]any
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}](t, w.want(http.StatusOK, w.get("/v1/openapi.json")))
	lists := 0
	for path, ops := range doc.Paths {
		get, has := ops["get"]
		body := get.Responses["200"].Content["application/json"].Schema
		if body.Ref != "" {
			body = doc.Components.Schemas[body.Ref[strings.LastIndexByte(body.Ref, '/')+1:]]
		}
		if _, list := body.Properties["next_cursor"]; !has || !list {
			continue
		}
		lists++
		var names []string
		for _, p := range get.Parameters {
			names = append(names, p.Name)
		}
		want := []string{"limit", "cursor", "format"}
		if path == "/v1/vends" {
			want = want[2:] // this list finds one sale by its reference, so it has no second page
		}
		for _, name := range want {
			if !slices.Contains(names, name) {
				t.Errorf("%s has no parameter %s", path, name)
			}
		}
		if _, table := get.Responses["200"].Content["text/csv"]; !table {
			t.Errorf("%s cannot be had as CSV", path)
		}
		if _, link := get.Responses["200"].Headers["Link"]; !link {
			t.Errorf("%s names no next page in Link", path)
		}
	}
	if lists < 17 {
		t.Errorf("the document has %d lists", lists)
	}
}

// TestATableRunsNothingInASpreadsheet: a name that begins like a formula is defused, a phone number is left alone.
func TestATableRunsNothingInASpreadsheet(t *testing.T) {
	w := begin(t)
	w.want(http.StatusCreated, w.post("/v1/meters", `{"number":"04140001019","mode":"prepay_wallet","tariff":"domestic",
		"customer":{"name":"=HYPERLINK(\"http://x\",\"a\"), b","phone":"+254700000001"}}`))
	head, rows := table(t, w.want(http.StatusOK, w.get("/v1/customers?format=csv")))
	name, phone := slices.Index(head, "name"), slices.Index(head, "phone")
	if name < 0 || phone < 0 {
		t.Fatalf("columns %v", head)
	}
	found := slices.ContainsFunc(rows, func(r []string) bool {
		return strings.HasPrefix(r[name], "'=HYPERLINK") && r[phone] == "+254700000001"
	})
	if !found {
		t.Errorf("got %q", rows)
	}
}
