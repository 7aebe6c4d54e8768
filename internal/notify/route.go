package notify

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Limits between the dispatcher and a route.
const (
	// MaxText is the longest text of a message in bytes: what ten parts hold. No text of Paywatt comes near it.
	MaxText = 1600
	// MaxReference is the longest reference in bytes that a route may give a message.
	MaxReference = 100
	// MaxWhy is the longest reason in bytes that is stored; longer ones are cut.
	MaxWhy = 300
)

// Route carries text messages out: a modem, a gateway, a provider. It is called by one worker of its own, so messages of one
// route never overtake each other inside it.
type Route interface {
	// Name is the route's name in the configuration. It appears in messages, alarms and hooks' paths, so it stays the same
	// after a restart.
	Name() string
	// Send sends one message and returns when the outcome is known or ctx has ended, whichever is first. It must not send the
	// message again by itself unless it knows that the first try did not leave. If it does not know, the outcome is [Unknown].
	Send(ctx context.Context, m Outgoing) Sent
}

// BufferedRoute is a [Route] that holds arrivals in a memory of its own, such as a SIM, until the dispatcher has them. The dispatcher
// calls Memory about once a second, so it must return at once, without asking the device.
type BufferedRoute interface {
	Memory() Memory
}

// Memory is how full a route's memory for arrivals is. A full memory loses nothing by itself: the network holds messages that
// it cannot deliver, for a day or more, and then drops them.
type Memory struct {
	Used, Slots int // messages in it, and messages that fit; 0 slots: not known
	AlmostFull  bool
}

// Outgoing is a message to send. Its text may hold the digits of a token, so it is never printed: formatting, logging and
// encoding an Outgoing show everything but the text. A route reads Text itself and passes it only to its wire.
type Outgoing struct {
	ID   string // the message, msg_…: the same at every try and by every route, so that a receiver can recognise repetitions
	To   string // "+" and digits
	Text string // at most MaxText bytes of UTF-8
	// Report asks for a delivery report, which the [Inbox] gets if the route has reports.
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

// LogValue returns String for logs.
func (m Outgoing) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText makes encoders write String.
func (m Outgoing) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Outcome is what a route knows about a message after Send. The zero value is Unknown, so that a route that sets no outcome
// claims nothing.
type Outcome uint8

// The outcomes.
const (
	// Unknown: the message may have been sent, but its answer was lost. It waits for a report and is not sent again, unless a
	// repetition is harmless (a token that arrives twice loads once).
	Unknown Outcome = iota
	// Accepted: the network or the provider has the whole message.
	Accepted
	// NotSent: it did not leave. Another try may help, or another route.
	NotSent
	// Refused: it did not leave, and this route will never take it unchanged (a number that does not exist, a text that it
	// forbids). Another route may.
	Refused
)

// String names the outcome as in a message's tries.
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
	// Reference is the route's own name for the message, at most MaxReference bytes. Reports without the message's ID are
	// matched by it. It is empty if the route has none.
	Reference string
	Parts     int    // number of parts; 0 if the route does not know. The cost depends on it.
	Why       string // the route's words, unless it was accepted; never the text of the message
	// Closed means that the route itself is out of order (no modem, no connection, a wrong password), not only this message:
	// the dispatcher marks it down at once instead of after several failures.
	Closed bool
}

// Incoming is a message that arrived.
type Incoming struct {
	Route string // the Name of its route
	// Identity is the same for the same message, however often the network or the route delivers it, so that repetitions are
	// recognised. A route whose messages have IDs of their own makes it with [IdentityOf].
	Identity [16]byte
	From     string // "+" and digits, a short code or a name; never a proof of who sent it
	To       string // the server's own number to which it was sent; empty if the route does not report it
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

// LogValue returns String for logs.
func (m Incoming) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText makes encoders write String.
func (m Incoming) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// ReportState is the state in a delivery report.
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
	// ID is the message's own ID if the route returns it; otherwise Reference and To identify the message.
	ID        string
	Reference string
	State     ReportState
	To        string
	Why       string
	At        time.Time // when the network reached that state; zero if it wrote none
}

// Inbox takes a route's arrivals. Each method returns nil once the arrival is durable; only then may the route forget it
// (delete it from the SIM, answer 200). After any error the route offers it again, without end. Repetitions are harmless.
type Inbox interface {
	Receive(ctx context.Context, m Incoming) error
	Report(ctx context.Context, r Report) error
}
