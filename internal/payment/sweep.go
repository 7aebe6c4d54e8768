package payment

import (
	"context"
	"errors"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
)

// Limits of a sweep.
const (
	SweepEvery = 5 * time.Minute
	listAgain  = time.Hour // a list may lack a payment at first, so each time is listed again for so long
	listPages  = 200       // pages that one sweep reads of a provider
	rematched  = 500       // parked payments that one sweep looks at
	sweepSlice = 50        // parked payments of one transaction
	listTime   = 5 * time.Minute
)

// Sweep finds what nobody told the server: payments that a provider lists but never called about, and meters that have appeared for parked
// payments. Repeating it is harmless.
func (w Worker) Sweep(ctx context.Context, t access.Tenant) error {
	providers, err := access.Look(ctx, w.ps.c.Door, t, func(tx Tx) ([]Provider, error) { return tx.Payments().ProviderPage(id.ID{}, maxOfThese) })
	if err != nil {
		return fault.Wrap(err, "list the payment providers")
	}
	for _, p := range providers {
		if p.Disabled() {
			continue
		}
		broken := w.list(ctx, t, p)
		w.ps.setFailing(p.ID, broken != nil, w.ps.c.Now())
		if broken != nil { // it is read from the same time on at the next sweep
			w.ps.c.Log.Warn("list of a payment provider not read", "provider", p.Name, "error", broken)
		}
	}
	return errors.Join(w.rematch(ctx, t), w.oweLate(ctx, t), w.watch(ctx, t, providers), ctx.Err())
}

// list reads what a provider took since the last time.
func (w Worker) list(ctx context.Context, t access.Tenant, p Provider) error {
	a, err := w.ps.adapter(p)
	if err != nil {
		return err
	}
	l, can := a.(Lister)
	if !can {
		return nil
	}
	limited, stop := context.WithTimeout(ctx, listTime)
	defer stop()
	to := access.Stored(w.ps.c.Now())
	from := to.Add(-l.Back())
	if p.ListedTo.After(from) {
		from = p.ListedTo
	}
	page := ""
	for range listPages {
		paid, next, err := l.List(limited, from, to, page)
		if err != nil {
			return err
		}
		if err := w.listed(ctx, t, p, l, paid); err != nil {
			return err
		}
		if next == "" {
			return w.listedAll(ctx, t, p, to)
		}
		page = next
	}
	return errors.New("the list has too many pages")
}

// listed stores a page of what a provider took.
func (w Worker) listed(ctx context.Context, t access.Tenant, p Provider, a Adapter, paid []Notice) error {
	_, err := access.Through(ctx, w.ps.c.Door, t, func(tx Tx) (done, error) {
		if _, no, err := w.ps.c.MayDate(tx); err != nil || no.Refused() {
			return done{}, errors.Join(err, errors.New("the clock cannot be trusted now"))
		}
		for _, n := range paid {
			n.Kind, n.Fetched = Paid, true
			if checkNotice(n) != nil {
				continue // the statement shows it
			}
			if err := w.take(tx, p, a, n, n.proof(Unproved)); err != nil {
				return done{}, err
			}
		}
		return done{}, nil
	})
	return err
}

// listedAll notes that a whole list was read. The next lists begin at the same time as this one, until what was new in it has been listed again
// for an hour. A server that restarts meanwhile begins earlier, which is harmless.
func (w Worker) listedAll(ctx context.Context, t access.Tenant, p Provider, to time.Time) error {
	first := w.ps.firstListed(p.ID, to)
	if to.Sub(first) < listAgain {
		return nil
	}
	_, err := access.Through(ctx, w.ps.c.Door, t, func(tx Tx) (done, error) { return done{}, tx.Requests().SetListed(p.ID, first) })
	if err == nil {
		w.ps.setListed(p.ID, to)
	}
	return err
}

// rematch looks for the meters of parked payments. It begins where the last sweep stopped, so each is looked at in turn.
func (w Worker) rematch(ctx context.Context, t access.Tenant) error {
	for seen := 0; seen < rematched; {
		after := w.ps.parkedAfter(t)
		var last id.ID
		found := 0
		_, err := access.Through(ctx, w.ps.c.Door, t, func(tx Tx) (done, error) {
			parked, err := tx.Requests().ParkedAfter(after, sweepSlice)
			if err != nil {
				return done{}, err
			}
			found = len(parked)
			for _, p := range parked {
				last = p.ID
				if err := w.matchAgain(tx, p); err != nil {
					return done{}, err
				}
			}
			return done{}, nil
		})
		if err != nil {
			return fault.Wrap(err, "look for the meters of parked payments")
		}
		if found < sweepSlice {
			last = id.ID{}
		}
		w.ps.setParkedAfter(t, last)
		if seen += found; found < sweepSlice {
			return nil
		}
	}
	return nil
}

// appeared tries a parked payment again if its reference now means one meter. If its telephone number was held when the payer paid, or was registered
// later, it stays for a person.
func (w Worker) appeared(tx Tx, p Payment) error {
	if p.isAsAgreed() {
		return nil
	}
	_, why, err := w.meterOf(tx, p)
	switch {
	case err != nil:
		return err
	case why == NoReason:
		return rematch(tx, p)
	case why.needsPayer():
		return park(tx, &p, why, "")
	}
	return nil
}
