package notify

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
)

// State is a message's state.
type State string

// States of a message.
const (
	Queued     State = "queued"     // waits to be the queue head, for its time or for a route
	SentOut    State = "sent"       // a route has accepted it
	Arrived    State = "delivered"  // the network reports that the telephone has it
	Answered   State = "answered"   // the meter has answered it
	Lost       State = "failed"     // it will not arrive; Failure says why
	Uncertain  State = "unknown"    // nobody knows whether it left, or whether the meter took it
	Expired    State = "expired"    // it could not be sent in time
	Suppressed State = "suppressed" // it must not be sent: the customer does not want it, or too many messages wait
	Received   State = "received"   // it came in
)

// States lists every state.
func States() []State {
	return []State{Queued, SentOut, Arrived, Answered, Lost, Uncertain, Expired, Suppressed, Received}
}

// Over reports whether the message's state no longer changes automatically.
func (s State) Over() bool {
	return s == Answered || s == Lost || s == Expired || s == Suppressed || s == Received
}

// Purposes of messages without a template.
const (
	// PurposeMeter is a message that brings a token to the SIM of a meter, as *02#TOKEN.
	PurposeMeter Purpose = "meter-sms"
	// PurposeWritten is a text that a person wrote.
	PurposeWritten Purpose = "text"
	// PurposeFromMeter is an arrival: a meter's answer. PurposeFromCustomer is a customer's question, PurposeFromStranger a
	// message from an unregistered number.
	PurposeFromMeter    Purpose = "from-meter"
	PurposeFromCustomer Purpose = "from-customer"
	PurposeFromStranger Purpose = "from-stranger"
)

// Message is one message to or from a telephone. It never holds the digits of a token.
type Message struct {
	ID       id.ID
	Incoming bool
	State    State
	Purpose  Purpose
	Lang     string
	Args     Args
	Text     string // text of an arrival, with long runs of digits masked, or text that a person wrote
	Phone    string // the recipient; of an arrival, the sender
	Customer id.ID
	Meter    int64  // the meter's private number; 0 for none
	Number   string // the meter's number, read with the row
	Vend     id.ID
	Token    id.ID
	Answers  id.ID
	Identity [16]byte // identity of an arrival, or of a request with a key; zero for none

	Line      string  // the queue: of a meter, of a telephone, of a telephone's warnings
	Urgency   Urgency // which message of a telephone or a route goes first
	TokenSet  string  // tokens of one set leave one after the other; empty for none
	Open      bool    // it is the queue head, or waits to become it
	Asking    bool    // the meter must be asked about the message's token
	Route     string
	Parts     int
	Cost      int64 // cost in millionths of the currency's unit
	Tries     int
	Round     int // number of rounds in which every route failed or the meter did not answer
	NextAt    time.Time
	ExpiresAt time.Time

	CreatedAt   time.Time
	SentAt      time.Time // when a route first accepted it
	DeliveredAt time.Time
	AnsweredAt  time.Time
	EndedAt     time.Time
	Failure     string
	By          string
}

// Try is a message given to a route.
type Try struct {
	N         int // from 1
	Route     string
	Asking    bool
	Round     int
	At        time.Time
	DoneAt    time.Time // zero while the try is running, or if the server ended during the try
	Outcome   string    // as Outcome.String; empty while the try is running
	Reference string
	Parts     int
	Cost      int64
	Report    string // as ReportState.String; empty if no report came
	Why       string
}

// underWay reports whether the try has no recorded outcome.
func (t Try) underWay() bool { return t.Outcome == "" }

// Limits of messages (docs/operate/sms.md#limits).
const (
	MaxWaiting  = 10_000 // waiting messages of a tenant
	MaxPerPhone = 20     // waiting messages to one telephone or meter
	// Tokens, and the warnings that must precede a cut-off, have higher limits.
	MaxTokensWaiting  = 20_000
	MaxTokensPerPhone = 100

	MaxTries    = 40  // tries of one message
	MaxWritten  = 480 // bytes of a text that a person writes
	maxLang     = 16
	unknownMost = 5 // number of repetitions of a harmless message of unknown outcome
)

// Lifetimes: how long a message may still be sent.
const (
	tokenLife  = 3 * 24 * time.Hour
	noticeLife = 24 * time.Hour
	cutLife    = 7 * 24 * time.Hour // for warnings that start the wait before a cut-off: broken routes must not cut anybody off
	answerLife = time.Hour
	textLife   = 24 * time.Hour
)

// ReportWindow is the time after a try in which a report can match the try by its reference alone: references repeat.
const ReportWindow = 72 * time.Hour

// sendLimit is a route's time for one message; a modem with a bad network needs minutes. The worker's claim lasts longer.
const (
	sendLimit = 4 * time.Minute
	holdFor   = sendLimit + time.Minute
)

// An arrival or a report of delivery shows that a telephone can be reached, and makes its waiting messages due. But a sender's number
// proves nothing. So arrivals cause at most one try of a message every WakeEvery, and none after a message has had MaxTriesWoken tries.
const (
	WakeEvery     = 5 * time.Minute
	MaxTriesWoken = MaxTries / 2
)

// Pause returns the wait before every route is tried again: 1 min, 5 min, 30 min, then 2 h (docs/operate/sms.md#what-becomes-of-a-message).
func Pause(round int) time.Duration { return job.Pause(round) }

// harmless reports whether a message of unknown outcome may be repeated: its loss would matter, and a second copy does no harm.
// A token that arrives twice loads once, and a second warning of a cut-off does not hurt.
func (m Message) harmless() bool { return !m.Token.IsZero() || m.Purpose.cuts() }

// cuts reports whether the message is a warning that starts the wait before a cut-off.
func (p Purpose) cuts() bool { return p == PurposeLow2 || p == PurposeCutSoon }

// end ends a message.
func (m *Message) end(s State, why string, now time.Time) {
	m.State, m.Failure, m.Open, m.EndedAt, m.Asking = s, cut(why, MaxWhy), false, now, false
}

// cut shortens a text to at most n bytes, at a character boundary.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
