package imports

import (
	"cmp"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sheet"
)

// Kind says what the rows of a file are.
type Kind string

// Kinds of files.
const (
	Meters    Kind = "meters"
	Customers Kind = "customers"
	Debts     Kind = "debts"
	Balances  Kind = "balances" // opening balances of accounts
	Tariffs   Kind = "tariffs"  // other tariffs for meters
)

// Kinds lists the kinds.
func Kinds() []Kind { return []Kind{Meters, Customers, Debts, Balances, Tariffs} }

// column is a column that an import reads.
type column struct {
	name     string
	also     []string // other headings, in small letters and without blanks and signs
	needed   bool
	isDigits bool // a number that names something, which spreadsheets damage
	isAmount bool
}

// moneyColumns are the columns of debts and balances.
func (k Kind) moneyColumns() []column {
	all := []column{{name: "account", also: []string{"meter", "number", "meternumber", "meterno", "accountid"}, needed: true, isDigits: true},
		{name: "amount", also: []string{"balance", "debt", "owed", "outstanding", "credit", "openingbalance"}, needed: true, isAmount: true},
		{name: "currency"}, {name: "memo", also: []string{"note", "reason", "description", "text"}}, {name: "as_of", also: []string{"asof", "date", "since"}}}
	if k == Debts {
		all = append(all, column{name: "kind", also: []string{"type"}}, column{name: "percent", also: []string{"part", "share"}})
	}
	return all
}

// columns are the columns of a kind.
func (k Kind) columns() []column {
	if k.Money() {
		return k.moneyColumns()
	}
	if k == Tariffs {
		return []column{{name: "number", also: []string{"meter", "meternumber", "meterno", "serial", "drn"}, needed: true, isDigits: true},
			{name: "tariff", also: []string{"tariffname", "newtariff"}, needed: true},
			{name: "from", also: []string{"begins", "date", "effectivefrom"}},
			{name: "reason", also: []string{"note", "memo", "why"}}}
	}
	if k == Customers {
		return []column{{name: "name", also: []string{"customer", "customername", "tenant"}},
			{name: "phone", also: []string{"telephone", "tel", "mobile", "customerphone", "phonenumber"}, isDigits: true},
			{name: "lang", also: []string{"language"}}, {name: "id_no", also: []string{"idno", "idnumber", "nationalid"}, isDigits: true}}
	}
	return []column{{name: "number", also: []string{"meter", "meternumber", "meterno", "serial", "drn"}, needed: true, isDigits: true},
		{name: "mode", also: []string{"paymentmode"}}, {name: "tariff", also: []string{"tariffname"}},
		{name: "customer_name", also: []string{"customer", "name", "tenant"}},
		{name: "customer_phone", also: []string{"phone", "telephone", "tel", "mobile", "phonenumber"}, isDigits: true},
		{name: "address", also: []string{"place", "flat", "location"}}, {name: "feeder"},
		{name: "sgc", also: []string{"supplygroupcode", "supplygroup"}, isDigits: true}, {name: "krn", also: []string{"keyrevision", "keyrevisionnumber"}, isDigits: true},
		{name: "kt", also: []string{"keytype"}, isDigits: true}, {name: "ti", also: []string{"tariffindex"}, isDigits: true},
		{name: "ken", also: []string{"keyexpirynumber"}, isDigits: true}, {name: "ea", isDigits: true}, {name: "dkga", isDigits: true},
		{name: "base_date", isDigits: true}, {name: "sim_phone", also: []string{"sim"}, isDigits: true}, {name: "lang", also: []string{"language"}}}
}

// Columns lists the names of a kind's columns, with those that a file must have first.
func (k Kind) Columns() (out []string) {
	all := k.columns()
	slices.SortStableFunc(all, func(a, b column) int { return cmp.Compare(rank(a), rank(b)) })
	for _, c := range all {
		out = append(out, c.name)
	}
	return out
}

func rank(c column) int {
	if c.needed {
		return 0
	}
	return 1
}

