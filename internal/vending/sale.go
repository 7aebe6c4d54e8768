package vending

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// State is where a sale stands.
type State string

// States of a sale. A sale that a local issuer serves is only ever seen completed.
const (
	Held      State = "held"      // reserved; the issuer has not answered yet
	Completed State = "completed" // token and journal exist
	Failed    State = "failed"    // the issuer refused after the reservation; everything was given back
	Reversing State = "reversing"
	Reversed  State = "reversed"
)

// TokenState is where a token stands.
type TokenState string

// States of a token.
const (
	TokenReserved TokenState = "reserved" // TID taken, digits not made yet
	TokenIssued   TokenState = "issued"
	TokenSent     TokenState = "sent"     // handed to the meter's connection
	TokenAccepted TokenState = "accepted" // the meter says it is in
	TokenRejected TokenState = "rejected"
	TokenFailed   TokenState = "failed"   // never made; its TID stays used
	TokenReversed TokenState = "reversed" // its meter will never load it
	// TokenReversedUnconfirmed: its sale was reversed while nobody could ask the meter.
	TokenReversedUnconfirmed TokenState = "reversed_unconfirmed"
)

// Sale is one sale as it is stored.
type Sale struct {
	ID        id.ID
	ClientRef string
	Meter     MeterRef
	Mode      registry.Mode // how the meter was paid for: tokens, or the wallet of its account
	Account   id.ID
	State     State
	Tender    money.Amount
	CarryIn   money.Minor // brought in from the account's earlier sales
	CarryOut  money.Minor // carried on to its next
	Units     unit.Energy // of all tokens, free ones among them
	Free      unit.Energy // free basic units; their tokens come first
	Lines     []Line
	// PressKey says of a recharge that somebody must press # at the meter for the supply to return. It was so when the
	// recharge was made.
	PressKey bool
	Tokens   []Token
	// Change is the key change that is out and not confirmed: its tokens must be entered before those of the sale.
	Change      []Token
	Month       string      // local calendar month it was priced in, "2026-11"
	MonthBefore unit.Energy // where in the month's blocks the account stood before, free units of this sale not yet counted
	Tariff      id.ID       // version
	Deliver     []string
	ReceiptNo   string
	Till        string
	Vendor      id.ID        // zero for the tenant itself
	Seller      Seller       // what a vendor's sale takes and earns
	By          string       // who sold
	Failure     refusal.Code // why it failed
	PricedAt    time.Time
	CompletedAt time.Time
	Key         id.ID // the meter key it was sold under
	Asked       Asked
}

// Asked is what a sale was asked for besides energy, as the allocator got it. It is kept so that every figure can be
// derived again when the debts have long been paid.
type Asked struct {
	Charges      []tariff.Charge `json:"charges,omitempty"`
	MaxDeduction money.Bps       `json:"max_deduction_bps,omitempty"` // the tenant's, where the tariff has none
}

// MeterRef names the meter of a sale.
type MeterRef struct {
	ID        id.ID
	N         int64 // dense private number
	Number    string
	Simulated bool // everything of it is marked TEST
}

// LineKind says what a line of a sale is for.
type LineKind string

// Kinds of lines, in the order of the allocation. The amounts of a sale's lines sum to what was tendered.
const (
	LineFee     LineKind = "fee"
	LineFixed   LineKind = "fixed"
	LineDebt    LineKind = "debt"
	LineFree    LineKind = "free"   // free basic units; amount 0, the units are in its one step
	LineEnergy  LineKind = "energy" // net of tax
	LineLevy    LineKind = "levy"   // net of tax
	LineVAT     LineKind = "vat"    // all tax of the sale
	LineCarry   LineKind = "carry"
	LineCarryIn LineKind = "carry_in" // negative
	LineWallet  LineKind = "wallet"   // of a recharge: put into the wallet
)

// Line is one line of a sale, as answers and receipts show it.
type Line struct {
	Kind   LineKind    `json:"kind"`
	Ref    string      `json:"ref,omitempty"`
	Label  string      `json:"label,omitempty"` // what it is, for people: the kind of a debt
	Amount money.Minor `json:"amount_minor"`
	// Left is what was still to be paid of the charge or debt after this sale, tax included; nil where nothing runs down.
	Left  *money.Minor `json:"left_minor,omitempty"`
	Steps []Step       `json:"steps,omitempty"` // of the energy line: what each block of the tariff contributed
	VAT   money.Minor  `json:"-"`               // tax that belongs to this line and stands in the vat line
}

// Step is the part of the energy that fell into one block of the tariff; the amounts of the steps sum to the energy
// line's.
type Step struct {
	Units  unit.Energy     `json:"units_wh"`
	Rate   money.MicroRate `json:"rate_micro"`
	Amount money.Minor     `json:"amount_minor"`
}

// FreeTokens is how many of the sale's tokens carry free units; they are the first.
func (s Sale) FreeTokens() int { return len(onTokens(s.Free)) }

// isFree reports whether a token of the sale carries free units.
func (s Sale) isFree(t Token) bool {
	for _, free := range s.Tokens[:min(s.FreeTokens(), len(s.Tokens))] {
		if free.ID == t.ID {
			return true
		}
	}
	return false
}

// Token is one token of a sale without its digits.
type Token struct {
	ID       id.ID
	Sale     id.ID
	Meter    int64
	TID      sts.TID
	BaseDate sts.BaseDate
	Class    uint8
	SubClass uint8
	RND      uint8
	Units    unit.Energy
	State    TokenState
	Result   string // what the meter answered, by its name in the domain reference §4.4
	IssuedAt time.Time
	Sealed   Sealed // the digits under the data key
	Hash     []byte // keyed hash of the digits, by which a token is found
	// Elsewhere says that it was not made here: somebody handed its digits in to be sent to the meter. It belongs to no sale.
	Elsewhere bool
}

// OnlyHeard reports whether nothing but an SMS says that the meter has the token. It may have been anybody's.
func (t Token) OnlyHeard() bool { return t.State == TokenAccepted && t.Result == metering.ResultHeard }

// Sealed are digits under the data key. They are not secret, but nobody needs to read them in a log.
type Sealed []byte

// String says how many bytes there are.
func (s Sealed) String() string { return "sealed digits" }
