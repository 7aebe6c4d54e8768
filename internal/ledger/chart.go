package ledger

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/money"
)

// Code is the number of an account in the chart.
type Code int

// Subjects of the tenant's own accounts.
const (
	MainTill = "main" // the till that sells for the tenant itself
	MainBank = "main" // the bank account of a tenant that has named none
)

// Class is the kind of an account.
type Class string

// Classes of accounts. Assets and expenses grow by debits, the others by credits.
const (
	Asset     Class = "asset"
	Liability Class = "liability"
	Equity    Class = "equity"
	Income    Class = "income"
	Expense   Class = "expense"
)

// Bound is the kind of limit that an account has from its opening. Only limited accounts store a balance in their row. All others are
// summed from their postings, so that revenue and tax accounts are never hot rows.
type Bound uint8

// Kinds of bounds. An account with its bound at zero can never be overdrawn.
const (
	Unbounded Bound = iota
	NotBelow        // the signed balance, less the held amount, never falls below Limit.Floor
	NotAbove        // the signed balance, plus the held amount, never rises above Limit.Ceiling
)

// Account is one line of the chart.
type Account struct {
	Code  Code
	Path  string // display name; the subject follows after a colon
	Class Class
	Bound Bound
}

// Limit is the bound of one account and its value as a signed balance (debit +). The zero value is no limit.
type Limit struct {
	Bound Bound
	At    Minor
}

// Limited reports whether accounts with this limit store a balance in their row.
func (l Limit) Limited() bool { return l.Bound != Unbounded }

// Floor is the lowest signed balance allowed after holds, if there is one.
func (l Limit) Floor() (Minor, bool) { return l.At, l.Bound == NotBelow }

// Ceiling is the highest signed balance allowed after holds, if there is one.
func (l Limit) Ceiling() (Minor, bool) { return l.At, l.Bound == NotAbove }

// Find looks up a line of the chart.
func Find(c Code) (Account, bool) {
	for i := range chart {
		if chart[i].Code == c {
			return chart[i], true
		}
	}
	return Account{}, false
}

// LimitOf returns the limit of a new account of this code. The limit is 0: a till, float, wallet or carry cannot be overdrawn, nobody can
// collect more than the amount of a debt, and a post-paid vendor has no credit. Credit lines, overdrafts and credit limits raise At in the
// account's own row.
func LimitOf(c Code) Limit {
	a, ok := Find(c)
	if !ok {
		return Limit{}
	}
	return Limit{Bound: a.Bound}
}

// Breach is a posting or a hold that a limit forbids; the zero value means that no limit was broken. A breach is not an error: the caller
// turns it into the refusal of its operation.
type Breach struct {
	Account AccountRef
	Balance Minor // signed balance before the change
	Held    Minor // amount reserved and not posted, never negative
	Change  Minor // the requested change: debit +, credit -
	Limit   Limit
}

// Refused reports whether a limit was broken.
func (b Breach) Refused() bool { return b.Limit.Limited() }

// Short returns by how much the change would have passed the limit, in minor units.
func (b Breach) Short() Minor {
	after := b.Balance + b.Change
	if b.Limit.Bound == NotBelow {
		return b.Limit.At - (after - b.Held)
	}
	return after + b.Held - b.Limit.At
}

// Err returns the breach as an error, for a journal that should never break a limit.
func (b Breach) Err(j Journal) error {
	return fmt.Errorf("post %s %s: account %d %q would pass its limit by %d", j.Kind, j.Ref, b.Account.Code, b.Account.Subject, b.Short())
}

// Check returns the breach if a change of an account would pass its limit. The amount held is already reserved on the account. A change
// away from the limit is always allowed, so that an account beyond a lowered limit can be brought back.
func (l Limit) Check(a AccountRef, balance, held, change money.Minor) Breach {
	broken := false
	switch l.Bound {
	case NotBelow:
		broken = change < 0 && balance+change-held < l.At
	case NotAbove:
		broken = change > 0 && balance+change+held > l.At
	}
	if !broken {
		return Breach{}
	}
	return Breach{Account: a, Balance: balance, Held: held, Change: change, Limit: l}
}

// CheckHold returns the breach if reserving amount more on an account would pass its limit. A hold reserves a change towards the limit: a
// debit of a float or wallet, a credit of a debt.
func (l Limit) CheckHold(a AccountRef, balance, held, amount money.Minor) Breach {
	if l.Bound == NotBelow {
		return l.Check(a, balance, held, -amount)
	}
	return l.Check(a, balance, held, amount)
}
