package gateway

import (
	"errors"
	"log/slog"
	"sync"

	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/paywatt/paywatt/internal/logkey"
)

// acceptor hands accepted connections to mochi. mochi's own listener starts a connection before it counts it, so that a
// shutdown may miss one. An acceptor counts first, and its Close returns only when no more connections can come.
type acceptor struct {
	gate    *gate
	clients *sync.WaitGroup // mochi waits for it at shutdown
	end     func()          // ends the connections of all clients that have logged in
	once    sync.Once
	serving chan struct{} // closed once Serve has begun
	ended   chan struct{} // closed once Serve has returned
}

func newAcceptor(gate *gate, clients *sync.WaitGroup, end func()) *acceptor {
	return &acceptor{gate: gate, clients: clients, end: end, serving: make(chan struct{}), ended: make(chan struct{})}
}

// ID, Address, Protocol and Init implement mochi's listener.
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
			// The hooks log how a logged-in connection ended.
			own := c.(*conn)
			program := &screened{conn: own}
			err := program.awaitPacket()
			if err == nil {
				err = establish(l.ID(), program)
			}
			_ = program.Close() // mochi has closed what it served
			l.gate.log.Debug("connection of a program ended", logkey.Reason, l.gate.counts.end(programEnding(program, err)), logkey.Remote, c.RemoteAddr().String(), logkey.Err, err)
			if large := new(tooLarge); errors.As(err, &large) && !own.frame.begun {
				l.gate.counts.refused.Add(1)
				l.gate.log.Warn("connection closed: its CONNECT is too large", logkey.Remote, c.RemoteAddr().String(), logkey.Err, err)
			}
		}()
	}
}

// Close stops accepting, then ends the connections. mochi's own way takes a read lock twice, and deadlocks if a leaving client
// asks for the write lock in between.
func (l *acceptor) Close(listeners.CloseFn) {
	_ = l.gate.Close() // the gate may be closed already
	select {
	case <-l.serving:
		<-l.ended
	default: // never served
	}
	l.gate.drop(true, byShutdown)
	l.end()
}
