package api_test

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// debt is what the tests read of a debt.
type debt struct {
	ID               string
	Account          string
	Status           string
	OutstandingMinor int64 `json:"outstanding_minor"`
}

func (w *world) keyed(key, path, body string) answer {
	w.t.Helper()
	return w.ask("POST", path, w.key, body, "Idempotency-Key", key)
}

// TestADebtIsCollectedByPurchases raises a debt, sells, and follows every figure from the account into the ledger.
func TestADebtIsCollectedByPurchases(t *testing.T) {
	w := begin(t)
	raise := `{"account":"` + meterNumber + `","kind":"loan","memo":"a stove","amount":{"amount_minor":60000,"currency":"KES"},"mode":"percent","percent_bps":2000}`
	first := w.want(201, w.keyed("debt-key-0001", "/v1/debts", raise))
	d := decode[debt](t, first)
	again := w.keyed("debt-key-0001", "/v1/debts", raise)
	if string(again.body) != string(first.body) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("asked again: %s", again.body)
	}
	if code, moved := w.problem(w.keyed("debt-key-0001", "/v1/debts", strings.Replace(raise, "60000", "70000", 1))); code != "idempotency-key-reused" || moved != "no" {
		t.Errorf("another body under the key: %s, money moved %s", code, moved)
	}
	s := decode[sale](t, w.want(201, w.sell("sale-key-0001", order("50000"))))
	if got, want := s.lines(), "debt 10000, energy 34775, vat 5216, carry 9"; got != want {
		t.Errorf("sold %s, want %s", got, want)
	}
	list := decode[struct{ Data []debt }](t, w.want(200, w.get("/v1/debts?open=true&account="+d.Account)))
	if len(list.Data) != 1 || list.Data[0].OutstandingMinor != 50000 || list.Data[0].Status != "open" {
		t.Errorf("then the debts are %+v", list.Data)
	}
	balance := decode[struct {
		DebtsMinor int64 `json:"debts_minor"`
		CarryMinor int64 `json:"carry_minor"`
		UnitsWh    int64 `json:"units_wh"`
	}](t, w.want(200, w.get("/v1/accounts/"+meterNumber+"/balance")))
	if balance.DebtsMinor != 50000 || balance.CarryMinor != 9 || balance.UnitsWh != s.UnitsWh {
		t.Errorf("the account has %+v", balance)
	}
	subject := url.QueryEscape(d.Account + ":" + d.ID)
	held := decode[struct {
		BalanceMinor int64 `json:"balance_minor"`
	}](t, w.want(200, w.get("/v1/ledger/accounts/1100/balance?subject="+subject)))
	journals := decode[struct {
		Data []struct {
			Kind, Ref string
			Postings  []struct {
				Code        int
				AmountMinor int64 `json:"amount_minor"`
			}
		}
	}](t, w.want(200, w.get("/v1/ledger/journals?code=1100&subject="+subject)))
	if held.BalanceMinor != 50000 || len(journals.Data) != 2 || journals.Data[0].Kind != "vend" || journals.Data[0].Ref != s.ID || journals.Data[1].Ref != d.ID {
		t.Errorf("the ledger holds %d by %+v", held.BalanceMinor, journals.Data)
	}
	none := decode[struct{ Data []struct{ ID string } }](t, w.want(200, w.get("/v1/ledger/journals?code=1100&subject="+url.QueryEscape(d.Account+":none"))))
	if len(none.Data) != 0 {
		t.Errorf("an account that does not exist has journals: %+v", none.Data)
	}
	w.writesOff(d)
	statement := decode[struct {
		Data []struct {
			Kind        string
			AmountMinor int64 `json:"amount_minor"`
		}
	}](t, w.want(200, w.get("/v1/accounts/"+d.Account+"/statement")))
	lines := decode[struct{ Data []map[string]any }](t, w.get("/v1/accounts/"+d.Account+"/statement"))
	if sold := lines.Data[1]; sold["id"] != s.ID || sold["units_wh"] != float64(s.UnitsWh) || sold["meter"] != meterNumber || sold["state"] != "completed" || sold["receipt_no"] == "" {
		t.Errorf("the sale in the statement: %v", sold)
	}
	for _, line := range []map[string]any{lines.Data[0], lines.Data[2]} {
		if i, _ := line["id"].(string); !strings.HasPrefix(i, "jrn_") || line["meter"] != nil || line["units_wh"] != nil {
			t.Errorf("a line of the statement: %v", line)
		}
	}
	if got, want := fmt.Sprint(statement.Data), "[{write_off 50000} {vend 50000} {debt 60000}]"; got != want {
		t.Errorf("statement %s, want %s", got, want)
	}
}

