package outbound_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
)

// One token serves all who ask at once, until it ends or the provider refuses it.
func TestOneTokenForAll(t *testing.T) {
	now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	c := outbound.New(http.DefaultClient, func() time.Time { return now })
	fetched := 0
	fetch := func() (string, time.Duration, error) {
		fetched++
		return "t" + strconv.Itoa(fetched), time.Hour, nil
	}
	get := func() string {
		text, err := c.Token("k", fetch)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if got := get(); got != "t1" {
				t.Errorf("token %q; want t1", got)
			}
		})
	}
	all.Wait()
	now = now.Add(59*time.Minute + 31*time.Second)
	if got := get(); got != "t2" {
		t.Errorf("token %q shortly before its end; want t2", got)
	}
	c.Forget("k", "t1") // a late refusal of the token before it
	if got := get(); got != "t2" {
		t.Errorf("token %q after another's refusal; want t2", got)
	}
	c.Forget("k", "t2")
	if got := get(); got != "t3" {
		t.Errorf("token %q after its refusal; want t3", got)
	}
	bad := errors.New("no")
	if _, err := c.Token("other", func() (string, time.Duration, error) { return "", 0, bad }); !errors.Is(err, bad) {
		t.Errorf("error %v; want %v", err, bad)
	}
}

func TestALongAnswerIsRefused(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header().Set("X-Auth", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(strings.Repeat("a", n)))
	}))
	defer s.Close()
	c := outbound.New(s.Client(), time.Now)
	got, err := c.Do(t.Context(), http.MethodPost, s.URL+"?n="+strconv.Itoa(payment.MaxAnswer), http.Header{"Authorization": {"x"}}, nil)
	if err != nil || got.Status != http.StatusTeapot || len(got.Body) != payment.MaxAnswer || got.Header.Get("X-Auth") != "x" {
		t.Errorf("status %d, %d bytes, %v", got.Status, len(got.Body), err)
	}
	if _, err := c.Do(t.Context(), http.MethodGet, s.URL+"?n="+strconv.Itoa(payment.MaxAnswer+1), nil, nil); err == nil {
		t.Error("an answer above the limit was read")
	}
}
