package imports

import (
	"testing"

	"github.com/paywatt/paywatt/internal/hostile"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sheet"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestRowsOfHostileFilesAreCheap reads hostile files as rows of each kind, before any row meets the store. ./check long reads all of them.
func TestRowsOfHostileFilesAreCheap(t *testing.T) {
	tier.AsShipped(t)
	tier.Slow(t)
	for _, f := range append(hostile.Of(tier.IsLong(), hostile.Workbook, hostile.CSV), hostile.Honest()[:2]...) {
		content := f.Make()
		if _, no := sheet.Read(content); no.Refused() {
			continue
		}
		for _, kind := range Kinds() {
			var cost hostile.Cost
			refused, rows := 0, 0
			for range 3 { // another program may disturb a measurement
				cost = hostile.Measure(func() {
					table, _ := sheet.Read(content)
					where, no := kind.place(table, nil)
					if no.Refused() {
						where = placed{header: table.Header, at: map[string]int{kind.Columns()[0]: 0}}
					}
					entries := kind.entries(table, file{placed: where, currency: money.Currency{Code: "KES", Exp: 2}})
					refused, rows = 0, len(entries)
					for _, e := range entries {
						if e.Refused() {
							refused++
						}
					}
				})
				if !cost.TooMuch() {
					break
				}
			}
			report := t.Logf
			if cost.TooMuch() {
				report = t.Errorf
			}
			report("%-9s %-50s %-9s %6.2f s %6.1f MB, %d of %d rows refused", f.Kind, f.Name, kind, cost.Time.Seconds(), float64(cost.Memory)/(1<<20), refused, rows)
		}
	}
}
