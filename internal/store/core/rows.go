package core

import (
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/id"
)

// maxRows is the largest number of rows that one statement inserts. Every number of rows needs a separate statement, which an engine keeps prepared.
const maxRows = 16

// These statements insert several rows at a time, because a statement costs more than a row. The first columns have the same values in
// every row.
const (
	IntoPostings = `INSERT INTO posting (tenant_id, journal_id, seq, account, amount, listed) VALUES `
	intoLeaves   = `INSERT INTO seal_leaf (tenant_id, pos, kind, id, leaf) VALUES `
	intoHashes   = `INSERT INTO seal_hash (tenant_id, idx, hash) VALUES `
	intoRollUps  = `INSERT INTO rollup (tenant_id, seal_n, account, balance) VALUES `
)

// rows gathers rows of one table and inserts them with the smallest possible number of statements.
type rows struct {
	into        string
	shared, own int   // numbers of shared columns and of columns for each row
	args        []any // the shared values, then the values of each row
}

// RowsInto begins a statement with the values that all rows share. Each row adds the values of the other columns.
func RowsInto(into string, shared ...any) rows {
	own := strings.Count(into, ",") + 1 - len(shared)
	return rows{into: into, shared: len(shared), own: own, args: append(make([]any, 0, len(shared)+4*own), shared...)}
}

// Add adds a row. The parameter own holds the values of the columns that the rows do not share. If maxRows rows are
// waiting, Add inserts these rows first.
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
	if len(r.args) == r.shared+maxRows*r.own {
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
	_, err := tx.C.Exec(tx.rowsText(r, n), r.args...)
	r.args = r.args[:r.shared]
	return err
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
	return string(b)
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