// writesOff writes a debt off, and tries to write off too much.
func (w *world) writesOff(d debt) {
	w.t.Helper()
	path := "/v1/debts/" + d.ID + "/write-off"
	if code, _ := w.problem(w.keyed("off-key-0001", path, `{"amount_minor":50001,"reason":"moved away"}`)); code != "amount-invalid" {
		w.t.Errorf("writing off more than is owed: %s", code)
	}
	if code, _ := w.problem(w.keyed("off-key-0002", path, `{}`)); code != "invalid-request" {
		w.t.Errorf("writing off without a reason: %s", code)
	}
	done := decode[debt](w.t, w.want(201, w.keyed("off-key-0003", path, `{"reason":"moved away"}`)))
	if done.OutstandingMinor != 0 || done.Status != "written_off" {
		w.t.Errorf("written off: %+v", done)
	}
	if code, _ := w.problem(w.keyed("off-key-0004", "/v1/debts/dbt_x/write-off", `{"reason":"x"}`)); code != "not-found" {
		w.t.Errorf("writing off a debt that is not there: %s", code)
	}
}

// TestADebtIsShownAsItWasRaised: each mode of collection shows its own fields and no others.
func TestADebtIsShownAsItWasRaised(t *testing.T) {
	w := begin(t)
	for i, c := range []struct{ asked, want string }{
		{`"kind":"loan","memo":"a stove","mode":"percent","percent_bps":2000,"min_minor":100,"max_minor":900,"month_cap_minor":5000,"priority":40,"against":"fees"`,
			`"against":"fees","kind":"loan","max_minor":900,"memo":"a stove","min_minor":100,"mode":"percent","month_cap_minor":5000,"percent_bps":2000,"priority":40`},
		{`"kind":"fine","mode":"fixed","fixed_minor":250,"uncapped":true`, `"against":"opening","fixed_minor":250,"kind":"fine","mode":"fixed","priority":30,"uncapped":true`},
		{`"kind":"arrears","mode":"full"`, `"against":"opening","kind":"arrears","mode":"full","priority":30`},
	} {
		raised := w.want(201, w.keyed(fmt.Sprintf("debt-key-%04d", i), "/v1/debts", `{"account":"`+meterNumber+`","amount":{"amount_minor":6000,"currency":"KES"},`+c.asked+`}`))
		got := decode[map[string]any](t, raised)
		for _, name := range []string{"id", "account", "created_at"} {
			if text, ok := got[name].(string); !ok || text == "" {
				t.Errorf("%s of a debt is %v", name, got[name])
			}
			delete(got, name)
		}
		want := decode[map[string]any](t, answer{body: []byte(`{` + c.want + `,"currency":"KES","principal_minor":6000,"outstanding_minor":6000,"status":"open"}`)})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("raised with %s it is\n%v, want\n%v", c.asked, got, want)
		}
	}
}

