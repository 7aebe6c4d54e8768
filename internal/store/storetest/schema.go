package storetest

import (
	"regexp"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/store"
)

// SchemaTable is a table of schema.sql.
type SchemaTable struct {
	Name    string
	Columns []SchemaColumn
	Key     []string // columns of the primary key
}

// SchemaColumn is a column of schema.sql.
type SchemaColumn struct {
	Name   string
	Form   byte     // t text, i number, b bytes
	Null   bool     // the column may be NULL
	Values []string // texts that the schema names for the column, if it names any
}

// SchemaTables reads the tables of schema.sql in their order.
func SchemaTables() (tables []SchemaTable) {
	plain := regexp.MustCompile(`--[^\n]*`).ReplaceAllString(store.Schema(), "")
	heads := regexp.MustCompile(`CREATE TABLE (\w+) \(`)
	for _, at := range heads.FindAllStringSubmatchIndex(plain, -1) {
		t := SchemaTable{Name: plain[at[2]:at[3]]}
		for _, part := range partsOfList(plain[at[1]:]) {
			t.take(part)
		}
		slices.Sort(t.Key)
		t.Key = slices.Compact(t.Key)
		tables = append(tables, t)
	}
	return tables
}

// partsOfList returns the parts of a list up to the parenthesis that ends it, separated by commas.
func partsOfList(text string) (parts []string) {
	depth, begin := 0, 0
	for i, c := range text {
		switch {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ')':
			return append(parts, strings.TrimSpace(text[begin:i]))
		case c == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(text[begin:i]))
			begin = i + 1
		}
	}
	return parts
}

// take reads a part of a table: a column, or the primary key.
func (t *SchemaTable) take(part string) {
	words := strings.Fields(part)
	forms := map[string]byte{"TEXT": 't', "INTEGER": 'i', "BLOB": 'b'}
	switch {
	case words[0] == "PRIMARY":
		for name := range strings.SplitSeq(part[strings.IndexByte(part, '(')+1:strings.IndexByte(part, ')')], ",") {
			t.Key = append(t.Key, strings.TrimSpace(name))
		}
	case len(words) < 2 || forms[words[1]] == 0:
	default:
		c := SchemaColumn{Name: words[0], Form: forms[words[1]], Null: !strings.Contains(part, "NOT NULL")}
		if strings.Contains(part, "PRIMARY KEY") {
			c.Null = false
			t.Key = append(t.Key, c.Name)
		}
		if check := strings.Index(part, "CHECK"); check >= 0 && c.Form == 't' {
			for _, m := range regexp.MustCompile(`'([^']*)'`).FindAllStringSubmatch(part[check:], -1) {
				c.Values = append(c.Values, m[1])
			}
		}
		t.Columns = append(t.Columns, c)
	}
}
