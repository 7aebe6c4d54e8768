package notify

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Limits of what passes between the dispatcher and a route.
const (
	// MaxText is the longest text in bytes that a message may have: what ten parts hold. Nothing that is sent here comes
	// near it; what is longer was not meant for a telephone.
	MaxText = 1600
	// MaxReference is the longest name in bytes that a route may give a message.
	MaxReference = 100
	// MaxWhy is the longest reason in bytes that is kept; longer ones are cut.
	MaxWhy = 300
)

// Route brings text messages out of the house: a modem, a gateway, a provider. It is called from one worker of its own,
// so messages of one route never overtake each other inside it.
type Route interface {
	// Name is the name that the configuration gives the route. It stands in messages, alarms and hooks' paths, so it is the
	// same after a restart.
	Name() string
	// Send sends one message and returns when the outcome is known or ctx has ended, whichever is first. It must not send
	// the message again by itself unless it knows that the first try did not leave; what it does not know is [Unknown].
	Send(ctx context.Context, m Outgoing) Sent
}

// Keeping is a [Route] that keeps what arrives in a memory of its own, as a SIM, until the dispatcher has it. The dispatcher looks at it
// about once a second, so Memory answers at once, from what is known.
type Keeping interface {
	Memory() Memory
}

// Memory is how full a route's memory for arrivals is. A full one loses nothing by itself: the network keeps what it cannot
// bring, for a day or some, and then forgets it.
type Memory struct {
	Used, Slots int // messages in it, and messages that it holds; 0 slots: not known
	AlmostFull  bool
}

// Outgoing is a message to send. Its text may hold the digits of a token, so nothing prints it: formatting, logging and
// encoding an Outgoing show everything but the text. A route takes Text itself and gives it to its wire only.
type Outgoing struct {
	ID   string // the message, msg_…: the same at every try and by every route, so that a receiver can tell repetitions
	To   string // "+" and digits
	Text string // at most MaxText bytes of UTF-8
	// Report asks for a delivery report, which comes to the [Inbox] if the route has any.
	Report bool
	// Validity is how long the network may try to deliver; 0 leaves it to the route.
	Validity time.Duration
}

// String describes the message without its text.
func (m Outgoing) String() string {
	return fmt.Sprintf("message %s to %s, %d bytes", m.ID, m.To, len(m.Text))
}

// Format prints String whatever the verb: %#v would print the text.
func (m Outgoing) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, m.String()) }

// LogValue is String for logs.
func (m Outgoing) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText makes encoders write String.
func (m Outgoing) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Outcome is what is known of a message that a route was asked to send. The zero value is Unknown: who says nothing knows
// nothing.
type Outcome uint8

// The outcomes.
const (
	// Unknown: the message may have been sent, its answer was lost. It waits for a report and is not sent again, except
	// where a repetition is harmless (a token that arrives twice is one token).
	Unknown Outcome = iota
	// Accepted: the network, or the provider, has the whole message.
	Accepted
	// NotSent: it did not leave. Another try may help, or another route.
	NotSent
	// Refused: it did not leave, and this route will never take it unchanged (a number that does not exist, a text that it
	// forbids). Another route may.
	Refused
)

// String names the outcome as messages' tries show it.
func (o Outcome) String() string {
	names := [...]string{"unknown", "accepted", "not_sent", "refused"}
	if int(o) < len(names) {
		return names[o]
	}
	return "unknown"
}

// Sent is a route's answer.
type Sent struct {
	Outcome Outcome
	// Reference is the route's own name of the message, at most MaxReference bytes, by which reports are matched that do not
	// carry the message's ID. Empty if the route has none.
	Reference string
	Parts     int    // how many parts it took; 0 if the route cannot tell. Cost is counted by it.
	Why       string // the route's words, unless it was accepted; never the text of the message
	// Closed says that the route itself is out of order (no modem, no connection, a wrong password), as opposed to this one
	// message: the dispatcher marks it down at once instead of after several failures.
	Closed bool
}

// Incoming is a message that arrived.
type Incoming struct {
	Route string // the Name of the route by which it came
	// Identity is the same for the same message however often the network or the route brings it: that is how a repetition
	// is known. A route whose messages have names of their own makes it with [IdentityOf].
	Identity [16]byte
	From     string // "+" and digits, a short code or a name; never a proof of who sent it
	To       string // the own number that it was sent to; empty if the route does not say
	Text     string
	At       time.Time // the network's time; zero if it wrote none
	Missing  int       // parts that never came; such a message is never a command
}

// String describes the message without its text, which may hold a token.
func (m Incoming) String() string {
	return fmt.Sprintf("message %x by %s from %s, %d bytes", m.Identity, m.Route, m.From, len(m.Text))
}

// Format prints String whatever the verb: %#v would print the text.
func (m Incoming) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, m.String()) }

// LogValue is String for logs.
func (m Incoming) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText makes encoders write String.
func (m Incoming) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// ReportState is what a delivery report says.
type ReportState uint8

// The states of a report. The zero value changes nothing.
const (
	Trying    ReportState = iota // the network has it and is still trying
	Delivered                    // the telephone has it
	Failed                       // it will never arrive
)

// String names the state.
func (s ReportState) String() string {
	names := [...]string{"trying", "delivered", "failed"}
	if int(s) < len(names) {
		return names[s]
	}
	return "trying"
}

// Report is a delivery report. It may come before Send has returned, twice, late or never.
type Report struct {
	Route string
	// ID is the message's own ID where the route brings it back; else Reference and To name the message.
	ID        string
	Reference string
	State     ReportState
	To        string
	Why       string
	At        time.Time // when the network reached that state; zero if it wrote none
}

// Inbox takes what arrives by a route. Each method returns nil once what it was given is durable; only then may the route
// forget it (delete it from the SIM, answer 200). After any error the route offers it again, for ever. Repetitions are
// harmless.
type Inbox interface {
	Receive(ctx context.Context, m Incoming) error
	Report(ctx context.Context, r Report) error
}
