package debt

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
)

// rows are the charges, the debts and the journals of one account in memory.
type rows struct {
	Tx
	dues   []Due
	debts  []Debt
	posted []ledger.Journal
}

func (r *rows) Books() ledger.Books   { return books{r: r} }
func (r *rows) NewID() (id.ID, error) { return id.ID{1}, nil }
func (r *rows) DebtAdd(d Debt) error  { r.debts = append(r.debts, d); return nil }
func (r *rows) Charges() ChargeTx     { return charges{r: r} }
func (r *rows) owes() (all money.Minor) {
	for _, d := range r.dues {
		all += d.Left()
	}
	return all
}

type books struct {
	ledger.Books
	r *rows
}

func (b books) NewID() (id.ID, error) { return id.ID{2}, nil }
func (b books) Post(j ledger.Journal) (ledger.Breach, error) {
	b.r.posted = append(b.r.posted, j)
	return ledger.Breach{}, nil
}

type charges struct {
	ChargeTx
	r *rows
}

func (c charges) NewID() (id.ID, error)                  { return id.ID{3}, nil }
func (c charges) ChargesOf(id.ID, string) ([]Due, error) { return c.r.dues, nil }
func (c charges) ChargedTo(id.ID, string) error          { return nil }
func (c charges) ChargePut(d Due) error {
	for i, o := range c.r.dues {
		if o.Name == d.Name && o.Month == d.Month {
			c.r.dues[i] = d
			return nil
		}
	}
	c.r.dues = append(c.r.dues, d)
	return nil
}

// standing returns a function that always finds the same tariff: one fixed charge a month or a day, plus 15 % VAT.
func standing(per tariff.Period, amount money.Minor) versionAt {
	v := tariff.Version{Body: tariff.Body{Currency: "KES", VATBps: 1500, Fixed: []tariff.FixedCharge{{Name: "standing", Amount: amount, Per: per}}}}
	return func(id.ID, time.Time) (tariff.Version, bool, error) { return v, true, nil }
}

func day(year int, month time.Month, n int) time.Time {
	return time.Date(year, month, n, 12, 0, 0, 0, time.UTC)
}

func (r *rows) accrue(t *testing.T, a ChargeAccount, p registry.ChargePolicy, now time.Time, at versionAt) {
	t.Helper()
	due, err := accrue(r.Charges(), a, p, now, at)
	if err == nil {
		err = due.write(r.Charges())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDaysSumToTheMonth: the total charge of a month does not depend on the days on which it is accrued.
func TestDaysSumToTheMonth(t *testing.T) {
	for _, c := range []struct {
		per    tariff.Period
		amount money.Minor
		policy registry.ChargePolicy
		want   money.Minor
	}{
		{tariff.PerDay, 300, registry.ChargePolicy{}, 10350},
		{tariff.PerMonth, 9800, registry.ChargePolicy{Daily: true}, 11270},
		{tariff.PerMonth, 9800, registry.ChargePolicy{}, 11270},
	} {
		r, a := &rows{}, ChargeAccount{OpenedAt: day(2026, 11, 1).Add(-12 * time.Hour)}
		for _, n := range []int{1, 2, 7, 29, 30} {
			r.accrue(t, a, c.policy, day(2026, 11, n), standing(c.per, c.amount))
			a.ChargedTo = fmt.Sprintf("2026-11-%02d", n)
			if early := r.owes() < c.want; early != (n < 30 && (c.per == tariff.PerDay || c.policy.Daily)) {
				t.Errorf("%s: %d are due on day %d, %d in the end", c.per, r.owes(), n, c.want)
			}
		}
		if r.owes() != c.want || len(r.dues) != 1 {
			t.Errorf("%s: %d are due in %d charges, want %d in one", c.per, r.owes(), len(r.dues), c.want)
		}
	}
}

// TestCatchingUpEndsAfterTwoYears checks how far back a server that was off charges.
func TestCatchingUpEndsAfterTwoYears(t *testing.T) {
	r := &rows{}
	r.accrue(t, ChargeAccount{OpenedAt: day(2020, 1, 1)}, registry.ChargePolicy{}, day(2031, 5, 2), standing(tariff.PerMonth, 9800))
	if len(r.dues) != MaxCatchUp || r.dues[0].Month != "2029-06" {
		t.Errorf("%d months are due from %s on, want %d from 2029-06", len(r.dues), r.dues[0].Month, MaxCatchUp)
	}
}

// TestADebtIsRaisedWithItsJournal: the row of the debt and its journal have the same amount, also if the journal has
// two credits.
func TestADebtIsRaisedWithItsJournal(t *testing.T) {
	r := &rows{}
	credits := []ledger.Posting{{Account: ledger.AccountRef{Code: ledger.RevenueEnergy}, Amount: -870}, {Account: ledger.AccountRef{Code: ledger.VATPayable}, Amount: -130}}
	d, err := Raise(r, Debt{Account: id.ID{9}, Kind: "fine", Principal: 1000, CreatedAt: day(2026, 11, 20)}, "memo", credits...)
	if err != nil || len(r.debts) != 1 || r.debts[0] != d || d.Outstanding != 1000 || d.Status != Open {
		t.Fatalf("kept %+v (%v), want %+v with 1000 outstanding", r.debts, err, d)
	}
	j, err := ledger.New(r.posted[0])
	if err != nil || j.Kind != ledger.Raised || j.Ref != d.Name() || j.Memo != "memo" || !j.PostedAt.Equal(d.CreatedAt) {
		t.Errorf("journal %+v (%v)", j, err)
	}
	if p := j.Postings[0]; p.Account.Code != ledger.Debt || p.Amount != 1000 || !strings.HasSuffix(p.Account.Subject, d.Name()) || len(j.Postings) != 3 {
		t.Errorf("postings %+v, want 1000 on the debt against two credits", j.Postings)
	}
}
