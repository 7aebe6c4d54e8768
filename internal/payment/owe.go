package payment

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sale"
)

// kindOwe makes the customer owe what the provider took back after a sale had used the payment.
const kindOwe = "owe"

// usedBack records that a provider took back money that a sale has used. If the provider itself confirmed it, the customer will owe it. Otherwise,
// and for a payment that an earlier version recorded, a person must decide.
func usedBack(tx Tx, p *Payment, back money.Minor, sure bool) error {
	if known := p.Reason == GivenBack || p.Reason == PartBack; !known {
		p.BackAt = tx.Moment()
	} else if p.BackAt.IsZero() {
		return nil
	}
	if !sure || back <= p.Back {
		return nil
	}
	p.Back = back
	return enqueueFor(tx, *p, kindOwe)
}

// owe makes the customer owe what the provider took back of a payment (P31 of docs/reference/postings.md). It locks the account before the payment,
// as a sale does.
func (w Worker) owe(ctx context.Context, t access.Tenant, payment id.ID) (job.Verdict, error) {
	var s sale.Sale
	p, err := access.Look(ctx, w.ps.c.Door, t, func(tx Tx) (Payment, error) {
		p, found, err := tx.Payments().PaymentByID(payment)
		if err == nil && found && p.State == Applied {
			s, _, err = tx.VendSale(p.Sale)
		}
		return p, err
	})
	if err != nil || p.State != Applied || p.Owed >= p.Back {
		return job.Done(), err
	}
	if s.ID.IsZero() {
		return job.Done(), fmt.Errorf("payment %s has no sale", p.Name())
	}
	return w.do(ctx, t, func(tx Tx) (job.Verdict, error) {
		if _, found, err := tx.Debts().AccountPlace(debt.AccountName{ID: s.Account}); err != nil || !found {
			return job.Done(), err
		}
		p, found, err := tx.Payments().PaymentByID(payment)
		if err != nil || !found || p.State != Applied || p.Sale != s.ID || p.Owed >= p.Back {
			return job.Done(), err
		}
		return job.Done(), oweBack(tx, p, s)
	})
}

// oweBack books what the customer does not owe yet, and tells the customer.
func oweBack(tx Tx, p Payment, s sale.Sale) error {
	b := debt.PaymentBack{Account: s.Account, Provider: p.Provider, Payment: p.Name(), Txn: p.Txn, Amount: p.Back - p.Owed, At: tx.Moment()}
	if a := s.Advance(); a != 0 {
		to, err := money.MulDiv(int64(a), int64(p.Back), int64(p.Amount.Minor), money.HalfUp)
		if err != nil {
			return err
		}
		from, err := money.MulDiv(int64(a), int64(p.Owed), int64(p.Amount.Minor), money.HalfUp)
		if err != nil {
			return err
		}
		b.Advance = money.Minor(to - from)
	}
	booked, err := debt.OweBack(tx.Debts(), b)
	if err != nil || !booked {
		return err
	}
	p.Owed = p.Back
	if err := note(tx, p, "payment.owe", tx.Payments().PutPayment(p)); err != nil {
		return err
	}
	return notify.NotifyPaymentBack(tx.Messages(), s, money.Amount{Minor: p.Back, Currency: p.Amount.Currency}, tx.Moment())
}

// oweLate orders the work about payments of which a part was taken back while their sale was under way.
func (w Worker) oweLate(ctx context.Context, t access.Tenant) error {
	_, err := access.Through(ctx, w.ps.c.Door, t, func(tx Tx) (done, error) {
		late, err := tx.Payments().BackUnowed(rematched)
		for _, p := range late {
			if err == nil {
				err = enqueueFor(tx, p, kindOwe)
			}
		}
		return done{}, err
	})
	return fault.Wrap(err, "look for payments that customers do not owe yet")
}
