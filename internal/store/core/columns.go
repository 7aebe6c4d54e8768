package core

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// Columns is the only list of a table's columns. Queries, scans, inserts and evidence take the columns from this list, and a test compares
// it with the schema. T is the Go type of a row. Every table also has tenant_id, which is in the list only if rows of all tenants are
// read.
type Columns[T any] struct {
	Table string
	// Attested columns are hashed into the evidence of a row, in this order. The hashes of existing rows have this order, so a released
	// list must not change.
	Attested []Column[T]
	// Added columns are attested too. They came later than the table, and are NULL in rows that do not use them: NULL leaves them out of
	// the evidence, so older evidence still fits. A new column of a released table is always added, later or unattested.
	Added []Column[T]
	// Later columns became attested after rows of the table had been sealed without them. They have evidence of their own, which older rows
	// get when they are next written: see [AttestedKind.Later]. A released list must not change either.
	Later []Column[T]
	// Unattested columns may be changed without a trace in the sealed log.
	Unattested []Column[T]
}

// Column is a column of a table. If Read or Write is nil, a statement that reads or writes the column must name it explicitly.
type Column[T any] struct {
	Name string
	// Form is the column's type in the schema, which evidence also uses: t for text, i for a number, b for bytes.
	Form byte
	// Read copies column col of a result row into the field. It is nil for a column that List leaves out.
	Read func(to *T, r Row, col int) error
	// Write returns the field's value for a new row; it is nil for a column that Into leaves out.
	Write func(of *T) any
}

// ReadOnly returns the column without Write, so that inserted rows leave it out.
func (c Column[T]) ReadOnly() Column[T] {
	c.Write = nil
	return c
}

// OrNull returns the column of a number, a text or a truth value that stores 0, "" and false as NULL.
func (c Column[T]) OrNull() Column[T] {
	write := c.Write
	c.Write = func(of *T) any {
		if v := write(of); v != any(int64(0)) && v != any("") && v != any(false) {
			return v
		}
		return nil
	}
	return c
}

// Text is a column of text.
func Text[T any, V ~string | ~[]byte](name string, field func(*T) *V) Column[T] {
	return Column[T]{name, 't', func(to *T, r Row, col int) error { *field(to) = V(r.Text(col)); return nil },
		func(of *T) any { return string(*field(of)) }}
}

// Parsed is a column of text. The function parse reads its value, and the value's String method writes it.
func Parsed[T any, V fmt.Stringer](name string, field func(*T) *V, parse func(string) (V, error)) Column[T] {
	return Column[T]{name, 't', func(to *T, r Row, col int) (err error) { *field(to), err = parse(r.Text(col)); return err },
		func(of *T) any { return (*field(of)).String() }}
}

// Int is a column of a number. NULL reads as 0.
func Int[T any, V ~int | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](name string, field func(*T) *V) Column[T] {
	return Column[T]{name, 'i', func(to *T, r Row, col int) error { *field(to) = V(r.Int(col)); return nil },
		func(of *T) any { return int64(*field(of)) }}
}

// Maybe is a column of a number that may be missing. NULL reads as nil.
func Maybe[T any, V ~int64](name string, field func(*T) **V) Column[T] {
	return Column[T]{name, 'i', func(to *T, r Row, col int) error {
		if *field(to) = nil; !r.IsNull(col) {
			v := V(r.Int(col))
			*field(to) = &v
		}
		return nil
	}, func(of *T) any { return *field(of) }}
}

// Bool is a column of a truth value.
func Bool[T any](name string, field func(*T) *bool) Column[T] {
	return Column[T]{name, 'i', func(to *T, r Row, col int) error { *field(to) = r.Bool(col); return nil },
		func(of *T) any { return *field(of) }}
}

// Time is a column of a moment. NULL reads as the zero time.
func Time[T any](name string, field func(*T) *time.Time) Column[T] {
	return Column[T]{name, 'i', func(to *T, r Row, col int) error { *field(to) = r.Time(col); return nil },
		func(of *T) any { return *field(of) }}
}

// ID is a column of an identity. NULL reads as the zero identity.
func ID[T any](name string, field func(*T) *id.ID) Column[T] {
	return Column[T]{name, 'b', func(to *T, r Row, col int) error { *field(to) = r.ID(col); return nil },
		func(of *T) any { return *field(of) }}
}

