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
	"github.com/paywatt/paywatt/unit"
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
			return ReversalShown{Refusal: refusal.Because(refusal.NotFound, "Nobody has asked to reverse this sale.", "It stands as it is.", "POST to the same path asks.")}, nil
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
		var moved refusal.Refusal
		if moved, err = mirrorFits(tx, s); err == nil && moved.Refused() {
			err = v.stand(tx, s, r, refusal.NotReversible) // cash went to the bank while the meter thought
		} else if err == nil {
			_, _, err = v.giveBack(tx, s, r, true)
		}
	case count[CancelUsed] > 0:
		err = v.stand(tx, s, r, refusal.NotReversible)
	default:
		err = v.stand(tx, s, r, refusal.MeterOffline)
	}
	if err != nil {
		return settledReversal{}, err
	}
	e := by.Entry("vend.reverse.settle", sale.Text(id.Vend))
	e.After = fmt.Sprintf("done=%d used=%d never=%d", count[CancelDone], count[CancelUsed], count[CancelNever])
	return settledReversal{done: true}, tx.AuditLog(e)
}

// stand ends a reversal that the meter did not allow: the sale stands. What it has cancelled all the same is owed.
func (v *Vending) stand(tx Tx, s Sale, r Reversal, why refusal.Code) error {
	for _, c := range r.Cancels {
		if err := takeAnswer(tx, c); err != nil {
			return err
		}
	}
	r.State, r.Failure, r.SettledAt = ReversalRefused, why, v.moment()
	if err := tx.PutReversal(r); err != nil {
		return err
	}
	return tx.VendTurn(s.ID, Reversing, Completed)
}

// takeAnswer draws from a meter's answer about a token what it means while the sale stands.
func takeAnswer(tx Tx, c Cancel) error {
	state, taken := TokenState(""), TakenNever
	switch c.State {
	case CancelUsed:
		state, taken = TokenAccepted, TakenUsed
	case CancelDone:
		state, taken = TokenReversed, TakenOwed
	}
	if state != "" {
		if err := tx.TokenTurn(c.Token, state); err != nil {
			return err
		}
	}
	return tx.CancelTake(c.Token, taken)
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
		if now.ID == t.ID {
			return v.reclaimFrom(tx, by, s, now)
		}
	}
	return settledReversal{}, nil
}

// reclaimFrom claims the value of a token of a reversed sale back. Its units count in the sale's month again, so that
// the account stands where it stood in the blocks.
func (v *Vending) reclaimFrom(tx Tx, by access.Actor, s Sale, t Token) (settledReversal, error) {
	if t.State != TokenReversedUnconfirmed {
		return settledReversal{}, nil // another instance was quicker
	}
	if err := tx.TokenTurn(t.ID, TokenAccepted); err != nil {
		return settledReversal{}, err
	}
	var free unit.Energy
	if s.isFree(t) {
		free = t.Units
	}
	if err := tx.MonthTakes(s.Account, s.Month, t.Units, free); err != nil {
		return settledReversal{}, err
	}
	net, vat, err := valueOf(s, t)
	if err != nil {
		return settledReversal{}, err
	}
	after := fmt.Sprintf("token=%s units_wh=%d", t.ID.Text(id.Token), t.Units)
	if net+vat > 0 {
		name, err := v.raiseReclaim(tx, s, t, net, vat)
		if err != nil {
			return settledReversal{}, err
		}
		after += fmt.Sprintf(" debt=%s amount=%d", name, net+vat)
	}
	e := by.Entry("vend.reclaim", s.ID.Text(id.Vend))
	e.After = after
	return settledReversal{done: true}, tx.AuditLog(e)
}

// raiseReclaim raises the debt for a token that was used after its sale had been reversed, and names it.
func (v *Vending) raiseReclaim(tx Tx, s Sale, t Token, net, vat money.Minor) (name string, err error) {
	d := Debt{Account: s.Account, Kind: "reversed sale", Memo: "token " + t.ID.Text(id.Token) + " was used", Principal: net + vat, Outstanding: net + vat,
		Mode: tariff.Full, Priority: reclaimPriority, Capped: true, Against: "energy", CreatedAt: v.moment(), Status: "open"}
	if d.ID, err = tx.NewID(); err != nil {
		return "", err
	}
	if err := tx.DebtAdd(d); err != nil {
		return "", err
	}
	j := ledger.Journal{Kind: ledger.Raised, Ref: d.Name(), PostedAt: d.CreatedAt, Memo: memoOf(s), Postings: []ledger.Posting{
		{Account: ledger.AccountRef{Code: ledger.Debt, Subject: DebtSubject(s.Account, d.Name())}, Amount: net + vat},
		credit(ledger.RevenueEnergy, "", net)}}
	if vat > 0 {
		j.Postings = append(j.Postings, credit(ledger.VATPayable, "", vat))
	}
	if j.ID, err = tx.NewID(); err != nil {
		return "", err
	}
	breach, err := tx.Post(j)
	if err == nil && breach.Refused() {
		err = breachOf(j, breach)
	}
	return d.Name(), err
}

// reclaimPriority is the place of such a debt in the allocation: that of other debts.
const reclaimPriority = 30

// valueOf is what the units of a token were sold for, as their share of the energy and its tax; rounding half up.
func valueOf(s Sale, t Token) (net, vat money.Minor, err error) {
	paid := s.Units - s.Free
	if s.isFree(t) {
		return 0, 0, nil
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
