package vending

import (
	"context"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tariff"
)

// ReversalShown is the reversal of a sale as an actor may see it.
type ReversalShown struct {
	refusal.Refusal
	Reversal Reversal
}

// Reversal shows how far the newest reversal of a sale has come.
func (v *Vending) Reversal(ctx context.Context, by access.Actor, sale string) (ReversalShown, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return ReversalShown{Refusal: no}, nil
	}
	i, err := id.Parse(id.Vend, sale)
	if err != nil {
		return ReversalShown{Refusal: noSale(sale)}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (ReversalShown, error) {
		s, found, err := tx.VendSale(i)
		if err != nil || !found || !by.Sees(s.Vendor) {
			return ReversalShown{Refusal: noSale(sale)}, err
		}
		r, found, err := tx.ReversalOf(i)
		if err == nil && !found {
			return ReversalShown{Refusal: refusal.Because(refusal.NotFound, "Nobody has asked to reverse this sale.", "", "")}, nil
		}
		return ReversalShown{Reversal: r}, err
	})
	if err != nil {
		return ReversalShown{}, fmt.Errorf("show the reversal of sale %s: %w", echo(sale), err)
	}
	return out, nil
}

// settledReversal is what one look at a waiting reversal came to.
type settledReversal struct{ done bool }

// Refused is always false: a look that changes nothing is no refusal.
func (settledReversal) Refused() bool { return false }

// settleReversals ends the reversals whose meters have answered and reports how many. It may run at any time and on
// several instances.
func (v *Vending) settleReversals(ctx context.Context, by access.Actor) (settled int, err error) {
	var after id.ID
	for {
		waiting, look := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) ([]id.ID, error) { return tx.ReversalsWaiting(after, maxRecover) })
		if look != nil {
			return settled, errors.Join(err, fmt.Errorf("settle reversals: %w", look))
		}
		for _, sale := range waiting {
			after = sale
			out, one := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (settledReversal, error) { return v.settleReversal(tx, by, sale) })
			if one != nil {
				err = errors.Join(err, fmt.Errorf("settle the reversal of sale %s: %w", sale.Text(id.Vend), one))
			} else if out.done {
				settled++
			}
		}
		if len(waiting) < maxRecover || ctx.Err() != nil {
			return settled, err
		}
	}
}

// settleReversal looks at what the meter answered for each token. All cancelled: the sale is reversed. One of them
// used, or never answered: the sale stands.
func (v *Vending) settleReversal(tx Tx, by access.Actor, sale id.ID) (settledReversal, error) {
	s, _, no, err := lockSale(tx, access.Actor{}, sale, "")
	if err != nil || no.Refused() {
		return settledReversal{}, err
	}
	r, found, err := tx.ReversalOf(sale)
	if err != nil || !found || r.State != ReversalWaiting || s.State != Reversing {
		return settledReversal{}, err
	}
	count := map[CancelState]int{}
	for _, c := range r.Cancels {
		count[c.State]++
	}
	switch {
	case count[CancelOpen] > 0:
		return settledReversal{}, nil
	case count[CancelDone] == len(r.Cancels):
		s, _, err = v.giveBack(tx, s, r, true)
	default:
		err = v.stand(tx, s, r, count[CancelUsed] > 0)
	}
	if err != nil {
		return settledReversal{}, err
	}
	e := by.Entry("vend.reverse.settle", sale.Text(id.Vend))
	e.After = fmt.Sprintf("done=%d used=%d never=%d", count[CancelDone], count[CancelUsed], count[CancelNever])
	return settledReversal{done: true}, tx.AuditLog(e)
}

// stand ends a reversal that the meter did not allow. A token that it cancelled all the same is marked: its units need
// a replacement.
func (v *Vending) stand(tx Tx, s Sale, r Reversal, used bool) error {
	for _, c := range r.Cancels {
		to := TokenState("")
		switch c.State {
		case CancelUsed:
			to = TokenAccepted
		case CancelDone:
			to = TokenReversed
		}
		if to == "" {
			continue
		}
		if err := tx.TokenTurn(c.Token, to); err != nil {
			return err
		}
	}
	r.State, r.Failure, r.SettledAt = ReversalRefused, refusal.MeterOffline, v.moment()
	if used {
		r.Failure = refusal.NotReversible
	}
	if err := tx.PutReversal(r); err != nil {
		return err
	}
	return tx.VendTurn(s.ID, Reversing, Completed)
}

