// Package sales reads and writes the rows of sales, tokens, reversals, vendors and requests for tokens that nobody buys.
package sales

import "github.com/paywatt/paywatt/internal/store/core"

// Rows are the rows of this area in one transaction.
type Rows struct{ *core.Tx }

// Of returns the rows of a transaction.
func Of(tx *core.Tx) Rows { return Rows{tx} }

// Lists are the columns of this area's tables; a test compares them with the schema.
var Lists = [...]core.Listed{&vendColumns, &lineColumns, &sellerColumns, &tokenColumns, &externalColumns, &jobColumns, &transferColumns,
	&reversalColumns, &cancelColumns, &vendorColumns, &shiftColumns, &swapColumns,
	&paymentColumns, &providerColumns, &callColumns, &requestColumns, &questionColumns, &statementFileColumns, &statementRowColumns, &statementNameColumns, &pageDayColumns, &reconciliationColumns, &differenceColumns,
	&batchColumns, &voucherColumns, &issueColumns}
