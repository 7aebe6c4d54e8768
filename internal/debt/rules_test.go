package debt_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// began returns a lookup of a tariff's versions, each in force from its own time.
func began(versions ...tariff.Version) versionAt {
	return func(_ id.ID, at time.Time) (v tariff.Version, found bool, err error) {
		for _, o := range versions {
			if !o.EffectiveFrom.After(at) {
				v, found = o, true
			}
		}
		return v, found, nil
	}
}

// charging returns a version with a standing charge a month and no tax.
func charging(from time.Time, amount money.Minor) tariff.Version {
	v := tariff.Version{EffectiveFrom: from, Body: tariff.Body{Currency: "KES"}}
	if amount > 0 {
		v.Body.Fixed = []tariff.FixedCharge{{Name: "standing", Amount: amount, Per: tariff.PerMonth}}
	}
	return v
}

func midnight(month time.Month, n int) time.Time {
	return time.Date(2026, month, n, 0, 0, 0, 0, time.UTC)
}

// TestAnAccountIsChargedForItsDays: an account is charged from its opening, or from the start of its tariff if that is later,
// to its end. The version in force when the account's month begins sets the charge.
func TestAnAccountIsChargedForItsDays(t *testing.T) {
	const tick = time.Microsecond
	old := began(charging(midnight(time.January, 1), 3000))
	for name, c := range map[string]struct {
		a    debt.ChargeAccount
		now  time.Time
		at   versionAt
		have []debt.Due
		want string
	}{
		"a month in advance":                      {debt.ChargeAccount{OpenedAt: midnight(time.November, 1)}, midnight(time.November, 1), old, nil, "2026-11 3000 to 2026-11-01"},
		"opened in the last moment of a month":    {debt.ChargeAccount{OpenedAt: midnight(time.November, 1).Add(-tick)}, midnight(time.November, 1), old, nil, "2026-10 97 2026-11 3000 to 2026-11-01"},
		"opened on the last day":                  {debt.ChargeAccount{OpenedAt: midnight(time.November, 30)}, midnight(time.November, 30), old, nil, "2026-11 100 to 2026-11-30"},
		"charged to today":                        {debt.ChargeAccount{OpenedAt: midnight(time.October, 1), ChargedTo: "2026-11-20"}, day(2026, 11, 20), old, nil, " to "},
		"charged to yesterday":                    {debt.ChargeAccount{OpenedAt: midnight(time.October, 1), ChargedTo: "2026-11-19"}, day(2026, 11, 20), old, []debt.Due{{Name: "standing", Month: "2026-11", Gross: 3000}}, " to 2026-11-20"},
		"closed on the first":                     {debt.ChargeAccount{OpenedAt: midnight(time.October, 1), ClosedAt: midnight(time.November, 1)}, day(2026, 12, 2), old, nil, "2026-10 3000 2026-11 100 to 2026-12-02"},
		"closed in the moment before":             {debt.ChargeAccount{OpenedAt: midnight(time.October, 1), ClosedAt: midnight(time.November, 1).Add(-tick)}, day(2026, 12, 2), old, nil, "2026-10 3000 to 2026-12-02"},
		"closed on the last day":                  {debt.ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.December, 1).Add(-tick)}, day(2026, 12, 2), old, nil, "2026-11 3000 to 2026-12-02"},
		"closed, and charged for the whole month": {debt.ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 15)}, day(2026, 11, 16), old, []debt.Due{{Name: "standing", Month: "2026-11", Gross: 3000, Paid: 100}}, "2026-11 1500 to 2026-11-16"},
		"closed, and paid for the whole month":    {debt.ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 15)}, day(2026, 11, 16), old, []debt.Due{{Name: "standing", Month: "2026-11", Gross: 3000, Paid: 2999}}, "2026-11 2999 to 2026-11-16"},
		"closed, and paid for more than it used":  {debt.ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 15)}, day(2026, 11, 16), old, []debt.Due{{Name: "standing", Month: "2026-11", Gross: 3000, Paid: 3000}}, " to 2026-11-16"},
		"closed, and as much as is due":           {debt.ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 15)}, day(2026, 11, 16), old, []debt.Due{{Name: "standing", Month: "2026-11", Gross: 1500}}, " to 2026-11-16"},
		"a lower amount of a later version":       {debt.ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 11, 16), old, []debt.Due{{Name: "standing", Month: "2026-11", Gross: 3001}}, " to 2026-11-16"},
		"the second of two charges":               {debt.ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 11, 16), old, []debt.Due{{Name: "standing", Month: "2026-11", Gross: 10, Paid: 7}, {Name: "other", Month: "2026-11"}}, "2026-11 3000 to 2026-11-16"},
		"the tariff begins in the month":          {debt.ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 11, 16), began(charging(midnight(time.November, 16), 3000)), nil, "2026-11 1500 to 2026-11-16"},
		"the tariff begins this afternoon":        {debt.ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 11, 16), began(charging(day(2026, 11, 16).Add(tick), 3000)), nil, " to "},
		"the tariff began with the next month":    {debt.ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 12, 1), began(charging(midnight(time.December, 1), 3000)), nil, "2026-12 3000 to 2026-12-01"},
		"the tariff began at the last moment":     {debt.ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 12, 1), began(charging(midnight(time.December, 1).Add(-tick), 3000)), nil, "2026-11 100 2026-12 3000 to 2026-12-01"},
		"closed before the tariff began":          {debt.ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 9)}, day(2026, 12, 1), began(charging(midnight(time.November, 10), 3000)), nil, " to "},
		"closed when the tariff began":            {debt.ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 10)}, day(2026, 12, 1), began(charging(midnight(time.November, 10), 3000)), nil, "2026-11 100 to 2026-12-01"},
		"a month without charges between two":     {debt.ChargeAccount{OpenedAt: midnight(time.September, 1)}, day(2026, 11, 1), began(charging(midnight(time.January, 1), 3000), charging(midnight(time.October, 1), 0), charging(midnight(time.November, 1), 500)), nil, "2026-09 3000 2026-11 500 to 2026-11-01"},
	} {
		r := &rows{accounts: []debt.ChargeAccount{c.a}, dues: c.have, at: c.at}
		r.accrue(t, c.now)
		var parts []string
		for _, p := range r.puts {
			parts = append(parts, fmt.Sprint(p.Month, " ", p.Gross))
		}
		if got := strings.Join(parts, " ") + " to " + r.to; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestAChargeIsAsItsTariffSays: the charge has the priority of its version, and is capped or not as the version says.
func TestAChargeIsAsItsTariffSays(t *testing.T) {
	v := charging(midnight(time.January, 1), 100)
	v.Body.VATBps = 1500
	v.Body.Fixed = append(v.Body.Fixed, tariff.FixedCharge{Name: "grid", Amount: 50, Per: tariff.PerMonth, Priority: 7, Uncapped: true})
	a := debt.ChargeAccount{ID: id.ID{4}, OpenedAt: midnight(time.November, 1)}
	r := &rows{accounts: []debt.ChargeAccount{a}, at: began(v)}
	r.accrue(t, day(2026, 11, 2))
	want := []debt.Due{{ID: id.ID{3}, Account: id.ID{4}, Name: "standing", Month: "2026-11", Gross: 115, VATBps: 1500, Priority: 20, Capped: true},
		{ID: id.ID{3}, Account: id.ID{4}, Name: "grid", Month: "2026-11", Gross: 58, VATBps: 1500, Priority: 7}}
	if fmt.Sprint(r.puts) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v", r.puts, want)
	}
}

