package people

import (
	"slices"
	"strconv"
	"strings"
	"time"

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

// MetersNumbered lists meters whose number begins with some digits, in the order of their numbers. A removed or scrapped meter is found by its whole
// number only.
func (tx Rows) MetersNumbered(digits string, max int) ([]search.MeterRow, error) {
	return tx.meterRows(searchedMeter+`m.number >= $2 AND m.number <= $3 AND (m.number = $2 OR m.status NOT IN `+core.GoneMeters+`)
		ORDER BY m.number LIMIT $4`, digits, digits+":", max) // ":" follows "9"
}

// MeterSearched finds a meter.
func (tx Rows) MeterSearched(meter id.ID) ([]search.MeterRow, error) {
	return tx.meterRows(searchedMeter+`m.id = $2`, meter)
}

// MetersSearched lists meters whose customer or place has all the words, except for removed and scrapped meters. Customers and places with the rarest
// word are found first, each in a walk through one narrow table, so that not every meter is joined with both.
func (tx Rows) MetersSearched(words []string, max int) ([]search.MeterRow, error) {
	words = rarestFirst(words)
	has, args := AllWords(`' ' || search`, words[:1], 2)
	rest, more := AllWords(`' ' || c.search || ' ' || p.search`, words[1:], 4)
	args = append(append(append(args, make([]byte, len(id.ID{}))), more...), max)
	return tx.meterRows(searchedMeter+known(`a.`, has, 3)+` AND `+rest+` AND m.status NOT IN `+core.GoneMeters+`
		ORDER BY m.id LIMIT $`+strconv.Itoa(len(args)+1), args...)
}

// known is the condition that what is known of the customer or the place of an account fulfils a condition. The argument with this number is an
// id of zeros: ids not below it are all ids, and make SQLite walk through the tables and not through an index that lacks the text.
func known(account, has string, zero int) string {
	from := ` WHERE tenant_id = $1 AND ` + has + ` AND id >= $` + strconv.Itoa(zero)
	return `(` + account + `customer_id IN (SELECT id FROM customer` + from + `) OR ` + account + `service_point_id IN (SELECT id FROM service_point` + from + `))`
}

// rarestFirst puts the word first that the fewest names and addresses have: one with digits, or the longest.
func rarestFirst(words []string) []string {
	rank := func(word string) int {
		if strings.ContainsAny(word, "0123456789") {
			return 100 + len(word)
		}
		return len(word)
	}
	words = slices.Clone(words)
	slices.SortStableFunc(words, func(a, b string) int { return rank(b) - rank(a) })
	return words
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

// CalledBy is the condition that c has a telephone number, or is found by it: $2 are its last digits, which an index has, and $3 are all of its
// digits, as [registry.BareDigits] returns them. It compares as [registry.SamePhone] does, and in the database, so that other numbers with the same
// end hide none.
var CalledBy = phoneEnd + ` AND (` + compareEnds(phoneDigits) + ` OR ` + compareEnds(searchDigits) + `)`

// The digits of the telephone number of c without leading zeros: as it is stored, and at the end of the text that finds c, behind a "+".
const (
	phoneDigits  = `LTRIM(c.phone, '+0')`
	searchDigits = `LTRIM(SUBSTR(c.search, LENGTH(RTRIM(c.search, '0123456789')) + 1), '0')`
)

// compareEnds is the condition that some digits end with the digits $3, or are enough for a number and $3 ends with them.
func compareEnds(digits string) string {
	const number = `CAST($3 AS TEXT)`
	ends := func(long, short string) string {
		return `SUBSTR(` + long + `, LENGTH(` + long + `) - LENGTH(` + short + `) + 1) = ` + short
	}
	return ends(digits, number) + ` OR LENGTH(` + digits + `) >= 8 AND ` + ends(number, digits)
}

// manySame bounds the customers with the same telephone number that are looked at.
const manySame = 100

// NumberDecision says whether a customer's telephone number decides for the customer's meters.
type NumberDecision struct {
	From      time.Time // from when it decides, if its last change is not held; zero: always
	HeldUntil time.Time // until when its last change is held
	// Forged says that somebody changed the number in the database, or that of another customer who may have the same one. Whom the number means is
	// then unknown, so From is always ahead.
	Forged bool
	// Many says that so many other customers have the number that not all of them were looked at. From is then always ahead too.
	Many bool
}

// DecideNumber returns from when a customer's telephone number, registered at a time, decides for the customer's meters. It waits for a day
// after the customer was moved out of another meter, and after another customer gave the number up: the money may be meant for that meter. It also
// waits for a day after it was registered if another customer without a supplied meter has it too. The time may be long past: it still matters for a
// payment that was made before it.
func (tx Rows) DecideNumber(customer id.ID, phone string, since time.Time) (d NumberDecision, err error) {
	n, _, err := tx.readNumber(customer)
	if err != nil {
		return d, err
	}
	d.HeldUntil = n.Change.HeldUntil
	d.Forged = !tx.wroteNumber(&n)
	if !d.Forged {
		err = tx.lookAtSharers(&d, customer, phone)
	}
	if err != nil || d.Forged || d.Many || n.Phone != phone && !registry.SamePhone(n.Phone, phone) { // it may have changed since it was found
		d.From = tx.Now.Add(registry.NumberHold)
		return d, err
	}
	d.From, err = tx.numberDecidesFrom(customer, phone, since)
	return d, err
}

// lookAtSharers notes in d whether the number of another customer who may have the same number was changed in the database. Such a customer is still
// found where only the number was changed, or only the text that finds it. If there are too many to look at all of them, it notes that.
func (tx Rows) lookAtSharers(d *NumberDecision, customer id.ID, phone string) error {
	digits := registry.BareDigits(phone)
	if digits == "" {
		return nil
	}
	var others []id.ID
	err := tx.C.Query(`SELECT c.id FROM customer c WHERE c.tenant_id = $1 AND `+CalledBy+` AND c.id <> $4 UNION
		SELECT id FROM customer WHERE tenant_id = $1 AND id <> $4 AND phone IN ($5, $6, $7) LIMIT $8`, func(r core.Row) error {
		others = append(others, r.ID(0))
		return nil
	}, append(append([]any{tx.Tenant, registry.LastDigits(digits), digits, customer}, WrittenForms(registry.DialForm(phone))...), manySame)...)
	if d.Many = len(others) == manySame; err != nil || d.Many {
		return fault.Wrap(err, "find who else may have a telephone number")
	}
	for _, other := range others {
		written, err := tx.NumberWritten(other)
		if err != nil || !written {
			d.Forged = !written
			return fault.Wrap(err, "find who else may have a telephone number")
		}
	}
	return nil
}

// WrittenForms returns the ways in which a canonical telephone number may have been registered.
func WrittenForms(phone string) []any {
	bare := strings.TrimPrefix(phone, "+")
	return []any{phone, bare, "00" + bare}
}

// FormerOwner is a customer who gave a telephone number up. Payments that were made before Until may mean the customer.
type FormerOwner struct {
	Customer id.ID
	Until    time.Time
}

// FormerOwners lists the customers who gave up a telephone number that may be the given one, also where that was long ago, and the last one first.
func (tx Rows) FormerOwners(phone string) (out []FormerOwner, err error) {
	digits := registry.BareDigits(phone)
	if digits == "" {
		return nil, nil
	}
	err = tx.C.Query(`SELECT owner, held_until FROM former_number WHERE tenant_id = $1 AND SUBSTR(number, LENGTH(number) - 7) = $2
		AND (`+compareEnds(`LTRIM(number, '0')`)+`) ORDER BY held_until DESC, owner LIMIT $4`, func(r core.Row) error {
		owner, err := id.Parse(id.Customer, r.Text(0))
		if err != nil { // the server writes none such; the number waits all the same
			owner = id.ID{}
		}
		out = append(out, FormerOwner{Customer: owner, Until: r.Time(1)})
		return nil
	}, tx.Tenant, registry.LastDigits(digits), digits, manySame)
	return out, fault.Wrap(err, "find who gave a telephone number up")
}

func (tx Rows) numberDecidesFrom(customer id.ID, phone string, since time.Time) (from time.Time, err error) {
	_, err = tx.One(`SELECT MAX(closed_at) FROM account WHERE tenant_id = $1 AND customer_id = $2`, func(r core.Row) error {
		if !r.IsNull(0) {
			from = r.Time(0).Add(registry.NumberHold)
		}
		return nil
	}, tx.Tenant, customer)
	if err != nil {
		return from, fault.Wrap(err, "find where a customer moved out")
	}
	former, err := tx.FormerOwners(phone)
	for _, f := range former {
		if f.Customer != customer && f.Until.After(from) {
			from = f.Until
		}
	}
	digits := registry.BareDigits(phone)
	if err != nil || since.IsZero() || digits == "" {
		return from, err
	}
	shared, err := tx.One(`SELECT 1 FROM customer c WHERE c.tenant_id = $1 AND `+CalledBy+` AND c.id <> $4 AND NOT EXISTS (
		SELECT 1 FROM account a JOIN meter m ON m.tenant_id = a.tenant_id AND m.account_id = a.id AND m.status NOT IN `+core.LeftMeters+`
		WHERE a.tenant_id = c.tenant_id AND a.customer_id = c.id AND a.status IN ('open', 'active')) LIMIT 1`, func(core.Row) error { return nil },
		tx.Tenant, registry.LastDigits(digits), digits, customer)
	if until := since.Add(registry.NumberHold); shared && until.After(from) {
		from = until
	}
	return from, fault.Wrap(err, "find who else has a telephone number")
}

// MetersCalled lists the meters of customers by the last digits of their telephone numbers.
func (tx Rows) MetersCalled(end string, max int) ([]search.MeterRow, error) {
	return tx.meterRows(`SELECT m.id, m.number, c.name, p.address, a.customer_id FROM customer c
		JOIN account a ON a.tenant_id = c.tenant_id AND a.customer_id = c.id
		JOIN meter m ON m.tenant_id = a.tenant_id AND m.account_id = a.id
		JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
		WHERE c.tenant_id = $1 AND `+phoneEnd+` AND m.status NOT IN `+core.GoneMeters+` ORDER BY m.id LIMIT $3`, end, max)
}

// AllWords is the condition that a text contains every word. Its arguments are numbered from first on.
func AllWords(text string, words []string, first int) (sql string, args []any) {
	if len(words) == 0 {
		return "1 = 1", nil
	}
	var parts []string
	for i, w := range words {
		parts = append(parts, text+` LIKE $`+strconv.Itoa(first+i)+` ESCAPE '!'`)
		args = append(args, "%"+strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(w)+"%")
	}
	return "(" + strings.Join(parts, " AND ") + ")", args
}

// MetersOfWords is the condition that each word is in the number of a meter m, or in what is known of its customer or place. It finds customers
// and places with the rarest word first, and looks at the others only where that is. Its arguments are numbered from first on.
func MetersOfWords(words []string, first int) (sql string, args []any) {
	words = rarestFirst(words)
	has, args := AllWords(`' ' || search`, words[:1], first)
	number, _ := AllWords(`' ' || m.number`, words[:1], first)
	rest, more := AllWords(`' ' || m.number || ' ' || COALESCE((SELECT c.search || ' ' || p.search FROM account a
		JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
		JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
		WHERE a.tenant_id = $1 AND a.id = m.account_id AND a.status <> '`+ClosedAccount+`'), '')`, words[1:], first+2)
	return `((` + number + ` OR m.account_id IN (SELECT id FROM account WHERE tenant_id = $1 AND status <> '` + ClosedAccount + `' AND ` +
		known(``, has, first+1) + `)) AND ` + rest + `)`, append(append(args, make([]byte, len(id.ID{}))), more...)
}

// MetersOf lists the meters of an account or of a customer, in the order of their registration.
func (tx Rows) MetersOf(of id.ID, max int) ([]search.MeterRow, error) {
	return tx.meterRows(`SELECT m.id, m.number, '', p.address, a.customer_id FROM account a
		JOIN meter m ON m.tenant_id = a.tenant_id AND m.account_id = a.id
		JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
		WHERE a.tenant_id = $1 AND (a.id = $2 OR a.customer_id = $2) AND m.status NOT IN `+core.LeftMeters+` ORDER BY m.id LIMIT $3`, of, max)
}

// AccountHolder returns the customer of an account.
func (tx Rows) AccountHolder(account id.ID) (registry.Customer, bool, error) {
	var c registry.Customer
	found, err := tx.One(`SELECT `+CustomerColumns.List("c")+` FROM account a JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
		WHERE a.tenant_id = $1 AND a.id = $2`, CustomerColumns.To(&c), tx.Tenant, account)
	return c, found, fault.Wrap(err, "find the customer of account %s", account.Text(id.Account))
}
