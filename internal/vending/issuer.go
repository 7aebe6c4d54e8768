package vending

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/sts"
)

// Issuer makes tokens: the key store in this process, a security module, another vendor's system. The seam is issuing
// a token, not deriving a key.
type Issuer interface {
	// Issue makes the token of an order from the order alone: asked again with the same order it gives the same token
	// or says that it does not know. An error is read as Unknown.
	Issue(ctx context.Context, o IssueRequest) (Answer, error)
}

// LocalIssuer is an Issuer that answers at once, without input or output, so that the whole sale is one transaction.
type LocalIssuer interface {
	Issuer
	// Local reports whether Issue may be called inside a transaction.
	Local() bool
}

// Checker is an Issuer that can say beforehand that it would refuse: the key is missing, or its store is locked.
// Quotes ask it, and sales before they reserve anything.
type Checker interface {
	// Check is the refusal an order under this key would get; the zero Refusal means that it would be issued. Token and
	// Credit of the order are not filled in. It is asked inside a transaction, so it does no input or output.
	Check(ctx context.Context, o IssueRequest) refusal.Refusal
}

// Looker is an Issuer that must look at something outside itself to be up to date, as a key store at its file. A sale
// has it look before its transaction, because the one writer has better things to do.
type Looker interface {
	// Look gives the issuer as it stands now. It does not look again, so it serves one request.
	Look() Issuer
}

// lookedAt is the issuer for one request.
func lookedAt(i Issuer) Issuer {
	if l, ok := i.(Looker); ok {
		return l.Look()
	}
	return i
}

// IssueRequest is everything a token is made from.
type IssueRequest struct {
	Token      id.ID // the same for every try: an issuer elsewhere knows a repeated order by it
	Attributes sts.Attributes
	KEN        uint8 // the expiry number the key is said to have
	Make       Make
	Credit     sts.Credit     // where Make is MakeCredit
	Manage     sts.Management // where Make is MakeManagement
	Change     Change         // where Make is MakeKeyChange
	Simulated  bool           // the meter is virtual; an issuer may insist that its key is a test key
}

// Make says what kind of token is wanted.
type Make uint8

// Kinds of tokens that are made.
const (
	MakeCredit Make = iota
	MakeManagement
	MakeKeyChange
)

// class is the class of a token that was made so.
func (m Make) class() uint8 {
	if m == MakeCredit {
		return 0
	}
	return 2
}

// Change is one section of a key change: the new key by its facts, and which section of the set. The moment is that of
// the set, so that every section asked for at any time is one of the same set.
type Change struct {
	Next    sts.Attributes
	KEN     uint8
	Section int // from 0
	At      time.Time
}

// Outcome is what an issuer says.
type Outcome uint8

// Outcomes. The zero value is Unknown, so that an answer nobody filled in is never taken for a token.
const (
	Unknown Outcome = iota // perhaps made, perhaps not; ask again
	Made
	Declined // not made, and never will be for this order
)

// Answer is an issuer's answer to an order.
type Answer struct {
	refusal.Refusal // where Declined
	Outcome         Outcome
	Token           sts.Token // where Made
}

// Sealer keeps digits and stored answers under the data key. The context binds a sealed text to its place.
type Sealer interface {
	Seal(context string, plain []byte) []byte
	Open(context string, sealed []byte) ([]byte, error)
	// Hash is a keyed hash, 32 bytes, by which equal digits are found without opening any.
	Hash(context string, data []byte) []byte
}
