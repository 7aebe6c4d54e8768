package console_test

import (
	"encoding/csv"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/wire"
)

// listPages are the pages with a list that somebody may want as a file. The pattern finds what tells the rows of a page apart; the file has the
// same in the cells of the column.
func listPages() map[string]struct{ pattern, column string } {
	const number = `href="/meters/(\d{11})"`
	return map[string]struct{ pattern, column string }{
		"/sales": {`href="/sales/(vnd_\w+)"`, "id"}, "/sales?meter=" + meterNumber: {`href="/sales/(vnd_\w+)"`, "id"},
		"/meters": {number, "number"}, "/flats": {number, "meter"}, "/meters?find=0019": {number, "number"}, "/customers": {`href="/customers/(cus_\w+)"`, "id"},
		"/customers?find=amina": {`href="/customers/(cus_\w+)"`, "id"}, "/messages": {`href="/messages/(msg_\w+)"`, "id"},
		"/tariffs": {`href="/tariffs/(\w+)"`, "name"}, "/people": {`href="/people/(usr_\w+)"`, "id"}, "/keys": {`href="/keys/(key_\w+)"`, "id"},
		"/vendors": {`href="/vendors/(\w+)"`, "code"}, "/approvals": {`href="/approvals/(apr_\w+)"`, "id"}, "/approvals?all=1": {`href="/approvals/(apr_\w+)"`, "id"},
		"/alarms": {number, "meter"}, "/alarms?all=1&meter=" + meterNumber: {number, "meter"}, "/quarantine": {`href="/quarantine/(qtn_\w+)"`, "id"},
		"/debts": {`href="/accounts/([^"?#]+)`, "account"}, "/debts?open=1&account=" + meterNumber: {`href="/accounts/([^"?#]+)`, "account"},
		"/charges": {`href="/accounts/([^"?#]+)`, "account"}, "/tills": {`href="/tills/(shf_\w+)"`, "id"},
		"/days": {`href="/days/([\d-]+)"`, "date"}, "/payments": {`href="/payments/(pay_\w+)"`, "id"}, "/webhooks": {`href="/webhooks/(whk_\w+)"`, "id"}, "/vouchers": {`href="/vouchers/(vbt_\w+)"`, "id"}, "/import": {`href="/imports/(imp_\w+)"`, "id"}, "/devices": {number, "meter"},
		"/audit?action=tariff": {`<code class="muted">([a-z_.]+)</code>`, "action"}, "/audit?action=vendor": {`<code class="muted">([a-z_.]+)</code>`, "action"},
		"/ledger/accounts?code=2060": {`href="/ledger/journals\?code=(\d+)`, "code"},
		"/ledger":                    {`href="/ledger/accounts\?code=(\d+)`, "code"}, // adds up the accounts of each code
	}
}

// TestEveryListPageExportsItsRows: every page behind the menus that has a list has a button whose file has the same rows under the same filter.
// The file is what spreadsheets expect, and no cell of it is a formula.
func TestEveryListPageExportsItsRows(t *testing.T) {
	w := begin(t)
	key := w.secondPerson()
	w.meter("04140001019", `=HYPERLINK("http://evil.example","Amina")`)
	for _, meter := range []string{meterNumber, "04140001019", meterNumber} {
		w.api("/v1/vends", `{"meter":"`+meter+`","tender":{"amount_minor":1000,"currency":"KES"}}`)
	}
	w.asks(key, "/v1/vendors/V9/terms", `{"credit_limit_minor":70000}`)
	w.api("/v1/debts", `{"account":"`+meterNumber+`","kind":"fine","amount":{"amount_minor":5,"currency":"KES"}}`)
	w.api("/v1/shifts", `{"till":"till-1","opening":{"amount_minor":0,"currency":"KES"}}`)
	w.reading(meterNumber, 1, wire.Reading{RegisterWh: 1, Relay: "closed"})
	w.otherMemory(meterNumber)
	w.paying().paid("TX1", 100, "rent")
	g := w.enter(ownerEmail)
	// These pages behind the menus have no list of rows.
	seen := map[string]bool{"/overview": true, "/sell": true, "/office": true, "/doctor": true, "/start": true, "/settings": true, "/integrations": true}
	full := 0
	for page, list := range listPages() {
		path, _, _ := strings.Cut(page, "?")
		seen[path] = true
		body := g.get(page).is(200).body
		link := regexp.MustCompile(`href="(/export/[^"]*)" download`).FindStringSubmatch(body)
		if link == nil {
			t.Errorf("%s has no button for its file", page)
			continue
		}
		rows := exportedRows(t, page, g.get(html.UnescapeString(link[1])).is(200).body)
		var shown, filed []string
		for _, row := range regexp.MustCompile(`(?s)<tr[ >].*?</tr>|<li id="m-.*?</li>|<h2>.*?</h2>|<section class="card" aria-labelledby="adopted-.*?</section>`).FindAllString(body, -1) {
			if m := regexp.MustCompile(list.pattern).FindStringSubmatch(row); m != nil {
				name, err := url.PathUnescape(m[1])
				if err != nil {
					t.Fatal(err)
				}
				shown = append(shown, name)
			}
		}
		at := slices.Index(rows[0], list.column)
		if at < 0 {
			t.Errorf("%s: the file has no column %s: %q", page, list.column, rows[0])
			continue
		}
		for _, row := range rows[1:] {
			filed = append(filed, row[at])
		}
		slices.Sort(shown)
		slices.Sort(filed)
		if page == "/ledger" {
			filed = slices.Compact(filed)
		}
		if !slices.Equal(shown, filed) {
			t.Errorf("%s shows %q, and its file has %q", page, shown, filed)
		}
		if len(shown) > 0 {
			full++
		}
	}
	if full < 15 {
		t.Errorf("only %d of the lists have rows", full)
	}
	for _, m := range regexp.MustCompile(`href="(/[a-z]+)"`).FindAllStringSubmatch(g.get("/office").body, -1) {
		if !seen[m[1]] && !slices.Contains([]string{"/search", "/account", "/help", "/signout", "/docs"}, m[1]) {
			t.Errorf("the page %s, which a menu leads to, is not among the lists of this test", m[1])
		}
	}
}

// exportedRows reads a file as a spreadsheet does, and checks its form.
func exportedRows(t *testing.T, page, body string) [][]string {
	t.Helper()
	text, marked := strings.CutPrefix(body, "\ufeff")
	if !marked || strings.Count(text, "\n") != strings.Count(text, "\r\n") || !strings.HasSuffix(text, "\r\n") {
		t.Errorf("%s: the file is marked as UTF-8: %t; its lines do not all end with CR LF:\n%q", page, marked, text)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll() // also fails if the rows differ in their number of cells
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s: %v\n%s", page, err, text)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) && strings.Trim(cell[1:], "0123456789 ") != "" {
				t.Errorf("%s: a spreadsheet may take %q for a formula", page, cell)
			}
		}
	}
	return rows
}
