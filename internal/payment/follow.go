package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
)

// Kinds of items about requests to pay.
const (
	kindRequest = "request" // ask the customer
	kindFollow  = "follow"  // ask the provider what became of it
)

// enqueueFollow orders the question what became of a request. The key keeps it apart from questions that wait.
func enqueueFollow(tx Tx, r PaymentRequest, key string, at time.Time) error {
	return enqueue(tx, key, kindFollow, item{Request: r.Name()}, at)
}

// requester returns the adapter of a provider that can ask customers.
func (ps *Payments) requester(p Provider) (Requester, error) {
	a, err := ps.adapter(p)
	if err != nil {
		return nil, err
	}
	r, can := a.(Requester)
	if !can {
		return nil, fmt.Errorf("provider %s cannot ask customers to pay", p.Name)
	}
	return r, nil
}

// asked reads a request and its provider.
func (w Worker) asked(ctx context.Context, t access.Tenant, request id.ID) (PaymentRequest, Requester, error) {
	var provider Provider
	r, err := access.Look(ctx, w.ps.c.Door, t, func(tx Tx) (PaymentRequest, error) {
		r, found, err := tx.Requests().RequestByID(request)
		if err == nil && found {
			provider, _, err = tx.Payments().ProviderByName(r.Provider)
		}
		return r, err
	})
	if err != nil || r.ID.IsZero() {
		return r, nil, err
	}
	a, err := w.ps.requester(provider)
	return r, a, err
}

// request sends a request to its provider. A request that could ask the customer twice is sent once: that it is being sent is durable before
// it is sent.
func (w Worker) request(ctx context.Context, t access.Tenant, request id.ID, tried int) (job.Verdict, error) {
	r, a, err := w.asked(ctx, t, request)
	if err != nil || r.ID.IsZero() || r.State != AskRequested {
		return job.Done(), err
	}
	send := false
	v, err := w.do(ctx, t, func(tx Tx) (job.Verdict, error) {
		var err error
		if r, _, err = tx.Requests().RequestByID(request); err != nil || r.State != AskRequested {
			return job.Done(), err
		}
		switch {
		case !r.SentAt.IsZero() && !a.Repeats():
			return job.Done(), w.lost(tx, r, "the server was stopped while it asked")
		case tx.Moment().After(r.EndsAt):
			return job.Done(), w.lost(tx, r, "the provider gave no answer in time")
		}
		send, r.SentAt = true, tx.Moment()
		if own, ok := a.(Naming); ok {
			r.Handle = own.HandleOf(r.request())
		}
		return job.Verdict{}, tx.Requests().PutRequest(r)
	})
	if err != nil || !send {
		return v, err
	}
	limited, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	answer, unknown := a.Request(limited, r.request())
	return w.do(ctx, t, func(tx Tx) (job.Verdict, error) {
		if err := lockQuestions(tx, r.Provider, answer.Handle); err != nil {
			return job.Verdict{}, err
		}
		r, _, err := tx.Requests().RequestByID(request)
		switch {
		case err != nil:
			return job.Verdict{}, err
		case r.settled():
			return job.Done(), nameSettled(tx, r, answer.Handle)
		case unknown != nil && a.Repeats():
			return job.Again(tx.Moment().Add(nextFollow(tried)), cut(unknown.Error(), MaxDetail)), nil
		case unknown != nil:
			return job.Done(), w.lost(tx, r, cut(unknown.Error(), MaxDetail))
		case answer.Refused != "":
			return job.Done(), decide(tx, r, AskFailed, cut(plain(answer.Refused), MaxDetail))
		}
		r.Handle, r.Page = answer.Handle, answer.Page
		if r.Page != "" {
			r.EndsAt = r.MadeAt.Add(pageTime)
		}
		if err := tx.Requests().PutRequest(r); err != nil {
			return job.Verdict{}, err
		}
		if err := readWaiting(tx, r.Provider, r.Handle); err != nil {
			return job.Verdict{}, err
		}
		return job.Done(), enqueueFollow(tx, r, r.Name(), tx.Moment().Add(nextFollow(0)))
	})
}

// nameSettled stores the provider's name of a request that was settled before its answer came, so that calls which give this name are understood.
func nameSettled(tx Tx, r PaymentRequest, handle string) error {
	if handle == "" || r.Handle != "" {
		return nil
	}
	r.Handle = handle
	if err := tx.Requests().PutRequest(r); err != nil {
		return err
	}
	return readWaiting(tx, r.Provider, handle)
}

// lost records that nobody knows whether the customer was asked. If the request may have been sent and has a name at the provider, the provider
// is asked what became of it: the customer may have paid.
func (w Worker) lost(tx Tx, r PaymentRequest, why string) error {
	if err := decide(tx, r, AskUnknown, why); err != nil || r.Handle == "" {
		return err
	}
	return enqueueFollow(tx, r, r.Name(), tx.Moment().Add(nextFollow(0)))
}

