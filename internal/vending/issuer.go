package vending

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/sts"
)

// Issuer makes tokens: the key store in this process, a security module, another vendor's system. An Issuer makes whole tokens and never
// gives a key to its caller.
type Issuer interface {
	// Issue makes the token of an order. It needs no data but the order. Asked again with the same order, it gives the same token or
	// answers Unknown. The caller treats an error as Unknown.
	Issue(ctx context.Context, o IssueRequest) (Answer, error)
}

// LocalIssuer is an Issuer that answers at once, without input or output. The whole sale is then one transaction.
type LocalIssuer interface {
	Issuer
	// Local reports whether Issue may be called inside a transaction.
	Local() bool
}

// Checker is an Issuer that can say beforehand that it would refuse: the key is missing, or its store is locked. A quote asks it, and so
// do a sale before it reserves anything and the plan of a key change.
type Checker interface {
	// Check returns the refusal that an order under this key would get, or the zero Refusal if it would be issued. Token and Credit of the
	// order are not filled in. If Make is MakeKeyChange, Change is, and the whole change is checked. Check runs inside a transaction, so it does no input or output.
	Check(ctx context.Context, o IssueRequest) refusal.Refusal
}

// Refresher is an Issuer that must read outside data to be up to date, such as the file of a key store. A sale calls Look before its
// transaction, so that the only writer does not wait for it.
type Refresher interface {
	// Look reads the outside data and returns an issuer that uses this data. Call Look for each request, because that issuer does not read
	// newer data.
	Look() Issuer
}

// lookedAt returns the issuer for one request.
func lookedAt(i Issuer) Issuer {
	if l, ok := i.(Refresher); ok {
		return l.Look()
	}
	return i
}

// IssueRequest is everything a token is made from.
type IssueRequest struct {
	Token      id.ID // the same for every try, so that an external issuer recognises a repeated order
	Attributes sts.Attributes
	KEN        uint8 // the key expiry number of the key
	Make       Make
	Credit     sts.Credit     // if Make is MakeCredit
	Manage     sts.Management // if Make is MakeManagement
	Change     Change         // if Make is MakeKeyChange
	Simulated  bool           // the meter is virtual; an issuer may insist on a test key
}

// Make says what kind of token is wanted.
type Make uint8

// Kinds of tokens that are made.
const (
	MakeCredit Make = iota
	MakeManagement
	MakeKeyChange
)

// class returns the class of the tokens of this kind.
func (m Make) class() uint8 {
	if m == MakeCredit {
		return 0
	}
	return 2
}

// Change is one section of a key change: the facts of the new key and the number of the section. All sections use the time of the set, so
// that sections requested later still belong to the set.
type Change struct {
	Next    sts.Attributes
	KEN     uint8
	Section int // number of the section, from 0
	At      time.Time
}

// Outcome is the outcome of an order.
type Outcome uint8

// Outcomes. The zero value is Unknown, so that an empty answer is never taken for a token.
const (
	Unknown Outcome = iota // the token was perhaps made, perhaps not; ask again
	Made
	Declined // the token was not made, and never will be for this order
	Withheld // the token was not made now; the same order may be asked for later
)

// Answer is an issuer's answer to an order.
type Answer struct {
	refusal.Refusal // set if the outcome is Declined or Withheld
	Outcome         Outcome
	Token           sts.Token // set if the outcome is Made
}

// Sealer encrypts digits and stored answers with the data key. The context binds a sealed text to its row.
type Sealer interface {
	Seal(context string, plain []byte) []byte
	Open(context string, sealed []byte) ([]byte, error)
	// Hash returns a keyed hash of 32 bytes, with which equal digits are found without opening them.
	Hash(context string, data []byte) []byte
}
