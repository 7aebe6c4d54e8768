package store

import (
	"maps"

	"github.com/paywatt/paywatt/internal/ledger"
)

// kept is what a commit knows of rows that it has read or written itself: nobody else can change them before it ends,
// where there is one writer. A closure that is undone takes what it knew with it. Every change is still written, and
// from the value that was known to no other.
type kept struct {
	accounts map[ledger.AccountRef]account // those with a limit, as they are now
	counters map[string]int64              // the last number taken
	anew     bool                          // what was known of accounts before this closure holds no more
}

// keptAccount is an account with a limit as this commit has left it.
func (tx *Tx) keptAccount(ref ledger.AccountRef) (account, bool) {
	if tx.before == nil {
		return account{}, false
	}
	a, ok := tx.fresh.kept.accounts[ref]
	if !ok && !tx.fresh.kept.anew {
		a, ok = tx.before.kept.accounts[ref]
	}
	return a, ok
}

// keepAccount remembers an account with a limit until the commit.
func (tx *Tx) keepAccount(a account) {
	if tx.before == nil || !a.limit.Limited() {
		return
	}
	k := &tx.fresh.kept
	if k.accounts == nil {
		k.accounts = make(map[ledger.AccountRef]account)
	}
	k.accounts[a.ref] = a
}

// forgetAccounts is called where an account is changed otherwise than by a posting.
func (tx *Tx) forgetAccounts() {
	tx.fresh.kept.accounts, tx.fresh.kept.anew = nil, true
}

// keptCounter is the last number that this commit took of a counter, 0 where it took none.
func (tx *Tx) keptCounter(counter string) int64 {
	if n, ok := tx.fresh.kept.counters[counter]; ok || tx.before == nil {
		return n
	}
	return tx.before.kept.counters[counter]
}

func (tx *Tx) keepCounter(counter string, n int64) {
	if tx.before == nil {
		return
	}
	k := &tx.fresh.kept
	if k.counters == nil {
		k.counters = make(map[string]int64)
	}
	k.counters[counter] = n
}

// join adds what a closure knows to what the commit does.
func (k *kept) join(of kept) {
	if of.anew {
		k.accounts = nil
	}
	if k.accounts == nil {
		k.accounts = of.accounts
	} else {
		maps.Copy(k.accounts, of.accounts)
	}
	if k.counters == nil {
		k.counters = of.counters
	} else {
		maps.Copy(k.counters, of.counters)
	}
}
