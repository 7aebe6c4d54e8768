package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// tariffAnswer is what the tests read of a tariff.
type tariffAnswer struct {
	Name     string
	Version  int
	Standing string
	Words    []string
	Levies   []struct{ Name string }
	Fixed    []struct {
		Amount int64 `json:"amount_minor"`
	}
}

func TestVersionsOfATariffOverHTTP(t *testing.T) {
	w := begin(t)
	later := time.Now().UTC().AddDate(0, 2, 0).Format(time.RFC3339)
	second := decode[tariffAnswer](t, w.want(201, w.post("/v1/tariffs/domestic/versions", `{"currency":"KES","vat_bps":1600,
		"blocks":[{"up_to_wh":50000,"rate_micro":1200000},{"up_to_wh":null,"rate_micro":2000000}],
		"levies":[{"name":"rural","percent_bps":500}],"fixed":[{"name":"service","amount_minor":9800,"per":"month"}],
		"vend_fee":{"amount_minor":250},"free_units":{"units_wh":50000},"effective_from":"`+later+`"}`)))
	if second.Version != 2 || len(second.Levies) != 1 || len(second.Fixed) != 1 || second.Fixed[0].Amount != 9800 ||
		!strings.Contains(strings.Join(second.Words, " "), "up to 50 kWh 1.20 KES per kWh") {
		t.Errorf("published %+v", second)
	}
	list := decode[struct{ Data []tariffAnswer }](t, w.want(200, w.get("/v1/tariffs/domestic/versions")))
	if len(list.Data) != 2 || list.Data[0].Standing != "to come" || list.Data[1].Standing != "in force" {
		t.Errorf("listed %+v, want version 2 to come and version 1 in force", list.Data)
	}
	for body, code := range map[string]string{
		`{"currency":"KES","vat_bps":0,"flat_micro":1,"effective_from":"2020-01-01T00:00:00Z"}`:                     "tariff-invalid",
		`{"currency":"KES","vat_bps":0,"flat_micro":1,"effective_from":"` + later + `"}`:                            "tariff-invalid",
		`{"currency":"KES","vat_bps":0,"tou":{"rates":[{"name":"a","rate_micro":1}],"otherwise":"a","windows":[]}}`: "tariff-invalid", // used by a token meter
		`{"currency":"KES","vat_bps":0,"flat_micro":1,"levies":[{"name":"x","rate":1}]}`:                            "invalid-request",
		`{"currency":"UGX","vat_bps":0,"flat_micro":1}`:                                                             "currency-mismatch",
	} {
		a := w.post("/v1/tariffs/domestic/versions", body)
		if got, _ := w.problem(a); got != code {
			t.Errorf("%s: got %d %s, want %s", body, a.status, a.body, code)
		}
	}
	w.want(201, w.post("/v1/tariffs", `{"name":"solar","currency":"KES","vat_bps":0,"tou":{"rates":[{"name":"a","rate_micro":1}],"otherwise":"a","windows":[]}}`))
	w.want(422, w.post("/v1/meters", strings.Replace(newMeter("04140001035"), `"domestic"`, `"solar"`, 1)))
}

// TestADraftIsJudgedOnlyForWhoMaySendIt: a caller without the right to send a draft gets the same refusal, whatever is wrong with it.
func TestADraftIsJudgedOnlyForWhoMaySendIt(t *testing.T) {
	w := begin(t)
	unbound := w.unboundKey()
	for path, body := range map[string]string{
		"/v1/tariffs":                   `{"name":"second","currency":"KES","vat_bps":1500}`,
		"/v1/tariffs/domestic/versions": `{"currency":"KES","vat_bps":1500}`,
		"/v1/tariff-simulations":        `{"tariff":"domestic","draft":{"currency":"KES","vat_bps":1500}}`,
	} {
		if code, _ := w.problem(w.want(422, w.post(path, body))); code != "tariff-invalid" {
			t.Errorf("%s: %s, want tariff-invalid", path, code)
		}
		if code, _ := w.problem(w.want(403, w.ask("POST", path, unbound, body))); code != "forbidden" {
			t.Errorf("%s without the right: %s, want forbidden", path, code)
		}
	}
}

// TestASimulationComparesThePurchaseAndTheUse compares a given purchase and use at the present price and at twice that price.
func TestASimulationComparesThePurchaseAndTheUse(t *testing.T) {
	w := begin(t)
	got := decode[apiv1.SimulationResult](t, w.want(200, w.post("/v1/tariff-simulations", `{"tariff":"domestic","draft":{"currency":"KES","vat_bps":1500,"flat_micro":5000000},
		"purchase":{"tender_minor":10000,"carry_in_minor":76},"usage":[{"meter":"04140001001","month":"2026-10","units_wh":40000},{"meter":"04140001019","month":"2026-10","units_wh":2000}],"rises":1}`)))
	if p := got.Purchase; p == nil || p.Before.UnitsWh != 35_000 || p.After.UnitsWh != 17_500 || p.Before.CarryMinor != 13 || p.After.CarryMinor != 13 {
		t.Errorf("a purchase: %+v", got.Purchase)
	}
	c := got.Comparison
	if c == nil || c.Meters != 2 || c.Months != 2 || c.UnitsWh != 42_000 || c.Losers != 2 || len(c.Rises) != 1 || c.Rises[0].Meter != "04140001001" || c.PaidAfterMinor != 2*c.PaidBeforeMinor {
		t.Errorf("the use: %+v", c)
	}
}
