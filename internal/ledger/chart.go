package ledger

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/money"
)

// Code is the number of an account in the chart.
type Code int

// Subjects of accounts of the tenant itself.
const (
	MainTill = "main" // the till that sells for the tenant itself
	MainBank = "main" // the bank account of a tenant that named none
)

// Class says what kind of account it is.
type Class string

// Classes of accounts. Assets and expenses grow by debits, the others by credits.
const (
	Asset     Class = "asset"
	Liability Class = "liability"
	Equity    Class = "equity"
	Income    Class = "income"
	Expense   Class = "expense"
)

// Bound is the limit an account of the chart carries from its opening on. Only limited accounts keep a balance in
// their row; all others are summed from their postings, so revenue and tax are never a hot row.
type Bound uint8

// Bounds. A bound of zero means: what was never put in cannot be taken out.
const (
	Unbounded Bound = iota
	NotBelow        // the signed balance, less what is held, never falls below Limit.Floor
	NotAbove        // the signed balance, with what is held, never rises above Limit.Ceiling
)

// Account is one line of the chart.
type Account struct {
	Code  Code
	Path  string // display name; the subject follows behind a colon
	Class Class
	Bound Bound
}

// Limit is the bound of one account with its figure, in signed balance (debit +). The zero value limits nothing.
type Limit struct {
	Bound Bound
	At    Minor
}

// Limited reports whether accounts of this code keep a balance in their row.
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

// LimitOf is the limit a new account of this code starts with: a till never below 0, a float, wallet or carry never
// overdrawn, a debt never over-collected, a post-paid vendor at credit limit 0. Credit lines, overdrafts and credit
// limits raise At on the account's own row.
func LimitOf(c Code) Limit {
	a, ok := Find(c)
	if !ok {
		return Limit{}
	}
	return Limit{Bound: a.Bound}
}

// Breach is a posting or a hold that a limit forbids; the zero value says that none was broken. It is an answer, not
// an error: the caller turns it into the refusal that fits what it was doing.
type Breach struct {
	Account AccountRef
	Balance Minor // signed balance before
	Held    Minor // reserved and not posted, never negative
	Change  Minor // what was asked for: debit +, credit -
	Limit   Limit
}

// Refused reports whether a limit was broken.
func (b Breach) Refused() bool { return b.Limit.Limited() }

// Short is by how much the limit would have been passed, in minor units.
func (b Breach) Short() Minor {
	after := b.Balance + b.Change
	if b.Limit.Bound == NotBelow {
		return b.Limit.At - (after - b.Held)
	}
	return after + b.Held - b.Limit.At
}

// Err is the error of a journal that must not be refused.
func (b Breach) Err(j Journal) error {
	return fmt.Errorf("post %s %s: account %d %q would pass its limit by %d", j.Kind, j.Ref, b.Account.Code, b.Account.Subject, b.Short())
}

// Check says whether changing an account by change keeps its limit, with held reserved on it. A change towards the
// safe side is always allowed, so that an account beyond a lowered limit can be brought back.
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

// CheckHold says whether amount more may be reserved on an account: what a hold reserves is a change towards the limit,
// a debit of a float or wallet, a credit of a debt.
func (l Limit) CheckHold(a AccountRef, balance, held, amount money.Minor) Breach {
	if l.Bound == NotBelow {
		return l.Check(a, balance, held, -amount)
	}
	return l.Check(a, balance, held, amount)
}
