package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// Figures of ghost vending: 80.50 buys 28.0 kWh at 2.50 and 15 % tax.
const (
	ghostRounds = 46
	ghostMinor  = 8_050
	ghostWh     = 28_000
	ghostFloat  = 100_000
)

// ghost is a place where an insider sells to a meter that never connects, reads the digits and reverses the sale.
type ghost struct {
	*testing.T
	p                 *place
	owner, supervisor *api
	mqtt              string
	meter             secrets
	digits            []string // digits that the insider has read
	asked             []string // approvals that the insider's reversals wait for
	refused           string   // why the insider could not continue
}

func newGhost(t *testing.T) *ghost {
	g := &ghost{T: t, p: newPlace(t, paywatt(t))}
	s := g.p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	g.owner, g.mqtt = newAPI(s.http, ""), s.mqtt
	g.owner, g.supervisor = g.key("owner", "owner"), g.key("supervisor", "supervisor")
	g.owner.tariff(t)
	g.owner.must(t, 201, "POST", "/v1/vendors", map[string]any{"name": "Corner shop", "code": "V001"})
	g.owner.must(t, 201, "POST", "/v1/vendors/V001/deposits", map[string]any{"amount": kes(ghostFloat), "reference": "BANK-1"}, "Idempotency-Key", "ghost-deposit")
	g.meter = g.owner.meter(t, number(1501))
	g.owner.must(t, 200, "POST", "/v1/settings", map[string]any{"four_eyes": "on", "four_eyes_alone": true})
	return g
}

// key makes an API key of a new person, or of a vendor.
func (g *ghost) key(role, name string, more ...string) *api {
	g.Helper()
	if len(more) == 0 {
		return newAPI(strings.TrimPrefix(g.owner.url, "http://"), g.p.personKey(g, name, role))
	}
	args := append([]string{"apikey", "create", "--role", role, "--name", name, "--data", g.p.dir}, more...)
	return newAPI(strings.TrimPrefix(g.owner.url, "http://"), g.p.run(g, "", args...))
}

// rounds sells, reads the digits and reverses the sale, as often as the server allows it.
func (g *ghost) rounds(logins ...*api) {
	g.Helper()
	for n := range ghostRounds {
		by := logins[n%len(logins)]
		s, err := by.vend(g.meter.number, ghostMinor, fmt.Sprintf("ghost-sale-%04d", n))
		if err != nil {
			g.Fatal(err)
		}
		if s.status != 201 {
			g.refused = s.text(g, "code")
			return
		}
		g.digits = append(g.digits, s.text(g, "tokens", 0, "digits"))
		a, err := by.do("POST", "/v1/vends/"+s.text(g, "id")+"/reversal", map[string]any{"reason": "mistyped"}, "Idempotency-Key", fmt.Sprintf("ghost-undo-%04d", n))
		if err != nil {
			g.Fatal(err)
		}
		if a.status == 202 {
			g.asked = append(g.asked, a.text(g, "id"))
		}
	}
}

// loaded starts the meter, which has no network, types every token that the insider has read, and returns the balance.
func (g *ghost) loaded() int64 {
	g.Helper()
	vm := g.p.meterProcess(g, filepath.Join(g.TempDir(), "meter"), "", g.meter)
	var s state
	for i, digits := range g.digits {
		if s = vm.must(g, "key "+digits+"#"); s.LastToken != "accept" {
			g.Fatalf("token %d: %+v", i, s)
		}
	}
	vm.quit(g)
	return s.BalanceWh
}

// paid is the cost of the tokens so far: the decrease of the vendor's float, and the money in the utility's till.
func (g *ghost) paid() int64 {
	g.Helper()
	var books struct {
		Accounts []struct {
			Code         int
			BalanceMinor int64 `json:"balance_minor"`
		}
	}
	if err := json.Unmarshal(g.owner.must(g, 200, "GET", "/v1/ledger/trial-balance", nil).body, &books); err != nil {
		g.Fatal(err)
	}
	paid := ghostFloat - g.owner.must(g, 200, "GET", "/v1/vendors/V001/float", nil).num(g, "available_minor")
	for _, a := range books.Accounts {
		if a.Code == 1000 {
			paid += a.BalanceMinor
		}
	}
	return paid
}

