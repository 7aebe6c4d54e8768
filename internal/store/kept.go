package store

import (
	"maps"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
)

// kept is what a commit knows of rows that it has read or written itself: nobody else can change them before it ends,
// where there is one writer. A closure that is undone takes what it knew with it. Every change of an account is still
// written, and from the value that was known to no other; counters are written once, at the end ([Fresh.Write]).
type kept struct {
	accounts map[ledger.AccountRef]account // those with a limit, as they are now
	counters map[string]int64              // the last number taken
	anew     bool                          // what was known of accounts before this closure holds no more
	clock    *vending.Times
	tariffs  map[id.ID]versionSpan // the version last asked for, by tariff
}

// versionSpan is a version of a tariff and until when it is in force; zero for as long as no other is published.
type versionSpan struct {
	version tariff.Version
	until   time.Time
}

// keptClock is the clock as this commit has left it, nil where nobody asked.
func (tx *Tx) keptClock() *vending.Times {
	if tx.fresh.kept.clock != nil || tx.before == nil {
		return tx.fresh.kept.clock
	}
	return tx.before.kept.clock
}

// keepClock remembers the clock until the commit.
func (tx *Tx) keepClock(c vending.Times) {
	if tx.before != nil {
		tx.fresh.kept.clock = &c
	}
}

// issued moves what is known of the clock on to a token that was just written.
func (tx *Tx) issued(token id.ID) {
	if c := tx.keptClock(); c != nil && token.Time().After(c.Newest) {
		moved := *c
		moved.Newest = token.Time()
		tx.keepClock(moved)
	}
}

// keptVersion is the version of a tariff that this commit knows to be in force at a moment. Publishing one ends what is
// known.
func (tx *Tx) keptVersion(t id.ID, at time.Time) (tariff.Version, bool) {
	s, ok := tx.fresh.kept.tariffs[t]
	if !ok && tx.before != nil {
		s, ok = tx.before.kept.tariffs[t]
	}
	return s.version, ok && !s.version.ID.IsZero() && !at.Before(s.version.EffectiveFrom) && (s.until.IsZero() || at.Before(s.until))
}

// keepVersion remembers a version until the commit; the zero span forgets what is known of its tariff.
func (tx *Tx) keepVersion(t id.ID, s versionSpan) {
	if tx.before == nil {
		return
	}
	k := &tx.fresh.kept
	if k.tariffs == nil {
		k.tariffs = make(map[id.ID]versionSpan, 1)
	}
	k.tariffs[t] = s
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
	if of.clock != nil {
		k.clock = of.clock
	}
	if k.tariffs == nil {
		k.tariffs = of.tariffs
	} else {
		maps.Copy(k.tariffs, of.tariffs)
	}
	if k.counters == nil {
		k.counters = of.counters
	} else {
		maps.Copy(k.counters, of.counters)
	}
}
