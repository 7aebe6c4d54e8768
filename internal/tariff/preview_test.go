package tariff_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// oneRate is a tariff of these tests with one price and no tax.
func oneRate(rate money.MicroRate, change ...func(*tariff.Body)) tariff.Body {
	b := tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: rate}}}
	for _, c := range change {
		c(&b)
	}
	return b
}

func byTheMonth(amount money.Minor) func(*tariff.Body) {
	return func(b *tariff.Body) {
		b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: amount, Per: tariff.PerMonth, Untaxed: true}}
	}
}

// TestAPreviewComparesTheNextPurchaseAndAUsualMonth has an example for each kind of price.
func TestAPreviewComparesTheNextPurchaseAndAUsualMonth(t *testing.T) {
	steps := func(first, rest money.MicroRate) tariff.Body {
		return tariff.Body{Currency: "KES", Blocks: []tariff.Block{{UpTo: 50_000, Rate: first}, {Rate: rest}}}
	}
	night := tariff.Body{Currency: "KES", TOU: &tariff.TOU{
		Otherwise: 0,
		Rates:     []tariff.Rate{{Name: "day", Rate: 4_000_000}, {Name: "night", Rate: 2_000_000}},
		Windows:   []tariff.Window{{Days: 127, From: 0, To: 12 * 60, Rate: 1}},
	}}
	winter := tariff.Body{Currency: "KES", Seasons: []tariff.Season{
		{Name: "high", From: tariff.MonthDay{Month: time.June, Day: 1}, Blocks: []tariff.Block{{Rate: 1_000_000}}},
		{Name: "low", From: tariff.MonthDay{Month: time.September, Day: 1}, Blocks: []tariff.Block{{Rate: 9_000_000}}},
	}}
	at2, at3, at4 := oneRate(2_000_000), oneRate(3_000_000), oneRate(4_000_000)
	giving := func(free unit.Energy) tariff.Body {
		return oneRate(4_000_000, func(b *tariff.Body) { b.Free.Units = free })
	}
	token := func(bought unit.Energy) tariff.AccountUse {
		return tariff.AccountUse{Pays: 10_000, Bought: bought, Month: 100_000}
	}
	claimed := token(0)
	claimed.FreeClaimed = true
	wallet := func(month unit.Energy) tariff.AccountUse {
		return tariff.AccountUse{Pays: 10_000, Month: month, Wallet: true}
	}
	energy := func(before, after unit.Energy) [2]unit.Energy { return [2]unit.Energy{before, after} }
	minor := func(before, after money.Minor) [2]money.Minor { return [2]money.Minor{before, after} }
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		before, after tariff.Body
		use           tariff.AccountUse
		buys          [2]unit.Energy
		month         [2]money.Minor
		cheaper       bool
	}{
		"a higher price": {at2, at4, token(0), energy(50_000, 25_000), minor(20_000, 40_000), false},
		"a lower price":  {at4, at2, token(0), energy(25_000, 50_000), minor(40_000, 20_000), true},
		"the same price": {at2, at2, token(0), energy(50_000, 50_000), minor(20_000, 20_000), false},
		"a used first block": {steps(1_000_000, 4_000_000), steps(3_000_000, 4_000_000), token(60_000),
			energy(25_000, 25_000), minor(25_000, 35_000), false},
		"blocks go on":      {at2, steps(2_000_000, 4_000_000), token(40_000), energy(50_000, 30_000), minor(20_000, 30_000), false},
		"no monthly charge": {oneRate(2_000_000, byTheMonth(30_000)), at3, token(0), energy(50_000, 33_300), minor(50_000, 30_000), true},
		"a monthly charge that little use does not pay": {at4, oneRate(3_900_000, byTheMonth(50_000)), token(0),
			energy(25_000, 25_600), minor(40_000, 89_000), true},
		"free units, given out already": {at2, giving(60_000), claimed, energy(50_000, 25_000), minor(20_000, 16_000), true},
		"free units that are due":       {at2, giving(10_000), token(0), energy(50_000, 35_000), minor(20_000, 36_000), false},
		"free units on a wallet":        {at2, giving(60_000), wallet(100_000), energy(50_000, 25_000), minor(20_000, 40_000), false},
		"by time of use, dearer":        {at2, night, wallet(62_000), energy(50_000, 25_000), minor(12_400, 18_600), false},
		"cheaper only in half a year":   {at2, winter, wallet(100_000), energy(50_000, 11_111), minor(20_000, 90_000), true},
		"a plan for time": {at2, oneRate(0, byTheMonth(60_000)), wallet(100_000),
			energy(50_000, tariff.MaxUpTo), minor(20_000, 60_000), true},
	} {
		got, err := tariff.PreviewChange(c.before, c.after, c.use, at, time.UTC)
		buys := [2]unit.Energy{got.Before.Buys, got.After.Buys}
		month := [2]money.Minor{got.Before.UsualMonth, got.After.UsualMonth}
		if err != nil || buys != c.buys || month != c.month || got.Cheaper != c.cheaper {
			t.Errorf("%s: buys %d, a month costs %d, cheaper %t, %v; want %d, %d and %t", name, buys, month, got.Cheaper, err,
				c.buys, c.month, c.cheaper)
		}
	}
}

// TestAPreviewSaysWhyATariffSellsNothing: a purchase below the least of one tariff buys nothing there.
func TestAPreviewSaysWhyATariffSellsNothing(t *testing.T) {
	least := oneRate(2_000_000, func(b *tariff.Body) { b.MinVend = 20_000 })
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	got, err := tariff.PreviewChange(oneRate(2_000_000), least, tariff.AccountUse{Pays: 10_000, Month: 100_000}, at, time.UTC)
	if err != nil || got.Before.Refused() || !got.After.Refused() || got.After.Buys != 0 || got.Cheaper {
		t.Errorf("%+v, %v", got, err)
	}
}