func TestDebtsThatCannotBeRaised(t *testing.T) {
	w := begin(t)
	for i, c := range []struct{ body, code string }{
		{`{"account":"` + meterNumber + `","kind":"fine","amount":{"amount_minor":0,"currency":"KES"}}`, "invalid-request"},
		{`{"account":"` + meterNumber + `","kind":"fine","amount":{"amount_minor":-5,"currency":"KES"}}`, "amount-invalid"},
		{`{"account":"` + meterNumber + `","kind":"fine","amount":{"amount_minor":5,"currency":"UGX"}}`, "currency-mismatch"},
		{`{"account":"` + meterNumber + `","kind":"","amount":{"amount_minor":5,"currency":"KES"}}`, "invalid-request"},
		{`{"account":"` + meterNumber + `","kind":"fine","amount":{"amount_minor":5,"currency":"KES"},"mode":"percent"}`, "invalid-request"},
		{`{"account":"` + meterNumber + `","kind":"fine","amount":{"amount_minor":5,"currency":"KES"},"mode":"half"}`, "invalid-request"},
		{`{"account":"` + meterNumber + `","kind":"fine","amount":{"amount_minor":5,"currency":"KES"},"priority":90}`, "invalid-request"},
		{`{"account":"` + meterNumber + `","kind":"fine","amount":{"amount_minor":5,"currency":"KES"},"against":"goodwill"}`, "invalid-request"},
		{`{"account":"` + meterNumber + `","kind":"fine","amount":{"amount_minor":5,"currency":"KES"},"min_minor":9,"max_minor":8}`, "invalid-request"},
		{`{"account":"04140001019","kind":"fine","amount":{"amount_minor":5,"currency":"KES"}}`, "not-found"},
		{`{"account":"nobody","kind":"fine","amount":{"amount_minor":5,"currency":"KES"}}`, "meter-number-invalid"},
	} {
		if code, _ := w.problem(w.keyed(fmt.Sprintf("bad-debt-%02d", i), "/v1/debts", c.body)); code != c.code {
			t.Errorf("%s: %s, want %s", c.body, code, c.code)
		}
	}
	if code, _ := w.problem(w.post("/v1/debts", `{"account":"`+meterNumber+`","kind":"fine","amount":{"amount_minor":5,"currency":"KES"}}`)); code != "idempotency-key-missing" {
		t.Errorf("without a key: %s", code)
	}
	if n := len(decode[struct{ Data []debt }](t, w.want(200, w.get("/v1/debts"))).Data); n != 0 {
		t.Errorf("%d debts were raised", n)
	}
}

// TestGoodwillIsTheNextPurchasesCarry gives goodwill to a token account (P13 of docs/reference/postings.md): the next purchase uses it.
func TestGoodwillIsTheNextPurchasesCarry(t *testing.T) {
	w := begin(t)
	w.want(201, w.keyed("adjust-0001", "/v1/adjustments", `{"account":"`+meterNumber+`","amount":{"amount_minor":1000,"currency":"KES"},"reason":"outage"}`))
	s := decode[sale](t, w.want(201, w.sell("sale-key-0001", order("10000"))))
	if got, want := s.lines(), "energy 9550, vat 1433, carry 17, carry_in -1000"; got != want {
		t.Errorf("sold %s, want %s", got, want)
	}
	if code, _ := w.problem(w.keyed("adjust-0002", "/v1/adjustments", `{"account":"`+meterNumber+`","amount":{"amount_minor":1000,"currency":"KES"},"reason":""}`)); code != "invalid-request" {
		t.Errorf("goodwill without a reason: %s", code)
	}
}

// TestTheBooksOfThePast asks what accounts held before and between sales.
func TestTheBooksOfThePast(t *testing.T) {
	w := begin(t)
	at := func(code int, when time.Time) int64 {
		t.Helper()
		path := fmt.Sprintf("/v1/ledger/accounts/%d/balance?at=%s", code, when.UTC().Format(time.RFC3339Nano))
		if code == 1000 {
			path += "&subject=main"
		}
		return decode[struct {
			BalanceMinor int64 `json:"balance_minor"`
		}](t, w.want(200, w.get(path))).BalanceMinor
	}
	stops := []time.Time{time.Now()}
	for i := range 3 {
		w.want(201, w.sell(fmt.Sprintf("sale-key-%04d", i), order("10000")))
		stops = append(stops, time.Now())
	}
	for i, when := range stops {
		if got := at(1000, when); got != int64(i)*10000 {
			t.Errorf("after %d sales the till held %d", i, got)
		}
	}
	if got := at(4000, stops[1]); got != -8675 {
		t.Errorf("after one sale revenue was %d, want -8675", got)
	}
	if got := at(4000, stops[0]); got != 0 {
		t.Errorf("before any sale revenue was %d", got)
	}
	if now, then := at(4000, time.Now().Add(time.Hour)), at(4000, stops[3]); now != then || now >= -3*8675+100 {
		t.Errorf("revenue is %d and was %d", now, then)
	}
	page := decode[struct {
		Data       []struct{ ID string }
		NextCursor string `json:"next_cursor"`
	}](t, w.want(200, w.get("/v1/ledger/journals?limit=2")))
	rest := decode[struct{ Data []struct{ ID string } }](t, w.want(200, w.get("/v1/ledger/journals?cursor="+page.NextCursor)))
	if len(page.Data) != 2 || len(rest.Data) != 1 || page.Data[1].ID == rest.Data[0].ID {
		t.Errorf("pages of journals %+v and %+v", page.Data, rest.Data)
	}
	if code, _ := w.problem(w.get("/v1/ledger/accounts/1234/balance")); code != "not-found" {
		t.Errorf("an account outside the chart: %s", code)
	}
	accounts := decode[struct {
		Data []struct {
			Code         int
			BalanceMinor int64 `json:"balance_minor"`
		}
	}](t, w.want(200, w.get("/v1/ledger/accounts")))
	var sum int64
	for _, a := range accounts.Data {
		sum += a.BalanceMinor
	}
	if sum != 0 || len(accounts.Data) < 4 {
		t.Errorf("%d ledger accounts sum to %d", len(accounts.Data), sum)
	}
}

