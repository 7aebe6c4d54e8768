package api_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
)

// TestACustomerMovesOutAndAnotherMovesIn: the rest is paid back once, nobody pays for the use in between, and the next
// customer starts at 0.
func TestACustomerMovesOutAndAnotherMovesIn(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+meterNumber+`","mode":"prepay_wallet","tariff":"domestic","feeder":"North 3","customer":{"name":"Amina A."}}`))
	w.want(201, w.sell("recharge-0001", order("10000")))
	w.reads(1, 1000, 3000)
	type meter struct {
		ID, Status, Feeder string
		Customer           *struct{ Name string }
		Balance            struct {
			Minor int64 `json:"amount_minor"`
		}
	}
	path := "/v1/meters/" + meterNumber
	account := decode[struct{ ID string }](t, w.want(200, w.get("/v1/accounts/"+meterNumber))).ID
	out := w.ask("POST", "/v1/accounts/"+meterNumber+"/move-out", w.key, `{"reason":"lease ended"}`, "Idempotency-Key", "move-out-1")
	moved := decode[struct {
		Account string
		Meters  []string
		Refund  int64  `json:"refund_due_minor"`
		UpTo    string `json:"charged_up_to"`
	}](t, w.want(201, out))
	if moved.Account != account || moved.Refund != 10000-575 || len(moved.Meters) != 1 || moved.UpTo == "" {
		t.Errorf("moved out: %s, want 94.25 due back", out.body)
	}
	if again := w.ask("POST", "/v1/accounts/"+meterNumber+"/move-out", w.key, `{"reason":"lease ended"}`, "Idempotency-Key", "move-out-1"); string(again.body) != string(out.body) ||
		again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %d %s", again.status, again.body)
	}
	if m := decode[meter](t, w.want(200, w.get(path))); m.Status != "installed" || m.Customer != nil && m.Customer.Name != "" || m.Feeder != "" {
		t.Errorf("the free meter: %+v, want nobody's", m)
	}
	w.want(409, w.sell("recharge-0002", order("10000")))
	w.want(201, w.post("/v1/meters", `{"number":"`+walletNumber+`","mode":"prepay_wallet","tariff":"domestic"}`))
	given := w.ask("POST", "/v1/accounts/"+account+"/refunds", w.key, `{"amount":{"amount_minor":125,"currency":"KES"},"to":"`+walletNumber+`","reason":"to the son"}`, "Idempotency-Key", "refund-0000")
	if body := string(w.want(201, given).body); !strings.Contains(body, `"to":"wallet"`) || !strings.Contains(body, `"left_minor":9300`) {
		t.Errorf("moved to another account: %s", body)
	}
	paid := w.ask("POST", "/v1/accounts/"+account+"/refunds", w.key, `{"reason":"bank transfer 4711"}`, "Idempotency-Key", "refund-0001")
	if body := string(w.want(201, paid).body); !strings.Contains(body, `"amount_minor":9300`) || !strings.Contains(body, `"to":"bank"`) {
		t.Errorf("refunded: %s", paid.body)
	}
	w.want(422, w.ask("POST", "/v1/accounts/"+account+"/refunds", w.key, `{"reason":"once more"}`, "Idempotency-Key", "refund-0002"))
	w.reads(3, 9000) // somebody used 6 kWh in the empty flat
	w.want(400, w.post(path+"/move-in", `{"tariff":"domestic","reason":""}`))
	w.want(409, w.post(path+"/move-in", `{"tariff":"nowhere","reason":"new lease"}`))
	if m := decode[meter](t, w.want(201, w.post(path+"/move-in", `{"tariff":"domestic","customer":{"name":"Kwame M."},"reason":"new lease"}`))); m.Status != "active" ||
		m.Customer == nil || m.Customer.Name != "Kwame M." || m.Feeder != "North 3" {
		t.Errorf("moved in: %+v, want Kwame at the same place", m)
	}
	w.want(409, w.post(path+"/move-in", `{"tariff":"domestic","reason":"twice"}`))
	w.want(201, w.sell("recharge-0003", order("5000")))
	w.moved.Add(int64(3 * time.Hour))
	w.readsFrom(time.Now().Add(-3*time.Hour), 4, 9500, 10_500)
	w.want(201, w.sell("recharge-0004", order("1000"))) // the sale posts the use
	if m := decode[meter](t, w.want(200, w.get(path))); m.Balance.Minor != 5000+1000-287 {
		t.Errorf("the next customer has %d, want 60.00 less 1 kWh", m.Balance.Minor)
	}
}

// TestAMoveOutThatLeavesADebtWarns: where nobody else has to agree, the answer says what becomes of the debt. Without a debt it says nothing.
func TestAMoveOutThatLeavesADebtWarns(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	for number, owed := range map[string]int64{meterNumber: 60_000, walletNumber: 0} {
		w.want(201, w.post("/v1/meters", `{"number":"`+number+`","mode":"prepay_wallet","tariff":"domestic"}`))
		if owed > 0 {
			w.want(201, w.keyed("debt-key-0001", "/v1/debts", `{"account":"`+number+`","amount":{"amount_minor":60000,"currency":"KES"},"kind":"loan"}`))
		}
		out := w.want(201, w.ask("POST", "/v1/accounts/"+number+"/move-out", w.key, `{"reason":"lease ended"}`, "Idempotency-Key", "move-out-"+number))
		moved := decode[apiv1.MovedOut](t, out)
		if warned := strings.Contains(moved.Warning, "Nobody collects"); moved.StillOwedMinor != owed || warned != (owed > 0) {
			t.Errorf("owing %d: still owed %d, warning %q", owed, moved.StillOwedMinor, moved.Warning)
		}
	}
}

