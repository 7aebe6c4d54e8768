package sale

import (
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// CheckTender checks a payment without the store: it must have a known currency, and 0 to [money.MaxMinor] minor units.
func CheckTender(tender money.Amount) refusal.Refusal {
	if _, ok := money.CurrencyOf(tender.Currency); !ok {
		return refuse.AmountCurrencyUnknown(refusal.Echo(tender.Currency))
	}
	if tender.Minor < 0 || tender.Minor > money.MaxMinor {
		return refuse.AmountOutOfRange(int64(tender.Minor), int64(money.MaxMinor))
	}
	return refusal.Refusal{}
}

// Memo returns the text that marks journal entries for a simulated meter.
func (s Sale) Memo() string {
	if s.Meter.Simulated {
		return "TEST"
	}
	return ""
}
