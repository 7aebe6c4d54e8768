package api_test

import (
	"strings"
	"testing"
)

func TestTheDailyReportListsWhatOnePersonDid(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("sale-0001", order("10000"))))
	w.want(201, w.sell("sale-0002", order("5000")))
	w.want(201, w.ask("POST", "/v1/meters/"+meterNumber+"/tokens", w.key, `{"kind":"free","units_wh":1000,"reason_code":"compensation"}`, "Idempotency-Key", "free-0001"))
	w.want(409, w.ask("POST", "/v1/vends/"+s.ID+"/reversal", w.key, `{"reason":"not the last"}`, "Idempotency-Key", "reverse-1"))
	d := decode[struct {
		Sales, Reversals int64
		TenderedMinor    int64                     `json:"tendered_minor"`
		FreeTokens       int64                     `json:"free_tokens"`
		SinglePerson     []struct{ Action string } `json:"single_person"`
		Head             string
	}](t, w.want(200, w.get("/v1/reports/daily")))
	if d.Sales != 2 || d.TenderedMinor != 15000 || d.Reversals != 0 || d.FreeTokens != 1 || !strings.Contains(d.Head, "\n") {
		t.Errorf("report %+v", d)
	}
	alone := map[string]bool{}
	for _, a := range d.SinglePerson {
		alone[a.Action] = true
	}
	if !alone["tariff.publish"] || !alone["token.free"] || alone["vend.sell"] {
		t.Errorf("acts of one person: %+v", d.SinglePerson)
	}
	w.want(400, w.get("/v1/reports/daily?date=20-11"))
}
