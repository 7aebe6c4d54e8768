package registry

import (
	"context"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// phoneSigns removes what people write between the digits of a telephone number.
var phoneSigns = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "/", "")

// DialForm returns the form in which telephone numbers are compared: "+" and digits. Two leading zeros become a "+". A short
// code, and a number without its country code, stay digits and match only the same digits. Any other text is a sender's name,
// and stays unchanged.
func DialForm(phone string) string {
	bare := phoneSigns.Replace(phone)
	if rest, ok := strings.CutPrefix(bare, "00"); ok && len(rest) > shortCode {
		bare = "+" + rest
	}
	if digits := strings.TrimPrefix(bare, "+"); digits == "" || strings.Trim(digits, "0123456789") != "" {
		return strings.TrimSpace(phone)
	}
	if len(bare) > shortCode && bare[0] != '+' && bare[0] != '0' {
		bare = "+" + bare // the number has its country code, but no sign
	}
	return bare
}

// shortCode is the largest number of digits in a short code. Longer numbers belong to subscribers.
const shortCode = 6

// simOf returns the number of a meter's SIM in the form of incoming messages; an empty text stays empty.
func simOf(text string) (string, bool) {
	p, ok := phoneOf(text)
	if !ok || p == "" {
		return "", ok
	}
	p = DialForm(p)
	return p, p[0] == '+'
}

// simFree refuses a number that another meter's SIM has, because the server uses the number to find the meter that sent an answer.
func simFree(tx Tx, sim string, of id.ID) (refusal.Refusal, error) {
	if sim == "" {
		return refusal.Refusal{}, nil
	}
	m, found, err := tx.MeterBySIM(sim)
	if err != nil || !found || m.ID == of {
		return refusal.Refusal{}, err
	}
	return refuse.SimInAnotherMeter(sim, m.Number), nil
}

// SetSIM registers the number of the SIM in a meter's modem, or removes it if sim is empty (right: meter.write).
func (r *Registry) SetSIM(ctx context.Context, by access.Actor, meter, sim string) (MeterView, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return MeterView{Refusal: no}, nil
	}
	ref, no := ParseRef(meter)
	if no.Refused() {
		return MeterView{Refusal: no}, nil
	}
	number, ok := simOf(sim)
	if !ok {
		return MeterView{Refusal: refuse.SimPhoneInvalid()}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (addedRow, error) {
		m, found, err := ResolveMeter(tx, ref)
		if err != nil || !found {
			return addedRow{Refusal: NoMeter(meter)}, err
		}
		if _, _, err := tx.Numbers().LockNumberChange(SIMOwner(m.N)); err != nil {
			return addedRow{}, err
		}
		if m, _, err = tx.MeterByID(m.ID); err != nil { // as the meter is under the lock
			return addedRow{}, err
		}
		if m.Status.IsGone() {
			return addedRow{Refusal: refuse.ChangeOfGoneMeter(m.Number, string(m.Status))}, nil
		}
		if no, err := simFree(tx, number, m.ID); err != nil || no.Refused() {
			return addedRow{Refusal: no}, err
		}
		if err := tx.SetSIM(m.ID, number); err != nil {
			return addedRow{}, err
		}
		held, err := r.noteNumber(tx, by, SIMOwner(m.N), numberStep{was: m.SIM, next: number}, NumberNotice{Meter: m.Number})
		if err != nil {
			return addedRow{}, err
		}
		e := by.Entry("meter.sim", m.ID.Text(id.Meter))
		e.Before, e.After = m.SIM, number+held
		if err := tx.AuditLog(e); err != nil {
			return addedRow{}, err
		}
		rec, _, err := tx.MeterRecord(m.ID)
		return addedRow{rec: rec}, err
	})
	if err != nil {
		return MeterView{}, fmt.Errorf("set the SIM of meter %s: %w", ref.Number, err)
	}
	if out.Refused() {
		return MeterView{Refusal: out.Refusal}, nil
	}
	return r.shown(by, foundRow{rec: out.rec}), nil
}

// CustomerChange holds the changes of a customer; a nil field changes nothing.
type CustomerChange struct {
	Name, Phone, IDNo, Lang *string
	Notices                 *bool // whether the customer wants warnings; false has the same effect as STOP
	// EraseName takes the name away, also from copies of earlier papers. An empty Name alone is refused: it may be a slip, and nobody can bring
	// the name back.
	EraseName bool
}

// checkName refuses to take a name away unless the request says that it erases it.
func (c CustomerChange) checkName(was string) refusal.Refusal {
	given := c.Name != nil && strings.TrimSpace(*c.Name) != ""
	switch {
	case c.EraseName && given:
		return refuse.NameErasureWithName()
	case c.Name != nil && !given && !c.EraseName && was != "":
		return refuse.NameErasureUnstated()
	}
	return refusal.Refusal{}
}

// ChangeCustomer changes a customer (right: customer.write).
func (r *Registry) ChangeCustomer(ctx context.Context, by access.Actor, customer string, c CustomerChange) (AddedCustomer, error) {
	if no := by.Needs(access.WriteCustomers); no.Refused() {
		return AddedCustomer{Refusal: no}, nil
	}
	i, err := id.Parse(id.Customer, customer)
	if err != nil {
		return AddedCustomer{Refusal: refuse.CustomerNotFound(refusal.Echo(customer))}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (AddedCustomer, error) {
		if _, _, err := tx.Numbers().LockNumberChange(PhoneOwner(i)); err != nil {
			return AddedCustomer{}, err
		}
		was, found, err := tx.Customers().CustomerByID(i) // as the customer is under the lock
		if err != nil || !found {
			return AddedCustomer{Refusal: refuse.CustomerNotFound(refusal.Echo(customer))}, err
		}
		if no := c.checkName(was.Name); no.Refused() {
			return AddedCustomer{Refusal: no}, nil
		}
		n := NewCustomer{Name: was.Name, Phone: was.Phone, IDNo: was.IDNo, Lang: was.Lang}
		set(&n.Name, c.Name)
		if c.EraseName {
			n.Name = ""
		}
		set(&n.Phone, c.Phone)
		set(&n.IDNo, c.IDNo)
		set(&n.Lang, c.Lang)
		next, no := n.check()
		if no.Refused() {
			return AddedCustomer{Refusal: no}, nil
		}
		next.ID, next.CreatedAt, next.Stopped = was.ID, was.CreatedAt, was.Stopped
		if c.Notices != nil {
			next.Stopped = !*c.Notices
		}
		written, err := tx.Numbers().NumberWritten(was.ID)
		if err != nil {
			return AddedCustomer{}, err
		}
		held, err := r.noteNumber(tx, by, PhoneOwner(was.ID), numberStep{was: was.Phone, next: next.Phone, replaces: !written}, NumberNotice{Phone: was.Phone, Lang: was.Lang})
		if err != nil {
			return AddedCustomer{}, err
		}
		if err := tx.Customers().CustomerPut(next); err != nil {
			return AddedCustomer{}, err
		}
		e := by.Entry("customer.change", i.Text(id.Customer)) // by this text, papers find when the customer was changed
		e.Before, e.After = was.summary(), next.summary()+held
		if was.Name != "" && next.Name == "" {
			e.After += " name erased"
		}
		return AddedCustomer{Customer: next}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "change customer %s", customer)
}

// summary returns the data of a customer for the audit log. The name and the number are personal, so it only says whether they
// are set.
func (c Customer) summary() string {
	return fmt.Sprintf("name=%t phone=%t id_no=%t lang=%s notices=%t", c.Name != "", c.Phone != "", c.IDNo != "", c.Lang, !c.Stopped)
}
