// Package diagnosis is the token doctor: somebody reads 20 digits from a slip of paper and says that they do not work.
// Start at [Doctor.Diagnose]; [Offline] says the same of what package sts found without a server.
//
// An answer is a list of findings, each one sentence on what is and one on what to do, and beside it the facts they were
// made from: what the token carries, whose it is, which key it fits, what the meter said of it, and whether it looks
// like a typing error.
//
// The doctor must not become a machine for finding tokens, because asking whether digits open is what a meter's lock-out
// keeps from a guesser. So:
//
//   - everybody sees only what the role sees elsewhere: a vendor its own sales, nobody a correction's digits without
//     the right token.show, and only somebody who may read meters has digits tried under a meter's key
//   - a correction is shown only where it is a token that was sold here, never because it happens to open
//   - slips are counted under a key only where they could have been meant ([plausible]); otherwise trying 199 tokens at
//     once would make the doctor a faster guesser than the one it is built against
//   - every question about digits that were not sold to the asker counts against a limit of the asker and of the meter
//   - every answer that needed the store leaves an audit row, durable before the answer is given
//
// Keys stay where they are: [Keys] opens tokens and hands no key out.
package diagnosis

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// Question is what somebody asks.
type Question struct {
	Digits string // as typed; blanks and dashes do not count
	Meter  string // number or identity of the meter it is for; may be left out
}

// Code is the stable name of a finding. Programs branch on it; never rename one.
type Code string

// What can be found. A diagnosis has one or several; the first is its verdict.
const (
	// NoToken: the digits can be no token; the result is format_error.
	NoToken Code = "no_token"
	// TestToken: a test or display token, which every meter takes.
	TestToken Code = "test_token"
	// NoMeaning: the standard gives the token no meaning.
	NoMeaning Code = "no_meaning"
	// Ready: sold here, and the meter has said nothing of it.
	Ready Code = "ready"
	// Fits: it opens under the key at hand; only without a server, which would know more.
	Fits Code = "fits"
	// DefaultKey: credit under a default key, which no meter takes.
	DefaultKey Code = "default_key"
	// Used: the meter has it.
	Used Code = "used"
	// Rejected: the meter has refused it.
	Rejected Code = "rejected"
	// Reversed: its sale was reversed.
	Reversed Code = "reversed"
	// OtherMeter: made for another meter than the one asked for.
	OtherMeter Code = "other_meter"
	// NotYours: not among the sales that the asker may see, and the asker may see no more.
	NotYours Code = "not_yours"
	// NotSold: opens under the meter's key but was not sold here.
	NotSold Code = "not_sold"
	// OtherKey: made for this meter under another key than those it is registered with.
	OtherKey Code = "other_key"
	// FitsNothing: neither sold here nor opened by a key of the meter.
	FitsNothing Code = "fits_nothing"
	// NoMeterGiven: not sold here, and no meter was named whose keys could be tried.
	NoMeterGiven Code = "no_meter_given"
	// MistypedDigit: one digit off, and it would fit.
	MistypedDigit Code = "mistyped_digit"
	// SwappedDigits: two neighbours exchanged, and it would fit.
	SwappedDigits Code = "swapped_digits"
	// Superseded: made under a key that the meter no longer holds.
	Superseded Code = "superseded"
	// BeforeKeyChange: to be entered before the meter's key-change tokens.
	BeforeKeyChange Code = "before_key_change"
	// AfterKeyChange: to be entered after the meter's key-change tokens.
	AfterKeyChange Code = "after_key_change"
	// Expired: past the expiry number of its key.
	Expired Code = "key_expired"
	// BaseDateOver: the base date of its key has run out.
	BaseDateOver Code = "base_date_over"
	// LockedOut: the meter refuses every entry for a while.
	LockedOut Code = "locked_out"
	// Locked: the key store is locked, so the diagnosis is a part only.
	Locked Code = "keystore_locked"
	// KeyMissing: there is no vending key for the meter, so the diagnosis is a part only.
	KeyMissing Code = "vending_key_missing"
	// NoKeys: the meter takes no tokens.
	NoKeys Code = "no_keys"
)

// Finding is one thing that was found.
type Finding struct {
	Code Code
	Text string // what is, for a person
	Do   string // what to do next
}

// Contents are what a token carries.
type Contents struct {
	Class, SubClass uint8
	Kind            string // in words
	HasTID          bool
	TID             sts.TID
	BaseDate        sts.BaseDate
	Units           unit.Energy // of electricity credit
	Section         uint8       // of a key change
	Tests           []string    // of a test token: what it asks for
}

