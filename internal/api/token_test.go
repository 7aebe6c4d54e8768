package api_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/sts"
)

// secondKey adds another revision of the supply group's vending key to the key store.
func (w *world) secondKey() {
	w.t.Helper()
	keys, err := keystore.Open(w.dir, keystore.Config{Params: cheapKeys()})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := keys.Unlock([]byte(passphrase)); err != nil {
		w.t.Fatal(err)
	}
	vk, err := sts.NewVendingKey(bytes.Repeat([]byte{0xcd}, 8))
	if err != nil {
		w.t.Fatal(err)
	}
	fact := keystore.Fact{SGC: "123456", KRN: 2, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255, Test: true}
	if no, err := keys.Add(fact, vk); err != nil || no.Refused() {
		w.t.Fatal(no, err)
	}
}

type given struct {
	ID     string
	Kind   string
	Tokens []struct {
		Digits          string
		Class, SubClass int
		UnitsWh         int64 `json:"units_wh"`
	}
}

func TestTokensThatNobodyBuysOverHTTP(t *testing.T) {
	w := begin(t)
	w.secondKey()
	path := "/v1/meters/" + meterNumber + "/tokens"
	ask := func(key, body string) answer { return w.ask("POST", path, w.key, body, "Idempotency-Key", key) }
	first := w.want(201, ask("tokens-01", `{"kind":"replacement","units_wh":12300,"reason_code":"lost_balance","reason":"burnt"}`))
	if again := w.want(201, ask("tokens-01", `{"kind":"replacement","units_wh":12300,"reason_code":"lost_balance","reason":"burnt"}`)); !bytes.Equal(again.body, first.body) {
		t.Errorf("the repetition answers %s", again.body)
	}
	if g := decode[given](t, first); len(g.Tokens) != 1 || g.Tokens[0].UnitsWh != 12300 || len(g.Tokens[0].Digits) != 20 {
		t.Errorf("answer %s", first.body)
	}
	if code, _ := w.problem(w.want(400, ask("tokens-02", `{"kind":"replacement","units_wh":12300,"reason_code":"x"}`))); code != "invalid-request" {
		t.Errorf("an unknown reason: %s", code)
	}
	if code, _ := w.problem(w.want(409, ask("tokens-03", `{"kind":"key_change","reason_code":"key_campaign","key":{"krn":3}}`))); code != "vending-key-missing" {
		t.Errorf("a key that nobody has: %s", code)
	}
	w.want(201, w.post("/v1/meters/"+meterNumber+"/key-changes", `{"krn":2,"reason":"campaign"}`))
	if code, moved := w.problem(w.want(409, w.sell("sale-0001", order("10000")))); code != "key-change-required" || moved != "no" {
		t.Errorf("a sale while a change is planned: %s, money_moved %s", code, moved)
	}
	set := decode[given](t, w.want(201, ask("tokens-04", `{"kind":"key_change","reason_code":"key_campaign"}`)))
	if code, _ := w.problem(w.want(409, ask("tokens-05", `{"kind":"key_change","reason_code":"key_campaign"}`))); code != "key-change-pending" {
		t.Errorf("a second set: %s", code)
	}
	s := decode[sale](t, w.want(201, w.sell("sale-0002", order("10000"))))
	if len(set.Tokens) != 2 || len(s.Tokens) != 3 || s.Tokens[0].Digits != set.Tokens[0].Digits || s.Tokens[1].Digits != set.Tokens[1].Digits {
		t.Errorf("the sale has %d tokens, want the set of %d before the credit", len(s.Tokens), len(set.Tokens))
	}
	text := string(w.want(200, w.get("/v1/vends/"+s.ID+"/receipt?format=text48")).body)
	groups := func(d string) string { return strings.Join([]string{d[:4], d[4:8], d[8:12], d[12:16], d[16:]}, " ") }
	if at, credit := strings.Index(text, groups(s.Tokens[0].Digits)), strings.Index(text, groups(s.Tokens[2].Digits)); at < 0 || credit < at {
		t.Errorf("the set does not stand above the credit:\n%s", text)
	}
}
