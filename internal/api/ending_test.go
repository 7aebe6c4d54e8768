package api_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/refuse"
)

// TestAReplacedMeterIsRemovedByTwo: a second person sees what took its place, what it counted since, and what the account owes. The removed meter
// shows no money of the account as its own, lists and the file of a list leave it out unless they are asked for it, and every request about it says
// why not.
func TestAReplacedMeterIsRemovedByTwo(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	const fresh = "04140001035"
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+meterNumber+`","mode":"prepay_wallet","tariff":"domestic","feeder":"North 3",
		"customer":{"name":"Amina A."}}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+fresh+`","mode":"prepay_wallet","tariff":"domestic","status":"stock"}`))
	w.want(201, w.sell("recharge-0001", order("10000")))
	w.reads(1, 1000, 3000)
	path := "/v1/meters/" + meterNumber
	w.want(400, w.post(path+"/remove", `{"reason":"burnt"}`))
	w.want(400, w.post(path+"/scrap", `{"reason":"burnt"}`))
	w.want(201, w.ask("POST", path+"/swap", w.key, `{"new_meter":"`+fresh+`","reason":"burnt"}`, "Idempotency-Key", "swap-0001"))
	replaced := decode[apiv1.Meter](t, w.want(200, w.get(path)))
	if replaced.Balance != nil || replaced.Live != nil || replaced.Customer == nil || replaced.Customer.Name != "Amina A." || replaced.Tariff != "domestic" {
		t.Errorf("the meter that was replaced shows %+v, want its customer and no money", replaced)
	}
	if s := decode[apiv1.Supply](t, w.want(200, w.get(path+"/supply"))); s.Available != nil || s.DaysLeft != nil || s.Wanted {
		t.Errorf("the supply of the meter that was replaced: %+v, want no money", s)
	}
	fine := `{"account":"` + fresh + `","kind":"fine","amount":{"amount_minor":700,"currency":"KES"}}`
	w.want(201, w.ask("POST", "/v1/debts", w.key, fine, "Idempotency-Key", "debt-0001"))
	w.want(400, w.post(path+"/scrap", `{"reason":"burnt"}`))

	w.fourEyes(true)
	second := w.newKey(access.Owner)
	asked := decode[apiv1.Approval](t, w.want(202, w.post(path+"/remove", `{"reason":"back in the workshop"}`)))
	seen := string(w.want(200, w.ask("GET", "/v1/approvals/"+asked.ID, second, "")).body)
	for _, fact := range []string{`"replaced-by"`, fresh, `"meter-status"`, `"outstanding"`, "Amina A.", "back in the workshop"} {
		if !strings.Contains(seen, fact) {
			t.Errorf("the second person does not see %s: %s", fact, seen)
		}
	}
	w.want(200, w.ask("POST", "/v1/approvals/"+asked.ID+"/approve", second, `{"reason":"seen"}`, "Idempotency-Key", "approve-1"))
	w.want(400, w.post(path+"/remove", `{"reason":"once more"}`))

	gone := decode[apiv1.Meter](t, w.want(200, w.get(path)))
	named := gone.Customer != nil && gone.Customer.Name != ""
	if gone.Status != "removed" || gone.Balance != nil || gone.Live != nil || named ||
		gone.Tariff != "" || gone.Feeder != "" || gone.LoginEndsAt == nil {
		t.Errorf("the removed meter shows %+v", gone)
	}
	has := func(query string, want bool) {
		t.Helper()
		if got := strings.Contains(string(w.want(200, w.get("/v1/meters"+query)).body), `"`+meterNumber+`"`); got != want {
			t.Errorf("the list %q has the removed meter: %t, want %t", query, got, want)
		}
	}
	has("", false)
	has("?find=0414", false)
	has("?status=active", false)
	has("?status=removed", true)
	has("?status=all", true)
	w.want(400, w.get("/v1/meters?status=lost"))
	hits := func(text string, want bool) {
		t.Helper()
		if got := strings.Contains(string(w.want(200, w.get("/v1/search?q="+text)).body), `"title":"`+meterNumber+`"`); got != want {
			t.Errorf("a search for %q finds the removed meter: %t, want %t", text, got, want)
		}
	}
	hits("041400010", false)
	hits("amina", false)
	hits(meterNumber, true)

	sold := w.sell("recharge-0002", order("10000"))
	if sold.status != 409 || !strings.Contains(string(sold.body), fresh) {
		t.Errorf("a sale to the removed meter is answered with %d %s, want the meter that took its place", sold.status, sold.body)
	}
	w.want(400, w.post(path+"/password", `{}`))
	w.want(400, w.post(path+"/link-key", `{}`))
	w.want(409, w.post(path+"/commands", `{"type":"read","reason":"look"}`))
	w.want(409, w.post(path+"/cut", `{"reason":"look"}`))
	if m := decode[apiv1.Meter](t, w.want(200, w.get("/v1/meters/"+fresh))); m.Status != "active" || m.Balance == nil {
		t.Errorf("the meter that took its place: %+v", m)
	}
	w.want(200, w.post(path+"/scrap", `{"reason":"terminals burnt"}`)) // one person: a removed meter moves nothing
	has("?status=all", true)
	has("?status=removed", false)
}

