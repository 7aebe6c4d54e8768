package vending

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// orders returns the requests for the tokens of a sale. They use only stored values, so asking again gives the same digits.
func orders(s sale.Sale, a sts.Attributes, ken uint8) ([]IssueRequest, error) {
	out := make([]IssueRequest, len(s.Tokens))
	for i, t := range s.Tokens {
		amount, err := sts.EncodeTenths(t.Units.Tenths())
		if err != nil {
			return nil, fmt.Errorf("order token %s: %w", t.ID.Text(id.Token), err)
		}
		out[i] = IssueRequest{Token: t.ID, Attributes: a, KEN: ken, Simulated: s.Meter.Simulated,
			Credit: sts.Credit{SubClass: t.SubClass, RND: t.RND, TID: t.TID, Amount: amount}}
	}
	return out, nil
}

// errUnknown says that an issuer does not know whether it made a token.
var errUnknown = errors.New("the issuer does not know whether it made the token")

// refusalError says why an issuer makes no token now. Whether the refusal is final depends on who asks.
type refusalError struct{ refusal.Refusal }

func (e *refusalError) Error() string { return "the issuer makes no token now: " + e.What }

// issueAtOnce asks a local issuer for every token, inside the transaction that will store them. A token that the issuer
// withholds is a refusal, because the transaction is undone: neither the token nor its order exists, and the request may be repeated.
func issueAtOnce(ctx context.Context, issuer Issuer, orders []IssueRequest) ([]sts.Token, refusal.Refusal, error) {
	tokens, why, err := issue(ctx, issuer, orders)
	var withheld *refusalError
	if errors.As(err, &withheld) {
		return nil, withheld.Refusal, nil
	}
	return tokens, why, err
}

// issue asks for every token of a sale. A refusal comes from the issuer and is final; an error means that the order stays open.
func issue(ctx context.Context, issuer Issuer, orders []IssueRequest) ([]sts.Token, refusal.Refusal, error) {
	tokens := make([]sts.Token, len(orders))
	for i, o := range orders {
		a, err := issuer.Issue(ctx, o)
		switch {
		case err != nil:
			return nil, refusal.Refusal{}, fmt.Errorf("issue token %s: %w", o.Token.Text(id.Token), err)
		case a.Outcome == Declined:
			if !a.Refused() {
				a.Refusal = refuse.IssuerRefused()
			}
			return nil, a.Refusal, nil
		case a.Outcome == Withheld && a.Refused():
			return nil, refusal.Refusal{}, fmt.Errorf("issue token %s: %w", o.Token.Text(id.Token), &refusalError{a.Refusal})
		case a.Outcome != Made:
			return nil, refusal.Refusal{}, fmt.Errorf("issue token %s: %w", o.Token.Text(id.Token), errUnknown)
		case a.Token.Class() != o.Make.class():
			return nil, refusal.Refusal{}, fmt.Errorf("issue token %s: the issuer gave a token of class %d", o.Token.Text(id.Token), a.Token.Class())
		}
		tokens[i] = a.Token
	}
	return tokens, refusal.Refusal{}, nil
}

// finish takes a held sale to its end outside its first transaction: it asks the issuer with the stored values and completes or closes the
// sale. While the issuer does not know, or the clock is in doubt, the sale stays held, and the answer says which of the two is the cause.
func (v *Vending) finish(ctx context.Context, p purchase, held Sold) (step, error) {
	sale := held.Sale
	if doubt := v.guard.again(v.c.Now()); doubt.Refused() {
		return no(refuse.SaleWaitsForClock(sale.ID.Text(id.Vend))), nil
	}
	wanted, err := access.Look(ctx, v.c.Door, p.by.Tenant, func(tx Tx) ([]IssueRequest, error) {
		k, found, err := tx.Sold().VendKey(sale.Key)
		if err != nil || !found {
			return nil, fmt.Errorf("key of sale %s (found: %t): %w", sale.ID.Text(id.Vend), found, err)
		}
		a, err := k.Attributes(sale.Meter.Number)
		if err != nil {
			return nil, err
		}
		return orders(sale, a, k.KEN)
	})
	if err != nil {
		return step{}, err
	}
	tokens, why, err := issue(ctx, v.c.Issuer, wanted)
	if err != nil {
		v.c.Log.Warn("token not issued yet", logkey.Meter, sale.Meter.Number, logkey.VendID, sale.ID.Text(id.Vend), logkey.Err, err)
		return no(refuse.SaleWaitsForIssuer(sale.ID.Text(id.Vend))), nil
	}
	// The token exists: a client that went away meanwhile must not leave its sale open.
	ctx = context.WithoutCancel(ctx)
	s, err := v.settle(ctx, p, held, tokens, why)
	if err == nil && s.undo && s.Sold.Code == refusal.InsufficientFloat {
		// The reservation expired and the float is gone. The token that was made is never shown.
		return v.settle(ctx, p, held, nil, s.Sold.Refusal)
	}
	return s, err
}

