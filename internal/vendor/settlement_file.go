package vendor

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sheet"
)

// FileName returns a name for the settlement's file.
func (s Settlement) FileName() string {
	return "paywatt-settlement-" + s.Vendor.Code + "-" + s.first() + "-" + s.last() + ".csv"
}

func (s Settlement) first() string { return s.From.Format(time.DateOnly) }
func (s Settlement) last() string  { return s.To.Add(-1).Format(time.DateOnly) }

// CSV writes the settlement as a file: a head, a line for each entry, and a last line with the SHA-256 of all bytes before it. The same
// settlement always gives the same bytes. An amount is positive if the vendor has more by it.
func (s Settlement) CSV() ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("\ufeff") // tells spreadsheets that the text is UTF-8
	w := csv.NewWriter(&out)
	if err := w.WriteAll(append(s.head(), s.rows()...)); err != nil { // writes to memory
		return nil, err
	}
	sum := sha256.Sum256(out.Bytes())
	err := w.WriteAll([][]string{{"sha256", hex.EncodeToString(sum[:])}})
	return out.Bytes(), err
}

func (s Settlement) head() [][]string {
	amount := func(m money.Minor) string { return money.Format(m, s.Currency) }
	total := func(name string, t Total) []string {
		return []string{name, strconv.FormatInt(t.Count, 10), amount(t.Amount)}
	}
	closed := map[bool]string{true: "yes", false: "no"}[s.Closed]
	rows := [][]string{
		{"utility", sheet.Harmless(s.Utility)},
		{"vendor", s.Vendor.Code, sheet.Harmless(s.Vendor.Name), s.Vendor.ID.Text(id.Vendor)},
		{"billing", string(s.Vendor.Billing)},
		{"days", s.first(), s.last(), s.Zone.String()},
		{"every_day_closed", closed},
		{"currency", s.Currency.Code},
		{"opening_float", "", amount(s.Opening)},
		total("sales", s.Sales), total("reversals", s.Reversals),
		total("commission", s.Earned), total("commission_taken_back", s.TakenBack),
		total("payments_in", s.Paid),
	}
	for _, k := range s.Others {
		rows = append(rows, total("other_"+string(k.Kind), k.Total))
	}
	return append(rows, []string{"closing_float", "", amount(s.Closing)}, []string{"tax_in_commission", "", amount(s.Tax)})
}

func (s Settlement) rows() [][]string {
	amount := func(m money.Minor) string { return money.Format(m, s.Currency) }
	rows := [][]string{{"local_time", "journal", "kind", "reverses", "receipt", "meter", "reference", "amount", "commission", "tax_in_commission", "float_after"}}
	for _, e := range s.Entries {
		commission, tax := "", ""
		if e.Commission() {
			commission, tax = amount(-e.Amount), amount(e.Tax)
		}
		rows = append(rows, []string{e.At.In(s.Zone).Format(time.RFC3339Nano), e.Journal.Text(id.Journal), string(e.Kind), string(e.Of), e.Receipt, e.Meter,
			sheet.Harmless(e.Ref), amount(-e.Amount), commission, tax, amount(-e.Balance)})
	}
	return rows
}
