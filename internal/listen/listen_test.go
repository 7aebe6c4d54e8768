package listen_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/listen"
)

// hall is a listener on this machine with a crowd, and both ends of its connections.
type hall struct {
	t     *testing.T
	crowd *listen.Crowd
	l     net.Listener
}

func openHall(t *testing.T, limits listen.Limits, trusted func(netip.Addr) bool) *hall {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{t: t, crowd: listen.New("test", limits, trusted, nil)}
	h.l = h.crowd.Listener(l)
	t.Cleanup(func() { _ = h.l.Close() })
	return h
}

// enter connects from an address of this machine.
func (h *hall) enter(from string) (client, server net.Conn) {
	h.t.Helper()
	client, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", h.l.Addr().String())
	if err == nil {
		h.t.Cleanup(func() { _ = client.Close() })
		server, err = h.l.Accept()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = server.Close() })
	go func() { // a server closes a connection that was ended
		for c := listen.Of(server); h.t.Context().Err() == nil; time.Sleep(time.Millisecond) {
			if c.Crowded() {
				_ = server.Close()
				return
			}
		}
	}()
	return client, server
}

// ended returns why a connection of the server ended; nil if it is open.
func ended(c net.Conn) error {
	if err := c.SetReadDeadline(time.Now()); errors.Is(err, net.ErrClosed) {
		return listen.ErrCrowded
	}
	_, err := c.Read(make([]byte, 1))
	if listen.Of(c).Crowded() {
		return err
	}
	return nil
}

func few() listen.Limits {
	return listen.Limits{Strangers: 4, Share: 2, First: 100, Sum: 350, Grace: time.Hour}
}

// TestTheBusiestAddressMakesRoom: an address with more strangers than its share loses its oldest one, and others lose none.
func TestTheBusiestAddressMakesRoom(t *testing.T) {
	h := openHall(t, few(), nil)
	_, honest := h.enter("127.0.0.2")
	var greedy []net.Conn
	for range 6 {
		_, c := h.enter("127.0.0.3")
		greedy = append(greedy, c)
	}
	if err := ended(honest); err != nil {
		t.Errorf("the only connection of an address ended: %v", err)
	}
	for i, c := range greedy {
		if gone := errors.Is(ended(c), listen.ErrCrowded); gone != (i < 3) {
			t.Errorf("connection %d of the busiest address has ended: %t", i, gone)
		}
	}
	if n := h.crowd.Strangers(); n != 4 {
		t.Errorf("%d strangers, want 4", n)
	}
}

// TestANewcomerWaits: where each address has its share, the oldest is safe for a while, and the newcomer waits until it leaves.
func TestANewcomerWaits(t *testing.T) {
	h := openHall(t, few(), nil)
	var all []net.Conn
	for _, from := range []string{"127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"} {
		_, c := h.enter(from)
		all = append(all, c)
	}
	came := make(chan struct{})
	go func() {
		defer close(came)
		h.enter("127.0.0.4")
	}()
	select {
	case <-came:
		t.Error("a newcomer did not wait")
	case <-time.After(100 * time.Millisecond):
	}
	listen.Of(all[1]).SignedIn()
	await.Receive(t, "the newcomer is in", came)
	for i, c := range all {
		if err := ended(c); err != nil {
			t.Errorf("connection %d ended: %v", i, err)
		}
	}

	short := few()
	short.Grace = time.Millisecond
	h = openHall(t, short, nil)
	_, oldest := h.enter("127.0.0.2")
	for _, from := range []string{"127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"} {
		h.enter(from)
	}
	if !errors.Is(ended(oldest), listen.ErrCrowded) {
		t.Error("the oldest is still there, long after its time")
	}
}

