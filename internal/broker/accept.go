package broker

import (
	"errors"
	"log/slog"
	"sync"

	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/paywatt/paywatt/internal/logkey"
)

// acceptor hands accepted connections to mochi. mochi's own starts a connection before it counts it, so that the end of
// the server may miss one; this one counts first, and its Close returns only when no more can come.
type acceptor struct {
	gate    *gate
	clients *sync.WaitGroup // mochi waits for it at the end
	end     func()          // ends the connections of all clients that have logged in
	once    sync.Once
	serving chan struct{} // closed when Serve has begun
	ended   chan struct{} // closed when Serve has returned
}

func newAcceptor(gate *gate, clients *sync.WaitGroup, end func()) *acceptor {
	return &acceptor{gate: gate, clients: clients, end: end, serving: make(chan struct{}), ended: make(chan struct{})}
}

// ID, Address, Protocol and Init are what mochi asks of a listener.
func (l *acceptor) ID() string              { return "meters" }
func (l *acceptor) Address() string         { return l.gate.Addr().String() }
func (l *acceptor) Protocol() string        { return l.gate.Addr().Network() }
func (l *acceptor) Init(*slog.Logger) error { return nil }

// Serve accepts until the gate is closed.
func (l *acceptor) Serve(establish listeners.EstablishFn) {
	l.once.Do(func() { close(l.serving) })
	defer close(l.ended)
	for {
		c, err := l.gate.Accept()
		if err != nil {
			return
		}
		l.clients.Add(1)
		go func() {
			defer l.clients.Done()
			// How a connection ended that had logged in, the hooks have logged.
			err := establish(l.ID(), c)
			if large := new(tooLarge); errors.As(err, &large) && !c.(*conn).frame.begun {
				l.gate.counts.refused.Add(1)
				l.gate.log.Warn("connection closed: its CONNECT is too large", logkey.Remote, c.RemoteAddr().String(), logkey.Err, err)
			}
		}()
	}
}

// Close ends the accepting, then the connections. mochi's own way to end them takes a read lock twice, and waits for ever where
// a client that is leaving asks for the write lock in between.
func (l *acceptor) Close(listeners.CloseFn) {
	_ = l.gate.Close() // closed already is as good
	select {
	case <-l.serving:
		<-l.ended
	default: // never served
	}
	l.gate.drop(true)
	l.end()
}
