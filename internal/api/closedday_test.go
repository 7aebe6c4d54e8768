package api_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
)

// day is the date of a moment in the zone of the tests.
func day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// TestClosingADay closes days in order, with what stands in the way. The clock goes on by whole days. The stored figures are the same over
// the API, as CSV and as PDF, before and after later sales.
func TestClosingADay(t *testing.T) {
	w, began := beginAtNoon(t)
	w.want(409, w.post("/v1/days", `{}`)) // no journal
	w.want(201, w.ask("POST", "/v1/shifts", w.key, `{"till":"main","opening":{"amount_minor":50000,"currency":"KES"}}`, "Idempotency-Key", "shift-open"))
	w.want(201, w.ask("POST", "/v1/vends", w.key, order("10000"), "Idempotency-Key", "sale-0001"))
	if next := decode[apiv1.OpenDay](t, w.want(200, w.ask("GET", "/v1/days/next", w.key, ""))); next.Date != day(began) || next.Over || len(next.Pending) != 1 || !next.Pending[0].Stops {
		t.Errorf("the first open day: %+v", next)
	}
	if a := w.want(409, w.post("/v1/days", `{}`)); !bytes.Contains(a.body, []byte("can be closed from")) {
		t.Errorf("today: %s", a.body)
	}

	next := func(days int) { // the server is started again on a later day, and somebody trusts its clock
		w.stop()
		w.ahead = time.Until(began.AddDate(0, 0, days))
		w.serve(true, api.Limits{})
		w.want(200, w.post("/v1/clock/trust", `{"reason":"a test"}`))
	}
	next(2)
	if a := w.want(409, w.post("/v1/days", `{"accept":true}`)); !bytes.Contains(a.body, []byte("Till main was opened before")) {
		t.Errorf("with an open till: %s", a.body)
	}
	w.want(200, w.ask("POST", "/v1/shifts/mine/close", w.key, `{"counted":{"amount_minor":60000,"currency":"KES"}}`, "Idempotency-Key", "shift-close"))
	w.want(409, w.post("/v1/days", `{"date":"`+day(began.AddDate(0, 0, -1))+`"}`))
	w.want(400, w.post("/v1/days", `{"date":"tomorrow"}`))
	w.want(403, w.ask("POST", "/v1/days", w.newKey(access.Auditor), `{}`))
	closed := w.want(200, w.post("/v1/days", `{"note":"checked"}`))
	d := decode[apiv1.ClosedDay](t, closed)
	if d.Date != day(began) || d.Journals != 2 || d.DebitsMinor != 60000 || d.Note != "checked" || len(d.Pending) != 0 || d.Head == "" || d.Epoch != 1 {
		t.Errorf("closed: %+v", d)
	}
	if len(d.Sellers) != 1 || d.Sellers[0].Sales != 1 || d.Sellers[0].SoldMinor != 10000 {
		t.Errorf("sellers: %+v", d.Sellers)
	}
	again := w.want(200, w.post("/v1/days", `{"date":"`+d.Date+`","note":"other"}`))
	if !bytes.Equal(again.body, closed.body) {
		t.Errorf("closed again: %s, want %s", again.body, closed.body)
	}
	w.want(409, w.post("/v1/days", `{"date":"`+day(began.AddDate(0, 0, 2))+`"}`)) // out of order
	w.want(409, w.post("/v1/days", `{"date":"`+day(began.AddDate(0, 0, 2))+`","accept":true}`))
	w.want(201, w.ask("POST", "/v1/vends", w.key, order("3000"), "Idempotency-Key", "sale-loose")) // in no shift, two days later
	w.want(200, w.post("/v1/days", `{}`))                                                          // an empty day
	w.soldLoose(t)
	if l := decode[apiv1.List[apiv1.ClosedDay]](t, w.want(200, w.ask("GET", "/v1/days", w.key, ""))); len(l.Data) != 2 || l.Data[1].Date != d.Date || l.Data[0].Journals != 0 || len(l.Data[0].Accounts) == 0 {
		t.Errorf("the list: %+v", l.Data)
	}

	before := map[string]answer{}
	for _, f := range []string{"json", "csv", "pdf"} {
		before[f] = w.want(200, w.ask("GET", "/v1/days/"+d.Date+"?format="+f, w.key, ""))
	}
	if !bytes.Equal(before["json"].body, closed.body) {
		t.Errorf("shown: %s, want %s", before["json"].body, closed.body)
	}
	for _, a := range d.Accounts {
		row := strings.Join([]string{d.Date, strconv.FormatInt(a.Code, 10), a.Path, a.Subject, strconv.FormatInt(a.OpeningMinor, 10), strconv.FormatInt(a.DebitMinor, 10), strconv.FormatInt(a.CreditMinor, 10),
			strconv.FormatInt(a.ClosingMinor, 10)}, ",")
		if !bytes.Contains(before["csv"].body, []byte(row)) {
			t.Errorf("the CSV lacks %q: %s", row, before["csv"].body)
		}
	}
	w.want(201, w.ask("POST", "/v1/vends", w.key, order("20000"), "Idempotency-Key", "sale-0002"))
	for f, old := range before {
		if now := w.want(200, w.ask("GET", "/v1/days/"+d.Date+"?format="+f, w.key, "")); !bytes.Equal(now.body, old.body) {
			t.Errorf("%s has changed after a later sale", f)
		}
	}
	w.want(404, w.ask("GET", "/v1/days/"+day(began.AddDate(0, 0, 9)), w.key, ""))
}

// soldLoose checks that the first open day names the one sale in no shift.
func (w *world) soldLoose(t *testing.T) {
	t.Helper()
	w.want(409, w.post("/v1/days", `{}`)) // today
	if next := decode[apiv1.OpenDay](t, w.want(200, w.ask("GET", "/v1/days/next", w.key, ""))); len(next.SoldWithoutShift) != 1 || next.Currency != "KES" ||
		next.SoldWithoutShift[0].Sales != 1 || next.SoldWithoutShift[0].SoldMinor != 3000 || next.SoldWithoutShift[0].Seller == "" {
		t.Errorf("sold without a shift: %+v", next.SoldWithoutShift)
	}
}