// TestAFixedChargeFallsDueByItself: a fixed charge falls due by its tariff, without any action. Quote and sale agree about the charge.
func TestAFixedChargeFallsDueByItself(t *testing.T) {
	w := begin(t)
	w.want(201, w.post("/v1/tariffs", `{"name":"standing","currency":"KES","vat_bps":1500,"flat_micro":2500000,"fixed":[{"name":"standing","amount_minor":300,"per":"day"}]}`))
	w.want(201, w.post("/v1/meters", strings.Replace(newMeter("04140001019"), "domestic", "standing", 1)))
	quote := `{"meter":"04140001019","tender":{"amount_minor":10000,"currency":"KES"}}`
	q := decode[sale](t, w.want(200, w.post("/v1/vend-quotes", quote)))
	if !strings.HasPrefix(q.lines(), "fixed 300, energy ") {
		t.Errorf("quoted %s, want the first day's charge of 3.00 first", q.lines())
	}
	if s := decode[sale](t, w.want(201, w.sell("sale-key-0001", quote))); s.lines() != q.lines() {
		t.Errorf("sold %s, quoted %s", s.lines(), q.lines())
	}
	charges := decode[struct {
		Data []struct {
			Name      string
			PaidMinor int64 `json:"paid_minor"`
		}
	}](t, w.want(200, w.get("/v1/charges?account=04140001019")))
	if len(charges.Data) != 1 || charges.Data[0].Name != "standing" || charges.Data[0].PaidMinor != 345 {
		t.Errorf("charges %+v, want the standing charge paid with 345", charges.Data)
	}
}

