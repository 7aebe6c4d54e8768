package vending

import (
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
)

// Purchase is one requested purchase.
type Purchase struct {
	Meter     string       // number or identity
	Tender    money.Amount // the payment
	ClientRef string       // the seller's own name for this sale, used only once by a vendor; empty means Once.Key
	Payment   id.ID        // the payment of a provider that pays for it; zero if the seller takes the money
	Account   id.ID        // the only account that the payment may buy for; zero for whichever the meter supplies
	Deliver   []string     // routes besides the answer itself: RouteMQTT, RouteSMS, RouteMeterSMS
	Once      access.Once  // the request's identity, from the Idempotency-Key; the zero value needs a ClientRef

	// Render makes the answer that is stored, sealed, under Once.Key in the sale's own transaction and sent after it. It may be called more
	// than once and must have no side effects. It is nil if no answer is to be replayed. A sale that was repeated under a new key is stored
	// and answered with status 200, whatever Render returns.
	Render func(sale.Sale, Digits) (status int, body []byte)
	// RenderRefusal makes the stored answer of a refusal that is the request's own fault (status 4xx). If it is nil, no refusal is stored.
	RenderRefusal func(refusal.Refusal) (status int, body []byte)
}

// Sold is the outcome of an order: refused, replayed, repeated or newly sold.
type Sold struct {
	refusal.Refusal
	Reply    once.Reply  // the answer to send, byte for byte; Status 0 if nothing was rendered
	Replay   *once.Reply // the stored answer of an earlier request with this key and body; then no other field is set
	Repeated bool        // the client_ref already named this sale: no second sale was made
	Sale     sale.Sale
	Issued   Issued // the digits, in the order of Sale.Tokens
}

// Moved tells whether money moved, for the problem document of a sale.
type Moved string

// Values of Moved.
const (
	MovedYes     Moved = "yes"
	MovedNo      Moved = "no"
	MovedUnknown Moved = "unknown"
)

// MoneyMoved returns what a refusal of a sale means for the money: unknown if the sale may still complete, otherwise no, because a refused
// transaction is rolled back completely.
func MoneyMoved(c refusal.Code) Moved {
	switch c {
	case refusal.IssuerUnknown, refusal.OutcomeUnknown, refusal.IdempotencyRunning, refusal.Internal:
		return MovedUnknown
	default:
		return MovedNo
	}
}
