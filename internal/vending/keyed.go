package vending

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Request is the identity of a request that moves money other than by a sale, from its Idempotency-Key. The zero value
// is one that is never repeated.
type Request struct {
	Once access.Once
	// RenderRefusal makes the answer that is stored for a refusal which is the request's own fault. Nil stores none.
	RenderRefusal func(refusal.Refusal) (status int, body []byte)
}

// Done is what became of a request that moves money.
type Done[T any] struct {
	refusal.Refusal
	Reply  Reply  // what to send, byte for byte; Status 0 where nothing was rendered
	Replay *Reply // the stored answer of an earlier request with this key and body; then nothing else is set
	Value  T      // what was done
}

// keyedStep is what the one transaction of a keyed request came to.
type keyedStep[T any] struct {
	refusal.Refusal
	value  T
	reply  Reply
	stored *access.Kept
}

// keyed does something once: do and its rendered answer become durable together, and the same request gets the same
// bytes for ever after. What was refused is undone whole, and the refusal is stored for a time where it is the
// request's own fault. render may be nil; it may be called more than once and keeps nothing.
func keyed[T any](ctx context.Context, v *Vending, by access.Actor, q Request, render func(T) (int, []byte),
	do func(Tx) (T, refusal.Refusal, error)) (Done[T], error) {
	s, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (keyedStep[T], error) {
		stored, no, err := takeOnce(tx, q.Once)
		if err != nil || stored != nil || no.Refused() {
			return keyedStep[T]{stored: stored, Refusal: no}, err
		}
		if _, no, err := v.mayDate(tx); err != nil || no.Refused() {
			return keyedStep[T]{Refusal: no}, err
		}
		var out keyedStep[T]
		if out.value, out.Refusal, err = do(tx); err != nil || out.Refused() || render == nil {
			return out, err
		}
		out.reply = reply(render(out.value))
		if q.Once.Key == "" {
			return out, nil
		}
		return out, tx.OncePut(q.Once, out.reply.Status, v.sealReply(q.Once, out.reply), true)
	})
	switch {
	case err != nil:
		return Done[T]{}, err
	case s.stored != nil:
		return replayed[T](v, q.Once, *s.stored)
	case s.Refused():
		return keepRefusal[T](ctx, v, by, q, s.Refusal)
	}
	return Done[T]{Reply: s.reply, Value: s.value}, nil
}

// takeOnce claims the key of a request: nothing for a new one, else its stored answer or why there is none.
func takeOnce(tx Tx, o access.Once) (*access.Kept, refusal.Refusal, error) {
	if o.Key == "" {
		return nil, refusal.Refusal{}, nil
	}
	kept, err := tx.OnceTake(o)
	switch {
	case err != nil || kept == nil:
		return nil, refusal.Refusal{}, err
	case kept.Hash != o.Hash:
		return nil, keyReused(), nil
	case kept.Status == 0:
		return nil, running(), nil
	}
	return kept, refusal.Refusal{}, nil
}

func replayed[T any](v *Vending, o access.Once, kept access.Kept) (Done[T], error) {
	old, err := v.replay(o, kept)
	return Done[T]{Replay: old.Replay}, err
}

// keepRefusal answers with a refusal and stores it where it would be the answer again, in a transaction of its own,
// because the refused one was undone.
func keepRefusal[T any](ctx context.Context, v *Vending, by access.Actor, q Request, r refusal.Refusal) (Done[T], error) {
	out := Done[T]{Refusal: r}
	if q.Once.Key == "" || q.RenderRefusal == nil || !storable(r.Code) {
		return out, nil
	}
	out.Reply = reply(q.RenderRefusal(r))
	s, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (keyedStep[T], error) {
		stored, no, err := takeOnce(tx, q.Once)
		if err != nil || stored != nil || no.Refused() {
			return keyedStep[T]{stored: stored, Refusal: no}, err
		}
		return keyedStep[T]{}, tx.OncePut(q.Once, out.Reply.Status, v.sealReply(q.Once, out.Reply), false)
	})
	switch {
	case err != nil:
		return Done[T]{}, fmt.Errorf("store a refusal: %w", err)
	case s.stored != nil:
		return replayed[T](v, q.Once, *s.stored)
	case s.Refused():
		return Done[T]{Refusal: s.Refusal}, nil
	}
	return out, nil
}
