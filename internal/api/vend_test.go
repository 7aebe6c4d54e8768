package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/api"
)

// TestASaleOf100At250 is P1 of docs/reference/postings.md: 34.7 kWh, 86.75 + 13.01 tax + 0.24 carried forward = 100.00.
func TestASaleOf100At250(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("sale-0001", `{"meter":"04140001001","tender":{"amount_minor":10000,"currency":"KES"},"client_ref":"till3-000017"}`)))
	if s.UnitsWh != 34700 || s.State != "completed" || s.ClientRef != "till3-000017" {
		t.Errorf("got %+v, want 34700 Wh, completed, reference till3-000017", s)
	}
	if got, want := s.lines(), "energy 8675, vat 1301, carry 24"; got != want {
		t.Errorf("got lines %s, want %s", got, want)
	}
	sum := int64(0)
	for _, l := range s.Lines {
		sum += l.AmountMinor
	}
	if sum != 10000 {
		t.Errorf("the lines sum to %d, want the tender of 10000", sum)
	}
	if len(s.Tokens) != 1 || len(s.Tokens[0].Digits) != 20 || strings.Trim(s.Tokens[0].Digits, "0123456789") != "" {
		t.Fatalf("got tokens %+v, want one of 20 digits", s.Tokens)
	}
	balance := decode[struct {
		Currency string
		Accounts []struct {
			Code         int
			BalanceMinor int64 `json:"balance_minor"`
		}
		SumMinor int64 `json:"sum_minor"`
	}](t, w.want(200, w.get("/v1/ledger/trial-balance")))
	got := map[int]int64{}
	for _, a := range balance.Accounts {
		got[a.Code] = a.BalanceMinor
	}
	for code, want := range map[int]int64{1000: 10000, 2020: -1301, 2060: -24, 4000: -8675} {
		if got[code] != want {
			t.Errorf("account %d: got %d, want %d", code, got[code], want)
		}
	}
	if balance.SumMinor != 0 || balance.Currency != "KES" {
		t.Errorf("got sum %d %s, want 0 KES", balance.SumMinor, balance.Currency)
	}
	if text := w.log.String(); strings.Contains(text, s.Tokens[0].Digits) || strings.Contains(text, w.key) {
		t.Error("the log shows the token's digits or the key")
	}
}

func TestARepeatedRequestGetsTheSameBytes(t *testing.T) {
	w := begin(t)
	first := w.want(201, w.sell("sale-0001", order("10000")))
	if first.header.Get("Idempotency-Replayed") != "" {
		t.Error("the first answer says that it is a replay")
	}
	for name, body := range map[string]string{
		"same bytes":       order("10000"),
		"written elsewise": ` { "tender" : {"currency":"KES", "amount_minor":10000}, "meter":"04140001001" } `,
	} {
		again := w.sell("sale-0001", body)
		if again.status != first.status || !bytes.Equal(again.body, first.body) || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: got %d replayed=%q %s, want %d replayed=true %s", name, again.status, again.header.Get("Idempotency-Replayed"),
				again.body, first.status, first.body)
		}
		if ct := again.header.Get("Content-Type"); ct != first.header.Get("Content-Type") {
			t.Errorf("%s: got content type %q, want %q", name, ct, first.header.Get("Content-Type"))
		}
	}
	if code, moved := w.problem(w.want(422, w.sell("sale-0001", order("20000")))); code != "idempotency-key-reused" || moved != "no" {
		t.Errorf("another body: got %s, money moved %s, want idempotency-key-reused, no", code, moved)
	}
	other := w.newKey("owner")
	s := decode[sale](t, w.want(201, w.ask("POST", "/v1/vends", other, order("10000"), "Idempotency-Key", "sale-0001x")))
	if s.ID == decode[sale](t, first).ID {
		t.Error("another key's sale is the first key's")
	}
}

