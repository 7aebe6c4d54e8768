package vending

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// ReversalView is the reversal of a sale as an actor may see it.
type ReversalView struct {
	refusal.Refusal
	Reversal sale.Reversal
}

// Reversal returns the progress of the newest reversal of a sale.
func (v *Vending) Reversal(ctx context.Context, by access.Actor, sold string) (ReversalView, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return ReversalView{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (ReversalView, error) {
		i, err := sale.Named(tx.Sold(), sold)
		if err != nil {
			return ReversalView{}, err
		}
		s, found, err := tx.VendSale(i)
		if err != nil || !found || !by.Sees(s.Vendor) {
			return ReversalView{Refusal: refuse.SaleNotFound(refusal.Echo(sold))}, err
		}
		r, found, err := tx.Reversals().ReversalOf(i)
		if err == nil && !found {
			return ReversalView{Refusal: refuse.NoReversal(i.Text(id.Vend))}, nil
		}
		return ReversalView{Reversal: r}, err
	})
	return out, fault.Wrap(err, "show the reversal of sale %s", refusal.Echo(sold))
}

// settledReversal is the result of one look at a waiting reversal.
type settledReversal struct{ done bool }

// Refused is always false, because finding a reversal that must still wait is not a refusal.
func (settledReversal) Refused() bool { return false }

// settleReversals ends the reversals whose meters have answered, and returns their number. It may run at any time and on several instances.
func (v *Vending) settleReversals(ctx context.Context, by access.Actor) (settled int, err error) {
	var after id.ID
	for {
		waiting, look := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) ([]id.ID, error) { return tx.Reversals().ReversalsWaiting(after, maxRecover) })
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

// settleReversal reads the meter's answer for each token. If all are cancelled, the sale is reversed. If a token was used, or the meter
// never answered for it, the sale remains.
func (v *Vending) settleReversal(tx Tx, by access.Actor, saleID id.ID) (settledReversal, error) {
	s, _, no, err := lockSale(tx, access.Actor{}, saleID, "")
	if err != nil || no.Refused() {
		return settledReversal{}, err
	}
	r, found, err := tx.Reversals().ReversalOf(saleID)
	if err != nil || !found || r.State != sale.ReversalWaiting || s.State != sale.Reversing {
		return settledReversal{}, err
	}
	if r.Cancels, err = cancelsOf(tx, saleID); err != nil {
		return settledReversal{}, err
	}
	count := map[sale.CancelState]int{}
	for _, c := range r.Cancels {
		count[c.State]++
	}
	switch {
	case count[sale.CancelOpen] > 0:
		return settledReversal{}, nil
	case len(s.Tokens) > 0 && count[sale.CancelDone] == len(s.Tokens):
		var moved refusal.Refusal
		if moved, err = mirrorFits(tx, s, r.Shift); err == nil && moved.Refused() {
			err = v.stand(tx, s, r, refusal.NotReversible) // cash went to the bank before the meter answered
		} else if err == nil {
			_, _, err = v.giveBack(tx, s, r, true)
		}
	case count[sale.CancelUsed] > 0:
		err = v.stand(tx, s, r, refusal.NotReversible)
	default:
		err = v.stand(tx, s, r, refusal.MeterOffline)
	}
	if err != nil {
		return settledReversal{}, err
	}
	e := by.Entry("vend.reverse.settle", saleID.Text(id.Vend))
	e.After = fmt.Sprintf("done=%d used=%d never=%d", count[sale.CancelDone], count[sale.CancelUsed], count[sale.CancelNever])
	return settledReversal{done: true}, tx.AuditLog(e)
}

// stand ends a reversal that the meter did not allow; the sale remains. If the meter cancelled some of the tokens, the customer is still
// owed the units of these tokens.
func (v *Vending) stand(tx Tx, s sale.Sale, r sale.Reversal, why refusal.Code) error {
	for _, c := range r.Cancels {
		if err := takeAnswer(tx, c); err != nil {
			return err
		}
	}
	r.State, r.Failure, r.SettledAt = sale.ReversalRefused, why, v.moment()
	if err := tx.Reversals().PutReversal(r); err != nil {
		return err
	}
	return tx.Reversals().SetSaleState(s.ID, sale.Reversing, sale.Completed)
}

// takeAnswer records what a meter's answer about a token means for a sale that was not reversed.
func takeAnswer(tx Tx, c sale.Cancel) error {
	switch c.State {
	case sale.CancelUsed:
		return errors.Join(tx.Reversals().TokenMoved(c.Token, metering.MoveUsed), tx.Cancelling().CancelTake(c.Token, sale.TakenUsed))
	case sale.CancelDone:
		return errors.Join(tx.Reversals().TokenMoved(c.Token, metering.MoveCancelled), tx.Cancelling().CancelTake(c.Token, sale.TakenOwed))
	}
	return tx.Cancelling().CancelTake(c.Token, sale.TakenNever)
}

// reclaim looks for tokens that were used although their sale was reversed. The meter had not confirmed that they were cancelled
// (docs/reference/money.md#reversals). The customer got both the money and the units, so reclaim claims back the value of each token.
func (v *Vending) reclaim(ctx context.Context, by access.Actor) (int, error) {
	used, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) ([]sale.Token, error) { return tx.Reversals().ReversedUsed(maxRecover) })
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

