package tariff_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/codeblock"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// The table of docs/reference/tariffs.md#another-tariff-for-a-meter has a row for each kind of price. The rules of most rows are in this room.
// The tests below work out the figures of those rows and look for them on the page. The other rows have a test where their rule is.

// changeTable is the first row of the table.
const changeTable = "| price | a change from home to shop at noon on 20 November; all prices without tax |"

// tariffsPage returns docs/reference/tariffs.md.
func tariffsPage(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/reference/tariffs.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// homeToShop is an account that is on home until noon on 20 November, and on shop from then on.
type homeToShop struct{ home, shop tariff.Body }

// inForce returns what prices the account at a moment.
func (c homeToShop) inForce(t *testing.T, at time.Time) tariff.Body {
	t.Helper()
	later := tariff.Assignments{{Tariff: shop, From: hour(12)}}
	v, found, err := later.InForce(home, at, func(of id.ID, _ time.Time) (tariff.Version, bool, error) {
		return tariff.Version{TariffID: of, Body: map[id.ID]tariff.Body{home: c.home, shop: c.shop}[of]}, true, nil
	})
	if err != nil || !found {
		t.Fatalf("no tariff at %s: %v", at, err)
	}
	return v.Body
}

// buys splits a purchase by the tariff in force at a moment.
func (c homeToShop) buys(t *testing.T, at time.Time, p tariff.Purchase) tariff.Allocation {
	t.Helper()
	p.Body = c.inForce(t, at)
	a, err := tariff.Allocate(p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// uses returns what a kilowatt-hour costs that is used in an hour.
func (c homeToShop) uses(t *testing.T, from time.Time) string {
	t.Helper()
	var m tariff.RatingState
	return kes(rate(t, c.inForce(t, from), &m, from, from.Add(time.Hour), unit.KilowattHour).Debit)
}

func kes(m money.Minor) string { return fmt.Sprintf("%d.%02d", m/100, m%100) }

// readTariff reads a tariff as a utility writes it.
func readTariff(t *testing.T, text string) tariff.Body {
	t.Helper()
	b, err := tariff.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// listSteps writes the blocks of a purchase as the page does: "10 × 2.40 and 10 × 3.20".
func listSteps(a tariff.Allocation) string {
	var out []string
	for _, s := range a.Steps {
		out = append(out, fmt.Sprintf("%d × %d.%02d", s.Units/unit.KilowattHour, s.Rate/1_000_000, s.Rate%1_000_000/10_000))
	}
	return strings.Join(out, " and ")
}

// TestThePageShowsAChangeForEachKindOfPrice works out the rows whose rules are in this room.
func TestThePageShowsAChangeForEachKindOfPrice(t *testing.T) {
	page := tariffsPage(t)
	before, after := hour(12).Add(-time.Microsecond), hour(12)
	steps := func(first, rest money.MicroRate) tariff.Body {
		return tariff.Body{Currency: "KES", Blocks: []tariff.Block{{UpTo: 50_000, Rate: first}, {Rate: rest}}}
	}
	hundred := tariff.Purchase{Tender: 10_000}
	twoPurchases := func(c homeToShop) string {
		return fmt.Sprintf("A purchase of 100.00 buys %s kWh before noon and %s kWh after it", c.buys(t, before, hundred).Units.KWh(1),
			c.buys(t, after, hundred).Units.KWh(1))
	}
	withFee := func(fee money.Minor) func(*tariff.Body) { return func(b *tariff.Body) { b.Fee.Amount = fee } }
	for row, play := range map[string]func() []string{
		"flat price": func() []string {
			return []string{"home 2.50, shop 5.00", twoPurchases(homeToShop{oneRate(2_500_000), oneRate(5_000_000)})}
		},
		"blocks": func() []string {
			c := homeToShop{steps(1_200_000, 1_600_000), steps(2_400_000, 3_200_000)}
			back := homeToShop{c.shop, c.home}
			return []string{"home 1.20 up to 50 kWh and then 1.60, shop 2.40 up to 50 kWh and then 3.20",
				"After 40 kWh in November, the next 20 kWh cost " + listSteps(c.buys(t, after, tariff.Purchase{Tender: 5600, Month: 40_000})),
				"After a change back, the next 10 kWh cost " + listSteps(back.buys(t, after, tariff.Purchase{Tender: 1600, Month: 60_000}))}
		},
		"time of use": func() []string {
			c := homeToShop{oneRate(2_500_000), tariff.Body{Currency: "KES", TOU: &tariff.TOU{Otherwise: 1,
				Rates:   []tariff.Rate{{Name: "day", Rate: 6_000_000}, {Name: "night", Rate: 3_000_000}},
				Windows: []tariff.Window{{Days: 127, From: 8 * 60, To: 18 * 60, Rate: 0}}}}}
			return []string{"home 2.50, shop 6.00 from 08:00 to 18:00 and 3.00 at other times", fmt.Sprintf(
				"A kilowatt-hour that is used from 11:00 to 12:00 costs %s, one from 13:00 to 14:00 costs %s, and one from 19:00 to 20:00 costs %s",
				c.uses(t, hour(11)), c.uses(t, hour(13)), c.uses(t, hour(19)))}
		},
		"seasons": func() []string {
			c := homeToShop{oneRate(2_500_000), tariff.Body{Currency: "KES", Seasons: []tariff.Season{
				{Name: "rain", From: tariff.MonthDay{Month: time.March, Day: 1}, Blocks: []tariff.Block{{Rate: 5_000_000}}},
				{Name: "dry", From: tariff.MonthDay{Month: time.December, Day: 1}, Blocks: []tariff.Block{{Rate: 4_000_000}}}}}}
			return []string{"home 2.50, shop 5.00, and 4.00 from 1 December on", fmt.Sprintf(
				"A kilowatt-hour costs %s before noon, %s after it, and %s on 1 December", c.uses(t, hour(11)), c.uses(t, hour(13)),
				c.uses(t, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)))}
		},
		"plan for an energy": func() []string {
			return []string{"home 20 kWh for 50.00, shop 10 kWh for 50.00", twoPurchases(homeToShop{
				readTariff(t, `{"currency":"KES","vat_bps":0,"plan":{"amount_minor":5000,"units_wh":20000}}`),
				readTariff(t, `{"currency":"KES","vat_bps":0,"plan":{"amount_minor":5000,"units_wh":10000}}`)})}
		},
		"fee of a purchase": func() []string {
			c := homeToShop{oneRate(2_500_000, withFee(100)), oneRate(5_000_000, withFee(250))}
			one, two := c.buys(t, before, hundred), c.buys(t, after, hundred)
			return []string{"home 2.50 and a fee of 1.00, shop 5.00 and a fee of 2.50", fmt.Sprintf(
				"A purchase of 100.00 pays %s and buys %s kWh before noon, and pays %s and buys %s kWh after it",
				kes(one.Deductions[0].Gross), one.Units.KWh(1), kes(two.Deductions[0].Gross), two.Units.KWh(1))}
		},
		"levies, tax, rounding, smallest and largest purchase": func() []string { return playLevies(t, before, after) },
	} {
		said := codeblock.Row(page, row)
		for _, want := range play() {
			if !strings.Contains(said, want) {
				t.Errorf("row %q of docs/reference/tariffs.md says %q, and does not say %q", row, said, want)
			}
		}
	}
}

// playLevies works out the row of what belongs to a price besides its rate.
func playLevies(t *testing.T, before, after time.Time) []string {
	taxed := func(b *tariff.Body) { b.VATBps = 1500 }
	levied := func(b *tariff.Body) {
		b.Levies, b.MinVend, b.MaxVend = []tariff.Levy{{Name: "rural", Percent: 500}}, 2000, 100_000
	}
	c := homeToShop{oneRate(2_500_000, taxed), oneRate(5_000_000, taxed, levied)}
	one := c.buys(t, before, tariff.Purchase{Tender: 10_000})
	two := c.buys(t, after, tariff.Purchase{Tender: 10_000, Carry: one.CarryOut})
	nearest := c
	nearest.shop.Rounding = tariff.Nearest
	if carried := nearest.buys(t, after, tariff.Purchase{Tender: 10_000, Carry: one.CarryOut}).CarryOut; carried != 0 {
		t.Errorf("rounded to the nearest 0.1 kWh, a purchase carries %d forward", carried)
	}
	for _, p := range []struct {
		at     time.Time
		tender money.Minor
		want   refusal.Code
	}{{before, 1999, ""}, {after, 1999, refusal.VendTooSmall}, {before, 100_001, ""}, {after, 100_001, refusal.VendTooLarge}} {
		if got := c.buys(t, p.at, tariff.Purchase{Tender: p.tender}).Code; got != p.want {
			t.Errorf("a purchase of %d at %s: %q, want %q", p.tender, p.at, got, p.want)
		}
	}
	return []string{"home 2.50, shop 5.00 and a levy of 5 %, both with 15 % tax",
		fmt.Sprintf("A purchase of 100.00 before noon buys %s kWh and carries %s forward", one.Units.KWh(1), kes(one.CarryOut)),
		fmt.Sprintf("One of 100.00 after noon has %s for energy, buys %s kWh and carries %s forward, or nothing if shop rounds to the nearest 0.1 kWh",
			kes(two.Energy), two.Units.KWh(1), kes(two.CarryOut)),
		"If shop sells from 20.00 to 1,000.00, a purchase of 19.99 or of 1,000.01 is refused from noon on"}
}

// TestEachRowOfAChangeHasATest: a new row of the table needs a test that plays it, in the room of its rule.
func TestEachRowOfAChangeHasATest(t *testing.T) {
	elsewhere := map[string][]string{
		"plan for a period, charge per month": {"../debt/assignment_test.go", "../wallet/assignment_test.go"},
		"charge per day":                      {"../debt/assignment_test.go", "../wallet/assignment_test.go"},
		"free units":                          {"../sale/sale_test.go"},
	}
	here := []string{"change_page_test.go"}
	_, table, found := strings.Cut(tariffsPage(t), changeTable+"\n|---|---|\n")
	if !found {
		t.Fatalf("docs/reference/tariffs.md has no table %q", changeTable)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var rows []string
	for line := range strings.Lines(table) {
		row := strings.TrimSpace(strings.Split(line, "|")[1])
		rows = append(rows, row)
		files, found := elsewhere[row]
		if !found {
			files = here
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"`+row+`"`) {
				t.Errorf("row %q: %s does not name it (%v)", row, file, err)
			}
		}
	}
	for row := range elsewhere {
		if !slices.Contains(rows, row) {
			t.Errorf("docs/reference/tariffs.md has no row %q", row)
		}
	}
}
