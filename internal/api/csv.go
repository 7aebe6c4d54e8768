package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/sheet"
)

// csvType is the content type of a list as CSV.
const csvType = "text/csv"

// csvFormat writes the page of a list as comma-separated values (RFC 4180): a head with the fields' names, then one line for
// each row. A field inside another has both names; lists and maps inside a row are JSON in one cell.
func csvFormat() huma.Format {
	return huma.Format{
		Marshal: func(w io.Writer, v any) error {
			if p, ok := v.(*Problem); ok { // huma refused the request for the list, and translate has set the problem's type
				_, err := w.Write(p.encode())
				return err
			}
			rows := reflect.Indirect(reflect.ValueOf(v)).FieldByName("Data") // v is an apiv1.List of any row type
			if rows.Kind() != reflect.Slice {
				return fmt.Errorf("%T is not a list", v)
			}
			return writeCSV(w, rows)
		},
		Unmarshal: func([]byte, any) error { return errors.New("a request cannot be CSV") },
	}
}

func writeCSV(w io.Writer, rows reflect.Value) error {
	out := sheet.NewWriter(w)
	cols := columns(rows.Type().Elem(), "", nil)
	line := make([]string, len(cols))
	for i, c := range cols {
		line[i] = c.name
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for i := range rows.Len() {
		for n, c := range cols {
			cell, err := c.cell(rows.Index(i))
			if err != nil {
				return fmt.Errorf("row %d, column %s: %w", i, c.name, err)
			}
			line[n] = cell
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// column is a field of a row, found by its index path.
type column struct {
	name string
	path []int
}

// columns lists a row type's fields as its JSON form has them.
func columns(t reflect.Type, prefix string, path []int) []column {
	var out []column
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		at := append(append([]int(nil), path...), i)
		inner := f.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case f.Anonymous && name == "":
			out = append(out, columns(inner, prefix, at)...)
		case inner.Kind() == reflect.Struct && inner != reflect.TypeFor[time.Time]():
			out = append(out, columns(inner, prefix+name+"_", at)...)
		default:
			out = append(out, column{prefix + name, at})
		}
	}
	return out
}

// cell is the field's value as text, as in JSON but without quotes around a string; empty for null.
func (c column) cell(row reflect.Value) (string, error) {
	v := row
	for _, i := range c.path {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return "", nil
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	raw, err := json.Marshal(v.Interface())
	if err != nil {
		return "", err
	}
	var s string
	if string(raw) == "null" || json.Unmarshal(raw, &s) != nil {
		return strings.TrimPrefix(string(raw), "null"), nil
	}
	return sheet.Harmless(s), nil
}
