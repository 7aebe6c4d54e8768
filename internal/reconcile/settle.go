package reconcile

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
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
	Another bool   `json:"another,omitempty"`
}

// Settlement is how a person settles a difference.
type Settlement struct {
	Why     string
	Payment string // of a call that could not be read: the payment that it was about, or empty
	Another bool   // of a row that is perhaps the same as an older one: it is another payment
}

// Close settles a difference with a reason (right: payment.decide, and a second person: a settled difference is found again only
// with other figures, so closing one can hide that money is missing). It posts nothing. When the last difference of a day is settled, the day closes. A row that is
// perhaps the same as an older one is the same then, unless the settlement says that it is another payment: it is taken as an uploaded file is, by
// the same rule about a second person.
func (s *Statements) Close(ctx context.Context, by access.Actor, item string, how Settlement) (Settled, error) {
	how.Why = strings.TrimSpace(how.Why)
	if how.Why == "" || !utf8.ValidString(how.Why) || len(how.Why) > maxWhy || !access.Printable(how.Why) {
		return Settled{Refusal: refuse.PaymentReasonMissing(maxWhy)}, nil
	}
	return s.change(ctx, by, item, func(tx Tx, i Item) (Settled, error) {
		switch {
		case !i.Open:
			return Settled{Refusal: refuse.DifferenceSettled(i.Name())}, nil
		case how.Another && i.Kind != PerhapsSame:
			return Settled{Refusal: refuse.DifferenceWithoutRow(i.Name())}, nil
		}
		if no, err := settledWith(tx, &i, how.Payment); err != nil || no.Refused() {
			return Settled{Refusal: no}, err
		}
		eyes, err := s.mayClose(tx, by, i, how)
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return Settled{Refusal: eyes.Refusal, Waits: eyes.Waits, Item: i}, err
		}
		i.Open, i.ClosedAt, i.ClosedBy, i.Why = false, tx.Moment(), by.String(), how.Why
		e := by.Entry("difference.close", i.Name())
		if how.Another {
			e = by.Entry("difference.take", i.Name())
		}
		e.At, e.Reason, e.After = tx.Moment(), how.Why, i.terms()
		if err := tx.AuditLog(eyes.Mark(e)); err != nil {
			return Settled{}, err
		}
		if err := tx.Reconciling().PutItem(i); err != nil {
			return Settled{}, err
		}
		if i.Kind == PerhapsSame {
			if err := s.decideRow(tx, i, how.Another, eyes.Checker != ""); err != nil {
				return Settled{}, err
			}
		}
		return Settled{Item: i}, s.closed(tx, i)
	})
}

// mayClose asks whether the difference may be settled now. A row that becomes a payment moves value, as a file does.
func (s *Statements) mayClose(tx Tx, by access.Actor, i Item, how Settlement) (access.FourEyes, error) {
	r := access.ActRequest{Act: access.ActSettle, Object: i.Name(), Summary: "settle a difference: " + i.words() + ": " + how.Why,
		Body: settleRequest{i.Name(), how.Why, how.Payment, how.Another}, Content: i.terms(), Effect: access.Telling(i.tell)}
	if how.Another {
		p, _, err := tx.Paying().Payments().ProviderByName(i.Provider)
		if err != nil {
			return access.FourEyes{}, err
		}
		if r.Act, err = s.actOfFile(p); err != nil {
			return access.FourEyes{}, err
		}
		r.Summary = "take a row of a statement as another payment: " + i.words() + ": " + how.Why
	}
	return access.SecondPerson(tx.Eyes(), by, r, tx.Moment())
}

// decideRow carries out what a person decided about a row that was perhaps the same as an older one. Two people must answer for the payment, and
// two must have answered for the file: otherwise it is confirmed as far as one person's file is.
func (s *Statements) decideRow(tx Tx, i Item, another, twoPeople bool) error {
	key, err := hex.DecodeString(i.Key)
	if err != nil {
		return fmt.Errorf("the key of difference %s: %w", i.Name(), err)
	}
	r, found, err := tx.Reconciling().StatementRow(i.Provider, string(key))
	if err != nil || !found || r.State != RowWaiting {
		return err
	}
	if r.State = RowSame; !another {
		return tx.Reconciling().PutStatementRow(i.Provider, r)
	}
	r.State, r.SameAs = RowTaken, ""
	f, _, err := tx.Reconciling().StatementFileByID(r.File)
	if err != nil {
		return err
	}
	p, _, err := tx.Paying().Payments().ProviderByName(i.Provider)
	if err != nil {
		return err
	}
	proof := payment.StatedAlone
	if twoPeople && f.Proof == payment.Stated {
		proof = payment.Stated
	}
	if n, says := notice(r.Row, nil); says {
		if err := s.c.Payments.HearStatement(tx.Paying(), p, []payment.Notice{n}, proof); err != nil {
			return err
		}
	}
	return tx.Reconciling().PutStatementRow(i.Provider, r)
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

// tell says what a difference is about, to the person who must agree.
func (i Item) tell(e *access.Effect) {
	e.Fact("provider", i.Provider)
	e.Fact("day", i.Date)
	e.Tells("difference", access.Named("difference", string(i.Kind)))
	e.Fact("transaction", i.Txn)
	e.Sum("in-statement", money.Amount{Minor: i.Stated, Currency: i.Currency})
	e.Sum("in-payments", money.Amount{Minor: i.Paid, Currency: i.Currency})
	e.Sum("in-books", money.Amount{Minor: i.Booked, Currency: i.Currency})
	e.Fact("note", i.Note)
}

// words describes a difference in a summary. The figures stand beside it.
func (i Item) words() string {
	return strings.TrimSpace(fmt.Sprintf("provider %s, %s, %s %s", i.Provider, i.Date, i.Kind, i.Txn))
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
	return access.Executors{access.ActStatement: s.doUpload, access.ActSettle: s.doClose}
}

// doClose settles a difference that a second person approved.
func (s *Statements) doClose(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var r settleRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return access.Done{}, fmt.Errorf("read an approved act about a difference: %w", err)
	}
	out, err := s.Close(ctx, maker, r.Item, Settlement{r.Why, r.Payment, r.Another})
	return access.Done{Refusal: out.Refusal, Object: r.Item}, err
}
