package registry

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// Energy that somebody paid for stays in a keypad meter when the customer leaves, and no token can take it out. So whoever moves a customer out or in
// says how much it is, and the papers of both customers say the same.

// CreditState says what is known about the credit in a keypad meter between two customers.
type CreditState string

// States of a credit.
const (
	CreditNotAsked CreditState = ""        // nobody asked: the account has its money on the server, or is older than the question
	CreditUnknown  CreditState = "unknown" // somebody was asked, and could not read the display
	CreditRead     CreditState = "read"
)

// CreditLeft is the credit in a keypad meter when an account of it begins or ends.
type CreditLeft struct {
	State CreditState `json:"state,omitempty"`
	Units unit.Energy `json:"units_wh,omitempty"` // as somebody read it from the display
}

// MaxCreditLeft is the most energy that somebody can read from a display.
const MaxCreditLeft = 100 * unit.MaxToken

// CreditOf returns the credit that somebody read from a display.
func CreditOf(units unit.Energy) CreditLeft { return CreditLeft{State: CreditRead, Units: units} }

// String writes the credit for the audit log.
func (c CreditLeft) String() string {
	if c.State == CreditRead {
		return fmt.Sprint(int64(c.Units))
	}
	return string(c.State)
}

// Figure returns the credit as a figure of an effect; no value if nobody asked.
func (c CreditLeft) Figure() access.Value {
	switch c.State {
	case CreditRead:
		return access.Counts(access.UnitEnergy, int64(c.Units))
	case CreditUnknown:
		return access.Named("credit", string(c.State))
	}
	return access.Value{}
}

// Check refuses a credit that no meter can have, or that was stated about an account that has none.
func (c CreditLeft) Check(mode Mode) refusal.Refusal {
	switch {
	case c.State == CreditNotAsked:
		return refusal.Refusal{}
	case mode != PrepayToken:
		return refuse.CreditWithoutKeypad(string(mode))
	case c.State == CreditRead && (c.Units < 0 || c.Units > MaxCreditLeft):
		return refuse.CreditOutOfRange(MaxCreditLeft)
	}
	return refusal.Refusal{}
}
