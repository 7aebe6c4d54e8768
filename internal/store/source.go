package store

import (
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Source is the whole content of a database at one moment, for another engine to take over.
type Source interface {
	// Tables lists the tables, in an order in which they can be filled.
	Tables() ([]core.Table, error)
	// Rows calls row for every row of a table, with a value for each column: nil, int64, string or []byte. The values
	// are valid until row returns.
	Rows(t core.Table, row func(values []any) error) error
	// Report returns the verification of the same moment.
	Report() *Report
	// Trust returns the key and heads against which a tenant was verified. The field Public is the same for all tenants.
	Trust(t access.Tenant) Trust
}
