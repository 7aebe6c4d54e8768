package api_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
)

// TestAMetersGreatestPowerDecidesWhatCanBeTrue: 8 kWh in an hour are charged if the meter's size is unknown, but wait for a person if the
// meter's power limit is 5 kW.
func TestAMetersGreatestPowerDecidesWhatCanBeTrue(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+meterNumber+`","mode":"prepay_wallet","tariff":"domestic","feeder":"North 3"}`))
	w.want(201, w.sell("recharge-0001", order("100000")))
	type meter struct {
		Feeder string
		MaxW   int64 `json:"max_w"`
	}
	if m := decode[meter](t, w.want(200, w.get("/v1/meters/"+meterNumber))); m.Feeder != "North 3" || m.MaxW != 0 {
		t.Errorf("registered: %+v, want feeder North 3 and no power set", m)
	}
	w.reads(1, 1000, 9000)
	waiting := func() int {
		return len(decode[struct{ Data []struct{} }](t, w.want(200, w.get("/v1/quarantine"))).Data)
	}
	if n := waiting(); n != 0 {
		t.Errorf("8 kWh in an hour, by default: %d in quarantine, want none", n)
	}
	change := func(body string) answer { return w.post("/v1/meters/"+meterNumber, body) }
	m := decode[meter](t, w.want(200, change(`{"max_w":5000,"feeder":"South 1","reason":"20 A breaker"}`)))
	if m.Feeder != "South 1" || m.MaxW != 5000 {
		t.Errorf("changed: %+v, want feeder South 1 and 5000 W", m)
	}
	// The register rises by 7.5 kWh in one hour and by 8.5 kWh in the next. A limit of 5 kW allows 7 kWh in an hour: 5 kWh, a tolerance of
	// a fifth (1 kWh), and another 1 kWh.
	w.reads(3, 16_500, 25_000)
	if n := waiting(); n != 1 {
		t.Errorf("7.5 kWh in an hour of a meter of 5 kW: %d in quarantine, want one", n)
	}
	for _, bad := range []string{`{"reason":"nothing"}`, `{"max_w":-1,"reason":"less than none"}`, `{"max_w":99999999999,"reason":"a power station"}`, `{"max_w":1}`,
		`{"feeder":"` + strings.Repeat("x", 65) + `","reason":"long"}`} {
		if code, _ := w.problem(change(bad)); code == "" {
			t.Errorf("%s was taken", bad)
		}
	}
	if m := decode[meter](t, w.want(200, w.get("/v1/meters/"+meterNumber))); m.Feeder != "South 1" || m.MaxW != 5000 {
		t.Errorf("after what was refused: %+v, want nothing changed", m)
	}
}

// TestOneAloneDoesNotStopTheCharging: with a power limit of 1 W, no reading is believed, so nothing is charged and nobody is cut off. This
// is one more way to supply energy before it is paid for, so setting such a limit takes two people too.
func TestOneAloneDoesNotStopTheCharging(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+meterNumber+`","mode":"prepay_wallet","tariff":"domestic","feeder":"North 3"}`))
	w.want(200, w.post("/v1/settings", `{"four_eyes":"on","four_eyes_alone":true}`))
	path := "/v1/meters/" + meterNumber
	w.want(202, w.ask("POST", path, w.newKey(access.Installer), `{"feeder":"South 1","reason":"moved"}`)) // it would move a loss
	waits := decode[struct{ ID, Summary string }](t, w.want(202, w.ask("POST", path, w.newKey(access.Installer), `{"max_w":1,"reason":"a lamp"}`)))
	if !strings.Contains(waits.Summary, "from the default to 1 W") {
		t.Errorf("the approval says %q", waits.Summary)
	}
	most := func() int64 {
		return decode[struct {
			MaxW int64 `json:"max_w"`
		}](t, w.want(200, w.get(path))).MaxW
	}
	if most() != 0 {
		t.Errorf("%d W were set by one person", most())
	}
	w.want(200, w.post("/v1/approvals/"+waits.ID+"/approve", `{}`))
	if most() != 1 {
		t.Errorf("%d W after it was allowed, want 1", most())
	}
}

// TestATokenMeterHasNoGreatestPower: a power limit for a token meter is refused, because the server does not rate its use.
func TestATokenMeterHasNoGreatestPower(t *testing.T) {
	w := begin(t)
	w.want(400, w.post("/v1/meters/"+meterNumber, `{"max_w":5000,"reason":"a breaker"}`))
	w.want(404, w.post("/v1/meters/04140009990", `{"feeder":"x","reason":"nobody"}`))
}
