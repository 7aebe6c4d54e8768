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

// Body is what a tariff says.
type Body struct {
	Currency string
	VATBps   money.Bps
	Blocks   []Block  // ascending, the last without a limit; a flat price is one block
	TOU      bool     // prices by the time of use: nobody knows when a token's units are used, so no token is sold on it
	Rounding Rounding // what happens to money that buys no whole tenth of a kilowatt-hour; empty means Carry
	MinVend  money.Minor
	MaxVend  money.Minor // 0 for none
}

// Block is a step of the price within a local month.
type Block struct {
	UpTo unit.Energy     // the month's units up to which it holds, a multiple of 100 Wh; 0 for no limit
	Rate money.MicroRate // per kilowatt-hour, without tax
}

// Rounding says what happens to the money that buys no whole quantum of 0.1 kWh.
type Rounding string

// Roundings of a purchase.
const (
	Carry   Rounding = "carry"   // units rounded down, the rest waits for the next purchase; the default
	Nearest Rounding = "nearest" // units rounded half up, nothing is left
	Income  Rounding = "income"  // units rounded down, the rest is revenue
)

// Limits of a tariff. Within them no product of the price walk leaves 64 bits before it is taken to 128.
const (
	MaxBlocks                 = 32
	MaxRate   money.MicroRate = 1_000_000_000_000 // 1,000,000 of the major unit per kilowatt-hour
	MaxUpTo   unit.Energy     = 1_000_000_000_000 // 1,000 GWh in a month
	MaxVATBps                 = money.Whole
)

// Validate says whether a tariff may be published, and why not. A tariff by time of use is refused: it cannot be
// applied when a token is sold.
func (b Body) Validate() refusal.Refusal {
	if b.TOU {
		return invalid("A tariff by time of use cannot price a token: nobody knows when the units will be used.",
			"Publish a flat price or blocks; time of use needs meters whose balance is kept on the server.")
	}
	if _, ok := money.CurrencyOf(b.Currency); !ok {
		return invalid(fmt.Sprintf("%q is not a currency code of ISO 4217.", b.Currency), "Write three capital letters, for example KES.")
	}
	if b.VATBps < 0 || b.VATBps > MaxVATBps {
		return invalid(fmt.Sprintf("A tax of %d basis points is outside 0 to %d.", b.VATBps, MaxVATBps), "Write 15 % as 1500.")
	}
	switch b.Rounding {
	case "", Carry, Nearest, Income:
	default:
		return invalid(fmt.Sprintf("The rounding %q is not known.", b.Rounding), "Use carry, nearest or income.")
	}
	if b.MinVend < 0 || b.MaxVend < 0 || b.MaxVend > money.MaxMinor || b.MaxVend != 0 && b.MaxVend < b.MinVend {
		return invalid(fmt.Sprintf("The smallest purchase %d and the largest %d do not fit together.", b.MinVend, b.MaxVend),
			"Give amounts in minor units, the largest not below the smallest.")
	}
	return b.validateBlocks()
}

func (b Body) validateBlocks() refusal.Refusal {
	if len(b.Blocks) == 0 || len(b.Blocks) > MaxBlocks {
		return invalid(fmt.Sprintf("There are %d blocks.", len(b.Blocks)), fmt.Sprintf("Give a flat price or 1 to %d blocks.", MaxBlocks))
	}
	var before unit.Energy
	for i, k := range b.Blocks {
		if k.Rate <= 0 || k.Rate > MaxRate {
			return invalid(fmt.Sprintf("The price of block %d is %d millionths per kWh.", i+1, k.Rate),
				fmt.Sprintf("A price lies between 1 and %d millionths of the currency's main unit; 2.50 is 2500000.", MaxRate))
		}
		if i == len(b.Blocks)-1 {
			if k.UpTo != 0 {
				return invalid(fmt.Sprintf("The last block ends at %d Wh.", k.UpTo), "Let the last block have no limit (null).")
			}
			break
		}
		if k.UpTo <= before || k.UpTo > MaxUpTo || k.UpTo%unit.Quantum != 0 {
			return invalid(fmt.Sprintf("The limit of block %d is %d Wh.", i+1, k.UpTo),
				fmt.Sprintf("Limits rise from block to block, are multiples of %d Wh and at most %d Wh; only the last block has none.",
					unit.Quantum, MaxUpTo))
		}
		before = k.UpTo
	}
	return refusal.Refusal{}
}

func invalid(what, try string) refusal.Refusal {
	return refusal.Because(refusal.TariffInvalid, what, "The tariff was not published.", try)
}
