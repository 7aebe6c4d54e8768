package registry

import (
	"context"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// TakeBackTx is the part of a transaction that takes back registrations.
type TakeBackTx interface {
	// MeterUsed reports whether anything happened at a meter since its registration: it was heard, something was sold to it, a token was made
	// for it, it was replaced or replaced another one, money moved on its account, somebody moved out, or a charge was taken over from its account or by it. A charge
	// is in no journal before it is paid, so nobody would owe it any more if such a meter were removed.
	MeterUsed(m Meter) (bool, error)
	// RemoveMeter takes a meter out of all lists: it frees its number and its SIM, ends its logins and closes its account.
	RemoveMeter(m Meter) error
	// CustomerBusy reports whether a customer has or had an account, other than one that was closed because its meter was removed. Somebody who moved
	// out may owe, and a customer who is in no list can be registered anew without the debt.
	CustomerBusy(customer id.ID) (bool, error)
	// RemoveCustomer takes a customer out of all lists.
	RemoveCustomer(customer id.ID) error
}

// AddCustomer registers a customer without a meter (right: customer.write).
func (r *Registry) AddCustomer(ctx context.Context, by access.Actor, n NewCustomer) (AddedCustomer, error) {
	if no := by.Needs(access.WriteCustomers); no.Refused() {
		return AddedCustomer{Refusal: no}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (AddedCustomer, error) { return r.RegisterCustomer(tx, by, n) })
	return out, fault.Wrap(err, "add a customer")
}

// RegisterCustomer registers a customer without a meter, in a transaction of the caller, which has checked the right customer.write.
func (r *Registry) RegisterCustomer(tx Tx, by access.Actor, n NewCustomer) (AddedCustomer, error) {
	c, no := n.check()
	if no.Refused() {
		return AddedCustomer{Refusal: no}, nil
	}
	if strings.TrimSpace(c.Name+c.Phone) == "" {
		return AddedCustomer{Refusal: refuse.CustomerWithoutData()}, nil
	}
	var err error
	if c.ID, err = tx.NewID(); err != nil {
		return AddedCustomer{}, err
	}
	c.CreatedAt = r.moment()
	if err := tx.Customers().AddCustomerRow(c); err != nil {
		return AddedCustomer{}, err
	}
	e := by.Entry("customer.add", c.ID.Text(id.Customer))
	e.After = c.summary()
	return AddedCustomer{Customer: c}, tx.AuditLog(e)
}

// TakeBackMeter undoes the registration of a meter at which nothing happened since, with the customer that it was registered for, unless the
// customer has another meter. The caller has checked the right meter.write. The rows stay, so that the log can be verified, and no list has
// them.
func (r *Registry) TakeBackMeter(tx Tx, back TakeBackTx, by access.Actor, meter id.ID) (refusal.Refusal, error) {
	rec, found, err := tx.MeterRecord(meter)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if !found || rec.Meter.Status == Removed && rec.Meter.Account.IsZero() {
		return refuse.MeterNotFound(meter.Text(id.Meter)), nil
	}
	used, err := back.MeterUsed(rec.Meter)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if used || rec.Meter.Status.IsGone() {
		return rec.RefuseTakeBack(), nil
	}
	if err := back.RemoveMeter(rec.Meter); err != nil {
		return refusal.Refusal{}, err
	}
	e := by.Entry("meter.remove", meter.Text(id.Meter))
	e.Before = "number=" + rec.Meter.Number
	if err := tx.AuditLog(e); err != nil || rec.Customer.ID.IsZero() {
		return refusal.Refusal{}, err
	}
	no, err := r.TakeBackCustomer(tx, back, by, rec.Customer.ID)
	if no.Code == refusal.RowUsed {
		no = refusal.Refusal{}
	}
	return no, err
}

// RefuseTakeBack refuses to undo the registration of a meter that was used. Only the customer of a prepaid meter can move out instead, and nobody
// does if nobody lives there or the meter has left.
func (rec MeterRecord) RefuseTakeBack() refusal.Refusal {
	if rec.Meter.Mode == Postpay || rec.Customer.ID.IsZero() {
		return refuse.MeterUsedSinceStays(rec.Meter.Number)
	}
	return refuse.MeterUsedSince(rec.Meter.Number)
}

// TakeBackCustomer undoes the registration of a customer who never had an account of a meter that is still there. The caller has checked the right customer.write.
func (r *Registry) TakeBackCustomer(tx Tx, back TakeBackTx, by access.Actor, customer id.ID) (refusal.Refusal, error) {
	busy, err := back.CustomerBusy(customer)
	if err != nil {
		return refusal.Refusal{}, err
	}
	name := customer.Text(id.Customer)
	if busy {
		return refuse.CustomerUsedSince(name), nil
	}
	if err := back.RemoveCustomer(customer); err != nil {
		return refusal.Refusal{}, err
	}
	return refusal.Refusal{}, tx.AuditLog(by.Entry("customer.remove", name))
}
