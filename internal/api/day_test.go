package api_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
)

func TestTheDailyReportListsWhatOnePersonDid(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("sale-0001", order("10000"))))
	w.want(201, w.sell("sale-0002", order("5000")))
	w.want(201, w.ask("POST", "/v1/meters/"+meterNumber+"/tokens", w.key, `{"kind":"free","units_wh":1000,"reason_code":"compensation"}`, "Idempotency-Key", "free-0001"))
	w.want(409, w.ask("POST", "/v1/vends/"+s.ID+"/reversal", w.key, `{"reason":"not the last"}`, "Idempotency-Key", "reverse-1"))
	w.want(202, w.post("/v1/meters/"+meterNumber+"/commands", `{"type":"clear_credit","reason":"matrix"}`))
	w.want(202, w.post("/v1/meters/"+meterNumber+"/commands", `{"type":"read","reason":"matrix"}`))
	w.want(201, w.post("/v1/vendors", `{"name":"Corner shop","code":"V9"}`))
	w.want(200, w.post("/v1/vendors/V9/terms", `{"commission_bps":100}`))
	w.want(201, w.post("/v1/meters", `{"number":"04140001019","mode":"postpay","tariff":"domestic"}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+walletNumber+`","mode":"prepay_wallet","tariff":"domestic"}`))
	w.want(200, w.post("/v1/meters/"+walletNumber+"/supply", `{"protected":true,"reason":"a pump for the heart"}`))
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
	alone := map[string]int{}
	for _, a := range d.SinglePerson {
		alone[a.Action]++
	}
	want := map[string]int{"tariff.publish": 1, "token.free": 1, "command.send": 1, "vendor.add": 1, "vendor.terms": 1, "meter.add": 1, "account.supply": 1}
	if !maps.Equal(alone, want) {
		t.Errorf("acts of one person: %v, want %v", alone, want)
	}
	w.want(400, w.get("/v1/reports/daily?date=20-11"))
}

// TestTrustInTheClockNeedsASecondPerson: confirming a clock that is far ahead takes two people. Without four eyes, the daily
// report lists who confirmed it.
func TestTrustInTheClockNeedsASecondPerson(t *testing.T) {
	const reason = `{"reason":"compared with the radio"}`
	ahead := func(t *testing.T, eyes bool) *world {
		w := begin(t)
		w.want(201, w.sell("sale-0001", order("10000")))
		if eyes {
			w.fourEyes(true)
		}
		w.stop()
		w.ahead = 48 * time.Hour
		w.serve(true, api.Limits{})
		if code, _ := w.problem(w.want(409, w.sell("sale-0002", order("10000")))); code != "clock-untrusted" {
			t.Fatalf("a sale two days ahead is refused with %s", code)
		}
		return w
	}
	t.Run("four eyes", func(t *testing.T) {
		w := ahead(t, true)
		second := w.newKey(access.Owner)
		waiting := decode[approval](t, w.want(202, w.post("/v1/clock/trust", reason)))
		if !strings.HasPrefix(waiting.Summary, "trust the server's clock, which says 20") {
			t.Errorf("the approval reads %q", waiting.Summary)
		}
		w.want(409, w.sell("sale-0002", order("10000")))
		if got := decode[approval](t, w.want(200, w.ask("POST", "/v1/approvals/"+waiting.ID+"/approve", second, `{"reason":"seen"}`))); got.State != "done" {
			t.Errorf("after the approval: %+v", got)
		}
		w.want(201, w.sell("sale-0003", order("10000")))
	})
	t.Run("one person", func(t *testing.T) {
		w := ahead(t, false)
		w.want(200, w.post("/v1/clock/trust", reason))
		w.want(201, w.sell("sale-0003", order("10000")))
		if body := string(w.want(200, w.get("/v1/reports/daily")).body); !strings.Contains(body, `"clock.trust"`) {
			t.Errorf("the daily report does not list it: %s", body)
		}
		w.want(409, w.post("/v1/clock/trust", reason))
	})
}
