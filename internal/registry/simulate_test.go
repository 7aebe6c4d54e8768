package registry_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
)

func TestSimulationReplaysWhatWasBought(t *testing.T) {
	w := newWorld(t)
	v := w.domestic(t)
	w.add(t, tokenMeter("04140001001"))
	w.add(t, tokenMeter("04140001019"))
	w.exec(t, func(tx *store.Tx) error {
		for month, wh := range map[string]int64{"2026-08": 30_000, "2026-09": 100_000, "2026-10": 40_000} {
			if _, err := tx.C.Exec(`INSERT INTO usage_month (tenant_id, account_id, month, units_wh)
				SELECT tenant_id, account_id, $1, $2 FROM meter WHERE number = '04140001001'`, month, wh); err != nil {
				return err
			}
		}
		return nil
	})
	s := registry.Simulation{Tariff: "domestic", Draft: priced(3_000_000), From: "2026-09", To: "2026-11",
		Purchase: &tariff.Purchase{Tender: 10_000}}
	got, err := w.Simulate(t.Context(), boss(), s)
	if err != nil || got.Refused() {
		t.Fatal(err, got.Detail())
	}
	if got.Present.ID != v.ID || got.Now.Units != 34_700 || got.Draft.Units != 28_900 {
		t.Errorf("100.00 buys %d Wh now and %d Wh on the draft, want 34700 and 28900", got.Now.Units, got.Draft.Units)
	}
	c := got.Comparison
	if c == nil || c.Months != 2 || c.Meters != 1 || c.Units != 140_000 || c.Losers != 1 || c.Before.Paid != 40_250 || c.After.Paid != 48_300 ||
		c.Before.Revenue != 35_000 || len(c.Rises) != 1 || c.Rises[0].Meter != "04140001001" || c.Rises[0].Rise() != money.Minor(8050) {
		t.Errorf("September and October replayed: %+v", c)
	}
	if n := w.audited(t, store.FirstTenant)["tariff.publish"]; n != 1 {
		t.Errorf("%d tariffs are published, want the first alone", n)
	}
}

func TestSimulationsOfTheImpossibleAreRefused(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	good := registry.Simulation{Tariff: "domestic", Draft: priced(1)}
	vendors := as(access.Owner)
	vendors.Vendor = id.ID{15: 9}
	for name, c := range map[string]struct {
		by     access.Actor
		change func(*registry.Simulation)
		want   refusal.Code
	}{
		"no such tariff":        {boss(), func(s *registry.Simulation) { s.Tariff = "none" }, refusal.TariffMissing},
		"no price":              {boss(), func(s *registry.Simulation) { s.Draft.Blocks = nil }, refusal.TariffInvalid},
		"another currency":      {boss(), func(s *registry.Simulation) { s.Draft.Currency = "UGX" }, refusal.CurrencyMismatch},
		"too many months":       {boss(), func(s *registry.Simulation) { s.From, s.To = "2020-01", "2026-01" }, refusal.InvalidRequest},
		"backwards":             {boss(), func(s *registry.Simulation) { s.From, s.To = "2026-02", "2026-01" }, refusal.InvalidRequest},
		"a month of its own":    {boss(), func(s *registry.Simulation) { s.Uses = []tariff.MonthUse{{Month: "May"}} }, refusal.InvalidRequest},
		"a negative use":        {boss(), func(s *registry.Simulation) { s.Uses = []tariff.MonthUse{{Month: "2026-05", Units: -1}} }, refusal.InvalidRequest},
		"a negative tender":     {boss(), func(s *registry.Simulation) { s.Purchase = &tariff.Purchase{Tender: -1} }, refusal.InvalidRequest},
		"too many rises":        {boss(), func(s *registry.Simulation) { s.Rises = 101 }, refusal.InvalidRequest},
		"nobody":                {as("stranger"), func(*registry.Simulation) {}, refusal.Forbidden},
		"no right to the sales": {as(access.TariffManager), func(s *registry.Simulation) { s.From, s.To = "2026-01", "2026-01" }, refusal.Forbidden},
		"a vendor's owner":      {vendors, func(s *registry.Simulation) { s.From, s.To = "2026-01", "2026-01" }, refusal.Forbidden},
	} {
		s := good
		c.change(&s)
		got, err := w.Simulate(t.Context(), c.by, s)
		refused(t, name, got.Refusal, err, c.want)
	}
	if got, err := w.Simulate(t.Context(), as(access.TariffManager), good); err != nil || got.Refused() || got.Comparison != nil {
		t.Errorf("a draft alone: %v %s %+v, want no comparison", err, got.Detail(), got.Comparison)
	}
}
