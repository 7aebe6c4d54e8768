// Package people reads and writes the rows of people, their keys, sign-ins and approvals, customers and their accounts, and settings.
package people

import "github.com/paywatt/paywatt/internal/store/core"

// Rows are the rows of this area in one transaction.
type Rows struct{ *core.Tx }

// Of returns the rows of a transaction.
func Of(tx *core.Tx) Rows { return Rows{tx} }

// Lists are the columns of this area's tables; a test compares them with the schema.
var Lists = [...]core.Listed{&CustomerColumns, &NumberChangeColumns, &pointColumns, &AccountColumns, &tariffChangeColumns,
	&keyColumns, &integrationColumns, &personColumns, &loginColumns, &deviceColumns, &ownColumns, &roleColumns, &standingColumns,
	&ApprovalColumns, &linkColumns, &webhookColumns,
	&deliveryColumns, &paperTextColumns}