// IssuedAt is when the token was made; zero where it does not say.
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
	Result   string // what the meter last said of it
	IssuedAt time.Time
}

// Typing is the search for a typing error.
type Typing struct {
	Tried    int // tokens one slip away
	OneDigit int // of them, with one digit changed, those that would fit
	Swapped  int // of them, with two neighbours exchanged
	Sold     int // of those that fit, the ones that were sold here
	// Meant are the tokens sold here that fit; empty for whoever may not see digits.
	Meant []sts.Token
}

// KeyUse says what became of trying the meter's keys.
type KeyUse string

// Uses of keys.
const (
	KeysNotAsked KeyUse = "not_asked" // it was not needed, or the asker may not
	KeysUsed     KeyUse = "used"
	KeysLocked   KeyUse = "locked"  // the key store is locked
	KeysMissing  KeyUse = "missing" // no vending key for the meter
)

// Diagnosis is the answer to a Question.
type Diagnosis struct {
	refusal.Refusal
	// RetryAfter is when a refusal for too many questions ends.
	RetryAfter time.Duration
	Findings   []Finding
	Token      sts.Token // what was typed; zero where it is no token
	Contents   *Contents // nil where nothing could be read
	// Number is the meter the token is for, or else the meter asked for; empty where it is not known.
	Number string
	Test   bool          // everything of that meter is a test
	Key    *registry.Key // the key it fits; nil where none does or the asker may not see it
	// Registered tells whether Key is one of the meter's registered keys.
	Registered bool
	Sold       *Sold // nil where it was not sold here, or not for the asker to see
	// Reports are what the meter said of the token, newest first; for those who may read meters.
	Reports []metering.StoredToken
	Typing  *Typing // nil where no search was made
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

// Family is a vending key by its facts: what the keys of a supply group are derived from.
type Family struct {
	SGC      string
	KRN      uint8
	KT       sts.KeyType
	DKGA     sts.DKGA
	BaseDate sts.BaseDate
}

// Keys opens tokens with the keys of a meter and gives none of them away.
type Keys interface {
	// Families lists the vending keys there are. It works while they are locked.
	Families() ([]Family, error)
	// Explain asks [sts.Explain] with the decoder keys of these attributes, derived for this call. Attributes for which
	// there is no vending key count as a key that opens nothing.
	Explain(digits string, of []sts.Attributes, likely func(key int, o sts.Opened) bool) (sts.Explanation, KeyUse, error)
	// Open opens one token with each of the decoder keys of these attributes.
	Open(t sts.Token, of []sts.Attributes) ([]sts.Opened, KeyUse, error)
}

// Hasher finds equal digits without opening any: the keyed hash under which sold tokens are indexed.
type Hasher interface {
	Hash(context string, data []byte) []byte
}

// Tx is what a diagnosis needs of a transaction. Every method sees only the transaction's tenant.
type Tx interface {
	AuditLog(e access.Entry) error
	Meters() registry.MeterLookup
	MeterByN(n int64) (registry.Meter, bool, error)
	// MeterKeys lists all keys of a meter, newest first, whatever their state.
	MeterKeys(meter int64, max int) ([]registry.Key, error)
	// TokenByHash finds a token by the hash of its digits, and the meter key it was made under.
	TokenByHash(hash []byte) (t sale.Token, key id.ID, found bool, err error)
	VendSale(sale id.ID) (sale.Sale, bool, error)
	TokenReports(meter int64, s metering.Span, after metering.After, max int) ([]metering.StoredToken, error)
}

// Config is what a Doctor needs; every field is required.
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

// New makes a Doctor.
func New(c Config) *Doctor { return &Doctor{c: c, guesses: newGuesses()} }

// Limits of a diagnosis.
const (
	// maxDigits bounds what is read of a question, in bytes: 20 digits with a separator behind each, and room to spare.
	maxDigits = 128
	// maxKeys is how many keys of a meter are tried.
	maxKeys = 8
	// maxFamilies is how many other vending keys of the meter's supply group are tried, and how many of all others.
	maxFamilies = 100
	// maxReports is how many of the meter's newest reports are looked through.
	maxReports = 100
	// lockLife is the longest a meter locks itself (docs/reference/meter-rules.md#wrong-tokens); an older answer says
	// nothing about now.
	lockLife = 24 * time.Hour
	// shownReports is how many of them are shown.
	shownReports = 5
	// maxMeant is how many corrections are shown.
	maxMeant = 3
	// slipAge is how old a token may be that somebody is thought to have meant.
	slipAge = 366 * 24 * time.Hour
	// slipAhead is how far its minute may lie ahead of the clock.
	slipAhead = sale.MaxAheadRestored * time.Minute
)
