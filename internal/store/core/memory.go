package core

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/tariff"
)

// memory holds the values that a writer remembers between transactions to save work. It holds only values that never change: the numbers
// of accounts without a limit, parsed tariff versions and time zones. It also holds the last identity made, so that the next identity
// sorts after it. A missing value is only read again, and changes no decision.
type memory struct {
	accounts map[rememberedAccount]int64
	bodies   map[string]tariff.Body
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
	maxBodies   = 1000
)

// undone forgets values that may have come from rows that were rolled back.
func (m *memory) undone() { clear(m.accounts) }

// AccountN returns the number of an account without a limit, if the writer remembers it.
func (tx *Tx) AccountN(ref ledger.AccountRef) (int64, bool) {
	if tx.Before == nil {
		return 0, false
	}
	n, ok := tx.Before.sealer.memory.accounts[rememberedAccount{tx.Tenant, ref}]
	return n, ok
}

// RememberAccount remembers the number of an account without a limit.
func (tx *Tx) RememberAccount(a Account) {
	if tx.Before == nil || a.Limit.Limited() {
		return
	}
	m := &tx.Before.sealer.memory
	if m.accounts == nil || len(m.accounts) >= maxAccounts {
		m.accounts = make(map[rememberedAccount]int64)
	}
	m.accounts[rememberedAccount{tx.Tenant, a.Ref}] = a.N
}

// TariffBody parses the text of a tariff version. The caller must not change the result.
func (tx *Tx) TariffBody(text string) (tariff.Body, error) {
	if tx.Before == nil {
		return tariff.Decode([]byte(text))
	}
	m := &tx.Before.sealer.memory
	if b, ok := m.bodies[text]; ok {
		return b, nil
	}
	b, err := tariff.Decode([]byte(text))
	if err != nil {
		return tariff.Body{}, err
	}
	if m.bodies == nil || len(m.bodies) >= maxBodies {
		m.bodies = make(map[string]tariff.Body)
	}
	m.bodies[text] = b
	return b, nil
}

// Zone returns a time zone by its name. The writer remembers the zone, because loading a zone reads a file.
func (tx *Tx) Zone(name string) (*time.Location, error) {
	if tx.Before != nil {
		if zone, ok := tx.Before.sealer.memory.zones[name]; ok {
			return zone, nil
		}
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone of the tenant: %w", err)
	}
	if tx.Before != nil {
		m := &tx.Before.sealer.memory
		if m.zones == nil || len(m.zones) >= maxBodies {
			m.zones = make(map[string]*time.Location)
		}
		m.zones[name] = zone
	}
	return zone, nil
}
