// Package payment turns what payment providers took into credit. A payment that a provider took becomes exactly one credit, one refund, or
// one parked payment that waits for a person, whatever arrives, in whatever order, how often, or never.
//
// A payment goes through these steps. Each is a transaction of its own, and the outbox repeats a step until it is done.
//
//	call ---> known ---> confirmed ---> applied
//	            |            |
//	        rejected      parked ---> applied or refunded
//
// [Payments.Receive] stores what a provider sends before the provider gets an answer. [Worker] reads it, asks the provider whether the
// payment is true, books it, finds the meter that it is for, and sells. The rules are pure functions: [Confirm], [ReadReference], [Match].
//
// Not here: the languages of the providers (provider), the sale (vending), the books (ledger).
package payment

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
)

// State is the state of a payment.
type State string

// States of a payment.
const (
	Received State = "received" // known, but not confirmed or not yet applied
	Parked   State = "parked"   // waits for a person; it is confirmed, unless it is above the ceilings
	Applied  State = "applied"  // it paid for a sale
	Refunded State = "refunded" // the provider gave it back
	Rejected State = "rejected" // the provider never took it
)

// Proof says what confirmed a payment.
type Proof string

// Proofs of a payment.
const (
	Unproved Proof = ""
	Signed   Proof = "signed" // the provider's signature, below the ceilings of a provider that cannot be asked
	Asked    Proof = "asked"  // the provider's own answer
	Person   Proof = "person" // somebody who found it in the provider's statement, above the ceilings
	// Stated is a statement of the provider that two people answer for. StatedAlone is one that a single person uploaded: it confirms as much as
	// a signature does.
	Stated      Proof = "statement"
	StatedAlone Proof = "statement-alone"
	ByVoucher   Proof = "voucher" // a PIN that somebody paid for
)

// Reason says why a payment is parked, rejected or not confirmed yet.
type Reason string

// Reasons.
const (
	NoReason         Reason = ""
	UnknownReference Reason = "unknown-reference" // no meter, account or telephone has the reference
	ManyReferences   Reason = "many-references"   // more than one has it
	NumberHeld       Reason = "number-held"       // the telephone number was new or had just changed when the payer paid; only a person decides
	NumberNewer      Reason = "number-newer"      // the telephone number was registered after the payer paid; only a person decides
	AccountNewer     Reason = "account-newer"     // another customer moved in at the meter after the payer paid; only a person decides
	NotSold          Reason = "not-sold"          // the sale was refused; the detail says why
	OtherCurrency    Reason = "other-currency"    // the books have one currency, and it is not that of the payment
	SaleReversed     Reason = "sale-reversed"     // the sale that used it was reversed
	AboveCeiling     Reason = "above-ceiling"     // too much for a provider that cannot be asked
	OtherProvider    Reason = "other-provider"    // another provider brought a payment of the same name and amount: it is perhaps the same payment
	Unanswered       Reason = "unanswered"        // the provider has not answered the question
	AnswerLater      Reason = "answer-later"      // the provider took the question and calls with its answer
	Undecided        Reason = "undecided"         // the provider says that it has not decided about the payment yet
	BeingAsked       Reason = "asking"            // the provider is being asked; shown, but not stored
	BeingSold        Reason = "selling"           // confirmed: its meter is looked for and its sale is made; shown, but not stored
	AnswerDiffers    Reason = "answer-differs"    // the provider's answer is about other money; the detail says how. It waits for a person
	NeverTaken       Reason = "never-taken"       // the provider knows no such payment
	GivenBack        Reason = "given-back"        // the provider says that it gave the payment back
	PartBack         Reason = "part-back"         // the provider says that it gave a part of the payment back; the detail says how much
	Returning        Reason = "returning"         // somebody decided to give it back, and the provider will be ordered to
	ReturnSent       Reason = "return-sent"       // the provider was ordered to give it back, and is asked whether it did
	ReturnRefused    Reason = "return-refused"    // the provider did not take that order; the detail says why
	ByPerson         Reason = "by-person"         // somebody decided; the detail is their reason
)

// NoMeter reports whether the reason is that the payer's text does not say for which meter the payment is.
func (r Reason) NoMeter() bool {
	return r == UnknownReference || r == ManyReferences || r.needsPayer()
}

// needsPayer reports whether only the payer can say for which meter the payment is.
// The telephone number, or the number of the meter, may have meant somebody else, or nobody, when the payer paid.
func (r Reason) needsPayer() bool { return r == NumberHeld || r == NumberNewer || r == AccountNewer }

