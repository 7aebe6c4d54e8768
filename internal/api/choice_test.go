package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
)

// TestThePriceOfOneMeterNeedsASecondPerson: one person puts no meter on a tariff that is not usual, and moves nobody in on another tariff
// than the meter had. Meters that one person adds do not change what is usual.
func TestThePriceOfOneMeterNeedsASecondPerson(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.fourEyes(true)
	second := w.newKey(access.Owner)
	n := 0
	add := func(mode, tariff string) (answer, string) {
		n++
		number := []string{"04140001001", "04140001019", "04140001027", "04140001035", "04140001043", "04140001050"}[n-1]
		return w.post("/v1/meters", fmt.Sprintf(`{"number":"%s","mode":"%s","tariff":"%s"}`, number, mode, tariff)), number
	}
	approve := func(a answer, summary string) approval {
		t.Helper()
		waits := decode[approval](t, w.want(202, a))
		if waits.Act != "meter.tariff" || !strings.HasPrefix(waits.Summary, summary) || waits.Maker == "" {
			t.Errorf("it waits as %+v, want %q", waits, summary)
		}
		w.want(403, w.post("/v1/approvals/"+waits.ID+"/approve", `{}`))
		return decode[approval](t, w.want(200, w.ask("POST", "/v1/approvals/"+waits.ID+"/approve", second, `{"reason":"seen"}`)))
	}
	only, number := add("prepay_wallet", "domestic")
	w.want(201, only) // there is no other tariff
	cheap := decode[approval](t, w.want(202, w.post("/v1/tariffs", `{"name":"lifeline","currency":"KES","vat_bps":1500,"flat_micro":500000}`)))
	w.want(200, w.ask("POST", "/v1/approvals/"+cheap.ID+"/approve", second, `{}`))

	first, one := add("prepay_wallet", "lifeline")
	got := approve(first, "register meter "+one+` on tariff "lifeline", which the settings do not list as usual`)
	if got.State != "done" || got.Meter == nil || got.Meter.Number != one {
		t.Errorf("after the approval: %+v", got)
	}
	again, _ := add("prepay_wallet", "lifeline") // most meters have it now
	w.want(202, again)
	unlisted, _ := add("prepay_wallet", "domestic")
	w.want(202, unlisted)
	w.want(409, w.ask("POST", "/v1/settings", w.key, `{"usual_tariffs":["nowhere"]}`))
	setting := decode[approval](t, w.want(202, w.post("/v1/settings", `{"usual_tariffs":["domestic"]}`)))
	w.want(200, w.ask("POST", "/v1/approvals/"+setting.ID+"/approve", second, `{}`))
	usual, _ := add("prepay_wallet", "domestic")
	w.want(201, usual)

	path := "/v1/meters/" + number
	tariff := func() string {
		return decode[struct{ Tariff string }](t, w.want(200, w.get(path))).Tariff
	}
	out := func(key string) {
		t.Helper()
		w.want(201, w.ask("POST", "/v1/accounts/"+number+"/move-out", w.key, `{"reason":"lease ended"}`, "Idempotency-Key", key))
	}
	out("move-out-1")
	moved := approve(w.post(path+"/move-in", `{"tariff":"lifeline","customer":{"name":"Kwame M."},"reason":"new lease"}`),
		"move a customer in at meter "+number+", where the last customer was moved out at ")
	if moved.State != "done" || tariff() != "lifeline" {
		t.Errorf("after the approval: %+v, tariff %s", moved, tariff())
	}
	out("move-out-2")
	next := decode[approval](t, w.want(202, w.post(path+"/move-in", `{"tariff":"lifeline","reason":"the next"}`)))
	if next.Act != "account.move_in" {
		t.Errorf("a move-in at once waits as %+v", next)
	}
	w.want(200, w.ask("POST", "/v1/approvals/"+next.ID+"/approve", second, `{"reason":"seen"}`))
	out("move-out-3")
	w.want(202, w.post(path+"/move-in", `{"tariff":"domestic","reason":"a usual one, which may be cheaper"}`))
}
