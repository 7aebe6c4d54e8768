// Package tariff prices electricity and splits a payment. It is pure: versions and purchases go in, exact integers
// come out.
//
// Start at [Body], what a tariff says, and [Allocate], which splits what is tendered into charges, energy, tax and
// carry. Prices are without tax; a flat price is one block. A published [Version] is never edited: a change is a new
// version with its own moment of effect. The rules are those of the domain reference, §8.
package tariff

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/unit"
)

// Version is one published, immutable state of a tariff.
type Version struct {
	ID            id.ID
	TariffID      id.ID
	Name          string
	N             int // from 1
	EffectiveFrom time.Time
	Body          Body
}

// Body is what a tariff says. Exactly one of Blocks, TOU and Seasons is its price; everything is without tax.
type Body struct {
	Currency string
	VATBps   money.Bps
	Blocks   []Block     // ascending, the last without a limit; a flat price is one block
	TOU      *TOU        // see [Body.ForTokens]
	Seasons  []Season    // see [Body.ForTokens]
	Plan     unit.Energy // what people buy at a time, where that is known: it says when little is left
	Levies   []Levy      // on top of the price of every kilowatt-hour
	Fixed    []FixedCharge
	Fee      VendFee
	Free     Free
	Rounding Rounding // what happens to money that buys no whole tenth of a kilowatt-hour; empty means Carry
	MinVend  money.Minor
	MaxVend  money.Minor // 0 for none

	MaxDeduction money.Bps // ceiling for capped charges, of what is tendered; 0 means DefaultMaxDeduction
}

// Rounding says what happens to the money that buys no whole quantum of 0.1 kWh.
type Rounding string

// Roundings of a purchase.
const (
	Carry   Rounding = "carry"   // units rounded down, the rest waits for the next purchase; the default
	Nearest Rounding = "nearest" // units rounded half up, nothing is left
	Income  Rounding = "income"  // units rounded down, the rest is revenue
)

// Validate says whether a tariff may be published, and why not. Whether tokens may be sold on it is asked of
// [Body.ForTokens].
func (b Body) Validate() refusal.Refusal {
	if _, ok := money.CurrencyOf(b.Currency); !ok {
		return noCurrency(b.Currency)
	}
	if b.VATBps < 0 || b.VATBps > MaxVATBps {
		return invalid(fmt.Sprintf("A tax of %d basis points is outside 0 to %d.", b.VATBps, MaxVATBps), "Write 15 % as 1500.")
	}
	switch b.Rounding {
	case "", Carry, Nearest, Income:
	default:
		return invalid(fmt.Sprintf("The rounding %q is not known.", b.Rounding), "Use carry, nearest or income.")
	}
	if b.MinVend < 0 || b.MaxVend < 0 || b.MaxVend > money.MaxMinor || b.MinVend > money.MaxMinor || b.MaxVend != 0 && b.MaxVend < b.MinVend {
		return invalid(fmt.Sprintf("The smallest purchase %d and the largest %d do not fit together.", b.MinVend, b.MaxVend),
			"Give amounts in minor units, the largest not below the smallest.")
	}
	if b.Plan < 0 || b.Plan > MaxUpTo {
		return invalid(fmt.Sprintf("A plan cannot be for %d Wh.", b.Plan), "Give its energy in Wh.")
	}
	if r := b.validatePrice(); r.Refused() {
		return r
	}
	return b.validateExtras()
}

// noCurrency refuses a tariff whose currency has no code of ISO 4217.
func noCurrency(code string) refusal.Refusal {
	return invalid(fmt.Sprintf("%q is not a currency code of ISO 4217.", code), "Write three capital letters, for example KES.")
}

func invalid(what, try string) refusal.Refusal {
	return refusal.Because(refusal.TariffInvalid, what, "The tariff was not published.", try)
}
