// Package diagnosis is the token doctor: it explains why 20 digits do not work. Start at [Doctor.Diagnose]. Without
// a server, use [Offline] on a result of [sts.Explain].
//
// An answer is a list of findings. Each has one sentence on the situation and one on what to do. With them come the
// facts: what the token carries, whose it is, which key it fits, what the meter reported about it, and whether it looks
// like a typing error.
//
// The doctor must not become a tool for finding valid tokens. A meter stops a guesser by locking its token entry.
// The doctor must stop a guesser too:
//
//   - Everybody sees only what their role sees elsewhere. A vendor sees its own sales. The digits of a correction need
//     the token.show right. Digits are tried under a meter's key only for an actor of the utility who may read meters.
//   - A correction is shown only if it is a token that was sold here, never because it happens to open.
//   - A slip that a key opens counts only if its contents can be those of a real token ([plausible]). The doctor tries up
//     to 199 slips for each question. Without this rule, one question would give a guesser 199 guesses.
//   - Every question about digits that were not sold to the asker counts against a limit of the asker and of the meter.
//   - Every answer that needed the store leaves an audit row, which is durable before the answer is given.
//
// [Keys] opens tokens and never discloses a key.
package diagnosis

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/diagnosistext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// Question is a question about a token.
type Question struct {
	Digits string // as typed; blanks and dashes are ignored
	Meter  string // number or identity of the token's meter; optional
}

// Code is the stable name of a finding. Programs branch on it; never rename one.
type Code string

// The findings. A diagnosis has one or several; the first is its verdict.
const (
	// NoToken: the digits cannot be a token; the result is format_error.
	NoToken Code = "no_token"
	// TestToken: a test or display token, which every meter accepts.
	TestToken Code = "test_token"
	// NoMeaning: the standard does not define this token.
	NoMeaning Code = "no_meaning"
	// Ready: sold here, and the meter has not reported it.
	Ready Code = "ready"
	// Fits: it opens under the given key. Used only without a server.
	Fits Code = "fits"
	// DefaultKey: credit under a default key, which no meter accepts.
	DefaultKey Code = "default_key"
	// Used: the meter has accepted it, or a text message says so.
	Used Code = "used"
	// Rejected: the meter has refused it.
	Rejected Code = "rejected"
	// Reversed: its sale was reversed.
	Reversed Code = "reversed"
	// OtherMeter: made for a meter other than the one asked for.
	OtherMeter Code = "other_meter"
	// NotYours: not among the asker's own sales, and the asker may see no others.
	NotYours Code = "not_yours"
	// NotSold: opens under the meter's key but was not sold here.
	NotSold Code = "not_sold"
	// OtherKey: made for this meter, but under a key that it is not registered with.
	OtherKey Code = "other_key"
	// FitsNothing: neither sold here nor opened by a key of the meter.
	FitsNothing Code = "fits_nothing"
	// NoMeterGiven: not sold here, and the question names no meter whose keys could be tried.
	NoMeterGiven Code = "no_meter_given"
	// MistypedDigit: it would fit with one digit changed.
	MistypedDigit Code = "mistyped_digit"
	// SwappedDigits: it would fit with two neighbouring digits exchanged.
	SwappedDigits Code = "swapped_digits"
	// Superseded: made under a key that the meter no longer holds.
	Superseded Code = "superseded"
	// BeforeKeyChange: must be entered before the meter's key-change tokens.
	BeforeKeyChange Code = "before_key_change"
	// AfterKeyChange: must be entered after the meter's key-change tokens.
	AfterKeyChange Code = "after_key_change"
	// Expired: past the expiry number of its key.
	Expired Code = "key_expired"
	// BaseDateOver: the base date of its key has run out.
	BaseDateOver Code = "base_date_over"
	// LockedOut: the meter refuses every entry for a while.
	LockedOut Code = "locked_out"
	// Locked: the key store is locked, so the diagnosis is incomplete.
	Locked Code = "keystore_locked"
	// KeyMissing: there is no vending key for the meter, so the diagnosis is incomplete.
	KeyMissing Code = "vending_key_missing"
	// NoKeys: the meter accepts no tokens.
	NoKeys Code = "no_keys"
)

// Finding is one finding of a diagnosis.
type Finding struct {
	Code Code
	Text *diagnosistext.Text // the situation, for a person
	Do   *diagnosistext.Text // what to do next
}

// Contents is what a token carries.
type Contents struct {
	Class, SubClass uint8
	Kind            string // the kind of token in words
	HasTID          bool
	TID             sts.TID
	BaseDate        sts.BaseDate
	Units           unit.Energy // energy of a token of electricity credit
	Section         uint8       // number of the section of a key change
	Tests           []string    // the tests that a test token requests
}

// IssuedAt returns when the token was made; zero if the token does not carry it.
func (c Contents) IssuedAt() time.Time {
	if !c.HasTID || !c.BaseDate.Valid() {
		return time.Time{}
	}
	return c.BaseDate.Time(c.TID)
}

// Sold is a token that was sold here, as far as the asker may see it.
type Sold struct {
	Token    id.ID
	Sale     id.ID // zero for a token that belongs to no sale
	State    sale.TokenState
	Result   string // what the meter last reported about it
	IssuedAt time.Time
}

