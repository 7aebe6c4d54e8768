package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// shelf is a Keeper in memory that records how each claim ended.
type shelf struct {
	kept  map[string]access.StoredAnswer
	ended string // how the newest claim ended
}

func (s *shelf) Claim(_ context.Context, _ access.Tenant, o access.Once) (access.StoredAnswer, bool, error) {
	k, found := s.kept[o.Key]
	if !found {
		s.kept[o.Key], s.ended = access.StoredAnswer{Hash: o.Hash}, ""
	}
	return k, found, nil
}

func (s *shelf) Keep(_ context.Context, _ access.Tenant, o access.Once, status int, body []byte) error {
	s.kept[o.Key], s.ended = access.StoredAnswer{Hash: o.Hash, Status: status, Body: body}, "kept"
	return nil
}

func (s *shelf) Drop(_ context.Context, _ access.Tenant, o access.Once) error {
	delete(s.kept, o.Key)
	s.ended = "dropped"
	return nil
}

// TestOnlyAnAnswerToTheRequestIsKept: a fault, a limit, a missing right and a redirect do not answer the request, so a
// repetition is carried out. Any other repetition gets the stored answer and is never done twice.
func TestOnlyAnAnswerToTheRequestIsKept(t *testing.T) {
	keeper := &shelf{kept: map[string]access.StoredAnswer{}}
	a := &API{c: Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, Keeper: keeper}}
	const panics = -1
	ask := func(status int, body string) (got *httptest.ResponseRecorder, done bool) {
		x := &exchange{requestID: "req_1", route: "POST /x", actor: access.Actor{ID: id.ID{1}}, body: []byte(body)}
		r := httptest.NewRequestWithContext(withExchange(t.Context(), x), http.MethodPost, "/x", nil)
		r.Header.Set("Idempotency-Key", fmt.Sprintf("key-of-%d", status))
		got = httptest.NewRecorder()
		a.recovered(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.remembered(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				done = true
				if status == panics {
					panic("a fault")
				}
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, "answer %d", status)
			}), w, r, x)
		})).ServeHTTP(got, r)
		return got, done
	}
	for status, want := range map[int]string{
		200: "kept", 201: "kept", 202: "kept", 299: "kept", 400: "kept", 401: "kept", 404: "kept", 409: "kept", 422: "kept", 499: "kept",
		301: "dropped", 307: "dropped", 308: "dropped", 399: "dropped", 403: "dropped", 429: "dropped",
		500: "dropped", 501: "dropped", 503: "dropped", 507: "dropped", panics: "dropped",
	} {
		first, done := ask(status, "{}")
		if keeper.ended != want || !done {
			t.Errorf("status %d: done %t, its answer was %s, want %s", status, done, keeper.ended, want)
		}
		again, done := ask(status, "{}")
		if done != (want == "dropped") {
			t.Errorf("status %d: done again %t", status, done)
		}
		if replayed := again.Header().Get("Idempotency-Replayed") == "true"; replayed == done || again.Code != first.Code || status != panics && again.Body.String() != first.Body.String() {
			t.Errorf("status %d: then %d %q, replayed %t; first %d %q", status, again.Code, again.Body, replayed, first.Code, first.Body)
		}
		if other, done := ask(status, `{"a":1}`); want == "kept" && (done || !strings.Contains(other.Body.String(), "idempotency-key-reused")) {
			t.Errorf("status %d: another request under its key: done %t, %s", status, done, other.Body)
		}
	}
	keeper.kept["key-of-202"] = access.StoredAnswer{Hash: keeper.kept["key-of-202"].Hash} // this claim has not ended
	if got, done := ask(202, "{}"); done || !strings.Contains(got.Body.String(), "idempotency-key-in-flight") {
		t.Errorf("while it runs elsewhere: done %t, %d %s", done, got.Code, got.Body)
	}
	if len(a.flights.open) != 0 {
		t.Errorf("%d requests are still under way", len(a.flights.open))
	}
}

// TestWhatARepetitionMustNotShowIsNotStored: if the answer has a secret, the stored answer is the one without it.
func TestWhatARepetitionMustNotShowIsNotStored(t *testing.T) {
	keeper := &shelf{kept: map[string]access.StoredAnswer{}}
	a := &API{c: Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, Keeper: keeper}}
	for n, want := range []string{"the secret", "{\"key\":\"key_1\"}\n"} {
		x := &exchange{requestID: "req_1", route: "POST /x", actor: access.Actor{ID: id.ID{1}}, body: []byte("{}")}
		r := httptest.NewRequestWithContext(withExchange(t.Context(), x), http.MethodPost, "/x", nil)
		r.Header.Set("Idempotency-Key", "key-of-x")
		got := httptest.NewRecorder()
		a.remembered(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			x.again = map[string]string{"key": "key_1"}
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte("the secret"))
		}), got, r, x)
		if got.Code != http.StatusCreated || got.Body.String() != want {
			t.Errorf("request %d: %d %q, want %q", n+1, got.Code, got.Body, want)
		}
	}
	if stored := keeper.kept["key-of-x"]; strings.Contains(string(stored.Body), "secret") || keeper.ended != "kept" {
		t.Errorf("the stored answer is %q, %s", stored.Body, keeper.ended)
	}
}
