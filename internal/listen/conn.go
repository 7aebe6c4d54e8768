package listen

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is an accepted connection. It is a stranger's until [Conn.SignedIn].
type Conn struct {
	net.Conn
	crowd    *Crowd
	at       time.Time
	proxy    bool // it is a trusted proxy's
	stranger atomic.Bool
	ended    atomic.Bool  // it made room
	phase    atomic.Int32 // of its handshake
	records  records      // of its handshake; only its reader uses it
	since    atomic.Int64 // when the server began to wait for the client within an answer, in nanoseconds; 0: it does not wait
	waited   atomic.Int64 // how long it has waited in this answer before that, in nanoseconds

	// The crowd's lock guards these.
	begun         bool // its handshake has ended
	ending        bool // it was ended, and its server has not closed it yet
	sent          int
	got           [kinds]int // turns in each line
	handshake     *waiter    // while it has or waits for a place
	answer        *waiter    // of the request under way, if the connection is a stranger's
	address       netip.Addr
	home          *household
	inAll, inHome *list.Element
}

// Of returns the accepted connection below another one, such as one of TLS; nil if there is none.
func Of(c net.Conn) *Conn {
	for {
		switch outer := c.(type) {
		case *Conn:
			return outer
		case interface{ NetConn() net.Conn }:
			c = outer.NetConn()
		default:
			return nil
		}
	}
}

// Read reads, and counts what a stranger sends. What belongs to a handshake waits for its turn.
func (c *Conn) Read(p []byte) (int, error) {
	c.endTurn()
	n, err := c.Conn.Read(p)
	if n > 0 && c.stranger.Load() {
		if why := c.crowd.countSent(c, n); why != nil {
			return 0, why
		}
		c.awaitTurn(p[:n])
		if c.ended.Load() {
			return 0, ErrCrowded // it made room while it waited
		}
	}
	if err != nil && c.ended.Load() {
		err = ErrCrowded
	}
	return n, err
}

// Write writes, and notes how long a stranger lets the server wait.
func (c *Conn) Write(p []byte) (int, error) {
	c.endTurn()
	if isAnswer(p) {
		c.phase.Store(answered)
	}
	if c.stranger.Load() {
		defer c.noteWait()()
	}
	return c.Conn.Write(p)
}

// SignedIn takes the connection out of the crowd: its client has signed in. It may be called again, and on nil.
func (c *Conn) SignedIn() {
	if c != nil && c.stranger.Load() {
		c.crowd.forgetConn(c)
	}
}

// Displace ends the oldest other stranger, or the oldest of the same address, because some other limit is reached and the connection may be
// a meter's. It returns false if there is none. It may be called on nil.
func (c *Conn) Displace(sameAddress bool) bool {
	if c == nil {
		return false
	}
	w := c.crowd
	w.mu.Lock()
	defer w.mu.Unlock()
	of := w.all
	if sameAddress && !c.proxy {
		of = c.home.all
	}
	for e := of.Front(); e != nil; e = e.Next() {
		if other := e.Value.(*Conn); other != c {
			w.closeConn(other)
			return true
		}
	}
	return false
}

// Crowded reports whether the connection was ended to make room. It may be called on nil.
func (c *Conn) Crowded() bool { return c != nil && c.ended.Load() }

// Close ends the connection.
func (c *Conn) Close() error {
	c.endTurn()
	if c.stranger.Load() || c.ended.Load() {
		c.crowd.forgetConn(c)
	}
	return c.Conn.Close()
}

// CloseWrite says that nothing more will be written. [http.Server] does so after it refused a request that the client still sends, so that the
// client can read why.
func (c *Conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// SyscallConn lets a reader wait for bytes without a buffer. What it reads is not counted, so it limits a packet itself.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return s.SyscallConn()
}

// State is a hook for [http.Server.ConnState]: the handshake has ended when the first request arrives, and a request that was answered costs
// no memory any more.
func State(conn net.Conn, s http.ConnState) {
	c := Of(conn)
	if c == nil || !c.stranger.Load() || s != http.StateActive && s != http.StateIdle {
		return
	}
	c.crowd.mu.Lock()
	defer c.crowd.mu.Unlock()
	c.begun = true
	if s == http.StateIdle && c.stranger.Load() {
		c.crowd.sent -= c.sent
		c.sent = 0
	}
}

// connKey is the key of the connection of a request.
type connKey struct{}

// Context is a hook for [http.Server.ConnContext], for [SignedIn].
func Context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, Of(conn))
}

// SignedIn says that a request has proved who sends it, so that its connection is no stranger's any more.
func SignedIn(ctx context.Context) {
	c, _ := ctx.Value(connKey{}).(*Conn)
	c.SignedIn()
}
