package dial_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/dial"
	"github.com/paywatt/paywatt/internal/reach"
)

// liar is a resolver whose answer for every name is one address.
func liar(t *testing.T, answer string) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	go func() {
		for buf := make([]byte, 512); ; {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			q := buf[:n]
			end := 12
			for q[end] != 0 {
				end += int(q[end]) + 1
			}
			end += 5
			out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
			if q[end-3] == 1 { // A
				out[7] = 1
				out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				out = append(out, net.ParseIP(answer).To4()...)
			}
			_, _ = pc.WriteTo(out, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// TestAnAddressIsJudgedWhenItIsDialled asks for a server on this machine by every form of its address, and by a name that leads to it.
func TestAnAddressIsJudgedWhenItIsDialled(t *testing.T) {
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer s.Close()
	_, port, _ := strings.Cut(s.Listener.Addr().String(), ":")
	for _, c := range []struct {
		reach reach.Reach
		host  string
		leads string // where a name leads
		want  error  // nil: it is called
	}{
		{reach.Internet, "127.0.0.1", "", reach.ErrPrivate},
		{reach.Internet, "[::ffff:127.0.0.1]", "", reach.ErrNever},
		{reach.Internet, "0.0.0.0", "", reach.ErrPrivate},
		{reach.Internet, "evil.example", "127.0.0.1", reach.ErrPrivate},
		{reach.Internet, "evil.example", "169.254.169.254", reach.ErrNever},
		{reach.Anywhere, "evil.example", "169.254.169.254", reach.ErrNever},
		{reach.Anywhere, "[::ffff:169.254.169.254]", "", reach.ErrNever},
		{reach.Anywhere, "[::ffff:127.0.0.1]", "", reach.ErrNever},
		{reach.Anywhere, "127.0.0.1", "", nil},
		{reach.Anywhere, "kannel.example", "127.0.0.1", nil},
		{reach.Nowhere, "127.0.0.1", "", reach.ErrNowhere},
		{reach.Nowhere, "evil.example", "1.1.1.1", reach.ErrNowhere},
	} {
		var names *net.Resolver
		if c.leads != "" {
			names = liar(t, c.leads)
		}
		d := dial.New(c.reach, time.Second, names)
		for name, transport := range map[string]*http.Transport{"": d.Transport(), "with proxies": d.ProxiedTransport()} {
			calls.Store(0)
			resp, err := (&http.Client{Transport: transport}).Get("http://" + c.host + ":" + port)
			if err == nil {
				_ = resp.Body.Close()
			}
			transport.CloseIdleConnections()
			if !errors.Is(err, c.want) || (c.want == nil) != (calls.Load() == 1) {
				t.Errorf("reach %d, %s leads to %q %s: %v after %d calls, want %v", c.reach, c.host, c.leads, name, err, calls.Load(), c.want)
			}
		}
	}
}
