// Package till keeps the shifts of the utility's own tills. A shift is the time between two counts of a till: one person opens it with a
// float, takes cash, pays cash out, counts and closes it. The difference between the counted and the expected cash is posted.
//
// Start at [Tills]. A sale calls [Selling] in its own transaction, after it has locked the customer's account and the meter. Selling locks
// the shift, so a shift cannot be closed in the middle of a sale. Each shift has an account of its own in the books: cash:till:{shift}.
package till

import (
	"context"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/unit"
)

// Shift is one person's use of a till between opening and closing it.
type Shift struct {
	ID       id.ID
	Till     string // 1 to 12 lower-case letters, digits and dashes; begins the numbers of its receipts
	Holder   id.ID  // whose shift it is: a person, or a key that belongs to no person
	Operator string // the holder's name, as in audit rows
	Opening  money.Minor
	OpenedAt time.Time
	ClosedAt time.Time // zero while the shift is open
	ClosedBy string
	Expected money.Minor // cash that the books expected at closing
	Counted  money.Minor
	Note     string
}

// Open reports whether the shift still takes cash.
func (s Shift) Open() bool { return s.ClosedAt.IsZero() }

// Difference returns how much more was counted than expected; negative for a shortage.
func (s Shift) Difference() money.Minor { return s.Counted - s.Expected }

// Name returns the shift's identity as text, which is also the subject of its account.
func (s Shift) Name() string { return s.ID.Text(id.Shift) }

// Account returns the shift's account in the books.
func (s Shift) Account() ledger.AccountRef { return sale.TillAccount(s.ID, s.Till) }

// Filter says which shifts to list. Zero fields do not narrow.
type Filter struct {
	Till     string
	Operator string
	State    string // "open" or "closed"
	// OpenedBefore, ClosedFrom and ClosedTo bound the times: opened before, closed at From or later and before To.
	OpenedBefore, ClosedFrom, ClosedTo time.Time
}

// States of a shift in lists.
const (
	StateOpen   = "open"
	StateClosed = "closed"
)

// Cash has the movements of cash in a shift. Each amount is as it changed the till: positive for cash in.
type Cash struct {
	Sales      int64 // number of sales with cash
	Sold       money.Minor
	Reversals  int64 // number of sales that were paid back from this till
	PaidBack   money.Minor
	PaidOut    money.Minor // brought to the bank before closing
	Breakdown  []Part      // what the sales paid for
	FirstPaper string      // number of the shift's first receipt, and of its last
	LastPaper  string
	Units      unit.Energy // of all sales, also of those that were reversed later
}

// Part is the amount that went to one line of the chart of accounts.
type Part struct {
	Code   ledger.Code
	Amount money.Minor // credit positive
}

// Tx is the part of a transaction that the use cases of this package need.
type Tx interface {
	once.Clock
	Once() once.Tx
	Eyes() access.EyesTx
	Books() ledger.Books
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	Moment() time.Time
	Shifts() ShiftTx
}

// ShiftTx reads and writes shifts. The methods that find one shift lock it.
type ShiftTx interface {
	// AddShift stores a new shift. It stores nothing and returns false if the till or the holder has an open shift.
	AddShift(Shift) (bool, error)
	// CloseShift stores the end of a shift.
	CloseShift(Shift) error
	ShiftByID(shift id.ID) (Shift, bool, error)
	// OpenShift finds the open shift of a holder, and OpenAt that of a till.
	OpenShift(holder id.ID) (Shift, bool, error)
	OpenAt(till string) (Shift, bool, error)
	// ShiftPage lists shifts, newest first, opened before the given shift or from the newest on.
	ShiftPage(f Filter, before id.ID, max int) ([]Shift, error)
	// TenantZone returns the name of the tenant's time zone.
	TenantZone() (string, error)
	// ShiftBusy reports whether a sale of the shift waits for its token.
	ShiftBusy(shift id.ID) (bool, error)
	// ShiftCash adds up the journals on a shift's account, without the closing.
	ShiftCash(Shift) (Cash, error)
}

// Config has the parts that a Tills needs; every field is required.
type Config struct {
	Door   access.Door[Tx]
	Sealer registry.Sealer
	Now    func() time.Time
	// MayDate returns the store's times, by which the server's clock is judged. It returns a refusal if the clock is in doubt.
	MayDate func(once.Clock) (sale.Times, refusal.Refusal, error)
}

// Tills carries out the use cases of this package.
type Tills struct {
	c       Config
	answers once.Answers[Tx]
}

// New makes a Tills.
func New(c Config) *Tills {
	return &Tills{c: c, answers: once.Answers[Tx]{Door: c.Door, Sealer: c.Sealer, MayDate: c.MayDate}}
}

// View is a shift with what is in its till.
type View struct {
	refusal.Refusal
	Shift    Shift
	Currency string
	Cash     Cash
	Left     money.Minor // what the books expect in the till now; 0 after closing
	Waits    *access.Approval
}

// Selling finds the shift that the cash of a sale goes to: the open shift of whoever sells. Without one, the sale goes to the till main and
// to no shift.
func Selling(tx ShiftTx, by access.Actor) (shift id.ID, till string, err error) {
	s, found, err := own(tx, by)
	if err != nil || !found {
		return id.ID{}, ledger.MainTill, err
	}
	return s.ID, s.Till, nil
}

// own finds the open shift of the person behind an actor.
func own(tx ShiftTx, by access.Actor) (Shift, bool, error) {
	holder := access.Self(by)
	if holder.IsZero() {
		return Shift{}, false, nil
	}
	return tx.OpenShift(holder)
}

