package payment

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
)

// AskState is the state of a request to pay, as people see it.
type AskState string

// States of a request to pay. A payment that arrives late makes any of them paid.
const (
	AskRequested AskState = "requested" // the customer has not answered
	AskPaid      AskState = "paid"
	AskFailed    AskState = "failed"  // the customer declined or could not pay, or the provider did not ask
	AskExpired   AskState = "expired" // the customer did not answer in time
	AskUnknown   AskState = "unknown" // nobody knows whether the customer was asked
)

// PaymentRequest is a stored request to pay.
type PaymentRequest struct {
	ID        id.ID
	Provider  string // name of the provider
	Meter     string // number of the meter that the payment is for
	Amount    money.Amount
	Phone     string // international; empty if the customer pays on a page
	State     AskState
	Reason    string // why it failed or is unknown
	Handle    string // the provider's name for it
	Page      string // address where the customer pays; empty if a telephone asks
	Payment   id.ID  // the payment that answered it
	By        string // who asked, as in the audit log
	MadeAt    time.Time
	SentAt    time.Time // when it was sent, or may have been sent
	EndsAt    time.Time // when the customer can be expected to have answered
	DecidedAt time.Time
	Version   int64
}

// Name returns the request's identity as text.
func (r PaymentRequest) Name() string { return r.ID.Text(id.PaymentRequest) }

// request returns the request as an adapter sees it.
func (r PaymentRequest) request() Request {
	return Request{Name: r.Name(), Handle: r.Handle, Amount: r.Amount, Phone: r.Phone, Reference: r.Meter, MadeAt: r.MadeAt}
}

// settled reports whether nothing more is expected of the request.
func (r PaymentRequest) settled() bool { return r.State == AskPaid || r.State == AskFailed }

// Question is a question about a payment that its provider answers by a later call.
type Question struct {
	Provider string
	Name     string // the provider's name for the question
	Payment  id.ID
	AskedAt  time.Time
}

// Times of a request to pay.
const (
	promptTime = 10 * time.Minute   // for a customer to answer on a telephone
	pageTime   = 24 * time.Hour     // for a customer to pay on a page
	followTime = 3 * 24 * time.Hour // after these, while the provider gives no answer
	likeTime   = 24 * time.Hour     // between a request and a payment that may answer it although it names no request
)

// followPauses are the pauses between two questions about a request.
var followPauses = [...]time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}

// nextFollow returns the pause after question number n, counted from 0.
func nextFollow(n int) time.Duration { return followPauses[min(max(n, 0), len(followPauses)-1)] }

// followed decides what the state of a request is after a provider's answer, and whether to ask again.
func followed(r PaymentRequest, said RequestOutcome, silent error, now time.Time) (state AskState, reason string, again bool) {
	late := now.After(r.EndsAt)
	over := now.After(r.EndsAt.Add(followTime))
	switch {
	case silent != nil && late:
		return AskUnknown, cut(silent.Error(), MaxDetail), !over
	case silent != nil:
		return AskRequested, cut(silent.Error(), MaxDetail), true
	case said.State == RequestPaid:
		return AskPaid, "", false
	case said.State == RequestFailed:
		return AskFailed, cut(plain(said.Reason), MaxDetail), false
	case !late:
		return AskRequested, "", true
	case said.State == RequestOpen:
		return AskExpired, "", false
	}
	return AskUnknown, "the provider knows no such request", false
}

// answers reports whether a payment can be the answer to a request: it has the same amount and, if the provider gives the payer's whole
// telephone number, the telephone that was asked.
func answers(r PaymentRequest, amount money.Amount, payer string) bool {
	return r.Amount == amount && (r.Phone == "" || !isPhone(payer) || SamePhone(strings.TrimLeft(payer, "+0"), r.Phone))
}

// isPhone reports whether a payer is a whole telephone number, neither masked nor a name.
func isPhone(payer string) bool {
	digits := strings.TrimPrefix(payer, "+")
	return len(digits) >= PhoneEnd && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}