// TestAReceiptNumberNamesItsSale: a request by the number of the receipt finds the same sale as a request by the sale's id.
func TestAReceiptNumberNamesItsSale(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("sale-0001", order("10000"))))
	for _, path := range []string{"/v1/vends/{}", "/v1/vends/{}/receipt", "/v1/vends/{}/receipt?format=text48&copy=1", "/v1/vends/{}/explain", "/v1/ledger/journals?ref={}", "/v1/messages?sale={}"} {
		byID := w.want(200, w.get(strings.ReplaceAll(path, "{}", s.ID)))
		for _, no := range []string{s.ReceiptNo, strings.ToUpper(s.ReceiptNo)} {
			if byNo := w.get(strings.ReplaceAll(path, "{}", no)); byNo.status != 200 || !bytes.Equal(byNo.body, byID.body) {
				t.Errorf("%s by receipt %s: got %d %s, want %s", path, no, byNo.status, byNo.body, byID.body)
			}
		}
	}
	if journals := string(w.get("/v1/ledger/journals?ref=" + s.ReceiptNo).body); !strings.Contains(journals, `"ref":"`+s.ID) {
		t.Errorf("the journals of the receipt: %s, want those of sale %s", journals, s.ID)
	}
	if list := string(w.want(200, w.get("/v1/messages?sale="+s.ReceiptNo)).body); !strings.Contains(list, `"data":[]`) {
		t.Errorf("the messages of the sale: %s, want none", list)
	}
	w.want(201, w.post("/v1/vends/"+s.ReceiptNo+"/reprints", `{}`))
	for _, path := range []string{"/v1/vends/main-999999", "/v1/vends/" + s.ReceiptNo + "%2F2", "/v1/vends/main-999999/reversal"} {
		if code, _ := w.problem(w.want(404, w.get(path))); code != "vend-not-found" {
			t.Errorf("%s: got %s, want vend-not-found", path, code)
		}
	}
	w.want(400, w.get("/v1/messages?sale=main-999999"))
	w.want(201, w.ask("POST", "/v1/vends/"+s.ReceiptNo+"/reversal", w.key, `{}`, "Idempotency-Key", "reverse-0001"))
	if byNo := decode[struct{ State string }](t, w.want(200, w.get("/v1/vends/"+s.ReceiptNo+"/reversal"))); byNo.State != "done" {
		t.Errorf("the reversal is %s, want done", byNo.State)
	}
}

func TestARefusalIsStoredAndAFaultIsNot(t *testing.T) {
	w := begin(t)
	before := w.want(422, w.sell("sale-0001", order("28")))
	if code, _ := w.problem(before); code != "vend-too-small" {
		t.Errorf("got %s, want vend-too-small", code)
	}
	again := w.want(422, w.sell("sale-0001", order("28")))
	if !bytes.Equal(again.body, before.body) || again.header.Get("Idempotency-Replayed") != "true" || again.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %v %s, want the stored problem %s", again.header, again.body, before.body)
	}
	w.stop()
	w.serve(false, api.Limits{})
	if code, moved := w.problem(w.want(503, w.sell("sale-0002", order("10000")))); code != "keystore-locked" || moved != "no" {
		t.Errorf("locked: got %s, money moved %s, want keystore-locked, no", code, moved)
	}
	w.stop()
	w.serve(true, api.Limits{})
	if a := w.want(201, w.sell("sale-0002", order("10000"))); a.header.Get("Idempotency-Replayed") != "" {
		t.Error("the 503 of the locked server was stored")
	}
}

