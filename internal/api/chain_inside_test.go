package api

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sheet"
	"github.com/paywatt/paywatt/internal/statement"
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

// brokenBody is a body whose connection ends with an error.
type brokenBody struct{ err error }

func (b brokenBody) Read([]byte) (int, error) { return 0, b.err }

// TestWhichBodiesAreRead: each kind of route takes its own content types and lengths, and the refusal says which of them does not fit.
func TestWhichBodiesAreRead(t *testing.T) {
	const route, bare, sells = "POST /v1/meters", "POST /v1/people/{id}/block", sellRoute
	long := func(n int) string { return `"` + strings.Repeat("a", n-2) + `"` }
	for name, c := range map[string]struct {
		route, kind, body string
		broken            error
		want              string // the text of the refusal; empty if the body is read
		read              string // the body, if it is another than was sent
	}{
		"an object":                         {route: route, body: `{"a":1}`},
		"as JSON":                           {route: route, kind: "application/json", body: `{}`},
		"as JSON with a character set":      {route: route, kind: "application/json; charset=utf-8", body: `{}`},
		"as a kind of JSON":                 {route: route, kind: "application/merge-patch+json", body: `{}`},
		"as a form":                         {route: route, kind: "application/x-www-form-urlencoded", body: `a=1`, want: "Content-Type application/x-www-form-urlencoded is not supported"},
		"as a kind with json in it":         {route: route, kind: "application/json+xml", body: `{}`, want: "is not supported"},
		"as a kind that is none":            {route: route, kind: "application/json; charset", body: `{}`, want: "is not supported"},
		"as a workbook":                     {route: route, kind: csvType, body: `{}`, want: "is not supported"},
		"nothing":                           {route: route, want: "The request has no body"},
		"blanks":                            {route: route, body: " \n", want: "The request has no body"},
		"nothing, for a sale":               {route: sells, want: "The request has no body"},
		"nothing, where it may be left out": {route: bare, read: "{}"},
		"blanks, where it may be left out":  {route: bare, body: " \n", read: "{}"},
		"an object, where it may":           {route: bare, body: `{"reason":"x"}`},
		"a mebibyte":                        {route: route, body: long(MaxBody)},
		"more than a mebibyte":              {route: route, body: long(MaxBody + 1), want: "The body is longer than 1048576 bytes"},
		"a text of two lines":               {route: route, body: `{"a":"x\ny"}`, want: "a"},
		"a message of two lines":            {route: messageRoute, body: `{"text":"x\ny"}`},
		"a message that rings":              {route: messageRoute, body: `{"text":"x\u0007"}`, want: "text"},
		"a file":                            {route: importRoute, kind: csvType, body: "a,b\x00\n"},
		"a file without a type":             {route: importRoute, body: "a,b\n"},
		"an empty file":                     {route: importRoute, kind: bytesType},
		"a workbook for an import":          {route: importRoute, kind: workbookType, body: "PK"},
		"an import as JSON":                 {route: importRoute, kind: jsonType, body: "{}", want: "is not supported"},
		"a long file":                       {route: importRoute, kind: csvType, body: long(MaxBody + 1)},
		"a statement":                       {route: uploadRoute, kind: bytesType, body: ":20:X"},
		"a statement as JSON":               {route: uploadRoute, kind: jsonType, body: "{}", want: "is not supported"},
		"a long statement":                  {route: uploadRoute, kind: bytesType, body: long(MaxBody + 1)},
		"late":                              {route: route, broken: os.ErrDeadlineExceeded, want: "The body did not arrive in time"},
		"incomplete":                        {route: route, broken: io.ErrUnexpectedEOF, want: "The body did not arrive completely"},
		"an incomplete file":                {route: importRoute, broken: io.ErrUnexpectedEOF, want: "The body did not arrive completely"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
		if c.broken != nil {
			r.Body = io.NopCloser(brokenBody{c.broken})
		}
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		x := &exchange{route: c.route, sale: movesMoney(c.route)}
		p := readBody(httptest.NewRecorder(), r, x)
		if (p != nil) != (c.want != "") || p != nil && (!strings.Contains(p.Detail, c.want) || x.body != nil) {
			t.Errorf("%s: %+v, want %q", name, p, c.want)
		}
		if p != nil {
			continue
		}
		want := c.read
		if want == "" {
			want = c.body
		}
		if string(x.body) != want {
			t.Errorf("%s: read %q, want %q", name, x.body, want)
		}
		if again, err := io.ReadAll(r.Body); c.route != importRoute && c.route != uploadRoute && (err != nil || string(again) != want) {
			t.Errorf("%s: the route reads %q, %v", name, again, err)
		}
	}
	for route, most := range map[string]int64{importRoute: sheet.MaxBytes, uploadRoute: statement.MaxBytes} {
		p := readBody(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", io.LimitReader(zeros{}, most+1)), &exchange{route: route})
		if p == nil || !strings.Contains(p.Detail, fmt.Sprintf("longer than %d bytes", most)) {
			t.Errorf("%s takes a file of more than %d bytes: %+v", route, most, p)
		}
	}
}

// zeros is a file without an end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestWhoAsks is the address behind a port, and none where the listener has no addresses.
func TestWhoAsks(t *testing.T) {
	for from, want := range map[string]string{"192.0.2.7:8080": "192.0.2.7", "[2001:db8::1]:80": "2001:db8::1", "192.0.2.7": "192.0.2.7", "@": "invalid IP", "": "invalid IP", "power.example:80": "invalid IP"} {
		if got := remoteOf(&http.Request{RemoteAddr: from}); got.String() != want {
			t.Errorf("%q is %s, want %s", from, got, want)
		}
	}
	a := guarded(t, Network{}, Limits{})
	if got := a.requestID(); got != "req_"+strings.Repeat("72", 12) {
		t.Errorf("a request is called %s", got)
	}
	a.c.Rand = strings.NewReader("short")
	if got := a.requestID(); got != "req_unknown" {
		t.Errorf("without randomness a request is called %s", got)
	}
}

// TestTheFirstFinalStatusIsNoted: it goes into the log and the metrics.
func TestTheFirstFinalStatusIsNoted(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		want   int
	}{
		"nothing":                {func(http.ResponseWriter) {}, 0},
		"a text":                 {func(w http.ResponseWriter) { _, _ = w.Write([]byte("x")) }, 200},
		"a status":               {func(w http.ResponseWriter) { w.WriteHeader(404) }, 404},
		"a status and a text":    {func(w http.ResponseWriter) { w.WriteHeader(404); _, _ = w.Write([]byte("x")) }, 404},
		"early hints":            {func(w http.ResponseWriter) { w.WriteHeader(103); w.WriteHeader(201) }, 201},
		"only early hints":       {func(w http.ResponseWriter) { w.WriteHeader(199) }, 0},
		"the lowest final one":   {func(w http.ResponseWriter) { w.WriteHeader(200); w.WriteHeader(500) }, 200},
		"a text and a status":    {func(w http.ResponseWriter) { _, _ = w.Write([]byte("x")); w.WriteHeader(500) }, 200},
		"a stream that is empty": {func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, 0},
	} {
		below := httptest.NewRecorder()
		rec := &recorder{ResponseWriter: below}
		if c.answer(rec); rec.status != c.want {
			t.Errorf("%s: noted %d, want %d", name, rec.status, c.want)
		}
		if flushed := strings.Contains(name, "stream"); below.Flushed != flushed || rec.Unwrap() != http.ResponseWriter(below) {
			t.Errorf("%s: sent at once %t", name, below.Flushed)
		}
	}
}

// TestEveryAnswerHasTheHeadersOfTheServer whatever the handler does.
func TestEveryAnswerHasTheHeadersOfTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		network Network
		proto   string
		hsts    string
	}{
		"plain":                      {Network{}, "", ""},
		"encrypted":                  {Network{TLS: true}, "", "max-age=31536000"},
		"encrypted to a proxy":       {Network{Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, "https", "max-age=31536000"},
		"who only says so":           {Network{}, "https", ""},
		"a proxy that is not asked":  {Network{Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, "http", ""},
		"encrypted, behind no proxy": {Network{TLS: true}, "http", "max-age=31536000"},
	} {
		var seen *exchange
		h := guarded(t, c.network, Limits{}).Guard("console", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = exchangeOf(r.Context())
			w.WriteHeader(http.StatusTeapot)
		}), nil)
		r := httptest.NewRequest(http.MethodGet, "http://power.example/a?b=c", nil)
		r.RemoteAddr = "192.0.2.7:1"
		if c.proto != "" {
			r.Header.Set(forwardedProto, c.proto)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := []string{w.Header().Get("X-Request-Id"), w.Header().Get("X-Content-Type-Options"), w.Header().Get("Referrer-Policy"), w.Header().Get("Cache-Control"), w.Header().Get("Strict-Transport-Security")}
		if want := []string{seen.requestID, "nosniff", "no-referrer", "no-store", c.hsts}; w.Code != http.StatusTeapot || seen.requestID == "" || !slices.Equal(got, want) {
			t.Errorf("%s: %d %q, want %q", name, w.Code, got, want)
		}
		if seen.route != "console" || seen.target != "/a?b=c" || seen.remote.String() != "192.0.2.7" || seen.sale {
			t.Errorf("%s: the exchange is %+v", name, seen)
		}
	}
}

