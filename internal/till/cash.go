package till

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
)

// Asked is what every change of a shift has: the request, and how its answer is written.
type Asked struct {
	once.Request
	Shift string // identity, name of a till, or [Mine]

	// Render makes the answer that is stored under Once.Key.
	Render func(View) (status int, body []byte)
	// RenderWaits makes the stored answer of a closing that waits for a second person.
	RenderWaits func(access.Approval) (status int, body []byte)
}

// render returns the function that writes the answer.
func (a Asked) render() func(View) (int, []byte) {
	if a.Render == nil || a.RenderWaits == nil {
		return a.Render
	}
	return func(v View) (int, []byte) {
		if v.Waits != nil {
			return a.RenderWaits(*v.Waits)
		}
		return a.Render(v)
	}
}

// Opening is a shift to open.
type Opening struct {
	Asked
	Till  string       // empty: main
	Float money.Amount // cash in the till at the beginning, from the bank; the zero value is none
}

// Open opens a shift of the asker's own (right: till.use). The float is posted from the bank to the shift (P24).
func (ts *Tills) Open(ctx context.Context, by access.Actor, o Opening) (once.Done[View], error) {
	if o.Till = strings.ToLower(strings.TrimSpace(o.Till)); o.Till == "" {
		o.Till = ledger.MainTill
	}
	out, err := once.Do(ctx, ts.answers, by, access.UseTill, o.Request, o.render(), func(tx Tx) (View, refusal.Refusal, error) {
		if !fitsTill(o.Till) {
			return View{}, refuse.TillOfWrongForm(refusal.Echo(o.Till)), nil
		}
		if no := ofUtility(by); no.Refused() {
			return View{}, no, nil
		}
		return ts.open(tx, by, o)
	})
	return out, fault.Wrap(err, "open a shift of till %s", refusal.Echo(o.Till))
}

func (ts *Tills) open(tx Tx, by access.Actor, o Opening) (View, refusal.Refusal, error) {
	if no, err := cash(tx, o.Float); err != nil || no.Refused() {
		return View{}, no, err
	}
	if no, err := noValue(tx, by, access.ActShiftOpen, o.Float.Minor); err != nil || no.Refused() {
		return View{}, no, err
	}
	holder := access.Self(by)
	if holder.IsZero() {
		return View{}, refuse.ShiftOfNobody(), nil
	}
	var err error
	s := Shift{Till: o.Till, Holder: holder, Operator: by.String(), Opening: o.Float.Minor, OpenedAt: ts.moment()}
	if s.ID, err = tx.NewID(); err != nil {
		return View{}, refusal.Refusal{}, err
	}
	if added, err := tx.Shifts().AddShift(s); err != nil || !added {
		no, look := alreadyOpen(tx, s, err)
		return View{}, no, look
	}
	if s.Opening > 0 {
		j := ledger.Journal{Kind: ledger.CashOpening, Ref: s.Name(), PostedAt: s.OpenedAt, Memo: s.Till,
			Postings: ledger.TillOpened(ledger.MainBank, s.Name(), s.Opening)}
		if _, err := ledger.Enter(tx.Books(), j); err != nil {
			return View{}, refusal.Refusal{}, err
		}
	}
	e := by.Entry("shift.open", s.Name())
	e.At, e.After = s.OpenedAt, fmt.Sprintf("till=%s opening=%d", s.Till, s.Opening)
	if err := tx.AuditLog(e); err != nil {
		return View{}, refusal.Refusal{}, err
	}
	v, err := view(tx, s)
	return v, refusal.Refusal{}, err
}

// alreadyOpen says which open shift prevents a new one.
func alreadyOpen(tx Tx, s Shift, err error) (refusal.Refusal, error) {
	if err != nil {
		return refusal.Refusal{}, err
	}
	if mine, found, err := tx.Shifts().OpenShift(s.Holder); err != nil || found {
		return refuse.ShiftOpenBefore(mine.Till, mine.Name()), err
	}
	other, _, err := tx.Shifts().OpenAt(s.Till)
	return refuse.TillInUse(s.Till, access.PlainName(other.Operator)), err
}

// cash checks an amount of cash. The zero value is no cash.
func cash(tx Tx, a money.Amount) (refusal.Refusal, error) {
	if a == (money.Amount{}) {
		return refusal.Refusal{}, nil
	}
	if no := sale.CheckTender(a); no.Refused() {
		return refuse.BookingNotMade(no), nil
	}
	currency, _, err := tx.Books().Currency()
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case currency == "":
		return refuse.UtilityWithoutCurrency(), nil
	case currency != a.Currency:
		return refuse.BookingNotMade(refuse.CurrencyMismatch(a.Currency, currency)), nil
	}
	return refusal.Refusal{}, nil
}

