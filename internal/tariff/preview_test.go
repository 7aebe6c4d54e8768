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
		"free units that are due":       {at2, giving(10_000), token(0), energy(50_000, 35_000), minor(20_000, 36_000), true},
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

// TestWhatIsCheaperForSomebodyIsCheaper: whoever asks for another tariff also chooses what the account has bought and used, and when it will use
// more. So a tariff is cheaper if it is so for any use, and not only for the use of the account so far.
func TestWhatIsCheaperForSomebodyIsCheaper(t *testing.T) {
	type blocks = []tariff.Block
	steps := func(b ...tariff.Block) tariff.Body { return tariff.Body{Currency: "KES", Blocks: b} }
	byTime := func(day, night money.MicroRate) tariff.Body {
		return tariff.Body{Currency: "KES", TOU: &tariff.TOU{
			Rates:   []tariff.Rate{{Name: "day", Rate: day}, {Name: "night", Rate: night}},
			Windows: []tariff.Window{{Days: 127, From: 0, To: 6 * 60, Rate: 1}},
		}}
	}
	seasons := func(day int, short, rest money.MicroRate) tariff.Body {
		return tariff.Body{Currency: "KES", Seasons: []tariff.Season{
			{Name: "short", From: tariff.MonthDay{Month: time.June, Day: 1}, Blocks: blocks{{Rate: short}}},
			{Name: "rest", From: tariff.MonthDay{Month: time.June, Day: day}, Blocks: blocks{{Rate: rest}}},
		}}
	}
	taxed := func(b tariff.Body, tax money.Bps) tariff.Body { b.VATBps = tax; return b }
	var many blocks // more limits than are compared
	for i := range tariff.MaxBlocks - 1 {
		many = append(many, tariff.Block{UpTo: unit.Energy(i+1) * 1000, Rate: 3_000_000})
	}
	many = append(many, tariff.Block{Rate: 3_000_000})
	manySeasons := tariff.Body{Currency: "KES"}
	for m := time.January; m <= time.December; m++ {
		own := append(blocks{}, many...)
		for i := range own[:len(own)-1] {
			own[i].UpTo += unit.Energy(m) * 100
		}
		manySeasons.Seasons = append(manySeasons.Seasons, tariff.Season{Name: "s", From: tariff.MonthDay{Month: m, Day: 1}, Blocks: own})
	}
	flat := oneRate(2_500_000)
	feed := oneRate(2_500_000)
	feed.Fee.Amount = 3000
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		before, after tariff.Body
		wallet        bool
		want          bool
	}{
		"the same":                                 {flat, flat, false, false},
		"twice the price, but no fee":              {feed, oneRate(5_000_000), false, true},
		"twice the price, and no fee for a wallet": {feed, oneRate(5_000_000), true, false},
		"cheap nights, dear days":                  {flat, byTime(6_000_000, 100_000), true, true},
		"no more dear days":                        {byTime(6_000_000, 100_000), flat, true, true},
		"dear at any time":                         {flat, byTime(6_000_000, 2_500_000), true, false},
		"dear at any time, but less tax":           {taxed(flat, 1500), byTime(6_000_000, 2_500_000), true, true},
		"cheap for two weeks of a month":           {flat, seasons(15, 100_000, 6_000_000), true, true},
		"cheap for a month":                        {flat, seasons(30, 100_000, 6_000_000), true, true},
		"dear in every season":                     {flat, seasons(15, 3_000_000, 6_000_000), true, false},
		"cheap beyond a block that nobody fills":   {flat, steps(tariff.Block{UpTo: 900_000, Rate: 4_000_000}, tariff.Block{Rate: 2_000_000}), false, true},
		"a dear first block": {flat, steps(tariff.Block{UpTo: 1000, Rate: 9_000_000}, tariff.Block{UpTo: 80_000, Rate: 1_000_000},
			tariff.Block{Rate: 9_000_000}), false, true},
		"cheap between two blocks": {steps(tariff.Block{UpTo: 400_000, Rate: 3_000_000}, tariff.Block{Rate: 3_000_000}),
			steps(tariff.Block{UpTo: 500_000, Rate: 3_000_000}, tariff.Block{UpTo: 600_000, Rate: 1_000_000}, tariff.Block{Rate: 90_000_000}), false, true},
		"dear in every block":             {flat, steps(tariff.Block{UpTo: 50_000, Rate: 2_500_000}, tariff.Block{Rate: 3_000_000}), false, false},
		"free units":                      {flat, oneRate(9_000_000, func(b *tariff.Body) { b.Free.Units = 10_000 }), false, true},
		"no charge where nothing is used": {oneRate(2_500_000, byTheMonth(30)), oneRate(9_000_000), false, true},
		"more limits than are compared":   {flat, manySeasons, true, true},
	} {
		for _, month := range []unit.Energy{unit.Quantum, 100_000, 5_000_000} {
			for _, pays := range []money.Minor{100, 100_000} {
				use := tariff.AccountUse{Pays: pays, Month: month, Wallet: c.wallet}
				got, err := tariff.PreviewChange(c.before, c.after, use, at, time.UTC)
				if err != nil || got.Cheaper != c.want {
					t.Errorf("%s, for a usual month of %d Wh and a purchase of %d: cheaper %t, %v", name, month, pays, got.Cheaper, err)
				}
			}
		}
	}
}

// TestThePurchasesOfAnotherCustomerAreCompared: in a month in which the first block is used up already, the account's own small purchase stays within
// the next block.
func TestThePurchasesOfAnotherCustomerAreCompared(t *testing.T) {
	steps := func(b ...tariff.Block) tariff.Body { return tariff.Body{Currency: "KES", Blocks: b} }
	before := steps(tariff.Block{UpTo: 50_000, Rate: 1_000_000}, tariff.Block{UpTo: 400_000, Rate: 5_000_000}, tariff.Block{Rate: 5_000_000})
	after := steps(tariff.Block{UpTo: 51_000, Rate: 9_000_000}, tariff.Block{UpTo: 400_000, Rate: 4_500_000}, tariff.Block{Rate: 5_000_000})
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	use := tariff.AccountUse{Pays: 100, Bought: 50_000, Month: unit.Quantum}
	if got, err := tariff.PreviewChange(before, after, use, at, time.UTC); err != nil || !got.Cheaper || got.After.Buys > got.Before.Buys {
		t.Errorf("%+v, %v", got, err)
	}
}