// TestSettingsChangeWhatIsNamed changes some settings. The other settings stay, and sales use the new ceiling at once.
func TestSettingsChangeWhatIsNamed(t *testing.T) {
	w := begin(t)
	w.want(201, w.keyed("debt-key-0001", "/v1/debts", `{"account":"`+meterNumber+`","kind":"loan","amount":{"amount_minor":60000,"currency":"KES"}}`))
	changed := string(w.want(200, w.post("/v1/settings", `{"max_deduction_bps":3000,"tz":"Africa/Nairobi","contact":"0800 123"}`)).body)
	for _, part := range []string{`"max_deduction_bps":3000`, `"tz":"Africa/Nairobi"`, `"contact":"0800 123"`, `"currency":"KES"`, `"four_eyes":"default"`} {
		if !strings.Contains(changed, part) {
			t.Errorf("settings %s lack %s", changed, part)
		}
	}
	if s := decode[sale](t, w.want(201, w.sell("sale-key-0001", order("10000")))); !strings.HasPrefix(s.lines(), "debt 3000, ") {
		t.Errorf("sold %s, want 30 %% towards the debt", s.lines())
	}
	if got := string(w.want(200, w.post("/v1/settings", `{"four_eyes":"on","four_eyes_alone":true}`)).body); !strings.Contains(got, `"max_deduction_bps":3000`) || !strings.Contains(got, `"four_eyes_bind":true`) {
		t.Errorf("after another change: %s", got)
	}
	waits := decode[struct{ State, Act string }](t, w.want(202, w.keyed("off-key-0001", "/v1/adjustments", `{"account":"`+meterNumber+`","amount":{"amount_minor":1000,"currency":"KES"},"reason":"outage"}`)))
	if waits.State != "waiting" || waits.Act != "ledger.adjust" {
		t.Errorf("goodwill by one person under four eyes: %+v, want it to wait", waits)
	}
	for _, bad := range []string{`{"four_eyes":"maybe"}`, `{"tz":"Local"}`, `{"max_deduction_bps":10001}`} {
		if code, _ := w.problem(w.post("/v1/settings", bad)); code != "invalid-request" {
			t.Errorf("%s: %s", bad, code)
		}
	}
	off := decode[approval](t, w.want(202, w.post("/v1/settings", `{"four_eyes":"off","reversals_per_day":3,"reversal_value_per_day_minor":-1,"free_units_per_day_wh":5000}`)))
	if got := string(w.get("/v1/settings").body); off.Act != "settings.change" || !strings.Contains(got, `"four_eyes":"on"`) || !strings.Contains(got, `"reversals_per_day":50,"reversal_value_per_day_minor":100000000`) {
		t.Errorf("four eyes switched off by one person: %+v, %s", off, got)
	}
	w.want(403, w.post("/v1/approvals/"+off.ID+"/approve", `{}`))
	w.want(200, w.ask("POST", "/v1/approvals/"+off.ID+"/approve", w.newKey(access.Owner), `{}`))
	for _, part := range []string{`"four_eyes":"off"`, `"reversals_per_day":3`, `"reversal_value_per_day_minor":-1`, `"free_units_per_day_wh":5000`, `"reversal_window_s":900`} {
		if got := string(w.get("/v1/settings").body); !strings.Contains(got, part) {
			t.Errorf("after a second person: %s lacks %s", got, part)
		}
	}
	if code, _ := w.problem(w.post("/v1/settings", `{"currency":"UGX"}`)); code != "currency-mismatch" {
		t.Errorf("another currency: %s", code)
	}
}

// TestThreeMonthsThatAnotherSystemLeftOpen is V19 of docs/reference/money.md over HTTP: 338.10 is due, and 70 % of a purchase of 50.00 pays
// for it.
func TestThreeMonthsThatAnotherSystemLeftOpen(t *testing.T) {
	w := begin(t)
	for i, month := range []string{"2026-09", "2026-10", "2026-11"} {
		w.want(201, w.keyed(fmt.Sprintf("charge-key-%d", i), "/v1/charges", `{"account":"`+meterNumber+`","name":"standing","month":"`+month+
			`","amount":{"amount_minor":11270,"currency":"KES"},"vat_bps":1500}`))
	}
	if code, _ := w.problem(w.keyed("charge-key-9", "/v1/charges", `{"account":"`+meterNumber+`","name":"standing","month":"2026-10","amount":{"amount_minor":5,"currency":"KES"}}`)); code != "charge-exists" {
		t.Errorf("the same month again: %s", code)
	}
	for i, bad := range []string{`"name":"Standing Charge","month":"2026-10"`, `"name":"standing","month":"October"`, `"name":"standing","month":"2026-08","vat_bps":-1`} {
		if code, _ := w.problem(w.keyed(fmt.Sprintf("bad-charge-%d", i), "/v1/charges", `{"account":"`+meterNumber+`",`+bad+`,"amount":{"amount_minor":5,"currency":"KES"}}`)); code != "invalid-request" {
			t.Errorf("%s: %s", bad, code)
		}
	}
	s := decode[sale](t, w.want(201, w.sell("sale-key-0001", order("5000"))))
	if got, want := s.lines(), "fixed 3043, energy 1300, vat 652, carry 5"; got != want || s.UnitsWh != 5200 {
		t.Errorf("sold %s of %d Wh, want %s of 5200", got, s.UnitsWh, want)
	}
}