// settle ends a held sale in one transaction. It completes the sale with its tokens, or closes it as failed with the given reason.
func (v *Vending) settle(ctx context.Context, p purchase, held Sold, tokens []sts.Token, why refusal.Refusal) (step, error) {
	sold := held.Sale
	return access.Through(ctx, v.c.Door, p.by.Tenant, func(tx Tx) (step, error) {
		p.now = tx.Moment()
		if why.Refused() {
			return v.fail(tx, p, sold, why)
		}
		// A repeated request, or Recover, may have finished the sale meanwhile.
		now, found, err := tx.VendSale(sold.ID)
		if err != nil || !found {
			return step{}, fmt.Errorf("read sale %s again (found: %t): %w", sold.ID.Text(id.Vend), found, err)
		}
		if now.State != sale.Held {
			return v.again(tx, p, sold.ID, held.Repeated)
		}
		if gone, err := unpaid(tx, now); err != nil || gone {
			if err != nil {
				return step{}, err
			}
			return v.fail(tx, p, sold, refuse.PaymentNotFree(now.Payment.Text(id.Payment))) // the token that was made is never shown
		}
		if now.Change, err = pendingChange(tx, now.Key); err != nil {
			return step{}, err
		}
		facts, err := tx.Sold().VendFacts(now)
		if err != nil {
			return step{}, err
		}
		return v.complete(tx, p, Sold{Sale: now, Repeated: held.Repeated}, facts, tokens, tx.Selling().VendComplete)
	})
}

// fail closes a reserved sale whose token was refused.
func (v *Vending) fail(tx Tx, p purchase, sold sale.Sale, why refusal.Refusal) (step, error) {
	now, found, err := tx.VendSale(sold.ID)
	if err != nil || !found {
		return step{}, fmt.Errorf("read sale %s again (found: %t): %w", sold.ID.Text(id.Vend), found, err)
	}
	if now.State == sale.Held {
		now.State, now.Failure = sale.Failed, why.Code
		if err := tx.Selling().VendFail(now); err != nil {
			return step{}, err
		}
		if !now.Seller.Hold.IsZero() {
			if _, err := tx.Vendors().HoldVoid(now.Seller.Hold); err != nil {
				return step{}, err
			}
		}
		e := p.by.Entry("vend.fail", sold.ID.Text(id.Vend))
		e.After = string(why.Code)
		if err := tx.AuditLog(e); err != nil {
			return step{}, err
		}
	} else if now.State != sale.Failed {
		return v.again(tx, p, sold.ID, false)
	}
	return v.putRefusal(tx, p, now, why)
}

// Recover finishes sales that still wait for their issuer after a crash or a lost answer, and returns how many it finished. It also ends
// reversals whose meters have answered. Asking again with the stored inputs gives the same token, so Recover may run at any time, during
// live sales and on several instances. It leaves sales younger than [ReferLife] to the request that makes them.
func (v *Vending) Recover(ctx context.Context, by access.Actor) (finished int, err error) {
	before := v.moment().Add(-ReferLife)
	var after id.ID
	for {
		waiting, look := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) ([]sale.Sale, error) { return openSales(tx, before, after) })
		if look != nil {
			return finished, errors.Join(err, fmt.Errorf("recover sales: %w", look))
		}
		for _, s := range waiting {
			after = s.ID
			done, one := v.recover(ctx, by, s)
			if one != nil {
				err = errors.Join(err, fmt.Errorf("recover sale %s: %w", s.ID.Text(id.Vend), one))
			} else if done {
				finished++
			}
		}
		if len(waiting) < maxRecover || ctx.Err() != nil {
			break
		}
	}
	if finished > 0 && v.c.Kick != nil {
		v.c.Kick()
	}
	for _, more := range []func(context.Context, access.Actor) (int, error){v.recoverJobs, v.settleReversals, v.takeLate,
		v.reclaim, v.replaceOwed} {
		n, one := more(ctx, by)
		finished, err = finished+n, errors.Join(err, one)
	}
	return finished, err
}

// maxRecover is how many sales Recover reads at a time.
const maxRecover = 100

func openSales(tx Tx, before time.Time, after id.ID) ([]sale.Sale, error) {
	ids, err := tx.Sold().VendOpen(before, after, maxRecover)
	if err != nil {
		return nil, err
	}
	out := make([]sale.Sale, len(ids))
	for n, i := range ids {
		s, found, err := tx.VendSale(i)
		if err != nil || !found {
			return nil, fmt.Errorf("read sale %s (found: %t): %w", i.Text(id.Vend), found, err)
		}
		out[n] = s
	}
	return out, nil
}

// recover finishes one sale and reports whether it did. It leaves alone a sale that is just being made.
func (v *Vending) recover(ctx context.Context, by access.Actor, s sale.Sale) (bool, error) {
	x := flight{by.Tenant, s.Vendor, s.ClientRef}
	if !v.flights.enter(x) {
		return false, nil
	}
	defer v.flights.leave(x)
	done, err := v.finish(ctx, purchase{by: by}, Sold{Sale: s})
	return err == nil && !done.undo, err
}
