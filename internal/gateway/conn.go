package gateway

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/listen"
)

// Errors that close a connection because of its bytes, or because the client does not read.
var (
	errNoConnect = errors.New("the first packet is not CONNECT")
	errNoLength  = errors.New("the length of a packet is malformed")
	errSlow      = errors.New("the client does not read what is sent to it")
)

// tooLarge closes a connection for a packet above its limit; both figures count every byte of the packet.
type tooLarge struct{ size, limit int }

func (e *tooLarge) Error() string {
	return fmt.Sprintf("packet of at least %d bytes, the limit is %d", e.size, e.limit)
}

// conn is one client's connection. Writing never blocks: a bounded buffer collects the bytes, and a goroutine writes them to the
// socket. The goroutine lives only while there are bytes to write. So a client that does not read cannot delay the outbox, or a
// worker of the store that acknowledges messages. Acknowledgements that wait in the buffer together leave in one write.
type conn struct {
	net.Conn
	limits  *Limits       // of its listener; a copy for each connection would cost memory
	gone    func()        // called once the socket is closed
	again   func(func())  // goes on in another goroutine, for which a shutdown waits too
	done    chan struct{} // closed when the connection is being closed
	session atomic.Pointer[session]
	cause   atomic.Uint32 // the ending, if it is known before the reader notices

	frame frame
	bad   error // ends the connection with the next read
	mqtt5 bool  // the client logged in with MQTT 5, so it understands a DISCONNECT; only the reader uses it

	mu      sync.Mutex
	out     []byte
	writing bool // the writing goroutine is running
	closed  bool
}

func newConn(c net.Conn, l *Limits) *conn {
	return &conn{Conn: c, limits: l, done: make(chan struct{})}
}

// accepted is the socket as the listener has accepted it; nil if the listener does not count strangers.
func (c *conn) accepted() *listen.Conn { return listen.Of(c.Conn) }

// Read reads from the client. It checks the length of every packet before memory is allocated for it.
func (c *conn) Read(p []byte) (int, error) {
	if c.bad != nil {
		return 0, c.refuse()
	}
	n, err := c.Conn.Read(p)
	good, bad := c.frame.take(p[:n], *c.limits)
	if bad != nil {
		c.bad, err = bad, nil
		if good == 0 {
			return 0, c.refuse()
		}
	}
	return good, err
}

// refuse tells the client why its connection ends, if its version of MQTT allows that.
func (c *conn) refuse() error {
	var large *tooLarge
	if c.mqtt5 && errors.As(c.bad, &large) {
		_, _ = c.Write([]byte{packets.Disconnect << 4, 2, packets.ErrPacketTooLarge.Code, 0}) // the connection is closed either way
	}
	return c.bad
}

// Write buffers p for writing. An error means that the connection is lost.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return 0, net.ErrClosed
	}
	if len(c.out)+len(p) > c.limits.Pending {
		c.mu.Unlock()
		c.because(byNotReading)
		c.abort()
		return 0, errSlow
	}
	c.out = append(c.out, p...)
	if !c.writing {
		c.writing = true
		go c.carry()
	}
	c.mu.Unlock()
	return len(p), nil
}

// carry writes the buffered bytes until none are left. It closes the socket if the connection is being closed.
func (c *conn) carry() {
	const keep = 1 << 10 // a larger buffer is freed after a burst: most connections are idle
	var spare []byte
	for {
		c.mu.Lock()
		p := c.out
		if len(p) == 0 {
			c.writing = false
			if cap(p) > keep {
				c.out = nil
			}
			closed := c.closed
			c.mu.Unlock()
			if closed {
				c.release()
			}
			return
		}
		c.out = spare[:0]
		wait := writeTimeout
		if c.closed {
			wait = lingerTimeout
		}
		c.mu.Unlock()
		err := c.Conn.SetWriteDeadline(time.Now().Add(wait))
		if err == nil {
			_, err = c.Conn.Write(p)
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.because(byNotReading)
			}
			c.abort()
			c.release()
			return
		}
		spare = p
	}
}

// SetDeadline sets the deadline for reading; writing has its own.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	return c.Conn.SetReadDeadline(t)
}

// Close stops reading at once. The socket is closed later, when the buffered bytes are sent, so that a refusal reaches its
// client. A short time limit ends the wait for a client that does not read.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	close(c.done)
	now := time.Now()
	err := errors.Join(c.Conn.SetReadDeadline(now), c.Conn.SetWriteDeadline(now.Add(lingerTimeout)))
	if !c.writing { // the same goroutine closes the socket either way, because closing TLS may block
		c.writing = true
		go c.carry()
	}
	c.mu.Unlock()
	return err
}

// abort closes the connection and drops the buffered bytes.
func (c *conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.done)
	}
	c.out = nil
	_ = c.Conn.SetDeadline(time.Now()) // a socket that is gone has no deadline to set
	if !c.writing {
		c.writing = true
		go c.carry()
	}
}

// release closes the socket; nobody is left to report an error to.
func (c *conn) release() {
	c.gone()
	_ = c.Conn.Close()
}
