// Package wallet keeps the balance on the server. It turns the energy that a wallet meter counted into money, posts it, and decides how
// much money is left, when to warn and whether the supply is wanted.
//
// Start at [Take]: it rates one reading against the register rated last, exactly, and carries amounts below a minor unit to the next
// reading. Rated use is first only accrued. It is posted as a journal (P16 of docs/reference/postings.md) once an hour, or at once if a
// threshold is crossed or money comes in. [Money.Available] is the wallet less the accrued and held amounts. All decisions use this figure.
//
// Then read [Decide]: from an [Account], which contains only values, it returns the new state of each meter's supply and the commands and
// notices to send. The stories in testdata show examples. [Settle] reads the account, calls Decide, posts, and carries out the decisions.
//
// Every decision is a function of values. The [State] of a meter is one row in the store, and a change needs its lock. Rating follows the
// meter's record numbers up to the watermark, never the order of arrival.
package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// State is the stored state of one wallet meter. The zero value is a meter that has not been read; see [NewState].
type State struct {
	Memory   string      // the device memory that numbered the reading
	Seq      uint64      // number of the reading rated last
	Started  bool        // a register is known: rating has begun
	Register unit.Energy // register rated last
	Base     unit.Energy // Register less all energy ever rated: where rating began, moved by every rebase
	At       time.Time   // meter time up to which energy is rated; it never goes back
	Up       uint64      // the meter's milliseconds since boot at the same reading
	Ahead    unit.Energy // energy rated beyond what the meter can have measured in the time; at most 1 kWh
	Open     bool        // that reading says that the relay is open
	OpenFrom unit.Energy // register of the first reading that said that; in HoldOpen, the register up to which energy is held

	tariff.RatingState // the local month's consumption, and the exact rest below a minor unit

	Accrued money.Minor // money that is rated and not posted; never negative
	Parts   []Part      // the parts of Accrued
	Debited money.Minor // all money ever rated, posted or not

	Posted     int64       // number of journals of use; they are numbered 1, 2, 3 ...
	PostedWh   unit.Energy // register up to which they reach
	PostedTo   time.Time   // meter time up to which they reach
	SettledAt  time.Time   // server time of the last settlement
	Held       Held        // why rating stopped, until a person decides; zero while it continues
	Low1, Low2 supply.Crossing
	Off        supply.Reasons // why the server wants the supply off; see [Wanted]
	MaxW       unit.Power     // the most this meter can measure; 0 for the default for its phases
	ClosedAt   time.Time      // server time at which another meter took its place; zero while it is in use
	// UnreadCutHours is how many hours an unmodified device may supply before a value of it was ever read; 0 for no limit.
	UnreadCutHours int64
}

// Total is all energy ever rated.
func (s State) Total() unit.Energy { return s.Register - s.Base }

// DefaultUnreadCutHours is the limit of [State.UnreadCutHours] for a new meter.
const DefaultUnreadCutHours = 24

// NewState returns the state of a new wallet meter: nothing is paid in, so its supply is not wanted and no warning is due.
func NewState() State {
	return State{Low1: supply.Crossing{Below: true}, Low2: supply.Crossing{Below: true}, Off: supply.Of(supply.Credit),
		UnreadCutHours: DefaultUnreadCutHours}
}

// Part is accrued money with the energy it was rated from, of one version of a tariff.
type Part struct {
	Version id.ID         `json:"version"`
	Debit   money.Minor   `json:"debit"`
	Parts   []tariff.Part `json:"parts"` // energy by rate
}

// Reading is the part of a reading that rating needs.
type Reading struct {
	Memory     string
	Seq        uint64
	At         time.Time // time by the meter's clock
	Up         uint64
	Clock      wire.Clock
	ReceivedAt time.Time // time by the server's clock
	Register   unit.Energy
	Open       bool // see [SaysOpen]
}

// HoldReason is the reason why a reading is not rated. Names are stored and shown by the API; never rename one.
type HoldReason string

// Reasons for which rating stops until a person decides. No money moves meanwhile.
const (
	// HoldRegress: the register is lower than the register rated last. The meter was changed, reset, replaced or has rolled over.
	HoldRegress HoldReason = "register_regress"
	// HoldImplausible: the register rose by more than the meter can measure in the time.
	HoldImplausible HoldReason = "implausible"
	// HoldSpan: the readings are too far apart to share energy over the days.
	HoldSpan HoldReason = "span"
	// HoldPrice: the tariff has no price for the energy, or the amount is too large to count.
	HoldPrice HoldReason = "no_price"
	// HoldOpen: energy was counted while the meter reported an open relay. Rating continues when the relay closes.
	HoldOpen HoldReason = "relay_open"
)

// Held is the reading at which rating stopped.
type Held struct {
	Reason   HoldReason
	Memory   string
	Seq      uint64
	Register unit.Energy
	At       time.Time // time by the meter's clock
	Up       uint64
	Clock    wire.Clock
	Since    time.Time // time by the server's clock
}

// Stopped reports whether rating waits for a person.
func (h Held) Stopped() bool { return h.Reason != "" }

// leaseReason and remoteReason are the reasons for an open relay that concern the server.
const (
	leaseReason  = supply.Lease
	remoteReason = supply.Remote
)

// Wanted reports whether the supply of a meter should be on, from its wallet row alone.
func Wanted(s State) bool { return s.Off == 0 }
