package api

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
)

// TestAPanicIsA500ThatTellsNothing: the stack goes to the log under the request's id, not to the client. On a sale the
// outcome is unknown.
func TestAPanicIsA500ThatTellsNothing(t *testing.T) {
	var log strings.Builder
	a := &API{c: Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now}}
	for _, sale := range []bool{false, true} {
		x := &exchange{requestID: "req_1", route: "GET /x", sale: sale}
		r := httptest.NewRequestWithContext(withExchange(t.Context(), x), http.MethodGet, "/x", nil)
		w := httptest.NewRecorder()
		a.recovered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the secret cause") })).ServeHTTP(w, r)
		body := w.Body.String()
		if w.Code != 500 || !strings.Contains(body, `"code":"internal"`) || !strings.Contains(body, `"request_id":"req_1"`) {
			t.Errorf("got %d %s, want 500 internal with the request's id", w.Code, body)
		}
		if strings.Contains(body, `"money_moved":"unknown"`) != sale {
			t.Errorf("sale %t: got %s", sale, body)
		}
		if strings.Contains(body, "secret") || strings.Contains(body, "goroutine") {
			t.Errorf("the answer tells what broke: %s", body)
		}
	}
	if !strings.Contains(log.String(), "the secret cause") || !strings.Contains(log.String(), logkey.RequestID+"=req_1") {
		t.Errorf("the log does not tell what broke: %s", log.String())
	}
}

// TestAnAbortedAnswerStaysAborted: a handler that aborts its connection on purpose sends no problem and logs no error.
func TestAnAbortedAnswerStaysAborted(t *testing.T) {
	var log strings.Builder
	a := &API{c: Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now}}
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if broke := recover(); broke != http.ErrAbortHandler {
				t.Errorf("the server got the panic %v, want ErrAbortHandler", broke)
			}
		}()
		r := httptest.NewRequestWithContext(withExchange(t.Context(), &exchange{}), http.MethodGet, "/x", nil)
		a.recovered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).ServeHTTP(w, r)
	}()
	if w.Body.Len() != 0 || log.Len() != 0 {
		t.Errorf("sent %q, logged %q, want neither", w.Body, &log)
	}
}

// TestWhatIsCompressed: answers of 1,024 bytes or more are compressed if the client accepts it. An event stream is never compressed.
func TestWhatIsCompressed(t *testing.T) {
	compress, err := newGzip()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		size          int
		kind, accepts string
		want          string
	}{
		{1023, jsonType, "gzip", ""}, {1024, jsonType, "gzip", "gzip"}, {4096, jsonType, "gzip", "gzip"}, {4096, jsonType, "", ""},
		{4096, "text/event-stream", "gzip", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil)
		r.Header.Set("Accept-Encoding", c.accepts)
		w := httptest.NewRecorder()
		compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			_, _ = w.Write(bytes.Repeat([]byte("x"), c.size))
		})).ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding"); got != c.want {
			t.Errorf("%d bytes of %s for a client that accepts %q: encoding %q, want %q", c.size, c.kind, c.accepts, got, c.want)
		}
	}
}

func TestTheLimiterRefillsForgetsTheLongestSilentAndKeepsNetworksTogether(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLimiter(1, 2, 2, func() time.Time { return now })
	a, b, c := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	ask := func(ip netip.Addr, want bool) {
		t.Helper()
		if got := l.allow(ip); got != want {
			t.Errorf("%s: got %t, want %t", ip, got, want)
		}
	}
	ask(a, true)
	ask(a, true)
	ask(a, false)
	ask(netip.MustParseAddr("::ffff:192.0.2.1"), false) // an IPv6 form of the same address
	now = now.Add(time.Second)
	ask(a, true)
	ask(a, false)
	ask(b, true)
	ask(a, false)
	ask(c, true) // the map is full, so b, which was silent longest, is forgotten
	if len(l.byIP) != 2 || l.order.Len() != 2 {
		t.Errorf("got %d addresses remembered, want 2", len(l.byIP))
	}
	ask(a, false)
	six := newLimiter(1, 1, 10, func() time.Time { return now })
	if !six.allow(netip.MustParseAddr("2001:db8::1")) || six.allow(netip.MustParseAddr("2001:db8::2")) || !six.allow(netip.MustParseAddr("2001:db8:0:1::1")) {
		t.Error("addresses of one /64 do not share a bucket, or those of another do")
	}
}

