package tariff

import (
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/money"
)

// ChargeKind is the kind of a charge.
type ChargeKind string

// Kinds of charges.
const (
	Fee   ChargeKind = "fee"   // a fee for the purchase itself
	Fixed ChargeKind = "fixed" // a month's fixed charge, due whether or not anything is bought
	Debt  ChargeKind = "debt"
)

// These are the default priorities of charges. Energy comes after all charges.
const (
	FeePriority   = 10
	FixedPriority = 20
	DebtPriority  = 30
)

// ChargeMode says how much of a purchase a charge takes.
type ChargeMode string

// Modes of a charge.
const (
	Percent ChargeMode = "percent" // a share of the whole payment, not of the rest; rounded down
	Amount  ChargeMode = "fixed"
	Full    ChargeMode = "full" // everything outstanding
)

// Charge is something that a purchase must pay before it buys energy. Amounts include the charge's own tax. Its JSON form is stored with a
// sale, so that the sale can be calculated again.
type Charge struct {
	Kind     ChargeKind  `json:"kind"`
	Ref      string      `json:"ref,omitempty"` // which charge or debt it is
	Priority int         `json:"priority"`      // ascending; of two charges with the same priority, the older first
	Since    time.Time   `json:"since,omitzero"`
	Mode     ChargeMode  `json:"mode"`
	Percent  money.Bps   `json:"percent_bps,omitempty"`
	Amount   money.Minor `json:"amount_minor,omitempty"`

	Min         money.Minor `json:"min_minor,omitempty"`       // least amount from a purchase
	Max         money.Minor `json:"max_minor,omitempty"`       // greatest amount from one purchase; 0 for no limit
	MonthCap    money.Minor `json:"month_cap_minor,omitempty"` // greatest amount in a month; 0 for no limit
	Taken       money.Minor `json:"taken_minor,omitempty"`     // taken already this month
	Endless     bool        `json:"endless,omitempty"`         // the charge has no outstanding amount; for example, a fee on every purchase
	Outstanding money.Minor `json:"outstanding_minor,omitempty"`

	VATBps money.Bps `json:"vat_bps,omitempty"` // rate of the tax that the charge contains
	Capped bool      `json:"capped,omitempty"`  // whether the charge shares the ceiling of Purchase.MaxDeduction
}

// Deduction is a purchase's payment towards one charge.
type Deduction struct {
	Charge Charge
	Gross  money.Minor
	VAT    money.Minor // tax contained in Gross
	Bounds []Bound     // how Gross was decided, if Purchase.Trace is set
}

// Bound is a rule that decided the payment for a charge, with the amount after this rule.
type Bound struct {
	Rule   Rule
	Amount money.Minor
}

// Rule is the name of a rule about charges. Rules apply in this order.
type Rule string

// Rules of a charge.
const (
	AskPercent     Rule = "percent_of_tender" // rounded down
	AskAmount      Rule = "fixed_amount"
	AskOutstanding Rule = "all_outstanding"
	AtLeast        Rule = "at_least"
	AtMost         Rule = "at_most"
	MonthLimit     Rule = "month_limit"
	NotMoreThanDue Rule = "outstanding"
	Ceiling        Rule = "ceiling" // the rest of the share of the purchase that charges may take
	WhatIsLeft     Rule = "what_is_left"
)

// trace records the rules that changed an amount; nil records nothing.
type trace struct{ bounds []Bound }

func (t *trace) note(r Rule, before, after money.Minor) money.Minor {
	if t != nil && (before != after || len(t.bounds) == 0) {
		t.bounds = append(t.bounds, Bound{r, after})
	}
	return after
}

// Net is the deduction without its tax.
func (d Deduction) Net() money.Minor { return d.Gross - d.VAT }

// DefaultMaxDeduction is the share of the payment that capped charges may take together.
const DefaultMaxDeduction money.Bps = 7000

// deduct pays the charges in their order. It returns the deductions that are not zero, and their sum.
func deduct(tender money.Minor, charges []Charge, maxDeduction money.Bps, traced bool) ([]Deduction, money.Minor, error) {
	if maxDeduction == 0 {
		maxDeduction = DefaultMaxDeduction
	}
	ceiling, err := money.Share(tender, maxDeduction, money.Floor)
	if err != nil {
		return nil, 0, err
	}
	order := slices.Clone(charges)
	slices.SortStableFunc(order, func(a, b Charge) int {
		if a.Priority != b.Priority {
			return a.Priority - b.Priority
		}
		return a.Since.Compare(b.Since)
	})
	var paid []Deduction
	left := tender
	for _, c := range order {
		var t *trace
		if traced {
			t = &trace{}
		}
		ask, err := c.asks(tender, t)
		if err != nil {
			return nil, 0, fmt.Errorf("charge %s %s: %w", c.Kind, c.Ref, err)
		}
		if c.Capped {
			ask = t.note(Ceiling, ask, min(ask, ceiling))
		}
		ask = t.note(WhatIsLeft, ask, min(ask, left))
		if ask <= 0 {
			continue
		}
		vat, err := money.TaxIn(ask, c.VATBps)
		if err != nil {
			return nil, 0, fmt.Errorf("charge %s %s: %w", c.Kind, c.Ref, err)
		}
		d := Deduction{Charge: c, Gross: ask, VAT: vat}
		if t != nil {
			d.Bounds = t.bounds
		}
		paid = append(paid, d)
		left -= ask
		if c.Capped {
			ceiling -= ask
		}
	}
	return paid, tender - left, nil
}

// asks returns the amount that a charge claims of a purchase, before the limits of the purchase.
func (c Charge) asks(tender money.Minor, t *trace) (money.Minor, error) {
	var ask money.Minor
	var err error
	rule := AskPercent
	switch c.Mode {
	case Percent:
		ask, err = money.Share(tender, c.Percent, money.Floor)
	case Amount:
		rule, ask = AskAmount, c.Amount
	case Full:
		rule, ask = AskOutstanding, c.Outstanding
	default:
		err = fmt.Errorf("mode %q is not known", c.Mode)
	}
	if err != nil {
		return 0, err
	}
	t.note(rule, 0, ask)
	ask = t.note(AtLeast, ask, max(ask, c.Min))
	if c.Max > 0 {
		ask = t.note(AtMost, ask, min(ask, c.Max))
	}
	if c.MonthCap > 0 {
		ask = t.note(MonthLimit, ask, min(ask, c.MonthCap-c.Taken))
	}
	if !c.Endless {
		ask = t.note(NotMoreThanDue, ask, min(ask, c.Outstanding))
	}
	return max(ask, 0), nil
}
