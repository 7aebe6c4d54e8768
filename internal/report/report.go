// Package report answers questions about the books. Start at [Reports]: the trial balance, the accounts with their
// balances at any time, and the journals behind every figure.
//
// Reports only read. They sum the postings at the time of the request, and do not store totals.
package report

import (
	"context"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/seal"
)

// Tx is the part of a transaction that a report needs.
type Tx interface {
	// Currency returns the tenant's currency, empty while the tenant has none.
	Currency() (code string, exp int, err error)
	// TrialBalance returns the sum of every account code with postings, with debit sums positive.
	TrialBalance() ([]ledger.Posting, error)
	BookTx
	DayTx
	FeedTx
	HeadTx
	AuditTx
}

// Reports carries out the use cases of this package.
type Reports struct {
	door   access.Door[Tx]
	hasher registry.Hasher
	keys   seal.Chain
}

// New makes Reports over the store's door. The parameter hasher signs the cursors of lists. The parameter keys is the
// public key that checks the signatures of the log's heads, with the keys before it.
func New(door access.Door[Tx], hasher registry.Hasher, keys seal.Chain) *Reports {
	return &Reports{door: door, hasher: hasher, keys: keys}
}

// TrialBalance is the sum of every account code.
type TrialBalance struct {
	refusal.Refusal
	Currency string
	Lines    []Line
	Sum      money.Minor // 0 if the books balance
}

// Line is one account code of a trial balance.
type Line struct {
	Code    ledger.Code
	Name    string
	Class   ledger.Class
	Balance money.Minor // a debit balance is positive
}

// TrialBalance sums the books (right: ledger.read), in the order of the chart.
func (r *Reports) TrialBalance(ctx context.Context, by access.Actor) (TrialBalance, error) {
	if no := by.Needs(access.ReadLedger); no.Refused() {
		return TrialBalance{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.door, by.Tenant, func(tx Tx) (TrialBalance, error) {
		code, _, err := tx.Currency()
		if err != nil {
			return TrialBalance{}, err
		}
		sums, err := tx.TrialBalance()
		if err != nil {
			return TrialBalance{}, err
		}
		t := TrialBalance{Currency: code}
		for _, s := range sums {
			a, _ := ledger.Find(s.Account.Code)
			t.Lines = append(t.Lines, Line{Code: s.Account.Code, Name: a.Path, Class: a.Class, Balance: s.Amount})
			t.Sum += s.Amount
		}
		return t, nil
	})
	return out, fault.Wrap(err, "trial balance")
}
