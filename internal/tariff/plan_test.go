package tariff_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
)

func TestAPlanForAnEnergyIsAFlatPrice(t *testing.T) {
	b, no := tariff.Parse([]byte(`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":5000,"units_wh":500}}`))
	if no.Refused() || len(b.Blocks) != 1 || b.Blocks[0].Rate != 100_000_000 {
		t.Fatalf("500 Wh for 50.00: %+v (%s), want 100.00 per kWh", b, no.What)
	}
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	var m tariff.RatingState
	if got := rate(t, b, &m, at, at.Add(time.Hour), 500); got.Debit != 5000 {
		t.Errorf("500 Wh cost %d, want the plan's 5000", got.Debit)
	}
	if got, err := b.AffordableLess(5000, 0); err != nil || got != 500 {
		t.Errorf("50.00 affords %d Wh (%v), want 500", got, err)
	}
	if no := b.ForTokens(); no.Refused() {
		t.Errorf("tokens on it: %s", no.What)
	}
	kept, err := tariff.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := tariff.Decode(kept); err != nil || again.Plan != 500 || b.Plan != 500 {
		t.Errorf("kept as %s, a plan for %d Wh (%v); want 500", kept, again.Plan, err)
	}
	yen, no := tariff.Parse([]byte(`{"currency":"UGX","vat_bps":1800,"plan":{"amount_minor":800,"units_wh":1000}}`))
	if no.Refused() || yen.Blocks[0].Rate != 800_000_000 {
		t.Errorf("1 kWh for 800 UGX: %+v (%s)", yen.Blocks, no.What)
	}
}

func TestAPlanForAPeriodIsAFixedCharge(t *testing.T) {
	b, no := tariff.Parse([]byte(`{"currency":"KES","vat_bps":1500,"plan":{"amount_minor":90000,"per":"month"}}`))
	if no.Refused() || len(b.Fixed) != 1 || b.Fixed[0].Amount != 90_000 || b.Fixed[0].Per != tariff.PerMonth {
		t.Fatalf("900.00 a month: %+v (%s)", b, no.What)
	}
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	var m tariff.RatingState
	if got := rate(t, b, &m, at, at.Add(time.Hour), 123_456); got.Debit != 0 {
		t.Errorf("energy costs %d, want nothing", got.Debit)
	}
	sum := money.Minor(0)
	for day := 1; day <= 30; day++ {
		due, err := b.FixedDue(b.Fixed[0], 2026, time.November, day, day)
		if err != nil {
			t.Fatal(err)
		}
		sum += due
	}
	if sum != 103_500 {
		t.Errorf("the days of November sum to %d, want 1035.00 with tax", sum)
	}
	if no := b.ForTokens(); !no.Refused() {
		t.Error("tokens could be bought for nothing")
	}
	if got, err := b.AffordableLess(1, 0); err != nil || got != tariff.MaxUpTo {
		t.Errorf("0.01 affords %d Wh (%v), want no bound", got, err)
	}
	text, err := tariff.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := tariff.Decode(text); err != nil || len(again.Fixed) != 1 || again.Blocks[0].Rate != 0 {
		t.Errorf("kept as %s, read as %+v (%v)", text, again, err)
	}
}

func TestPlansThatAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":1000,"units_wh":3000}}`:                                    "more than 6 decimal places",
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":1000}}`:                                                    "exactly one of units_wh and per",
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":1000,"units_wh":500,"per":"day"}}`:                         "exactly one of units_wh and per",
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":0,"units_wh":500}}`:                                        "plan.amount_minor is 0",
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":5,"units_wh":-500}}`:                                       "cannot be for",
		`{"currency":"KES","vat_bps":0,"flat_micro":1,"plan":{"amount_minor":5000,"units_wh":500}}`:                      "a plan and another price",
		`{"currency":"KES","vat_bps":0,"plan_wh":5,"plan":{"amount_minor":5000,"units_wh":500}}`:                         "a plan and another price",
		`{"currency":"KES","vat_bps":0,"flat_micro":1,"plan_wh":-1}`:                                                     "cannot be for",
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":5000,"per":"week"}}`:                                       `plan.per is "week"`,
		`{"currency":"KES","vat_bps":0,"flat_micro":0}`:                                                                  "flat_micro is 0",
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":5000,"per":"day"},"levies":[{"name":"x","rate_micro":1}]}`: "flat_micro is 0",
	} {
		if _, no := tariff.Parse([]byte(text)); !no.Refused() || !strings.Contains(no.What, says) {
			t.Errorf("%s: %q, want a refusal that says %q", text, no.What, says)
		}
	}
}
