package core

import (
	"maps"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// commitCache is what a commit knows of rows that it has read or written itself: nobody else can change them before it ends,
// where there is one writer. A closure that is undone takes what it knew with it. Every change of an account is still
// written, and from the value that was known to no other; counters are written once, at the end ([Fresh.Write]).
type commitCache struct {
	accounts map[ledger.AccountRef]Account // those with a limit, as they are now
	counters map[string]int64              // the last number taken
	anew     bool                          // what was known of accounts before this closure holds no more
	clock    *sale.Times
	tariffs  map[id.ID]VersionSpan // the version last asked for, by tariff
}

// VersionSpan is a version of a tariff and until when it is in force; zero for as long as no other is published.
type VersionSpan struct {
	Version tariff.Version
	Until   time.Time
}

// CachedClock is the clock as this commit has left it, nil where nobody asked.
func (tx *Tx) CachedClock() *sale.Times {
	if tx.Fresh.cache.clock != nil || tx.Before == nil {
		return tx.Fresh.cache.clock
	}
	return tx.Before.cache.clock
}

// CacheClock remembers the clock until the commit.
func (tx *Tx) CacheClock(c sale.Times) {
	if tx.Before != nil {
		tx.Fresh.cache.clock = &c
	}
}

// Issued moves what is known of the clock on to a token that was just written.
func (tx *Tx) Issued(token id.ID) {
	if c := tx.CachedClock(); c != nil && token.Time().After(c.Newest) {
		moved := *c
		moved.Newest = token.Time()
		tx.CacheClock(moved)
	}
}

// CachedVersion is the version of a tariff that this commit knows to be in force at a moment. Publishing one ends what is
// known.
func (tx *Tx) CachedVersion(t id.ID, at time.Time) (tariff.Version, bool) {
	s, ok := tx.Fresh.cache.tariffs[t]
	if !ok && tx.Before != nil {
		s, ok = tx.Before.cache.tariffs[t]
	}
	return s.Version, ok && !s.Version.ID.IsZero() && !at.Before(s.Version.EffectiveFrom) && (s.Until.IsZero() || at.Before(s.Until))
}

// CacheVersion remembers a version until the commit; the zero span forgets what is known of its tariff.
func (tx *Tx) CacheVersion(t id.ID, s VersionSpan) {
	if tx.Before == nil {
		return
	}
	k := &tx.Fresh.cache
	if k.tariffs == nil {
		k.tariffs = make(map[id.ID]VersionSpan, 1)
	}
	k.tariffs[t] = s
}

// CachedAccount is an account with a limit as this commit has left it.
func (tx *Tx) CachedAccount(ref ledger.AccountRef) (Account, bool) {
	if tx.Before == nil {
		return Account{}, false
	}
	a, ok := tx.Fresh.cache.accounts[ref]
	if !ok && !tx.Fresh.cache.anew {
		a, ok = tx.Before.cache.accounts[ref]
	}
	return a, ok
}

// CacheAccount remembers an account with a limit until the commit.
func (tx *Tx) CacheAccount(a Account) {
	if tx.Before == nil || !a.Limit.Limited() {
		return
	}
	k := &tx.Fresh.cache
	if k.accounts == nil {
		k.accounts = make(map[ledger.AccountRef]Account)
	}
	k.accounts[a.Ref] = a
}

// UncacheAccounts is called where an account is changed otherwise than by a posting.
func (tx *Tx) UncacheAccounts() {
	tx.Fresh.cache.accounts, tx.Fresh.cache.anew = nil, true
}

// cachedCounter is the last number that this commit took of a counter, 0 where it took none.
func (tx *Tx) cachedCounter(counter string) int64 {
	if n, ok := tx.Fresh.cache.counters[counter]; ok || tx.Before == nil {
		return n
	}
	return tx.Before.cache.counters[counter]
}

// CacheCounter remembers the last number taken of a counter until the commit.
func (tx *Tx) CacheCounter(counter string, n int64) {
	if tx.Before == nil {
		return
	}
	k := &tx.Fresh.cache
	if k.counters == nil {
		k.counters = make(map[string]int64)
	}
	k.counters[counter] = n
}

// join adds what a closure knows to what the commit does.
func (k *commitCache) join(of commitCache) {
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
