package store

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/seal"
)

// Finding is one thing that is not as it must be.
type Finding struct {
	Rule string // which invariant, in a word or two: "journal", "balance", "log"
	What string // a sentence for a person
}

// Figure is one number of what was looked at.
type Figure struct {
	Name string
	N    int64
}

// MaxFindings is how many findings a report lists; the rest is counted.
const MaxFindings = 100

// Report is what [Verify] saw.
type Report struct {
	Figures  []Figure
	Findings []Finding
	More     int // findings beyond MaxFindings
}

// Sound reports whether nothing was found.
func (r *Report) Sound() bool { return len(r.Findings) == 0 }

// Find adds a finding.
func (r *Report) Find(rule, format string, args ...any) {
	if len(r.Findings) >= MaxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, Finding{Rule: rule, What: fmt.Sprintf(format, args...)})
}

// Count adds a figure, or adds to it where it is there already.
func (r *Report) Count(name string, n int64) {
	for i := range r.Figures {
		if r.Figures[i].Name == name {
			r.Figures[i].N += n
			return
		}
	}
	r.Figures = append(r.Figures, Figure{name, n})
}

// Trust is what a database is checked against that is not in it.
type Trust struct {
	Public string      // the public line of the seal key
	Heads  []seal.Head // signed heads of the tenant that were kept elsewhere, already checked against Public
}

// Verify checks all that can be checked about one tenant, from the rows alone and with queries of its own: it shares
// nothing with the code that wrote them but the form of leaves. It only reads; findings go into the report. An error
// means that the database could not be read to the end.
func Verify(tx *Tx, t Trust, r *Report) error {
	for _, check := range []struct {
		name string
		run  func() error
	}{
		{"journals", func() error { return tx.verifyJournals(r) }},
		{"audit rows", func() error { return tx.verifyAudit(r) }},
		{"balances", func() error { return tx.verifyBalances(r) }},
		{"holds", func() error { return tx.verifyHolds(r) }},
		{"roll-ups", func() error { return tx.verifyRollups(r) }},
		{"log", func() error { return tx.verifyLog(t, r) }},
		{"sales", func() error { return tx.verifySales(r) }},
		{"sales and journals", func() error { return tx.verifySalesBooked(r) }},
		{"months", func() error { return tx.verifyMonths(r) }},
		{"tokens", func() error { return tx.verifyTokens(r) }},
		{"receipts", func() error { return tx.verifyReceipts(r) }},
		{"token reports", func() error { return tx.verifyReports(r) }},
	} {
		if err := check.run(); err != nil {
			return fmt.Errorf("check %s of tenant %d: %w", check.name, tx.Tenant, err)
		}
	}
	return nil
}
