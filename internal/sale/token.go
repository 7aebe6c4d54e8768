package sale

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// HashContext is the context of the keyed hash by which a token's digits are found.
const HashContext = "token-digits"

// TailContext is the context of the keyed hash by which tokens are found by their last digits.
const TailContext = "token-tail"

// TailDigits is how many of its last digits find a token.
const TailDigits = 6

// Hasher makes keyed hashes.
type Hasher interface {
	Hash(context string, data []byte) []byte
}

// Hashes returns the keyed hashes by which a token with these digits may be found: the hash that a new token gets, and then those under the
// keys before it. The keys before it are those that rotations have replaced.
func Hashes(h Hasher, digits []byte) [][]byte { return KeyedHashes(h, HashContext, digits) }

// Tails returns the keyed hashes by which tokens with these last digits may be found, in the order of Hashes.
func Tails(h Hasher, last []byte) [][]byte { return KeyedHashes(h, TailContext, last) }

// KeyedHashes returns the hashes of data under the key in use, and then under those that rotations have replaced.
func KeyedHashes(h Hasher, context string, data []byte) [][]byte {
	if rotated, ok := h.(interface {
		Hashes(context string, data []byte) [][]byte
	}); ok {
		return rotated.Hashes(context, data)
	}
	return [][]byte{h.Hash(context, data)}
}

// TokenContext is the context under which a token's digits are sealed.
func TokenContext(token id.ID) string { return "token:" + token.Text(id.Token) }

// TokenState is the state of a token; see [metering.TokenState] for all its changes.
type TokenState = metering.TokenState

// States of a token.
const (
	TokenReserved            = metering.TokenReserved
	TokenIssued              = metering.TokenIssued
	TokenSent                = metering.TokenSent
	TokenHeard               = metering.TokenHeard
	TokenAccepted            = metering.TokenAccepted
	TokenRejected            = metering.TokenRejected
	TokenFailed              = metering.TokenFailed
	TokenReversed            = metering.TokenReversed
	TokenReversedUnconfirmed = metering.TokenReversedUnconfirmed
)

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
	Result   string // the meter's answer, by its name in docs/reference/tokens.md#results; [metering.ResultHeard] after an SMS
	IssuedAt time.Time
	Sealed   Sealed // the digits under the data key
	Hash     []byte // keyed hash of the digits, by which a token is found
	Tail     []byte // keyed hash of the last digits
	// Elsewhere marks an external token: somebody entered its digits to have them sent to the meter. Such a token belongs to no sale.
	Elsewhere bool
}

// Made stores the digits of a token that the issuer has made: sealed, and as hashes. It clears the digits.
func (t *Token) Made(k interface {
	Hasher
	Seal(context string, plain []byte) []byte
}, digits []byte) {
	t.Hash, t.Tail = k.Hash(HashContext, digits), k.Hash(TailContext, digits[len(digits)-TailDigits:])
	t.Sealed = k.Seal(TokenContext(t.ID), digits)
	t.State = metering.MoveMade.To()
	clear(digits)
}

// Sealed holds digits encrypted with the data key. The encrypted bytes are not secret, but they are useless in a log.
type Sealed []byte

// String hides the bytes.
func (s Sealed) String() string { return "sealed digits" }