// Bytes is a column of bytes. NULL reads as nil.
func Bytes[T any, V ~[]byte](name string, field func(*T) *V) Column[T] {
	return Column[T]{name, 'b', func(to *T, r Row, col int) error { *field(to) = r.Bytes(col); return nil },
		func(of *T) any { return []byte(*field(of)) }}
}

// Pick returns the named columns in the given order, for statements that read or write only these.
func (l *Columns[T]) Pick(names ...string) []Column[T] {
	columns := make([]Column[T], len(names))
	for i, name := range names {
		columns[i] = l.all()[slices.IndexFunc(l.all(), func(c Column[T]) bool { return c.Name == name })]
	}
	return columns
}

// List names the columns that Scan reads, prefixed with an alias unless it is "".
func (l *Columns[T]) List(alias string) string {
	var names []string
	for _, c := range l.all() {
		if c.Read != nil {
			names = append(names, qualified(alias, c.Name))
		}
	}
	return strings.Join(names, ", ")
}

func (l *Columns[T]) all() []Column[T] {
	return slices.Concat(l.Attested, l.Added, l.Later, l.Unattested)
}

func qualified(alias, name string) string {
	if alias == "" {
		return name
	}
	return alias + "." + name
}

// Scan reads the columns of List, which begin at col, and returns the number of the column after them.
func (l *Columns[T]) Scan(r Row, col int, to *T) (next int, err error) {
	for _, columns := range [...][]Column[T]{l.Attested, l.Added, l.Later, l.Unattested} {
		for i := range columns {
			if columns[i].Read == nil {
				continue
			}
			if err := columns[i].Read(to, r, col); err != nil {
				return 0, fmt.Errorf("read column %s of %s: %w", columns[i].Name, l.Table, err)
			}
			col++
		}
	}
	return col, nil
}

// To reads the one row of a query that begins with List.
func (l *Columns[T]) To(row *T) func(Row) error {
	return func(r Row) error { _, err := l.Scan(r, 0, row); return err }
}

// AddTo reads the rows of a query that begins with List.
func (l *Columns[T]) AddTo(rows *[]T) func(Row) error {
	return func(r Row) error {
		var zero T
		*rows = append(*rows, zero)
		_, err := l.Scan(r, 0, &(*rows)[len(*rows)-1])
		return err
	}
}

// All reads the rows that meet the given condition. An order and a limit may follow the condition.
func (l *Columns[T]) All(c Conn, where string, args ...any) (rows []T, err error) {
	err = c.Query(`SELECT `+l.List("")+` FROM `+l.Table+` WHERE `+where, l.AddTo(&rows), args...)
	return rows, err
}

// Into returns the part of an INSERT statement that begins with the table's name. The statement writes the tenant, the columns that have a
// Write, and any further columns that the caller names.
func (l *Columns[T]) Into(more ...string) string {
	names := append(append([]string{"tenant_id"}, l.written()...), more...)
	return l.Table + ` (` + strings.Join(names, ", ") + `) VALUES (` + Placeholders(1, len(names)) + `)`
}

// IntoRows returns the text for [RowsInto] that begins with the table's name. The tenant and the columns named by the parameter shared come first; their values are the same
// in all rows. The columns that have a Write come next, then any further columns that the caller names. [AddRow] expects the values of
// these columns in the same order.
func (l *Columns[T]) IntoRows(shared []string, more ...string) string {
	names := slices.Concat(shared, l.written(), more)
	text, forms := l.Table+` (tenant_id`, ` VALUES i`
	for _, c := range l.Pick(names...) {
		text += `, ` + c.Name
		forms += string(c.Form)
	}
	return text + `)` + forms
}

func (l *Columns[T]) written() (names []string) {
	for _, c := range l.all() {
		if c.Write != nil {
			names = append(names, c.Name)
		}
	}
	return names
}

