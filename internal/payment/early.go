package payment

// Calls that come before the question which they answer is stored. M-Pesa calls about a request, or with the answer to a question, and the server
// learns only from M-Pesa's answer by which name M-Pesa calls it. Such a call stays unread until that name is stored, or until it has waited in vain.

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/id"
)

// Times of such calls.
const (
	// EarlyWait is how long a call waits for its question. The answer that names the question comes within askTime, or never.
	EarlyWait = 2 * time.Minute
	// earlyAgain is the pause until the meter of a payment is looked for again whose call waits.
	earlyAgain = 5 * time.Second
)

// findMissingQuestion returns the name of the question that a notice answers and that is not stored; empty if it is stored, or if
// the notice answers none.
//
// A request on a page cannot be paid before the customer has the address of the page, and so not before the request is stored. A request with a name
// of our own is stored before it is sent. Any other name that such a provider gives is somebody else's.
func findMissingQuestion(tx Tx, provider Provider, a Adapter, n Notice) (name string, err error) {
	found := false
	switch {
	case n.Kind == Replied:
		name = n.Question
		found, err = tx.Requests().QuestionKnown(provider.Name, name)
	case (n.Kind == Paid || n.Kind == Decided) && namesLate(a) && !isOurName(n.Request):
		name = n.Request
		_, found, err = requestNamed(tx, provider, name)
	}
	if found || err != nil {
		return "", err
	}
	return name, nil
}

// namesLate reports whether a provider may call about a request before the server knows by which name the provider calls it.
func namesLate(a Adapter) bool {
	r, asks := a.(Requester)
	_, named := a.(Naming)
	return asks && !named && !r.OnPage()
}

// isOurName reports whether a name is that of a request, as the server names it.
func isOurName(name string) bool {
	_, err := id.Parse(id.PaymentRequest, name)
	return err == nil
}

// fate is what becomes of a notice.
type fate uint8

// Fates of a notice.
const (
	hasQuestion  fate = iota // the question that it answers is stored, or it answers none
	waits                    // the question may still be stored
	waitedInVain             // the question was not stored in time
	cannotWait               // too many other calls wait
)

// readNotice acts on a notice of a call, unless it waits for its question. A payment is stored at once. The request that it answers, and so its
// meter, are found later.
func (w Worker) readNotice(tx Tx, provider Provider, a Adapter, c Call, n Notice, proof Proof) (f fate, missing string, err error) {
	n.cameAt = c.ReceivedAt
	missing, err = findMissingQuestion(tx, provider, a, n)
	if err == nil && missing != "" { // who is storing the question now is waited for
		err = tx.Early().LockEarly(early.Call, provider.Name)
	}
	if err == nil && missing != "" {
		missing, err = findMissingQuestion(tx, provider, a, n)
	}
	if err == nil && (missing == "" || n.Kind == Paid) {
		err = w.heard(tx, provider, a, n, proof)
	}
	if err != nil || missing == "" {
		return hasQuestion, "", err
	}
	f = waitedInVain
	if tx.Moment().Before(c.ReceivedAt.Add(EarlyWait)) {
		f, err = w.letWait(tx, provider, a, c, n, missing)
	}
	return f, missing, err
}

// letWait lets a call wait for the question that one of its notices answers.
func (w Worker) letWait(tx Tx, provider Provider, a Adapter, c Call, n Notice, missing string) (fate, error) {
	e := waitingCall(provider, c)
	if n.Kind == Paid {
		p, _, err := paymentNamed(tx, provider, n.folded(a.Rules().Names))
		if err != nil {
			return cannotWait, err
		}
		e.About = p.ID
	}
	kept, err := early.Keep(tx.Early(), e, missing)
	if err != nil || kept {
		return waits, err
	}
	w.ps.c.Log.Warn("call of a provider does not wait for its question, because too many wait", "provider", provider.Name, "call", c.ID.Text(id.Call))
	return cannotWait, nil
}

// waitingCall is a call as it waits for its question.
func waitingCall(provider Provider, c Call) early.Answer {
	return early.Answer{Kind: early.Call, Source: provider.Name, Content: []byte(c.ID.Text(id.Call)),
		CameAt: c.ReceivedAt, Until: c.ReceivedAt.Add(EarlyWait)}
}

// noteInVain says what becomes of a call whose notice has waited in vain. A payment is seen by whoever looks after payments, and a provider is asked
// again about a payment that the server knows. Anything else is a difference, because nobody would learn of it otherwise. Calls that could not wait
// are none: whoever sends so many would also hide the differences that matter.
func noteInVain(tx Tx, provider Provider, a Adapter, c *Call, n Notice, f fate, missing string) error {
	c.Note = cut(fmt.Sprintf("it answers %q, which the server has not stored", plain(missing)), MaxDetail)
	if f == cannotWait || n.Kind == Paid {
		return nil
	}
	if n.Kind == Replied {
		if n.Txn == "" {
			return nil
		}
		if _, found, err := paymentNamed(tx, provider, n.folded(a.Rules().Names)); err != nil || found {
			return err
		}
	}
	c.State = CallUnreadable
	return nil
}

// lockQuestions makes the calls of a provider wait that may answer a question which the transaction stores. It is called before any row is locked
// that reading a call may lock.
func lockQuestions(tx Tx, provider, name string) error {
	if name == "" {
		return nil
	}
	return tx.Early().LockEarly(early.Call, provider)
}

// readWaiting orders that the calls are read again that wait for a question which was stored just now. Each order has a key of its own: under the
// call's own key it would wait for the end of the call's time.
func readWaiting(tx Tx, provider, name string) error {
	all, err := early.Answers(tx.Early(), early.Call, provider, name)
	for _, e := range all {
		if err == nil {
			err = tx.Early().DropEarly(e)
		}
		if call := string(e.Content); err == nil {
			err = enqueue(tx, call+" answers "+cut(name, MaxTxn), kindRead, item{Call: call}, time.Time{})
		}
	}
	return err
}

// awaitsRequest reports whether the call that told of a payment still waits for the request that it names, which says the payment's meter. Calls that
// come later keep nobody waiting for longer.
func awaitsRequest(tx Tx, p Payment) (bool, error) {
	until, found, err := tx.Early().EarlyAbout(p.ID)
	now := tx.Moment()
	return found && now.Before(until) && now.Before(p.SeenAt.Add(EarlyWait)), err
}
