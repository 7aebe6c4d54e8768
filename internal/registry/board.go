package registry

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Order is what a list of meters is sorted by. Meters that agree in it are in the order of their registration.
type Order string

// Orders. What is unknown comes last.
const (
	Registered Order = ""
	ByNumber   Order = "number"
	ByCustomer Order = "customer"
	ByState    Order = "state"   // the most urgent first
	ByLeft     Order = "left"    // the least left first: meters with tokens, and then wallets
	ByLoad     Order = "load"    // the greatest first
	ByReading  Order = "reading" // the oldest first
)

// Orders lists the orders.
func Orders() []Order {
	return []Order{Registered, ByNumber, ByCustomer, ByState, ByLeft, ByLoad, ByReading}
}

// Board is a numbered page of a sorted list of meters, with how many meters are in each state.
type Board struct {
	refusal.Refusal
	Meters []MeterView
	Counts MeterCounts
	Found  int // meters on all pages
	First  int // how many meters the pages before have
}

// Board lists the meters that a filter names in an order, and counts them (right: meter.read). Pages have size meters and are numbered from 1;
// a number after the last page shows the last.
func (r *Registry) Board(ctx context.Context, by access.Actor, f MeterFilter, o Order, page, size int) (Board, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return Board{Refusal: no}, nil
	}
	var rows []foundRow
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (b Board, err error) {
		found := FirstMeters{Order: o, Most: max(1, min(page, math.MaxInt32)) * size}
		b.Counts, b.Refusal, err = r.sorted(tx, by, f, &found)
		if err != nil || b.Refused() {
			return b, err
		}
		b.Found = found.All
		b.First = max(0, min(page-1, (found.All-1)/size)) * size
		ids := found.Sorted()
		rows, err = rowsOf(tx, ids[b.First:min(len(ids), b.First+size)])
		return b, err
	})
	if err != nil || out.Refused() {
		return out, fault.Wrap(err, "list meters")
	}
	out.Meters = r.shownAll(by, rows)
	return out, nil
}

// StatePage is a page of meters in the order [ByState], without how many there are.
type StatePage struct {
	refusal.Refusal
	Meters []MeterView
	More   bool // whether others follow
}

// StatePage lists the meters that follow one in the order [ByState] (right: meter.read): those in its state that were registered later, and then
// those in the states that are less urgent. It reads meters only until the page is full.
func (r *Registry) StatePage(ctx context.Context, by access.Actor, f MeterFilter, state State, after id.ID, size int) (StatePage, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return StatePage{Refusal: no}, nil
	}
	var rows []foundRow
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (u StatePage, err error) {
		sf, no, err := standingFilter(tx, by, f)
		if err != nil || no.Refused() {
			return StatePage{Refusal: no}, err
		}
		var ids []id.ID
		for _, state := range States()[slices.Index(States(), state):] {
			if err := r.inState(tx, sf, state, after, func(m id.ID) bool { ids = append(ids, m); return len(ids) <= size }); err != nil {
				return u, err
			}
			if u.More = len(ids) > size; u.More {
				ids = ids[:size]
				break
			}
			after = id.ID{}
		}
		rows, err = rowsOf(tx, ids)
		return u, err
	})
	if err != nil || out.Refused() {
		return out, fault.Wrap(err, "list meters by their state")
	}
	out.Meters = r.shownAll(by, rows)
	return out, nil
}

// inState visits the meters in a state that were registered after one.
func (r *Registry) inState(tx Tx, f StandingFilter, state State, after id.ID, visit func(id.ID) bool) error {
	now := r.c.Now()
	return r.standings(tx, f, after, func(s Standing) bool { return s.State(now) != state || visit(s.ID) })
}

// rowsOf reads what lists show of meters.
func rowsOf(tx Tx, ids []id.ID) ([]foundRow, error) {
	recs := make([]MeterRecord, len(ids))
	for i, m := range ids {
		var err error
		if recs[i], _, err = tx.MeterRecord(m); err != nil {
			return nil, err
		}
	}
	return foundRows(tx, recs)
}

