package wallet_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// TestTheLevelsThatNobodyChose: a tenant that sets no levels gets the price of 20 and 5 kWh, or of a part of the plan if that is smaller.
// If a plan sells time, the levels are the price of a few days.
func TestTheLevelsThatNobodyChose(t *testing.T) {
	for document, want := range map[string]wallet.Levels{
		`{"currency":"KES","vat_bps":1500,"flat_micro":2500000}`:                                 {Warn1: 5750, Warn2: 1438, Margin: 144},
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":5000,"units_wh":500}}`:             {Warn1: 1000, Warn2: 250, Margin: 500},
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":100000,"units_wh":1000000}}`:       {Warn1: 2000, Warn2: 500, Margin: 50},
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":500,"units_wh":1}}`:                {Warn1: 500, Warn2: 500, Margin: 500},
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":3100,"per":"month"}}`:              {Warn1: 500, Warn2: 200, Margin: 100},
		`{"currency":"KES","vat_bps":1500,"plan":{"amount_minor":1000,"per":"day"}}`:             {Warn1: 5750, Warn2: 2300, Margin: 1150},
		`{"currency":"KES","vat_bps":0,"flat_micro":100000000,"plan_wh":500,"max_vend_minor":9}`: {Warn1: 1000, Warn2: 250, Margin: 500},
	} {
		b, no := tariff.Parse([]byte(document))
		if no.Refused() {
			t.Fatal(no.Detail())
		}
		if got, err := wallet.LevelsOf(registry.WalletPolicy{}, b); err != nil || got != want {
			t.Errorf("%s: %+v (%v), want %+v", document, got, err, want)
		}
		chosen, err := wallet.LevelsOf(registry.WalletPolicy{Warn1: 700, Warn2: 70, CutOff: 7}, b)
		if err != nil || chosen.Warn1 != 700 || chosen.Warn2 != 70 || chosen.CutOff != 7 || chosen.Margin != want.Margin {
			t.Errorf("%s: a tenant's own levels became %+v (%v)", document, chosen, err)
		}
	}
}

// TestEveryPlanThatIsBoughtIsWarnedOf buys 500 Wh for 50.00 again and again, and uses it up. Each time the customer is warned twice before
// the end, although the account never has more than 500 Wh.
func TestEveryPlanThatIsBoughtIsWarnedOf(t *testing.T) {
	d := newRig(t, 0, 1)
	plan, no := tariff.Parse([]byte(`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":5000,"units_wh":500}}`))
	if no.Refused() {
		t.Fatal(no.Detail())
	}
	d.version.Body = plan
	d.settles()
	d.says()
	for bought := range 3 {
		d.pays(5000)
		var said []string
		for left := money.Minor(4999); left >= 0; left -= 7 {
			d.log = nil
			d.pays(left - d.money)
			for _, l := range d.log {
				if strings.HasPrefix(l, "wallet-low") || strings.HasPrefix(l, "wallet-urgent") {
					said = append(said, l+" "+money.Format(left, money.Currency{Code: "KES", Exp: 2}))
				}
			}
		}
		d.pays(-d.money)
		if got := strings.Join(said, "; "); got != "wallet-low m1 9.95; wallet-urgent m1 2.46" {
			t.Errorf("plan %d: told %q, want both warnings", bought+1, got)
		}
		d.log = nil
	}
}

// TestARechargeThatEndsBelowALevelWarns buys 500 Wh for 50.00 with warnings at 2,000.00 and 500.00. The balance never falls through either
// level, so each recharge warns. When the money is gone, no warning of a coming cut-off is sent at the moment of the cut-off.
func TestARechargeThatEndsBelowALevelWarns(t *testing.T) {
	d := newRig(t, 0, 1)
	d.version.Body = tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 100_000_000}}}
	d.settles()
	d.says()
	said := func(after money.Minor) string {
		d.log = nil
		d.pays(after - d.money)
		var all []string
		for _, l := range d.log {
			if strings.HasPrefix(l, "wallet-") || strings.HasPrefix(l, "supply-") {
				all = append(all, l)
			}
		}
		return strings.Join(all, "; ")
	}
	for _, c := range []struct {
		what string
		to   money.Minor
		want string
	}{
		{"the first recharge", 50_00, "supply-on m1; wallet-urgent m1"},
		{"used up", 0, "supply-off m1"},
		{"the second recharge", 50_00, "supply-on m1; wallet-urgent m1"},
		{"some is used", 20_00, ""},
		{"another one while it is on", 70_00, "wallet-urgent m1"},
		{"above the nearer level", 600_00, "wallet-low m1"},
		{"above both", 2100_00, ""},
		{"and down again", 2000_00, "wallet-low m1"},
		{"just above, where use alone would not arm it", 2001_00, ""},
		{"and down once more", 1999_00, "wallet-low m1"},
		{"through all at once", -1, "supply-off m1"},
		{"a recharge that leaves nothing", 0, ""},
	} {
		if got := said(c.to); got != c.want {
			t.Errorf("%s, %s left: told %q, want %q", c.what, money.Format(c.to, money.Currency{Code: "KES", Exp: 2}), got, c.want)
		}
	}
}
