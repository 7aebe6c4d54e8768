package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// MovingIn is a customer who moves in where another has moved out.
type MovingIn struct {
	Tariff     string // name or identity of a tariff
	Customer   *NewCustomer
	CustomerID string // identity of an existing customer, instead of Customer
	Reason     string
}

// MoveIn opens an account for the customer at the place of a meter whose last customer has moved out (right: customer.write).
// Nobody pays for use between the two accounts. The supply comes on with the first payment.
func (r *Registry) MoveIn(ctx context.Context, by access.Actor, ref string, in MovingIn) (MeterView, error) {
	if no := by.Needs(access.WriteCustomers); no.Refused() {
		return MeterView{Refusal: no}, nil
	}
	at, no := ParseRef(ref)
	if no.Refused() {
		return MeterView{Refusal: NoMeter(ref)}, nil
	}
	var d draft
	n := NewMeter{Tariff: in.Tariff, Customer: in.Customer, CustomerID: in.CustomerID}
	for _, step := range [...]func(*draft) refusal.Refusal{n.checkPlace, n.checkCustomer} {
		if no := step(&d); no.Refused() {
			return MeterView{Refusal: no}, nil
		}
	}
	if strings.TrimSpace(in.Reason) == "" || !text(in.Reason, maxReason) {
		return MeterView{Refusal: refuse.ChangeWithoutReason(maxReason)}, nil
	}
	row, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (addedRow, error) { return r.moveIn(tx, by, at, ref, d, in.Reason) })
	if err != nil {
		return MeterView{}, fmt.Errorf("move in at meter %s: %w", ref, err)
	}
	if row.Refused() {
		return MeterView{Refusal: row.Refusal}, nil
	}
	return r.shown(by, row.rec), nil
}

// moveIn does the work of MoveIn in one transaction.
func (r *Registry) moveIn(tx Tx, by access.Actor, at Ref, ref string, d draft, reason string) (addedRow, error) {
	m, found, err := ResolveMeter(tx, at)
	if err != nil || !found {
		return addedRow{Refusal: NoMeter(ref)}, err
	}
	point, free, err := tx.Customers().FreePlace(m.N)
	if err != nil {
		return addedRow{}, err
	}
	switch {
	case m.Mode != PrepayWallet:
		return addedRow{Refusal: refuse.MoveInWithoutWallet(m.Number, string(m.Mode))}, nil
	case !free:
		return addedRow{Refusal: refuse.MeterNotVacant(m.Number)}, nil
	}
	d.meter = m
	if no, err := r.newcomer(tx, &d); err != nil || no.Refused() {
		return addedRow{Refusal: no}, err
	}
	now := r.c.Now()
	if d.newCustomer {
		d.customer.CreatedAt = now
		if err := tx.Customers().AddCustomerRow(d.customer); err != nil {
			return addedRow{}, err
		}
	}
	d.account.Mode, d.account.Status, d.account.OpenedAt = m.Mode, "active", now
	d.account.Customer, d.account.Point = d.customer.ID, point
	if d.account.ID, err = tx.NewID(); err != nil {
		return addedRow{}, err
	}
	if err := tx.Customers().AddAccount(d.account); err != nil {
		return addedRow{}, err
	}
	if err := tx.Customers().OccupyMeter(m, d.account.ID); err != nil {
		return addedRow{}, err
	}
	e := by.Entry("account.move-in", d.account.ID.Text(id.Account))
	e.Before, e.After, e.Reason = "account="+m.Account.Text(id.Account), fmt.Sprintf("meter=%s customer=%s", m.Number, d.customer.ID.Text(id.Customer)), reason
	if err := tx.AuditLog(e); err != nil {
		return addedRow{}, err
	}
	rec, found, err := tx.MeterRecord(m.ID)
	if err == nil && !found {
		err = errors.New("the meter just written cannot be read")
	}
	return addedRow{rec: rec}, err
}

// newcomer finds the tariff and the customer of a new account.
func (r *Registry) newcomer(tx Tx, d *draft) (no refusal.Refusal, err error) {
	if d.account.Tariff, no, err = findTariff(tx, d.tariff, refusal.TariffMissing); err != nil || no.Refused() {
		return no, err
	}
	return payer(tx, d)
}

// payer finds the customer of a new account, or gives a new customer an identity.
func payer(tx Tx, d *draft) (no refusal.Refusal, err error) {
	named := d.customer.ID
	if d.newCustomer = named.IsZero(); d.newCustomer {
		d.customer.ID, err = tx.NewID()
		return no, err
	}
	var found bool
	if d.customer, found, err = tx.Customers().CustomerByID(named); err == nil && !found {
		no = refuse.AccountOfUnknownCustomer(named.Text(id.Customer))
	}
	return no, err
}
