package wallet

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// Booked is a journal that moved an account's wallet.
type Booked struct {
	Journal id.ID
	Kind    ledger.Kind
	Ref     string
	Memo    string
	At      time.Time
	Amount  money.Minor // amount; credit is positive
}

// Recharge reports whether money was paid in.
func (b Booked) Recharge() bool { return b.Kind == ledger.TopUp }

// LineKind is the kind of a line of a statement.
type LineKind string

// Kinds of lines. Reversals, goodwill and all other entries have the name of their journal's kind.
const (
	LineOpening  LineKind = "opening"
	LineRecharge LineKind = "recharge"
	LineUse      LineKind = "use"
	LineCharge   LineKind = "charge"
	LineClosing  LineKind = "closing"
)

// Line is one line of a statement.
type Line struct {
	Day      string // local day of the booking
	At       time.Time
	Kind     LineKind
	Amount   money.Minor // signed: incoming money is positive; 0 for opening and closing
	Balance  money.Minor // balance after the line
	Units    unit.Energy // energy of a line of use
	From, To time.Time   // meter time in which the energy was used
	Journals int         // how many journals the line sums up
	Ref      string      // the sale of a recharge; for other lines the journal's own reference
}

// Statement has the opening and closing balance of an account's wallet, and the changes between them.
type Statement struct {
	refusal.Refusal
	Account  id.ID
	Currency string
	Opening  money.Minor
	Closing  money.Minor
	Lines    []Line // lines of the page, with the opening and closing lines
	Next     string
}

// Limits of a statement.
const (
	MaxStatementDays = 100
	maxBooked        = 10_000
)

// Statement returns the changes of an account's wallet on some local days (right: customer.read). It has the opening balance, each
// recharge, the use and the fixed charges of each day, all other changes, and the closing balance. It comes from the books: opening and
// lines sum to the closing balance, and a past day never changes. Use is listed on the day it was posted, with the times between which the
// meter counted it. Without a first day, the statement begins on the first of the month in which it ends. Without a last day, it ends
// today. An account without a wallet has an empty statement.
func (w *Wallets) Statement(ctx context.Context, by access.Actor, account, from, to string, page registry.Page) (Statement, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return Statement{Refusal: no}, nil
	}
	out, err := access.Look(ctx, w.c.Door, by.Tenant, func(tx Tx) (Statement, error) {
		t, err := tx.Rating().WalletTenant()
		if err != nil {
			return Statement{}, err
		}
		a, no, err := findAccount(tx, account)
		if err != nil || no.Refused() {
			return Statement{Refusal: no}, err
		}
		begin, end, no := days(from, to, w.moment().In(t.Zone))
		if no.Refused() {
			return Statement{Refusal: no}, nil
		}
		opening, booked, err := tx.WalletViews().WalletBooked(a, begin, end, maxBooked+1)
		if err != nil {
			return Statement{}, err
		}
		if len(booked) > maxBooked {
			return Statement{Refusal: refuse.StatementTooLarge(maxBooked)}, nil
		}
		s := Statement{Account: a, Currency: t.Currency, Opening: opening}
		s.fill(booked, begin, end, t.Zone)
		list := listStatement + a.Text(id.Account) + begin.Format(dateForm) + end.Format(dateForm)
		after, max, no := page.Read(w.c.Sealer, by.Tenant, list)
		if no.Refused() {
			return Statement{Refusal: no}, nil
		}
		s.Lines = s.Lines[min(int(numberOf(after)), len(s.Lines)):]
		if len(s.Lines) > max {
			s.Lines = s.Lines[:max]
			s.Next = registry.Cursor(w.c.Sealer, by.Tenant, list, numbered(numberOf(after)+int64(max)))
		}
		return s, nil
	})
	return out, fault.Wrap(err, "statement of the wallet of %s", account)
}

// listStatement is the list that a cursor of a statement belongs to.
const listStatement = "wallet:"

