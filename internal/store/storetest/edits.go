package storetest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Edit is a change of one value in one row, as somebody makes it who can write to the database but has no key.
type Edit struct {
	Table, Column string
	Was, Is       string // the values, for a person to read
	sql           string
	args          []any
}

func (e Edit) String() string {
	return fmt.Sprintf("%s.%s: %s instead of %s", e.Table, e.Column, e.Is, e.Was)
}

// Do carries out the edit.
func (e Edit) Do(tx *store.Tx) error {
	n, err := tx.C.Exec(e.sql, e.args...)
	if err == nil && n != 1 {
		err = fmt.Errorf("%s: changed %d rows", e, n)
	}
	return err
}

// Editor draws edits from the columns of a database.
type Editor struct {
	rand   *rand.Rand
	tables []SchemaTable
	rows   map[string]int64
}

// NewEditor counts the rows of all tables.
func NewEditor(tx *store.Tx, r *rand.Rand) (*Editor, error) {
	d := &Editor{rand: r, rows: map[string]int64{}}
	for _, t := range SchemaTables() {
		n, err := tx.Number(`SELECT COUNT(*) FROM ` + t.Name)
		if err != nil {
			return nil, err
		}
		if d.rows[t.Name] = n; n > 0 {
			d.tables = append(d.tables, t)
		}
	}
	return d, nil
}

// Columns lists the columns of tables with rows.
func (d *Editor) Columns() (names []string) {
	for _, t := range d.tables {
		for _, c := range t.Columns {
			names = append(names, t.Name+"."+c.Name)
		}
	}
	return names
}

// Draw draws a row of a column's table and a plausible new value: the neighbour of a number, another value that the schema names, the value
// of another row, a changed text, or NULL. It returns false if every value that it can think of is the one that is there.
func (d *Editor) Draw(tx *store.Tx, name string) (e Edit, found bool, err error) {
	table, column, _ := strings.Cut(name, ".")
	for _, t := range d.tables {
		for _, c := range t.Columns {
			if t.Name == table && c.Name == column {
				return d.draw(tx, t, c)
			}
		}
	}
	return e, false, fmt.Errorf("no column %s", name)
}

func (d *Editor) draw(tx *store.Tx, t SchemaTable, c SchemaColumn) (e Edit, found bool, err error) {
	forms := map[string]byte{}
	for _, column := range t.Columns {
		forms[column.Name] = column.Form
	}
	read := func(n int64) (key []any, value any, err error) {
		query := `SELECT ` + c.Name + `, ` + strings.Join(t.Key, ", ") + ` FROM ` + t.Name + ` ORDER BY ` + strings.Join(t.Key, ", ") + ` LIMIT 1 OFFSET $1`
		_, err = tx.One(query, func(r core.Row) error {
			value = valueOf(r, 0, c.Form)
			for i, k := range t.Key {
				key = append(key, valueOf(r, 1+i, forms[k]))
			}
			return nil
		}, n)
		return key, value, err
	}
	key, was, err := read(d.rand.Int64N(d.rows[t.Name]))
	if err != nil {
		return e, false, err
	}
	_, other, err := read(d.rand.Int64N(d.rows[t.Name]))
	if err != nil {
		return e, false, err
	}
	is := d.value(c, was, other)
	if fmt.Sprint(is) == fmt.Sprint(was) {
		return e, false, nil
	}
	e = Edit{Table: t.Name, Column: c.Name, Was: shown(was), Is: shown(is), args: []any{is}}
	e.sql = `UPDATE ` + t.Name + ` SET ` + c.Name + ` = $1 WHERE `
	for i, k := range t.Key {
		if i > 0 {
			e.sql += ` AND `
		}
		e.sql += fmt.Sprintf(`%s = $%d`, k, i+2)
		e.args = append(e.args, key[i])
	}
	return e, true, nil
}

func valueOf(r core.Row, col int, form byte) any {
	switch {
	case r.IsNull(col):
		return nil
	case form == 'i':
		return r.Int(col)
	case form == 'b':
		return append([]byte(nil), r.Bytes(col)...)
	}
	return r.Text(col)
}

func shown(v any) string {
	if b, ok := v.([]byte); ok {
		return fmt.Sprintf("%x", b)
	}
	return fmt.Sprintf("%.60s", fmt.Sprint(v))
}

// value draws a new value for a column.
func (d *Editor) value(c SchemaColumn, was, other any) any {
	if c.Null && was != nil && d.rand.IntN(5) == 0 {
		return nil
	}
	if fmt.Sprint(other) != fmt.Sprint(was) && other != nil && d.rand.IntN(2) == 0 {
		return other
	}
	switch c.Form {
	case 'i':
		n, _ := was.(int64)
		return n + []int64{1, -1, 100, 100_000, -n}[d.rand.IntN(5)]
	case 'b':
		b, _ := was.([]byte)
		if len(b) == 0 {
			b = make([]byte, 16)
		}
		b = append([]byte(nil), b...)
		b[d.rand.IntN(len(b))] ^= 1 << d.rand.IntN(8)
		return b
	}
	text, _ := was.(string)
	if len(c.Values) > 0 {
		return c.Values[d.rand.IntN(len(c.Values))]
	}
	for _, flag := range [][2]string{{"true", "false"}, {"false", "true"}, {"1", "2"}} {
		if strings.Contains(text, flag[0]) && d.rand.IntN(2) == 0 {
			return strings.Replace(text, flag[0], flag[1], 1)
		}
	}
	return text + "x"
}
