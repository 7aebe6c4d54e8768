package core

import (
	"maps"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// commitCache holds rows that a commit has read or written. With one writer, nobody else can change these rows before the commit ends. If
// a closure is rolled back, the rows that it cached are dropped. A change of an account is still written at once, and only if the stored
// balance equals the cached balance. Counters are written once, at the end ([Fresh.Write]).
type commitCache struct {
	accounts map[ledger.AccountRef]Account // accounts with a limit, in their present state
	counters map[string]int64              // the last number taken from each counter
	anew     bool                          // accounts cached before this closure are no longer valid
	clock    *sale.Times
	tariffs  map[id.ID]VersionSpan // the version that was last requested, by tariff
	open     *time.Time            // when the first open day begins
}

// OpenFrom returns when the first open day begins; zero if no day was closed. The result stays true until the end of the transaction only
// for a transaction that has written postings.
func (tx *Tx) OpenFrom() (time.Time, error) {
	switch {
	case tx.Fresh.cache.open != nil:
		return *tx.Fresh.cache.open, nil
	case tx.Before != nil && tx.Before.cache.open != nil:
		return *tx.Before.cache.open, nil
	}
	var open time.Time
	_, err := tx.One(`SELECT MAX(to_at) FROM closed_day WHERE tenant_id = $1`, func(r Row) error { open = r.Time(0); return nil }, tx.Tenant)
	if err == nil {
		tx.ClosedUpTo(open)
	}
	return open, fault.Wrap(err, "find the first open day")
}

// ClosedUpTo remembers until the end of the transaction, or of a commit with one writer, when the first open day begins.
func (tx *Tx) ClosedUpTo(open time.Time) { tx.Fresh.cache.open = &open }

// VersionSpan is a version of a tariff and the end of its time in force; zero if no later version is published.
type VersionSpan struct {
	Version tariff.Version
	Until   time.Time
}

// CachedClock returns the clock's times that this commit last read or changed; nil if it has done neither.
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

// Issued moves the newest token's time in the cached clock to the time of a token that was just written.
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

// CacheVersion remembers a version until the commit. A zero span clears the cached version of the tariff.
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

// CachedAccount returns an account with a limit in the state that this commit last read or wrote.
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

// UncacheAccounts clears the cached accounts. Call it after a change of an account that is not a posting.
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

// join adds the cache of a closure to the cache of its commit.
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
	if of.open != nil {
		k.open = of.open
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
