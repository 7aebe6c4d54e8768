package registry

import (
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
)

// A debt belongs to an account, and a closed account buys nothing that could collect it. So that nobody sheds a debt by moving out and in
// again, a new account takes over what the closed accounts of its customer owe. Whether two customers are one person is for people to
// decide; see debt.Debts.TakeOver.

// OwingTx is the part of a transaction that moves debts and charges from one account to another.
type OwingTx interface {
	Books() ledger.Books
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	// ClosedOwing lists and locks the closed accounts of a customer that have an unpaid debt or charge, oldest first.
	ClosedOwing(customer id.ID) ([]id.ID, error)
	// OwedBy reads the unpaid debts and charges of an account.
	OwedBy(account id.ID) (debts, charges []Owed, err error)
	// DebtMove makes an account owe what is left of a debt, on the same terms, and leaves nothing on that debt. The caller posts the journal.
	DebtMove(from, to, account id.ID) error
	// ChargeMove makes an account owe what is left of a charge, under another name. The charge notes what it lost, so that it is not raised again.
	ChargeMove(from, to, account id.ID, name string) error
	// ChargeNames lists the names of all charges of an account in a local month, paid or not.
	ChargeNames(account id.ID, month string) ([]string, error)
	// OwesNow lists the accounts of a customer that are not closed and have an unpaid debt or charge, the newest first.
	OwesNow(customer id.ID, max int) ([]OtherDebt, error)
	// OtherDebts lists other accounts that owe, of the same customer or of a customer with the same telephone number.
	OtherDebts(account id.ID, max int) ([]OtherDebt, error)
}

// Owed is an unpaid debt or charge.
type Owed struct {
	ID   id.ID
	Left money.Minor
	// Name and Month are those of a charge, and empty for a debt.
	Name, Month string
}

// OtherDebt is another account that owes, of the same customer or of a customer with the same telephone number.
type OtherDebt struct {
	Account, Customer id.ID
	Name              string // of the customer
	Status            string // of the account
	Same              bool   // it is the same customer, and not only the same telephone number
	Owed              money.Minor
}

// MaxOtherDebts is the greatest number of other accounts that are shown with an account.
const MaxOtherDebts = 20

// FormerCharge begins the name of a charge that was taken over. The month's own charge of the new account keeps its name.
const FormerCharge = "former-"

// maxChargeName is the greatest length of a charge's name.
const maxChargeName = 32

// TakeOver moves all unpaid debts and charges of one account to another. Each keeps its terms and its age. Debts move by journals; a charge is
// not in the books before it is paid. Both accounts must be locked, and the caller writes the audit row.
func TakeOver(tx OwingTx, from, to id.ID, now time.Time) (money.Minor, error) {
	debts, charges, err := tx.OwedBy(from)
	if err != nil {
		return 0, err
	}
	var sum money.Minor
	for _, d := range debts {
		if err := moveDebt(tx, d, from, to, now); err != nil {
			return 0, err
		}
		sum += d.Left
	}
	for _, c := range charges {
		own, err := tx.ChargeNames(to, c.Month)
		if err != nil {
			return 0, err
		}
		next, err := tx.NewID()
		if err != nil {
			return 0, err
		}
		if err := tx.ChargeMove(c.ID, next, to, chargeNameFor(c.Name, own)); err != nil {
			return 0, err
		}
		sum += c.Left
	}
	return sum, nil
}

// moveDebt moves what is left of one debt (P32).
func moveDebt(tx OwingTx, d Owed, from, to id.ID, now time.Time) error {
	next, err := tx.NewID()
	if err != nil {
		return err
	}
	if err := tx.DebtMove(d.ID, next, to); err != nil {
		return err
	}
	was, is := d.ID.Text(id.Debt), next.Text(id.Debt)
	_, err = ledger.Enter(tx.Books(), ledger.Journal{Kind: ledger.DebtMoved, Ref: is, Memo: was + " is now " + is, PostedAt: now,
		Postings: ledger.DebtTakenOver(ledger.SubjectOf(from, was), ledger.SubjectOf(to, is), d.Left)})
	return err
}

// owesElsewhere returns what the customer of a draft owes on accounts that are not closed. Nobody collects that with the draft's account, so somebody could
// move to another meter and leave a debt behind without moving out.
func (r *Registry) owesElsewhere(tx Tx, d draft) (sum money.Amount, err error) {
	if d.newCustomer || d.meter.Status == Stock { // a meter in the store room supplies nobody
		return sum, nil
	}
	all, err := tx.Customers().Owing().OwesNow(d.customer.ID, MaxOtherDebts)
	if err != nil || len(all) == 0 {
		return sum, err
	}
	for _, o := range all {
		sum.Minor += o.Owed
	}
	v, _, err := tx.Tariffs().TariffVersionAt(d.account.Tariff, r.c.Now())
	sum.Currency = v.Body.Currency
	return sum, err
}

// chargeNameFor names a charge that is taken over, unlike all charges of the same month that the account has.
func chargeNameFor(was string, own []string) string {
	for n := 1; ; n++ {
		name := FormerCharge + was
		if n > 1 {
			name = fmt.Sprintf("%s%d-%s", FormerCharge, n, was)
		}
		name = name[:min(len(name), maxChargeName)]
		if !slices.Contains(own, name) {
			return name
		}
	}
}

// inherit lets a new account take over what the closed accounts of its customer owe.
func inherit(tx OwingTx, by access.Actor, customer, account id.ID, now time.Time) (money.Minor, error) {
	all, err := tx.ClosedOwing(customer)
	if err != nil {
		return 0, err
	}
	var sum money.Minor
	for _, from := range all {
		moved, err := TakeOver(tx, from, account, now)
		if err != nil {
			return 0, err
		}
		sum += moved
		e := by.Entry("debt.take-over", account.Text(id.Account))
		e.After, e.Reason = fmt.Sprintf("from=%s amount_minor=%d", from.Text(id.Account), moved), "the customer has a new account"
		if err := tx.AuditLog(e); err != nil {
			return 0, err
		}
	}
	return sum, nil
}