// TestAPlanOfAMoveOutHasTheFiguresOfItsAnswer: the plan of a keypad meter's move-out needs no key, no reason and no credit, and changes nothing.
func TestAPlanOfAMoveOutHasTheFiguresOfItsAnswer(t *testing.T) {
	w := begin(t)
	w.want(201, w.sell("keypad-0001", order("10000")))
	w.want(201, w.keyed("debt-key-0001", "/v1/debts", `{"account":"`+meterNumber+`","amount":{"amount_minor":60000,"currency":"KES"},"kind":"loan"}`))
	at := "/v1/accounts/" + meterNumber + "/move-out"
	before := decode[apiv1.Account](t, w.want(200, w.get("/v1/accounts/"+meterNumber)))
	w.want(200, w.post(at+"/plan", `{}`))
	plan := decode[apiv1.MovedOut](t, w.want(200, w.post(at+"/plan", `{"credit_wh":12400}`)))
	if plan.Status != "active" || plan.Customer != before.Customer || plan.Name != before.Name || plan.Journal != "" || plan.SecondPerson ||
		!strings.Contains(plan.Warning, "Nobody collects") || plan.UnitsWh != before.Balance.UnitsWh || plan.FixedUpTo != "" {
		t.Errorf("the plan of %+v: %+v", before, plan)
	}
	if len(plan.Claims) != 1 || plan.Claims[0].Kind != "loan" || plan.Claims[0].OwedMinor != 60_000 || plan.Claims[0].PaidMinor != plan.CarryMinor {
		t.Errorf("what the money pays: %+v", plan.Claims)
	}
	if after := decode[apiv1.Account](t, w.want(200, w.get("/v1/accounts/"+meterNumber))); !reflect.DeepEqual(after, before) {
		t.Errorf("after the plan the account is %+v, want %+v", after, before)
	}
	out := decode[apiv1.MovedOut](t, w.want(201, w.ask("POST", at, w.key, `{"reason":"lease ended","credit_wh":12400}`, "Idempotency-Key", "plan-out-1")))
	plan.Status, plan.Customer, plan.Name, plan.Phone, plan.Journal, plan.At = out.Status, "", "", "", out.Journal, out.At
	if !reflect.DeepEqual(plan, out) {
		t.Errorf("planned %+v\ndone    %+v", plan, out)
	}
	w.want(409, w.post(at+"/plan", `{}`))
}

// TestACustomerOfAKeypadMeterMovesOutAndAnotherMovesIn: what is left in the meter must be given, both answers say it, and the next
// customer is another one for the server.
func TestACustomerOfAKeypadMeterMovesOutAndAnotherMovesIn(t *testing.T) {
	w := begin(t)
	w.want(201, w.sell("keypad-0001", order("10000")))
	account := func() string { return decode[apiv1.Account](t, w.want(200, w.get("/v1/accounts/"+meterNumber))).ID }
	before := account()
	leave := func(key, body string) answer {
		return w.ask("POST", "/v1/accounts/"+meterNumber+"/move-out", w.key, `{"reason":"lease ended"`+body+`}`, "Idempotency-Key", key)
	}
	for key, body := range map[string]string{"keypad-out-1": "", "keypad-out-2": `,"credit_wh":-1`,
		"keypad-out-3": `,"credit_wh":1,"credit_unknown":true`} {
		if code, _ := w.problem(leave(key, body)); code != "invalid-request" {
			t.Errorf("moved out with %q: %s", body, code)
		}
	}
	out := w.want(201, leave("keypad-out-4", `,"credit_wh":12400`))
	moved := decode[apiv1.MovedOut](t, out)
	if moved.Account != before || moved.CreditWh == nil || *moved.CreditWh != 12_400 || moved.CreditUnknown ||
		len(moved.Meters) != 1 || moved.ChargedUpTo != nil {
		t.Errorf("moved out: %s", out.body)
	}
	if again := leave("keypad-out-4", `,"credit_wh":12400`); string(again.body) != string(out.body) {
		t.Errorf("again: %d %s", again.status, again.body)
	}
	w.want(409, w.sell("keypad-0002", order("10000")))
	in := decode[apiv1.MovedIn](t, w.want(201, w.post("/v1/meters/"+meterNumber+"/move-in",
		`{"tariff":"domestic","customer":{"name":"Kwame M."},"reason":"new lease"}`)))
	if in.CreditWh == nil || *in.CreditWh != 12_400 || in.Status != "active" || account() == before {
		t.Errorf("moved in: %+v", in)
	}
	w.want(201, w.sell("keypad-0003", order("10000")))
}