// TestWhatFallsDueStandsAmongWhatIsOpen: the oldest month comes first, a new amount replaces the old one, and a charge that
// is fully paid is not listed.
func TestWhatFallsDueStandsAmongWhatIsOpen(t *testing.T) {
	v := tariff.Version{EffectiveFrom: midnight(time.January, 1), Body: tariff.Body{Currency: "KES"}}
	for _, f := range []tariff.FixedCharge{{Name: "b", Amount: 3}, {Name: "a", Amount: 4}, {Name: "y", Amount: 6}, {Name: "x", Amount: 7}} {
		f.Per = tariff.PerMonth
		v.Body.Fixed = append(v.Body.Fixed, f)
	}
	open := []debt.Due{{Name: "b", Month: "2026-11", Gross: 1}, {Name: "a", Month: "2026-11", Gross: 2}}
	paid := []debt.Due{{Name: "y", Month: "2026-11", Gross: 5, Paid: 6}, {Name: "x", Month: "2026-11", Gross: 5, Paid: 6}}
	r := &rows{open: open, dues: append(paid, open...), at: began(v)}
	owed, err := debt.Owe(r.Charges(), sale.Point{OpenedAt: midnight(time.October, 1)}, v, day(2026, 11, 20))
	var got []string
	for _, c := range owed.Charges {
		got = append(got, fmt.Sprint(c.Ref, " ", c.Outstanding))
	}
	const want = "a 2026-10 4, b 2026-10 3, x 2026-10 7, y 2026-10 6, a 2026-11 4, b 2026-11 3, x 2026-11 1"
	if err != nil || strings.Join(got, ", ") != want {
		t.Errorf("%s, %v, want %s", strings.Join(got, ", "), err, want)
	}
}

