// Package early keeps answers that come before the question which they answer is stored. A payment provider may call about a request before its
// answer to the request says by which name it calls it, and a gateway may report about a text before its answer says the reference.
//
// Whoever hears such an answer locks its source, looks for the question once more, and calls [Keep], in the transaction in which the answer becomes
// durable. Whoever stores the name of a question locks the source too, calls [Answers] in the same transaction, and acts on what it returns. An
// answer waits for a stated time. What waited in vain is shown to a person: the room that kept it decides where.
package early

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
)

// Limits of waiting answers. A source proves who it is before its answers are heard, but other programs may use the same account, and a secret
// address may be known to others.
const (
	MaxWaiting = 1000 // rows of a source
	MaxNamed   = 16   // answers that name the same question
	MaxName    = 200  // bytes of a name
	MaxContent = 4096 // bytes of a content
)

// Kind says what an answer is.
type Kind string

// Kinds of answers.
const (
	Call   Kind = "call"   // a payment provider's call
	Report Kind = "report" // a delivery report of a route for messages
)

// Answer is an answer to something that is not stored yet.
type Answer struct {
	Kind    Kind
	Source  string // name of the provider or of the route
	Name    string // what the answer names, as the source gives it
	Hash    []byte // of the content; only [Keep] sets it
	Content []byte // for the room that kept it
	About   id.ID  // the payment that a call told of; zero for none
	CameAt  time.Time
	Until   time.Time // when it has waited in vain
}

// Tx reads and writes the rows of waiting answers.
type Tx interface {
	// LockEarly makes every other transaction wait that locks the same source, until this one ends.
	LockEarly(k Kind, source string) error
	// AddEarly stores an answer. One that waits already stays as it is.
	AddEarly(Answer) error
	// CountEarly counts the rows of a source, up to a limit.
	CountEarly(k Kind, source string, most int) (int, error)
	// EarlyNamed lists the answers of a source that name something, in the order in which they came, and locks them.
	EarlyNamed(k Kind, source, name string, max int) ([]Answer, error)
	// EarlyAbout returns until when the answer that told of a payment waits; found is false if none does.
	EarlyAbout(payment id.ID) (until time.Time, found bool, err error)
	// EarlyOver lists answers whose time is over, and locks them. An answer with several names is listed with each.
	EarlyOver(k Kind, now time.Time, max int) ([]Answer, error)
	// DropEarly ends the waiting of an answer, under all its names.
	DropEarly(Answer) error
}

// Keep lets an answer wait for whatever has one of the names; a source may write one name in several ways. The caller has locked the source and has
// looked for the names after that. Keep returns false if no more answers can wait.
func Keep(tx Tx, a Answer, names ...string) (kept bool, err error) {
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" || len(name) > MaxName })
	waiting, err := tx.CountEarly(a.Kind, a.Source, MaxWaiting)
	if err != nil || len(names) == 0 || waiting+len(names) > MaxWaiting || len(a.Content) > MaxContent {
		return false, err
	}
	a = a.addHash()
	for _, a.Name = range names {
		if err := tx.AddEarly(a); err != nil {
			return false, fault.Wrap(err, "let an answer of %s wait", a.Source)
		}
	}
	return true, nil
}

// addHash returns the answer with its hash.
func (a Answer) addHash() Answer {
	hash := sha256.Sum256(a.Content)
	a.Hash = hash[:]
	return a
}

// Drop ends the waiting of an answer with the same kind, source and content, if it waits.
func Drop(tx Tx, a Answer) error { return tx.DropEarly(a.addHash()) }

// Answers returns the answers that wait for something that got its name in this transaction. The caller has locked the source before any row that
// acting on an answer locks, and drops each answer on which it acts.
func Answers(tx Tx, k Kind, source, name string) ([]Answer, error) {
	if name == "" {
		return nil, nil
	}
	all, err := tx.EarlyNamed(k, source, name, MaxNamed)
	return all, fault.Wrap(err, "look for answers of %s that came early", source)
}
