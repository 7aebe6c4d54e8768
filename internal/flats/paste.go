package flats

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sheet"
)

// Columns of a pasted list without a heading, as imports know them.
const (
	columnFlat    = "flat"
	columnTenant  = "tenant"
	columnPhone   = "telephone"
	columnMeter   = "meter"
	columnBalance = "opening balance"
)

// Pasted is a list of flats as somebody pasted it, as two files for imports. The lines of both have the numbers of the list's lines.
type Pasted struct {
	Meters   []byte
	Balances []byte // nil if no line has an opening balance
	// Before is how many lines the files have before the first line of the list.
	Before int
}

// ReadPasted reads a pasted list: a line for each flat with its name, the tenant's name, telephone, meter number and opening balance, separated
// by tabs, commas, semicolons or vertical bars. If the first line has no number of five digits, it is the heading and may name other columns
// in another order.
func ReadPasted(text string) (Pasted, refusal.Refusal) {
	text = strings.TrimLeft(strings.ReplaceAll(text, "\r\n", "\n"), "\n\ufeff")
	first, _, _ := strings.Cut(text, "\n")
	var p Pasted
	if strings.TrimSpace(text) != "" && hasNumber(first) {
		p.Before = 1
		text = strings.Join([]string{columnFlat, columnTenant, columnPhone, columnMeter, columnBalance}, separator(first)) + "\n" + text
	}
	p.Meters = []byte(text)
	table, no := sheet.Read(p.Meters)
	if no.Refused() {
		return Pasted{}, no
	}
	p.Balances = balances(table)
	return p, no
}

// separator returns the separator of a line: the one that it has most often.
func separator(line string) string {
	return slices.MaxFunc([]string{",", ";", "\t", "|"}, func(a, b string) int { return strings.Count(line, a) - strings.Count(line, b) })
}

// hasNumber reports whether a line has five digits in a row, with or without blanks between them, as telephones and meters do.
func hasNumber(line string) bool {
	run := 0
	for _, r := range line {
		switch {
		case r >= '0' && r <= '9':
			if run++; run == 5 {
				return true
			}
		case r != ' ' && r != '-':
			run = 0
		}
	}
	return false
}

// balances writes the meters and opening balances of a list as a file of its own. A flat without a balance has an empty line, so that the
// others keep their numbers, and the columns keep their places.
func balances(t sheet.Table) []byte {
	at := func(names ...string) int {
		return slices.IndexFunc(t.Header, func(h string) bool { return slices.Contains(names, strings.ToLower(strings.TrimSpace(h))) })
	}
	meter, amount := at(columnMeter, "number", "meter number", "meter no", "meter_number"), at(columnBalance, "balance", "amount", "credit", "opening_balance")
	if meter < 0 || amount < 0 {
		return nil
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	write := func(account, balance string) {
		cells := make([]string, len(t.Header))
		cells[meter], cells[amount] = account, balance
		_ = w.Write(cells)
	}
	write("account", "amount")
	line, any := 2, false
	for _, row := range t.Rows {
		if strings.Trim(row.Cells[amount], " 0.,") == "" {
			continue
		}
		w.Flush()
		for ; line < row.Line; line++ {
			out.WriteByte('\n')
		}
		write(row.Cells[meter], row.Cells[amount])
		line, any = line+1, true
	}
	if w.Flush(); !any {
		return nil
	}
	return out.Bytes()
}