// exists reports whether there is such a kind.
func (k Kind) exists() bool { return slices.Contains(Kinds(), k) }

// plain writes a heading without capitals, blanks and signs.
func plain(heading string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-.:#/()", r) {
			return -1
		}
		return r
	}, strings.ToLower(heading))
}

// placed says where in a table each column is, and which headings mean nothing to the import.
type placed struct {
	header  []string
	at      map[string]int // index by the column's name
	ignored []string
}

// place finds the columns of a table. The mapping gives the heading of a column by its name; other columns are found by their usual headings.
func (k Kind) place(t sheet.Table, mapping map[string]string) (placed, refusal.Refusal) {
	p := placed{header: t.Header, at: map[string]int{}}
	used := make([]bool, len(t.Header))
	put := func(name string, fits func(heading string) bool) bool {
		i := slices.IndexFunc(t.Header, fits)
		if i < 0 || used[i] {
			return false
		}
		p.at[name], used[i] = i, true
		return true
	}
	for _, name := range slices.Sorted(mapKeys(mapping)) {
		if !slices.ContainsFunc(k.columns(), func(c column) bool { return c.name == name }) {
			return p, refuse.ImportColumnUnknown(refusal.Echo(name), strings.Join(k.Columns(), ", "))
		}
		if !put(name, func(h string) bool { return strings.EqualFold(h, mapping[name]) }) {
			return p, refuse.ImportHeadingMissing(refusal.Echo(mapping[name]))
		}
	}
	for _, c := range k.columns() {
		if _, done := p.at[c.name]; done {
			continue
		}
		found := put(c.name, func(h string) bool { return plain(h) == plain(c.name) })
		for _, other := range c.also {
			found = found || put(c.name, func(h string) bool { return plain(h) == other })
		}
		if !found && c.needed {
			return p, refuse.ImportColumnMissing(c.name)
		}
	}
	if len(p.at) == 0 {
		return p, refuse.ImportColumnMissing(k.Columns()[0])
	}
	for i, heading := range t.Header {
		if !used[i] {
			p.ignored = append(p.ignored, cmp.Or(heading, "("+columnLetter(i)+")"))
		}
	}
	return p, refusal.Refusal{}
}

// listHidden lists the hidden columns of a sheet.
func (p placed) listHidden(b sheet.Book) (out []Column) {
	for _, i := range b.HiddenColumns {
		out = append(out, Column{Name: columnLetter(i), Heading: p.header[i]})
	}
	return out
}

// refuseHidden refuses a sheet whose hidden rows or columns would be imported. Whoever opens the workbook does not see them, so nothing of them
// is booked before somebody says that they are meant.
func (p placed) refuseHidden(b sheet.Book) refusal.Refusal {
	var used []string
	for _, i := range b.HiddenColumns {
		for _, at := range p.at {
			if at == i {
				used = append(used, columnLetter(i)+" ("+refusal.Echo(p.header[i])+")")
			}
		}
	}
	columns := strings.Join(used, ", ")
	rows, n := sheet.Spans(b.HiddenRows), int64(len(b.HiddenRows))
	switch {
	case n > 0 && columns != "":
		return refuse.ImportHiddenBoth(rows, n, columns)
	case n > 0:
		return refuse.ImportHiddenRows(rows, n)
	case columns != "":
		return refuse.ImportHiddenColumns(columns)
	}
	return refusal.Refusal{}
}

// columns lists the columns of a kind with their headings.
func (p placed) columns(k Kind, t sheet.Table) (out []Column) {
	for _, name := range k.Columns() {
		c := Column{Name: name}
		if i, ok := p.at[name]; ok {
			c.Heading = t.Header[i]
		}
		out = append(out, c)
	}
	return out
}

// columnLetter names a column as spreadsheets do: A, B … Z, AA.
func columnLetter(i int) string {
	if i >= 26 {
		return columnLetter(i/26-1) + string(rune('A'+i%26))
	}
	return string(rune('A' + i))
}
