package dayclose

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// Tx is the part of a transaction that the use cases of this package need.
type Tx interface {
	once.Clock
	Eyes() access.EyesTx
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	Moment() time.Time
	// Scope returns the store epoch, with the tenant.
	Scope() (access.Tenant, int64)
	Currency() (code string, exp int, err error)
	// TenantZone returns the name of the tenant's time zone.
	TenantZone() (string, error)
	Days() DayTx
}

// DayTx reads and writes closed days.
type DayTx interface {
	// LockDays waits for every transaction that posts a journal, and keeps others from posting until this transaction ends.
	LockDays() error
	// LastDay returns the newest closed day.
	LastDay() (Closed, bool, error)
	DayDated(date string) (Closed, bool, error)
	// DayPage lists closed days, newest first, closed before the given one or from the newest on.
	DayPage(before id.ID, max int) ([]Closed, error)
	AddDay(Closed) error
	// FirstJournal returns the time of the first journal; zero if there is none.
	FirstJournal() (time.Time, error)
	// Turnover adds up the journals that were posted in a period. A zero start is the beginning of the books.
	Turnover(from, to time.Time) ([]Kind, []Side, error)
	// PendingAt lists what was begun before a moment and is still open, at most max of each kind.
	PendingAt(from, to time.Time, max int) ([]Pending, error)
	// SoldWithoutShift adds up the cash of a period that came in for sales and vouchers outside any shift, by seller, at most max sellers.
	SoldWithoutShift(from, to time.Time, max int) ([]CashSeller, error)
	// NewestSeal returns the number of the newest seal and its signed head.
	NewestSeal() (n int64, head string, err error)
}

// Limits of a closing.
const (
	maxSellers = 100 // sellers without a shift that a page lists
	MaxPending = 50  // things of one kind that a closed day remembers
	maxNote    = 200 // characters
	maxAhead   = 400 // days that Open counts at most
)

// Config has the parts that Days needs; every field is required.
type Config struct {
	Door   access.Door[Tx]
	Hasher registry.Hasher
	Now    func() time.Time
	// MayDate returns the store's times, by which the server's clock is judged. It returns a refusal if the clock is in doubt.
	MayDate func(once.Clock) (sale.Times, refusal.Refusal, error)
}

// Days carries out the use cases of this package.
type Days struct{ c Config }

// New makes a Days.
func New(c Config) *Days { return &Days{c} }

// Open is the first open day: the one to close next.
type Open struct {
	refusal.Refusal
	Period
	Zone     string
	Currency string
	Days     int          // days that have ended and are open
	Over     bool         // the day may be closed
	Pending  []Pending    // what is open at its end
	NoShift  []CashSeller // only from ToClose
	Begun    bool         // a day was closed before
	None     bool         // there is no journal yet, so there is no day to close
}

// Next returns the first open day and what stands in the way of closing it (right: ledger.read).
func (d *Days) Next(ctx context.Context, by access.Actor) (Open, error) {
	if no := by.Needs(access.ReadLedger); no.Refused() {
		return Open{Refusal: no}, nil
	}
	out, err := access.Look(ctx, d.c.Door, by.Tenant, func(tx Tx) (Open, error) {
		last, begun, err := tx.Days().LastDay()
		if err != nil {
			return Open{}, err
		}
		return d.open(tx, last, begun)
	})
	return out, fault.Wrap(err, "find the first open day")
}

// ToClose returns what Next returns, with what was sold in the day without a shift.
func (d *Days) ToClose(ctx context.Context, by access.Actor) (Open, error) {
	o, err := d.Next(ctx, by)
	if err != nil || o.Refused() || o.None {
		return o, err
	}
	o.NoShift, err = access.Look(ctx, d.c.Door, by.Tenant, func(tx Tx) ([]CashSeller, error) {
		return tx.Days().SoldWithoutShift(o.From, o.To, maxSellers)
	})
	return o, fault.Wrap(err, "find what was sold without a shift")
}