// TestASaleAsksForWhatFellDue: a new version without charges does not cancel the charges of earlier months or of the month in
// which it begins.
func TestASaleAsksForWhatFellDue(t *testing.T) {
	none := func(from time.Time) tariff.Version { return charging(from, 0) }
	old := charging(midnight(time.January, 1), 3000)
	now := day(2026, 11, 20)
	for name, c := range map[string]struct {
		inForce tariff.Version
		point   sale.Point
		fails   string
		want    int
		err     bool
	}{
		"a version with charges":                          {old, sale.Point{OpenedAt: midnight(time.November, 1)}, "", 1, false},
		"none since the opening":                          {none(midnight(time.November, 1)), sale.Point{OpenedAt: midnight(time.November, 1)}, "", 0, false},
		"none since shortly after the opening":            {none(midnight(time.November, 2)), sale.Point{OpenedAt: midnight(time.November, 1)}, "", 1, false},
		"none in this month, and charged to the last one": {none(midnight(time.November, 1)), sale.Point{OpenedAt: midnight(time.October, 1), ChargedTo: "2026-11-02"}, "", 0, false},
		"none since the 2nd, and charged to the last one": {none(midnight(time.November, 2)), sale.Point{OpenedAt: midnight(time.October, 1), ChargedTo: "2026-10-02"}, "", 2, false},
		"charged to a day that is none":                   {none(midnight(time.November, 2)), sale.Point{OpenedAt: midnight(time.October, 1), ChargedTo: "2026-10-32"}, "", 0, true},
		"the rows cannot be read":                         {old, sale.Point{OpenedAt: midnight(time.November, 1)}, "open", 0, true},
		"the version cannot be read":                      {old, sale.Point{OpenedAt: midnight(time.November, 1)}, "version", 0, true},
	} {
		at := began(old)
		if len(c.inForce.Body.Fixed) == 0 {
			at = began(old, c.inForce)
		}
		r := &rows{at: at, fails: c.fails}
		owed, err := debt.Owe(r.Charges(), c.point, c.inForce, now)
		if (err != nil) != c.err || len(owed.Charges) != c.want || owed.Labels != nil {
			t.Errorf("%s: %+v, %v, want %d charges", name, owed, err, c.want)
		}
	}
}