func (r *Registry) shownAll(by access.Actor, rows []foundRow) []MeterView {
	out := make([]MeterView, len(rows))
	for i := range rows {
		out[i] = r.shown(by, rows[i])
	}
	return out
}

// sorted counts the meters that a filter names, whatever it says of their state, and adds those in that state to found.
func (r *Registry) sorted(tx Tx, by access.Actor, f MeterFilter, found *FirstMeters) (c MeterCounts, no refusal.Refusal, err error) {
	sf, no, err := standingFilter(tx, by, f)
	if err != nil || no.Refused() {
		return c, no, err
	}
	sf.Names = found.Order == ByCustomer && by.May(access.ReadCustomers)
	if found.Order == ByLeft {
		if found.Left, err = tx.Lists().WalletsLeft(); err != nil {
			return c, no, err
		}
	}
	c.By = map[State]int{}
	now := r.c.Now()
	err = r.standings(tx, sf, id.ID{}, func(s Standing) bool {
		state := s.State(now)
		c.count(state)
		if f.matches(s, state) {
			found.Add(s, state)
		}
		return true
	})
	return c, no, err
}

// FirstMeters holds the first meters of an order, up to the page asked for, so that its memory does not grow with the meters after that page.
type FirstMeters struct {
	Order Order
	Left  map[id.ID]money.Minor // what is left in the wallets of accounts, for the order ByLeft
	Most  int                   // meters to hold
	All   int                   // meters that were added
	rows  []placed
}

// placed is a meter with its place in an order. The numbers decide first, then the text, then which meter was registered earlier.
type placed struct {
	id      id.ID
	numbers [3]int64
	text    string
	nth     int
}

// Add adds the next meter in the order of registration.
func (f *FirstMeters) Add(s Standing, state State) {
	p := placed{id: s.ID, nth: f.All}
	p.numbers, p.text = f.place(s, state)
	f.All++
	if f.Order == Registered && f.All > f.Most {
		return
	}
	if f.rows = append(f.rows, p); len(f.rows) >= 2*f.Most+standingBatch {
		f.sort()
	}
}

// Held returns how many meters are held now.
func (f *FirstMeters) Held() int { return len(f.rows) }

// Sorted returns the identities of the first meters in their order.
func (f *FirstMeters) Sorted() []id.ID {
	f.sort()
	ids := make([]id.ID, len(f.rows))
	for i, p := range f.rows {
		ids[i] = p.id
	}
	return ids
}

// sort sorts the meters and drops those after the first.
func (f *FirstMeters) sort() {
	slices.SortFunc(f.rows, func(a, b placed) int {
		return cmp.Or(slices.Compare(a.numbers[:], b.numbers[:]), cmp.Compare(a.text, b.text), cmp.Compare(a.nth, b.nth))
	})
	f.rows = f.rows[:min(len(f.rows), f.Most)]
}

// place is the place of a meter. What is unknown comes last.
func (f *FirstMeters) place(s Standing, state State) (numbers [3]int64, text string) {
	last := func(unknown bool) int64 {
		if unknown {
			return 1
		}
		return 0
	}
	switch f.Order {
	case ByNumber:
		text = s.Number
	case ByCustomer:
		text = Folded(s.Name)
		numbers[0] = last(text == "")
	case ByState:
		numbers[0] = int64(slices.Index(States(), state))
	case ByLeft:
		switch {
		case s.Money:
			numbers = [3]int64{1, int64(f.Left[s.Account]), int64(s.Credit)}
		case s.Mode == PrepayToken && s.Reported:
			numbers = [3]int64{0, 0, int64(s.Credit)}
		default:
			numbers = [3]int64{2, 0, int64(s.Credit)}
		}
	case ByLoad:
		if numbers[0] = last(!s.Reported); s.Reported {
			numbers[1] = -s.Watts
		}
	case ByReading:
		if numbers[0] = last(!s.Reported); s.Reported {
			numbers[1] = s.AsOf.UnixMicro()
		}
	}
	return numbers, text
}
