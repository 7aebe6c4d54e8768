package vending

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/tariff"
)

// Evidence is what the audit row of a completed sale says of it. The row is sealed into the tenant's log with the sale,
// so whoever changes the sale, its lines, its meter, its units, its TIDs or its digits afterwards contradicts it. What
// people look for stands there in words, all of it in a hash. It begins with the hash of the core of its receipt
// ([receipt.Receipt.Paper]), by which whoever holds the receipt proves it; what that says of the key and the tariff
// comes from facts.
func (s Sale) Evidence(f Facts) (string, error) {
	paper, err := f.paper(s)
	if err != nil {
		return "", fmt.Errorf("evidence of sale %s: %w", s.ID.Text(id.Vend), err)
	}
	tids := make([]string, len(s.Tokens))
	for i, t := range s.Tokens {
		tids[i] = fmt.Sprintf("%d:%d", t.TID, t.Units)
	}
	sum := s.leaf()
	return fmt.Sprintf(proof.PaperMark+"%s meter=%s ref=%q tender=%d %s units_wh=%d month=%s tariff=%s by=%q receipt=%s tids=%s rows=%s", receipt.PaperHash(paper), s.Meter.Number, s.ClientRef,
		s.Tender.Minor, s.Tender.Currency, s.Units, s.Month, s.Tariff.Text(id.Version), s.By,
		s.ReceiptNo, strings.Join(tids, ","), hex.EncodeToString(sum[:])), nil
}

// Facts are what a receipt's core says that is no part of the sale itself: of the key it was sold under and of its
// tariff version. Neither ever changes.
type Facts struct {
	Key    registry.Key
	Tariff tariff.Version
}

func (f Facts) paper(s Sale) (string, error) {
	r, err := write(s, Paper{Key: f.Key, Tariff: f.Tariff}, Digits{}, time.UTC)
	return r.Paper(), err
}

// saleLeaf begins the hash of a sale.
const saleLeaf = "paywatt sale 1"

// leaf hashes all of a completed sale that never changes: what becomes of its tokens and whether it is reversed does.
func (s Sale) leaf() [32]byte {
	l := seal.NewLeaf(saleLeaf).Text(string(s.ID[:])).Text(s.ClientRef).Text(string(s.Meter.ID[:])).Text(string(s.Account[:])).
		Text(string(s.Key[:])).Int(int64(s.Tender.Minor)).Text(s.Tender.Currency).Int(int64(s.CarryIn)).Int(int64(s.CarryOut)).
		Int(int64(s.Units)).Int(int64(s.Free)).Text(s.Month).Int(int64(s.MonthBefore)).Text(string(s.Tariff[:])).
		Text(strings.Join(s.Deliver, ",")).Text(s.ReceiptNo).Text(s.Till).Text(s.By).Int(s.PricedAt.UnixMicro()).Int(s.CompletedAt.UnixMicro())
	l.Text(string(s.Vendor[:])).Int(int64(s.Seller.Account)).Text(string(s.Seller.Hold[:])).
		Int(int64(s.Seller.Commission)).Int(int64(s.Seller.CommissionVAT))
	if len(s.Asked.Charges) > 0 { // else nothing is kept of it
		asked, _ := json.Marshal(s.Asked) // strings, numbers and times: it cannot fail
		l.Text(string(asked))
	}
	l.Int(int64(len(s.Lines)))
	for _, n := range s.Lines {
		n.leaf(l)
	}
	l.Int(int64(len(s.Tokens)))
	for _, t := range s.Tokens {
		l.Text(string(t.ID[:])).Int(t.Meter).Int(int64(t.TID)).Int(int64(t.BaseDate)).Int(int64(t.Class)).Int(int64(t.SubClass)).
			Int(int64(t.RND)).Int(int64(t.Units)).Int(t.IssuedAt.UnixMicro()).Text(string(t.Sealed)).Text(string(t.Hash))
	}
	return l.Sum()
}

func (n Line) leaf(l *seal.Leaf) {
	left := int64(-1) // nothing runs down
	if n.Left != nil {
		left = int64(*n.Left)
	}
	l.Text(string(n.Kind)).Text(n.Ref).Text(n.Label).Int(int64(n.Amount)).Int(int64(n.VAT)).Int(left).Int(int64(len(n.Steps)))
	for _, s := range n.Steps {
		l.Int(int64(s.Units)).Int(int64(s.Rate)).Int(int64(s.Amount))
	}
}

// EvidenceOf is the action of the audit row that carries [Sale.Evidence].
const EvidenceOf = proof.Action
