package tariff

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// MonthForm is the layout of a local month, "2026-11".
const MonthForm = "2006-01"

// MonthUse is the energy that one meter used, or its account bought, in one local month.
type MonthUse struct {
	Meter string
	Month string
	Units unit.Energy
}

// Bill is the cost of a month on a tariff.
type Bill struct {
	Paid    money.Minor // everything, including levies and tax
	Revenue money.Minor // energy, fixed charges and fee, without levies and tax
	Capped  bool        // because of the ceiling, one payment of the whole bill could not cover all charges
}

// Bill prices a month: its units beyond the free units as consumption, one fee, and the fixed charges of the whole month. If the price
// depends on time, the units are spread evenly over the month. A month of a future year is priced the same.
func (b Body) Bill(u MonthUse, zone *time.Location) (Bill, error) {
	month, err := time.Parse(MonthForm, u.Month)
	if err != nil || u.Units < 0 {
		return Bill{}, fmt.Errorf("%w: %d Wh in month %q", ErrUse, u.Units, u.Month)
	}
	paid := max(u.Units-b.Free.Units, 0)
	use := Use{Units: paid, From: localday.Begin(month.Year(), month.Month(), 1, zone), To: localday.Begin(month.Year(), month.Month()+1, 1, zone)}
	start := RatingState{Month: u.Month}
	if !b.Free.Apart {
		start.Used = min(b.Free.Units, u.Units)
	}
	_, gross, err := b.Rate(start, zone, use)
	if err != nil {
		return Bill{}, err
	}
	bare := b
	bare.VATBps, bare.Levies = 0, nil
	_, net, err := bare.Rate(start, zone, use)
	if err != nil {
		return Bill{}, err
	}
	out := Bill{Paid: gross.Debit, Revenue: net.Debit}
	charges, err := b.standing(month, &out)
	if err != nil {
		return Bill{}, err
	}
	out.Capped, err = b.capped(out.Paid, charges)
	return out, err
}

// standing adds to a bill the charges that do not depend on use.
func (b Body) standing(month time.Time, out *Bill) ([]Charge, error) {
	last := time.Date(month.Year(), month.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	var charges []Charge
	for _, f := range b.Fixed {
		due, err := b.FixedDue(f, month.Year(), month.Month(), 1, last)
		if err != nil {
			return nil, err
		}
		tax, err := money.TaxIn(due, b.FixedVAT(f))
		if err != nil {
			return nil, err
		}
		out.Paid, out.Revenue = out.Paid+due, out.Revenue+due-tax
		charges = append(charges, Charge{Kind: Fixed, Ref: f.Name, Priority: FixedPriority, Mode: Full, Outstanding: due, Capped: !f.Uncapped})
	}
	own, revenue, err := b.perPurchase()
	if err != nil {
		return nil, err
	}
	for _, c := range own {
		out.Paid += c.Amount
	}
	out.Revenue += revenue
	return charges, nil
}

// capped reports whether the ceiling keeps a payment from covering all of its charges.
func (b Body) capped(tender money.Minor, charges []Charge) (bool, error) {
	if len(charges) == 0 || tender > money.MaxMinor {
		return false, nil
	}
	paid, _, err := deduct(tender, charges, b.MaxDeduction, true)
	if err != nil {
		return false, err
	}
	for _, d := range paid {
		if slices.ContainsFunc(d.Bounds, func(x Bound) bool { return x.Rule == Ceiling }) {
			return true, nil
		}
	}
	return len(paid) < len(charges), nil
}

// Change is the effect of a draft on one meter over all its months.
type Change struct {
	Meter  string
	Before money.Minor
	After  money.Minor
}

// Rise returns how much more the meter's customer pays with the draft.
func (c Change) Rise() money.Minor { return c.After - c.Before }

// Comparison compares a draft with the present tariff over the same consumption.
type Comparison struct {
	Meters, Months            int
	Units                     unit.Energy
	Winners, Losers, Same     int // meters that pay less, more or as much
	Before, After             Bill
	CappedBefore, CappedAfter int      // months whose charges hit the ceiling
	Rises                     []Change // the biggest rises, in descending order; equal rises by meter
}

// Body returns the comparison in the form of answers.
func (c Comparison) Body() apiv1.Comparison {
	share := func(n int) int64 { return int64(n) * int64(money.Whole) / int64(max(c.Months, 1)) }
	b := apiv1.Comparison{Meters: c.Meters, Months: c.Months, UnitsWh: int64(c.Units), Winners: c.Winners, Losers: c.Losers, Same: c.Same,
		PaidBeforeMinor: int64(c.Before.Paid), PaidAfterMinor: int64(c.After.Paid), RevenueBeforeMinor: int64(c.Before.Revenue),
		RevenueAfterMinor: int64(c.After.Revenue), CappedBefore: c.CappedBefore, CappedAfter: c.CappedAfter,
		CappedBeforeBps: share(c.CappedBefore), CappedAfterBps: share(c.CappedAfter), Rises: []apiv1.Rise{}}
	for _, r := range c.Rises {
		b.Rises = append(b.Rises, apiv1.Rise{Meter: r.Meter, BeforeMinor: int64(r.Before), AfterMinor: int64(r.After), RiseMinor: int64(r.Rise())})
	}
	return b
}

// Limits of a comparison.
const (
	MaxUses  = 1_000_000
	MaxRises = 100
)

// Compare prices the same consumption on two tariffs. The parameter rises is the number of the biggest rises to list.
func Compare(now, draft Body, uses []MonthUse, zone *time.Location, rises int) (Comparison, error) {
	if now.Currency != draft.Currency {
		return Comparison{}, fmt.Errorf("compare a tariff in %s with one in %s: %w", now.Currency, draft.Currency, errPurchase)
	}
	if len(uses) > MaxUses {
		return Comparison{}, fmt.Errorf("compare %d months, at most %d: %w", len(uses), MaxUses, errPurchase)
	}
	c := Comparison{Months: len(uses)}
	meters := map[string]*Change{}
	for _, u := range uses {
		before, err := now.Bill(u, zone)
		if err != nil {
			return Comparison{}, fmt.Errorf("meter %s on the present tariff: %w", u.Meter, err)
		}
		after, err := draft.Bill(u, zone)
		if err != nil {
			return Comparison{}, fmt.Errorf("meter %s on the draft: %w", u.Meter, err)
		}
		m := meters[u.Meter]
		if m == nil {
			m = &Change{Meter: u.Meter}
			meters[u.Meter] = m
		}
		m.Before, m.After = m.Before+before.Paid, m.After+after.Paid
		c.add(u, before, after)
	}
	for _, m := range meters {
		switch {
		case m.Rise() < 0:
			c.Winners++
		case m.Rise() > 0:
			c.Losers++
		default:
			c.Same++
		}
		if m.Rise() > 0 {
			c.Rises = append(c.Rises, *m)
		}
	}
	c.Meters = len(meters)
	slices.SortFunc(c.Rises, func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.Rise(), a.Rise()), cmp.Compare(a.Meter, b.Meter))
	})
	c.Rises = c.Rises[:min(len(c.Rises), rises, MaxRises)]
	return c, nil
}

func (c *Comparison) add(u MonthUse, before, after Bill) {
	c.Units += u.Units
	c.Before.Paid, c.Before.Revenue = c.Before.Paid+before.Paid, c.Before.Revenue+before.Revenue
	c.After.Paid, c.After.Revenue = c.After.Paid+after.Paid, c.After.Revenue+after.Revenue
	if before.Capped {
		c.CappedBefore++
	}
	if after.Capped {
		c.CappedAfter++
	}
}
