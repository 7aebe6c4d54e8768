// Package search finds what somebody means by a few typed words or digits: one box for meters, customers, accounts, sales, tokens and
// people. [registry.ReadQuery] says what a text may mean, and [Search.Find] looks in the store for what the asker may see.
package search

import (
	"context"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// Kind says what was found.
type Kind string

// Kinds.
const (
	Meter    Kind = "meter"
	Customer Kind = "customer"
	Account  Kind = "account"
	Sale     Kind = "sale"
	Receipt  Kind = "receipt" // a sale that was found by the number of its receipt
	Token    Kind = "token"
	Person   Kind = "person" // who signs in
	Payment  Kind = "payment"
)

// Hit is one thing that was found.
type Hit struct {
	Kind   Kind
	ID     string // of the thing; of the sale for a receipt
	Title  string // what people call it
	Detail string
	Meter  string // number of the meter that it concerns, if there is one
	Sale   string // id of the sale, if there is one
}

// Found is what a text may mean, the most likely first.
type Found struct {
	refusal.Refusal
	Hits []Hit
	More bool // there is more than the limit allows
}

// Single returns the only thing that a text can mean. A customer and the customer's only meter are one thing: the meter.
func (f Found) Single() (Hit, bool) {
	hits := f.Hits
	if len(hits) == 2 && !f.More {
		at := slices.IndexFunc(hits, func(h Hit) bool { return h.Kind == Meter })
		if at >= 0 && hits[1-at].Kind == Customer && hits[1-at].Meter == hits[at].Meter {
			return hits[at], true
		}
	}
	if len(hits) != 1 || f.More {
		return Hit{}, false
	}
	return hits[0], true
}

// MaxHits is how many hits an answer has at most.
const MaxHits = 20

// MeterRow is a meter with what a search shows of it.
type MeterRow struct {
	ID                    id.ID
	Number, Name, Address string
	Customer              id.ID
}

// TokenRow is a token whose digits were typed.
type TokenRow struct {
	ID, Sale id.ID // without a sale the token is a service token
	Meter    string
}

// Tx is the part of a transaction that a search needs. Every list has at most max rows.
type Tx interface {
	// MetersNumbered lists meters whose number begins with some digits, in the order of their numbers; removed and scrapped ones only by the whole
	// number.
	MetersNumbered(digits string, max int) ([]MeterRow, error)
	// MetersSearched lists meters whose customer or place has all the words.
	MetersSearched(words []string, max int) ([]MeterRow, error)
	// CustomersSearched lists customers whose name or telephone number has all the words.
	CustomersSearched(words []string, max int) ([]registry.Customer, error)
	// CustomersCalled and MetersCalled list customers, and their meters, by the last digits of the telephone number.
	CustomersCalled(end string, max int) ([]registry.Customer, error)
	MetersCalled(end string, max int) ([]MeterRow, error)
	// MeterSearched finds a meter.
	MeterSearched(meter id.ID) ([]MeterRow, error)
	// MetersOf lists the meters of an account, or of a customer.
	MetersOf(of id.ID, max int) ([]MeterRow, error)
	// AccountHolder returns the customer of an account.
	AccountHolder(account id.ID) (registry.Customer, bool, error)
	CustomerByID(customer id.ID) (registry.Customer, bool, error)
	VendNumbered(receiptNo string) (id.ID, error)
	VendSale(sale id.ID) (sale.Sale, bool, error)
	PaymentByID(i id.ID) (payment.Payment, bool, error)
	// PaymentsNamed lists the payments that providers call by a name, one of each provider.
	PaymentsNamed(txn string, max int) ([]payment.Payment, error)
	// TokensEnding lists tokens by the keyed hash of their last digits, newest first.
	TokensEnding(tail []byte, max int) ([]TokenRow, error)
	// TokenSearched finds a token by the keyed hash of its digits.
	TokenSearched(hash []byte) (TokenRow, bool, error)
	// PersonPage lists people after the given one, in the order of their ids.
	PersonPage(after id.ID, max int) ([]access.PersonRow, error)
}

// Search finds things.
type Search struct {
	door   access.Door[Tx]
	hasher sale.Hasher
}

// New makes a search.
func New(door access.Door[Tx], h sale.Hasher) *Search { return &Search{door, h} }

// Find returns what a text may mean, within what the asker may see. The text is not stored and not logged: it may be the digits of a token.
func (s *Search) Find(ctx context.Context, by access.Actor, text string) (Found, error) {
	if digits, found := registry.TokenIn(text); found && len(text) <= registry.MaxPasted {
		text = digits // a pasted message
	}
	q := registry.ReadQuery(text)
	if q.TooLong {
		return Found{Refusal: registry.SearchTooLong()}, nil
	}
	if q.Empty() {
		return Found{}, nil
	}
	out, err := access.Look(ctx, s.door, by.Tenant, func(tx Tx) (Found, error) {
		l := look{tx: tx, by: by, q: q, hasher: s.hasher}
		for _, step := range []func() error{l.named, l.token, l.sold, l.paid, l.numbered, l.ending, l.worded, l.people} {
			if err := step(); err != nil {
				return Found{}, err
			}
		}
		return l.found(), nil
	})
	return out, fault.Wrap(err, "search")
}
