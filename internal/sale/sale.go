// Package sale holds the types that the packages about sales share: the sale with its lines and tokens, the request for tokens that
// nobody buys, the reversal, and the facts that a sale needs of its meter. It has no use case: those are in vending.
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

// States of a sale. A sale with a local issuer is only ever seen completed.
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
	Mode      registry.Mode // how the meter was paid for: by tokens, or by the wallet of its account
	Account   id.ID
	State     State
	Tender    money.Amount
	CarryIn   money.Minor // carried in from the account's earlier sales
	CarryOut  money.Minor // carried over to the next sale
	Units     unit.Energy // of all tokens, including free ones
	Free      unit.Energy // free basic units; their tokens come first
	Lines     []Line
	// PressKey means, for a recharge, that somebody must press # at the meter to restore the supply. It was so when the recharge was made.
	PressKey bool
	Tokens   []Token
	// Change is the issued key change that the meter has not confirmed. Its tokens must be entered before those of the sale.
	Change      []Token
	Month       string      // local calendar month it was priced in, "2026-11"
	MonthBefore unit.Energy // the account's position in the month's blocks before this sale, without its free units
	Tariff      id.ID       // version
	Deliver     []string
	ReceiptNo   string
	Till        string
	Vendor      id.ID        // zero for the tenant itself
	Seller      Seller       // what a vendor's sale takes from the vendor's account, and what the vendor earns
	By          string       // the seller
	Failure     refusal.Code // why it failed
	PricedAt    time.Time
	CompletedAt time.Time
	Key         id.ID // the meter key it was sold under
	Asked       Asked
}

// Asked is what a sale had to pay besides energy, as the allocator got it. It is stored so that every figure can be derived again long
// after the debts are paid.
type Asked struct {
	Charges      []tariff.Charge `json:"charges,omitempty"`
	MaxDeduction money.Bps       `json:"max_deduction_bps,omitempty"` // the tenant's, if the tariff has none
}

// MeterRef identifies the meter of a sale.
type MeterRef struct {
	ID        id.ID
	N         int64 // dense private number
	Number    string
	Simulated bool // everything about it is marked TEST
}

// FreeTokens returns how many of the sale's tokens carry free units. They come first.
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

// Heard reports whether only an SMS says that a token of the sale is in its meter. Anybody can send that
// message, so the sale can still be reversed; but the seller cannot do that alone, because the customer may have the units.
func (s Sale) Heard() bool {
	return slices.ContainsFunc(s.Tokens, func(t Token) bool { return t.State == TokenHeard })
}

// Seller holds what a sale takes from the vendor's account and what the vendor earns by it. It is zero if the tenant itself sells, whose
// till takes the money.
type Seller struct {
	Account       ledger.Code // Float or VendorReceivable; 0 for the tenant
	Hold          id.ID       // the amount reserved on the account while the sale is open
	Commission    money.Minor // tax included
	CommissionVAT money.Minor // the tax in the commission
}

// Routes of a sale's tokens besides the answer itself. The same digits by several routes are one token.
const (
	RouteMQTT     = "mqtt"      // the meter's own connection
	RouteSMS      = "sms"       // the customer's telephone
	RouteMeterSMS = "meter_sms" // the SIM in the meter
)

// Source is the account in the books that the sale's money came from: a till, a float, or a vendor's receivable.
func (s Sale) Source() ledger.AccountRef {
	if s.Seller.Account == 0 {
		return ledger.AccountRef{Code: ledger.Till, Subject: s.Till}
	}
	return ledger.AccountRef{Code: s.Seller.Account, Subject: s.Vendor.Text(id.Vendor)}
}

// OnTokens divides units among tokens. Each is full except the last.
func OnTokens(units unit.Energy) []unit.Energy {
	var out []unit.Energy
	for left := units; left > 0; left -= min(left, unit.MaxToken) {
		out = append(out, min(left, unit.MaxToken))
	}
	return out
}

// OrderHash is the hash of the order that led to the sale.
func (s Sale) OrderHash() [32]byte { return HashOrder(s.Vendor, s.Meter.ID, s.Tender, s.Deliver) }

// HashOrder hashes the data by which two orders of one vendor are the same request.
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

// saleLeaf begins the text of which a sale's hash is made.
const saleLeaf = "paywatt sale 1"

// Leaf hashes everything about a completed sale that never changes, so not the fate of its tokens or its reversal.
func (s Sale) Leaf() [32]byte {
	l := seal.NewLeaf(saleLeaf).Text(string(s.ID[:])).Text(s.ClientRef).Text(string(s.Meter.ID[:])).Text(string(s.Account[:])).
		Text(string(s.Key[:])).Int(int64(s.Tender.Minor)).Text(s.Tender.Currency).Int(int64(s.CarryIn)).Int(int64(s.CarryOut)).
		Int(int64(s.Units)).Int(int64(s.Free)).Text(s.Month).Int(int64(s.MonthBefore)).Text(string(s.Tariff[:])).
		Text(strings.Join(s.Deliver, ",")).Text(s.ReceiptNo).Text(s.Till).Text(s.By).Int(s.PricedAt.UnixMicro()).Int(s.CompletedAt.UnixMicro())
	l.Text(string(s.Vendor[:])).Int(int64(s.Seller.Account)).Text(string(s.Seller.Hold[:])).
		Int(int64(s.Seller.Commission)).Int(int64(s.Seller.CommissionVAT))
	if len(s.Asked.Charges) > 0 { // without charges, nothing of Asked is stored
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
	left := int64(-1) // no remainder
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

// Advance is the tax that was owed together with a recharge.
func (s Sale) Advance() money.Minor {
	if !s.Recharge() || len(s.Lines) == 0 {
		return 0
	}
	return s.Lines[0].VAT
}
