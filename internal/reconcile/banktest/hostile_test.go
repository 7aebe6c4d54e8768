package banktest_test

import (
	"bytes"
	"testing"

	"github.com/paywatt/paywatt/internal/hostile"
	"github.com/paywatt/paywatt/internal/statement"
	"github.com/paywatt/paywatt/internal/tier"
)

// readings is how often a file that is right is read: to check it, to compare its rows with older ones, and to store them.
const readings = 3

// TestHostileStatementsAreCheap uploads statements that are meant to cost much. One that is refused takes at most a second of processor time and
// 100 MB. One that is right, but has few rows, takes that at each reading. Those with many rows are only read elsewhere, because here their rows
// become payments. ./check long uploads all of them.
func TestHostileStatementsAreCheap(t *testing.T) {
	tier.AsShipped(t)
	tier.Slow(t)
	b := openBank(t)
	for _, f := range hostile.Of(tier.IsLong(), hostile.Camt, hostile.Swift, hostile.MPesa) {
		file := f.Make()
		format, rows := statement.Format(f.Kind), 0
		_, err := statement.Read(format, bytes.NewReader(file), statement.Options{}, func(statement.Row) error { rows++; return nil })
		if err == nil && rows > 100 {
			continue
		}
		var cost hostile.Cost
		said := "taken"
		for range 3 { // another program may disturb a measurement
			cost = hostile.Measure(func() {
				up, broken := b.st.Upload(t.Context(), owner(), "bank", file, format)
				if broken != nil || up.Refused() != (err != nil) {
					t.Errorf("%s, %s: %v, %s, want %v", f.Kind, f.Name, broken, up.Detail(), err)
				}
				if up.Refused() {
					said = up.What
				}
			})
			if err == nil {
				cost.Time /= readings
			}
			if !cost.TooMuch() {
				break
			}
		}
		report := t.Logf
		if cost.TooMuch() {
			report = t.Errorf
		}
		report("%-9s %-50s %6.2f s %6.1f MB: %.90s", f.Kind, f.Name, cost.Time.Seconds(), float64(cost.Memory)/(1<<20), said)
	}
}
