package notify

import (
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
)

// Limits for all unregistered numbers together. A forger can invent sender's numbers, so a limit for each number would not stop
// a sender who uses many numbers.
const (
	MaxStrangers = 1000 // messages from a tenant's strangers that are stored in an hour
	MaxPublic    = 500  // answers to a tenant's strangers in a day
)

// These are the times for which messages are stored. Older messages are deleted in batches; see [ForgetTx].
const (
	KeepStrangers = 30 * 24 * time.Hour  // strangers' messages and their answers
	KeepMessages  = 400 * 24 * time.Hour // all other messages, counted from their end: more than a year, for complaints and yearly accounts
)

// strangersFull reports whether strangers have sent so much that the next message is not stored.
func (d *Dispatcher) strangersFull(tx Tx, in Incoming, now time.Time) (bool, error) {
	n, err := tx.Recipients().MessagesOf(PurposeFromStranger, now.Add(-time.Hour), MaxStrangers)
	if err != nil || n < MaxStrangers {
		return false, err
	}
	d.c.Log.Warn("message dropped: too many from unregistered numbers", logkey.Route, in.Route, logkey.Count, n)
	return true, nil
}

// strangerSpent reports whether the day's answers to a stranger, or to all strangers, are used up.
func (d *Dispatcher) strangerSpent(tx Tx, phone string, now time.Time) (bool, error) {
	today, err := tx.Recipients().AnswersTo(phone, now.Add(-24*time.Hour), MaxHelp)
	if err != nil || len(today) >= MaxHelp {
		return true, err
	}
	all := 0
	for _, p := range []Purpose{PurposePublic, PurposeVoucherWrong, PurposeVoucherMistyped, PurposeVoucherMeter, PurposeVoucherMany} {
		n, err := tx.Recipients().MessagesOf(p, now.Add(-24*time.Hour), MaxPublic)
		if err != nil {
			return true, err
		}
		all += n
	}
	return all >= MaxPublic, nil
}

// ForgetTx is the part of a transaction that [Forget] needs to delete old messages.
type ForgetTx interface {
	// MessagesForget deletes at most max ended messages that are older than a moment, with their tries, and returns their number.
	// With purposes it deletes only messages of these purposes.
	MessagesForget(before time.Time, max int, purposes ...Purpose) (int, error)
}

// Forget deletes old messages, at most max of each kind; the next call continues.
func Forget(tx ForgetTx, now time.Time, max int) error {
	if _, err := tx.MessagesForget(now.Add(-KeepStrangers), max, PurposeFromStranger, PurposePublic); err != nil {
		return err
	}
	_, err := tx.MessagesForget(now.Add(-KeepMessages), max)
	return err
}
