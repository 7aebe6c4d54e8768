package debt_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
)

// rows are accounts with their charges, debts and journals in memory. The time zone is UTC.
type rows struct {
	debt.Tx
	accounts []debt.ChargeAccount
	policy   registry.ChargePolicy
	at       versionAt
	dues     []debt.Due // all charges
	open     []debt.Due // the charges that a sale finds unpaid
	debts    []debt.Debt
	posted   []ledger.Journal

	puts  []debt.Due // the charges that the last call of accrue wrote
	to    string     // the date up to which it made charges due; empty if it stored none
	asked int        // how often a version was read
	fails string     // the call that fails: open or version
}

// versionAt finds the version of a tariff in force at a time.
type versionAt func(tariff id.ID, at time.Time) (tariff.Version, bool, error)

var errCall = errors.New("the call failed")

// accrue makes the charges of the accounts due that fall due by a time.
func (r *rows) accrue(t *testing.T, now time.Time) {
	t.Helper()
	r.puts, r.to = nil, ""
	ds := debt.New(debt.Config{Door: memory{r}, Now: func() time.Time { return now }})
	if _, err := ds.Accrue(t.Context(), access.SystemActor(1, "test")); err != nil {
		t.Fatal(err)
	}
}

func (r *rows) Books() ledger.Books       { return journals{r: r} }
func (r *rows) NewID() (id.ID, error)     { return id.ID{1}, nil }
func (r *rows) DebtAdd(d debt.Debt) error { r.debts = append(r.debts, d); return nil }
func (r *rows) Charges() debt.ChargeTx    { return charges{r: r} }
func (r *rows) owes() (all money.Minor) {
	for _, d := range r.dues {
		all += d.Left()
	}
	return all
}

// memory opens transactions on rows.
type memory struct{ r *rows }

func (m memory) Do(_ context.Context, _ access.Tenant, fn func(debt.Tx) (bool, error)) error {
	_, err := fn(m.r)
	return err
}

func (m memory) View(_ context.Context, _ access.Tenant, fn func(debt.Tx) error) error {
	return fn(m.r)
}

type journals struct {
	ledger.Books
	r *rows
}

func (b journals) NewID() (id.ID, error) { return id.ID{2}, nil }
func (b journals) Post(j ledger.Journal) (ledger.Breach, error) {
	b.r.posted = append(b.r.posted, j)
	return ledger.Breach{}, nil
}

type charges struct {
	debt.ChargeTx
	r *rows
}

func (c charges) NewID() (id.ID, error)                                { return id.ID{3}, nil }
func (c charges) ChargeTenant() (string, registry.ChargePolicy, error) { return "UTC", c.r.policy, nil }
func (c charges) JobDone(string, string) (bool, error)                 { return false, nil }
func (c charges) JobRun(string, string) (bool, error)                  { return true, nil }
func (c charges) ChargedTo(_ id.ID, date string) error                 { c.r.to = date; return nil }

func (c charges) ChargeAccounts(id.ID, string, int) ([]debt.ChargeAccount, error) {
	return c.r.accounts, nil
}

func (c charges) ChargesOpen(id.ID, int) ([]debt.Due, []debt.Debt, error) {
	if c.r.fails == "open" {
		return c.r.open, c.r.debts, errCall
	}
	return c.r.open, c.r.debts, nil
}

func (c charges) ChargesOf(account id.ID, _ string) (out []debt.Due, err error) {
	for _, d := range c.r.dues {
		if d.Account == account {
			out = append(out, d)
		}
	}
	return out, nil
}

func (c charges) TariffVersionAt(t id.ID, at time.Time) (tariff.Version, bool, error) {
	if c.r.asked++; c.r.fails == "version" {
		return tariff.Version{}, false, errCall
	}
	return c.r.at(t, at)
}

func (c charges) ChargePut(d debt.Due) error {
	c.r.puts = append(c.r.puts, d)
	for i, o := range c.r.dues {
		if o.Account == d.Account && o.Name == d.Name && o.Month == d.Month {
			c.r.dues[i] = d
			return nil
		}
	}
	c.r.dues = append(c.r.dues, d)
	return nil
}

// standingCharge returns a function that always finds the same tariff: one fixed charge a month or a day, plus 15 % VAT.
func standingCharge(per tariff.Period, amount money.Minor) versionAt {
	v := tariff.Version{Body: tariff.Body{Currency: "KES", VATBps: 1500, Fixed: []tariff.FixedCharge{{Name: "standing", Amount: amount, Per: per}}}}
	return func(id.ID, time.Time) (tariff.Version, bool, error) { return v, true, nil }
}

func day(year int, month time.Month, n int) time.Time {
	return time.Date(year, month, n, 12, 0, 0, 0, time.UTC)
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
		r := &rows{accounts: []debt.ChargeAccount{{OpenedAt: day(2026, 11, 1).Add(-12 * time.Hour)}}, policy: c.policy, at: standingCharge(c.per, c.amount)}
		for _, n := range []int{1, 2, 7, 29, 30} {
			r.accrue(t, day(2026, 11, n))
			r.accounts[0].ChargedTo = fmt.Sprintf("2026-11-%02d", n)
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
	r := &rows{accounts: []debt.ChargeAccount{{OpenedAt: day(2020, 1, 1)}}, at: standingCharge(tariff.PerMonth, 9800)}
	r.accrue(t, day(2031, 5, 2))
	if len(r.dues) != debt.MaxCatchUp || r.dues[0].Month != "2029-06" {
		t.Errorf("%d months are due from %s on, want %d from 2029-06", len(r.dues), r.dues[0].Month, debt.MaxCatchUp)
	}
}

// TestADebtIsRaisedWithItsJournal: the row of the debt and its journal have the same amount, also if the journal has
// two credits.
func TestADebtIsRaisedWithItsJournal(t *testing.T) {
	r := &rows{}
	credits := []ledger.Posting{{Account: ledger.AccountRef{Code: ledger.RevenueEnergy}, Amount: -870}, {Account: ledger.AccountRef{Code: ledger.VATPayable}, Amount: -130}}
	d, err := debt.Raise(r, debt.Debt{Account: id.ID{9}, Kind: "fine", Principal: 1000, CreatedAt: day(2026, 11, 20)}, "memo", credits...)
	if err != nil || len(r.debts) != 1 || r.debts[0] != d || d.Outstanding != 1000 || d.Status != debt.Open {
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