// OrUpdate returns the clause to append to Into if the row may exist already. It updates every column that has a Write, except the columns
// of the key. The parameter key lists these columns without the tenant.
func (l *Columns[T]) OrUpdate(key ...string) string {
	var set []string
	for _, c := range l.all() {
		if c.Write != nil && !slices.Contains(key, c.Name) {
			set = append(set, c.Name+` = excluded.`+c.Name)
		}
	}
	return ` ON CONFLICT (tenant_id, ` + strings.Join(key, ", ") + `) DO UPDATE SET ` + strings.Join(set, ", ")
}

// Update returns the part of an UPDATE statement that begins with the table's name. The parameter key names a column. The statement changes
// the tenant's row that has a given value in that column. It sets the columns that have a Write and any further columns that the caller
// names, and increments the row's version.
func (l *Columns[T]) Update(key string, more ...string) string {
	text, n := l.set(more...)
	return text + fmt.Sprintf(`tenant_id = $%d AND %s = $%d`, n, key, n+1)
}

// set returns the text of Update before its condition, and the number of the next parameter.
func (l *Columns[T]) set(more ...string) (text string, next int) {
	text, next = l.Table+` SET `, 1
	for _, name := range append(l.written(), more...) {
		text += fmt.Sprintf(`%s = $%d, `, name, next)
		next++
	}
	return text + `version = version + 1 WHERE `, next
}

// Changes returns the parameters of Update: first the values of the row's columns, then the values that the caller adds. The caller adds
// the values of the further columns first, then the tenant and the key.
func (l *Columns[T]) Changes(row *T, more ...any) []any {
	return append(l.values(make([]any, 0, l.writes()+len(more)), row), more...)
}

// Values returns the parameters of Into.
func (l *Columns[T]) Values(tenant access.Tenant, row *T, more ...any) []any {
	out := append(make([]any, 0, 1+l.writes()+len(more)), tenant)
	return append(l.values(out, row), more...)
}

// writes returns the number of columns that have a Write.
func (l *Columns[T]) writes() (n int) {
	for _, columns := range [...][]Column[T]{l.Attested, l.Added, l.Later, l.Unattested} {
		for i := range columns {
			if columns[i].Write != nil {
				n++
			}
		}
	}
	return n
}

func (l *Columns[T]) values(out []any, row *T) []any {
	for _, columns := range [...][]Column[T]{l.Attested, l.Added, l.Later, l.Unattested} {
		for i := range columns {
			if columns[i].Write != nil {
				out = append(out, columns[i].Write(row))
			}
		}
	}
	return out
}

// Proof names columns to hash, and the form of each.
type Proof struct{ Columns, Forms string }

// Proof names the attested columns of the table under an alias.
func (l *Columns[T]) Proof(alias string) Proof {
	added := proof(alias, l.Added)
	added.Forms = strings.ToUpper(added.Forms)
	return proof(alias, l.Attested).And(added)
}

// LaterProof names the columns that became attested later, under an alias.
func (l *Columns[T]) LaterProof(alias string) Proof { return proof(alias, l.Later) }

// ProofOf names columns of the table, under an alias, that are hashed into the evidence of another table's rows.
func (l *Columns[T]) ProofOf(alias string, names ...string) Proof {
	return proof(alias, l.Pick(names...))
}

func proof[T any](alias string, columns []Column[T]) (p Proof) {
	for _, c := range columns {
		p = p.And(Proof{qualified(alias, c.Name), string(c.Form)})
	}
	return p
}

// And adds columns of another table.
func (p Proof) And(more Proof) Proof {
	if p.Columns != "" && more.Columns != "" {
		p.Columns += ", "
	}
	return Proof{p.Columns + more.Columns, p.Forms + more.Forms}
}

// name returns the name of column i, without its alias.
func (p Proof) name(i int) string {
	name := strings.Split(p.Columns, ", ")[i]
	return name[strings.IndexByte(name, '.')+1:]
}

// Listed is a table with a list of columns, for any Go type of its rows.
type Listed interface {
	Listed() (table string, columns []ListedColumn)
}

// ListedColumn is a column of a list.
type ListedColumn struct {
	Name     string
	Form     byte
	Attested bool
}

// Listed implements [Listed].
func (l *Columns[T]) Listed() (table string, columns []ListedColumn) {
	for i, c := range l.all() {
		columns = append(columns, ListedColumn{c.Name, c.Form, i < len(l.Attested)+len(l.Added)+len(l.Later)})
	}
	return l.Table, columns
}
