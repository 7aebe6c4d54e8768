package vending

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
)

// MaxCopies is how often a receipt may be printed again.
const MaxCopies = 50

// copied is a counted copy.
type copied struct {
	refusal.Refusal
	n int
}

// Reprint returns the receipt of a sale once more, marked as a copy with its number. The seller may do it, and so may any login of the
// sale's vendor and anybody who may reverse sales. Each copy is counted and audited before it is shown.
func (v *Vending) Reprint(ctx context.Context, by access.Actor, sold string) (Receipted, error) {
	if no := by.Needs(access.ShowTokens); no.Refused() {
		return Receipted{Refusal: no}, nil
	}
	c, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (copied, error) {
		i, err := sale.Named(tx.Sold(), sold)
		if err != nil {
			return copied{}, err
		}
		s, found, err := tx.VendSale(i)
		switch {
		case err != nil || !found || !by.Sees(s.Vendor):
			return copied{Refusal: refuse.SaleNotFound(refusal.Echo(sold))}, err
		case s.By != by.String() && by.OfUtility() && !by.May(access.Reverse):
			return copied{Refusal: refuse.ReceiptOfOthers()}, nil
		case s.ReceiptNo == "":
			return copied{Refusal: refuse.SaleWithoutReceipt(s.ID.Text(id.Vend), string(s.State))}, nil
		}
		n, err := tx.Sold().AddCopy(i, by.String())
		if err != nil || n > MaxCopies {
			return copied{Refusal: refuse.ReceiptPrintedTooOften(MaxCopies + 1)}, err
		}
		e := by.Entry("vend.reprint", i.Text(id.Vend))
		e.After = fmt.Sprintf("copy=%d receipt=%s", n, s.ReceiptNo)
		return copied{n: n}, tx.AuditLog(e)
	})
	if err != nil {
		return Receipted{}, fmt.Errorf("reprint the receipt of sale %s: %w", refusal.Echo(sold), err)
	}
	if c.Refused() {
		return Receipted{Refusal: c.Refusal}, nil
	}
	r, err := v.Receipt(ctx, by, sold)
	r.Receipt.Copy = c.n
	return r, err
}

// Paper returns the receipt of a sale as paper. Only the first paper of a sale is an original. That it was handed out is stored before it is
// returned, and every later paper is marked as a copy. Whoever may not see tokens only ever gets copies.
func (v *Vending) Paper(ctx context.Context, by access.Actor, sold string) (Receipted, error) {
	r, err := v.Receipt(ctx, by, sold)
	if err != nil || r.Refused() {
		return r, err
	}
	r.Receipt.Copy, err = v.handedOut(ctx, by, sold, func(tx Tx, i id.ID) (id.ID, error) { return i, nil })
	return r, err
}

// PaperLost takes back that the original of a receipt was handed out, because no part of it came out of the printer. The next paper is then the
// original, unless a copy was made meanwhile. The audit log names whoever asked for the paper.
func (v *Vending) PaperLost(ctx context.Context, by access.Actor, sold, printer string) error {
	_, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (copied, error) {
		i, err := sale.Named(tx.Sold(), sold)
		if err != nil {
			return copied{}, err
		}
		noted, err := tx.Sold().RemoveOriginal(i)
		if err != nil || !noted {
			return copied{}, err
		}
		e := by.Entry("vend.not_printed", i.Text(id.Vend))
		e.After = "printer=" + printer
		return copied{}, tx.AuditLog(e)
	})
	return fault.Wrap(err, "take back the paper of sale %s", refusal.Echo(sold))
}

// CreditPaper returns the credit note of a reversed sale as paper. Its first paper is the original, as that of a receipt is.
func (v *Vending) CreditPaper(ctx context.Context, by access.Actor, sold string) (Receipted, error) {
	r, err := v.CreditNote(ctx, by, sold)
	if err != nil || r.Refused() {
		return r, err
	}
	r.Receipt.Copy, err = v.handedOut(ctx, by, sold, func(tx Tx, i id.ID) (id.ID, error) {
		undone, _, err := tx.Reversals().ReversalOf(i)
		return undone.ID, err
	})
	return r, err
}

// handedOut stores that a paper of a sale is handed out, and returns the number with which it is marked: 0 for the original. The function paper
// returns the identity under which the papers of one document are counted.
func (v *Vending) handedOut(ctx context.Context, by access.Actor, sold string, paper func(Tx, id.ID) (id.ID, error)) (int, error) {
	if by.Needs(access.ShowTokens).Refused() {
		return 1, nil
	}
	c, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (copied, error) {
		i, err := sale.Named(tx.Sold(), sold)
		if err != nil {
			return copied{}, err
		}
		of, err := paper(tx, i)
		if err != nil {
			return copied{}, err
		}
		if first, err := tx.Sold().AddOriginal(of, by.String()); err != nil || first {
			return copied{}, err
		}
		return copied{n: 1}, nil
	})
	return c.n, fault.Wrap(err, "hand out a paper of sale %s", refusal.Echo(sold))
}

// Copy returns the receipt of a sale for a screen, or marked as a copy that [Vending.Reprint] has counted. A number beyond the last copy is the
// last copy.
func (v *Vending) Copy(ctx context.Context, by access.Actor, sold string, n int) (Receipted, error) {
	r, err := v.Receipt(ctx, by, sold)
	if err != nil || r.Refused() || n == 0 {
		return r, err
	}
	counted, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (int, error) {
		i, err := sale.Named(tx.Sold(), sold)
		if err != nil {
			return 0, err
		}
		return tx.Sold().Copies(i)
	})
	r.Receipt.Copy = max(min(n, counted), 1)
	return r, fault.Wrap(err, "count the copies of sale %s", refusal.Echo(sold))
}

// Recalled is the outcome of a request, found by its idempotency key.
type Recalled struct {
	refusal.Refusal
	Running bool       // the request is still being answered
	Reply   once.Reply // the answer; Status 0 for an unknown request
}

// LastResponse returns the outcome of an actor's own request by its Idempotency-Key. It returns the stored answer byte for byte, or says
// that the request is still running or unknown. It changes nothing and does not claim the key.
func (v *Vending) LastResponse(ctx context.Context, by access.Actor, principal, key string) (Recalled, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return Recalled{Refusal: no}, nil
	}
	kept, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (*access.StoredAnswer, error) { return tx.Once().OnceLook(principal, key) })
	switch {
	case err != nil:
		return Recalled{}, fmt.Errorf("look for the answer of a request: %w", err)
	case kept == nil:
		return Recalled{}, nil
	case kept.Status == 0:
		return Recalled{Running: true}, nil
	}
	old, err := v.answers.Replay(access.Once{Principal: principal, Key: key}, *kept)
	if err != nil {
		return Recalled{}, err
	}
	return Recalled{Reply: *old}, nil
}
