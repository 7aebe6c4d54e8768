package debt

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
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
		a    ChargeAccount
		now  time.Time
		at   versionAt
		have []Due
		want string
	}{
		"a month in advance":                      {ChargeAccount{OpenedAt: midnight(time.November, 1)}, midnight(time.November, 1), old, nil, "2026-11 3000 to 2026-11-01"},
		"opened in the last moment of a month":    {ChargeAccount{OpenedAt: midnight(time.November, 1).Add(-tick)}, midnight(time.November, 1), old, nil, "2026-10 97 2026-11 3000 to 2026-11-01"},
		"opened on the last day":                  {ChargeAccount{OpenedAt: midnight(time.November, 30)}, midnight(time.November, 30), old, nil, "2026-11 100 to 2026-11-30"},
		"charged to today":                        {ChargeAccount{OpenedAt: midnight(time.October, 1), ChargedTo: "2026-11-20"}, day(2026, 11, 20), old, nil, " to "},
		"charged to yesterday":                    {ChargeAccount{OpenedAt: midnight(time.October, 1), ChargedTo: "2026-11-19"}, day(2026, 11, 20), old, []Due{{Name: "standing", Month: "2026-11", Gross: 3000}}, " to 2026-11-20"},
		"closed on the first":                     {ChargeAccount{OpenedAt: midnight(time.October, 1), ClosedAt: midnight(time.November, 1)}, day(2026, 12, 2), old, nil, "2026-10 3000 2026-11 100 to 2026-12-02"},
		"closed in the moment before":             {ChargeAccount{OpenedAt: midnight(time.October, 1), ClosedAt: midnight(time.November, 1).Add(-tick)}, day(2026, 12, 2), old, nil, "2026-10 3000 to 2026-12-02"},
		"closed on the last day":                  {ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.December, 1).Add(-tick)}, day(2026, 12, 2), old, nil, "2026-11 3000 to 2026-12-02"},
		"closed, and charged for the whole month": {ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 15)}, day(2026, 11, 16), old, []Due{{Name: "standing", Month: "2026-11", Gross: 3000, Paid: 100}}, "2026-11 1500 to 2026-11-16"},
		"closed, and paid for the whole month":    {ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 15)}, day(2026, 11, 16), old, []Due{{Name: "standing", Month: "2026-11", Gross: 3000, Paid: 2999}}, "2026-11 2999 to 2026-11-16"},
		"closed, and paid for more than it used":  {ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 15)}, day(2026, 11, 16), old, []Due{{Name: "standing", Month: "2026-11", Gross: 3000, Paid: 3000}}, " to 2026-11-16"},
		"closed, and as much as is due":           {ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 15)}, day(2026, 11, 16), old, []Due{{Name: "standing", Month: "2026-11", Gross: 1500}}, " to 2026-11-16"},
		"a lower amount of a later version":       {ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 11, 16), old, []Due{{Name: "standing", Month: "2026-11", Gross: 3001}}, " to 2026-11-16"},
		"the second of two charges":               {ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 11, 16), old, []Due{{Name: "standing", Month: "2026-11", Gross: 10, Paid: 7}, {Name: "other", Month: "2026-11"}}, "2026-11 3000 to 2026-11-16"},
		"the tariff begins in the month":          {ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 11, 16), began(charging(midnight(time.November, 16), 3000)), nil, "2026-11 1500 to 2026-11-16"},
		"the tariff begins this afternoon":        {ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 11, 16), began(charging(day(2026, 11, 16).Add(tick), 3000)), nil, " to "},
		"the tariff began with the next month":    {ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 12, 1), began(charging(midnight(time.December, 1), 3000)), nil, "2026-12 3000 to 2026-12-01"},
		"the tariff began at the last moment":     {ChargeAccount{OpenedAt: midnight(time.November, 1)}, day(2026, 12, 1), began(charging(midnight(time.December, 1).Add(-tick), 3000)), nil, "2026-11 100 2026-12 3000 to 2026-12-01"},
		"closed before the tariff began":          {ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 9)}, day(2026, 12, 1), began(charging(midnight(time.November, 10), 3000)), nil, " to "},
		"closed when the tariff began":            {ChargeAccount{OpenedAt: midnight(time.November, 1), ClosedAt: midnight(time.November, 10)}, day(2026, 12, 1), began(charging(midnight(time.November, 10), 3000)), nil, "2026-11 100 to 2026-12-01"},
		"a month without charges between two":     {ChargeAccount{OpenedAt: midnight(time.September, 1)}, day(2026, 11, 1), began(charging(midnight(time.January, 1), 3000), charging(midnight(time.October, 1), 0), charging(midnight(time.November, 1), 500)), nil, "2026-09 3000 2026-11 500 to 2026-11-01"},
	} {
		r := &rows{dues: c.have}
		due, err := accrue(r.Charges(), c.a, registry.ChargePolicy{}, c.now, c.at)
		var parts []string
		for _, p := range due.puts {
			parts = append(parts, fmt.Sprint(p.Month, " ", p.Gross))
		}
		if got := strings.Join(parts, " ") + " to " + due.to; err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
	}
}

