package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// NumberHold is how long tokens wait for a telephone number that was changed, unless a second person confirms it. Whoever changes a
// number could otherwise receive what somebody else paid for, before the customer notices. Payments that are made meanwhile wait for a person.
const NumberHold = 24 * time.Hour

// NumberChange is the last change of a customer's telephone number, or of the number of the SIM in a meter.
type NumberChange struct {
	Owner     string // see PhoneOwner and SIMOwner
	By        string // name of the actor who changed it
	Self      id.ID  // the person behind that actor; zero if unknown
	At        time.Time
	HeldUntil time.Time // tokens for the number wait until then
}

// PhoneOwner and SIMOwner name the owner of a number in a NumberChange: a customer, or a meter by its dense number.
func PhoneOwner(customer id.ID) string { return customer.Text(id.Customer) }

// SIMOwner names a meter as the owner of its SIM's number.
func SIMOwner(meter int64) string { return meterOwns + strconv.FormatInt(meter, 10) }

const meterOwns = "meter "

// ReadSIMOwner returns the dense number of the meter whose SIM has the number of an owner; false if the owner is no meter.
func ReadSIMOwner(owner string) (meter int64, ok bool) {
	text, ok := strings.CutPrefix(owner, meterOwns)
	meter, err := strconv.ParseInt(text, 10, 64)
	return meter, ok && err == nil
}

// NumberTx is the part of a transaction that changes of telephone numbers need.
type NumberTx interface {
	// LockNumberChange returns the last change of an owner's number; found is false if the number was never changed. Other transactions that change
	// or confirm the number wait: two requests at once would otherwise let a person confirm the own change.
	LockNumberChange(owner string) (c NumberChange, found bool, err error)
	PutNumberChange(NumberChange) error
	// HoldFormer stores that a customer gave a number up. Until then it decides for no other customer who has it: whoever takes the number of one
	// customer and gives it to another would get what is paid for the first.
	HoldFormer(owner, number string, until time.Time) error
	// ReleaseNumber makes the waiting tokens of an owner's number due, and ends the holds of the numbers that the owner gave up.
	ReleaseNumber(owner string) error
	// NumberWritten reports whether the server wrote a customer's telephone number and its hold as they are.
	NumberWritten(customer id.ID) (bool, error)
	// TellNumberChange puts the notice about a change into the outbox.
	TellNumberChange(body []byte) error
}

// NumberNotice is the notice that a number was changed.
type NumberNotice struct {
	Phone   string `json:"phone"` // the old number; empty: the telephone of the customer whom the meter supplies
	Meter   string `json:"meter,omitempty"`
	Lang    string `json:"lang,omitempty"`
	Utility string `json:"utility,omitempty"`
	Contact string `json:"contact,omitempty"`
}

// numberStep is a step from one number to another.
type numberStep struct {
	was, next string
	replaces  bool // there was another number earlier, or somebody changed the number outside the server
}

// mustWait reports whether tokens for the new number must wait: it replaces another number, now or earlier. The first number does not wait.
func (s numberStep) mustWait() bool {
	return DialForm(s.was) != DialForm(s.next) && (s.was != "" || s.replaces)
}

// noteNumber records a change of a number, and tells the old number or, about a SIM, the customer. It returns words for the audit log.
func (r *Registry) noteNumber(tx Tx, by access.Actor, owner string, s numberStep, n NumberNotice) (string, error) {
	_, before, err := tx.Numbers().LockNumberChange(owner)
	s.replaces = s.replaces || before
	if err != nil || !s.mustWait() {
		return "", err
	}
	now := r.c.Now()
	c := NumberChange{Owner: owner, By: by.String(), Self: access.Self(by), At: now, HeldUntil: now.Add(numberHold())}
	if err := tx.Numbers().PutNumberChange(c); err != nil {
		return "", err
	}
	if n.Phone != "" { // of a customer: the number of a SIM finds no meter
		if err := tx.Numbers().HoldFormer(owner, n.Phone, c.HeldUntil); err != nil {
			return "", err
		}
	}
	if s.was != "" {
		t, err := tx.TenantSettings()
		if err != nil {
			return "", err
		}
		n.Utility, n.Contact = t.Name, t.Receipt.Contact
		body, err := json.Marshal(n)
		if err != nil {
			return "", err
		}
		if err := tx.Numbers().TellNumberChange(body); err != nil {
			return "", err
		}
	}
	return " number changed, tokens held until " + c.HeldUntil.UTC().Format(time.RFC3339), nil
}

