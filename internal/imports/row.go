package imports

import (
	"cmp"
	"crypto/sha256"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sheet"
)

// entry is one row of a file, read and checked as far as that needs no store.
type entry struct {
	refusal.Refusal
	line     int
	meter    registry.NewMeter
	customer registry.NewCustomer
	money    moneyRow
	tariff   tariffRow
	same     string // what two rows have in common that mean the same thing
	about    string // what only one row of a file may be about, if that is less than same
	print    [sha256.Size]byte
	twin     int // an earlier line of the file that means the same; 0 for none
}

func mapKeys(m map[string]string) iter.Seq[string] { return maps.Keys(m) }

// file is what all rows of a file have in common.
type file struct {
	placed
	defaults map[string]string // for cells that are empty
	currency money.Currency    // of the books
	comma    bool              // amounts have a comma before their decimals
	columns  []column          // of the kind
	cells    map[string]string // of the present row, by the columns' names
}

// entries reads the rows of a table.
func (k Kind) entries(t sheet.Table, f file) []entry {
	f.columns, f.cells = k.columns(), map[string]string{}
	out := make([]entry, len(t.Rows))
	first := map[string]int{}
	equal := map[string]int{} // how many customers have the same data
	if at, ok := f.at["amount"]; ok {
		var amounts []string
		for _, row := range t.Rows {
			amounts = append(amounts, row.Cells[at])
		}
		f.comma = sheet.CommaDecimals(amounts)
	}
	for i, row := range t.Rows {
		e := k.entry(row, f)
		e.line = row.Line
		if e.same != "" && !e.Refused() {
			key, about := e.same, cmp.Or(e.about, e.same)
			if k != Customers {
				e.twin = first[about]
			} else if equal[e.same]++; equal[e.same] > 1 { // two customers may have the same data: the second is another one
				key = e.same + "\x00" + strconv.Itoa(equal[e.same])
				about = key
			}
			first[about] = cmp.Or(first[about], row.Line)
			e.print = sha256.Sum256([]byte(string(k) + "\x00" + key))
		}
		out[i] = e
	}
	return out
}

// entry reads one row.
func (k Kind) entry(row sheet.Row, f file) entry {
	switch {
	case row.Wide:
		return entry{Refusal: refuse.ImportRowWide()}
	case row.Merged:
		return entry{Refusal: refuse.SheetMerged()}
	}
	cells := f.cells
	clear(cells)
	for _, c := range f.columns {
		value := ""
		if i, ok := f.at[c.name]; ok {
			value = row.Cells[i]
		}
		no := sheet.Fault(value)
		if isTotal(value) {
			no = refuse.ImportRowTotal(refusal.Echo(value))
		}
		if c.isDigits && !no.Refused() {
			value, no = sheet.Digits(value)
		}
		if no.Refused() {
			return entry{Refusal: f.in(c.name, no)}
		}
		cells[c.name] = cmp.Or(value, f.defaults[c.name])
	}
	if k.Money() {
		return k.moneyEntry(cells, f)
	}
	switch k {
	case Customers:
		return customerEntry(cells)
	case Tariffs:
		return tariffEntry(cells, f)
	}
	return meterEntry(cells)
}

// in names the column of a file whose value is wrong.
func (f file) in(name string, no refusal.Refusal) refusal.Refusal {
	i, ok := f.at[name]
	if !ok || !no.Refused() {
		return no
	}
	out := refuse.ImportInColumn(columnLetter(i), refusal.Echo(f.header[i]), no.What, no.Try)
	out.Within = &no
	return out
}

// totals are the names of a total, in the languages of spreadsheets that come here.
var totals = [...]string{"total", "totals", "grand total", "subtotal", "sub-total", "sum", "total général", "somme", "jumla", "المجموع", "gesamt", "summe"}

// isTotal reports whether a cell names the row a total.
func isTotal(cell string) bool {
	word, _, _ := strings.Cut(cell, ":")
	word = strings.TrimSpace(word)
	return slices.ContainsFunc(totals[:], func(name string) bool { return strings.EqualFold(name, word) })
}

func customerEntry(cells map[string]string) entry {
	n := registry.NewCustomer{Name: cells["name"], Phone: cells["phone"], Lang: strings.ToLower(cells["lang"]), IDNo: cells["id_no"]}
	return entry{customer: n, same: strings.Join([]string{n.Name, n.Phone, n.Lang, n.IDNo}, "\x00")}
}

// padded returns digits with the zeros that a spreadsheet dropped in front.
func padded(digits string, length int) string {
	if digits == "" || len(digits) >= length || strings.Trim(digits, "0123456789") != "" {
		return digits
	}
	return strings.Repeat("0", length-len(digits)) + digits
}

func meterEntry(cells map[string]string) entry {
	n := registry.NewMeter{Number: registry.WithLostZero(cells["number"]), Mode: registry.Mode(cells["mode"]), Tariff: cells["tariff"], Address: cells["address"],
		Feeder: cells["feeder"], SIM: cells["sim_phone"]}
	if cells["customer_name"]+cells["customer_phone"] != "" {
		n.Customer = &registry.NewCustomer{Name: cells["customer_name"], Phone: cells["customer_phone"], Lang: strings.ToLower(cells["lang"])}
	}
	if n.Mode == "" {
		n.Mode = registry.PrepayWallet
		if cells["sgc"] != "" {
			n.Mode = registry.PrepayToken
		}
	}
	if number, no := registry.Canonical(n.Number); no.Refused() {
		return entry{Refusal: no}
	} else if n.Number = number; cells["sgc"] == "" && n.Mode != registry.PrepayToken {
		return entry{meter: n, same: number}
	}
	n.SGC, n.TI, n.EA, n.DKGA = padded(cells["sgc"], 6), padded(cells["ti"], 2), padded(cells["ea"], 2), padded(cells["dkga"], 2)
	for _, figure := range [...]struct {
		name string
		to   **int64
	}{{"krn", &n.KRN}, {"kt", &n.KT}, {"ken", &n.KEN}, {"base_date", &n.BaseDate}} {
		text := cells[figure.name]
		if text == "" {
			continue
		}
		value, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return entry{Refusal: refuse.ImportNumberInvalid(figure.name, refusal.Echo(text))}
		}
		*figure.to = &value
	}
	return entry{meter: n, same: n.Number}
}