// noValue does an action that never needs a second person.
func noValue(tx Tx, by access.Actor, act access.Act, amount money.Minor) (refusal.Refusal, error) {
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: act, Takes: access.Takes{Amount: int64(amount)}}, tx.Moment())
	return eyes.Refusal, err
}

// Payout is cash that leaves a till for the bank before the shift is closed.
type Payout struct {
	Asked
	Amount money.Amount
	Reason string
}

// maxNote bounds the note of a shift, in characters.
const maxNote = 200

// PayOut posts cash from a till to the bank (right: till.use, for another's shift also vend.reverse; P25).
func (ts *Tills) PayOut(ctx context.Context, by access.Actor, p Payout) (once.Done[View], error) {
	p.Reason = strings.TrimSpace(p.Reason)
	out, err := once.Do(ctx, ts.answers, by, access.UseTill, p.Request, p.render(), func(tx Tx) (View, refusal.Refusal, error) {
		switch {
		case p.Amount.Minor == 0:
			return View{}, refuse.PayoutZero(), nil
		case !fits(p.Reason):
			return View{}, refuse.ShiftNoteTooLong(maxNote), nil
		}
		s, no, err := ts.mayChange(tx, by, p.Shift)
		if err != nil || no.Refused() {
			return View{}, no, err
		}
		return ts.payOut(tx, by, s, p)
	})
	return out, fault.Wrap(err, "pay out of shift %s", refusal.Echo(p.Shift))
}

func (ts *Tills) payOut(tx Tx, by access.Actor, s Shift, p Payout) (View, refusal.Refusal, error) {
	if no, err := cash(tx, p.Amount); err != nil || no.Refused() {
		return View{}, no, err
	}
	if no, err := noValue(tx, by, access.ActShiftPayOut, p.Amount.Minor); err != nil || no.Refused() {
		return View{}, no, err
	}
	had, err := tx.Books().Balance(s.Account())
	if err != nil {
		return View{}, refusal.Refusal{}, err
	}
	if p.Amount.Minor > had {
		return View{}, refuse.TillShort(money.Amount{Minor: had, Currency: p.Amount.Currency}, p.Amount), nil
	}
	n, err := tx.NewID()
	if err != nil {
		return View{}, refusal.Refusal{}, err
	}
	j := ledger.Journal{ID: n, Kind: ledger.CashPayout, Ref: n.Text(id.Journal), PostedAt: ts.moment(), Memo: s.Till + " " + s.Name(),
		Postings: ledger.TillPaidOut(ledger.MainBank, s.Name(), p.Amount.Minor)}
	breach, err := tx.Books().Post(j)
	if err == nil && breach.Refused() {
		err = breach.Err(j)
	}
	if err != nil {
		return View{}, refusal.Refusal{}, err
	}
	e := by.Entry("shift.pay_out", s.Name())
	e.At, e.Reason, e.After = j.PostedAt, p.Reason, fmt.Sprintf("till=%s operator=%q amount=%q journal=%s", s.Till, s.Operator, p.Amount, j.ID.Text(id.Journal))
	if err := tx.AuditLog(e); err != nil {
		return View{}, refusal.Refusal{}, err
	}
	v, err := view(tx, s)
	return v, refusal.Refusal{}, err
}

func fits(note string) bool { return utf8.ValidString(note) && utf8.RuneCountInString(note) <= maxNote }

// mayChange finds an open shift that the actor may change: its own, or with the right to reverse sales anybody's.
func (ts *Tills) mayChange(tx Tx, by access.Actor, shift string) (Shift, refusal.Refusal, error) {
	if no := ofUtility(by); no.Refused() {
		return Shift{}, no, nil
	}
	s, no, err := named(tx, by, shift)
	if err != nil || no.Refused() {
		return Shift{}, no, err
	}
	switch {
	case !s.Open():
		return Shift{}, refuse.ShiftClosedBefore(s.Name()), nil
	case s.Holder != access.Self(by) && !by.May(access.Reverse):
		return Shift{}, refuse.ShiftOfOther(access.PlainName(s.Operator), string(access.Reverse)), nil
	}
	return s, refusal.Refusal{}, nil
}

// Count is the end of a shift.
type Count struct {
	Asked
	Counted money.Amount
	Note    string
}

// countRequest is the part of a closing that is stored for a second person. Cash that comes into the till after the request changes what is
// expected, and the approval is no longer for that.
type countRequest struct {
	Shift    string      `json:"shift"`
	Expected money.Minor `json:"expected_minor"`
	Minor    money.Minor `json:"counted_minor"`
	Currency string      `json:"currency"`
	Note     string      `json:"note"`
}

