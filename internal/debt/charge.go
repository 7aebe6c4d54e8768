package debt

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// MaxOpen is the largest number of open charges of an account that one sale reads. The same number limits the account's open debts. The
// sale reads those that are collected first. The limit keeps a sale within its budget if the account has years of them; the next sale
// collects the rest.
const MaxOpen = 60

// allOpen is more than any account can have open. It is for the total of what an account owes.
const allOpen = 1 << 30

// ChargeTx is the part of a transaction that fixed charges need. A sale that collects charges and debts needs it too.
type ChargeTx interface {
	NewID() (id.ID, error)
	// ChargesOpen returns the unpaid charges due and debts of an account, ordered by priority and then oldest first, at most max of each.
	ChargesOpen(account id.ID, max int) ([]Due, []Debt, error)
	// ChargesOf returns the charges of an account since a local month, paid or not.
	ChargesOf(account id.ID, fromMonth string) ([]Due, error)
	// ChargePage lists charges older than a given charge, newest first. If the given charge is zero, it begins with the newest;
	// if the account is zero, it lists the charges of all accounts.
	ChargePage(account id.ID, open bool, before id.ID, max int) ([]Due, error)
	// ChargePut stores a charge: a new one for its account, name and month, or a new amount for the existing one.
	ChargePut(Due) error
	// ChargedTo stores the local date up to which an account's fixed charges were made due.
	ChargedTo(account id.ID, date string) error
	// ChargeTenant returns the tenant's time zone and its policy on charges.
	ChargeTenant() (tz string, policy registry.ChargePolicy, err error)
	// ChargeAccounts locks and reads accounts of token meters that come after a given account and are not charged up to a date
	// yet. Accounts that were closed before their last charge are left out.
	ChargeAccounts(after id.ID, date string, max int) ([]ChargeAccount, error)
	// TariffVersionAt returns the version of a tariff in force at a time.
	TariffVersionAt(tariff id.ID, at time.Time) (tariff.Version, bool, error)
	// Corrections lists versions that took the place of one that had begun.
	Corrections() ([]Correction, error)
	// AccountsEverOn lists accounts that were on a tariff at some time and come after a given account, in the order of their identities.
	AccountsEverOn(tariff, after id.ID, max int) ([]id.ID, error)
	// ChargeCorrect stores a charge that became smaller, and what of it the customer gets back.
	ChargeCorrect(d Due, back money.Minor) error
	// DaysCharged returns the postings of the fixed charges of a wallet, by local day, from one day to another, inclusive.
	DaysCharged(account id.ID, from, to string) (map[string][]ledger.Posting, error)
	// JobDone reports whether a recurring job has run for a period. JobRun records that it has.
	JobDone(name, period string) (bool, error)
	JobRun(name, period string) (first bool, err error)
}

// Due is a fixed charge of one local month.
type Due struct {
	ID        id.ID
	Account   id.ID
	Name      string // name of the charge in its tariff; unique in the account together with Month
	Month     string // "2026-11"
	Gross     money.Minor
	Paid      money.Minor
	Moved     money.Minor // what another account took over, or a move-out paid as a debt; no part of Gross
	PaidBack  money.Minor // what sales paid and the customer got back when the tariff was corrected; no part of Paid
	VATBps    money.Bps   // rate of the tax contained in Gross
	Priority  int
	Capped    bool
	CreatedAt time.Time
}

// IsTakenOver reports whether the account took the charge over from another one.
func (d Due) IsTakenOver() bool { return strings.HasPrefix(d.Name, registry.FormerCharge) }

// Left is the unpaid amount.
func (d Due) Left() money.Minor { return d.Gross - d.Paid }

// Accrued is what fell due for the month, whoever owes it now.
func (d Due) Accrued() money.Minor { return d.Gross + d.Moved }

// Ref is the name of the charge on lines of sales and receipts: "standing 2026-11".
func (d Due) Ref() string { return d.Name + " " + d.Month }

// DueRef parses the result of [Due.Ref].
func DueRef(ref string) (name, month string) {
	name, month, _ = strings.Cut(ref, " ")
	return name, month
}

// charge returns the charge as a sale must pay it. The oldest month goes first, whenever the charge was made due.
func (d Due) charge() tariff.Charge {
	since, err := time.Parse("2006-01", d.Month)
	if err != nil {
		since = d.CreatedAt
	}
	return tariff.Charge{Kind: tariff.Fixed, Ref: d.Ref(), Priority: d.Priority, Since: since, Mode: tariff.Full,
		Outstanding: d.Left(), VATBps: d.VATBps, Capped: d.Capped}
}

// Owed is everything an account must pay besides energy, with the charges that must be written before a payment is taken.
type Owed struct {
	Charges []tariff.Charge
	Labels  map[string]string // kinds of the debts, by their reference
	accrual accrual
}

// Owe finds what a sale at a local time must collect: charges that fell due by then, whether or not the job has run, and debts.
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

// outstanding returns the open charges and debts of an account at a local time, with the charges that must be made due. It
// reads at most max stored charges and at most max stored debts.
func outstanding(tx ChargeTx, p sale.Point, inForce tariff.Version, local time.Time, max int) ([]Due, []Debt, accrual, error) {
	var dues []Due
	var debts []Debt
	if !p.OwesNothing {
		var err error
		if dues, debts, err = tx.ChargesOpen(p.Account, max); err != nil {
			return dues, debts, accrual{}, err
		}
	}
	a := ChargeAccount{ID: p.Account, Tariff: p.Tariff, Later: p.Later, OpenedAt: p.OpenedAt, ChargedTo: p.ChargedTo}
	if len(inForce.Body.Fixed) == 0 {
		// The version in force has no fixed charges. Each month that began under an earlier version, or under another tariff, is
		// still charged by that one.
		first, err := a.uncharged(local.Location())
		if err != nil || !inForce.EffectiveFrom.After(first) {
			return dues, debts, accrual{}, err
		}
	}
	accrued, err := accrueCharges(tx, a, p.Policy, local, tx.TariffVersionAt)
	return accrued.over(dues), debts, accrued, err
}