// Payment is one payment that a provider took, or says that it took.
type Payment struct {
	ID        id.ID
	Provider  string // name of the provider
	Txn       string // the provider's own name for it, unique for the provider
	Amount    money.Amount
	Reference string // what the payer typed
	Payer     string // as the provider gives it: a telephone number, often masked, or a name
	PaidAt    time.Time
	State     State
	Reason    Reason
	Detail    string
	Proof     Proof
	// ConfirmedAt is when the payment was confirmed and booked; zero before that, and for a payment in another currency.
	ConfirmedAt time.Time
	// AloneTotal is the running total of [SignedTotal], this payment included; nil if the provider or two people confirmed it.
	AloneTotal *money.Minor
	Meter      string // number of the meter that it is for; empty if unknown
	Sale       id.ID  // the sale that used it; zero for none
	Tries      int    // sales that were begun with it
	Request    id.ID  // the request that it answers; zero for none
	// Back is what the provider took back after the sale had used the payment, as far as the provider confirmed it. Owed is the part of Back that
	// the customer owes in the books, and BackAt is when the provider first said that it took money back. They are zero if the sale is reversed.
	Back    money.Minor
	Owed    money.Minor
	BackAt  time.Time
	SeenAt  time.Time
	Version int64

	// account is the account that the payment is for while work on it goes on, and since is when that account took the place over from another one.
	// The database has neither: the order of a sale carries the account that a person chose.
	account id.ID
	since   time.Time
}

// ShownReason returns the reason as people see it. A received payment always waits for something.
func (p Payment) ShownReason() Reason {
	switch {
	case p.State != Received:
		return p.Reason
	case !p.ConfirmedAt.IsZero() && (p.Reason == NoReason || p.Reason == ByPerson):
		return BeingSold
	case p.ConfirmedAt.IsZero() && p.Reason == NoReason:
		return BeingAsked
	}
	return p.Reason
}

// madeAt returns when the payer paid, as far as that is known before a moment. A telephone number means the meter that it meant then. A payment was made
// before it became known, whatever its provider's clock says.
func (p Payment) madeAt(now time.Time) time.Time {
	made := now
	for _, at := range []time.Time{p.SeenAt, p.PaidAt} {
		if !at.IsZero() && at.Before(made) {
			made = at
		}
	}
	return made
}

// waitsForAnswer reports whether only its provider's answer can confirm the payment now.
func waitsForAnswer(p Payment) bool { return p.State == Received && p.ConfirmedAt.IsZero() }

// Booked reports whether the payment's money is in the books and has no use yet.
func (p Payment) Booked() bool {
	return !p.ConfirmedAt.IsZero() && (p.State == Received || p.State == Parked)
}

// isAsAgreed reports whether two people agreed to what becomes of the payment: they saw its row in a statement. Nothing but a person's decision gives it
// another meter.
func (p Payment) isAsAgreed() bool { return p.Proof == Stated }

// Unconfirmed reports whether the payment waits for whatever may confirm it.
func (p Payment) Unconfirmed() bool {
	return p.ConfirmedAt.IsZero() && (p.State == Received || p.needsPerson() || p.answerDiffers())
}

// answerDiffers reports whether the payment waits because its provider's answer is about other money. Nobody can apply it, because the answer says
// that the money did not come to the utility. A person finds out what happened, and rejects it or records that it was given back.
func (p Payment) answerDiffers() bool {
	return p.State == Parked && p.ConfirmedAt.IsZero() && p.Reason == AnswerDiffers
}

// needsPerson reports whether a person must confirm the payment.
func (p Payment) needsPerson() bool {
	return p.State == Parked && p.ConfirmedAt.IsZero() && (p.Reason == AboveCeiling || p.Reason == OtherProvider)
}

// isTwinOf reports whether a provider brought this payment, which is confirmed, and another provider the other payment, and both may be the same
// payment.
func (p Payment) isTwinOf(other Payment) bool {
	return p.Provider != other.Provider && p.Txn == other.Txn && p.Amount == other.Amount && !p.ConfirmedAt.IsZero()
}

// Name returns the payment's identity as text.
func (p Payment) Name() string { return p.ID.Text(id.Payment) }

// Limits of what a provider sends.
const (
	MaxBody      = 64 << 10 // bytes of a call
	MaxAnswer    = 1 << 20  // bytes of an answer to a question
	MaxTxn       = 100      // bytes of a provider's name for a payment
	MaxReference = 100      // bytes of a payer's reference
	MaxPayer     = 100
	MaxDetail    = 300
	MaxNotices   = 100 // notices in one call
)
