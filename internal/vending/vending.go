// Package vending sells: it prices a purchase, takes the money into the ledger and hands out the token, so that a
// token exists exactly when its journal does.
//
// Start at [Vending.Sell]. A sale has three steps (docs/reference/datapath.md#from-the-sale-to-the-token): reserve writes
// the sale, its frozen lines, the TIDs and the random nibbles; [Issuer.Issue] makes each token from these stored inputs
// alone, so that asking again gives the same digits; complete keeps the sealed token, posts the journal, takes the
// receipt number and enqueues the delivery. A local issuer runs all three in one transaction, any other in two, and
// [Vending.Recover] finishes what a crash or a lost answer left between them.
//
// Digits are worth money. They leave this package only through [Issued], which what Sell returned after the commit
// has, and through the [Digits] handed to Order.Render, whose bytes are sealed and given out after the commit.
//
// Not here: the price itself (tariff), the books (ledger), keys (keystore), the layout of a receipt (print).
package vending

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/once"
)

// Limits of a sale.
const (
	MaxTokens    = 8                   // tokens of one sale; more is vend-too-large
	MaxClockBack = 10 * time.Minute    // how far the clock may stand before the newest issue time
	MaxClockJump = time.Hour           // how far wall time and running time may part unasked
	MaxClockRest = 24 * time.Hour      // how far past the last known moment a clock may stand unasked when the program starts
	MaxRef       = 64                  // bytes of a client reference
	QuoteLife    = 5 * time.Minute     // how long a quoted price is said to hold
	PushLife     = 90 * 24 * time.Hour // how long a pushed token waits for its meter to connect
	ReferLife    = 30 * time.Second    // age from which Recover takes up a sale that is still open
)

// Config is what a Vending needs; every field but Running, Synced, Kick, Online and Log is required.
type Config struct {
	Door   access.Door[Tx]
	Issuer Issuer
	Sealer Sealer
	Now    func() time.Time // the server's clock, with its monotonic reading where it has one, as time.Now
	// Running has the monotonic reading where Now, the clock of a database, has none; nil: Now has it.
	Running func() time.Time
	// Synced reports whether the system's time service says that it keeps the clock; nil: it says nothing.
	Synced func() bool
	Rand   io.Reader                // safe for concurrent use, as crypto/rand.Reader is
	Kick   func()                   // called after a commit that left something to deliver; may be nil
	Online func(number string) bool // whether a meter holds a connection right now; nil: none ever does
	Sends  func(route string) bool  // whether there is something to send messages by; nil: nothing
	Log    *slog.Logger             // told what broke at an issuer; nil keeps silent
}

// Vending carries out the use cases of this package.
type Vending struct {
	c       Config
	answers once.Answers[Tx]
	guard   clockGuard
	flights flights
	zones   sync.Map // of *time.Location by name
}

// New makes a Vending.
func New(c Config) *Vending {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	v := &Vending{c: c, guard: clockGuard{running: c.Running, synced: c.Synced}}
	v.guard.start(c.Now())
	v.answers = once.Answers[Tx]{Door: c.Door, Sealer: c.Sealer, MayDate: v.MayDate}
	return v
}

// moment is now as it is stored: UTC, whole microseconds.
func (v *Vending) moment() time.Time { return access.Stored(v.c.Now()) }
