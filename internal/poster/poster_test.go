package poster_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/poster"
	"github.com/paywatt/paywatt/internal/webhook"
)

func noon() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

func request(url string, private bool) webhook.Request {
	return webhook.Request{URL: url, AllowPrivate: private, Event: "evt_1", At: noon(), Signature: "v1,abc", Body: `{"type":"a"}`}
}

func TestWhatIsPosted(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		if r.Method != http.MethodPost || h.Get("Content-Type") != "application/json" || h.Get("webhook-id") != "evt_1" || h.Get("webhook-timestamp") != "1795608000" || h.Get("webhook-signature") != "v1,abc" {
			t.Errorf("%s %v", r.Method, h)
		}
		w.Header().Set("Retry-After", r.URL.Query().Get("after"))
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("come\x1b[31m\r\nagain " + strings.Repeat("x", 1<<20)))
	}))
	defer s.Close()
	p := poster.New(nil, noon)
	for after, want := range map[string]time.Duration{"": 0, "120": 2 * time.Minute, "-1": 0, "soon": 0, "99999999999999999999": 0, noon().Add(time.Hour).Format(http.TimeFormat): time.Hour,
		noon().Add(-time.Hour).Format(http.TimeFormat): 0} {
		a := p.Post(t.Context(), request(s.URL+"/?after="+strings.ReplaceAll(after, " ", "%20"), true))
		if a.Status != 503 || a.RetryAfter != want || !strings.HasPrefix(a.Text, "come [31m  again x") || len(a.Text) > 4<<10 || a.Err != "" {
			t.Errorf("after %q: %d, wait %s, %q of %d bytes, %q", after, a.Status, a.RetryAfter, a.Text[:min(20, len(a.Text))], len(a.Text), a.Err)
		}
	}
}

// TestAnAnswerThatDripsHoldsNobody: its status came, so the event arrived. Nobody waits for the rest.
func TestAnAnswerThatDripsHoldsNobody(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a server notices that its client leaves once it has read the request
		_, _ = w.Write([]byte(r.URL.Query().Get("says")))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	for says, want := range map[string]string{"taken": "taken", "": "(the answer did not end)"} {
		ctx, stop := context.WithTimeout(t.Context(), await.Limit)
		if a := poster.New(nil, noon).Post(ctx, request(s.URL+"/?says="+says, true)); a.Status != 200 || a.Text != want || ctx.Err() != nil {
			t.Errorf("%+v, want the status 200 and %q before %s have passed", a, want, await.Limit)
		}
		stop()
	}
}

// TestAWebhookDoesNotWaitForAnotherOneOnTheSameHost: many webhooks lead to the hosts of a few platforms.
func TestAWebhookDoesNotWaitForAnotherOneOnTheSameHost(t *testing.T) {
	here := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			_, _ = io.Copy(io.Discard, r.Body)
			here <- struct{}{}
			<-r.Context().Done()
		}
	}))
	defer s.Close()
	p := poster.New(nil, noon)
	slow, leave := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer leave()
	for range 8 {
		work.Go(func() { p.Post(slow, request(s.URL+"/slow", true)) })
	}
	for range 8 {
		<-here
	}
	ctx, stop := context.WithTimeout(t.Context(), await.Limit)
	defer stop()
	if a := p.Post(ctx, request(s.URL, true)); a.Status != 200 {
		t.Errorf("beside 8 slow ones: %+v", a)
	}
}

// TestARedirectIsNotFollowed: it could lead to a program inside, after the address was checked.
func TestARedirectIsNotFollowed(t *testing.T) {
	var inside atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.RedirectHandler(target.URL, status))
		if a := poster.New(nil, noon).Post(t.Context(), request(s.URL, true)); a.Status != status {
			t.Errorf("%d: %+v", status, a)
		}
		s.Close()
	}
	if inside.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// TestPrivateAddressesAreRefusedWhenDialled posts to a listening server by every form of its address: none connects.
func TestPrivateAddressesAreRefusedWhenDialled(t *testing.T) {
	var calls atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	heard := make(chan string, 100)
	s.Config.ConnState = func(c net.Conn, state http.ConnState) { heard <- state.String() }
	s.StartTLS()
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	p := poster.New(nil, noon)
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "[::]", "10.0.0.1", "169.254.169.254", "100.64.0.1"} {
		a := p.Post(t.Context(), request("https://"+host+":"+port+"/", false))
		if a.Status != 0 || a.Err == "" {
			t.Errorf("%s: %+v", host, a)
		}
	}
	if a := p.Post(t.Context(), request("http://127.0.0.1:"+port+"/", false)); a.Err != "not https" {
		t.Errorf("http: %+v", a)
	}
	if calls.Load() != 0 || len(heard) != 0 {
		t.Errorf("%d calls, %d connections", calls.Load(), len(heard))
	}
	if a := p.Post(t.Context(), request("https://127.0.0.1:"+port+"/", true)); !strings.Contains(a.Err, "certificate") {
		t.Errorf("allowed, but with a certificate that nobody trusts: %+v", a)
	}
}

// TestARebindingNameIsRefused asks a resolver that says a public address first and a private one afterwards. What counts is the address that
// is dialled, so the second answer reaches no program inside.
func TestARebindingNameIsRefused(t *testing.T) {
	var inside, asked atomic.Int32
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	dns, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dns.Close()
	go answer(dns, &asked)
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", dns.LocalAddr().String())
	}}
	p := poster.New(resolver, noon)
	for range 3 {
		ctx, stop := context.WithCancel(t.Context())
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{ConnectStart: func(_, address string) {
			if address == net.JoinHostPort(public, port) {
				stop() // nobody answers there
			}
		}})
		a := p.Post(ctx, request("https://rebind.example.com:"+port+"/", false))
		stop()
		if a.Status != 0 || a.Err == "" {
			t.Errorf("%+v", a)
		}
	}
	if inside.Load() != 0 || asked.Load() < 2 {
		t.Errorf("%d requests inside, the resolver was asked %d times", inside.Load(), asked.Load())
	}
	if a := p.Post(t.Context(), request("https://rebind.example.com:"+port+"/", true)); !strings.Contains(a.Err, "certificate") { // the same name where it is allowed
		t.Errorf("allowed: %+v", a)
	}
}

// public is an address of the public internet. No test connects to it.
const public = "192.88.98.1"

// answer answers questions for an address: the first with a public one, all others with 127.0.0.1.
func answer(c net.PacketConn, asked *atomic.Int32) {
	buffer := make([]byte, 512)
	for {
		n, from, err := c.ReadFrom(buffer)
		if err != nil {
			return
		}
		q := buffer[:n]
		end := 12
		for q[end] != 0 {
			end += int(q[end]) + 1
		}
		question := q[12 : end+5]
		out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
		if binary.BigEndian.Uint16(q[end+1:]) == 1 { // type A
			ip := net.IPv4(127, 0, 0, 1)
			if asked.Add(1) == 1 {
				ip = net.ParseIP(public)
			}
			out[7] = 1
			out = append(append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), ip.To4()...)
		}
		_, _ = c.WriteTo(out, from)
	}
}

func TestASlowEndpoint(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body) // only then does the server notice that the client has gone
		<-r.Context().Done()
	}))
	defer s.Close()
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if a := poster.New(nil, noon).Post(ctx, request(s.URL, true)); a.Status != 0 || a.Err != "no answer within 20 s" {
		t.Errorf("%+v", a)
	}
}
