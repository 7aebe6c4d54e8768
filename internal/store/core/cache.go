package core

import (
	"maps"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// commitCache holds rows that a commit has read or written itself. With one writer, nobody else can change them before the commit ends.
// What a rolled back closure has cached is dropped with it. Every change of an account is still written at once, and only if the stored
// balance is the cached one; counters are written once, at the end ([Fresh.Write]).
type commitCache struct {
	accounts map[ledger.AccountRef]Account // those with a limit, as they are now
	counters map[string]int64              // the last number taken
	anew     bool                          // accounts cached before this closure are no longer valid
	clock    *sale.Times
	tariffs  map[id.ID]VersionSpan // the version last asked for, by tariff
}

// VersionSpan is a version of a tariff and the end of its time in force; zero if no later version is published.
type VersionSpan struct {
	Version tariff.Version
	Until   time.Time
}

// CachedClock returns the clock as this commit last read or changed it; nil if it did neither.
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

// Issued moves the newest token's time in the cached clock to that of a token that was just written.
func (tx *Tx) Issued(token id.ID) {
	if c := tx.CachedClock(); c != nil && token.Time().After(c.Newest) {
		moved := *c
		moved.Newest = token.Time()
		tx.CacheClock(moved)
	}
}

// CachedVersion returns the cached version of a tariff if it is in force at a moment. Publishing a version clears the cache.
func (tx *Tx) CachedVersion(t id.ID, at time.Time) (tariff.Version, bool) {
	s, ok := tx.Fresh.cache.tariffs[t]
	if !ok && tx.Before != nil {
		s, ok = tx.Before.cache.tariffs[t]
	}
	return s.Version, ok && !s.Version.ID.IsZero() && !at.Before(s.Version.EffectiveFrom) && (s.Until.IsZero() || at.Before(s.Until))
}

// CacheVersion remembers a version until the commit; the zero span clears the cached version of the tariff.
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

// CachedAccount returns an account with a limit as this commit last read or wrote it.
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

// UncacheAccounts clears the cached accounts. Call it after changing an account other than by a posting.
func (tx *Tx) UncacheAccounts() {
	tx.Fresh.cache.accounts, tx.Fresh.cache.anew = nil, true
}

// cachedCounter returns the last number that this commit took from a counter; 0 for none.
func (tx *Tx) cachedCounter(counter string) int64 {
	if n, ok := tx.Fresh.cache.counters[counter]; ok || tx.Before == nil {
		return n
	}
	return tx.Before.cache.counters[counter]
}

// CacheCounter remembers the last number taken from a counter until the commit.
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

// join adds the cache of a closure to that of its commit.
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