// TestLimitsThatNobodyGave checks that default limits are those of the documentation, and that given limits stay.
func TestLimitsThatNobodyGave(t *testing.T) {
	if got, want := (Limits{}).orDefaults(), (Limits{InFlight: 1024, PerSecond: 300, Burst: 600, Addresses: 10_000}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if given := (Limits{InFlight: 1, PerSecond: 2, Burst: 3, Addresses: 4, LimitLoopback: true}); given.orDefaults() != given {
		t.Errorf("%+v became %+v", given, given.orDefaults())
	}
}

func TestTheRequestHashTellsRequestsApart(t *testing.T) {
	base := requestHash("POST", "/v1/vends", "key_a", []byte(`{}`))
	for name, h := range map[string][32]byte{
		"method":    requestHash("PUT", "/v1/vends", "key_a", []byte(`{}`)),
		"path":      requestHash("POST", "/v1/vend", "skey_a", []byte(`{}`)),
		"principal": requestHash("POST", "/v1/vends", "key_b", []byte(`{}`)),
		"body":      requestHash("POST", "/v1/vends", "key_a", []byte(`{"a":1}`)),
	} {
		if h == base {
			t.Errorf("another %s has the same hash", name)
		}
	}
	for _, same := range [][2]string{{`{"a":1,"b":[2,3]}`, "{ \"b\":[2,3] ,\n\"a\":1}"}, {`{"a":"é"}`, `{"a":"\u00e9"}`}} {
		if string(canonical([]byte(same[0]))) != string(canonical([]byte(same[1]))) {
			t.Errorf("%s and %s are not the same request", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{`{"a":1}`, `{"a":1.0}`}, {`{"a":[1,2]}`, `{"a":[2,1]}`}, {`{"a":1}`, `{"a":1}x`},
		{`{"a":99999999999999999999}`, `{"a":99999999999999999998}`}} {
		if string(canonical([]byte(other[0]))) == string(canonical([]byte(other[1]))) {
			t.Errorf("%s and %s are the same request", other[0], other[1])
		}
	}
}

// TestEveryCodeIsExplained: a problem's type leads to /docs#code, so /docs must list every code that can be sent.
func TestEveryCodeIsExplained(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range codes {
		if seen[string(c)] || c == "" || strings.ToLower(string(c)) != string(c) || strings.ContainsAny(string(c), " _") {
			t.Errorf("code %q is empty, listed twice or not kebab-case", c)
		}
		seen[string(c)] = true
		if s := statusOf(c); s < 400 || s > 599 {
			t.Errorf("code %s has status %d", c, s)
		}
	}
	for _, c := range []string{string(access.Actor{}.Needs(access.Sell).Code), "internal", "outcome-unknown", "storage-full"} {
		if !seen[c] {
			t.Errorf("code %s is not listed", c)
		}
	}
}

// FuzzDecode: no body makes the decoder panic, and every refusal has an explanation.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"meter":"1","tender":{"amount_minor":1,"currency":"KES"}}`, `{"tender":{"amount_minor":1e400}}`, `[`, `{"x":1}`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v apiv1.NewSale
		p := decode(body, &v)
		if p.Refused() && (p.Code.Status() < 400 || p.Code.Status() > 499 || p.What == "" || p.Try == "") {
			t.Errorf("%q: got %d %q", body, p.Code.Status(), p.Detail())
		}
		if !p.Refused() && len(canonical(body)) == 0 {
			t.Errorf("%q was read and has no canonical form", body)
		}
		_ = fmt.Sprint(p)
	})
}

// peer is a connection with only a remote address.
type peer struct {
	net.Conn
	from   string
	closed bool
}

func (p *peer) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(p.from))
}
func (p *peer) Close() error { p.closed = true; return nil }

func TestOneConnectionTooManyIsClosed(t *testing.T) {
	c := newConnections(5, 2, func(ip netip.Addr) bool { return ip == netip.MustParseAddr("192.0.2.77") })
	open := func(from string, want bool) *peer {
		t.Helper()
		p := &peer{from: from}
		c.state(p, http.StateNew)
		if p.closed == want {
			t.Errorf("%s: got closed %t, want %t", from, p.closed, !want)
		}
		return p
	}
	first := open("192.0.2.1:1", true)
	open("192.0.2.1:2", true)
	refused := open("192.0.2.1:3", false) // this is one connection too many from this address
	open("127.0.0.1:1", true)
	open("127.0.0.1:2", true)
	open("127.0.0.1:3", true)  // loopback has no limit for its address
	open("192.0.2.2:1", false) // this is one connection too many in all
	c.state(refused, http.StateClosed)
	open("192.0.2.2:1", false) // a refused connection does not count twice
	c.state(first, http.StateClosed)
	open("192.0.2.1:4", true)
	c.max = 8
	for _, from := range []string{"192.0.2.77:1", "192.0.2.77:2", "192.0.2.77:3"} {
		open(from, true) // a trusted proxy has no limit for its address
	}
}