func TestTheClientReferenceNamesOneSale(t *testing.T) {
	w := begin(t)
	body := func(minor string) string {
		return strings.Replace(order(minor), "{", `{"client_ref":"till3-000017",`, 1)
	}
	first := w.want(201, w.sell("sale-0001", body("10000")))
	again := w.want(200, w.sell("sale-0002", body("10000")))
	if !bytes.Equal(first.body, again.body) {
		t.Errorf("same request under a new key: got %s, want %s", again.body, first.body)
	}
	if code, _ := w.problem(w.want(409, w.sell("sale-0003", body("20000")))); code != "client-ref-reused" {
		t.Errorf("another request: got %s, want client-ref-reused", code)
	}
	type list struct{ Data []sale }
	found := decode[list](t, w.want(200, w.get("/v1/vends?client_ref=till3-000017")))
	if len(found.Data) != 1 || found.Data[0].ID != decode[sale](t, first).ID || len(found.Data[0].Tokens[0].Digits) != 20 {
		t.Errorf("by reference: got %+v, want the one sale with its digits", found.Data)
	}
	if none := w.want(200, w.get("/v1/vends?client_ref=till3-000018")); !strings.Contains(string(none.body), `"data":[]`) {
		t.Errorf("an unknown reference: got %s, want an empty list", none.body)
	}
	defaulted := decode[sale](t, w.want(201, w.sell("sale-0004", order("10000"))))
	if defaulted.ClientRef != "sale-0004" {
		t.Errorf("got reference %q, want the idempotency key", defaulted.ClientRef)
	}
}

// TestOneSaleHoweverOftenAtOnce sends the same request many times at the same moment.
func TestOneSaleHoweverOftenAtOnce(t *testing.T) {
	w := begin(t)
	const n = 16
	got := make([]answer, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { got[i] = w.sell("sale-0001", order("10000")) })
	}
	all.Wait()
	sold := map[string]int{}
	for _, a := range got {
		switch a.status {
		case 201:
			sold[string(a.body)]++
		case 409:
			if code, moved := w.problem(a); code != "idempotency-key-in-flight" || moved != "unknown" || a.header.Get("Retry-After") == "" {
				t.Errorf("got %s, money moved %s, Retry-After %q", code, moved, a.header.Get("Retry-After"))
			}
		default:
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	if len(sold) != 1 {
		t.Errorf("got %d different sales, want 1", len(sold))
	}
	if page := w.want(200, w.get("/v1/meters/"+meterNumber+"/tokens")); strings.Count(string(page.body), `"digits"`) != 1 {
		t.Errorf("got %s, want one token", page.body)
	}
}

func TestAQuoteSellsNothing(t *testing.T) {
	w := begin(t)
	before := w.get("/v1/ledger/trial-balance").body
	q := decode[sale](t, w.want(200, w.post("/v1/vend-quotes", order("10000"))))
	if q.UnitsWh != 34700 || q.lines() != "energy 8675, vat 1301, carry 24" {
		t.Errorf("got %d Wh and %s", q.UnitsWh, q.lines())
	}
	if after := w.get("/v1/ledger/trial-balance").body; !bytes.Equal(before, after) {
		t.Errorf("the books moved: %s -> %s", before, after)
	}
}

func TestAReceiptComesAsJSONAndAsText(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("sale-0001", order("10000"))))
	asJSON := w.want(200, w.get(s.ReceiptURL))
	if !strings.Contains(string(asJSON.body), `"tender_minor":10000`) || asJSON.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %s %s", asJSON.header.Get("Content-Type"), asJSON.body)
	}
	text := w.want(200, w.get(s.ReceiptURL+"?format=text48"))
	for _, line := range strings.Split(string(text.body), "\n") {
		if len([]rune(line)) > 48 {
			t.Errorf("line longer than 48: %q", line)
		}
	}
	if !strings.Contains(string(text.body), "TEST") || !strings.HasPrefix(text.header.Get("Content-Type"), "text/plain") {
		t.Errorf("got %s, want TEST in text/plain: %s", text.header.Get("Content-Type"), text.body)
	}
	if code, _ := w.problem(w.want(400, w.get(s.ReceiptURL+"?format=docx"))); code != "format-unsupported" {
		t.Errorf("docx: got %s, want format-unsupported", code)
	}
	if code, _ := w.problem(w.want(404, w.get("/v1/vends/vnd_00000000000000000000000000/receipt"))); code != "vend-not-found" {
		t.Errorf("no such sale: got %s, want vend-not-found", code)
	}
}