// reclaim raises a debt for every token whose sale was reversed while its meter could not be asked and which the meter
// has all the same (domain reference §9): the customer got the money and the units.
func (v *Vending) reclaim(ctx context.Context, by access.Actor) (int, error) {
	used, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) ([]Token, error) { return tx.ReversedUsed(maxRecover) })
	if err != nil {
		return 0, fmt.Errorf("look for reversed tokens that were used: %w", err)
	}
	n := 0
	for _, t := range used {
		out, one := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (settledReversal, error) { return v.reclaimToken(tx, by, t) })
		if one != nil {
			err = errors.Join(err, fmt.Errorf("claim token %s back: %w", t.ID.Text(id.Token), one))
		} else if out.done {
			n++
		}
	}
	return n, err
}

func (v *Vending) reclaimToken(tx Tx, by access.Actor, t Token) (settledReversal, error) {
	s, _, no, err := lockSale(tx, access.Actor{}, t.Sale, "")
	if err != nil || no.Refused() {
		return settledReversal{}, err
	}
	for _, now := range s.Tokens {
		if now.ID == t.ID && now.State != TokenReversedUnconfirmed {
			return settledReversal{}, nil // another instance was quicker
		}
	}
	if err := tx.TokenTurn(t.ID, TokenAccepted); err != nil {
		return settledReversal{}, err
	}
	net, vat, err := valueOf(s, t)
	if err != nil || net+vat == 0 {
		return settledReversal{done: true}, err
	}
	d := Debt{Account: s.Account, Kind: "reversed sale", Memo: "token " + t.ID.Text(id.Token) + " was used", Principal: net + vat, Outstanding: net + vat,
		Mode: tariff.Full, Priority: reclaimPriority, Capped: true, Against: "energy", CreatedAt: v.moment(), Status: "open"}
	if d.ID, err = tx.NewID(); err != nil {
		return settledReversal{}, err
	}
	if err := tx.DebtAdd(d); err != nil {
		return settledReversal{}, err
	}
	j := ledger.Journal{Kind: ledger.Raised, Ref: d.Name(), PostedAt: d.CreatedAt, Memo: memoOf(s), Postings: []ledger.Posting{
		{Account: ledger.AccountRef{Code: ledger.Debt, Subject: DebtSubject(s.Account, d.Name())}, Amount: net + vat},
		credit(ledger.RevenueEnergy, "", net)}}
	if vat > 0 {
		j.Postings = append(j.Postings, credit(ledger.VATPayable, "", vat))
	}
	if j.ID, err = tx.NewID(); err != nil {
		return settledReversal{}, err
	}
	if breach, err := tx.Post(j); err != nil || breach.Refused() {
		return settledReversal{}, errors.Join(err, breachOf(j, breach))
	}
	e := by.Entry("vend.reclaim", s.ID.Text(id.Vend))
	e.After = fmt.Sprintf("token=%s debt=%s amount=%d", t.ID.Text(id.Token), d.Name(), net+vat)
	return settledReversal{done: true}, tx.AuditLog(e)
}

// reclaimPriority is the place of such a debt in the allocation: that of other debts.
const reclaimPriority = 30

// valueOf is what the units of a token were sold for, as their share of the energy and its tax; rounding half up.
func valueOf(s Sale, t Token) (net, vat money.Minor, err error) {
	paid := s.Units - s.Free
	for _, free := range s.Tokens[:s.FreeTokens()] {
		if free.ID == t.ID {
			return 0, 0, nil
		}
	}
	for _, l := range s.Lines {
		if l.Kind != LineEnergy {
			continue
		}
		n, err := money.MulDiv(int64(l.Amount), int64(t.Units), int64(paid), money.HalfUp)
		if err != nil {
			return 0, 0, err
		}
		v, err := money.MulDiv(int64(l.VAT), int64(t.Units), int64(paid), money.HalfUp)
		return money.Minor(n), money.Minor(v), err
	}
	return 0, 0, nil
}
