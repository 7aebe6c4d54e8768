package vending

import (
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/id"
)

// Evidence is what the audit row of a completed sale says of it. The row is sealed into the tenant's log in the commit
// of the sale, so whoever changes the sale, its meter, its units or its TIDs afterwards contradicts it.
func (s Sale) Evidence() string {
	tids := make([]string, len(s.Tokens))
	for i, t := range s.Tokens {
		tids[i] = fmt.Sprintf("%d:%d", t.TID, t.Units)
	}
	return fmt.Sprintf("meter=%s ref=%q tender=%d %s units_wh=%d month=%s tariff=%s by=%q receipt=%s tids=%s", s.Meter.Number, s.ClientRef,
		s.Tender.Minor, s.Tender.Currency, s.Units, s.Month, s.Tariff.Text(id.Version), s.By,
		s.ReceiptNo, strings.Join(tids, ","))
}

// EvidenceOf is the action of the audit row that carries [Sale.Evidence].
const EvidenceOf = "vend.sell"
