// Package sale holds the types that the packages about sales share: the sale with its lines and tokens, the request for tokens that
// nobody buys, and the reversal. It also holds the facts about a meter that a sale needs. It has no use cases: package vending has
// them.
package sale

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// State is the state of a sale.
type State string

// States of a sale. With a local issuer, every visible sale is completed.
const (
	Held      State = "held"      // reserved; the issuer has not answered yet
	Completed State = "completed" // the token and the journal exist
	Failed    State = "failed"    // the issuer refused after the reservation, and the reservation was undone
	Reversing State = "reversing"
	Reversed  State = "reversed"
)

// Sale is one sale as it is stored.
type Sale struct {
	ID        id.ID
	ClientRef string
	Meter     MeterRef
	Mode      registry.Mode // how the meter was paid for: by tokens, or by the wallet of its account
	Account   id.ID
	State     State
	Tender    money.Amount
	CarryIn   money.Minor // carried in from the account's earlier sales
	CarryOut  money.Minor // carried over to the next sale
	Units     unit.Energy // energy of all tokens, including free ones
	Free      unit.Energy // free basic units; their tokens come first
	Lines     []Line
	// PressKey means, for a recharge, that somebody must press # at the meter to restore the supply. It describes the meter at the time of
	// the recharge.
	PressKey bool
	Tokens   []Token
	// Change is the issued key change that the meter has not confirmed. Its tokens must be entered before the tokens of the sale.
	Change      []Token
	Month       string      // local calendar month for the price, "2026-11"
	MonthBefore unit.Energy // the account's position in the month's blocks before this sale, without its free units
	Tariff      id.ID       // identity of the tariff's version
	Deliver     []string
	ReceiptNo   string
	Till        string
	Shift       id.ID        // the shift whose cash it is; zero for a vendor's sale, and for one into the till main outside a shift
	Vendor      id.ID        // identity of the vendor; zero for the tenant itself
	Payment     id.ID        // the payment of a provider that the sale uses; zero for none
	Seller      Seller       // what the sale takes from an account other than a till, and what its vendor earns
	By          string       // the seller
	Failure     refusal.Code // why the sale failed
	PricedAt    time.Time
	CompletedAt time.Time
	Key         id.ID // the meter key at the time of the sale
	Asked       Asked
}

// Asked lists the charges that a sale had to pay before it bought energy, as they were passed to [tariff.Allocate]. It is stored so
// that every figure can be computed again long after the debts are paid.
type Asked struct {
	Charges      []tariff.Charge `json:"charges,omitempty"`
	MaxDeduction money.Bps       `json:"max_deduction_bps,omitempty"` // the tenant's limit, if the tariff has none
}

// MeterRef identifies the meter of a sale.
type MeterRef struct {
	ID        id.ID
	N         int64 // dense private number
	Number    string
	Simulated bool // everything about the meter is marked TEST
}

// FreeTokens returns the number of the sale's tokens with free units. These tokens come first.
func (s Sale) FreeTokens() int { return len(OnTokens(s.Free)) }

// CarriesFree reports whether a token of the sale carries free units.
func (s Sale) CarriesFree(t Token) bool {
	for _, free := range s.Tokens[:min(s.FreeTokens(), len(s.Tokens))] {
		if free.ID == t.ID {
			return true
		}
	}
	return false
}

// Heard reports whether only an SMS says that a token of the sale is in its meter. Anybody can send such a message, so the
// sale can still be reversed. But the seller cannot reverse it alone, because the customer may have the units.
func (s Sale) Heard() bool {
	return slices.ContainsFunc(s.Tokens, func(t Token) bool { return t.State == TokenHeard })
}

// Seller says which account pays for a sale, and holds the vendor's commission. It is zero if a till of the tenant takes the money.
type Seller struct {
	Account       ledger.Code // Float or VendorReceivable of the vendor, or Unapplied of the payment; 0 for a till
	Hold          id.ID       // the amount reserved on the account while the sale is open
	Commission    money.Minor // tax included
	CommissionVAT money.Minor // the tax in the commission
}

// Ways in which a sale's tokens are sent, besides the answer itself. The same digits, sent in several ways, are one token.
const (
	RouteMQTT     = "mqtt"      // the meter's own connection
	RouteSMS      = "sms"       // the customer's telephone
	RouteMeterSMS = "meter_sms" // the SIM in the meter
)

// Source returns the account in the books that the sale's money came from: a till, a payment, a float, or a vendor's receivable.
func (s Sale) Source() ledger.AccountRef {
	switch {
	case s.Seller.Account == 0:
		return TillAccount(s.Shift, s.Till)
	case !s.Payment.IsZero():
		return ledger.AccountRef{Code: s.Seller.Account, Subject: s.Payment.Text(id.Payment)}
	}
	return ledger.AccountRef{Code: s.Seller.Account, Subject: s.Vendor.Text(id.Vendor)}
}

// ProviderTill and a provider's name stand for a till in the sales of its payments. No till of the utility has such a name.
const ProviderTill = "pay-"

