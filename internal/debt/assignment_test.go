package debt_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/codeblock"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// TestAMonthIsChargedByTheTariffWithWhichItBegan: another tariff changes the next month, whatever happens in this one. A tariff without charges
// does not forgive the month that began on another one.
func TestAMonthIsChargedByTheTariffWithWhichItBegan(t *testing.T) {
	home, shop, none, later := id.ID{15: 1}, id.ID{15: 2}, id.ID{15: 3}, id.ID{15: 4}
	versions := map[id.ID]tariff.Version{home: charging(midnight(time.January, 1), 3000), shop: charging(midnight(time.January, 1), 6000),
		none: charging(midnight(time.January, 1), 0), later: charging(midnight(time.December, 16), 3100)}
	at := func(of id.ID, when time.Time) (tariff.Version, bool, error) {
		v := versions[of]
		return v, !v.EffectiveFrom.After(when), nil
	}
	to := func(of id.ID, from time.Time) tariff.Assignment { return tariff.Assignment{Tariff: of, From: from} }
	const tick = time.Microsecond
	november := midnight(time.November, 1)
	toAndFro := tariff.Assignments{to(none, day(2026, 11, 5)), to(home, day(2026, 11, 25))}
	for name, c := range map[string]struct {
		first id.ID
		later tariff.Assignments
		daily bool
		want  string // up to 20 December, for an account that was opened on 1 October
	}{
		"never changed":                    {home, nil, false, "2026-10 3000 2026-11 3000 2026-12 3000"},
		"changed in a month":               {home, tariff.Assignments{to(shop, day(2026, 11, 20))}, false, "2026-10 3000 2026-11 3000 2026-12 6000"},
		"changed as a month begins":        {home, tariff.Assignments{to(shop, november)}, false, "2026-10 3000 2026-11 6000 2026-12 6000"},
		"changed just after that":          {home, tariff.Assignments{to(shop, november.Add(tick))}, false, "2026-10 3000 2026-11 3000 2026-12 6000"},
		"to and fro within a month":        {home, toAndFro, false, "2026-10 3000 2026-11 3000 2026-12 3000"},
		"to one without charges":           {home, tariff.Assignments{to(none, day(2026, 11, 20))}, false, "2026-10 3000 2026-11 3000"},
		"from one without charges":         {none, tariff.Assignments{to(home, day(2026, 11, 20))}, false, "2026-12 3000"},
		"day by day, changed in the month": {home, tariff.Assignments{to(shop, day(2026, 12, 10))}, true, "2026-10 3000 2026-11 3000 2026-12 1935"},
		"from one that had not begun":      {later, tariff.Assignments{to(shop, midnight(time.November, 16))}, false, "2026-11 3000 2026-12 6000"},
	} {
		a := debt.ChargeAccount{ID: id.ID{9}, Tariff: c.first, Later: c.later, OpenedAt: midnight(time.October, 1)}
		r := &rows{accounts: []debt.ChargeAccount{a}, at: at, policy: registry.ChargePolicy{Daily: c.daily}}
		r.accrue(t, day(2026, 12, 20))
		var parts []string
		for _, p := range r.puts {
			parts = append(parts, fmt.Sprint(p.Month, " ", p.Gross))
		}
		if got := strings.Join(parts, " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	// A sale collects the months that began on the tariff before, also if the tariff now has no charges.
	inForce, _, err := tariff.Assignments{to(none, day(2026, 11, 20))}.InForce(home, day(2026, 11, 25), at)
	if err != nil {
		t.Fatal(err)
	}
	r := &rows{at: at}
	owed, err := debt.Owe(r.Charges(), sale.Point{Account: id.ID{9}, Tariff: home, Later: tariff.Assignments{to(none, day(2026, 11, 20))},
		OpenedAt: midnight(time.October, 1)}, inForce, day(2026, 11, 25))
	if err != nil || len(owed.Charges) != 2 || owed.Charges[0].Outstanding != 3000 || owed.Charges[1].Outstanding != 3000 {
		t.Errorf("a sale after the change collects %+v, %v; want the charges of October and November", owed.Charges, err)
	}
}

// TestThePageShowsWhichChargesATokenMeterPays works out two rows of docs/reference/tariffs.md#another-tariff-for-a-meter. The account is on home
// until noon on 20 November, and on shop from then on.
func TestThePageShowsWhichChargesATokenMeterPays(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/tariffs.md")
	if err != nil {
		t.Fatal(err)
	}
	home, shop := id.ID{15: 1}, id.ID{15: 2}
	for row, c := range map[string]struct {
		per        tariff.Period
		home, shop money.Minor
		says       string
	}{
		"plan for a period, charge per month": {tariff.PerMonth, 3000, 6000,
			"a token meter pays the %s of home for all of November, and the %s of shop from December on, also if charges fall due day by day"},
		"charge per day": {tariff.PerDay, 100, 200, "A token meter pays %s for November, and %s for 1 December"},
	} {
		at := func(of id.ID, _ time.Time) (tariff.Version, bool, error) {
			v := charging(midnight(time.January, 1), map[id.ID]money.Minor{home: c.home, shop: c.shop}[of])
			v.Body.Fixed[0].Per = c.per
			return v, true, nil
		}
		a := debt.ChargeAccount{ID: id.ID{9}, Tariff: home, Later: tariff.Assignments{{Tariff: shop, From: day(2026, 11, 20)}},
			OpenedAt: midnight(time.November, 1)}
		r := &rows{accounts: []debt.ChargeAccount{a}, at: at}
		r.accrue(t, day(2026, 12, 1))
		if c.per == tariff.PerMonth {
			daily := &rows{accounts: []debt.ChargeAccount{a}, at: at, policy: registry.ChargePolicy{Daily: true}}
			daily.accrue(t, day(2026, 12, 31))
			same := func(x, y debt.Due) bool { return x.Month == y.Month && x.Gross == y.Gross }
			if !slices.EqualFunc(daily.puts, r.puts, same) {
				t.Errorf("day by day the two months come to %+v, want %+v", daily.puts, r.puts)
			}
		}
		var paid []any
		for _, d := range r.puts {
			paid = append(paid, fmt.Sprintf("%d.%02d", d.Gross/100, d.Gross%100))
		}
		if said, want := codeblock.Row(string(page), row), fmt.Sprintf(c.says, paid...); !strings.Contains(said, want) {
			t.Errorf("row %q of docs/reference/tariffs.md says %q, and does not say %q", row, said, want)
		}
	}
}
