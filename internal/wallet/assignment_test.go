package wallet_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/codeblock"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// assigned returns the versions that price an account which was opened on tariff 1 and got others later. The tariffs have one version each, in force
// for a year.
func assigned(t *testing.T, at time.Time, bodies map[byte]tariff.Body, later tariff.Assignments) []tariff.Version {
	t.Helper()
	versions, err := later.Versions(id.ID{15: 1}, func(of id.ID) ([]tariff.Version, error) {
		return []tariff.Version{version(int(of[15]), at.AddDate(-1, 0, 0), bodies[of[15]])}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return versions
}

// TestUseBeforeAnotherTariffKeepsItsPrice: a reading that spans the moment is shared by time, and one that comes late is priced by the tariff of its
// own time.
func TestUseBeforeAnotherTariffKeepsItsPrice(t *testing.T) {
	at := noon(t)
	dear := flat()
	dear.Blocks = []tariff.Block{{Rate: 5_000_000}}
	later := tariff.Assignments{{Tariff: id.ID{15: 2}, From: at.Add(90 * time.Minute)}}
	p := newPlant(t, assigned(t, at, map[byte]tariff.Body{1: flat(), 2: dear}, later)...)
	p.read(at, 0)
	var got string
	for i, wh := range []unit.Energy{1000, 2000, 3000} { // in the hours before, around and after the moment
		taken := p.read(at.Add(time.Duration(i+1)*time.Hour), wh)
		got += fmt.Sprintf(" %d %t", taken.Debit, taken.Estimated)
	}
	// 1 kWh costs 2.875 and then 5.75. Half of the second one was used before the moment: 1.4375 and 2.875, with what was carried.
	if want := " 287 false 431 true 575 false"; got != want {
		t.Errorf("debits and whether they are estimated:%s, want%s", got, want)
	}
	if sum := p.s.Debited; sum != 1293 { // floor of 2.875 + 4.3125 + 5.75
		t.Errorf("together %d, want 1293", sum)
	}
}

// TestNobodyGetsASecondFirstBlock: what was used in the month counts in the blocks of every tariff, also after a change back.
func TestNobodyGetsASecondFirstBlock(t *testing.T) {
	at := noon(t)
	dear := blocks()
	dear.Blocks = nil
	for _, b := range blocks().Blocks {
		dear.Blocks = append(dear.Blocks, tariff.Block{UpTo: b.UpTo, Rate: 2 * b.Rate})
	}
	const step = 4 * time.Hour
	p := newPlant(t, assigned(t, at, map[byte]tariff.Body{1: blocks(), 2: dear},
		tariff.Assignments{{Tariff: id.ID{15: 2}, From: at.Add(step)}, {Tariff: id.ID{15: 1}, From: at.Add(2 * step)}})...)
	p.read(at, 0)
	for i, c := range []struct {
		register unit.Energy
		want     money.Minor
	}{
		{40_000, 5520}, // 40 kWh at 1.20
		{60_000, 6440}, // 10 kWh at 2.40, and 10 kWh at 3.20
		{70_000, 1840}, // 10 kWh at 1.60: the first 50 kWh of the month are used
	} {
		if got := p.read(at.Add(time.Duration(i+1)*step), c.register); got.Debit != c.want {
			t.Errorf("up to %d Wh: debit %d, want %d", c.register, got.Debit, c.want)
		}
	}
}

// TestThePageShowsWhichChargesAWalletPays works out two rows of docs/reference/tariffs.md#another-tariff-for-a-meter. The account is on home
// until noon on 20 November, and on shop from then on.
func TestThePageShowsWhichChargesAWalletPays(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/tariffs.md")
	if err != nil {
		t.Fatal(err)
	}
	kes := func(m money.Minor) string { return fmt.Sprintf("%d.%02d", m/100, m%100) }
	for row, c := range map[string]struct {
		per        tariff.Period
		home, shop money.Minor
		says       func(days []money.Minor) string
	}{
		"plan for a period, charge per month": {tariff.PerMonth, 3000, 6000, func(days []money.Minor) string {
			return fmt.Sprintf("20 days of home (%s) and 10 days of shop (%s)", kes(together(days[:20])), kes(together(days[20:])))
		}},
		"charge per day": {tariff.PerDay, 100, 200, func(days []money.Minor) string {
			return fmt.Sprintf("A wallet pays %s for 20 November, %s for 21 November, and %s for all of November",
				kes(days[19]), kes(days[20]), kes(together(days)))
		}},
	} {
		d := newTill(t, 100_000, 1)
		d.now = time.Date(2026, 11, 30, 12, 0, 0, 0, d.tenant.Zone)
		shop := id.ID{15: 2}
		d.others = map[id.ID]tariff.Version{}
		for tariffID, amount := range map[id.ID]money.Minor{d.rows[0].Meter.Tariff: c.home, shop: c.shop} {
			b := tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 1}}, Fixed: []tariff.FixedCharge{{Name: "service", Amount: amount, Per: c.per}}}
			d.others[tariffID] = version(1, d.now.AddDate(-1, 0, 0), b)
		}
		d.rows[0].Meter.Later = tariff.Assignments{{Tariff: shop, From: time.Date(2026, 11, 20, 12, 0, 0, 0, d.tenant.Zone)}}
		d.uncharged = []wallet.ChargeAccount{{Meter: d.rows[0].Meter, OpenedAt: time.Date(2026, 11, 1, 0, 0, 0, 0, d.tenant.Zone)}}
		if n, err := d.wallets().ChargeDays(t.Context(), system()); err != nil || n != 30 {
			t.Fatalf("%d days of November charged, %v", n, err)
		}
		var days []money.Minor
		for _, j := range d.booked {
			days = append(days, j.Postings[0].Amount)
		}
		if said, want := codeblock.Row(string(page), row), c.says(days); !strings.Contains(said, want) {
			t.Errorf("row %q of docs/reference/tariffs.md says %q, and does not say %q", row, said, want)
		}
	}
}

func together(all []money.Minor) (total money.Minor) {
	for _, m := range all {
		total += m
	}
	return total
}
