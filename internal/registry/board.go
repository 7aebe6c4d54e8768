package registry

import (
	"cmp"
	"context"
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
		var found []*Standing
		b.Counts, found, b.Refusal, err = r.sorted(tx, by, f, o)
		if err != nil || b.Refused() {
			return b, err
		}
		b.Found = len(found)
		b.First = max(0, min(page-1, (len(found)-1)/size)) * size
		found = found[b.First:min(len(found), b.First+size)]
		recs := make([]MeterRecord, len(found))
		for i, s := range found {
			if recs[i], _, err = tx.MeterRecord(s.ID); err != nil {
				return b, err
			}
		}
		rows, err = foundRows(tx, recs)
		return b, err
	})
	if err != nil || out.Refused() {
		return out, fault.Wrap(err, "list meters")
	}
	out.Meters = make([]MeterView, len(rows))
	for i := range rows {
		out.Meters[i] = r.shown(by, rows[i])
	}
	return out, nil
}

// sorted counts the meters that a filter names, whatever it says of their state, and returns those in that state in an order.
func (r *Registry) sorted(tx Tx, by access.Actor, f MeterFilter, o Order) (c MeterCounts, found []*Standing, no refusal.Refusal, err error) {
	sf, no, err := standingFilter(tx, by, f)
	if err != nil || no.Refused() {
		return c, nil, no, err
	}
	sf.Names = o == ByCustomer && by.May(access.ReadCustomers)
	c.By = map[State]int{}
	now := r.c.Now()
	states := map[id.ID]State{}
	err = r.standings(tx, sf, id.ID{}, func(s Standing) bool {
		state := s.State(now)
		if sf.Names {
			s.Name = Folded(s.Name)
		}
		c.count(state)
		if f.matches(s, state) {
			found, states[s.ID] = append(found, &s), state
		}
		return true
	})
	if err != nil {
		return c, nil, no, err
	}
	var left map[id.ID]money.Minor
	if o == ByLeft {
		if left, err = tx.Lists().WalletsLeft(); err != nil {
			return c, nil, no, err
		}
	}
	slices.SortStableFunc(found, func(a, b *Standing) int {
		switch o {
		case ByNumber:
			return cmp.Compare(a.Number, b.Number)
		case ByCustomer:
			return lastly(a.Name == "", b.Name == "", cmp.Compare(a.Name, b.Name))
		case ByState:
			return cmp.Compare(slices.Index(States(), states[a.ID]), slices.Index(States(), states[b.ID]))
		case ByLeft:
			return byLeft(a, b, left)
		case ByLoad:
			return lastly(!a.Reported, !b.Reported, cmp.Compare(b.Watts, a.Watts))
		case ByReading:
			return lastly(!a.Reported, !b.Reported, a.AsOf.Compare(b.AsOf))
		}
		return 0
	})
	return c, found, no, nil
}

// lastly puts what is unknown last.
func lastly(a, b bool, otherwise int) int {
	switch {
	case a && b:
		return 0
	case a:
		return 1
	case b:
		return -1
	}
	return otherwise
}

// byLeft compares what is left in meters, and in wallets.
func byLeft(a, b *Standing, wallets map[id.ID]money.Minor) int {
	kind := func(s *Standing) int {
		switch {
		case s.Wallet:
			return 1
		case s.Mode == PrepayToken && s.Reported:
			return 0
		}
		return 2
	}
	left := func(s *Standing) money.Minor {
		if !s.Wallet {
			return 0
		}
		return wallets[s.Account]
	}
	return cmp.Or(cmp.Compare(kind(a), kind(b)), cmp.Compare(left(a), left(b)), cmp.Compare(a.Credit, b.Credit))
}
