package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refuse"
)

// AnswerStore stores the answers of requests that move no money, for a time. The answers are sealed, because an answer may hold a meter's
// secrets. Sales are not stored here: their answers are stored in the sale's transaction.
type AnswerStore interface {
	// Claim claims a key for every server of the database, or returns what is stored under it: Status 0 while a request is still running.
	// It unseals the body only if the stored hash equals o.Hash. A claim that is never ended expires.
	Claim(ctx context.Context, t access.Tenant, o access.Once) (kept access.StoredAnswer, found bool, err error)
	// Keep stores the answer of a claimed request, if no answer is stored yet.
	Keep(ctx context.Context, t access.Tenant, o access.Once, status int, body []byte) error
	// Drop ends a claim without an answer.
	Drop(ctx context.Context, t access.Tenant, o access.Once) error
}

// flights are the keyed requests that this process is answering.
type flights struct {
	mu   sync.Mutex
	open map[flight]struct{}
}

type flight struct {
	tenant         access.Tenant
	principal, key string
}

// enter marks a request as under way. It reports false if the request was under way already.
func (f *flights) enter(id flight) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, busy := f.open[id]; busy {
		return false
	}
	if f.open == nil {
		f.open = map[flight]struct{}{}
	}
	f.open[id] = struct{}{}
	return true
}

func (f *flights) leave(id flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, id)
}

// remembered answers a POST that moves no money but has an Idempotency-Key: a repetition gets the stored answer. The work and
// its answer are two transactions here, so a crash between them loses the answer but not the work. The use case then refuses
// to do the work twice, because the meter number or the tariff's name is taken.
func (a *API) remembered(next http.Handler, w http.ResponseWriter, r *http.Request, x *exchange) {
	if p := takeKey(r, x); p != nil {
		writeProblem(w, x, p)
		return
	}
	id := flight{x.actor.Tenant, x.once.Principal, x.once.Key}
	if !a.flights.enter(id) {
		writeProblem(w, x, problemOf(refuse.IdempotencyKeyRunning()))
		return
	}
	defer a.flights.leave(id)
	kept, found, err := a.c.Keeper.Claim(r.Context(), x.actor.Tenant, x.once)
	switch {
	case err != nil:
		writeProblem(w, x, a.problemFor(r.Context(), err))
		return
	case found && kept.Hash != x.once.Hash:
		writeProblem(w, x, problemOf(refuse.IdempotencyKeyReused()))
		return
	case found && kept.Status == 0:
		writeProblem(w, x, problemOf(refuse.IdempotencyKeyRunning()))
		return
	case found:
		w.Header().Set("Idempotency-Replayed", "true")
		w.Header().Set("Content-Type", sentBytes(kept.Status, nil).ContentType)
		w.WriteHeader(kept.Status)
		_, _ = w.Write(kept.Body) // the client has gone; there is nobody to report it to
		return
	}
	held := &heldAnswer{ResponseWriter: w, status: http.StatusOK}
	ended := false
	defer func() {
		if !ended { // the handler panicked
			a.endClaim(r, x, &heldAnswer{status: http.StatusInternalServerError})
		}
	}()
	next.ServeHTTP(held, r)
	ended = true
	a.endClaim(r, x, held)
	w.WriteHeader(held.status)
	_, _ = w.Write(held.body.Bytes())
}

// endClaim stores the answer of a claimed request, or frees the key. The client gets the answer even if it cannot be stored,
// because the work is done.
func (a *API) endClaim(r *http.Request, x *exchange, held *heldAnswer) {
	ctx := context.WithoutCancel(r.Context())
	var err error
	switch body := held.body.Bytes(); {
	case !keepable(held.status):
		err = a.c.Keeper.Drop(ctx, x.actor.Tenant, x.once)
	case x.again != nil:
		if body, err = json.Marshal(x.again); err == nil {
			err = a.c.Keeper.Keep(ctx, x.actor.Tenant, x.once, held.status, append(body, '\n'))
		}
	default:
		err = a.c.Keeper.Keep(ctx, x.actor.Tenant, x.once, held.status, body)
	}
	if err != nil {
		a.c.Log.WarnContext(r.Context(), "answer not stored", logkey.RequestID, x.requestID, logkey.Err, err)
	}
}

// keepable reports whether an answer is about the request itself: not a fault, a redirect, or a refusal of the caller's
// rights or rate.
func keepable(status int) bool {
	switch {
	case status == http.StatusForbidden, status == http.StatusTooManyRequests:
		return false
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return false // the mux redirects the path: no use case was called
	}
	return status < http.StatusInternalServerError
}

// heldAnswer holds an answer back until it is stored. Headers go through.
type heldAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader notes the status.
func (h *heldAnswer) WriteHeader(status int) { h.status = status }

// Write buffers the bytes.
func (h *heldAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }
