package sale

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
)

// NothingMoved says what a refused request that moves money did not do.
const NothingMoved = "No money was taken and no token was made."

// CheckTender checks what is paid before anything is looked up: a known currency, and 0 to [money.MaxMinor] minor units.
func CheckTender(tender money.Amount) refusal.Refusal {
	if _, ok := money.CurrencyOf(tender.Currency); !ok {
		return refusal.Because(refusal.AmountInvalid, fmt.Sprintf("%q is not a currency code of ISO 4217.", refusal.Echo(tender.Currency)),
			NothingMoved, "Write three capital letters, for example KES.")
	}
	if tender.Minor < 0 || tender.Minor > money.MaxMinor {
		return refusal.Because(refusal.AmountInvalid, fmt.Sprintf("An amount of %d minor units cannot be paid.", tender.Minor),
			NothingMoved, fmt.Sprintf("Give 0 to %d minor units, where 10000 is 100.00.", int64(money.MaxMinor)))
	}
	return refusal.Refusal{}
}

// WrongCurrency refuses money of another currency than the tenant's.
func WrongCurrency(got, want string) refusal.Refusal {
	return refusal.Because(refusal.CurrencyMismatch, fmt.Sprintf("%s was offered; this meter is sold in %s.", got, want),
		NothingMoved, "Pay in "+want+".")
}

// Memo marks what is posted for a simulated meter.
func (s Sale) Memo() string {
	if s.Meter.Simulated {
		return "TEST"
	}
	return ""
}
