package outbound_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
)

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
