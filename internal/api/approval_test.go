package api_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/store"
)

// fourEyes turns four eyes on, or off.
func (w *world) fourEyes(on bool) {
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
		s.FourEyes = &on
		return false, tx.PutTenantSettings(s)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// approval is what the tests read of an approval.
type approval struct {
	ID, State, Maker, Checker, Act, Result, Summary string
	Meter                                           *struct{ Number string }
}

// walletNumber is the number of a wallet meter.
const walletNumber = "04140002017"

// weighty is a sensitive action: how it is requested, what the second person reads, and whether it was done.
type weighty struct {
	path, body, summary string
	done                func() bool
}

// weighty lists the actions that need a second person, with every way to request them.
func (w *world) weighty(tariffs func() int, balance func() int64) map[string]weighty {
	before := balance()
	shows := func(path, part string) func() bool {
		return func() bool { return strings.Contains(string(w.get(path).body), part) }
	}
	meter := "/v1/meters/" + meterNumber
	return map[string]weighty{
		"a tariff": {"/v1/tariffs", `{"name":"second","currency":"KES","flat_micro":1000000}`, "publish tariff second", func() bool { return tariffs() == 2 }},
		"a deposit": {"/v1/vendors/V9/deposits", `{"amount":{"amount_minor":50000,"currency":"KES"},"reference":"R1"}`,
			"deposit of 500.00 KES by vendor V9, reference main:R1", func() bool { return balance() != before }},
		"a credit line": {"/v1/vendors/V9/terms", `{"credit_limit_minor":70000}`, "change vendor V9 (\"Corner shop\"): credit limit from 0.00 KES to 700.00 KES",
			shows("/v1/vendors/V9", `"credit_limit_minor":70000`)},
		"a commission": {"/v1/vendors/V9/terms", `{"commission_bps":900}`, "change vendor V9 (\"Corner shop\"): commission from 0 % to 9 %",
			shows("/v1/vendors/V9", `"commission_bps":900`)},
		"a vendor": {"/v1/vendors", `{"name":"Cousin","code":"COUSIN"}`, "take on vendor COUSIN (\"Cousin\"): billing float, commission 0 %, credit limit 0.00 KES",
			func() bool { return w.get("/v1/vendors/COUSIN").status == 200 }},
		"goodwill": {"/v1/adjustments", `{"account":"` + meterNumber + `","amount":{"amount_minor":1234,"currency":"KES"},"reason":"sorry"}`, "give 12.34 KES to account acc_",
			func() bool { return strings.Contains(string(w.get("/v1/ledger/journals").body), "1234") }},
		"unusual impulses": {"/v1/meters", `{"number":"04140003007","mode":"prepay_wallet","tariff":"domestic","imp_per_kwh":10000}`, "register meter 04140003007 on tariff domestic with 10000 impulses per kWh",
			func() bool { return w.get("/v1/meters/04140003007").status == 200 }},
		"a post-paid meter": {"/v1/meters", `{"number":"04140001019","mode":"postpay","tariff":"domestic"}`, "register post-paid meter 04140001019 on tariff domestic",
			func() bool { return w.get("/v1/meters/04140001019").status == 200 }},
		"protection": {"/v1/meters/" + walletNumber + "/supply", `{"protected":true,"reason":"a pump for the heart"}`,
			"change the supply of the account of meter " + walletNumber + ": from cut off when its money is used up to never cut off for want of money",
			shows("/v1/meters/"+walletNumber+"/supply", `"protected":true`)},
		"a forced connect":        {meter + "/commands", `{"type":"connect","args":{"force":true},"reason":"test"}`, "connect with force to meter " + meterNumber, shows(meter+"/commands", `"connect"`)},
		"a cleared credit":        {meter + "/commands", `{"type":"clear_credit","reason":"test"}`, "clear_credit to meter " + meterNumber, shows(meter+"/commands", `"clear_credit"`)},
		"a cleared credit, token": {meter + "/tokens", `{"kind":"clear_credit","reason_code":"other"}`, "clear_credit to meter " + meterNumber, shows(meter+"/tokens", `"class":2`)},
		"a cleared tamper":        {meter + "/commands", `{"type":"clear_tamper","reason":"test"}`, "clear_tamper to meter " + meterNumber, shows(meter+"/commands", `"clear_tamper"`)},
		"a cancelled token":       {meter + "/commands", `{"type":"cancel_token","args":{"tid":6777094,"base_date":2014},"reason":"test"}`, "cancel_token of TID 6777094", shows(meter+"/commands", `"cancel_token"`)},
		"a replacement":           {meter + "/tokens", `{"kind":"replacement","units_wh":1000,"reason_code":"meter_swap"}`, "replacement of 1.0 kWh to meter " + meterNumber, shows(meter+"/tokens", `"units_wh":1000`)},
	}
}

func TestActsOfWeightNeedASecondPerson(t *testing.T) {
	w := begin(t)
	w.want(201, w.post("/v1/vendors", `{"name":"Corner shop","code":"V9"}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+walletNumber+`","mode":"prepay_wallet","tariff":"domestic"}`))
	w.fourEyes(true)
	second := w.newKey(access.Owner)
	tariffs := func() int {
		return strings.Count(string(w.want(200, w.get("/v1/tariffs")).body), `"version_id"`)
	}
	balance := func() int64 { // not the available amount, because another subtest changes the credit limit and the order is random
		return decode[struct {
			BalanceMinor int64 `json:"balance_minor"`
		}](t, w.want(200, w.get("/v1/vendors/V9/float"))).BalanceMinor
	}
	for name, c := range w.weighty(tariffs, balance) {
		t.Run(name, func(t *testing.T) {
			a := w.want(202, w.ask("POST", c.path, w.key, c.body, "Idempotency-Key", "eyes-"+strings.ReplaceAll(name, " ", "-")))
			waiting := decode[approval](t, a)
			if waiting.State != "waiting" || !strings.HasPrefix(waiting.Summary, c.summary) || c.done() {
				t.Fatalf("the act was done by one, or does not read as %q: %s", c.summary, a.body)
			}
			w.showsEffect(second, waiting.ID, name)
			if c.done() {
				t.Fatal("looking at the request did it")
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
			if added := c.path == "/v1/meters"; added != (got.Meter != nil) || added && !strings.Contains(c.body, got.Meter.Number) {
				t.Errorf("the answer shows the meter %+v", got.Meter)
			}
			w.want(409, w.ask("POST", path, second, `{}`)) // an action can be approved only once
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

// showsEffect checks that whoever may approve a request sees what it does: what moves, and how it is before and afterwards.
func (w *world) showsEffect(key, approval, name string) {
	w.t.Helper()
	want := map[string][]string{
		"a tariff":                {"tariff: second", "flat_micro: 1.00 KES per kWh"},
		"a deposit":               {"amount: 500.00 KES", "vendor: V9 Corner shop", "reference: R1", "float: "},
		"a credit line":           {"credit-limit: 0.00 KES -> 700.00 KES"},
		"a commission":            {"commission: 0 % -> 9 %"},
		"a vendor":                {"vendor: COUSIN Cousin", "commission: "},
		"goodwill":                {"amount: 12.34 KES", "balance: ", " -> ", "meter: " + meterNumber, "customer: "},
		"unusual impulses":        {"meter: 04140003007", "impulses: 10000", "tariff: domestic"},
		"a post-paid meter":       {"meter: 04140001019", "mode: postpay"},
		"protection":              {"meter: " + walletNumber, "protected: no -> yes"},
		"a forced connect":        {"meter: " + meterNumber},
		"a cleared credit":        {"meter: " + meterNumber},
		"a cleared credit, token": {"meter: " + meterNumber},
		"a cleared tamper":        {"meter: " + meterNumber},
		"a cancelled token":       {"meter: " + meterNumber},
		"a replacement":           {"meter: " + meterNumber},
	}[name]
	if len(want) == 0 {
		w.t.Fatalf("this test does not say what %s shows", name)
	}
	shown := decode[apiv1.Approval](w.t, w.want(200, w.ask("GET", "/v1/approvals/"+approval, key, "")))
	if shown.Now == nil || shown.Now.Refused != "" || shown.Now.Changed {
		w.t.Fatalf("what it does now: %+v", shown.Now)
	}
	said := ""
	for _, f := range shown.Now.Facts {
		said += f.Name + ": "
		if f.Before != "" {
			said += f.Before + " -> "
		}
		said += f.After + "\n"
	}
	for _, part := range want {
		if !strings.Contains(said, part) {
			w.t.Errorf("it does not show %q:\n%s", part, said)
		}
	}
}

// TestAnApproverSeesWhatHasChanged: the view is computed when somebody looks. A figure that was another when the action was requested is named, and
// what would be refused now says so.
func TestAnApproverSeesWhatHasChanged(t *testing.T) {
	w := begin(t)
	w.want(201, w.post("/v1/vendors", `{"name":"Corner shop","code":"V9"}`))
	w.fourEyes(true)
	second := w.newKey(access.Owner)
	ask := func(body string) string {
		return decode[approval](t, w.want(202, w.post("/v1/vendors/V9/terms", body))).ID
	}
	first, other := ask(`{"credit_limit_minor":70000}`), ask(`{"credit_limit_minor":50000}`)
	w.want(200, w.ask("POST", "/v1/approvals/"+other+"/approve", second, `{}`))
	now := decode[apiv1.Approval](t, w.want(200, w.ask("GET", "/v1/approvals/"+first, second, ""))).Now
	if now == nil || !now.Changed || !strings.Contains(now.Summary, "from 500.00 KES to 700.00 KES") {
		t.Errorf("after another change: %+v", now)
	}
	tariff := `{"name":"second","currency":"KES","flat_micro":1000000}`
	one := decode[approval](t, w.want(202, w.post("/v1/tariffs", tariff))).ID
	two := decode[approval](t, w.want(202, w.post("/v1/tariffs", tariff))).ID
	w.want(200, w.ask("POST", "/v1/approvals/"+one+"/approve", second, `{}`))
	now = decode[apiv1.Approval](t, w.want(200, w.ask("GET", "/v1/approvals/"+two, second, ""))).Now
	if now == nil || !strings.Contains(now.Refused, "second") {
		t.Errorf("a name that is taken now: %+v", now)
	}
}

// An approved action may still be refused when it is carried out. The approval remains, and approving it again repeats the attempt.
func TestAnApprovedActMayStillBeRefused(t *testing.T) {
	w := begin(t)
	w.fourEyes(true)
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

// The list of approvals has pages like every list. Each reader's pages hold all that concerns that reader and nothing else.
func TestApprovalsHavePages(t *testing.T) {
	w := begin(t)
	w.fourEyes(true)
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
