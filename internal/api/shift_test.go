package api_test

import (
	"bytes"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
)

// TestAShiftOverTheAPI opens, uses, counts and closes a till. Every request may be repeated with its key, and the answers stay the same bytes.
func TestAShiftOverTheAPI(t *testing.T) {
	w := begin(t)
	twice := func(status int, path, key, body string) answer {
		t.Helper()
		first := w.want(status, w.ask("POST", path, w.key, body, "Idempotency-Key", key))
		again := w.want(status, w.ask("POST", path, w.key, body, "Idempotency-Key", key))
		if !bytes.Equal(first.body, again.body) {
			t.Errorf("%s again: %s, want %s", path, again.body, first.body)
		}
		return first
	}
	shift := decode[apiv1.Shift](t, twice(201, "/v1/shifts", "shift-open", `{"till":"main","opening":{"amount_minor":50000,"currency":"KES"}}`))
	if shift.State != "open" || shift.Till != "main" || shift.Opening.AmountMinor != 50000 || shift.Expected != nil {
		t.Errorf("opened: %+v", shift)
	}
	sold := decode[sale](t, w.want(201, w.ask("POST", "/v1/vends", w.key, order("10000"), "Idempotency-Key", "sale-0001")))
	if one := decode[apiv1.Sale](t, w.want(200, w.ask("GET", "/v1/vends/"+sold.ID, w.key, ""))); one.Shift != shift.ID || one.Till != "main" {
		t.Errorf("the sale is in shift %q of till %q", one.Shift, one.Till)
	}
	l := decode[apiv1.List[apiv1.Sale]](t, w.want(200, w.ask("GET", "/v1/vends?shift="+shift.ID, w.key, "")))
	if len(l.Data) != 1 || l.Data[0].ID != sold.ID {
		t.Errorf("the sales of the shift: %+v", l.Data)
	}
	out := decode[apiv1.ShiftReport](t, twice(201, "/v1/shifts/main/payouts", "shift-out", `{"amount":{"amount_minor":20000,"currency":"KES"},"reason":"noon"}`))
	if out.Left.AmountMinor != 40000 || out.PaidOut.AmountMinor != 20000 || out.Sold.AmountMinor != 10000 || out.Sales != 1 {
		t.Errorf("after the payout: %+v", out)
	}
	closed := decode[apiv1.Shift](t, twice(200, "/v1/shifts/mine/close", "shift-close", `{"counted":{"amount_minor":39950,"currency":"KES"},"note":"a coin"}`))
	if closed.State != "closed" || closed.Expected.AmountMinor != 40000 || closed.Counted.AmountMinor != 39950 || closed.Difference.AmountMinor != -50 || closed.Note != "a coin" {
		t.Errorf("closed: %+v", closed)
	}
	for path, want := range map[string]int{"": 1, "?state=open": 0, "?state=closed&till=main": 1, "?till=till-2": 0} {
		if got := decode[apiv1.List[apiv1.Shift]](t, w.want(200, w.ask("GET", "/v1/shifts"+path, w.key, ""))); len(got.Data) != want {
			t.Errorf("%s lists %d shifts, want %d", path, len(got.Data), want)
		}
	}
}
