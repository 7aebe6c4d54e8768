package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paywatt/paywatt/internal/refusal"
)

// guarded is an API of nothing but its chain.
func guarded(t *testing.T, n Network, l Limits) *API {
	t.Helper()
	l = l.orDefaults()
	a := &API{c: Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, Rand: strings.NewReader(strings.Repeat("r", 10_000)), Network: n, Limits: l}, slots: make(chan struct{}, l.InFlight)}
	a.limit = newLimiter(l.PerSecond, l.Burst, l.Addresses, a.c.Now)
	var err error
	if a.gzip, err = newGzip(); err != nil {
		t.Fatal(err)
	}
	if a.metrics, err = newMetrics(prometheus.NewRegistry()); err != nil {
		t.Fatal(err)
	}
	return a
}

// ask asks a handler with the exact bytes of an address.
func ask(h http.Handler, path, query string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://power.example/", nil)
	r.URL.Path, r.URL.RawQuery = path, query
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestTheChainJudgesNoAddress: a guarded handler gets every address, byte for byte, because each handler judges its own input.
func TestTheChainJudgesNoAddress(t *testing.T) {
	got := ""
	h := guarded(t, Network{}, Limits{}).Guard("hooks", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.Path + "?" + r.URL.RawQuery }), nil)
	for _, query := range []string{"", "text=%00B%00A%00L&coding=2", "text=BAL%0A", "answer=%E9", "q=%zz", "a;b", "udh=%05%00%03%07%02%01", "%00=1"} {
		for _, path := range []string{"/hooks/sms/kannel1/in", "/hooks/\x00", "/hooks/\u202e"} {
			if w := ask(h, path, query); w.Code != 200 || got != path+"?"+query {
				t.Errorf("%q?%s: %d, and the handler got %q", path, query, w.Code, got)
			}
		}
	}
}

// TestAddressesOfTheAPI: the API takes lines of text only, and answers everything else with a problem.
func TestAddressesOfTheAPI(t *testing.T) {
	h := readable(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for _, c := range []struct {
		path, query string
		want        int
	}{
		{"/v1/meters", "", 418}, {"/v1/meters", "limit=5&find=%C3%A9", 418}, {"/v1/meters", "limit=%zz", 400}, {"/v1/meters", "limit=1;cursor=x", 400},
		{"/v1/meters", "find=%00", 400}, {"/v1/meters", "find=a&find=%0A", 400}, {"/v1/meters", "%09=1", 400}, {"/v1/meters", "find=%ff", 400}, {"/v1/meters", "find=%E2%80%AA1", 400},
		{"/v1/meters/\x00", "", 400}, {"/v1/meters/\xff", "limit=5", 400}, {"/v1/meters/\u202e", "", 400},
	} {
		w := ask(h, c.path, c.query)
		if w.Code != c.want || c.want == 400 && (w.Header().Get("Content-Type") != problemType || !strings.Contains(w.Body.String(), `"invalid-request"`)) {
			t.Errorf("%q?%s: %d %s, want %d", c.path, c.query, w.Code, w.Body, c.want)
		}
	}
}

// TestWhatTheChainRefusesIsReadByItsCaller: people get a page and programs get a problem, each with the same status and the same pause.
func TestWhatTheChainRefusesIsReadByItsCaller(t *testing.T) {
	page := func(w http.ResponseWriter, _ *http.Request, status int, no refusal.Refusal) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		fmt.Fprint(w, no.Code)
	}
	quiet := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for name, c := range map[string]struct {
		network Network
		limits  Limits
		begin   func(*API)
		inner   http.Handler
		status  int
		code    string
		pause   string
	}{
		"another host":      {network: Network{Hosts: []string{"other.example"}}, inner: quiet, status: 421, code: "host-unknown"},
		"too many requests": {limits: Limits{PerSecond: 1, Burst: 1}, begin: func(a *API) { a.limit.allow(remoteOf(httptest.NewRequest("GET", "/", nil))) }, inner: quiet, status: 429, code: "rate-limited", pause: "1"},
		"a busy server":     {limits: Limits{InFlight: 1}, begin: func(a *API) { a.slots <- struct{}{} }, inner: quiet, status: 429, code: "rate-limited", pause: "1"},
		"a panic":           {inner: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }), status: 500, code: "internal"},
	} {
		for kind, answer := range map[string]Refuse{"text/html": page, problemType: nil} {
			a := guarded(t, c.network, c.limits)
			if c.begin != nil {
				c.begin(a)
			}
			w := ask(a.Guard("console", c.inner, answer), "/", url.Values{"q": {"1"}}.Encode())
			if w.Code != c.status || w.Header().Get("Content-Type") != kind || w.Header().Get("Retry-After") != c.pause || !strings.Contains(w.Body.String(), c.code) {
				t.Errorf("%s for %s: %d, pause %q, %s %s; want %d, pause %q", name, kind, w.Code, w.Header().Get("Retry-After"), w.Header().Get("Content-Type"), w.Body, c.status, c.pause)
			}
		}
	}
}