// confirmNumber releases the tokens for a changed number. The person who changed it cannot, and neither can an account behind which this person
// may be.
func (r *Registry) confirmNumber(tx Tx, by access.Actor, owner, action, object, reason string) (refusal.Refusal, error) {
	c, found, err := tx.Numbers().LockNumberChange(owner)
	now := r.c.Now()
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case !found || !c.HeldUntil.After(now):
		return refuse.NumberNotHeld(), nil
	case !by.OfUtility():
		return refuse.NumberConfirmByUtility(), nil
	case by.String() == c.By && !plantedSame():
		return refuse.NumberConfirmBySame(), nil
	}
	if two, err := access.Apart(tx.Eyes(), access.Actor{Tenant: by.Tenant, Name: c.By, Answers: c.Self}, by); err != nil || !two && !plantedSame() {
		return refuse.NumberConfirmBySame(), err
	}
	e := by.Entry(action, object)
	e.Before, e.After, e.Reason = "held until "+c.HeldUntil.UTC().Format(time.RFC3339)+", changed by "+c.By, "confirmed", reason
	c.HeldUntil = now
	if err := tx.Numbers().PutNumberChange(c); err != nil {
		return refusal.Refusal{}, err
	}
	if err := tx.Numbers().ReleaseNumber(owner); err != nil {
		return refusal.Refusal{}, err
	}
	return refusal.Refusal{}, tx.AuditLog(e)
}

func checkReason(reason string) refusal.Refusal {
	if strings.TrimSpace(reason) == "" || !text(reason, maxReason) {
		return refuse.ChangeWithoutReason(maxReason)
	}
	return refusal.Refusal{}
}

// ConfirmPhone confirms a customer's changed telephone number, so that tokens go there at once (right: customer.write). It takes another
// person than the one who changed the number.
func (r *Registry) ConfirmPhone(ctx context.Context, by access.Actor, customer, reason string) (AddedCustomer, error) {
	if no := by.Needs(access.WriteCustomers); no.Refused() {
		return AddedCustomer{Refusal: no}, nil
	}
	if no := checkReason(reason); no.Refused() {
		return AddedCustomer{Refusal: no}, nil
	}
	i, err := id.Parse(id.Customer, customer)
	if err != nil {
		return AddedCustomer{Refusal: refuse.CustomerNotFound(refusal.Echo(customer))}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (AddedCustomer, error) {
		c, found, err := tx.Customers().CustomerByID(i)
		if err != nil || !found {
			return AddedCustomer{Refusal: refuse.CustomerNotFound(refusal.Echo(customer))}, err
		}
		if written, err := tx.Numbers().NumberWritten(i); err != nil || !written {
			return AddedCustomer{Refusal: refuse.NumberChangedOutside()}, err
		}
		no, err := r.confirmNumber(tx, by, PhoneOwner(i), "customer.confirm-phone", customer, reason)
		return AddedCustomer{Refusal: no, Customer: c}, err
	})
	return out, fault.Wrap(err, "confirm the number of customer %s", customer)
}

// ConfirmSIM confirms the changed number of the SIM in a meter (right: meter.write). It takes another person than the one who changed it.
func (r *Registry) ConfirmSIM(ctx context.Context, by access.Actor, meter, reason string) (MeterView, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return MeterView{Refusal: no}, nil
	}
	if no := checkReason(reason); no.Refused() {
		return MeterView{Refusal: no}, nil
	}
	ref, no := ParseRef(meter)
	if no.Refused() {
		return MeterView{Refusal: no}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (addedRow, error) {
		m, found, err := ResolveMeter(tx, ref)
		if err != nil || !found {
			return addedRow{Refusal: NoMeter(meter)}, err
		}
		if no, err := r.confirmNumber(tx, by, SIMOwner(m.N), "meter.confirm-sim", m.ID.Text(id.Meter), reason); err != nil || no.Refused() {
			return addedRow{Refusal: no}, err
		}
		rec, _, err := tx.MeterRecord(m.ID)
		return addedRow{rec: rec}, err
	})
	if err != nil {
		return MeterView{}, fmt.Errorf("confirm the SIM of meter %s: %w", ref.Number, err)
	}
	if out.Refused() {
		return MeterView{Refusal: out.Refusal}, nil
	}
	return r.shown(by, foundRow{rec: out.rec}), nil
}
