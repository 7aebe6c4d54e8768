package notify

import (
	"fmt"
	"time"
)

// Limits for one sender. Each limit counts each quota of the sender on its own: anybody can send in another's name, and must not use up what
// the rightful sender needs for another word.
const (
	MaxPerSender    = 10 // answers to one telephone in an hour
	MaxPerSenderDay = 30 // enough for a person, and limits two machines that answer each other
	MaxPerMeter     = 20 // answers about one meter in a day
	MaxArrivals     = 60 // messages of one sender in an hour that are stored
	MaxHelp         = 2  // answers to a stranger in a day

	maxCounted = 1000 // rows that are read to count; more than all quotas of a sender together
)

// Answer is an answer to a message, with the stored text of that message.
type Answer struct {
	To string
	At time.Time
}

// quota names what a message counts under.
type quota string

// otherWords is the quota of everything that no customer needs in a hurry: help, and what is not understood.
const otherWords quota = "other"

// quotaOf returns the quota of a customer's message by its stored text: one for each word that asks for figures or changes something.
func quotaOf(text string) quota {
	switch w := ParseKeyword(text).Word; w {
	case WordBalance, WordLast, WordUsage, WordStop, WordStart, WordLink, WordVoucher, WordBuy:
		return quota(w.String())
	}
	return otherWords
}

// quotaOfReply returns the quota of a message in a meter's name: one for each kind of reply.
func quotaOfReply(text string) quota { return quota(fmt.Sprint("reply ", ParseMeterReply(text).Kind)) }

// arrivalsFull reports whether a sender has sent so much in an hour that the message is not stored. A stranger has one quota in all.
func arrivalsFull(tx Tx, from, text string, of func(string) quota, now time.Time) (bool, error) {
	texts, err := tx.Recipients().Arrivals(from, now.Add(-time.Hour), maxCounted)
	if err != nil {
		return false, err
	}
	n := 0
	for _, t := range texts {
		if of(t) == of(text) {
			n++
		}
	}
	return n >= MaxArrivals || len(texts) >= maxCounted, nil
}

// counted returns the number of answers after a moment that count under a quota.
func counted(answers []Answer, q quota, since time.Time) (n int) {
	for _, a := range answers {
		if a.At.After(since) && quotaOf(a.To) == q {
			n++
		}
	}
	return n
}
