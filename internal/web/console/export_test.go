package console_test

import (
	"encoding/csv"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestEveryListCanBeExported: each list page leads to a CSV file with all of its rows, not only those of the page, and nobody exports what
// they may not see.
func TestEveryListCanBeExported(t *testing.T) {
	w := begin(t)
	w.secondPerson()  // a vendor and somebody of finance
	const sales = 260 // more than one page of the API
	for n := range sales {
		w.api("/v1/vends", fmt.Sprintf(`{"meter":"%s","tender":{"amount_minor":%d,"currency":"KES"}}`, meterNumber, 1000+n))
	}
	g := w.enter(ownerEmail)
	file := func(page string) [][]string {
		t.Helper()
		a := g.get(g.get(page).is(200).link(t, `/export/[^"]*`)).is(200)
		if name := a.header.Get("Content-Disposition"); !regexp.MustCompile(`^attachment; filename="paywatt-[a-z]+-\d{4}-\d\d-\d\d\.csv"$`).MatchString(name) {
			t.Errorf("%s comes as %q", page, name)
		}
		text, marked := strings.CutPrefix(a.body, "\ufeff")
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || !marked || len(rows) == 0 {
			t.Fatalf("%s: %v, %d rows, marked as UTF-8: %t", page, err, len(rows), marked)
		}
		return rows[1:]
	}
	for page, want := range map[string]int{"/sales": sales, "/sales?meter=" + meterNumber + "&state=reversed": 0, "/meters": 1, "/meters?state=low": 0, "/customers?find=amina": 1,
		"/customers?find=nobody": 0, "/messages?state=failed": 0, "/quarantine": 0, "/quarantine?all=1": 0, "/approvals": 0, "/approvals?all=1": 0, "/people": 2, "/keys": 1 + 1, "/alarms": 1, // so many sales are unusual
		"/alarms?all=1&meter=" + meterNumber: 0, "/vendors": 1, "/vendors/V9": 0, "/tariffs": 1, "/tariffs/domestic": 1, "/ledger/accounts?code=4000": 1, "/meters/" + meterNumber: 0,
	} {
		if got := len(file(page)); got != want {
			t.Errorf("%s: %d rows, want %d", page, got, want)
		}
	}
	if journals := file("/ledger/journals"); len(journals) < sales {
		t.Errorf("%d journals of %d sales", len(journals), sales)
	}
	seen := map[string]bool{}
	for _, row := range file("/sales") {
		seen[row[0]] = true
	}
	if len(seen) != sales {
		t.Errorf("%d different sales in the file, want %d", len(seen), sales)
	}
	g.get("/export/sales").is(404)
	g.get("/export/vends/" + "vnd_00000000000000000000000000").is(404)
	g.get("/export/vends?state=nothing").is(400).says("The list was not exported")
	w.person("tariffs@example.com", access.TariffManager)
	other := w.enter("tariffs@example.com")
	other.get("/export/customers").is(403).omits("Amina")
	other.get("/export/tariffs").is(200)
	w.guest().get("/export/meters").leads("/signin?next=%2Fexport%2Fmeters")
}
