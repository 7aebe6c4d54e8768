// Package books reads and writes the rows of the books: journals, balances, holds, fixed charges, debts and tariffs.
package books

import "github.com/paywatt/paywatt/internal/store/core"

// Rows are the rows of this area in one transaction.
type Rows struct{ *core.Tx }

// Of returns the rows of a transaction.
func Of(tx *core.Tx) Rows { return Rows{tx} }

// Lists are the columns of this area's tables. A test compares them with the schema.
var Lists = [...]core.Listed{&journalColumns, &tariffColumns, &versionColumns, &dueColumns, &debtColumns, &dayColumns}
