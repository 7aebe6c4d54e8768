// Package tariff prices electricity and splits a payment. It is pure: versions and purchases go in, exact integers
// come out.
//
// Start at [Body], what a tariff says, and [Allocate], which splits what is tendered into charges, energy, tax and
// carry. Prices are without tax; a flat price is one block. A published [Version] is never edited: a change is a new
// version with its own moment of effect.
package tariff

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
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
	TOU      bool     // prices by the time of use: for wallets only, because nobody knows when a token's units are used
	Rounding Rounding // what happens to money that buys no whole tenth of a kilowatt-hour
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
