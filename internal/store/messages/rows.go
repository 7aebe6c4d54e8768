// Package messages reads and writes the rows of messages to and from telephones and meters.
package messages

import "github.com/paywatt/paywatt/internal/store/core"

// Rows are the rows of this area in one transaction.
type Rows struct{ *core.Tx }

// Of returns the rows of a transaction.
func Of(tx *core.Tx) Rows { return Rows{tx} }

// Lists are the columns of this area's tables; a test compares them with the schema.
var Lists = [...]core.Listed{&messageColumns, &tryColumns, &monthColumns, &earlyColumns, &sourceColumns}
