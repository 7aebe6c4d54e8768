package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/wire"
)

// reads lets the first meter report registers, one each hour, numbered from seq on.
func (w *world) reads(seq uint64, registers ...int64) {
	w.t.Helper()
	w.readsFrom(time.Now().Add(-100*time.Hour).Truncate(time.Hour), seq, registers...)
}

// readsFrom stores readings of the meter, numbered from seq on. Reading n is n hours after begin.
func (w *world) readsFrom(begin time.Time, seq uint64, registers ...int64) {
	w.t.Helper()
	const memory = "00000000000000a1"
	rec := func(r wire.Record, at time.Time) metering.Record {
		return metering.Record{Tenant: store.FirstTenant, Meter: 1, Number: meterNumber, ReceivedAt: at, Memory: memory, Rec: r}
	}
	recs := []metering.Record{rec(wire.Boot{Memory: memory, Lowest: 1, Next: 99}.Record(), begin)}
	for i, register := range registers {
		n := seq + uint64(i)
		at := begin.Add(time.Duration(n) * time.Hour)
		recs = append(recs, rec(wire.Reading{Head: wire.Head{Seq: n, At: at.Unix(), Clock: wire.ClockValid}, RegisterWh: register, Relay: "closed"}.Record(), at))
	}
	w.inStore(func(tx *store.Tx) error { _, err := intake.Take(tx, recs); return err })
}

// TestTheQuarantineIsDecidedOverHTTP: an entry of the quarantine is listed as JSON and as CSV. It is decided once, and the money follows
// from the decision.
func TestTheQuarantineIsDecidedOverHTTP(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+meterNumber+`","mode":"prepay_wallet","tariff":"domestic"}`))
	w.want(201, w.sell("recharge-0001", order("100000")))
	type entry struct {
		ID, Meter, Kind, Doubt, Reason, State string
		WasWh                                 int64 `json:"was_wh"`
		RegisterWh                            int64 `json:"register_wh"`
		Choices                               []string
	}
	open := func() []entry { return decode[struct{ Data []entry }](t, w.want(200, w.get("/v1/quarantine"))).Data }
	if got := open(); len(got) != 0 {
		t.Fatalf("nothing was sent, and in quarantine %+v", got)
	}
	w.reads(1, 1000, 2000, 0, 300)
	got := open()
	if len(got) != 1 || got[0].Doubt != "zero" || got[0].WasWh != 2000 || fmt.Sprint(got[0].Choices) != "[rebase discard]" || got[0].Kind != "rating" {
		t.Fatalf("in quarantine %+v, want the zero", got)
	}
	path := "/v1/quarantine/" + got[0].ID
	if a := w.want(200, w.get("/v1/quarantine?meter="+meterNumber+"&format=csv")); !strings.Contains(string(a.body), meterNumber+",rating,zero,") {
		t.Errorf("as CSV: %s", a.body)
	}
	w.want(400, w.post(path+"/accept", `{"reason":"it is zero"}`))
	w.want(400, w.post(path+"/rebase", `{"reason":""}`))
	w.want(400, w.post(path+"/rebase", `{"register_wh":-1,"reason":"x"}`))
	w.want(403, w.ask("POST", path+"/rebase", w.newKey(access.Support), `{"reason":"x"}`))
	type decided struct {
		UnitsWh  int64 `json:"units_wh"`
		Readings int
		Debit    struct {
			Minor int64 `json:"amount_minor"`
		}
		Entry *entry
	}
	d := decode[decided](t, w.want(200, w.post(path+"/rebase", `{"reason":"new meter"}`)))
	if d.UnitsWh != 300 || d.Readings != 1 || d.Debit.Minor != 86 || d.Entry.State != "rebased" {
		t.Errorf("rebased: %+v, want the 300 Wh since then for 0.86 (2.875 were rated before)", d)
	}
	if code, _ := w.problem(w.want(409, w.post(path+"/discard", `{"reason":"again"}`))); code != "already-decided" {
		t.Errorf("decided again: %s", code)
	}
	if e := decode[entry](t, w.want(200, w.get(path))); e.State != "rebased" || len(e.Choices) != 0 {
		t.Errorf("afterwards %+v", e)
	}
	if d := decode[decided](t, w.want(200, w.post("/v1/meters/"+meterNumber+"/rebase", `{"register_wh":10,"reason":"changed again"}`))); d.UnitsWh != 0 || d.Entry != nil {
		t.Errorf("changed without a doubt: %+v", d)
	}
	w.want(400, w.post("/v1/meters/"+meterNumber+"/rebase", `{"reason":"no register"}`))
	if all := decode[struct{ Data []entry }](t, w.want(200, w.get("/v1/quarantine?all=true"))).Data; len(all) != 1 || len(open()) != 0 {
		t.Errorf("all %+v, open %+v", all, open())
	}
}