// TestAChargeIsAsItsTariffSays: the charge has the priority of its version, and is capped or not as the version says.
func TestAChargeIsAsItsTariffSays(t *testing.T) {
	v := charging(midnight(time.January, 1), 100)
	v.Body.VATBps = 1500
	v.Body.Fixed = append(v.Body.Fixed, tariff.FixedCharge{Name: "grid", Amount: 50, Per: tariff.PerMonth, Priority: 7, Uncapped: true})
	a := ChargeAccount{ID: id.ID{4}, OpenedAt: midnight(time.November, 1)}
	due, err := accrue((&rows{}).Charges(), a, registry.ChargePolicy{}, day(2026, 11, 2), began(v))
	want := []Due{{Account: id.ID{4}, Name: "standing", Month: "2026-11", Gross: 115, VATBps: 1500, Priority: 20, Capped: true},
		{Account: id.ID{4}, Name: "grid", Month: "2026-11", Gross: 58, VATBps: 1500, Priority: 7}}
	if err != nil || fmt.Sprint(due.puts) != fmt.Sprint(want) {
		t.Errorf("%+v, %v, want %+v", due.puts, err, want)
	}
}

// TestWhatFallsDueStandsAmongWhatIsOpen: the oldest month comes first, a new amount replaces the old one, and a charge that
// is fully paid is not listed.
func TestWhatFallsDueStandsAmongWhatIsOpen(t *testing.T) {
	open := []Due{{Name: "b", Month: "2026-11", Gross: 1}, {Name: "a", Month: "2026-11", Gross: 2}}
	a := accrual{puts: []Due{{Name: "b", Month: "2026-11", Gross: 3}, {Name: "a", Month: "2026-11", Gross: 4}, {Name: "z", Month: "2026-10", Gross: 5}, {Name: "y", Month: "2026-12", Gross: 6, Paid: 6}, {Name: "x", Month: "2026-12", Gross: 7, Paid: 6}}}
	want := []Due{{Name: "z", Month: "2026-10", Gross: 5}, {Name: "a", Month: "2026-11", Gross: 4}, {Name: "b", Month: "2026-11", Gross: 3}, {Name: "x", Month: "2026-12", Gross: 7, Paid: 6}}
	if got := a.over(open); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// owing holds the charges and debts of one account, with its tariff, and the number of a failing call.
type owing struct {
	charges
	at    versionAt
	fails string
}

var errCall = errors.New("the call failed")

func (o owing) ChargesOpen(id.ID, int) ([]Due, []Debt, error) {
	if o.fails == "open" {
		return o.r.dues, o.r.debts, errCall
	}
	return o.r.dues, o.r.debts, nil
}

func (o owing) TariffVersionAt(t id.ID, at time.Time) (tariff.Version, bool, error) {
	if o.fails == "version" {
		return tariff.Version{}, false, errCall
	}
	return o.at(t, at)
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
		tx := owing{charges{r: &rows{}}, at, c.fails}
		owed, err := Owe(tx, c.point, c.inForce, now)
		if (err != nil) != c.err || len(owed.Charges) != c.want || owed.Labels != nil {
			t.Errorf("%s: %+v, %v, want %d charges", name, owed, err, c.want)
		}
	}
}

