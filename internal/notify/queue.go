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
	Text     string // of PurposeWritten alone
	Phone    string // as it is registered
	Lang     string
	Customer id.ID
	Meter    int64  // the meter's private number
	Number   string // the meter's number, for the line of PurposeMeter
	Vend     id.ID
	Token    id.ID
	Answers  id.ID
	Identity [16]byte // of a request that may be repeated; zero for none
	Muted    bool     // the customer wants no warnings
	By       string
}

// QueueTx is what queueing needs of a transaction.
type QueueTx interface {
	NewID() (id.ID, error)
	// MessageAdd writes a new message.
	MessageAdd(Message) error
	// MessagesWaiting counts open messages, of one line or, for "", of all; not beyond most.
	MessagesWaiting(line string, most int) (int, error)
	// QuietHours are the hours in which warnings wait, in the tenant's time zone.
	QuietHours() (registry.QuietHours, *time.Location, error)
}

// Queue queues a message in the transaction that wants it. It never stands in the way of that transaction: a message that
// must not or cannot be sent is written down as suppressed, with the reason.
func Queue(tx QueueTx, d Draft, now time.Time) (Message, error) {
	i, err := tx.NewID()
	if err != nil {
		return Message{}, err
	}
	m := Message{ID: i, State: Queued, Purpose: d.Purpose, Lang: cut(d.Lang, maxLang), Args: d.Args, Text: cut(d.Text, MaxWritten), Phone: Canonical(d.Phone),
		Customer: d.Customer, Meter: d.Meter, Number: d.Number, Vend: d.Vend, Token: d.Token, Answers: d.Answers, By: d.By, Identity: d.Identity,
		Open: true, NextAt: now, ExpiresAt: now.Add(life(d)), CreatedAt: now, Line: lineOf(d)}
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

// hindrance says why a message must not be sent; empty where nothing hinders it.
func hindrance(tx QueueTx, d Draft, m Message) (string, error) {
	switch {
	case m.Phone == "":
		return "there is no telephone number", nil
	case d.Muted && d.Purpose.unwanted():
		return "the customer wants no such messages (STOP)", nil
	}
	return crowded(tx, m)
}

// crowded says why there is no room for a message; empty where there is.
func crowded(tx QueueTx, m Message) (string, error) {
	line, all := MaxPerPhone, MaxWaiting
	if m.harmless() { // answers that somebody makes us queue, or ten thousand warnings, must not keep a paid token out
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

// warnings are the purposes that wait for the end of the quiet hours. What brings a token, answers a question or says
// that the supply is back never waits.
func (p Purpose) warning() bool {
	return slices.Contains([]Purpose{PurposeLow1, PurposeLow2, PurposeCutSoon}, p)
}

// unwanted reports whether somebody who has sent STOP gets no message of the purpose. The announcements that a cut-off
// counts from are sent all the same: who gets none could not be cut off, or would be without having been told. So is what
// tells of money: whoever can forge the sender of a STOP must not be able to keep a customer from learning that a sale was
// taken back.
func (p Purpose) unwanted() bool {
	return slices.Contains([]Purpose{PurposeLow1, PurposeCutOff, PurposeWritten}, p)
}

// lineOf is what the order is kept within: a meter's messages among themselves, a telephone's, and warnings in a line of
// their own, so that one that waits for the morning holds no token up.
func lineOf(d Draft) string {
	switch {
	case d.Purpose == PurposeMeter:
		return "meter " + d.Number
	case d.Purpose.warning():
		return Canonical(d.Phone) + " warnings"
	}
	return Canonical(d.Phone)
}

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

// Canonical is the one form in which telephone numbers are kept and compared here; see [registry.DialForm].
func Canonical(phone string) string { return registry.DialForm(phone) }
