package vending

import (
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vendor"
)

// Magic meters help developers to test against the API. They are registered as simulated meters, so only test keys sell to them, and they
// answer as a meter in trouble would. A real meter with the same number behaves like any other.
const (
	MagicBlocked    = "04999990015" // 409 meter-blocked
	MagicTimeout    = "04999990023" // sold, but the first answer is lost: 503 outcome-unknown; the repetition returns the sale
	MagicKeyChange  = "04999990031" // 409 key-change-required
	MagicFloatShort = "04999990049" // 409 insufficient-float
	MagicUnknown    = "04999990056" // 503 issuer-outcome-unknown each time; nothing is sold, as a query by client_ref shows
)

// magic returns the refusal of a magic meter, or the zero Refusal for any other meter.
func magic(p sale.Point, tender money.Amount, now time.Time) refusal.Refusal {
	if !p.Meter.Simulated {
		return refusal.Refusal{}
	}
	switch p.Meter.Number {
	case MagicBlocked:
		p.Status = "blocked"
		return blocked(p)
	case MagicKeyChange:
		return refuse.KeyChangePlanned(p.Meter.Number)
	case MagicFloatShort:
		return vendor.FloatShort(tender, 0)
	case MagicUnknown:
		return refuse.TestIssuerSilent(now)
	}
	return refusal.Refusal{}
}

// lost reports whether the first answer to a sale must be lost.
func (s Sold) lost() bool {
	return s.Sale.Meter.Simulated && s.Sale.Meter.Number == MagicTimeout && s.Replay == nil && !s.Repeated
}

func answerLost() refusal.Refusal {
	return refuse.TestAnswerLost()
}