// Payer finds the till that pays back the cash of a sale: the sale's own till, as long as its shift is open. Later it is the open shift with
// the identity asked, and without one the till main.
func Payer(tx ShiftTx, s sale.Sale, asked id.ID) (ledger.AccountRef, error) {
	if s.Seller.Account != 0 || s.Shift.IsZero() {
		return s.Source(), nil
	}
	for _, i := range []id.ID{s.Shift, asked} {
		if i.IsZero() {
			continue
		}
		shift, found, err := tx.ShiftByID(i)
		if err != nil {
			return ledger.AccountRef{}, err
		}
		if found && shift.Open() {
			return shift.Account(), nil
		}
	}
	return sale.TillAccount(id.ID{}, ledger.MainTill), nil
}

// maxTill bounds the name of a till.
const maxTill = 12

// fitsTill reports whether a text can name a till: small letters, digits and dashes, a letter first. Codes of vendors have capital letters,
// and what stands for a provider has a mark of its own, so neither has the name of a till.
func fitsTill(name string) bool {
	if strings.HasPrefix(name, sale.ProviderTill) {
		return false
	}
	for i, c := range []byte(name) {
		if letter := c >= 'a' && c <= 'z'; !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != "" && len(name) <= maxTill
}

// named finds a shift by its identity or by the name of a till that has an open shift. Without a name it is the actor's own open shift.
func named(tx Tx, by access.Actor, name string) (Shift, refusal.Refusal, error) {
	name = strings.TrimSpace(name)
	var s Shift
	var found bool
	var err error
	if i, bad := id.Parse(id.Shift, name); bad == nil {
		s, found, err = tx.Shifts().ShiftByID(i)
	} else if name == "" || name == Mine {
		if s, found, err = own(tx.Shifts(), by); err == nil && !found {
			return s, refuse.NoShiftOpen(), nil
		}
	} else {
		s, found, err = tx.Shifts().OpenAt(strings.ToLower(name))
	}
	if err == nil && !found {
		return s, refuse.ShiftNotFound(refusal.Echo(name)), nil
	}
	return s, refusal.Refusal{}, err
}

// Mine names the asker's own open shift.
const Mine = "mine"

// ofUtility refuses somebody who sells for a vendor: a vendor has a float and no till.
func ofUtility(by access.Actor) refusal.Refusal {
	if !by.OfUtility() {
		return refuse.TillOfUtility()
	}
	return refusal.Refusal{}
}

// Show returns a shift with its cash (right: till.read).
func (ts *Tills) Show(ctx context.Context, by access.Actor, shift string) (View, error) {
	no := by.Needs(access.ReadTills)
	if !no.Refused() {
		no = ofUtility(by)
	}
	if no.Refused() {
		return View{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ts.c.Door, by.Tenant, func(tx Tx) (View, error) {
		s, no, err := named(tx, by, shift)
		if err != nil || no.Refused() {
			return View{Refusal: no}, err
		}
		return view(tx, s)
	})
	return out, fault.Wrap(err, "show shift %s", refusal.Echo(shift))
}

// view reads the cash of a shift.
func view(tx Tx, s Shift) (v View, err error) {
	v.Shift = s
	if v.Currency, _, err = tx.Books().Currency(); err != nil {
		return View{}, err
	}
	if v.Cash, err = tx.Shifts().ShiftCash(s); err != nil {
		return View{}, err
	}
	v.Left, err = tx.Books().Balance(s.Account())
	return v, err
}

// List is one page of shifts, newest first.
type List struct {
	refusal.Refusal
	Shifts   []Shift
	Currency string
	Next     string
}

// listShifts names the list for its cursors.
const listShifts = "shifts"

// List lists shifts (right: till.read).
func (ts *Tills) List(ctx context.Context, by access.Actor, f Filter, page registry.Page) (List, error) {
	no := by.Needs(access.ReadTills)
	if !no.Refused() {
		no = ofUtility(by)
	}
	if !no.Refused() && f.State != "" && f.State != StateOpen && f.State != StateClosed {
		no = refuse.ShiftStateUnknown(refusal.Echo(f.State))
	}
	if no.Refused() {
		return List{Refusal: no}, nil
	}
	before, max, no := page.Read(ts.c.Sealer, by.Tenant, listShifts)
	if no.Refused() {
		return List{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ts.c.Door, by.Tenant, func(tx Tx) (l List, err error) {
		if l.Currency, _, err = tx.Books().Currency(); err != nil {
			return List{}, err
		}
		rows, err := tx.Shifts().ShiftPage(f, before, max+1)
		l.Shifts, l.Next = registry.Cut(rows, max, ts.c.Sealer, by.Tenant, listShifts, func(s Shift) id.ID { return s.ID })
		return l, err
	})
	return out, fault.Wrap(err, "list shifts")
}

// Overnight lists up to max open shifts that were opened before today, newest first (right: till.read).
func (ts *Tills) Overnight(ctx context.Context, by access.Actor, max int) (List, error) {
	no := by.Needs(access.ReadTills)
	if !no.Refused() {
		no = ofUtility(by)
	}
	if no.Refused() {
		return List{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ts.c.Door, by.Tenant, func(tx Tx) (l List, err error) {
		name, err := tx.Shifts().TenantZone()
		if err != nil {
			return List{}, err
		}
		zone, err := localday.LoadZone(name)
		if err != nil {
			return List{}, err
		}
		l.Shifts, err = tx.Shifts().ShiftPage(Filter{State: StateOpen, OpenedBefore: localday.Of(ts.c.Now().In(zone))}, id.ID{}, max)
		return l, err
	})
	return out, fault.Wrap(err, "list shifts left open")
}
