package core

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/tariff"
)

// memory holds the values that a writer remembers between transactions to save work. It holds only values that never change: the numbers
// of accounts, parsed texts and time zones. It also holds the last identity made, so that the next identity sorts after it. A missing value is only read again, and changes no decision.
type memory struct {
	accounts map[rememberedAccount]int64
	parsed   map[string]any // values by the text that was parsed
	zones    map[string]*time.Location
	ids      id.Series
	texts    map[rowsOf]string // statements that insert several rows; at most maxRows for each table
}

// rowsOf names a statement that inserts n rows.
type rowsOf struct {
	into string
	n    int
}

type rememberedAccount struct {
	tenant access.Tenant
	ref    ledger.AccountRef
}

// Limits of a memory. A full map is replaced by an empty one.
const (
	maxAccounts = 10_000
	maxParsed   = 10_000
	maxZones    = 1000
)

// undone forgets values that may have come from rows that were rolled back.
func (m *memory) undone() { clear(m.accounts) }

// memory returns what the writer remembers; nil if it remembers nothing.
func (tx *Tx) memory() *memory {
	switch {
	case tx.Before != nil:
		return &tx.Before.sealer.memory
	case tx.together != nil:
		return &tx.together.memory.memory
	}
	return nil
}

// Memory is what a writer of an engine with several writers remembers between transactions.
type Memory struct {
	memory   memory
	counters []usualCounter // that the last transactions of several closures have taken from
	totals   []totalKey
	usual    []ledger.AccountRef        // accounts that this transaction and the one before have changed
	changed  map[ledger.AccountRef]bool // accounts that this transaction has changed
}

// remember notes which shared rows a transaction has changed, because the next one will probably change the same rows.
func (m *Memory) remember(t *Together) {
	m.counters, m.totals, m.usual = usualCounters(m.counters, t.taken), nil, nil
	for key, k := range t.totals {
		if k.is != k.was {
			m.totals = append(m.totals, key)
		}
	}
	before := m.changed
	m.changed = make(map[ledger.AccountRef]bool)
	for _, k := range t.accounts {
		if k.is.Balance == k.was.Balance {
			continue
		}
		if m.changed[k.is.Ref] = true; before[k.is.Ref] {
			m.usual = append(m.usual, k.is.Ref)
		}
	}
}

// usualCounter is a counter that transactions usually take from, and how many of the last ones did not.
type usualCounter struct {
	name string
	idle int
}

// maxIdle is after how many transactions a counter is no longer usual. Only some sales open an account, for example, and a sale that finds
// its counter unlocked costs all others of its transaction one more message.
const maxIdle = 16

// usualCounters returns the counters that the next transaction will probably take from, in the order of their locks: numbers of receipts come
// before the number of an account, as in a transaction with one closure.
func usualCounters(before []usualCounter, taken []string) []usualCounter {
	out := make([]usualCounter, 0, len(before)+len(taken))
	for _, name := range taken {
		out = append(out, usualCounter{name: name})
	}
	for _, k := range before {
		if k.idle++; k.idle < maxIdle && !slices.Contains(taken, k.name) {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b usualCounter) int {
		if last := a.name == CounterAccount; last != (b.name == CounterAccount) {
			if last {
				return 1
			}
			return -1
		}
		return strings.Compare(a.name, b.name)
	})
	return out
}

// AccountN returns the number of an account, if the writer remembers it. A writer that seals remembers only accounts without a limit,
// because it needs the state of the others anyway.
func (tx *Tx) AccountN(ref ledger.AccountRef) (int64, bool) {
	m := tx.memory()
	if m == nil {
		return 0, false
	}
	n, ok := m.accounts[rememberedAccount{tx.Tenant, ref}]
	return n, ok
}

// RememberAccount remembers the number of an account that was read.
func (tx *Tx) RememberAccount(a Account) {
	m := tx.memory()
	if m == nil || tx.Before != nil && a.Limit.Limited() {
		return
	}
	if m.accounts == nil || len(m.accounts) >= maxAccounts {
		m.accounts = make(map[rememberedAccount]int64)
	}
	m.accounts[rememberedAccount{tx.Tenant, a.Ref}] = a.N
}

// TariffBody parses the text of a tariff version. The caller must not change the result.
func (tx *Tx) TariffBody(text string) (tariff.Body, error) {
	return ParsedOnce(tx, text, func(text string) (tariff.Body, error) { return tariff.Decode([]byte(text)) })
}

// ParsedOnce parses a stored text that seldom changes, and remembers the value. The caller must not change the result.
func ParsedOnce[T any](tx *Tx, text string, parse func(string) (T, error)) (T, error) {
	m := tx.memory()
	if m == nil {
		return parse(text)
	}
	if v, ok := m.parsed[text].(T); ok {
		return v, nil
	}
	v, err := parse(text)
	if err != nil {
		var none T
		return none, err
	}
	if m.parsed == nil || len(m.parsed) >= maxParsed {
		m.parsed = make(map[string]any)
	}
	m.parsed[text] = v
	return v, nil
}

// Zone returns a time zone by its name. The writer remembers the zone, because loading a zone reads a file.
func (tx *Tx) Zone(name string) (*time.Location, error) {
	m := tx.memory()
	if m != nil {
		if zone, ok := m.zones[name]; ok {
			return zone, nil
		}
	}
	zone, err := localday.LoadZone(name)
	if err != nil {
		return nil, fmt.Errorf("time zone of the tenant: %w", err)
	}
	if m != nil {
		if m.zones == nil || len(m.zones) >= maxZones {
			m.zones = make(map[string]*time.Location)
		}
		m.zones[name] = zone
	}
	return zone, nil
}
