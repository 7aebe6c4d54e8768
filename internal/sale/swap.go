package sale

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/unit"
)

// Swap records that a meter took the place, the customer and the account of another one.
type Swap struct {
	ID       id.ID
	Old, New MeterRef
	Account  id.ID
	At       time.Time

	// Of a token meter: what was left in the old meter, and the tokens of it that were never entered. The new meter gets their sum, rounded
	// down to a whole 0.1 kWh, by the tokens of Job.
	Balance    unit.Energy
	BalanceAt  time.Time
	Source     string // how the balance is known: SwapRead, SwapReported, or empty for a wallet
	Tokens     []id.ID
	TokenUnits unit.Energy
	Units      unit.Energy
	Job        id.ID // zero if nothing was left

	// Of a wallet meter: the register at which the old meter was closed, and its time by the meter's clock; RegisterAt is zero if the meter
	// never reported a register.
	Register   unit.Energy
	RegisterAt time.Time

	Reason     string
	By         string
	ApprovedBy string
}

// Sources of the balance of a meter that is replaced.
const (
	SwapRead     = "display"  // somebody read it off the display
	SwapReported = "reported" // the meter reported it
)