func (v *Vending) reclaimToken(tx Tx, by access.Actor, t sale.Token) (settledReversal, error) {
	s, _, no, err := lockSale(tx, access.Actor{}, t.Sale, "")
	if err != nil || no.Refused() {
		return settledReversal{}, err
	}
	for _, now := range s.Tokens {
		if now.ID != t.ID {
			continue
		}
		out, err := v.reclaimFrom(tx, by, s, now)
		if err == nil && out.done {
			err = tellUnconfirmed(tx, s)
		}
		return out, err
	}
	return settledReversal{}, nil
}

// reclaimFrom claims back the value of a token of a reversed sale. Its units count in the sale's month again, so that the account returns
// to its position in the blocks.
func (v *Vending) reclaimFrom(tx Tx, by access.Actor, s sale.Sale, t sale.Token) (settledReversal, error) {
	if t.State != sale.TokenReversedUnconfirmed {
		return settledReversal{}, nil // another instance was quicker
	}
	if err := tx.Reversals().TokenMoved(t.ID, metering.MoveReclaimed); err != nil {
		return settledReversal{}, err
	}
	var free unit.Energy
	if s.CarriesFree(t) {
		free = t.Units
		if err := v.fundAgain(tx, s, t); err != nil {
			return settledReversal{}, err
		}
	}
	if err := tx.Reversals().MonthTakes(s.Account, s.Month, t.Units, free); err != nil {
		return settledReversal{}, err
	}
	lines, err := valueOf(s, t)
	if err != nil {
		return settledReversal{}, err
	}
	after := fmt.Sprintf("token=%s units_wh=%d", t.ID.Text(id.Token), t.Units)
	if len(lines) > 0 {
		d, err := v.raiseReclaim(tx, s, t, lines)
		if err != nil {
			return settledReversal{}, err
		}
		after += fmt.Sprintf(" debt=%s amount=%d", d.Name(), d.Principal)
	}
	e := by.Entry("vend.reclaim", s.ID.Text(id.Vend))
	e.After = after
	return settledReversal{done: true}, tx.AuditLog(e)
}

// fundAgain handles free units that were used although their sale was reversed. It books the amount that the programme owes for them (P10
// of docs/reference/postings.md). The programme pays for an account's free units once a month. So nothing is booked if a later sale has
// issued the free units of that month again.
func (v *Vending) fundAgain(tx Tx, s sale.Sale, t sale.Token) error {
	month, err := tx.Debts().VendMonth(s.Account, s.Month)
	if err != nil || month.FreeClaimed {
		return err
	}
	var e ledger.SaleEntry
	s.Free = t.Units
	if err := fund(tx, s, &e); err != nil || len(e.Funding) == 0 {
		return err
	}
	_, err = ledger.Enter(tx.Books(), ledger.Journal{Kind: ledger.Raised, Ref: t.ID.Text(id.Token), Memo: s.Memo(), PostedAt: v.moment(), Postings: e.Funding})
	return err
}

// raiseReclaim raises the debt for a token that was used after its sale had been reversed. The principal is the sum of the credits in
// lines.
func (v *Vending) raiseReclaim(tx Tx, s sale.Sale, t sale.Token, lines []ledger.Posting) (debt.Debt, error) {
	d := debt.Debt{Account: s.Account, Kind: "reversed sale", Memo: "token " + t.ID.Text(id.Token) + " was used",
		Mode: tariff.Full, Priority: reclaimPriority, Capped: true, Against: "energy", CreatedAt: v.moment()}
	for _, l := range lines {
		d.Principal -= l.Amount
	}
	return debt.Raise(tx.Debts(), d, s.Memo(), lines...)
}

// reclaimPriority is the priority of a debt for a used token in the allocation. It is the same as that of other debts.
const reclaimPriority = 30

// valueOf returns the price of the units of a token, as credits: its share of the energy, of the levies on it and of the tax. Each share is
// the amount for all units up to the end of this token, less the amount for the units before it, both rounded half up. So the
// shares of all tokens of a sale add up to exactly its amounts.
func valueOf(s sale.Sale, t sale.Token) ([]ledger.Posting, error) {
	var before, paid unit.Energy
	for _, o := range s.Tokens {
		if s.CarriesFree(o) {
			continue
		}
		if o.ID == t.ID {
			before = paid
		}
		paid += o.Units
	}
	if s.CarriesFree(t) {
		return nil, nil
	}
	var out []ledger.Posting
	var vat money.Minor
	for _, l := range s.Lines {
		if l.Kind != sale.LineEnergy && l.Kind != sale.LineLevy {
			continue
		}
		net, err := shareOf(l.Amount, before, t.Units, paid)
		if err != nil {
			return nil, err
		}
		if l.Kind == sale.LineLevy {
			out = append(out, credit(ledger.LevyPayable, l.Ref, net))
			continue
		}
		if vat, err = shareOf(l.VAT, before, t.Units, paid); err != nil {
			return nil, err
		}
		out = append(out, credit(ledger.RevenueEnergy, "", net))
	}
	out = append(out, credit(ledger.VATPayable, "", vat))
	return slices.DeleteFunc(out, func(p ledger.Posting) bool { return p.Amount == 0 }), nil
}

// shareOf divides an amount over all units of a sale, and returns the part for some of the units. The parameter before is the number of
// units that come before them.
func shareOf(amount money.Minor, before, units, all unit.Energy) (money.Minor, error) {
	to, err := money.MulDiv(int64(amount), int64(before+units), int64(all), money.HalfUp)
	if err != nil {
		return 0, err
	}
	from, err := money.MulDiv(int64(amount), int64(before), int64(all), money.HalfUp)
	return money.Minor(to - from), err
}