// findAccount finds an account by its identity, or by the number or identity of a meter that it pays for.
func findAccount(tx Tx, text string) (id.ID, refusal.Refusal, error) {
	account, err := id.Parse(id.Account, text)
	if err != nil {
		ref, no := registry.ParseRef(text)
		if no.Refused() {
			return id.ID{}, no, nil
		}
		m, found, err := registry.ResolveMeter(tx.WalletViews().Meters(), ref)
		if err != nil || !found {
			return id.ID{}, refuse.StatementAccountNotFound(refusal.Echo(text)), err
		}
		account = m.Account
	}
	if exists, err := tx.WalletViews().AccountExists(account); err != nil || !exists {
		return id.ID{}, refuse.StatementAccountNotFound(refusal.Echo(text)), err
	}
	return account, refusal.Refusal{}, nil
}

// days returns the times at which a statement begins and ends.
func days(from, to string, now time.Time) (begin, end time.Time, no refusal.Refusal) {
	last := midnight(now, now.Location())
	var err error
	if to != "" {
		if last, err = localday.Parse(to, now.Location()); err != nil {
			return begin, end, refuse.LocalDateOfWrongForm(refusal.Echo(to))
		}
	}
	begin = localday.Begin(last.Year(), last.Month(), 1, last.Location())
	if from != "" {
		if begin, err = localday.Parse(from, now.Location()); err != nil {
			return begin, end, refuse.LocalDateOfWrongForm(refusal.Echo(from))
		}
	}
	end = localday.Next(last)
	switch {
	case !begin.Before(end):
		no = refuse.StatementDaysBackwards(begin.Format(dateForm), last.Format(dateForm))
	case end.After(localday.After(begin, MaxStatementDays)):
		no = refuse.StatementDaysTooMany(MaxStatementDays)
	}
	return begin, end, no
}

// fill makes the lines of each day in the order of booking. The day's charges and the day's use are summed up at the end.
func (s *Statement) fill(booked []Booked, begin, end time.Time, zone *time.Location) {
	s.Closing = s.Opening
	s.add(Line{Day: begin.In(zone).Format(dateForm), At: begin, Kind: LineOpening})
	var charges, use Line
	day := ""
	flush := func() {
		for _, l := range [2]*Line{&charges, &use} {
			if l.Journals > 0 {
				s.add(*l)
			}
			*l = Line{}
		}
	}
	for _, b := range booked {
		if today := b.At.In(zone).Format(dateForm); today != day {
			flush()
			day = today
		}
		switch b.Kind {
		case ledger.Usage:
			sumUp(&use, b, day, LineUse)
		case ledger.Charged:
			sumUp(&charges, b, day, LineCharge)
		default:
			kind := LineKind(b.Kind)
			if b.Recharge() {
				kind = LineRecharge
			}
			s.add(Line{Day: day, At: b.At, Kind: kind, Amount: b.Amount, Journals: 1, Ref: b.Ref})
		}
	}
	flush()
	s.add(Line{Day: end.Add(-time.Microsecond).In(zone).Format(dateForm), At: end, Kind: LineClosing})
}

// add appends a line with the balance after it.
func (s *Statement) add(l Line) {
	s.Closing += l.Amount
	l.Balance = s.Closing
	s.Lines = append(s.Lines, l)
}

// sumUp adds a journal to the line of its day.
func sumUp(l *Line, b Booked, day string, kind LineKind) {
	l.Day, l.At, l.Kind, l.Amount, l.Journals = day, b.At, kind, l.Amount+b.Amount, l.Journals+1
	span, ok := ParseSpan(b.Memo)
	if kind != LineUse || !ok {
		return
	}
	l.Units += span.Units
	if l.From.IsZero() || span.From.Before(l.From) {
		l.From = span.From
	}
	if span.To.After(l.To) {
		l.To = span.To
	}
}