// TestWhoIsLimited: every address but this machine's own, and every request but probes. A request gives its place back.
func TestWhoIsLimited(t *testing.T) {
	for name, c := range map[string]struct {
		limits Limits
		route  string
		from   string
		want   string // codes of three requests
	}{
		"an address":                    {Limits{PerSecond: 0.001, Burst: 2}, "GET /v1/meters", "192.0.2.7", "200 200 429"},
		"this machine":                  {Limits{PerSecond: 0.001, Burst: 1}, "GET /v1/meters", "127.0.0.1", "200 200 200"},
		"this machine, if it shall":     {Limits{PerSecond: 0.001, Burst: 1, LimitLoopback: true}, "GET /v1/meters", "127.0.0.1", "200 429 429"},
		"a probe":                       {Limits{PerSecond: 0.001, Burst: 1}, "GET /livez", "192.0.2.7", "200 200 200"},
		"one place for one at a time":   {Limits{InFlight: 1}, "GET /v1/meters", "192.0.2.7", "200 200 200"},
		"an address that nobody can be": {Limits{PerSecond: 0.001, Burst: 1}, "GET /v1/meters", "", "200 429 429"},
	} {
		a := guarded(t, Network{}, c.limits)
		now := time.Now()
		a.limit.now = func() time.Time { return now }
		var got []string
		for range 3 {
			x := &exchange{route: c.route}
			x.remote, _ = netip.ParseAddr(c.from)
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
			a.limited(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r.WithContext(withExchange(r.Context(), x)))
			got = append(got, fmt.Sprint(w.Code))
		}
		if strings.Join(got, " ") != c.want || len(a.slots) != 0 {
			t.Errorf("%s: %s, want %s; %d places are taken", name, got, c.want, len(a.slots))
		}
	}
}

