package postgres

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/store/core"
)

// repeated is a statement that runs once for several rows of arguments. A column of arguments becomes a list. A column that had one value in
// all rows of every transaction so far becomes a single parameter, because PostgreSQL takes each list apart by itself, which costs more than
// the values. The tenant and the time of a sale are such columns. A column that was a list once stays one, so a statement has few texts.
type repeated struct {
	params int               // number of arguments
	varied []bool            // the columns that are lists
	texts  map[string]string // by the forms of the columns
}

// column is one column of arguments.
type column struct {
	oid  uint32 // the type of its values; unknown if all are NULL without a type, and then the column is no parameter
	list bool
	v    []byte // the list, or the only value
}

// bound prepares the statement for rows of arguments. The function makes its text.
func (r *repeated) bound(c *conn, rows []values, text func([]column) string) (bound, error) {
	all, err := r.columns(rows)
	if err != nil {
		return bound{}, err
	}
	sent, oids, forms := make([][]byte, 0, len(all)), make([]uint32, 0, len(all)), make([]byte, len(all))
	for i, k := range all {
		if forms[i] = k.form(); k.oid != oidUnknown {
			sent, oids = append(sent, k.v), append(oids, k.parameter())
		}
	}
	sql, ok := r.texts[string(forms)]
	if !ok {
		if r.texts == nil {
			r.texts = make(map[string]string)
		}
		sql = text(all)
		r.texts[string(forms)] = sql
	}
	formats := make([]int16, len(sent))
	for i := range formats {
		formats[i] = asBinary
	}
	return c.encoded(sql, sent, oids, formats)
}

// columns turns rows into columns.
func (r *repeated) columns(rows []values) ([]column, error) {
	all := make([]column, r.params)
	if r.varied == nil {
		r.varied = make([]bool, r.params)
	}
	lists, known, rest := 0, -1, slices.Clone(rows)
	for i := range all {
		oid, same, err := scan(rest)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		if all[i].oid = oid; oid == oidUnknown {
			continue
		}
		r.varied[i] = r.varied[i] || !same
		if known = i; r.varied[i] {
			lists++
		}
	}
	if lists == 0 && len(rows) > 1 && known >= 0 { // equal rows
		r.varied[known] = true
	}
	copy(rest, rows)
	for i := range all {
		all[i].take(rest, r.varied[i])
	}
	return all, nil
}

// scan passes over the first value of each row. It returns their type, and whether they are all the same.
func scan(rest []values) (oid uint32, same bool, err error) {
	var first, v value
	oid, same = oidUnknown, true
	for n := range rest {
		v, rest[n] = rest[n].cut()
		if n == 0 {
			first = v
		}
		switch same = same && bytes.Equal(v, first); {
		case oid == oidUnknown:
			oid = v.oid()
		case v.oid() != oid && !v.null():
			return 0, false, fmt.Errorf("value %d has another type than those before", n+1)
		}
	}
	return oid, same, nil
}

// take takes the first value of each row.
func (k *column) take(rest []values, varied bool) {
	k.list = varied && k.oid != oidUnknown
	if k.list {
		k.v = beginList(k.oid, len(rest))
	}
	for n := range rest {
		var v value
		if v, rest[n] = rest[n].cut(); k.list {
			k.v = append(k.v, v.list()...)
		} else {
			k.v = v.bytes()
		}
	}
}

// form returns the letter of the column's form in the key of a text.
func (k column) form() byte {
	if k.list || k.oid == oidUnknown {
		return letterOf(k.oid)
	}
	return letterOf(k.oid) - 'a' + 'A'
}

// parameter returns the type of the column's parameter.
func (k column) parameter() uint32 {
	if k.list {
		return listOf(k.oid)
	}
	return k.oid
}

// parameters returns each column as an expression with the number of its parameter and its type.
func parameters(all []column) []string {
	out, n := make([]string, len(all)), 0
	for i, k := range all {
		if k.oid == oidUnknown {
			out[i] = "NULL"
			continue
		}
		n++
		out[i] = "$" + strconv.Itoa(n) + core.ListType(letterOf(k.oid))
		if !k.list {
			out[i] = strings.TrimSuffix(out[i], "[]")
		}
	}
	return out
}

// listed returns the columns that are lists, for the FROM clause of a statement, and their names there.
func listed(all []column) (lists, names string) {
	var of, named []string
	for i, p := range parameters(all) {
		if all[i].list {
			of, named = append(of, p), append(named, "p"+strconv.Itoa(i+1))
		}
	}
	return strings.Join(of, ", "), strings.Join(named, ", ")
}

// placed returns a statement for one row, with each parameter replaced by its column.
func placed(sql string, all []column) string {
	by := parameters(all)
	for i, k := range all {
		if k.list {
			by[i] = "given.p" + strconv.Itoa(i+1)
		}
	}
	return regexp.MustCompile(`\$\d+`).ReplaceAllStringFunc(sql, func(p string) string {
		n, _ := strconv.Atoi(p[1:])
		return by[n-1]
	})
}
