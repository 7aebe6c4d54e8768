// Package debt handles what customers owe besides the energy of a purchase, and what is owed to them: fixed charges, debts that purchases
// pay off, goodwill, and the move-out, when the customer's money pays the debts and the rest is refunded.
//
// Start at [Debts]. A sale calls [Owe] to find what it must collect. The sale locks the account first, as every write here does. So
// the rows of charges and debts need no locks.
//
// Not here: how a purchase is split among charges and energy (tariff), and the sale itself (vending).
package debt

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Limits of the texts and numbers of a debt.
const (
	maxKind  = 32
	maxMemo  = 120
	maxDebts = MaxOpen // open debts of an account
)

// Tx is the part of a transaction that the use cases of this package need.
type Tx interface {
	once.Clock
	Once() once.Tx
	Eyes() access.EyesTx
	Books() ledger.Books
	Wallets() wallet.SettleTx
	Charges() ChargeTx
	Owing() registry.OwingTx
	NewID() (id.ID, error)
	AuditLog(access.Entry) error

	// AccountPlace finds an account by its identity, or by a meter that supplies it, and locks it.
	AccountPlace(AccountName) (AccountDetails, bool, error)
	// AccountEntries lists sales of an account and its other entries that are older than a given entry, newest first.
	AccountEntries(account, before id.ID, max int) ([]Entry, error)
	// VendMonth returns an account's state in a local month.
	VendMonth(account id.ID, month string) (sale.Month, error)
	// VendUnderWay reports whether a sale to any meter of the account waits for its token or for its reversal, because month, carry and debts
	// belong to the account.
	VendUnderWay(account id.ID) (bool, error)
	// RatingPending reports whether a person has yet to decide about energy that a wallet meter counted.
	RatingPending(meter int64) (bool, error)
	// AccountClose closes an account and frees its meters for another one. What is left in a keypad meter is written down.
	AccountClose(account id.ID, at time.Time, left registry.CreditLeft) error

	// DebtAdd stores a new debt. The caller posts its journal in the same transaction.
	DebtAdd(Debt) error
	// Debt reads a debt. To change it, lock its account and read it again.
	Debt(debt id.ID) (Debt, bool, error)
	// DebtWriteOff lowers a debt by an amount that is written off. It returns false if less than the amount is
	// outstanding.
	DebtWriteOff(debt id.ID, amount money.Minor) (bool, error)
	// DebtTakeBack lowers a debt that was never owed to nothing. It returns false if something of it is paid.
	DebtTakeBack(d Debt, at time.Time) (bool, error)
	// DebtPaid reports whether a sale paid towards a debt, or is about to.
	DebtPaid(d Debt) (bool, error)
	// AccountMoved reports whether money ever moved on an account: by a sale, a payment or use. Opening balances and their reversals do not
	// count.
	AccountMoved(account id.ID) (bool, error)
	// HasOpenSums reports whether a customer's money or a reservation of it is on the account of a meter in stock, or whether the account owes a
	// debt or a charge that it took over.
	HasOpenSums(account id.ID) (bool, error)
	// Journal reads a journal with its postings.
	Journal(journal id.ID) (ledger.Journal, bool, error)
	// DebtPay lowers a debt by a payment other than a sale.
	DebtPay(debt id.ID, amount money.Minor) error
	// DebtPage lists debts older than a given debt, newest first. If the given debt is zero, it begins with the newest; if the
	// account is zero, it lists the debts of all accounts.
	DebtPage(account id.ID, open bool, before id.ID, max int) ([]Debt, error)
}

// Config is what a Debts needs; every field is required.
type Config struct {
	Door   access.Door[Tx]
	Sealer registry.Sealer
	Now    func() time.Time
	// MayDate returns the times by which the server's clock is judged, and a refusal if the clock must not date an
	// entry.
	MayDate func(once.Clock) (sale.Times, refusal.Refusal, error)
}

// Debts carries out the use cases of this package.
type Debts struct {
	c       Config
	answers once.Answers[Tx]
}

// New makes a Debts.
func New(c Config) *Debts {
	return &Debts{c: c, answers: once.Answers[Tx]{Door: c.Door, Sealer: c.Sealer, MayDate: c.MayDate}}
}

// moment returns the present time as it is stored: UTC, whole microseconds.
func (ds *Debts) moment() time.Time { return access.Stored(ds.c.Now()) }

// Executors returns the functions that carry out this package's acts once they are approved.
func (ds *Debts) Executors() access.Executors {
	return access.Executors{access.ActAdjust: ds.doAdjust, access.ActRefund: ds.doRefund, access.ActDebt: ds.doDebt,
		access.ActMoveOutOwing: ds.doMoveOut, access.ActTakeOver: ds.doTakeOver}
}

// States of a debt.
const (
	Open       = "open"
	Paid       = "paid"
	WrittenOff = "written_off"
	TakenBack  = "taken_back" // it was never owed; see [Debt.State]
	Moved      = "moved"      // another account of the customer owes what was left; see [Debt.State]
)

// Debt is money owed that is collected with purchases. Its Outstanding, less what pending sales have reserved, is the balance of its ledger
// account.
type Debt struct {
	ID          id.ID
	Account     id.ID
	Kind        string // fine, loan, arrears ...
	Memo        string
	Principal   money.Minor
	Outstanding money.Minor
	Mode        tariff.ChargeMode
	Value       int64       // basis points of the payment, or minor units, as Mode says
	Min         money.Minor // least amount from a purchase
	Max         money.Minor // greatest amount from a purchase; 0 for no limit
	MonthCap    money.Minor // greatest amount in a local month; 0 for no limit
	Priority    int
	Capped      bool
	Against     string // the account credited when it was raised: fees, services, fixed, energy, opening
	Month       string // local month of the last collection
	MonthTaken  money.Minor
	Status      string
	CreatedAt   time.Time
	TakenBack   time.Time // when the file that it came from was undone; zero if it was not
	MovedTo     id.ID     // the debt of another account that took over what was left; zero if none did
}

// State is the state of the debt as people read it.
func (d Debt) State() string {
	switch {
	case !d.TakenBack.IsZero():
		return TakenBack
	case !d.MovedTo.IsZero() && d.Outstanding == 0: // a sale that paid it may have been reversed since
		return Moved
	}
	return d.Status
}

// Name is the debt's identity text.
func (d Debt) Name() string { return d.ID.Text(id.Debt) }

// charge returns the debt as a sale in a local month must pay it.
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

// checkAmount checks an amount as for a sale. A refusal says that no entry was booked.
func checkAmount(a money.Amount) refusal.Refusal {
	no := sale.CheckTender(a)
	if no.Refused() {
		no = refuse.BookingNotMade(no)
	}
	return no
}

// ownCurrency refuses money of another currency than the tenant's.
func ownCurrency(tx Tx, a money.Amount) (refusal.Refusal, error) {
	currency, _, err := tx.Books().Currency()
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case currency == "":
		return refuse.UtilityWithoutCurrency(), nil
	case currency != a.Currency:
		return refuse.BookingNotMade(refuse.CurrencyMismatch(a.Currency, currency)), nil
	}
	return refusal.Refusal{}, nil
}

// zoneOf returns the tenant's time zone by its name.
func zoneOf(name string) (*time.Location, error) {
	zone, err := localday.LoadZone(name)
	return zone, fault.Wrap(err, "time zone of the tenant")
}