// TestWrongSalesSellNothing: each wrong request gets its status and code, says that no money moved, and leaves the books
// unchanged.
func TestWrongSalesSellNothing(t *testing.T) {
	w := begin(t)
	before := w.get("/v1/ledger/trial-balance").body
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"amount 0":            {order("0"), 422, "amount-invalid"},
		"negative amount":     {order("-10000"), 422, "amount-invalid"},
		"decimals":            {order("12.5"), 422, "amount-invalid"},
		"exponent":            {order("1e4"), 422, "amount-invalid"},
		"amount as text":      {order(`"10000"`), 422, "amount-invalid"},
		"above the limit":     {order("900000000000000"), 422, "amount-invalid"},
		"beyond 64 bits":      {order("99999999999999999999999"), 422, "amount-invalid"},
		"null amount":         {order("null"), 422, "amount-invalid"},
		"truth value":         {order("true"), 422, "amount-invalid"},
		"too small":           {order("28"), 422, "vend-too-small"},
		"too large":           {order("10000000000"), 422, "vend-too-large"},
		"no tender":           {`{"meter":"04140001001"}`, 422, "amount-invalid"},
		"other currency":      {strings.Replace(order("10000"), "KES", "ZAR", 1), 409, "currency-mismatch"},
		"no currency":         {strings.Replace(order("10000"), "KES", "", 1), 422, "amount-invalid"},
		"unknown meter":       {strings.Replace(order("10000"), "04140001001", "04140001019", 1), 404, "meter-not-found"},
		"wrong check digit":   {strings.Replace(order("10000"), "04140001001", "04140001002", 1), 422, "meter-number-invalid"},
		"no meter":            {strings.Replace(order("10000"), "04140001001", "", 1), 422, "meter-number-invalid"},
		"meter as a number":   {strings.Replace(order("10000"), `"04140001001"`, "4140001001", 1), 400, "invalid-request"},
		"unknown field":       {strings.Replace(order("10000"), "{", `{"kwh":5,`, 1), 400, "invalid-request"},
		"unknown inner field": {strings.Replace(order("10000"), `"currency"`, `"cents":1,"currency"`, 1), 400, "invalid-request"},
		"unknown route":       {strings.Replace(order("10000"), "{", `{"deliver":["pigeon"],`, 1), 400, "invalid-request"},
		"long reference":      {strings.Replace(order("10000"), "{", `{"client_ref":"`+strings.Repeat("x", 65)+`",`, 1), 400, "invalid-request"},
		"broken JSON":         {`{"meter":"04140001001","tender":{`, 400, "invalid-request"},
		"no JSON":             {`hello`, 400, "invalid-request"},
		"a list":              {`[]`, 400, "invalid-request"},
		"two objects":         {order("10000") + order("10000"), 400, "invalid-request"},
		"only blanks":         {"  \n ", 400, "invalid-request"},
		"no UTF-8":            {"{\"meter\":\"\xff\"}", 400, "invalid-request"},
	} {
		a := w.sell("wrong-"+strings.ReplaceAll(name, " ", "-"), c.body)
		code, moved := w.problem(a)
		if a.status != c.status || code != c.code || moved != "no" {
			t.Errorf("%s: got %d %s, money moved %q, want %d %s, no: %s", name, a.status, code, moved, c.status, c.code, a.body)
		}
		if text := string(a.body); strings.Contains(text, "Go struct") || strings.Contains(text, ".go:") {
			t.Errorf("%s: the answer speaks of our own code: %s", name, text)
		}
	}
	if after := w.get("/v1/ledger/trial-balance").body; !bytes.Equal(before, after) {
		t.Errorf("the books moved: %s -> %s", before, after)
	}
}

