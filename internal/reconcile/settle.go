package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Limits of texts.
const (
	maxWhy   = 300
	maxOwner = 100
)

// Settled is the outcome of an act about a difference.
type Settled struct {
	refusal.Refusal
	Waits *access.Approval // the approval that the act waits for; nothing was done
	Item  Item
}

// settleRequest is what an approval stores.
type settleRequest struct {
	Item    string `json:"difference"`
	Why     string `json:"why"`
	Payment string `json:"payment,omitempty"`
}

// Close settles a difference with a reason (right: payment.decide, and a second person: a settled difference is never found again, so
// closing one can hide that money is missing). It posts nothing. When the last difference of a day is settled, the day closes. The payment is the one
// that a call which could not be read was about, or empty.
func (s *Statements) Close(ctx context.Context, by access.Actor, item, why, pay string) (Settled, error) {
	why = strings.TrimSpace(why)
	if why == "" || !utf8.ValidString(why) || len(why) > maxWhy || !access.Printable(why) {
		return Settled{Refusal: refuse.PaymentReasonMissing(maxWhy)}, nil
	}
	return s.change(ctx, by, item, func(tx Tx, i Item) (Settled, error) {
		if !i.Open {
			return Settled{Refusal: refuse.DifferenceSettled(i.Name())}, nil
		}
		if no, err := settledWith(tx, &i, pay); err != nil || no.Refused() {
			return Settled{Refusal: no}, err
		}
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActSettle, Object: i.Name(), Summary: "settle a difference: " + i.terms() + " why=" + why,
			Body: settleRequest{i.Name(), why, pay}}, tx.Moment())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return Settled{Refusal: eyes.Refusal, Waits: eyes.Waits, Item: i}, err
		}
		i.Open, i.ClosedAt, i.ClosedBy, i.Why = false, tx.Moment(), by.String(), why
		e := by.Entry("difference.close", i.Name())
		e.At, e.Reason, e.After = tx.Moment(), why, i.terms()
		if err := tx.AuditLog(eyes.Mark(e)); err != nil {
			return Settled{}, err
		}
		if err := tx.Reconciling().PutItem(i); err != nil {
			return Settled{}, err
		}
		return Settled{Item: i}, s.closed(tx, i)
	})
}

// closed does what follows when a person has settled a difference.
func (s *Statements) closed(tx Tx, i Item) error {
	z, err := zone(tx)
	if err != nil {
		return err
	}
	from, err := localday.Parse(i.Date, z)
	if err != nil || !s.dayIsOver(from) { // an unreadable call of today
		return err
	}
	if i.Kind == FeeUnbooked {
		if err := tx.Reconciling().SettleFees(i.Provider, from, localday.Next(from), i.ID); err != nil {
			return err
		}
	}
	_, err = s.run(tx, i.Provider, from, localday.Next(from), false)
	return err
}

// terms describes a difference for the audit log and for the person who must agree.
func (i Item) terms() string {
	return fmt.Sprintf("provider=%s date=%s kind=%s txn=%q payment=%s stated=%d paid=%d booked=%d %s", i.Provider, i.Date, i.Kind, i.Txn, i.Payment, i.Stated, i.Paid, i.Booked, i.Currency)
}

// Assign names who looks after a difference (right: payment.decide).
func (s *Statements) Assign(ctx context.Context, by access.Actor, item, owner string) (Settled, error) {
	owner = strings.TrimSpace(owner)
	if owner == "" || len(owner) > maxOwner || !access.Printable(owner) {
		return Settled{Refusal: refuse.DifferenceOwnerMissing(maxOwner)}, nil
	}
	return s.change(ctx, by, item, func(tx Tx, i Item) (Settled, error) {
		e := by.Entry("difference.assign", i.Name())
		e.At, e.Before, e.After = tx.Moment(), "owner="+i.Owner, "owner="+owner
		i.Owner = owner
		if err := tx.AuditLog(e); err != nil {
			return Settled{}, err
		}
		return Settled{Item: i}, tx.Reconciling().PutItem(i)
	})
}

// change runs an act about a difference.
func (s *Statements) change(ctx context.Context, by access.Actor, item string, do func(Tx, Item) (Settled, error)) (Settled, error) {
	if no := by.Needs(access.DecidePayments); no.Refused() {
		return Settled{Refusal: no}, nil
	}
	out, err := access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (Settled, error) {
		i, no, err := itemNamed(tx, item)
		if err != nil || no.Refused() {
			return Settled{Refusal: no}, err
		}
		return do(tx, i)
	})
	return out, fault.Wrap(err, "change difference %s", refusal.Echo(item))
}

// itemNamed finds a difference by its identity, and locks it.
func itemNamed(tx Tx, item string) (Item, refusal.Refusal, error) {
	n, broken := id.Parse(id.Difference, item)
	if broken != nil {
		return Item{}, refuse.DifferenceNotFound(refusal.Echo(item)), nil
	}
	i, found, err := tx.Reconciling().ItemByID(n)
	if err == nil && !found {
		return Item{}, refuse.DifferenceNotFound(refusal.Echo(item)), nil
	}
	return i, refusal.Refusal{}, err
}

// Show returns a difference (right: payment.read).
func (s *Statements) Show(ctx context.Context, by access.Actor, item string) (Settled, error) {
	if no := by.Needs(access.ReadPayments); no.Refused() {
		return Settled{Refusal: no}, nil
	}
	out, err := access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (Settled, error) {
		i, no, err := itemNamed(tx, item)
		return Settled{Refusal: no, Item: i}, err
	})
	return out, fault.Wrap(err, "show difference %s", refusal.Echo(item))
}

// Executors returns the executors of the actions that a second person can approve.
func (s *Statements) Executors() access.Executors {
	return access.Executors{access.ActStatement: s.doUpload, access.ActSettle: func(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
		var r settleRequest
		if err := json.Unmarshal(body, &r); err != nil {
			return access.Done{}, fmt.Errorf("read an approved act about a difference: %w", err)
		}
		out, err := s.Close(ctx, maker, r.Item, r.Why, r.Payment)
		return access.Done{Refusal: out.Refusal, Object: r.Item}, err
	}}
}
