package debt

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// MaxOpen is how many open charges and how many open debts of an account one sale looks at, those that go first. It
// keeps a sale that meets years of them within its budget; what is beyond is collected by the next one.
const MaxOpen = 60

// allOpen is above what any account can have open: for figures of what it owes altogether.
const allOpen = 1 << 30

// ChargeTx is what fixed charges need of a transaction, and a sale that collects charges and debts.
type ChargeTx interface {
	NewID() (id.ID, error)
	// ChargesOpen are the charges due and the debts of an account that are not paid, by priority and then
	// the oldest first, at most max of each.
	ChargesOpen(account id.ID, max int) ([]Due, []Debt, error)
	// ChargesOf are the charges of an account from a local month on, paid or not.
	ChargesOf(account id.ID, fromMonth string) ([]Due, error)
	// ChargePage lists charges, newest first, before the given one (zero for the newest), of one account unless it is zero.
	ChargePage(account id.ID, open bool, before id.ID, max int) ([]Due, error)
	// ChargePut keeps a charge: a new one of its account, name and month, or the new amount of the one there is.
	ChargePut(Due) error
	// ChargedTo notes the local date up to which an account's fixed charges were made due.
	ChargedTo(account id.ID, date string) error
	// ChargeTenant is the tenant's time zone and what it decided about charges.
	ChargeTenant() (tz string, policy registry.ChargePolicy, err error)
	// ChargeAccounts locks and reads accounts of token meters that are not charged to a date yet, after the given one.
	// Accounts that were closed before their last charge are left out.
	ChargeAccounts(after id.ID, date string, max int) ([]ChargeAccount, error)
	// TariffVersionAt is the version of a tariff that is in force at a moment.
	TariffVersionAt(tariff id.ID, at time.Time) (tariff.Version, bool, error)
	// JobDone reports whether a recurring job was carried out for a period; JobRun notes it.
	JobDone(name, period string) (bool, error)
	JobRun(name, period string) (first bool, err error)
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

// Owed is everything an account is asked for besides energy, and what has to be written before it is taken.
type Owed struct {
	Charges []tariff.Charge
	Labels  map[string]string // of debts, by their reference: what they are
	accrual accrual
}

// Owe finds what a sale at a local moment is asked for: charges that fell due by then, whether or not the job has been
// there, and debts.
func Owe(tx ChargeTx, p sale.Point, inForce tariff.Version, local time.Time) (Owed, error) {
	dues, debts, accrued, err := outstanding(tx, p, inForce, local, MaxOpen)
	if err != nil {
		return Owed{}, err
	}
	out := Owed{accrual: accrued}
	for _, d := range dues {
		out.Charges = append(out.Charges, d.charge())
	}
	if len(debts) > 0 {
		out.Labels = make(map[string]string, len(debts))
	}
	for _, d := range debts {
		out.Labels[d.Name()] = d.Kind
		out.Charges = append(out.Charges, d.charge(local.Format(localday.MonthForm)))
	}
	return out, nil
}

// MakeDue writes the charges that fell due and are not in the account's rows yet.
func (o Owed) MakeDue(tx ChargeTx) error { return o.accrual.write(tx) }

// outstanding are the open charges and debts of an account at a local moment, at most max of each in its rows, with the
// charges that are to be made due.
func outstanding(tx ChargeTx, p sale.Point, inForce tariff.Version, local time.Time, max int) ([]Due, []Debt, accrual, error) {
	dues, debts, err := tx.ChargesOpen(p.Account, max)
	if err != nil {
		return dues, debts, accrual{}, err
	}
	a := ChargeAccount{ID: p.Account, Tariff: p.Tariff, OpenedAt: p.OpenedAt, ChargedTo: p.ChargedTo}
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