// TestGhostVending: an insider sells to a meter that never connects, reads the digits and reverses the sale alone, 46 times.
// The digits never hold more energy than was paid for, from the vendor's float or in the utility's till.
func TestGhostVending(t *testing.T) {
	t.Parallel()
	for name, insider := range map[string]func(g *ghost) []*api{
		"a vendor's key": func(g *ghost) []*api { return []*api{g.key("vendor_api", "till", "--vendor", "V001")} },
		"three keys of a vendor": func(g *ghost) []*api {
			return []*api{g.key("vendor_api", "till", "--vendor", "V001"), g.key("vendor_api", "till", "--vendor", "V001"), g.key("vendor_api", "office", "--vendor", "V001")}
		},
		"an operator at the utility's own till": func(g *ghost) []*api { return []*api{g.key("operator", "operator")} },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a vendor's key" {
				tier.Long(t) // the first of three keys does the same
			}
			g := newGhost(t)
			logins := insider(g)
			g.rounds(logins...)
			wh, paid := g.loaded(), g.paid()
			if want := paid / ghostMinor * ghostWh; wh > want {
				t.Errorf("%d rounds: the meter holds %.1f kWh for %d.%02d KES, which buy %.1f kWh", len(g.digits), float64(wh)/1000, paid/100, paid%100, float64(want)/1000)
			}
			g.p.run(t, "", "verify", "--data", g.p.dir)
			if t.Failed() {
				return
			}
			t.Logf("figures: %d rounds, then %q; the meter holds %.1f kWh for %d.%02d KES; %d reversals wait", len(g.digits), g.refused, float64(wh)/1000, paid/100, paid%100, len(g.asked))
			g.agreed(logins)
		})
	}
}

// agreed approves the last requested reversal: the money comes back once, with an alarm, and the report of the day lists it.
func (g *ghost) agreed(logins []*api) {
	g.Helper()
	if len(g.asked) != len(g.digits) {
		g.Fatalf("%d reversals wait, want %d", len(g.asked), len(g.digits))
	}
	last := "/v1/approvals/" + g.asked[len(g.asked)-1] + "/approve"
	for _, by := range logins {
		if a, err := by.do("POST", last, map[string]any{}); err != nil || a.status != 404 {
			g.Errorf("approved by the insider: %d %s, %v", a.status, a.body, err)
		}
	}
	paid := g.paid()
	began := time.Now()
	g.supervisor.must(g, 200, "POST", last, map[string]any{"reason": "the customer was here"})
	if back := paid - g.paid(); back != ghostMinor {
		g.Errorf("%d came back, want %d", back, ghostMinor)
	}
	alarms := string(g.owner.must(g, 200, "GET", "/v1/alarms?open=true", nil).body)
	if !strings.Contains(alarms, "reversal-unconfirmed") || !strings.Contains(alarms, "80.50 KES") {
		g.Errorf("alarms %s", alarms)
	}
	report := func(at time.Time) answer {
		return g.owner.must(g, 200, "GET", "/v1/reports/daily?date="+at.UTC().Format(time.DateOnly), nil)
	}
	day := report(began)
	if list, _ := day.field(g, "unconfirmed_reversals").([]any); len(list) == 0 { // midnight has passed meanwhile
		day = report(time.Now())
	}
	if day.num(g, "unconfirmed_reversals", 0, "amount", "amount_minor") != ghostMinor || day.text(g, "unconfirmed_reversals", 0, "approved_by") != "apikey supervisor" ||
		day.text(g, "unconfirmed_reversals", 0, "meter") != g.meter.number {
		g.Errorf("the report of the day is %s", day.body)
	}
	g.p.run(g, "", "verify", "--data", g.p.dir)
}

// TestAConnectedMeterConfirms: the vendor needs no approval if the meter itself makes the token worthless. The float comes
// back when the meter has confirmed that, and not before.
func TestAConnectedMeterConfirms(t *testing.T) {
	t.Parallel()
	g := newGhost(t)
	till := g.key("vendor_api", "till", "--vendor", "V001")
	vm := g.p.meterProcess(t, filepath.Join(t.TempDir(), "meter"), g.mqtt, g.meter)
	vm.must(t, "sync")
	s := till.mustVend(t, g.meter.number, ghostMinor, "ghost-sale-1")
	path := "/v1/vends/" + s.text(t, "id") + "/reversal"
	asked := till.must(t, 202, "POST", path, map[string]any{"reason": "mistyped"}, "Idempotency-Key", "ghost-undo-1")
	if state := asked.text(t, "reversal", "state"); state != "waiting" {
		t.Fatalf("the reversal is %s, want it to wait for the meter", state)
	}
	await.True(t, "the meter has confirmed", func() bool {
		before := g.paid() // read first: the money may come back between the two reads
		r := till.must(t, 200, "GET", path, nil)
		if r.text(t, "state") == "waiting" {
			if before != ghostMinor {
				t.Fatalf("%d paid before the meter had confirmed", before)
			}
			vm.must(t, "show")
			return false
		}
		return r.text(t, "state") == "done" && r.text(t, "confirmed") == "true"
	})
	if paid := g.paid(); paid != 0 {
		t.Errorf("%d is still paid", paid)
	}
	if s := vm.must(t, "key "+s.text(t, "tokens", 0, "digits")+"#"); s.LastToken != "used_error" || s.BalanceWh != 0 {
		t.Errorf("the token at the meter: %+v, want used_error and nothing loaded", s)
	}
	vm.quit(t)
	g.p.run(t, "", "verify", "--data", g.p.dir)
}
