// Package vending sells: it prices a purchase, books the money and issues the token. A token exists exactly when its journal does.
//
// Start at [Vending.Sell]. A sale has three steps (docs/reference/datapath.md#from-the-sale-to-the-token): reserving, making the tokens and
// completing. Reserving writes the sale, its frozen lines, the TIDs and the random nibbles. [Issuer.Issue] makes each token from these
// stored inputs alone, so that asking again gives the same digits. Completing stores the sealed tokens, posts the journal, takes the
// receipt number and enqueues the delivery. A local issuer runs all three in one transaction, any other in two, and [Vending.Recover]
// finishes what a crash or a lost answer left between them.
//
// Digits are worth money. They leave this package only in the [Issued] that Sell returns after the commit, and in the [Digits] passed to
// [Purchase.Render], whose bytes are sealed and sent after the commit.
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
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
)

// Limits of a sale.
const (
	MaxTokens    = 8                   // tokens of one sale; more are vend-too-large
	MaxClockBack = 10 * time.Minute    // how far the clock may be behind the newest issue time
	MaxClockJump = time.Hour           // how far wall time and running time may drift apart in a ClockWindow before the clock is in doubt
	ClockWindow  = 24 * time.Hour      // how long each step of the clock counts
	MaxClockRest = 24 * time.Hour      // how long after the last known time the program may start before the clock is in doubt
	MaxRef       = 64                  // bytes of a client reference
	QuoteLife    = 5 * time.Minute     // how long a quoted price is announced as valid
	PushLife     = 90 * 24 * time.Hour // how long a pushed token waits for its meter to connect
	ReferLife    = 30 * time.Second    // minimum age of an open sale that Recover takes up
)

// Config has the parts that a Vending needs. Running, Machine, Synced, Kick, Online, Sends and Log are optional.
type Config struct {
	Door   access.Door[Tx]
	Issuer Issuer
	Sealer Sealer
	Now    func() time.Time // the server's clock, such as time.Now; its times may have a monotonic reading
	// Running returns a time with a monotonic reading. It is needed if the times of Now have no such reading, as with a database's clock.
	// It may be nil if the times of Now have a monotonic reading.
	Running func() time.Time
	// Machine returns the identity of the present boot of this machine, and for how long the machine has run since then. With it a process
	// knows how the clock was moved between the end of an earlier process and its own start. It may be nil, and boot may be empty.
	Machine func() (boot string, up time.Duration)
	// Synced reports whether the system's time service says that it keeps the clock; nil: there is no time service.
	Synced   func() bool
	Rand     io.Reader                // safe for concurrent use, as crypto/rand.Reader is
	Kick     func()                   // called after a commit with something to deliver; may be nil
	Online   func(number string) bool // whether a meter is connected right now; nil: no meter ever is
	Sends    func(route string) bool  // whether there is a route to send messages by; nil: there is no route
	Registry *registry.Registry       // moves customers in, for a plan
	// PublicURL is the address of the console, to which receipts lead; empty for none.
	PublicURL string
	Log       *slog.Logger // logs failures of an issuer; nil: no log
	// Sound refuses every recharge of a wallet while the books do not add up; nil: they always do. The issuer refuses tokens itself.
	Sound func() refusal.Refusal
}

// Vending carries out the use cases of this package.
type Vending struct {
	c       Config
	answers once.Answers[Tx]
	guard   clockGuard
	flights flights
	zones   sync.Map // time zones: *time.Location by name
}

// New makes a Vending.
func New(c Config) *Vending {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Sound == nil {
		c.Sound = func() refusal.Refusal { return refusal.Refusal{} }
	}
	v := &Vending{c: c, guard: clockGuard{running: c.Running, machine: c.Machine, synced: c.Synced}}
	v.guard.start(c.Now())
	v.answers = once.Answers[Tx]{Door: c.Door, Sealer: c.Sealer, MayDate: v.MayDate}
	return v
}

// moment returns the present time as it is stored: UTC, whole microseconds.
func (v *Vending) moment() time.Time { return access.Stored(v.c.Now()) }
