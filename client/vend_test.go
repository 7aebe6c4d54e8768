package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

// script answers the n-th request with the n-th handler. If there are more requests than handlers, the last handler answers the rest. It
// records the requests.
type script struct {
	steps []http.HandlerFunc

	mu     sync.Mutex
	keys   []string
	bodies []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	s.bodies = append(s.bodies, string(b))
	n := min(len(s.keys), len(s.steps))
	s.mu.Unlock()
	s.steps[n-1](w, r)
}

// asked returns the keys and bodies of the requests so far.
func (s *script) asked() (keys, bodies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys), slices.Clone(s.bodies)
}

func cut(w http.ResponseWriter, _ *http.Request) {
	c, _, _ := w.(http.Hijacker).Hijack()
	c.Close()
}

func sold(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprint(w, `{"id":"vnd_1","units_wh":34700,"tokens":[{"digits":"12345678901234567890"}]}`)
}

func problem(status int, code, moved string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"status":%d,"code":%q,"money_moved":%q,"detail":"no."}`, status, code, moved)
	}
}

func start(t *testing.T, waits *[]time.Duration, steps ...http.HandlerFunc) (*client.Client, *script) {
	t.Helper()
	s := &script{steps: steps}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	c, err := client.New(srv.URL, "pk_x", client.Config{
		Wait: func(_ context.Context, d time.Duration) error { *waits = append(*waits, d); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func order() apiv1.NewSale {
	return apiv1.NewSale{Meter: "04140001001", Tender: apiv1.Amount{AmountMinor: 10000, Currency: "KES"}, ClientRef: "till3-1"}
}

func TestVendRepeatsItselfWithTheSameKeyAfterACutConnection(t *testing.T) {
	var waits []time.Duration
	c, s := start(t, &waits, cut, cut, sold)
	v, err := c.Vend(t.Context(), order(), "")
	if err != nil {
		t.Fatalf("vend after two cuts: got %v, want the sale", err)
	}
	if v.ID != "vnd_1" || v.UnitsWh != 34700 || !v.Replayed {
		t.Errorf("got %+v, want the replayed sale vnd_1 of 34700 Wh", v)
	}
	keys, bodies := s.asked()
	if len(keys) != 3 || keys[0] == "" || keys[1] != keys[0] || keys[2] != keys[0] {
		t.Errorf("got keys %q, want one key three times", keys)
	}
	if bodies[1] != bodies[0] || strings.Contains(bodies[0], keys[0]) {
		t.Errorf("got bodies %q, want the same body without the key", bodies)
	}
	if want := []time.Duration{200 * time.Millisecond, 400 * time.Millisecond}; len(waits) != 2 || waits[0] != want[0] || waits[1] != want[1] {
		t.Errorf("got pauses %v, want %v", waits, want)
	}
}

func TestVendGivesUpAfterItsAttemptsAndNamesTheKey(t *testing.T) {
	var waits []time.Duration
	c, s := start(t, &waits, cut)
	const key = "till3-key-0001"
	_, err := c.Vend(t.Context(), order(), key)
	var u *client.Unresolved
	if !errors.As(err, &u) {
		t.Fatalf("got %v, want Unresolved", err)
	}
	if u.IdempotencyKey != key || u.ClientRef != "till3-1" || !errors.Is(err, client.ErrNoAnswer) {
		t.Errorf("got key %q ref %q err %v, want the order's own key and ref with ErrNoAnswer", u.IdempotencyKey, u.ClientRef, err)
	}
	if keys, _ := s.asked(); len(keys) != client.DefaultAttempts {
		t.Errorf("got %d attempts, want %d", len(keys), client.DefaultAttempts)
	}
}

func TestVendWaitsForARunningTwin(t *testing.T) {
	var waits []time.Duration
	c, _ := start(t, &waits, problem(409, "idempotency-key-in-flight", "unknown"), sold)
	if _, err := c.Vend(t.Context(), order(), ""); err != nil {
		t.Fatalf("got %v, want the twin's sale", err)
	}
	if len(waits) != 1 || waits[0] != 2*time.Second {
		t.Errorf("got pauses %v, want the 2 s of Retry-After", waits)
	}
}

func TestARefusalIsNotRepeated(t *testing.T) {
	var waits []time.Duration
	c, s := start(t, &waits, problem(404, "meter-not-found", "no"))
	_, err := c.Vend(t.Context(), order(), "")
	var p *client.Problem
	if !errors.As(err, &p) || p.Code != "meter-not-found" || p.Status != 404 || p.MoneyMoved != apiv1.MoneyMovedNo {
		t.Fatalf("got %#v, want the problem meter-not-found, 404, no money moved", err)
	}
	if keys, _ := s.asked(); len(keys) != 1 {
		t.Errorf("got %d attempts, want 1", len(keys))
	}
}

func TestARefusedRepetitionDoesNotSettleTheFirstAttempt(t *testing.T) {
	for _, status := range []int{401, 403, 429, 503} {
		var waits []time.Duration
		c, _ := start(t, &waits, cut, problem(status, "some-code", "no"))
		_, err := c.Vend(t.Context(), order(), "")
		var u *client.Unresolved
		if !errors.As(err, &u) {
			t.Errorf("cut, then %d: got %v, want Unresolved", status, err)
		}
	}
}

func TestAClosedPortIsUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c, err := client.New("http://"+addr, "pk_x", client.Config{Wait: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	var u *client.Unresolved
	if _, err := c.Vend(t.Context(), order(), ""); !errors.Is(err, client.ErrUnreachable) || errors.As(err, &u) {
		t.Errorf("vend: got %v, want ErrUnreachable and not Unresolved: nothing was asked", err)
	}
	if _, err := c.Meter(t.Context(), "04140001001"); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("meter: got %v, want ErrUnreachable", err)
	}
}

func TestACancelledSaleIsUnresolved(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var waits []time.Duration
	c, _ := start(t, &waits, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := c.Vend(ctx, order(), "")
	var u *client.Unresolved
	if !errors.As(err, &u) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Unresolved with context.Canceled", err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	var waits []time.Duration
	c, s := start(t, &waits, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	_, err := c.Vend(t.Context(), order(), "")
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != 307 {
		t.Errorf("got %v, want the 307 as a problem", err)
	}
	if keys, _ := s.asked(); len(keys) != 1 {
		t.Errorf("got %d requests, want 1", len(keys))
	}
}

func TestNewRefusesWhatIsNoServerAddress(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:8080", "ftp://x", "http://", "http://x?y=1", "http://%zz"} {
		if _, err := client.New(base, "", client.Config{}); err == nil {
			t.Errorf("New(%q): got no error, want one", base)
		}
	}
}