// TestADebtIsAskedForAsItsTermsSay: the amount already taken in a month counts only for sales of the same month.
func TestADebtIsAskedForAsItsTermsSay(t *testing.T) {
	d := debt.Debt{ID: id.ID{7}, Kind: "loan", Outstanding: 900, Min: 1, Max: 2, MonthCap: 3, Priority: 4, Capped: true, CreatedAt: midnight(time.May, 1), Month: "2026-11", MonthTaken: 5}
	want := tariff.Charge{Kind: tariff.Debt, Ref: d.Name(), Priority: 4, Since: d.CreatedAt, Min: 1, Max: 2, MonthCap: 3, Outstanding: 900, Capped: true}
	free := charging(midnight(time.January, 1), 0)
	for mode, c := range map[tariff.ChargeMode]struct {
		percent money.Bps
		amount  money.Minor
	}{tariff.Full: {}, tariff.Percent: {percent: 60}, tariff.Amount: {amount: 60}} {
		for month, taken := range map[time.Month]money.Minor{time.November: 5, time.December: 0} {
			d.Mode, d.Value = mode, 60
			want.Mode, want.Percent, want.Amount, want.Taken = mode, c.percent, c.amount, taken
			r := &rows{debts: []debt.Debt{d}, at: began(free)}
			owed, err := debt.Owe(r.Charges(), sale.Point{OpenedAt: midnight(time.November, 1)}, free, day(2026, month, 20))
			if err != nil || len(owed.Charges) != 1 || owed.Charges[0] != want || len(owed.Labels) != 1 || owed.Labels[d.Name()] != "loan" {
				t.Errorf("%s in %s: %+v, %v, want %+v, which is a loan", mode, month, owed, err, want)
			}
		}
	}
}

// TestAChargeIsNamedByItsMonth checks that a charge's reference has its name and month, and can be read back.
func TestAChargeIsNamedByItsMonth(t *testing.T) {
	d := debt.Due{Name: "standing", Month: "2026-11", Gross: 10, Paid: 3, CreatedAt: midnight(time.May, 1)}
	if name, month := debt.DueRef(d.Ref()); d.Ref() != "standing 2026-11" || name != d.Name || month != d.Month || d.Left() != 7 {
		t.Errorf("%q is read as %q of %q, with %d left", d.Ref(), name, month, d.Left())
	}
	free := charging(midnight(time.January, 1), 0)
	for month, want := range map[string]time.Time{"2026-11": midnight(time.November, 1), "opening": d.CreatedAt} {
		d.Month = month
		r := &rows{open: []debt.Due{d}, at: began(free)}
		owed, err := debt.Owe(r.Charges(), sale.Point{OpenedAt: midnight(time.November, 1)}, free, day(2026, 11, 20))
		if err != nil || len(owed.Charges) != 1 || !owed.Charges[0].Since.Equal(want) {
			t.Errorf("a charge of the month %q: %+v, %v, want it due since %s", month, owed, err, want)
		}
	}
}

// TestAVersionIsAskedForOnce: accounts with one tariff share what is read of its versions.
func TestAVersionIsAskedForOnce(t *testing.T) {
	r := &rows{at: began(charging(midnight(time.January, 1), 3000))}
	for _, c := range []struct {
		tariff id.ID
		opened time.Time
		want   int // versions that were read so far
	}{
		{id.ID{1}, midnight(time.May, 1), 2}, // those of May and June
		{id.ID{1}, midnight(time.May, 1), 2},
		{id.ID{2}, midnight(time.May, 1), 4},
		{id.ID{1}, midnight(time.June, 2), 5}, // the account begins in the month
		{id.ID{1}, midnight(time.June, 1), 5},
	} {
		r.accounts = append(r.accounts, debt.ChargeAccount{ID: id.ID{byte(len(r.accounts) + 1)}, Tariff: c.tariff, OpenedAt: c.opened})
		r.asked = 0
		r.accrue(t, day(2026, 6, 15))
		if r.asked != c.want {
			t.Errorf("%d accounts: %d versions were read, want %d", len(r.accounts), r.asked, c.want)
		}
	}
}
