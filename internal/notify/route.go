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
	// MaxText is the longest text of a message in bytes, which fits into ten parts. All texts of Paywatt are much shorter.
	MaxText = 1600
	// MaxReference is the longest reference in bytes that a route may give a message.
	MaxReference = 100
	// MaxWhy is the longest reason in bytes that is stored; a longer reason is cut.
	MaxWhy = 300
)

// Route carries text messages out: a modem, a gateway, a provider. Each route has one worker, and only this worker calls it, so
// messages of one route never overtake each other inside the route.
type Route interface {
	// Name is the route's name in the configuration. It appears in messages, alarms and hooks' paths, so it stays the same
	// after a restart.
	Name() string
	// Send sends one message and returns when the outcome is known or ctx has ended, whichever is first. It may send the message
	// a second time only if it knows that the first try did not leave. If it does not know whether a try left, the outcome is
	// [Unknown].
	Send(ctx context.Context, m Outgoing) Sent
}

// BufferedRoute is a [Route] that holds arrivals in its own memory, such as a SIM, until the dispatcher has them. The dispatcher calls
// Memory about once a second, so it must return at once, without asking the device.
type BufferedRoute interface {
	Memory() Memory
}

// Memory tells how full a route's memory for arrivals is. A full memory does not lose messages at once: the network holds
// undelivered messages for a day or more, and then drops them.
type Memory struct {
	Used, Slots int // Used counts the stored messages. Slots counts all places for messages; 0 if that number is not known.
	AlmostFull  bool
}

// Outgoing is a message to send. Its text may hold the digits of a token, so the text is never printed: formatting, logging
// and encoding an Outgoing show all other fields. A route reads Text itself and passes it only to its wire.
type Outgoing struct {
	ID   string // the message, msg_…: the same at every try and by every route, so that a receiver can recognise repetitions
	To   string // "+" and digits
	Text string // at most MaxText bytes of UTF-8
	// Report asks for a delivery report, which the [Inbox] gets if the route has reports.
	Report bool
	// Validity is how long the network may try to deliver; 0 leaves the choice to the route.
	Validity time.Duration
}

// String describes the message without its text.
func (m Outgoing) String() string {
	return fmt.Sprintf("message %s to %s, %d bytes", m.ID, m.To, len(m.Text))
}

// Format prints the text of String for every verb, because %#v would print the message's text.
func (m Outgoing) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, m.String()) }

// LogValue returns String for logs.
func (m Outgoing) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText makes encoders write String.
func (m Outgoing) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Outcome is what a route knows about a message after Send. The zero value is Unknown, for a route that sets no outcome.
type Outcome uint8

// The outcomes.
const (
	// Unknown: the message may have been sent, but the network's answer was lost. The message waits for a report. It is sent
	// again only if a repetition is harmless: a token that arrives twice loads once.
	Unknown Outcome = iota
	// Accepted: the network or the provider has the whole message.
	Accepted
	// NotSent: the message did not leave. Another try or another route may help.
	NotSent
	// Refused: the message did not leave, and this route will never take it unchanged. Examples are a number that does not
	// exist, and a text that the route forbids. Another route may take it.
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
	// Reference is the route's own name for the message, at most MaxReference bytes. A report without the message's ID is
	// matched by its Reference. The field is empty if the route has no such name.
	Reference string
	Parts     int    // number of parts; 0 if the route does not know. The cost depends on it.
	Why       string // the route's reason, unless the message was accepted; never the text of the message
	// Closed means that the route itself is out of order: no modem, no connection, a wrong password. The dispatcher marks the
	// route as down at once, and does not wait for several failures.
	Closed bool
}

// Incoming is a message that arrived.
type Incoming struct {
	Route string // the Name of its route
	// Identity stays the same however often the network or the route delivers the message, so that repetitions are recognised.
	// A route whose messages have their own IDs makes the identity with [IdentityOf].
	Identity [16]byte
	From     string // "+" and digits, a short code or a name; never a proof of who sent it
	To       string // the server's own number to which it was sent; empty if the route does not report it
	Text     string
	At       time.Time // the network's time; zero if the network wrote none
	Missing  int       // parts that never came; such a message is never a command
}

// String describes the message without its text, which may hold a token.
func (m Incoming) String() string {
	return fmt.Sprintf("message %x by %s from %s, %d bytes", m.Identity, m.Route, m.From, len(m.Text))
}

// Format prints the text of String for every verb, because %#v would print the message's text.
func (m Incoming) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, m.String()) }

// LogValue returns String for logs.
func (m Incoming) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText makes encoders write String.
func (m Incoming) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// ReportState is the state in a delivery report.
type ReportState uint8

// The states of a report. The zero value changes nothing.
const (
	Trying    ReportState = iota // the network has the message and is still trying
	Delivered                    // the telephone has the message
	Failed                       // the message will never arrive
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
	// ID is the message's own ID if the route returns it; without an ID, Reference and To identify the message.
	ID        string
	Reference string
	// Also are other ways in which the route may have written the reference in its answer, such as a number in another base. They count only with To.
	Also  [2]string
	State ReportState
	To    string
	Why   string
	At    time.Time // when the network reached that state; zero if the report has no time
}

// Inbox takes a route's arrivals. Each method returns nil once the arrival is durable; only then may the route forget it
// (delete it from the SIM, or answer 200). After an error the route offers the arrival again, until it is taken. Repetitions
// are harmless.
type Inbox interface {
	Receive(ctx context.Context, m Incoming) error
	Report(ctx context.Context, r Report) error
}
