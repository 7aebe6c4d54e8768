// Package webhook tells other programs what happens: it posts events to addresses outside, as Standard Webhooks 1.0.0 says.
//
//	fact and its event --commit--> outbox --[Spreader]--> one delivery for each endpoint --[Deliverer]--> POST
//
// The store writes an event into the outbox in the transaction of its fact, so there is no fact without its event and no event without its
// fact. [Spreader] makes the deliveries. [Deliverer] sends them, each endpoint apart from the others, until the endpoint answers with 2xx or
// the attempts are used up. An event may arrive more than once, with the same id, and in any order. The rules are pure functions: [Judge],
// [Sign]. No event has digits of a token, or a customer's name or telephone number.
//
// Not here: the request itself and the addresses that it refuses (poster).
package webhook

import (
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

// Type is the type of an event.
type Type string

// Types of events. Receivers rely on them: never rename one.
const (
	VendCompleted   Type = "vend.completed"
	VendReversed    Type = "vend.reversed"
	PaymentApplied  Type = "payment.applied"
	PaymentParked   Type = "payment.parked"
	PaymentRefunded Type = "payment.refunded"
	PaymentRejected Type = "payment.rejected"
	MeterCutOff     Type = "meter.cut_off"
	MeterRestored   Type = "meter.restored"
	AlarmRaised     Type = "alarm.raised"
	EndpointOff     Type = "webhook.disabled"
	Test            Type = "webhook.test" // only sent on request
)

// Types lists the types that an endpoint can choose.
func Types() []Type {
	return []Type{VendCompleted, VendReversed, PaymentApplied, PaymentParked, PaymentRefunded, PaymentRejected, MeterCutOff, MeterRestored, AlarmRaised,
		EndpointOff}
}

// Limits.
const (
	MaxEndpoints = 20
	MaxURL       = 500
	MaxBody      = 20_000 // bytes of an event
	MaxWaiting   = 10_000 // deliveries that wait for one endpoint; later events fail at once
	MaxDelivered = 1_000  // delivered events that the log of an endpoint keeps
	MaxFailed    = 10_000 // failed events that the log of an endpoint keeps
	MaxAttempts  = 12     // attempts that the log of a delivery keeps
	MaxAnswer    = 200    // bytes of an endpoint's answer that the log keeps
	MaxRecover   = 500    // deliveries that one request recovers
	RecoverSpan  = 30 * 24 * time.Hour

	// RotationTime is the time for which a replaced secret signs too.
	RotationTime = 24 * time.Hour
	// FailingTime is the time without any success after which an endpoint is disabled.
	FailingTime = 5 * 24 * time.Hour
)

// Why says why an endpoint is disabled.
type Why string

// Reasons.
const (
	ByPerson Why = "person"
	New      Why = "new"     // it waits for a second person
	Gone     Why = "gone"    // it answered 410
	Failing  Why = "failing" // it failed for [FailingTime]
)

// Endpoint is an address that gets events.
type Endpoint struct {
	ID            id.ID
	URL           string
	Events        Choice
	AllowPrivate  bool   // http and private addresses are allowed
	Secret        []byte // sealed
	Previous      []byte // sealed; the secret before this one
	PreviousUntil time.Time
	DisabledAt    time.Time
	DisabledWhy   Why
	RemovedAt     time.Time
	FailingSince  time.Time // time of the first failure since the last success; zero if the last attempt was a success
	PausedUntil   time.Time // the endpoint asked to wait
	Sequence      int64     // number of its newest event
	AddedBy       string
	AddedAt       time.Time
	Version       int64
}

// Name returns the endpoint's identity as text.
func (e Endpoint) Name() string { return e.ID.Text(id.Webhook) }

// Enabled reports whether the endpoint gets events.
func (e Endpoint) Enabled() bool { return e.DisabledAt.IsZero() && e.RemovedAt.IsZero() }

// Choice lists types of events, separated by spaces.
type Choice string

// ChoiceOf returns the choice of some types, in the order of [Types].
func ChoiceOf(types []Type) Choice {
	var out []string
	for _, t := range Types() {
		if slices.Contains(types, t) {
			out = append(out, string(t))
		}
	}
	return Choice(strings.Join(out, " "))
}

// Types returns the types of the choice.
func (c Choice) Types() (out []Type) {
	for t := range strings.FieldsSeq(string(c)) {
		out = append(out, Type(t))
	}
	return out
}

// Has reports whether the choice has a type.
func (c Choice) Has(t Type) bool { return slices.Contains(strings.Fields(string(c)), string(t)) }

// State is the state of a delivery.
type State string

// States of a delivery.
const (
	Waiting   State = "waiting" // for its next attempt
	Delivered State = "delivered"
	Failed    State = "failed" // its attempts are used up; somebody can send it again
)

// Delivery is one event for one endpoint.
type Delivery struct {
	ID        id.ID
	Endpoint  id.ID
	Event     id.ID // the webhook-id: the same in all attempts
	Sequence  int64
	Type      Type
	Body      string
	State     State
	Attempts  int // since the event, or since somebody asked for it again
	NextAt    time.Time
	Log       []Attempt // the newest attempts, oldest first
	CreatedAt time.Time
	EndedAt   time.Time
}

// Name returns the delivery's identity as text.
func (d Delivery) Name() string { return d.ID.Text(id.Delivery) }

// Attempt is one attempt to deliver an event.
type Attempt struct {
	At     time.Time `json:"at"`
	Status int       `json:"status,omitempty"` // HTTP status; 0 if there was no answer
	Millis int64     `json:"ms"`
	Answer string    `json:"answer,omitempty"` // the beginning of the answer
	Error  string    `json:"error,omitempty"`  // why there was no answer
}
