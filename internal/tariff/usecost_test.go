package tariff_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// TestUseCostPricesAgain checks that UseCost returns the same cost as rating did, and reports a rate that the tariff never had.
func TestUseCostPricesAgain(t *testing.T) {
	tou := &tariff.TOU{Rates: []tariff.Rate{{Name: "day", Rate: 3_000_000}, {Name: "night", Rate: 1_500_000}}, Otherwise: 1,
		Windows: []tariff.Window{{Days: 127, From: 6 * 60, To: 22 * 60, Rate: 0}}}
	for name, b := range map[string]tariff.Body{
		"blocks":  {Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{UpTo: 3000, Rate: 1_234_567}, {Rate: 2_500_001}}},
		"time":    {Currency: "KES", VATBps: 1500, TOU: tou},
		"seasons": {Currency: "KES", Seasons: []tariff.Season{{From: tariff.MonthDay{Month: time.January, Day: 1}, Blocks: []tariff.Block{{Rate: 2_000_000}}}, {From: tariff.MonthDay{Month: time.July, Day: 1}, TOU: tou}}},
	} {
		from := time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)
		_, rated, err := b.Rate(tariff.RatingState{}, time.UTC, tariff.Use{From: from, To: from.AddDate(0, 0, 1), Units: 7777 * unit.WattHour})
		if err != nil {
			t.Fatal(err)
		}
		cost, known, err := b.UseCost(rated.Parts)
		if err != nil || !known || cost != rated.Debit || cost == 0 {
			t.Errorf("%s: %d (known: %t, %v), rated %d", name, cost, known, err, rated.Debit)
		}
		parts := append([]tariff.Part(nil), rated.Parts...)
		parts[0].Rate--
		if _, known, err := b.UseCost(parts); err != nil || known {
			t.Errorf("%s: a rate that there is not is known (%v)", name, err)
		}
	}
}
