package core

import (
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/id"
)

// maxRows is the largest number of rows that one statement inserts where every number of rows needs a statement of its own, which an engine
// keeps prepared. maxListed is the largest number where the rows are lists, and one statement fits all numbers.
const (
	maxRows   = 16
	maxListed = 2048
)

// These texts insert several rows at a time, because a statement costs more than a row. The first columns have the same values in every row.
// After VALUES come the forms of the columns (see [Column]), and after a blank what follows the rows, such as ON CONFLICT.
const (
	IntoPostings = `INSERT INTO posting (tenant_id, journal_id, seq, account, amount, listed) VALUES ibiiii`
	intoLeaves   = `INSERT INTO seal_leaf (tenant_id, pos, kind, id, leaf) VALUES iitbb`
	intoHashes   = `INSERT INTO seal_hash (tenant_id, idx, hash) VALUES iib`
	intoRollUps  = `INSERT INTO rollup (tenant_id, seal_n, account, balance) VALUES iiii`
)

// rows gathers rows of one table and inserts them with the smallest possible number of statements.
type rows struct {
	into        string // the text up to VALUES
	forms       string // the form of each column
	after       string // what follows the rows
	shared, own int    // numbers of shared columns and of columns for each row
	args        []any  // the shared values, then the values of each row
}

// RowsInto begins a statement with the values that all rows share. Each row adds the values of the other columns.
func RowsInto(text string, shared ...any) rows {
	into, rest, _ := strings.Cut(text, " VALUES ")
	forms, after, _ := strings.Cut(rest, " ")
	own := len(forms) - len(shared)
	return rows{into: into, forms: forms, after: after, shared: len(shared), own: own, args: append(make([]any, 0, len(shared)+4*own), shared...)}
}

// Add adds a row. The parameter own holds the values of the columns that the rows do not share. If as many rows wait as one statement
// inserts, Add inserts them first.
func (r *rows) Add(tx *Tx, own ...any) error {
	if err := r.full(tx); err != nil {
		return err
	}
	r.args = append(r.args, own...)
	return nil
}

// AddRow adds a row with a list of columns, in the order of [Columns.IntoRows].
func AddRow[T any](tx *Tx, r *rows, l *Columns[T], row *T, more ...any) error {
	if err := r.full(tx); err != nil {
		return err
	}
	r.args = append(l.values(r.args, row), more...)
	return nil
}

func (r *rows) full(tx *Tx) error {
	most := maxRows
	if tx.C.Lists() {
		most = maxListed
	}
	if len(r.args) == r.shared+most*r.own {
		return r.Insert(tx)
	}
	return nil
}

// Insert writes the gathered rows.
func (r *rows) Insert(tx *Tx) error {
	n := (len(r.args) - r.shared) / r.own
	if n == 0 {
		return nil
	}
	var err error
	if tx.member != nil {
		err = tx.member.Insert(r.into, r.forms, r.after, r.shared, r.args)
	} else if tx.C.Lists() {
		_, err = tx.C.Exec(r.listed(), r.lists(n)...)
	} else {
		_, err = tx.C.Exec(tx.rowsText(r, n), r.args...)
	}
	r.args = r.args[:r.shared]
	return err
}

// lists returns the shared values, then each further column as a list.
func (r *rows) lists(n int) []any {
	out := append(make([]any, 0, r.shared+r.own), r.args[:r.shared]...)
	for c := range r.own {
		l := List{Form: r.forms[r.shared+c], Values: make([]any, n)}
		for row := range n {
			l.Values[row] = r.args[r.shared+row*r.own+c]
		}
		out = append(out, l)
	}
	return out
}

// listed returns the statement for rows that come as lists.
func (r *rows) listed() string {
	b := append(make([]byte, 0, len(r.into)+24*(r.shared+r.own)), r.into...)
	b = append(b, " SELECT "...)
	for c := range r.shared {
		b = append(strconv.AppendInt(append(b, '$'), int64(c+1), 10), ", "...)
	}
	b = append(b, "* FROM unnest("...)
	for c := range r.own {
		if c > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendInt(append(b, '$'), int64(r.shared+c+1), 10)
		b = append(b, ListType(r.forms[r.shared+c])...)
	}
	return string(append(append(b, ") listed "...), r.after...))
}

// rowsText returns the statement for n rows. A writer remembers these statements, because there are few.
func (tx *Tx) rowsText(r *rows, n int) string {
	if tx.Before == nil {
		return r.text(n, r.into)
	}
	m := &tx.Before.sealer.memory
	if m.texts == nil {
		m.texts = make(map[rowsOf]string)
	}
	of := rowsOf{r.into, n}
	text, ok := m.texts[of]
	if !ok {
		text = r.text(n, tx.loosely(r.into))
		m.texts[of] = text
	}
	return text
}

// loosely changes an INSERT so that the rows before a failing row stay (OR FAIL). Without OR FAIL, SQLite copies every page that a
// statement with several rows changes, so that it can undo this statement alone. The store does not need that: a closure ends with the
// first failed statement, and all its writes are rolled back.
func (tx *Tx) loosely(into string) string {
	if tx.C.ForUpdate() != "" {
		return into
	}
	return "INSERT OR FAIL" + strings.TrimPrefix(into, "INSERT")
}

// text returns the statement for n rows; it numbers the parameters in the order of their first use.
func (r *rows) text(n int, into string) string {
	b := append(make([]byte, 0, len(into)+n*(4+6*(r.shared+r.own))), into...)
	b = append(b, " VALUES "...)
	next := r.shared
	for row := range n {
		if row > 0 {
			b = append(b, ", "...)
		}
		b = append(b, '(')
		for c := range r.shared + r.own {
			if c > 0 {
				b = append(b, ", "...)
			}
			p := c
			if c >= r.shared {
				p, next = next, next+1
			}
			b = strconv.AppendInt(append(b, '$'), int64(p+1), 10)
		}
		b = append(b, ')')
	}
	return string(append(append(b, ' '), r.after...))
}

// Placeholders writes n parameters beginning with $from, separated by commas.
func Placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	return b.String()
}

// UpTo returns the upper bound of a list that goes backwards. The bound is the identity in the parameter before. If that identity is
// zero, the bound is above all identities.
func UpTo(before id.ID) id.ID {
	if before.IsZero() {
		for i := range before {
			before[i] = 0xff
		}
	}
	return before
}

// Lists are the columns of the tables that all areas share. A test compares them with the schema.
var Lists = [...]Listed{&tenantColumns, &LedgerAccounts, &AuditColumns, &OnceColumns, &outboxColumns}
