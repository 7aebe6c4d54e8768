// Package meters reads and writes the rows of meters: their keys, windows, readings, commands, wallets, supplies, alarms and entries held
// for review.
package meters

import "github.com/paywatt/paywatt/internal/store/core"

// Rows are the rows of this area in one transaction.
type Rows struct{ *core.Tx }

// Of returns the rows of a transaction.
func Of(tx *core.Tx) Rows { return Rows{tx} }

// Lists are the columns of this area's tables; a test compares them with the schema.
var Lists = [...]core.Listed{&meterColumns, &meterKeyColumns, &commandColumns, &liveColumns, &walletColumns,
	&supplyColumns, &configColumns, &alarmColumns, &heldColumns, &registerColumns, &bindingColumns, &deviceColumns, &devicePasswordColumns,
	&readingColumns, &eventColumns, &importColumns, &importLineColumns, &importRowColumns, &reportColumns, &dayColumns, &emergencyColumns}
