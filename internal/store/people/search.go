package people

import (
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/store/core"
)

// searchedMeter reads meters with their customers and places; a meter in stock has neither.
const searchedMeter = `SELECT m.id, m.number, COALESCE(c.name, ''), COALESCE(p.address, ''), a.customer_id FROM meter m
	LEFT JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
	LEFT JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
	LEFT JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id WHERE m.tenant_id = $1 AND `

func (tx Rows) meterRows(query string, args ...any) ([]search.MeterRow, error) {
	var out []search.MeterRow
	err := tx.C.Query(query, func(r core.Row) error {
		out = append(out, search.MeterRow{ID: r.ID(0), Number: r.Text(1), Name: r.Text(2), Address: r.Text(3), Customer: r.ID(4)})
		return nil
	}, append([]any{tx.Tenant}, args...)...)
	return out, fault.Wrap(err, "search meters")
}

// MetersNumbered lists meters whose number begins with some digits, in the order of their numbers.
func (tx Rows) MetersNumbered(digits string, max int) ([]search.MeterRow, error) {
	return tx.meterRows(searchedMeter+`m.number >= $2 AND m.number <= $3 ORDER BY m.number LIMIT $4`, digits, digits+":", max) // ":" follows "9"
}

// MeterSearched finds a meter.
func (tx Rows) MeterSearched(meter id.ID) ([]search.MeterRow, error) {
	return tx.meterRows(searchedMeter+`m.id = $2`, meter)
}

// MetersSearched lists meters whose customer or place has all the words. Customers and places with a word are found first, each in a walk
// through one narrow table, so that a rare word does not join every meter with both.
func (tx Rows) MetersSearched(words []string, max int) ([]search.MeterRow, error) {
	var parts []string
	var args []any
	for i, w := range words {
		has, like := AllWords(`' ' || search`, []string{w}, 2+i)
		parts = append(parts, `(a.customer_id IN (SELECT id FROM customer WHERE tenant_id = $1 AND `+has+`)
			OR a.service_point_id IN (SELECT id FROM service_point WHERE tenant_id = $1 AND `+has+`))`)
		args = append(args, like...)
	}
	return tx.meterRows(searchedMeter+strings.Join(parts, " AND ")+` ORDER BY m.id LIMIT $`+strconv.Itoa(len(args)+2), append(args, max)...)
}

// CustomersSearched lists customers whose name or telephone number has all the words.
func (tx Rows) CustomersSearched(words []string, max int) ([]registry.Customer, error) {
	var out []registry.Customer
	sql, args := AllWords(`' ' || search`, words, 2)
	err := tx.C.Query(`SELECT `+CustomerColumns.List("")+` FROM customer WHERE tenant_id = $1 AND `+sql+` ORDER BY id LIMIT $`+strconv.Itoa(len(args)+2),
		CustomerColumns.AddTo(&out), append(append([]any{tx.Tenant}, args...), max)...)
	return out, fault.Wrap(err, "search customers")
}

// phoneEnd is the condition that a telephone number of c ends with $2. An index has these digits.
const phoneEnd = `SUBSTR(c.search, LENGTH(c.search) - 7) = $2`

// CustomersCalled lists customers by the last digits of their telephone numbers.
func (tx Rows) CustomersCalled(end string, max int) ([]registry.Customer, error) {
	var out []registry.Customer
	err := tx.C.Query(`SELECT `+CustomerColumns.List("c")+` FROM customer c WHERE c.tenant_id = $1 AND `+phoneEnd+` ORDER BY c.id LIMIT $3`,
		CustomerColumns.AddTo(&out), tx.Tenant, end, max)
	return out, fault.Wrap(err, "search customers")
}

// MetersCalled lists the meters of customers by the last digits of their telephone numbers.
func (tx Rows) MetersCalled(end string, max int) ([]search.MeterRow, error) {
	return tx.meterRows(`SELECT m.id, m.number, c.name, p.address, a.customer_id FROM customer c
		JOIN account a ON a.tenant_id = c.tenant_id AND a.customer_id = c.id
		JOIN meter m ON m.tenant_id = a.tenant_id AND m.account_id = a.id
		JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
		WHERE c.tenant_id = $1 AND `+phoneEnd+` ORDER BY m.id LIMIT $3`, end, max)
}

// AllWords is the condition that a text contains every word. Its arguments are numbered from first on.
func AllWords(text string, words []string, first int) (sql string, args []any) {
	var parts []string
	for i, w := range words {
		parts = append(parts, text+` LIKE $`+strconv.Itoa(first+i)+` ESCAPE '!'`)
		args = append(args, "%"+strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(w)+"%")
	}
	return "(" + strings.Join(parts, " AND ") + ")", args
}

// MetersOfWords is the condition that each word is in the number of a meter m, or in what is known of its customer or place. It looks for the
// customers and places first, and needs no join. Its arguments are numbered from first on.
func MetersOfWords(words []string, first int) (sql string, args []any) {
	var parts []string
	for i, w := range words {
		has, like := AllWords(`' ' || search`, []string{w}, first+i)
		number, _ := AllWords(`' ' || m.number`, []string{w}, first+i)
		parts = append(parts, `(`+number+` OR m.account_id IN (SELECT id FROM account WHERE tenant_id = $1 AND status <> '`+ClosedAccount+`' AND (
			customer_id IN (SELECT id FROM customer WHERE tenant_id = $1 AND `+has+`) OR service_point_id IN (SELECT id FROM service_point WHERE tenant_id = $1 AND `+has+`))))`)
		args = append(args, like...)
	}
	return "(" + strings.Join(parts, " AND ") + ")", args
}

// MetersOf lists the meters of an account or of a customer, in the order of their registration.
func (tx Rows) MetersOf(of id.ID, max int) ([]search.MeterRow, error) {
	return tx.meterRows(`SELECT m.id, m.number, '', p.address, a.customer_id FROM account a
		JOIN meter m ON m.tenant_id = a.tenant_id AND m.account_id = a.id
		JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
		WHERE a.tenant_id = $1 AND (a.id = $2 OR a.customer_id = $2) AND m.status <> 'blocked' ORDER BY m.id LIMIT $3`, of, max)
}

// AccountHolder returns the customer of an account.
func (tx Rows) AccountHolder(account id.ID) (registry.Customer, bool, error) {
	var c registry.Customer
	found, err := tx.One(`SELECT `+CustomerColumns.List("c")+` FROM account a JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
		WHERE a.tenant_id = $1 AND a.id = $2`, CustomerColumns.To(&c), tx.Tenant, account)
	return c, found, fault.Wrap(err, "find the customer of account %s", account.Text(id.Account))
}