// Typing is the search for a typing error.
type Typing struct {
	Tried    int // number of tokens that differ by one typing error
	OneDigit int // tokens that would fit, with one digit changed
	Swapped  int // tokens that would fit, with two neighbours exchanged
	Sold     int // tokens that fit and were sold here
	// Meant are the tokens sold here that fit; empty for somebody who may not see digits.
	Meant []sts.Token
}

// KeyUse says whether the meter's keys were tried.
type KeyUse string

// Uses of keys.
const (
	KeysNotAsked KeyUse = "not_asked" // not needed, or the asker may not use them
	KeysUsed     KeyUse = "used"
	KeysLocked   KeyUse = "locked"  // the key store is locked
	KeysMissing  KeyUse = "missing" // no vending key for the meter
)

// Diagnosis is the answer to a Question.
type Diagnosis struct {
	refusal.Refusal
	// RetryAfter is how long a refusal for too many questions still lasts.
	RetryAfter time.Duration
	Findings   []Finding
	Token      sts.Token // the typed token; zero if the digits are not a token
	Contents   *Contents // nil if nothing could be read
	// Number is the token's meter, or else the meter asked for; empty if neither is known.
	Number string
	Test   bool          // the meter is a test meter
	Key    *registry.Key // the key it fits; nil if none fits or the asker may not see it
	// Registered says that Key is one of the meter's registered keys.
	Registered bool
	Sold       *Sold // nil if it was not sold here, or the asker may not see the sale
	// Reports are what the meter reported about the token, newest first, for those who may read meters.
	Reports []metering.StoredToken
	Typing  *Typing // nil if no search was made
	Keys    KeyUse
}

// Verdict is the code of the first finding.
func (d Diagnosis) Verdict() Code {
	if len(d.Findings) == 0 {
		return ""
	}
	return d.Findings[0].Code
}

// add appends a finding.
func (d *Diagnosis) add(f Finding) { d.Findings = append(d.Findings, f) }

// Family identifies a vending key, from which the keys of a supply group are derived.
type Family struct {
	SGC      string
	KRN      uint8
	KT       sts.KeyType
	DKGA     sts.DKGA
	BaseDate sts.BaseDate
}

// Keys opens tokens with the keys of a meter and never discloses a key.
type Keys interface {
	// Families lists the vending keys. It also works while they are locked.
	Families() ([]Family, error)
	// Explain calls [sts.Explain] with the decoder keys of these attributes, derived for this call. Attributes without a
	// vending key count as a key that opens nothing.
	Explain(digits string, of []sts.Attributes, likely func(key int, o sts.Opened) bool) (sts.Explanation, KeyUse, error)
	// Open opens one token with each of the decoder keys of these attributes.
	Open(t sts.Token, of []sts.Attributes) ([]sts.Opened, KeyUse, error)
}

// Hasher computes the keyed hash under which sold tokens are indexed, so that equal digits are found without opening
// any.
type Hasher interface {
	Hash(context string, data []byte) []byte
}

// Tx is what a diagnosis needs from a transaction. Every method sees only the transaction's tenant.
type Tx interface {
	AuditLog(e access.Entry) error
	Meters() registry.MeterLookup
	MeterByN(n int64) (registry.Meter, bool, error)
	// MeterKeys lists all keys of a meter, newest first, whatever their state.
	MeterKeys(meter int64, max int) ([]registry.Key, error)
	// TokenByHash finds a token by the hash of its digits, with the meter key under which it was made.
	TokenByHash(hash []byte) (t sale.Token, key id.ID, found bool, err error)
	VendSale(sale id.ID) (sale.Sale, bool, error)
	TokenReports(meter int64, s metering.Span, after metering.After, max int) ([]metering.StoredToken, error)
}

// Config is what a Doctor needs. All fields are required.
type Config struct {
	Door   access.Door[Tx]
	Keys   Keys
	Hasher Hasher
	Now    func() time.Time
}

// Doctor answers questions about tokens. Its methods may be called from any goroutine.
type Doctor struct {
	c       Config
	guesses *guesses
}

// New returns a Doctor.
func New(c Config) *Doctor { return &Doctor{c: c, guesses: newGuesses()} }

// Limits of a diagnosis.
const (
	// maxDigits bounds the length of a question in bytes: 20 digits with a separator after each, and some room.
	maxDigits = 128
	// maxKeys is how many keys of a meter are tried.
	maxKeys = 8
	// maxFamilies is how many other vending keys are tried: this many of the meter's supply group, and as many of all
	// other groups.
	maxFamilies = 100
	// maxReports is how many of the meter's newest reports are searched.
	maxReports = 100
	// lockLife is the longest time for which a meter locks itself (docs/reference/meter-rules.md#wrong-tokens). An older
	// report does not show that it is still locked.
	lockLife = 24 * time.Hour
	// shownReports is how many reports are shown.
	shownReports = 5
	// maxMeant is how many corrections are shown.
	maxMeant = 3
	// slipAge is the greatest age of a token that somebody is assumed to have meant.
	slipAge = 366 * 24 * time.Hour
	// slipAhead is how far the minute of such a token may be ahead of the clock.
	slipAhead = sale.MaxAheadRestored * time.Minute
)