// open describes the day after last, or the day of the first journal.
func (d *Days) open(tx Tx, last Closed, begun bool) (Open, error) {
	o := Open{Begun: begun}
	var err error
	if o.Zone, err = tx.TenantZone(); err != nil {
		return o, err
	}
	zone, err := localday.LoadZone(o.Zone)
	if err != nil {
		return o, err
	}
	now := access.Stored(d.c.Now())
	if begun {
		o.Period = Next(last.Period, zone)
	} else {
		first, err := tx.Days().FirstJournal()
		if o.None = first.IsZero(); err != nil || o.None {
			return o, err
		}
		o.Period = First(first.In(zone))
	}
	o.Over = o.Period.Over(now)
	for p := o.Period; p.Over(now) && o.Days < maxAhead; p = Next(p, zone) {
		o.Days++
	}
	if o.Pending, err = tx.Days().PendingAt(o.From, o.To, MaxPending); err != nil {
		return o, err
	}
	if o.Currency, _, err = tx.Currency(); err != nil {
		return o, err
	}
	return o, nil
}

// Closing asks to close a day.
type Closing struct {
	Date   string // empty: the first open day. The first day that is ever closed may be any day that has ended
	Accept bool   // close although things are pending that do not stop it
	Note   string
}

// Done is the result of a closing.
type Done struct {
	refusal.Refusal
	Closed
	Pending []Pending    // what stands in the way, if it was refused for that
	NoShift []CashSeller // what was sold in the closed day without a shift
}

// Close closes a day (right: ledger.adjust). Days are closed in order. A day that was closed before is the answer again.
func (d *Days) Close(ctx context.Context, by access.Actor, c Closing) (Done, error) {
	if no := by.Needs(access.AdjustLedger); no.Refused() {
		return Done{Refusal: no}, nil
	}
	c.Date, c.Note = strings.TrimSpace(c.Date), strings.TrimSpace(c.Note)
	if !utf8.ValidString(c.Note) || utf8.RuneCountInString(c.Note) > maxNote {
		return Done{Refusal: refuse.ShiftNoteTooLong(maxNote)}, nil
	}
	out, err := access.Through(ctx, d.c.Door, by.Tenant, func(tx Tx) (Done, error) {
		done, err := d.close(tx, by, c)
		if err == nil && !done.Refused() {
			done.NoShift, err = tx.Days().SoldWithoutShift(done.From, done.To, maxSellers)
		}
		return done, err
	})
	return out, fault.Wrap(err, "close the day %s", refusal.Echo(c.Date))
}

func (d *Days) close(tx Tx, by access.Actor, c Closing) (Done, error) {
	if c.Date != "" {
		if before, found, err := tx.Days().DayDated(c.Date); err != nil || found {
			return Done{Closed: before}, err
		}
	}
	if _, no, err := d.c.MayDate(tx); err != nil || no.Refused() {
		return Done{Refusal: no}, err
	}
	if err := tx.Days().LockDays(); err != nil {
		return Done{}, err
	}
	last, begun, err := tx.Days().LastDay() // again, because another server may have closed a day until now
	if err != nil {
		return Done{}, err
	}
	o, err := d.open(tx, last, begun)
	if err != nil {
		return Done{}, err
	}
	if no, err := d.chosen(tx, &o, c); err != nil || no.Refused() {
		return Done{Refusal: no, Pending: o.Pending}, err
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActDayClose, Object: o.Date}, tx.Moment())
	if err != nil || eyes.Refused() {
		return Done{Refusal: eyes.Refusal}, err
	}
	day, err := d.figures(tx, o, last, by, c)
	if err != nil {
		return Done{}, err
	}
	e := by.Entry("day.close", day.Date)
	e.At, e.Reason = day.ClosedAt, day.Note
	e.After = fmt.Sprintf("journals=%d debits=%d pending=%d seal=%d epoch=%d", day.Figures.Journals, day.Figures.Debits, len(day.Pending), day.Seal, day.Epoch)
	return Done{Closed: day}, tx.AuditLog(e)
}

// chosen checks that the wanted day may be closed now. Before any day was closed, it may be a later day than that of the first journal.
func (d *Days) chosen(tx Tx, o *Open, c Closing) (refusal.Refusal, error) {
	if o.None {
		return refuse.DayWithoutJournals(), nil
	}
	if c.Date != "" && c.Date != o.Date {
		zone, err := localday.LoadZone(o.Zone)
		if err != nil {
			return refusal.Refusal{}, err
		}
		day, err := time.ParseInLocation(time.DateOnly+" 15", c.Date+" 12", zone)
		switch {
		case err != nil:
			return refuse.DateInvalid(refusal.Echo(c.Date)), nil
		case c.Date < o.Date:
			return refuse.DayBeforeBooks(c.Date, o.Date), nil
		case o.Begun:
			return refuse.DayOutOfOrder(c.Date, o.Date), nil
		}
		o.Period = First(day)
		if o.Pending, err = tx.Days().PendingAt(o.From, o.To, MaxPending); err != nil {
			return refusal.Refusal{}, err
		}
	}
	return mayClose(*o, access.Stored(d.c.Now()), c.Accept), nil
}

