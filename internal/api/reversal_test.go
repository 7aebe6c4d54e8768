package api_test

import (
	"strings"
	"testing"
)

type reversed struct {
	Vend     sale
	Reversal struct {
		State     string
		Confirmed bool
	}
}

func TestASaleIsUndoneOverHTTP(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("sale-0001", order("10000"))))
	path := "/v1/vends/" + s.ID + "/reversal"
	if code, moved := w.problem(w.want(400, w.post(path, `{"reason":"x"}`))); code != "idempotency-key-missing" || moved != "no" {
		t.Errorf("without a key: %s, money_moved %s", code, moved)
	}
	first := w.want(201, w.ask("POST", path, w.key, "", "Idempotency-Key", "reverse-1")) // soon after the sale, no body is needed
	got := decode[reversed](t, first)
	if got.Vend.State != "reversed" || got.Reversal.State != "done" || got.Reversal.Confirmed || got.Vend.Tokens[0].State != "reversed_unconfirmed" {
		t.Errorf("answer %s", first.body)
	}
	if strings.Contains(string(first.body), s.Tokens[0].Digits) {
		t.Error("the reversal shows the digits")
	}
	if again := w.want(201, w.ask("POST", path, w.key, "", "Idempotency-Key", "reverse-1")); string(again.body) != string(first.body) ||
		again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the repetition answers %s", again.body)
	}
	if code, moved := w.problem(w.want(409, w.ask("POST", path, w.key, "", "Idempotency-Key", "reverse-2"))); code != "already-reversed" || moved != "no" {
		t.Errorf("a second reversal: %s, money_moved %s", code, moved)
	}
	if now := decode[sale](t, w.want(200, w.get("/v1/vends/"+s.ID))); now.State != "reversed" {
		t.Errorf("the sale is %s", now.State)
	}
	w.want(200, w.get(path))
	w.want(404, w.get("/v1/vends/vnd_0000000000000000000000000/reversal"))
	for _, a := range decode[struct {
		Accounts []struct {
			Code         int
			BalanceMinor int64 `json:"balance_minor"`
		}
	}](t, w.want(200, w.get("/v1/ledger/trial-balance"))).Accounts {
		if a.BalanceMinor != 0 {
			t.Errorf("account %d holds %d after the reversal", a.Code, a.BalanceMinor)
		}
	}
}

// After a time-out a client asks for the outcome of its request.
func TestTheLastResponseIsFoundByKey(t *testing.T) {
	w := begin(t)
	body := strings.Replace(order("10000"), `{"meter"`, `{"client_ref":"till3-000017","meter"`, 1)
	s := decode[sale](t, w.want(201, w.sell("lost-answer-1", body)))
	list := func(query string) []sale {
		return decode[struct{ Data []sale }](t, w.want(200, w.get("/v1/vends?"+query))).Data
	}
	for query, want := range map[string]int{"client_ref=till3-000017": 1, "idempotency_key=lost-answer-1": 1, "idempotency_key=lost-answer-2": 0,
		"client_ref=lost-answer-1": 0} {
		if got := list(query); len(got) != want || want == 1 && (got[0].ID != s.ID || got[0].Tokens[0].Digits != s.Tokens[0].Digits) {
			t.Errorf("%s: %+v, want %d sales", query, got, want)
		}
	}
	w.want(409, w.sell("lost-answer-3", strings.Replace(body, "10000", "9999", 1))) // refused: no sale was made under the key
	if got := list("idempotency_key=lost-answer-3"); len(got) != 0 {
		t.Errorf("a refused request has a sale: %+v", got)
	}
	w.want(400, w.get("/v1/vends?client_ref=a&idempotency_key=b"))
	other := w.newKey("operator")
	if a := w.want(200, w.ask("GET", "/v1/vends?idempotency_key=lost-answer-1", other, "")); strings.Contains(string(a.body), s.ID) {
		t.Error("another principal's key found the sale")
	}
}
