package postgres

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/store/core"
)

// repeated is a statement that runs once for several rows of arguments. A column of arguments becomes a list. A column that had one value in
// all rows of every transaction so far becomes a single parameter, because PostgreSQL takes each list apart by itself, which costs more than
// the values. The tenant and the time of a sale are such columns. A column that was a list once stays one, so a statement has few texts.
type repeated struct {
	varied []bool            // the columns that are lists
	texts  map[string]string // by the forms of the columns
}

// column is one column of arguments.
type column struct {
	oid  uint32 // the type of its values; unknown if all are NULL without a type, and then it is no parameter
	list bool
	v    []byte // the list, or the only value
}

// bound prepares the statement for rows of arguments. The function makes its text.
func (r *repeated) bound(c *conn, rows [][]cell, text func([]column) string) (bound, error) {
	all, err := r.columns(rows)
	if err != nil {
		return bound{}, err
	}
	values, oids, forms := make([][]byte, 0, len(all)), make([]uint32, 0, len(all)), make([]byte, len(all))
	for i, k := range all {
		if forms[i] = k.form(); k.oid != oidUnknown {
			values, oids = append(values, k.v), append(oids, k.parameter())
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
	formats := make([]int16, len(values))
	for i := range formats {
		formats[i] = asBinary
	}
	return c.encoded(sql, values, oids, formats)
}

// columns turns rows into columns.
func (r *repeated) columns(rows [][]cell) ([]column, error) {
	all := make([]column, len(rows[0]))
	if r.varied == nil {
		r.varied = make([]bool, len(all))
	}
	lists, known := 0, -1
	for i := range all {
		oid, same, err := typeOf(rows, i)
		if err != nil {
			return nil, err
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
	for i := range all {
		k := &all[i]
		switch k.list = k.oid != oidUnknown && r.varied[i]; {
		case k.list:
			k.v = beginList(k.oid, len(rows))
			for _, row := range rows {
				k.v = appendCell(k.v, row[i])
			}
		case k.oid != oidUnknown:
			k.v = rows[0][i].v
		}
	}
	return all, nil
}

// typeOf returns the type of a column, and whether all rows have the same value in it.
func typeOf(rows [][]cell, i int) (oid uint32, same bool, err error) {
	for n := 0; n < len(rows) && oid == oidUnknown; n++ {
		oid = rows[n][i].oid
	}
	same = true
	first := rows[0][i].v
	for n, row := range rows {
		c := row[i]
		if c.v != nil && c.oid != oid {
			return 0, false, fmt.Errorf("value %d of list %d has another type than the first", n+1, i+1)
		}
		same = same && (c.v == nil) == (first == nil) && bytes.Equal(c.v, first)
	}
	return oid, same, nil
}

// form returns the letter of the column's form in the key of a text.
func (k column) form() byte {
	switch {
	case k.oid == oidUnknown:
		return '-'
	case k.list:
		return formOf(k.oid)
	}
	return formOf(k.oid) - 'a' + 'A'
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
		out[i] = "$" + strconv.Itoa(n) + core.ListType(formOf(k.oid))
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

func listable(oid uint32) bool { return oid == oidInt || oid == oidText || oid == oidBytes }

func formOf(oid uint32) byte {
	switch oid {
	case oidText:
		return 't'
	case oidBytes:
		return 'b'
	}
	return 'i'
}
