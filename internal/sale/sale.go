// Package sale holds the nouns that everybody shares who has to do with a sale: the sale with its lines and tokens, the
// request for tokens that nobody buys, the reversal, and what a sale must know of its meter. It has no use case: those
// are in vending.
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

// FreeTokens is how many of the sale's tokens carry free units; they are the first.
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

// Heard reports whether nothing but an SMS says that a token of the sale is in its meter. Whoever sold must not be held to
// it, and must not undo the sale alone against it: the customer may have the units.
func (s Sale) Heard() bool {
	return slices.ContainsFunc(s.Tokens, func(t Token) bool { return t.State == TokenHeard })
}

// Seller is what a vendor's sale takes from the vendor's account and earns it. The zero Seller is the tenant itself,
// whose till takes the money.
type Seller struct {
	Account       ledger.Code // Float or VendorReceivable; 0 for the tenant
	Hold          id.ID       // what is reserved on the account while the sale is open
	Commission    money.Minor // tax included
	CommissionVAT money.Minor // the tax in it
}

// Routes of a sale's tokens besides the answer itself. The same digits by several of them are one token.
const (
	RouteMQTT     = "mqtt"      // the meter's own connection
	RouteSMS      = "sms"       // the customer's telephone
	RouteMeterSMS = "meter_sms" // the SIM in the meter
)

// Source is the account in the books that the money of the sale came from: a till, a float, what a vendor owes.
func (s Sale) Source() ledger.AccountRef {
	if s.Seller.Account == 0 {
		return ledger.AccountRef{Code: ledger.Till, Subject: s.Till}
	}
	return ledger.AccountRef{Code: s.Seller.Account, Subject: s.Vendor.Text(id.Vendor)}
}

// OnTokens puts units onto tokens, each full but the last.
func OnTokens(units unit.Energy) []unit.Energy {
	var out []unit.Energy
	for left := units; left > 0; left -= min(left, unit.MaxToken) {
		out = append(out, min(left, unit.MaxToken))
	}
	return out
}

// OrderHash is the hash of the order that the sale was made for.
func (s Sale) OrderHash() [32]byte { return HashOrder(s.Vendor, s.Meter.ID, s.Tender, s.Deliver) }

// HashOrder hashes what makes two orders the same request of one vendor.
func HashOrder(vendor, meter id.ID, tender money.Amount, deliver []string) [32]byte {
	b := append([]byte("paywatt order 1"), vendor[:]...)
	b = append(b, meter[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(tender.Minor))
	b = append(b, tender.Currency...)
	for _, r := range deliver {
		b = append(append(b, 0), r...)
	}
	return sha256.Sum256(b)
}

// saleLeaf begins the hash of a sale.
const saleLeaf = "paywatt sale 1"

// Leaf hashes all of a completed sale that never changes: what becomes of its tokens and whether it is reversed does.
func (s Sale) Leaf() [32]byte {
	l := seal.NewLeaf(saleLeaf).Text(string(s.ID[:])).Text(s.ClientRef).Text(string(s.Meter.ID[:])).Text(string(s.Account[:])).
		Text(string(s.Key[:])).Int(int64(s.Tender.Minor)).Text(s.Tender.Currency).Int(int64(s.CarryIn)).Int(int64(s.CarryOut)).
		Int(int64(s.Units)).Int(int64(s.Free)).Text(s.Month).Int(int64(s.MonthBefore)).Text(string(s.Tariff[:])).
		Text(strings.Join(s.Deliver, ",")).Text(s.ReceiptNo).Text(s.Till).Text(s.By).Int(s.PricedAt.UnixMicro()).Int(s.CompletedAt.UnixMicro())
	l.Text(string(s.Vendor[:])).Int(int64(s.Seller.Account)).Text(string(s.Seller.Hold[:])).
		Int(int64(s.Seller.Commission)).Int(int64(s.Seller.CommissionVAT))
	if len(s.Asked.Charges) > 0 { // else nothing is kept of it
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
	return l.Sum()
}

func (n Line) leaf(l *seal.Leaf) {
	left := int64(-1) // nothing runs down
	if n.Left != nil {
		left = int64(*n.Left)
	}
	l.Text(string(n.Kind)).Text(n.Ref).Text(n.Label).Int(int64(n.Amount)).Int(int64(n.VAT)).Int(left).Int(int64(len(n.Steps)))
	for _, s := range n.Steps {
		l.Int(int64(s.Units)).Int(int64(s.Rate)).Int(int64(s.Amount))
	}
}

// Recharge reports whether the sale put money into a wallet instead of selling energy: it has no units, no tokens and no
// key, and one line.
func (s Sale) Recharge() bool { return s.Mode == registry.PrepayWallet }

// Journal is the kind of the sale's journal.
func (s Sale) Journal() ledger.Kind {
	if s.Recharge() {
		return ledger.TopUp
	}
	return ledger.Vend
}

// Advance is the tax that was owed with a recharge.
func (s Sale) Advance() money.Minor {
	if !s.Recharge() || len(s.Lines) == 0 {
		return 0
	}
	return s.Lines[0].VAT
}
