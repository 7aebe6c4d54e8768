package cluster

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// link is a TCP proxy that stands for a network cable. While it is cut, it carries nothing and loses nothing, as TCP would resend it:
// connections stay open and silent, and new ones get no answer. After it is healed, everything goes on.
//
// If nobody listens at its far end, a client that has connected gets a reset.
type link struct {
	at   string
	dial func() (net.Conn, error) // connects to its far end

	mu      sync.Mutex
	whole   *sync.Cond
	cut     bool
	severed map[string]bool // names of machines whose connections through this cable are cut, because their own cable is
	ended   bool
}

// wire is one connection through a link.
type wire struct {
	*link
	from string // the name of the machine that connected, once it has said so; see [wire.noteMachine]
}

func newLink(t testing.TB, dial func() (net.Conn, error)) *link {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{at: in.Addr().String(), dial: dial, severed: map[string]bool{}}
	l.whole = sync.NewCond(&l.mu)
	t.Cleanup(func() {
		l.mu.Lock()
		l.ended = true
		l.whole.Broadcast()
		l.mu.Unlock()
		_ = in.Close()
	})
	go func() {
		for {
			c, err := in.Accept()
			if err != nil {
				return
			}
			go (&wire{link: l}).carryConnection(c)
		}
	}()
	return l
}

// setCut cuts the cable or heals it.
func (l *link) setCut(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	l.whole.Broadcast()
}

// severMachine cuts the connections of one machine through the cable, or heals them.
func (l *link) severMachine(machine string, cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.severed[machine] = cut
	l.whole.Broadcast()
}

// awaitCables returns when the cables at both ends are whole.
func (w *wire) awaitCables() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for (w.cut || w.severed[w.from]) && !w.ended {
		w.whole.Wait()
	}
}

// nameBegins is what stands before the name of a machine in the first message of its standby, which says for whom it replicates.
const nameBegins = "application_name\x00"

// noteMachine notes the name of the machine that connects, if these bytes are the first message of its standby.
func (w *wire) noteMachine(sent []byte) {
	_, after, found := bytes.Cut(sent, []byte(nameBegins))
	name, _, ended := bytes.Cut(after, []byte{0})
	if !found || !ended {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.from == "" {
		w.from = string(name)
	}
}

func (w *wire) carryConnection(near net.Conn) {
	defer near.Close()
	w.awaitCables()
	far, err := w.dial()
	if err != nil {
		_ = near.(*net.TCPConn).SetLinger(0)
		return
	}
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() { w.copyDirection(far, near, w.noteMachine) })
	both.Go(func() { w.copyDirection(near, far, func([]byte) {}) })
	both.Wait()
}

// copyDirection carries one direction; its end closes both connections, but only over a whole cable.
func (w *wire) copyDirection(to, from net.Conn, hear func([]byte)) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		hear(buf[:n])
		w.awaitCables()
		if n > 0 {
			if _, failed := to.Write(buf[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil {
			_ = to.Close()
			if err != io.EOF {
				_ = from.Close()
			}
			return
		}
	}
}
