package debt

import (
	"context"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// AccountName names an account by its identity or by a meter that supplies it.
type AccountName struct {
	ID    id.ID // zero if a meter identifies the account
	Meter registry.Ref
}

// accountName parses an account's identity, or a meter's number or identity.
func accountName(text string) (AccountName, refusal.Refusal) {
	text = strings.TrimSpace(text)
	if i, err := id.Parse(id.Account, text); err == nil {
		return AccountName{ID: i}, refusal.Refusal{}
	}
	ref, no := registry.ParseRef(text)
	return AccountName{Meter: ref}, no
}

// AccountDetails is an account with its customer, its place and its meters.
type AccountDetails struct {
	ID        id.ID
	Customer  registry.Customer
	Address   string
	Mode      registry.Mode
	Status    string
	Tariff    id.ID // with which the account was opened
	Later     tariff.Assignments
	OpenedAt  time.Time
	ClosedAt  time.Time // zero while it is open
	ChargedTo string
	Meters    []string // numbers of the meters that supply it now
	// CreditIn and CreditOut are what was in a keypad meter when the account was opened and when it was closed.
	CreditIn, CreditOut registry.CreditLeft
	// CreditStated is when the move-out of the last customer stated CreditIn; zero if the move-in stated another one.
	CreditStated time.Time
}

func findAccount(tx Tx, name AccountName, text string) (AccountDetails, refusal.Refusal, error) {
	a, found, err := tx.AccountPlace(name)
	if err != nil || found {
		return a, refusal.Refusal{}, err
	}
	return AccountDetails{}, refuse.AccountNotFound(refusal.Echo(text)), nil
}

// PlaceOf finds the account that a text names: by its identity, or by the number or identity of a meter.
func (ds *Debts) PlaceOf(tx Tx, account string) (AccountDetails, refusal.Refusal, error) {
	return named(tx, account)
}

// tell says whose account it is. The side is "to-" or "from-" where a request is about two accounts.
func (a AccountDetails) tell(e *access.Effect, side string) {
	e.Fact(side+"meter", strings.Join(a.Meters, ", "))
	e.Fact(side+"customer", a.Customer.Name)
	e.Fact(side+"phone", a.Customer.Phone)
}

// AccountView is an account with its balances and what it owes.
type AccountView struct {
	refusal.Refusal
	AccountDetails
	Currency string
	Carry    money.Minor // change from earlier purchases, used by the next one
	Wallet   money.Minor
	Due      money.Minor // unpaid fixed charges; for a token meter, also the charges that are due but not stored yet
	Debts    money.Minor
	Month    string // the local month of the figures below
	Units    unit.Energy
	FreeDue  unit.Energy // free basic units that can be claimed
	// OtherDebts are other accounts that owe, of the same customer or of a customer with the same telephone number.
	OtherDebts []registry.OtherDebt
}

// Account returns an account by its identity or a meter that supplies it (right: customer.read).
func (ds *Debts) Account(ctx context.Context, by access.Actor, account string) (AccountView, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return AccountView{Refusal: no}, nil
	}
	name, no := accountName(account)
	if no.Refused() {
		return AccountView{Refusal: no}, nil
	}
	now := ds.moment()
	out, err := access.Look(ctx, ds.c.Door, by.Tenant, func(tx Tx) (AccountView, error) {
		place, no, err := findAccount(tx, name, account)
		if err != nil || no.Refused() {
			return AccountView{Refusal: no}, err
		}
		return ds.showAccount(tx, place, now)
	})
	return out, fault.Wrap(err, "show account %s", refusal.Echo(account))
}

func (ds *Debts) showAccount(tx Tx, place AccountDetails, now time.Time) (AccountView, error) {
	out := AccountView{AccountDetails: place}
	tz, policy, err := tx.Charges().ChargeTenant()
	if err != nil {
		return AccountView{}, err
	}
	zone, err := zoneOf(tz)
	if err != nil {
		return AccountView{}, err
	}
	if out.Currency, _, err = tx.Books().Currency(); err != nil {
		return AccountView{}, err
	}
	local := now.In(zone)
	out.Month = local.Format(localday.MonthForm)
	month, err := tx.VendMonth(place.ID, out.Month)
	if err != nil {
		return AccountView{}, err
	}
	out.Units, out.Carry = month.Units, month.Carry
	wallet, err := tx.Books().Balance(ledger.AccountRef{Code: ledger.Wallet, Subject: place.ID.Text(id.Account)})
	if err != nil {
		return AccountView{}, err
	}
	out.Wallet = -wallet
	version, _, err := place.Later.InForce(place.Tariff, now, tx.Charges().TariffVersionAt)
	if err != nil {
		return AccountView{}, err
	}
	out.FreeDue = month.FreeDue(version.Body)
	var dues []Due
	var debts []Debt
	if place.Mode == registry.PrepayToken && place.Status == registry.AccountActive {
		p := sale.Point{Account: place.ID, Tariff: place.Tariff, Later: place.Later,
			OpenedAt: place.OpenedAt, ChargedTo: place.ChargedTo, Policy: policy}
		dues, debts, _, err = outstanding(tx.Charges(), p, version, local, allOpen)
	} else { // a wallet pays its charges day by day; a closed account gets no new ones
		dues, debts, err = tx.Charges().ChargesOpen(place.ID, allOpen)
	}
	if err != nil {
		return AccountView{}, err
	}
	for _, d := range dues {
		out.Due += d.Left()
	}
	for _, d := range debts {
		out.Debts += d.Outstanding
	}
	out.OtherDebts, err = tx.Owing().OtherDebts(place.ID, registry.MaxOtherDebts)
	return out, err
}

// Entry is a line of a customer's statement.
type Entry struct {
	ID     id.ID // identity of the sale or the journal
	At     time.Time
	Kind   string // vend, debt, write_off, goodwill ...
	Ref    string // identity text of the sale or debt
	Memo   string
	State  string      // state of the sale; empty for other entries
	Amount money.Minor // amount paid, raised, written off or given
	Units  unit.Energy
	Meter  string
	No     string // receipt number
}

// Statement is one page of an account's entries, newest first.
type Statement struct {
	refusal.Refusal
	Account  id.ID
	Currency string
	Entries  []Entry
	Next     string
}

// listAccount names the list of an account's statement in its cursors.
const listAccount = "account:"

// Statement lists the sales of an account and its other entries (right: customer.read).
func (ds *Debts) Statement(ctx context.Context, by access.Actor, account string, page registry.Page) (Statement, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return Statement{Refusal: no}, nil
	}
	name, no := accountName(account)
	if no.Refused() {
		return Statement{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ds.c.Door, by.Tenant, func(tx Tx) (Statement, error) {
		place, no, err := findAccount(tx, name, account)
		if err != nil || no.Refused() {
			return Statement{Refusal: no}, err
		}
		list := listAccount + place.ID.Text(id.Account)
		before, max, no := page.Read(ds.c.Sealer, by.Tenant, list)
		if no.Refused() {
			return Statement{Refusal: no}, nil
		}
		out := Statement{Account: place.ID}
		if out.Currency, _, err = tx.Books().Currency(); err != nil {
			return Statement{}, err
		}
		rows, err := tx.AccountEntries(place.ID, before, max+1)
		out.Entries, out.Next = registry.Cut(rows, max, ds.c.Sealer, by.Tenant, list, func(e Entry) id.ID { return e.ID })
		return out, err
	})
	return out, fault.Wrap(err, "statement of account %s", refusal.Echo(account))
}
