package vending

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/sale"
)

// Evidence returns the text about a completed sale for its audit row. The row is sealed into the tenant's log with the sale, so it
// contradicts any later change of the sale, its lines, meter, units, TIDs or digits. The text has the fields that people look for in words,
// and a hash of all fields. It begins with the hash of the core of the sale's receipt ([receipt.Receipt.Paper]). With this hash, the holder
// of the receipt can prove that the receipt was sealed. The parameter f gives the key and the tariff for that core.
func Evidence(s sale.Sale, f sale.Facts) (string, error) {
	paper, err := paperOf(s, f)
	if err != nil {
		return "", fmt.Errorf("evidence of sale %s: %w", s.ID.Text(id.Vend), err)
	}
	tids := make([]string, len(s.Tokens))
	for i, t := range s.Tokens {
		tids[i] = fmt.Sprintf("%d:%d", t.TID, t.Units)
	}
	sum := s.Leaf()
	return fmt.Sprintf(proof.PaperMark+"%s meter=%s ref=%q tender=%d %s units_wh=%d month=%s tariff=%s by=%q receipt=%s tids=%s rows=%s", receipt.PaperHash(paper), s.Meter.Number, s.ClientRef,
		s.Tender.Minor, s.Tender.Currency, s.Units, s.Month, s.Tariff.Text(id.Version), s.By,
		s.ReceiptNo, strings.Join(tids, ","), hex.EncodeToString(sum[:])), nil
}

func paperOf(s sale.Sale, f sale.Facts) (string, error) {
	r, err := write(s, sale.Paper{Key: f.Key, Tariff: f.Tariff}, Digits{}, time.UTC)
	return r.Paper(), err
}