// TestAMeterInStockWithMoneyIsNotScrapped: money or a debt on its account would stay there, where nobody looks. A move-out pays out the money and
// takes a second person if a debt stays. It leaves the meter in the stock, from where one person scraps it.
func TestAMeterInStockWithMoneyIsNotScrapped(t *testing.T) {
	const keypad = `"mode":"prepay_token","sgc":"123456","krn":1,"kt":2,"ti":"01"`
	money := `"amount":{"amount_minor":1234,"currency":"KES"}`
	for name, c := range map[string]struct{ meter, path, body, left string }{
		"money in a wallet":        {`"mode":"prepay_wallet"`, "/v1/adjustments", money + `,"reason":"sorry"`, ``},
		"money for a keypad meter": {keypad, "/v1/adjustments", money + `,"reason":"sorry"`, `,"credit_wh":0`},
		"a debt of a wallet":       {`"mode":"prepay_wallet"`, "/v1/debts", `"kind":"fine",` + money, ``},
		"a debt of a keypad meter": {keypad, "/v1/debts", `"kind":"fine",` + money, `,"credit_wh":0`},
	} {
		w := folder(t)
		w.serve(false, api.Limits{})
		w.key = w.newKey(access.Owner)
		path := "/v1/meters/" + meterNumber
		w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
		w.want(201, w.post("/v1/meters", `{"number":"`+meterNumber+`",`+c.meter+`,"tariff":"domestic","status":"stock"}`))
		w.want(201, w.ask("POST", c.path, w.key, `{"account":"`+meterNumber+`",`+c.body+`}`, "Idempotency-Key", "booking-1"))
		if no := w.ask("POST", path+"/scrap", w.key, `{"reason":"burnt"}`); no.status != 400 ||
			!strings.Contains(string(no.body), "move-out "+meterNumber) {
			t.Errorf("%s: the scrap is answered with %d %s, want a refusal that says what to do", name, no.status, no.body)
			continue
		}
		w.want(201, w.ask("POST", "/v1/accounts/"+meterNumber+"/move-out", w.key, `{"reason":"never used"`+c.left+`}`,
			"Idempotency-Key", "move-out-1"))
		if m := decode[apiv1.Meter](t, w.want(200, w.get(path))); m.Status != "stock" {
			t.Errorf("%s: after the move-out the meter is %s", name, m.Status)
		}
		w.want(409, w.post(path+"/move-in", `{"tariff":"domestic","reason":"new lease"}`))
		w.want(200, w.post(path+"/scrap", `{"reason":"burnt"}`))
	}
}

// TestAMoveOutLeavesARemovedMeterAsItIs: the account that a removed meter still names ends later, and must not put the meter back into service.
func TestAMoveOutLeavesARemovedMeterAsItIs(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	const fresh = "04140001035"
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+meterNumber+`","mode":"prepay_wallet","tariff":"domestic"}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+fresh+`","mode":"prepay_wallet","tariff":"domestic","status":"stock"}`))
	swap := `{"new_meter":"` + fresh + `","reason":"burnt"}`
	w.want(201, w.ask("POST", "/v1/meters/"+meterNumber+"/swap", w.key, swap, "Idempotency-Key", "swap-0001"))
	w.want(200, w.post("/v1/meters/"+meterNumber+"/remove", `{"reason":"burnt"}`))
	out := w.want(201, w.ask("POST", "/v1/accounts/"+fresh+"/move-out", w.key, `{"reason":"lease ended"}`, "Idempotency-Key", "move-out-1"))
	if strings.Contains(string(out.body), meterNumber) {
		t.Errorf("the move-out frees the removed meter: %s", out.body)
	}
	if m := decode[apiv1.Meter](t, w.want(200, w.get("/v1/meters/"+meterNumber))); m.Status != "removed" {
		t.Errorf("after the move-out the removed meter is %s", m.Status)
	}
	w.want(409, w.post("/v1/meters/"+meterNumber+"/move-in", `{"tariff":"domestic","reason":"new lease"}`))
}

// TestNobodyIsAdvisedToMoveOutOfAPostPaidMeter: its customer cannot, so the refusals of a scrap and of a refund say something else. Neither does a
// move-out make a meter free that is in stock or was replaced.
func TestNobodyIsAdvisedToMoveOutOfAPostPaidMeter(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	const other = "04140001035"
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+meterNumber+`","mode":"postpay","tariff":"domestic","status":"stock"}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+other+`","mode":"prepay_wallet","tariff":"domestic","status":"stock"}`))
	fine := `{"account":"` + meterNumber + `","kind":"fine","amount":{"amount_minor":700,"currency":"KES"}}`
	w.want(201, w.ask("POST", "/v1/debts", w.key, fine, "Idempotency-Key", "debt-0001"))
	for name, c := range map[string]struct{ path, body, want string }{
		"scrap":   {"/v1/meters/" + meterNumber + "/scrap", `{"reason":"burnt"}`, refuse.ScrapOfPostPaidWithMoney(meterNumber).Try},
		"refund":  {"/v1/accounts/" + meterNumber + "/refunds", `{"reason":"bank transfer"}`, refuse.RefundNotDuePostPaid("").Try},
		"move-in": {"/v1/meters/" + other + "/move-in", `{"tariff":"domestic","reason":"new lease"}`, refuse.MoveInAtUnusedMeter(other, "stock").What},
	} {
		got := w.ask("POST", c.path, w.key, c.body, "Idempotency-Key", "advice-"+name)
		if got.status < 400 || !strings.Contains(string(got.body), c.want) {
			t.Errorf("%s is answered with %d %s, want %q", name, got.status, got.body, c.want)
		}
	}
	no := w.ask("POST", "/v1/accounts/"+meterNumber+"/move-out", w.key, `{"reason":"never used"}`, "Idempotency-Key", "move-out-1")
	if no.status < 400 {
		t.Errorf("a post-paid meter's customer moved out: %d %s", no.status, no.body)
	}
}