// mayClose decides whether a day can be closed.
func mayClose(o Open, now time.Time, accept bool) refusal.Refusal {
	if !o.Period.Over(now) {
		return refuse.DayNotOver(o.Date, o.To.Add(Rest))
	}
	for _, p := range o.Pending {
		if p.Kind.Stops() {
			return refuse.DayHasOpenTill(p.Title, o.Date)
		}
	}
	if len(o.Pending) > 0 && !accept {
		return refuse.DayHasPending(int64(len(o.Pending)), o.Date)
	}
	return refusal.Refusal{}
}

// figures adds up a day and stores it.
func (d *Days) figures(tx Tx, o Open, last Closed, by access.Actor, c Closing) (Closed, error) {
	before := last.Figures.Lines
	if !o.Begun {
		_, sides, err := tx.Days().Turnover(time.Time{}, o.From)
		if err != nil {
			return Closed{}, err
		}
		before = Sum(nil, nil, sides).Lines
	}
	kinds, sides, err := tx.Days().Turnover(o.From, o.To)
	if err != nil {
		return Closed{}, err
	}
	day := Closed{Period: o.Period, Zone: o.Zone, Figures: Sum(before, kinds, sides), Pending: o.Pending, ClosedAt: access.Stored(d.c.Now()), ClosedBy: by.String(), Note: c.Note}
	_, day.Epoch = tx.Scope()
	if day.Currency, _, err = tx.Currency(); err != nil {
		return Closed{}, err
	}
	if day.Seal, day.Head, err = tx.Days().NewestSeal(); err != nil {
		return Closed{}, err
	}
	if !day.Figures.Balanced() {
		return Closed{}, fmt.Errorf("the figures of %s do not balance: %d in debits", day.Date, day.Figures.Debits)
	}
	if day.ID, err = tx.NewID(); err != nil {
		return Closed{}, err
	}
	return day, tx.Days().AddDay(day)
}

// Shown is a closed day.
type Shown struct {
	refusal.Refusal
	Closed
	NoShift []CashSeller
}

// Show returns a closed day as it was stored, and what was sold in it without a shift (right: ledger.read).
func (d *Days) Show(ctx context.Context, by access.Actor, date string) (Shown, error) {
	if no := by.Needs(access.ReadLedger); no.Refused() {
		return Shown{Refusal: no}, nil
	}
	out, err := access.Look(ctx, d.c.Door, by.Tenant, func(tx Tx) (Shown, error) {
		day, found, err := tx.Days().DayDated(strings.TrimSpace(date))
		if err == nil && !found {
			return Shown{Refusal: refuse.DayNotClosed(refusal.Echo(date))}, nil
		}
		if err != nil {
			return Shown{}, err
		}
		sold, err := tx.Days().SoldWithoutShift(day.From, day.To, maxSellers)
		return Shown{Closed: day, NoShift: sold}, err
	})
	return out, fault.Wrap(err, "show a closed day")
}

// List is one page of closed days.
type List struct {
	refusal.Refusal
	Days []Closed
	Next string
}

// listDays names the list that a cursor belongs to.
const listDays = "closed-days"

// List lists closed days, newest first (right: ledger.read).
func (d *Days) List(ctx context.Context, by access.Actor, page registry.Page) (List, error) {
	if no := by.Needs(access.ReadLedger); no.Refused() {
		return List{Refusal: no}, nil
	}
	before, max, no := page.Read(d.c.Hasher, by.Tenant, listDays)
	if no.Refused() {
		return List{Refusal: no}, nil
	}
	out, err := access.Look(ctx, d.c.Door, by.Tenant, func(tx Tx) (List, error) {
		rows, err := tx.Days().DayPage(before, max+1)
		l := List{}
		l.Days, l.Next = registry.Cut(rows, max, d.c.Hasher, by.Tenant, listDays, func(c Closed) id.ID { return c.ID })
		return l, err
	})
	return out, fault.Wrap(err, "list closed days")
}