// TestAProxyHasNoShare: many clients share its address.
func TestAProxyHasNoShare(t *testing.T) {
	limits := few()
	limits.Grace = time.Millisecond
	h := openHall(t, limits, func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.0.2") })
	_, other := h.enter("127.0.0.3")
	time.Sleep(5 * time.Millisecond)
	for range 4 {
		h.enter("127.0.0.2")
	}
	if !errors.Is(ended(other), listen.ErrCrowded) {
		t.Error("the oldest of all is still there, because the proxy counts as one address")
	}
}

// TestWhatStrangersMaySend: one may send little before its handshake ends, and all together have a limit; the greediest makes room. Nothing is
// limited any more for whoever has signed in.
func TestWhatStrangersMaySend(t *testing.T) {
	h := openHall(t, few(), nil)
	send := func(client, server net.Conn, n int) error {
		t.Helper()
		if _, err := io.WriteString(client, strings.Repeat("x", n)); err != nil {
			return err
		}
		if err := server.SetReadDeadline(time.Now().Add(await.Limit)); err != nil {
			return err
		}
		_, err := io.ReadFull(server, make([]byte, n))
		return err
	}
	c, s := h.enter("127.0.0.2")
	if err := send(c, s, 101); !errors.Is(err, listen.ErrFirst) {
		t.Errorf("101 bytes before the handshake has ended: %v", err)
	}
	known, knownServer := h.enter("127.0.0.2")
	listen.Of(knownServer).SignedIn()
	if err := send(known, knownServer, 1000); err != nil {
		t.Errorf("after signing in: %v", err)
	}
	greedy, greedyServer := h.enter("127.0.0.3")
	listen.State(greedyServer, http.StateActive) // its handshake has ended
	if err := send(greedy, greedyServer, 290); err != nil {
		t.Errorf("after the handshake: %v", err)
	}
	last, lastServer := h.enter("127.0.0.4")
	if err := send(last, lastServer, 80); err != nil {
		t.Errorf("the last: %v", err)
	}
	if !errors.Is(ended(greedyServer), listen.ErrCrowded) {
		t.Error("the greediest is still there")
	}
	listen.State(lastServer, http.StateIdle) // its request was answered
	if err := send(last, lastServer, 80); err != nil {
		t.Errorf("the last, again: %v", err)
	}
}

// TestANewcomerDisplacesAStranger: where another limit is reached, the oldest other stranger ends.
func TestANewcomerDisplacesAStranger(t *testing.T) {
	h := openHall(t, few(), nil)
	_, first := h.enter("127.0.0.2")
	_, second := h.enter("127.0.0.3")
	_, third := h.enter("127.0.0.3")
	if !listen.Of(third).Displace(true) || ended(first) != nil || ended(second) == nil {
		t.Error("not the stranger of the same address was displaced")
	}
	if !listen.Of(third).Displace(false) || ended(first) == nil || ended(third) != nil {
		t.Error("the oldest stranger was not displaced")
	}
	if listen.Of(third).Displace(false) {
		t.Error("a newcomer displaced itself")
	}
	if listen.Of(nil).Displace(false) || listen.Of(nil).Crowded() {
		t.Error("a connection without a crowd has one")
	}
}

// TestAClientThatReadsNothingIsSentLittle: the system would take megabytes for it, and the server would compute them.
func TestAClientThatReadsNothingIsSentLittle(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has the limit")
	}
	_, server := openHall(t, few(), nil).enter("127.0.0.2")
	if err := server.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil { // it waits then, or has taken more
		t.Fatal(err)
	}
	const answer = 2 << 20
	if n, err := server.Write(make([]byte, answer)); n >= answer || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the system took %d bytes for a client that reads nothing, %v", n, err)
	}
}

func TestARequestSignsItsConnectionIn(t *testing.T) {
	h := openHall(t, few(), nil)
	_, c := h.enter("127.0.0.2")
	listen.SignedIn(context.Background()) // a request of a test has no connection
	listen.SignedIn(listen.Context(context.Background(), c))
	if n := h.crowd.Strangers(); n != 0 {
		t.Errorf("%d strangers after a request has signed in", n)
	}
}
