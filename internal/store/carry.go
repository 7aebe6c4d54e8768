package store

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/report"
)

// carriedBy returns whose change carried forward an account of the books is. Its postings are found by its sales, those of other accounts by
// the account itself.
func carriedBy(ref ledger.AccountRef) (account id.ID, is bool) {
	if ref.Code != ledger.Carry {
		return account, false
	}
	account, err := id.Parse(id.Account, ref.Subject)
	return account, err == nil
}

// Journals lists journals, newest first. It begins after the given journal, or with the newest if it is zero.
func (tx *Tx) Journals(f report.JournalFilter, before id.ID, max int) ([]ledger.Journal, error) {
	if f.Account != nil {
		if account, is := carriedBy(*f.Account); is {
			return tx.CarryJournals(account, before, max)
		}
	}
	return tx.bookRows.Journals(f, before, max)
}

// BalanceAt returns the signed balance of an account with all its postings up to a time.
func (tx *Tx) BalanceAt(ref ledger.AccountRef, at time.Time) (money.Minor, error) {
	if account, is := carriedBy(ref); is {
		return tx.CarryAt(account, at)
	}
	return tx.bookRows.BalanceAt(ref, at)
}