// decide stores what became of a request.
func decide(tx Tx, r PaymentRequest, state AskState, why string) error {
	if r.State == state && r.Reason == why {
		return nil
	}
	if changed := r.State != state; changed {
		e := actor(0).Entry("payment.request."+string(state), r.Name())
		e.At, e.After, r.DecidedAt = tx.Moment(), "reason="+why, tx.Moment()
		if err := tx.AuditLog(e); err != nil {
			return err
		}
	}
	r.State, r.Reason = state, why
	return tx.Requests().PutRequest(r)
}

// follow asks the provider what became of a request, until it is decided.
func (w Worker) follow(ctx context.Context, t access.Tenant, request id.ID, asked int) (job.Verdict, error) {
	r, a, err := w.asked(ctx, t, request)
	if err != nil || r.ID.IsZero() || r.settled() {
		return job.Done(), err
	}
	limited, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	said, silent := a.Follow(limited, r.request())
	if silent == nil && said.State == RequestPaid && said.Paid.Txn != "" {
		if err := checkNotice(said.Paid); err != nil {
			silent = err
		}
	}
	return w.do(ctx, t, func(tx Tx) (job.Verdict, error) {
		r, found, err := tx.Requests().RequestByID(request)
		if err != nil || !found || r.settled() {
			return job.Done(), err
		}
		now := tx.Moment()
		state, why, again := followed(r, said, silent, now)
		if silent == nil && said.State == RequestPaid && said.Paid.Txn != "" {
			p, found, err := tx.Payments().ProviderByName(r.Provider)
			if err != nil || !found {
				return job.Verdict{}, errors.Join(err, fmt.Errorf("request %s has no provider", r.Name()))
			}
			n := said.Paid
			n.Kind, n.Request, n.Fetched = Paid, r.Name(), true
			if err := w.take(tx, p, a, n, n.proof(Unproved)); err != nil {
				return job.Verdict{}, err
			}
			if r, _, err = tx.Requests().RequestByID(request); err != nil {
				return job.Verdict{}, err
			}
		}
		if err := decide(tx, r, state, why); err != nil {
			return job.Verdict{}, err
		}
		if again {
			return job.Again(now.Add(nextFollow(asked)), why), nil
		}
		return job.Done(), nil
	})
}

// told acts on a notice that something became of a request. It only makes the server ask: anybody could have sent the notice.
func told(tx Tx, provider Provider, n Notice) error {
	r, found, err := requestNamed(tx, provider, n.Request)
	if err != nil || !found || r.settled() {
		return err
	}
	return enqueueFollow(tx, r, r.Name()+" now", time.Time{})
}

// requestNamed finds a provider's request by our name for it, or by the provider's.
func requestNamed(tx Tx, provider Provider, name string) (PaymentRequest, bool, error) {
	if name == "" {
		return PaymentRequest{}, false, nil
	}
	if i, err := id.Parse(id.PaymentRequest, name); err == nil {
		r, found, err := tx.Requests().RequestByID(i)
		return r, found && r.Provider == provider.Name, err
	}
	return tx.Requests().RequestByHandle(provider.Name, name)
}

// link notes which request a payment answers, and so which meter it is for. Before the provider has confirmed the payment, this is only
// what the notice says; see [Worker.answered].
func link(tx Tx, provider Provider, p *Payment, n Notice) (changed bool, err error) {
	if n.Request == "" || !p.Request.IsZero() || p.State == Applied || p.State == Refunded {
		return false, nil
	}
	r, found, err := requestNamed(tx, provider, n.Request)
	if err != nil || !found || !answers(r, p.Amount, p.Payer) || !r.Payment.IsZero() {
		return false, err
	}
	if !p.ConfirmedAt.IsZero() && !n.Signed && !isPhone(p.Payer) && !n.cameBefore(p.ConfirmedAt) { // nobody confirmed who paid
		return false, nil
	}
	if p.Meter != "" && p.Meter != r.Meter {
		return false, nil
	}
	p.Request, p.Meter = r.ID, r.Meter
	return true, nil
}

// unlink forgets the request of a payment that cannot be its answer.
func unlink(tx Tx, p *Payment, payer string) error {
	if p.Request.IsZero() {
		return nil
	}
	r, found, err := tx.Requests().RequestByID(p.Request)
	if err != nil || found && r.Payment.IsZero() && answers(r, p.Amount, payer) {
		return err
	}
	p.Request, p.Meter = id.ID{}, ""
	return nil
}

// requestPaid notes that a confirmed payment answers its request. A payment that names none answers the newest request for the same meter and
// amount.
func requestPaid(tx Tx, p Payment) error {
	r, found, err := tx.Requests().RequestByID(p.Request)
	if err == nil && p.Request.IsZero() && p.Meter != "" {
		r, found, err = tx.Requests().RequestLike(p, tx.Moment().Add(-likeTime))
	}
	if err != nil || !found || !r.Payment.IsZero() {
		return err
	}
	r.Payment = p.ID
	if r.State == AskPaid {
		return tx.Requests().PutRequest(r)
	}
	return decide(tx, r, AskPaid, "")
}