func TestASaleNeedsAUsableKey(t *testing.T) {
	w := begin(t)
	before := w.get("/v1/ledger/trial-balance").body
	for name, header := range map[string][]string{
		"missing":   {},
		"empty":     {"Idempotency-Key", ""},
		"too short": {"Idempotency-Key", "1234567"},
		"too long":  {"Idempotency-Key", strings.Repeat("x", 65)},
		"a blank":   {"Idempotency-Key", "1234 5678"},
		"not ASCII": {"Idempotency-Key", "sale-ä-0001"},
	} {
		want := "idempotency-key-invalid"
		if name == "missing" || name == "empty" {
			want = "idempotency-key-missing"
		}
		if code, moved := w.problem(w.want(400, w.ask("POST", "/v1/vends", w.key, order("10000"), header...))); code != want || moved != "no" {
			t.Errorf("key %s: got %s, money moved %q, want %s, no", name, code, moved, want)
		}
	}
	if after := w.get("/v1/ledger/trial-balance").body; !bytes.Equal(before, after) {
		t.Errorf("the books moved: %s -> %s", before, after)
	}
	for _, k := range []string{strings.Repeat("x", 8), strings.Repeat("x", 64)} {
		if a := w.sell(k, order("10000")); a.status != http.StatusCreated {
			t.Errorf("key of %d characters: got %d, want 201", len(k), a.status)
		}
	}
}

// TestOtherRequestsMayCarryAKeyToo: a request that moves no money may carry a key. This matters most for a new meter, whose
// secrets are shown only once.
func TestOtherRequestsMayCarryAKeyToo(t *testing.T) {
	w := begin(t)
	add := func(key, body string) answer {
		return w.ask("POST", "/v1/meters", w.key, body, "Idempotency-Key", key)
	}
	first := w.want(201, add("meter-0001", newMeter("04140001019")))
	again := add("meter-0001", newMeter("04140001019"))
	if again.status != 201 || !bytes.Equal(again.body, first.body) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("repeated: got %d replayed=%q %s, want %s", again.status, again.header.Get("Idempotency-Replayed"), again.body, first.body)
	}
	if code, _ := w.problem(w.want(422, add("meter-0001", newMeter("04140001027")))); code != "idempotency-key-reused" {
		t.Errorf("another body: got %s, want idempotency-key-reused", code)
	}
	if code, _ := w.problem(w.want(409, add("meter-0002", newMeter("04140001019")))); code != "meter-exists" {
		t.Errorf("a new key: got %s, want meter-exists", code)
	}
	if a := add("meter-0002", newMeter("04140001019")); a.status != 409 || a.header.Get("Idempotency-Replayed") != "true" ||
		a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the refusal again: got %d %v %s", a.status, a.header, a.body)
	}
	if code, _ := w.problem(w.want(400, add("short", newMeter("04140001027")))); code != "idempotency-key-invalid" {
		t.Errorf("a short key: got %s, want idempotency-key-invalid", code)
	}
	if code, _ := w.problem(w.want(422, w.sell("meter-0001", order("10000")))); code != "idempotency-key-reused" {
		t.Errorf("a sale under a meter's key: got %s, want idempotency-key-reused", code)
	}
	w.stop()
	w.serve(true, api.Limits{})
	if a := add("meter-0001", newMeter("04140001019")); !bytes.Equal(a.body, first.body) {
		t.Errorf("after a restart: got %d %s, want %s", a.status, a.body, first.body)
	}
}

// The mux redirects an unclean path such as /v1//vendors to the clean one. If the redirect were stored under the key, every repetition
// would get the redirect.
func TestARedirectIsNotTheAnswerOfAKey(t *testing.T) {
	w := begin(t)
	body := `{"name":"Corner shop","code":"V9"}`
	w.want(201, w.ask("POST", "/v1//vendors", w.key, body, "Idempotency-Key", "redirected-1")) // the client follows the redirect
	again := w.want(201, w.ask("POST", "/v1/vendors", w.key, body, "Idempotency-Key", "redirected-1"))
	if again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the repetition was not replayed: %s", again.body)
	}
}