// TillAccount returns the account of a till's cash. Each shift has an account of its own; without a shift it is the till's.
func TillAccount(shift id.ID, till string) ledger.AccountRef {
	if !shift.IsZero() {
		till = shift.Text(id.Shift)
	}
	return ledger.AccountRef{Code: ledger.Till, Subject: till}
}

// OnTokens divides units among tokens. Every token except the last carries the most units that a token can hold.
func OnTokens(units unit.Energy) []unit.Energy {
	var out []unit.Energy
	for left := units; left > 0; left -= min(left, unit.MaxToken) {
		out = append(out, min(left, unit.MaxToken))
	}
	return out
}

// OrderHash returns the hash of the order that led to the sale.
func (s Sale) OrderHash() [32]byte {
	return HashOrder(s.Vendor, s.Payment, s.Meter.ID, s.Tender, s.Deliver)
}

// HashOrder hashes the data of an order. Two orders of one vendor, or from one payment, with the same hash are the same request.
func HashOrder(vendor, payment, meter id.ID, tender money.Amount, deliver []string) [32]byte {
	b := append([]byte("paywatt order 1"), vendor[:]...)
	if !payment.IsZero() {
		b = append(append(b, id.Payment...), payment[:]...)
	}
	b = append(b, meter[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(tender.Minor))
	b = append(b, tender.Currency...)
	for _, r := range deliver {
		b = append(append(b, 0), r...)
	}
	return sha256.Sum256(b)
}

// saleLeaf names the kind and form of a sale in the log. The text that is hashed for a sale begins with it.
const saleLeaf = "paywatt sale 1"

// Leaf hashes the data of a completed sale that never change. It leaves out the states of its tokens and its reversal.
func (s Sale) Leaf() [32]byte {
	l := seal.NewLeaf(saleLeaf).Text(string(s.ID[:])).Text(s.ClientRef).Text(string(s.Meter.ID[:])).Text(string(s.Account[:])).
		Text(string(s.Key[:])).Int(int64(s.Tender.Minor)).Text(s.Tender.Currency).Int(int64(s.CarryIn)).Int(int64(s.CarryOut)).
		Int(int64(s.Units)).Int(int64(s.Free)).Text(s.Month).Int(int64(s.MonthBefore)).Text(string(s.Tariff[:])).
		Text(strings.Join(s.Deliver, ",")).Text(s.ReceiptNo).Text(s.Till).Text(s.By).Int(s.PricedAt.UnixMicro()).Int(s.CompletedAt.UnixMicro())
	l.Text(string(s.Vendor[:])).Int(int64(s.Seller.Account)).Text(string(s.Seller.Hold[:])).
		Int(int64(s.Seller.Commission)).Int(int64(s.Seller.CommissionVAT))
	if len(s.Asked.Charges) > 0 { // without charges, no part of Asked is stored
		asked, _ := json.Marshal(s.Asked) // strings, numbers and times: it cannot fail
		l.Text(string(asked))
	}
	l.Int(int64(len(s.Lines)))
	for _, n := range s.Lines {
		n.leaf(l)
	}
	l.Int(int64(len(s.Tokens)))
	for _, t := range s.Tokens {
		l.Text(string(t.ID[:])).Int(t.Meter).Int(int64(t.TID)).Int(int64(t.BaseDate)).Int(int64(t.Class)).Int(int64(t.SubClass)).
			Int(int64(t.RND)).Int(int64(t.Units)).Int(t.IssuedAt.UnixMicro()).Text(string(t.Sealed)).Text(string(t.Hash))
	}
	if !s.Shift.IsZero() || !s.Payment.IsZero() { // the leaves of other sales end before it
		l.Text(string(s.Shift[:]))
	}
	if !s.Payment.IsZero() {
		l.Text(string(s.Payment[:]))
	}
	return l.Sum()
}

func (n Line) leaf(l *seal.Leaf) {
	left := int64(-1) // -1 stands for no remainder
	if n.Left != nil {
		left = int64(*n.Left)
	}
	l.Text(string(n.Kind)).Text(n.Ref).Text(n.Label).Int(int64(n.Amount)).Int(int64(n.VAT)).Int(left).Int(int64(len(n.Steps)))
	for _, s := range n.Steps {
		l.Int(int64(s.Units)).Int(int64(s.Rate)).Int(int64(s.Amount))
	}
}

// Recharge reports whether the sale put money into a wallet instead of selling energy: such a sale has one line, and no
// units, tokens or key.
func (s Sale) Recharge() bool { return s.Mode == registry.PrepayWallet }

// Journal returns the kind of the sale's journal.
func (s Sale) Journal() ledger.Kind {
	if s.Recharge() {
		return ledger.TopUp
	}
	return ledger.Vend
}

// Advance returns the tax on a recharge if the tax is owed at once; otherwise 0.
func (s Sale) Advance() money.Minor {
	if !s.Recharge() || len(s.Lines) == 0 {
		return 0
	}
	return s.Lines[0].VAT
}
