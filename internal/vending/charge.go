package vending

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// MaxOpen is how many open charges and how many open debts of an account one sale looks at, those that go first. It
// keeps a sale that meets years of them within its budget; what is beyond is collected by the next one.
const MaxOpen = 60

// allOpen is above what any account can have open: for figures of what it owes altogether.
const allOpen = 1 << 30

// FreeProgramme is the subject of the receivable that free basic units are funded from (P10).
const FreeProgramme = "free-basic-units"

// ChargeTx is what charges, debts and free units need of a transaction. Every write is made with the account's row
// locked, so rows of charges and debts need no locks of their own.
type ChargeTx interface {
	// ChargesOpen are the charges due and the debts of an account that are not paid, by priority and then
	// the oldest first, at most max of each.
	ChargesOpen(account id.ID, max int) ([]Due, []Debt, error)
	// ChargesOf are the charges of an account from a local month on, paid or not.
	ChargesOf(account id.ID, fromMonth string) ([]Due, error)
	// ChargePut keeps a charge: a new one of its account, name and month, or the new amount of the one there is.
	ChargePut(Due) error
	// ChargedTo notes the local date up to which an account's fixed charges were made due.
	ChargedTo(account id.ID, date string) error
	// ChargesGiveBack undoes what reserving a sale took besides the ledger: payments towards charges and debts, the
	// month's units, the claim to free units.
	ChargesGiveBack(sale.Sale) error
	// TariffVersion reads a version by its identity.
	TariffVersion(version id.ID) (tariff.Version, error)
}

// Due is a fixed charge of one local month.
type Due struct {
	ID        id.ID
	Account   id.ID
	Name      string // of the charge in its tariff; with Month unique in the account
	Month     string // "2026-11"
	Gross     money.Minor
	Paid      money.Minor
	VATBps    money.Bps // contained in Gross
	Priority  int
	Capped    bool
	CreatedAt time.Time
}

// Left is what is still to be paid.
func (d Due) Left() money.Minor { return d.Gross - d.Paid }

// Ref names the charge on lines of sales and receipts: "standing 2026-11".
func (d Due) Ref() string { return d.Name + " " + d.Month }

// DueRef reads what [Due.Ref] wrote.
func DueRef(ref string) (name, month string) {
	name, month, _ = strings.Cut(ref, " ")
	return name, month
}

// charge is how a sale is asked for it. Months go oldest first, whatever day they were made due on.
func (d Due) charge() tariff.Charge {
	since, err := time.Parse("2006-01", d.Month)
	if err != nil {
		since = d.CreatedAt
	}
	return tariff.Charge{Kind: tariff.Fixed, Ref: d.Ref(), Priority: d.Priority, Since: since, Mode: tariff.Full,
		Outstanding: d.Left(), VATBps: d.VATBps, Capped: d.Capped}
}

// States of a debt.
const (
	DebtOpen       = "open"
	DebtPaid       = "paid"
	DebtWrittenOff = "written_off"
)

// Debt is money owed that is collected with purchases. Its Outstanding, less what sales under way have reserved, is the
// balance of its ledger account.
type Debt struct {
	ID          id.ID
	Account     id.ID
	Kind        string // fine, loan, arrears ...
	Memo        string
	Principal   money.Minor
	Outstanding money.Minor
	Mode        tariff.ChargeMode
	Value       int64       // basis points of what is tendered, or minor units, as Mode says
	Min         money.Minor // asked at least of a purchase
	Max         money.Minor // asked at most of one; 0 for no limit
	MonthCap    money.Minor // taken at most in a local month; 0 for no limit
	Priority    int
	Capped      bool
	Against     string // what was credited when it was raised: fees, services, fixed, energy, opening
	Month       string // of the last collection
	MonthTaken  money.Minor
	Status      string
	CreatedAt   time.Time
}

// Name is the debt's identity text.
func (d Debt) Name() string { return d.ID.Text(id.Debt) }

// DebtSubject names a debt's ledger account.
func DebtSubject(account id.ID, debt string) string { return account.Text(id.Account) + ":" + debt }

// charge is how a sale in a local month is asked for it.
func (d Debt) charge(month string) tariff.Charge {
	c := tariff.Charge{Kind: tariff.Debt, Ref: d.Name(), Priority: d.Priority, Since: d.CreatedAt, Mode: d.Mode, Min: d.Min, Max: d.Max,
		MonthCap: d.MonthCap, Outstanding: d.Outstanding, Capped: d.Capped}
	switch d.Mode {
	case tariff.Percent:
		c.Percent = money.Bps(d.Value)
	case tariff.Amount:
		c.Amount = money.Minor(d.Value)
	}
	if d.Month == month {
		c.Taken = d.MonthTaken
	}
	return c
}

// owed is everything an account is asked for besides energy, and what has to be written before it is taken.
type owed struct {
	charges []tariff.Charge
	labels  map[string]string // of debts, by their reference: what they are
	accrual accrual
}

// owe finds what a sale at a local moment is asked for: charges that fell due by then, whether or not the job has been
// there, and debts.
func owe(tx Tx, p sale.Point, inForce tariff.Version, local time.Time) (owed, error) {
	dues, debts, accrued, err := outstanding(tx, p, inForce, local, MaxOpen)
	if err != nil {
		return owed{}, err
	}
	out := owed{accrual: accrued}
	for _, d := range dues {
		out.charges = append(out.charges, d.charge())
	}
	if len(debts) > 0 {
		out.labels = make(map[string]string, len(debts))
	}
	for _, d := range debts {
		out.labels[d.Name()] = d.Kind
		out.charges = append(out.charges, d.charge(local.Format(monthForm)))
	}
	return out, nil
}

// outstanding are the open charges and debts of an account at a local moment, at most max of each in its rows, with the
// charges that are to be made due.
func outstanding(tx Tx, p sale.Point, inForce tariff.Version, local time.Time, max int) ([]Due, []Debt, accrual, error) {
	dues, debts, err := tx.ChargesOpen(p.Account, max)
	if err != nil {
		return dues, debts, accrual{}, err
	}
	a := chargeAccount{ID: p.Account, Tariff: p.Tariff, OpenedAt: p.OpenedAt, ChargedTo: p.ChargedTo}
	if len(inForce.Body.Fixed) == 0 {
		// A version without fixed charges takes none from the months before it, and not from the one it began in.
		first, err := a.uncharged(local.Location())
		if err != nil || !inForce.EffectiveFrom.After(first) {
			return dues, debts, accrual{}, err
		}
	}
	accrued, err := accrue(tx, a, p.Policy, local, tx.TariffVersionAt)
	return accrued.over(dues), debts, accrued, err
}

// fund adds to a sale's entry what a programme owes for its free units (P10).
func fund(tx Tx, s sale.Sale, e *ledger.SaleEntry) error {
	if s.Free == 0 {
		return nil
	}
	v, err := tx.TariffVersion(s.Tariff)
	if err != nil {
		return err
	}
	net, vat, err := v.Body.Funding(s.Free)
	if err != nil {
		return fmt.Errorf("fund %d Wh of free units: %w", s.Free, err)
	}
	e.Funding = ledger.FreeUnitsFunded(FreeProgramme, net, vat)
	return nil
}
