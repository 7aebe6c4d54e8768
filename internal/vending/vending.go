// Package vending sells: it prices a purchase, takes the money into the ledger and hands out the token, so that a
// token exists exactly when its journal does.
//
// Start at [Vending.Sell]. A sale has three steps (architecture §3): reserve writes the sale, its frozen lines, the
// TIDs and the random nibbles; [Issuer.Issue] makes each token from these stored inputs alone, so that asking again
// gives the same digits; complete keeps the sealed token, posts the journal, takes the receipt number and enqueues the
// delivery. A local issuer runs all three in one transaction, any other in two, and [Vending.Recover] finishes what a
// crash or a lost answer left between them.
//
// Digits are worth money. They leave this package only through [Issued], which what Sell returned after the commit
// has, and through the [Digits] handed to Order.Render, whose bytes are sealed and given out after the commit.
//
// Not here: the price itself (tariff), the books (ledger), keys (keystore), the layout of a receipt (print).
package vending

import (
	"io"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// Limits of a sale.
const (
	MaxTokens    = 8                   // tokens of one sale; more is vend-too-large
	MaxAhead     = 1440                // minutes that a TID may lie ahead of the clock
	MaxClockBack = 10 * time.Minute    // how far the clock may stand before the newest issue time
	MaxClockJump = time.Hour           // how far wall time and running time may part unasked
	MaxRef       = 64                  // bytes of a client reference
	QuoteLife    = 5 * time.Minute     // how long a quoted price is said to hold
	PushLife     = 90 * 24 * time.Hour // how long a pushed token waits for its meter to connect
	ReferLife    = 30 * time.Second    // age from which Recover takes up a sale that is still open
)

// Vending sells for the tenants behind one door.
type Vending struct {
	door   access.Door[Tx]
	issuer Issuer
	sealer Sealer
	now    func() time.Time
	rnd    io.Reader
	guard  clockGuard
}

// New makes a Vending. now is the server's clock and rnd its randomness; both must be safe for concurrent use, as
// time.Now and crypto/rand.Reader are.
func New(door access.Door[Tx], issuer Issuer, sealer Sealer, now func() time.Time, rnd io.Reader) *Vending {
	v := &Vending{door: door, issuer: issuer, sealer: sealer, now: now, rnd: rnd}
	v.guard.start(now())
	return v
}
