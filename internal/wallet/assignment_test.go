package wallet_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
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
