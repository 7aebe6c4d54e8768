package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// ProviderCall is a provider's call that could not be read and belongs to no difference yet.
type ProviderCall struct {
	Call     id.ID
	Provider string // its name
}

// callSlice is how many calls one transaction handles.
const callSlice = 50

// OwnCalls makes each call that could not be read a difference of the day on which it arrived, and settles those whose call has been read since.
func (s *Statements) OwnCalls(ctx context.Context, t access.Tenant) error {
	for n := callSlice; n == callSlice; {
		_, err := access.Through(ctx, s.c.Door, t, func(tx Tx) (Ran, error) {
			calls, err := tx.Reconciling().UnownedCalls(callSlice)
			if n = len(calls); err != nil || n == 0 {
				return Ran{}, err
			}
			z, err := zone(tx)
			for _, c := range calls {
				if err == nil {
					err = s.ownCall(tx, c, z)
				}
			}
			return Ran{}, err
		})
		if err != nil {
			return fault.Wrap(err, "list calls that could not be read as differences")
		}
	}
	_, err := access.Through(ctx, s.c.Door, t, func(tx Tx) (Ran, error) {
		read, err := tx.Reconciling().ReadItems(callSlice)
		for _, i := range read {
			err = errors.Join(err, endItem(tx, i))
		}
		return Ran{}, err
	})
	return fault.Wrap(err, "settle differences about calls that were read")
}

// ownCall makes a call a difference.
func (s *Statements) ownCall(tx Tx, u ProviderCall, z *time.Location) error {
	c, known, err := tx.Paying().Payments().CallByID(u.Call)
	if err != nil || !known || c.State != payment.CallUnreadable {
		return err
	}
	found, err := s.differenceOf(tx, c)
	if err != nil {
		return err
	}
	i, _, err := s.keep(tx, u.Provider, c.ReceivedAt.In(z).Format(time.DateOnly), counted{found, 1})
	if err != nil {
		return err
	}
	c.Difference = i.ID
	return tx.Paying().Payments().PutCall(c)
}

// differenceOf says what a call that needs a person is: one that could not be read, or one that contradicts a payment.
func (s *Statements) differenceOf(tx Tx, c payment.Call) (Difference, error) {
	d := Difference{Kind: UnreadCall, Key: c.ID.Text(id.Call), Note: c.Note, At: c.ReceivedAt}
	if c.What != payment.WhatContradicts {
		return d, nil
	}
	_, in, err := s.c.Payments.OpenCall(tx.Paying(), c.ID)
	if err != nil {
		return d, err
	}
	name, said, is := payment.Contradicted(in)
	if !is { // an address of a provider may end with that word
		return d, nil
	}
	i, broken := id.Parse(id.Payment, name)
	if broken != nil {
		return d, fmt.Errorf("call %s contradicts payment %q: %w", d.Key, name, broken)
	}
	p, found, err := tx.Paying().Payments().PaymentByID(i)
	if err != nil || !found {
		return d, err
	}
	d.Kind, d.Txn, d.Payment = Contradiction, p.Txn, p.Name()
	d.Stated, d.Paid, d.Currency = said.Minor, p.Amount.Minor, p.Amount.Currency
	return d, nil
}

// Content is a call of a provider as it arrived.
type Content struct {
	refusal.Refusal
	Item Item
	What string // the end of the address that was called
	From string // IP address of the sender
	Body string // text; bytes that are none are replaced
	Why  string // why it could not be read
}

// ShowCall returns the call of a difference (right: payment.decide). Its headers are not shown: they may prove to the server who sent it.
func (s *Statements) ShowCall(ctx context.Context, by access.Actor, item string) (Content, error) {
	if no := by.Needs(access.DecidePayments); no.Refused() {
		return Content{Refusal: no}, nil
	}
	out, err := access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (Content, error) {
		i, no, err := itemNamed(tx, item)
		if err != nil || no.Refused() {
			return Content{Refusal: no}, err
		}
		call, broken := id.Parse(id.Call, i.Key)
		if !i.Kind.aboutCall() || broken != nil { // a payer may write the name of a call as the name of a row
			return Content{Refusal: refuse.DifferenceWithoutCall(i.Name())}, nil
		}
		c, in, err := s.c.Payments.OpenCall(tx.Paying(), call)
		return Content{Item: i, What: in.What, From: in.From, Body: strings.ToValidUTF8(string(in.Body), "\uFFFD"), Why: c.Note}, err
	})
	return out, fault.Wrap(err, "show the call of difference %s", refusal.Echo(item))
}

// ReadAgain reads the call of a difference again (right: payment.decide). If the program understands it now, the difference is settled. Otherwise it
// stays open.
func (s *Statements) ReadAgain(ctx context.Context, by access.Actor, item string) (Settled, error) {
	return s.change(ctx, by, item, func(tx Tx, i Item) (Settled, error) {
		call, broken := id.Parse(id.Call, i.Key)
		switch {
		case i.Kind != UnreadCall || broken != nil:
			return Settled{Refusal: refuse.DifferenceWithoutCall(i.Name())}, nil
		case !i.Open:
			return Settled{Refusal: refuse.DifferenceSettled(i.Name())}, nil
		}
		c, no, err := s.c.Payments.ReadAgain(tx.Paying(), call)
		if err != nil || no.Refused() {
			return Settled{Refusal: no}, err
		}
		e := by.Entry("difference.read", i.Name())
		e.At, e.After = tx.Moment(), "call="+i.Key+" state="+string(c.State)
		if i.Note = cut(c.Note); c.State == payment.CallRead {
			i.Note, i.Open, i.ClosedAt, i.ClosedBy, i.Why = "", false, tx.Moment(), by.String(), readNow
		}
		if err := errors.Join(tx.AuditLog(e), tx.Reconciling().PutItem(i)); err != nil || i.Open {
			return Settled{Item: i}, err
		}
		return Settled{Item: i}, s.closed(tx, i)
	})
}

// readNow is the reason with which a difference is settled whose call was read again.
const readNow = "the call was read again"

// settledWith names the payment that an unreadable call was about. Only a payment that was confirmed shows where the money went.
func settledWith(tx Tx, i *Item, name string) (refusal.Refusal, error) {
	if name == "" {
		return refusal.Refusal{}, nil
	}
	if i.Kind != UnreadCall {
		return refuse.DifferenceWithoutCall(i.Name()), nil
	}
	n, broken := id.Parse(id.Payment, name)
	if broken != nil {
		return refuse.PaymentNotFound(refusal.Echo(name)), nil
	}
	p, found, err := tx.Paying().Payments().PaymentByID(n)
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case !found || p.Provider != i.Provider: // another provider's payment was not in this call
		return refuse.PaymentNotFound(refusal.Echo(name)), nil
	case p.ConfirmedAt.IsZero() && p.Reason != payment.OtherCurrency:
		return refuse.DifferencePaymentUnconfirmed(p.Name(), string(p.State)), nil
	}
	i.Txn, i.Payment, i.Paid, i.Currency = p.Txn, p.Name(), p.Amount.Minor, p.Amount.Currency
	return refusal.Refusal{}, nil
}

// dayIsOver reports whether a day can be compared.
func (s *Statements) dayIsOver(from time.Time) bool {
	return !s.c.Now().Before(localday.Next(from).Add(Slack))
}