// TestWhatHasNoRouteSaysWhy: there is no such path, or it takes other methods.
func TestWhatHasNoRouteSaysWhy(t *testing.T) {
	mux := http.NewServeMux()
	done := 0
	mux.HandleFunc("GET /v1/meters", func(http.ResponseWriter, *http.Request) { done++ })
	mux.HandleFunc("POST /v1/meters", func(http.ResponseWriter, *http.Request) { done++ })
	mux.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) { done++ })
	a := guarded(t, Network{}, Limits{})
	for _, c := range []struct {
		method, path, route string
		status              int
		allow, says         string
	}{
		{"GET", "/v1/absent", "", 404, "", "Path /v1/absent does not exist"},
		{"DELETE", "/v1/meters", "", 405, "GET, HEAD, POST", "Path /v1/meters does not take DELETE"},
		{"GET", "/livez", "GET /livez", 200, "", ""},
		{"GET", "/v1/meters", "GET /v1/meters", 401, "", ""}, // it needs a key
		{"POST", "/v1/meters", "POST /v1/meters", 401, "", ""},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(c.method, c.path, nil)
		a.routed(mux).ServeHTTP(w, r.WithContext(withExchange(r.Context(), &exchange{route: c.route})))
		if w.Code != c.status || w.Header().Get("Allow") != c.allow || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s: %d, allow %q, %s; want %d, allow %q", c.method, c.path, w.Code, w.Header().Get("Allow"), w.Body, c.status, c.allow)
		}
	}
	if done != 1 {
		t.Errorf("%d requests were done, want the probe alone", done)
	}
	for _, header := range []string{"", "Bearer", "Basic x", "pk_1", "Bearerx pk_1"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", header)
		if p := a.authenticate(r, &exchange{}); p == nil || p.Status != http.StatusUnauthorized {
			t.Errorf("%q is a key: %+v", header, p)
		}
	}
}
