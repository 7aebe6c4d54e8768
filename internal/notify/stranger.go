package notify

import (
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
)

// Bounds of what all numbers together may cause that nobody registered. A sender's number costs a forger nothing, so what
// is counted for one number bounds nobody who has many.
const (
	MaxStrangers = 1000 // messages of a tenant's strangers in an hour that are kept
	MaxPublic    = 500  // answers to a tenant's strangers in a day
)

// How long messages are kept. What is over is taken away in batches; see [ForgetTx].
const (
	KeepStrangers = 30 * 24 * time.Hour  // what strangers sent, and what they were told
	KeepMessages  = 400 * 24 * time.Hour // everything else, once it has ended: more than a year, for complaints and yearly accounts
)

// strangersFull reports whether strangers have sent so much that the next message of one is not kept.
func (d *Dispatcher) strangersFull(tx Tx, in Incoming, now time.Time) (bool, error) {
	n, err := tx.Recipients().MessagesOf(PurposeFromStranger, now.Add(-time.Hour), MaxStrangers)
	if err != nil || n < MaxStrangers {
		return false, err
	}
	d.c.Log.Warn("message dropped: too many from unregistered numbers", logkey.Route, in.Route, logkey.Count, n)
	return true, nil
}

// publicSpent reports whether strangers were answered so often today that no more of them are.
func (d *Dispatcher) publicSpent(tx Tx, now time.Time) (bool, error) {
	n, err := tx.Recipients().MessagesOf(PurposePublic, now.Add(-24*time.Hour), MaxPublic)
	return n >= MaxPublic, err
}

// ForgetTx is what forgetting old messages needs of a transaction.
type ForgetTx interface {
	// MessagesForget takes away ended messages that are older than a moment, with their tries, at most max: those of these
	// purposes or, without any, of all. It reports how many it took.
	MessagesForget(before time.Time, max int, purposes ...Purpose) (int, error)
}

// Forget takes away what is kept long enough, at most max messages of each kind; what is left goes next time.
func Forget(tx ForgetTx, now time.Time, max int) error {
	if _, err := tx.MessagesForget(now.Add(-KeepStrangers), max, PurposeFromStranger, PurposePublic); err != nil {
		return err
	}
	_, err := tx.MessagesForget(now.Add(-KeepMessages), max)
	return err
}