// TestADebtIsAskedForAsItsTermsSay: the amount already taken in a month counts only for sales of the same month.
func TestADebtIsAskedForAsItsTermsSay(t *testing.T) {
	d := Debt{ID: id.ID{7}, Kind: "loan", Outstanding: 900, Min: 1, Max: 2, MonthCap: 3, Priority: 4, Capped: true, CreatedAt: midnight(time.May, 1), Month: "2026-11", MonthTaken: 5}
	want := tariff.Charge{Kind: tariff.Debt, Ref: d.Name(), Priority: 4, Since: d.CreatedAt, Min: 1, Max: 2, MonthCap: 3, Outstanding: 900, Capped: true}
	for mode, c := range map[tariff.ChargeMode]struct {
		percent money.Bps
		amount  money.Minor
	}{tariff.Full: {}, tariff.Percent: {percent: 60}, tariff.Amount: {amount: 60}} {
		for month, taken := range map[string]money.Minor{"2026-11": 5, "2026-12": 0} {
			d.Mode, d.Value = mode, 60
			want.Mode, want.Percent, want.Amount, want.Taken = mode, c.percent, c.amount, taken
			if got := d.charge(month); got != want {
				t.Errorf("%s in %s: %+v, want %+v", mode, month, got, want)
			}
		}
	}
	tx := owing{charges{r: &rows{debts: []Debt{d}}}, began(charging(midnight(time.January, 1), 0)), ""}
	owed, err := Owe(tx, sale.Point{OpenedAt: midnight(time.November, 1)}, charging(midnight(time.January, 1), 0), day(2026, 11, 20))
	if err != nil || len(owed.Charges) != 1 || owed.Charges[0].Taken != 5 || len(owed.Labels) != 1 || owed.Labels[d.Name()] != "loan" {
		t.Errorf("%+v, %v, want one debt, which is a loan", owed, err)
	}
}

// TestAChargeIsNamedByItsMonth checks that a charge's reference has its name and month, and can be read back.
func TestAChargeIsNamedByItsMonth(t *testing.T) {
	d := Due{Name: "standing", Month: "2026-11", Gross: 10, Paid: 3, CreatedAt: midnight(time.May, 1)}
	if name, month := DueRef(d.Ref()); d.Ref() != "standing 2026-11" || name != d.Name || month != d.Month || d.Left() != 7 {
		t.Errorf("%q is read as %q of %q, with %d left", d.Ref(), name, month, d.Left())
	}
	if got := d.charge().Since; !got.Equal(midnight(time.November, 1)) {
		t.Errorf("a charge of November is due since %s", got)
	}
	d.Month = "opening"
	if got := d.charge().Since; !got.Equal(d.CreatedAt) {
		t.Errorf("a charge of no month is due since %s, want %s", got, d.CreatedAt)
	}
}

// TestAVersionIsAskedForOnce: a version is read only once, unless reading it failed.
func TestAVersionIsAskedForOnce(t *testing.T) {
	asked, fail := 0, errCall
	at := remembered(func(id.ID, time.Time) (tariff.Version, bool, error) {
		asked++
		return tariff.Version{N: asked}, true, fail
	})
	if _, _, err := at(id.ID{1}, midnight(time.May, 1)); !errors.Is(err, errCall) {
		t.Errorf("an error came to %v", err)
	}
	fail = nil
	for _, c := range []struct {
		tariff id.ID
		month  time.Month
		want   int
	}{{id.ID{1}, time.May, 2}, {id.ID{1}, time.May, 2}, {id.ID{2}, time.May, 3}, {id.ID{1}, time.June, 4}, {id.ID{1}, time.May, 2}} {
		if v, found, err := at(c.tariff, midnight(c.month, 1)); err != nil || !found || v.N != c.want {
			t.Errorf("tariff %d in %s: version %d, %t, %v, want %d", c.tariff[0], c.month, v.N, found, err, c.want)
		}
	}
}
