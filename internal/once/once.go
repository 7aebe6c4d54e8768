// Package once carries out a request that moves money exactly once, however often it is sent. The work and the rendered
// answer become durable together, and a repeated request gets the same bytes. Start at [Do].
package once

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
)

// Tx is the part of a transaction that stored answers need.
type Tx interface {
	// OnceTake claims the key of a request. It returns nil for a new request, else the stored answer of the earlier request.
	OnceTake(access.Once) (*access.StoredAnswer, error)
	// OnceFind does the work of OnceTake for a transaction that stores the answer itself. It may leave the claim to OncePut.
	OnceFind(access.Once) (*access.StoredAnswer, error)
	// OnceClaim claims a key that OnceFind found to be new, for a request that takes more than one transaction.
	OnceClaim(access.Once) error
	OncePut(o access.Once, status int, sealed []byte, forever bool) error
	// OnceLook returns the answer that is stored under a request's key, or nil if there is none. It does not claim the key.
	OnceLook(principal, key string) (*access.StoredAnswer, error)
}

// Clock reads the times that the store knows.
type Clock interface {
	// VendClock returns the times that the store knows.
	VendClock() (sale.Times, error)
}

// Rows are the parts of a transaction that [Do] needs.
type Rows interface {
	Once() Tx
	Clock
}

// Sealer seals stored answers, which may hold digits. The context binds a sealed text to its place.
type Sealer interface {
	Seal(context string, plain []byte) []byte
	Open(context string, sealed []byte) ([]byte, error)
}

// Answers stores the answers to requests. Every field is required.
type Answers[X Rows] struct {
	Door   access.Door[X]
	Sealer Sealer
	// MayDate reads the store's times. It also returns a refusal if the server's clock cannot be trusted.
	MayDate func(Clock) (sale.Times, refusal.Refusal, error)
}

// Request identifies a request that moves money, by its Idempotency-Key. The zero value is a request that is never repeated.
type Request struct {
	Once access.Once
	// RenderRefusal makes the answer to store for a refusal that is the request's own fault. If RenderRefusal is nil, no
	// refusal is stored.
	RenderRefusal func(refusal.Refusal) (status int, body []byte)
}

// Keeps reports whether a refusal is stored as the answer to this request.
func (q Request) Keeps(r refusal.Refusal) bool {
	return q.Once.Key != "" && q.RenderRefusal != nil && storable(r.Code)
}

// Done is the outcome of a request that moves money.
type Done[T any] struct {
	refusal.Refusal
	Reply  Reply  // the answer to send, byte for byte; Status is 0 if none was rendered
	Replay *Reply // the stored answer of an earlier request with this key and body; then nothing else is set
	Value  T      // result of the work
}

// Reply is an answer as stored under an idempotency key. It may hold digits, so it has no printable form.
type Reply struct {
	Status int
	Body   []byte
}

// Answer makes a Reply from a rendered answer.
func Answer(status int, body []byte) Reply { return Reply{Status: status, Body: body} }

// String masks the body.
func (r Reply) String() string { return fmt.Sprintf("reply %d with %d bytes", r.Status, len(r.Body)) }

// Format masks the body for every verb.
func (r Reply) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue masks the body in logs.
func (r Reply) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalJSON masks the body.
func (r Reply) MarshalJSON() ([]byte, error) { return []byte(`"` + r.String() + `"`), nil }

// step is the result of the one transaction of a request.
type step[T any] struct {
	refusal.Refusal
	value  T
	reply  Reply
	stored *access.StoredAnswer
}

