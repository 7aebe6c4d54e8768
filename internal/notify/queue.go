package notify

import (
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
)

// Draft is a message to be queued.
type Draft struct {
	Purpose  Purpose
	Args     Args
	Text     string // only for PurposeWritten
	Phone    string // as registered
	Lang     string
	Customer id.ID
	Meter    int64  // the meter's private number
	Number   string // the meter's number, for the queue of PurposeMeter
	Vend     id.ID
	Token    id.ID
	Answers  id.ID
	Identity [16]byte // identity of a request that may be repeated; zero for none
	Muted    bool     // the customer wants no warnings
	By       string
}

// QueueTx is the part of a transaction that queues messages.
type QueueTx interface {
	NewID() (id.ID, error)
	// MessageAdd writes a new message.
	MessageAdd(Message) error
	// MessagesWaiting counts the open messages of one queue, or of all queues if line is "". It stops at the given maximum.
	MessagesWaiting(line string, most int) (int, error)
	// QuietHours are the hours in which warnings wait, in the tenant's time zone.
	QuietHours() (registry.QuietHours, *time.Location, error)
}

// Queue queues a message in the caller's transaction. It never makes that transaction fail because of the message: a message that must not
// or cannot be sent is stored as suppressed, with the reason.
func Queue(tx QueueTx, d Draft, now time.Time) (Message, error) {
	i, err := tx.NewID()
	if err != nil {
		return Message{}, err
	}
	m := Message{ID: i, State: Queued, Purpose: d.Purpose, Lang: cut(d.Lang, maxLang), Args: d.Args, Text: cut(d.Text, MaxWritten), Phone: Canonical(d.Phone),
		Customer: d.Customer, Meter: d.Meter, Number: d.Number, Vend: d.Vend, Token: d.Token, Answers: d.Answers, By: d.By, Identity: d.Identity,
		Open: true, NextAt: now, ExpiresAt: now.Add(life(d)), CreatedAt: now, Line: lineOf(d)}
	m.Urgency = urgencyOf(m)
	m.TokenSet = tokenSetOf(m)
	why, err := hindrance(tx, d, m)
	if err != nil {
		return Message{}, fmt.Errorf("queue a message %s: %w", d.Purpose, err)
	}
	if why != "" {
		m.end(Suppressed, why, now)
	} else if d.Purpose.warning() {
		quiet, zone, err := tx.QuietHours()
		if err != nil {
			return Message{}, fmt.Errorf("queue a message %s: %w", d.Purpose, err)
		}
		m.NextAt = quiet.After(now, zone)
		m.ExpiresAt = m.ExpiresAt.Add(m.NextAt.Sub(now))
	}
	return m, tx.MessageAdd(m)
}

// hindrance returns the reason why a message must not be sent; empty if it may be sent.
func hindrance(tx QueueTx, d Draft, m Message) (string, error) {
	switch {
	case m.Phone == "":
		return "there is no telephone number", nil
	case d.Muted && d.Purpose.unwanted():
		return "the customer wants no such messages (STOP)", nil
	}
	return crowded(tx, m)
}

// crowded returns the reason why the queue has no room for a message; empty if it has room.
func crowded(tx QueueTx, m Message) (string, error) {
	line, all := MaxPerPhone, MaxWaiting
	if m.harmless() { // other people's messages, or ten thousand warnings, must not keep a paid token out
		line, all = MaxTokensPerPhone, MaxTokensWaiting
	}
	n, err := tx.MessagesWaiting(m.Line, line)
	if err != nil || n >= line {
		return "too many messages wait for this telephone", err
	}
	if n, err = tx.MessagesWaiting("", all); err != nil || n >= all {
		return "too many messages wait", err
	}
	return "", nil
}

// warning reports whether messages of the purpose wait for the end of the quiet hours. Tokens, answers and the news that the
// supply is back never wait.
func (p Purpose) warning() bool {
	return slices.Contains([]Purpose{PurposeLow1, PurposeLow2, PurposeCutSoon, PurposeUnread}, p)
}

// unwanted reports whether STOP ends messages of the purpose. Warnings that must precede a cut-off are still sent: without them the
// customer could not be cut off, or would be cut off without a warning. News about money is sent too: a forged STOP must not hide from a
// customer that a sale was reversed.
func (p Purpose) unwanted() bool {
	return slices.Contains([]Purpose{PurposeLow1, PurposeCutOff, PurposeWritten}, p)
}

// lineOf names the queue of a message: one for each meter and each telephone. The messages of a meter's queue keep their order. In a
// telephone's queue the more urgent message goes first ([Urgency]). Warnings have a queue of their own, so that many of them that wait for
// the morning leave room for other messages.
func lineOf(d Draft) string {
	switch {
	case d.Purpose == PurposeMeter:
		return "meter " + d.Number
	case d.Purpose.warning():
		return WarningLine(Canonical(d.Phone))
	}
	return Canonical(d.Phone)
}

// WarningLine returns the queue of a telephone's warnings. The number must be in its canonical form.
func WarningLine(phone string) string { return phone + " warnings" }

func life(d Draft) time.Duration {
	switch {
	case d.Purpose == PurposeMeter, !d.Token.IsZero():
		return tokenLife
	case d.Purpose == PurposeWritten:
		return textLife
	case !d.Answers.IsZero():
		return answerLife
	case d.Purpose.cuts():
		return cutLife
	}
	return noticeLife
}

// Canonical returns the form in which this package stores and compares telephone numbers; see [registry.DialForm].
func Canonical(phone string) string { return registry.DialForm(phone) }
