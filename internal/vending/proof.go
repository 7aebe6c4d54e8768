package vending

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
)

// ProvenReceipt is a receipt with the proof that its sale is in the sealed log.
type ProvenReceipt struct {
	refusal.Refusal
	Receipt receipt.Receipt
	Proof   proof.Sealed
}

// JSON is the receipt as JSON with its proof as one more member.
func (p ProvenReceipt) JSON() ([]byte, error) {
	d := receipt.Document(p.Receipt)
	d.Proof = proof.Document(p.Receipt.Paper(), p.Proof)
	b, err := json.Marshal(d)
	return b, fault.Wrap(err, "write receipt %s with its proof", p.Receipt.No)
}

// Proof returns the receipt of a completed sale with its proof. The proof leads to the signed head with size leaves, or to the newest head
// if size is 0. [refusal.NotSealedYet] means that the client must try again: on PostgreSQL a sale is sealed about a second after its
// commit.
func (v *Vending) Proof(ctx context.Context, by access.Actor, sold string, size int64) (ProvenReceipt, error) {
	r, err := v.Receipt(ctx, by, sold)
	if err != nil || r.Refused() {
		return ProvenReceipt{Refusal: r.Refusal}, err
	}
	s, err := v.find(ctx, by, sold)
	if err != nil || s.Refused() {
		return ProvenReceipt{Refusal: s.Refusal}, err
	}
	out := ProvenReceipt{Receipt: r.Receipt}
	state := sale.InLog
	out.Proof, err = access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (p proof.Sealed, err error) {
		p, state, err = tx.Sold().VendProof(s.Sale, size)
		return p, err
	})
	if err != nil {
		return ProvenReceipt{}, fmt.Errorf("prove sale %s: %w", refusal.Echo(sold), err)
	}
	switch state {
	case sale.NotSealed:
		return ProvenReceipt{Refusal: refuse.SaleNotSealed()}, nil
	case sale.NoHead:
		return ProvenReceipt{Refusal: refuse.HeadNotFound(size)}, nil
	case sale.HeadTooOld:
		return ProvenReceipt{Refusal: refuse.HeadBeforeSale(size)}, nil
	}
	// The receipt that is printed now must equal the sealed receipt. If they differ, something is badly wrong with the books.
	if hash, ok := strings.CutPrefix(out.Proof.Row.After, proof.PaperMark+receipt.PaperHash(out.Receipt.Paper())); !ok || !strings.HasPrefix(hash, " ") {
		return ProvenReceipt{}, fmt.Errorf("prove sale %s: its receipt is not the one that was sealed", refusal.Echo(sold))
	}
	return out, nil
}
