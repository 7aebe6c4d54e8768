// Package tariff prices electricity and splits a payment. It has no side effects: versions and purchases go in, exact integers come out.
//
// Start at [Body], the content of a tariff, and [Allocate], which splits a payment into charges, energy, tax and carry. Prices are without
// tax; a flat price is one block. A published [Version] is never edited: a change is a new version with its own effective time. The rules
// are those of docs/reference/money.md#a-purchase.
package tariff

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// Version is one published, immutable state of a tariff.
type Version struct {
	ID            id.ID
	TariffID      id.ID
	Name          string
	N             int // number of the version, from 1
	EffectiveFrom time.Time
	Body          Body
	// Withdraws is the number of the version that this one takes back; 0 for none. Neither of the two begins. A withdrawal has the moment of
	// the version that it takes back, and the price that went on when it was published.
	Withdraws int
}

// NewestAt returns the version of a tariff that was published last for a moment; false if there is none.
func NewestAt(versions []Version, at time.Time) (newest Version, found bool) {
	for _, v := range versions {
		if v.EffectiveFrom.Equal(at) && v.N > newest.N {
			newest, found = v, true
		}
	}
	return newest, found
}

// Begins reports whether a version begins, or has begun. A version that was replaced or withdrawn never begins, and neither does a withdrawal. One
// that was replaced after its moment has begun; what was charged by it is corrected, as if the other had begun. The parameter all holds the
// versions of the tariff.
func (v Version) Begins(all []Version) bool {
	newest, _ := NewestAt(all, v.EffectiveFrom)
	return newest.N == v.N && v.Withdraws == 0
}

// Body is the content of a tariff. Exactly one of Blocks, TOU and Seasons is its price. All amounts are without tax.
type Body struct {
	Currency string
	VATBps   money.Bps
	Blocks   []Block     // ascending, the last without a limit; a flat price is one block
	TOU      *TOU        // see [Body.ForTokens]
	Seasons  []Season    // see [Body.ForTokens]
	Plan     unit.Energy // the energy people buy at a time, if known; it sets the level of the warnings
	Levies   []Levy      // on top of the price of every kilowatt-hour
	Fixed    []FixedCharge
	Fee      VendFee
	Free     Free
	Rounding Rounding // what happens to money that is too little for a tenth of a kilowatt-hour; empty means Carry
	MinVend  money.Minor
	MaxVend  money.Minor // largest purchase; 0 for no limit

	MaxDeduction money.Bps // ceiling for capped charges, as a share of the payment; 0 means DefaultMaxDeduction
}

// Rounding says what happens to money that is too little for a whole quantum of 0.1 kWh.
type Rounding string

// Roundings of a purchase.
const (
	Carry   Rounding = "carry"   // units rounded down, the rest is carried to the next purchase; the default
	Nearest Rounding = "nearest" // units rounded half up, nothing is left
	Income  Rounding = "income"  // units rounded down, the rest is revenue
)

// Validate returns why a tariff may not be published. [Body.ForTokens] decides whether tokens may be sold on it.
func (b Body) Validate() refusal.Refusal {
	if _, ok := money.CurrencyOf(b.Currency); !ok {
		return refuse.TariffCurrencyUnknown(refusal.Echo(b.Currency))
	}
	if b.VATBps < 0 || b.VATBps > MaxVATBps {
		return refuse.TariffShareOutOfRange("vat_bps", int64(b.VATBps), 0, int64(MaxVATBps))
	}
	switch b.Rounding {
	case "", Carry, Nearest, Income:
	default:
		return refuse.TariffRoundingUnknown(refusal.Echo(string(b.Rounding)))
	}
	switch {
	case b.MinVend < 0 || b.MinVend > money.MaxMinor:
		return refuse.TariffPurchaseLimitOutOfRange("min_vend_minor", int64(b.MinVend), int64(money.MaxMinor))
	case b.MaxVend < 0 || b.MaxVend > money.MaxMinor:
		return refuse.TariffPurchaseLimitOutOfRange("max_vend_minor", int64(b.MaxVend), int64(money.MaxMinor))
	case b.MaxVend != 0 && b.MaxVend < b.MinVend:
		return refuse.TariffPurchaseLimitsCrossed(int64(b.MaxVend), int64(b.MinVend))
	}
	if b.Plan < 0 || b.Plan > MaxUpTo {
		return refuse.TariffPlanEnergyOutOfRange(int64(b.Plan), int64(MaxUpTo))
	}
	if r := b.validatePrice(); r.Refused() {
		return r
	}
	return b.validateExtras()
}