// Close closes a shift with the counted cash, which goes to the bank (right: till.use, for another's shift also vend.reverse;
// P21). A shortage counts under a ceiling of whoever closes.
func (ts *Tills) Close(ctx context.Context, by access.Actor, c Count) (once.Done[View], error) {
	c.Note = strings.TrimSpace(c.Note)
	out, err := once.Do(ctx, ts.answers, by, access.UseTill, c.Request, c.render(), func(tx Tx) (View, refusal.Refusal, error) {
		if !fits(c.Note) {
			return View{}, refuse.ShiftNoteTooLong(maxNote), nil
		}
		s, no, err := ts.mayChange(tx, by, c.Shift)
		if err != nil || no.Refused() {
			return View{}, no, err
		}
		return ts.close(tx, by, s, c)
	})
	return out, fault.Wrap(err, "close shift %s", refusal.Echo(c.Shift))
}

func (ts *Tills) close(tx Tx, by access.Actor, s Shift, c Count) (View, refusal.Refusal, error) {
	if no, err := cash(tx, c.Counted); err != nil || no.Refused() {
		return View{}, no, err
	}
	busy, err := tx.Shifts().ShiftBusy(s.ID)
	if err != nil || busy {
		return View{}, refuse.ShiftBusy(), err
	}
	if s.Expected, err = tx.Books().Balance(s.Account()); err != nil {
		return View{}, refusal.Refusal{}, err
	}
	s.Counted, s.Note, s.ClosedBy, s.ClosedAt = c.Counted.Minor, c.Note, by.String(), ts.moment()
	act := access.ActShiftClose
	if by.May(access.Reverse) {
		act = access.ActShiftCloseAny
	}
	currency := c.Counted.Currency
	amount := func(n money.Minor) money.Amount { return money.Amount{Minor: n, Currency: currency} }
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: act, Object: s.Name(), Takes: access.Takes{Amount: int64(max(-s.Difference(), 0)), Surplus: int64(max(s.Difference(), 0))},
		Summary: fmt.Sprintf("close till %s of %s: %s expected, %s counted", s.Till, access.PlainName(s.Operator), amount(s.Expected), amount(s.Counted)),
		Body:    countRequest{s.Name(), s.Expected, s.Counted, currency, s.Note}, Effect: access.Telling(func(e *access.Effect) {
			e.Fact("till", s.Till)
			e.Fact("operator", access.PlainName(s.Operator))
			e.Change("cash", access.Pays(amount(s.Expected)), access.Pays(amount(s.Counted)))
			e.Sum("difference", amount(s.Difference()))
			e.Fact("note", s.Note)
		})}, s.ClosedAt)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return View{Shift: s, Waits: eyes.Waits}, eyes.Refusal, err
	}
	if err := ts.cashUp(tx, s); err != nil {
		return View{}, refusal.Refusal{}, err
	}
	if err := tx.Shifts().CloseShift(s); err != nil {
		return View{}, refusal.Refusal{}, err
	}
	e := by.Entry("shift.close", s.Name())
	e.At, e.Reason = s.ClosedAt, s.Note
	e.After = fmt.Sprintf("till=%s operator=%q expected=%d counted=%d difference=%d", s.Till, s.Operator, s.Expected, s.Counted, s.Difference())
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return View{}, refusal.Refusal{}, err
	}
	v, err := view(tx, s)
	return v, refusal.Refusal{}, err
}

// cashUp posts the count. A till with nothing expected and nothing counted posts nothing.
func (ts *Tills) cashUp(tx Tx, s Shift) error {
	lines := ledger.CashedUp(ledger.MainBank, s.Name(), s.Expected, s.Counted)
	if len(lines) == 0 {
		return nil
	}
	_, err := ledger.Enter(tx.Books(), ledger.Journal{Kind: ledger.CashUp, Ref: s.Name(), PostedAt: s.ClosedAt, Memo: s.Till, Postings: lines})
	return err
}

// Executors carry out this package's approved actions.
func (ts *Tills) Executors() access.Executors {
	return access.Executors{access.ActShiftCloseAny: func(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
		var w countRequest
		if err := json.Unmarshal(body, &w); err != nil {
			return access.Done{}, fmt.Errorf("read an approved closing: %w", err)
		}
		out, err := ts.Close(ctx, maker, Count{Asked: Asked{Shift: w.Shift}, Counted: money.Amount{Minor: w.Minor, Currency: w.Currency}, Note: w.Note})
		return access.Done{Refusal: out.Refusal, Object: w.Shift}, err
	}}
}

// moment returns the present time as it is stored: UTC, whole microseconds.
func (ts *Tills) moment() time.Time { return access.Stored(ts.c.Now()) }