// Do calls the function do once, if the actor has the right. Its work and the rendered answer become durable together, and a repeated
// request gets the same bytes forever. A refusal undoes all work. It is stored for a limited time if it is the request's own fault. The
// parameter render may be nil. It may be called more than once and must not keep state.
func Do[X Rows, T any](ctx context.Context, a Answers[X], by access.Actor, right access.Right, q Request, render func(T) (int, []byte),
	do func(X) (T, refusal.Refusal, error)) (Done[T], error) {
	if no := by.Needs(right); no.Refused() {
		return Done[T]{Refusal: no}, nil
	}
	s, err := access.Through(ctx, a.Door, by.Tenant, func(tx X) (step[T], error) {
		stored, no, err := take(tx.Once(), q.Once)
		if err != nil || stored != nil || no.Refused() {
			return step[T]{stored: stored, Refusal: no}, err
		}
		if _, no, err := a.MayDate(tx); err != nil || no.Refused() {
			return step[T]{Refusal: no}, err
		}
		var out step[T]
		if out.value, out.Refusal, err = do(tx); err != nil || out.Refused() || render == nil {
			return out, err
		}
		out.reply = Answer(render(out.value))
		return out, a.Put(tx.Once(), q.Once, out.reply, true)
	})
	switch {
	case err != nil:
		return Done[T]{}, err
	case s.stored != nil:
		old, err := a.Replay(q.Once, *s.stored)
		return Done[T]{Replay: old}, err
	case s.Refused():
		return Refuse[T](ctx, a, by, q, s.Refusal)
	}
	return Done[T]{Reply: s.reply, Value: s.value}, nil
}

// take claims the key of a request. For a new request it returns nil. For a repeated request it returns the stored answer, or a
// refusal that says why there is no answer.
func take(tx Tx, o access.Once) (*access.StoredAnswer, refusal.Refusal, error) {
	if o.Key == "" {
		return nil, refusal.Refusal{}, nil
	}
	kept, err := tx.OnceTake(o)
	switch {
	case err != nil || kept == nil:
		return nil, refusal.Refusal{}, err
	case kept.Hash != o.Hash:
		return nil, refuse.IdempotencyKeyReused(), nil
	case kept.Status == 0:
		return nil, refuse.IdempotencyKeyRunning(), nil
	}
	return kept, refusal.Refusal{}, nil
}

// sealContext binds a stored answer to its owner and key.
func sealContext(o access.Once) string { return "once:" + o.Principal + "\x00" + o.Key }

// Put stores an answer under the key of its request, forever or for a limited time. A request without a key stores none.
func (a Answers[X]) Put(tx Tx, o access.Once, r Reply, forever bool) error {
	if o.Key == "" {
		return nil
	}
	return tx.OncePut(o, r.Status, a.Sealer.Seal(sealContext(o), r.Body), forever)
}

// Replay opens a stored answer.
func (a Answers[X]) Replay(o access.Once, kept access.StoredAnswer) (*Reply, error) {
	body, err := a.Sealer.Open(sealContext(o), kept.Body)
	if err != nil {
		return nil, fmt.Errorf("open the stored answer of an idempotency key: %w", err)
	}
	return &Reply{Status: kept.Status, Body: body}, nil
}

// Refuse answers with a refusal, and stores it if a repeated request must get the same refusal. It needs a new transaction,
// because the transaction of the refused request was rolled back. If another request with the same key was answered meanwhile,
// that answer remains.
func Refuse[T any, X Rows](ctx context.Context, a Answers[X], by access.Actor, q Request, r refusal.Refusal) (Done[T], error) {
	out := Done[T]{Refusal: r}
	if !q.Keeps(r) {
		return out, nil
	}
	out.Reply = Answer(q.RenderRefusal(r))
	s, err := access.Through(ctx, a.Door, by.Tenant, func(tx X) (step[T], error) {
		stored, no, err := take(tx.Once(), q.Once)
		if err != nil || stored != nil || no.Refused() {
			return step[T]{stored: stored, Refusal: no}, err
		}
		return step[T]{}, a.Put(tx.Once(), q.Once, out.Reply, false)
	})
	switch {
	case err != nil:
		return Done[T]{}, fmt.Errorf("store a refusal: %w", err)
	case s.stored != nil:
		old, err := a.Replay(q.Once, *s.stored)
		return Done[T]{Replay: old}, err
	case s.Refused():
		return Done[T]{Refusal: s.Refusal}, nil
	}
	return out, nil
}

// storable reports whether a refusal is about the request itself, so that a repeated request must get the same refusal. A
// refusal is not stored if it depends on the caller, on another request that is running, or on the server's own state.
func storable(c refusal.Code) bool {
	switch c {
	case refusal.IdempotencyKeyMissing, refusal.IdempotencyKeyInvalid, refusal.IdempotencyKeyReused, refusal.IdempotencyRunning,
		refusal.VendInProgress, refusal.ClockUntrusted, refusal.Unauthenticated, refusal.Forbidden, refusal.RateLimited:
		return false
	}
	return c.Status() < 500
}
