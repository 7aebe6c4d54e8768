package cluster

import (
	"io"
	"net"
	"sync"
	"testing"
)

// link is a TCP proxy that stands for a network cable. While it is cut, it carries nothing and loses nothing, as TCP would resend it:
// connections stay open and silent, new ones get no answer. After it is healed, everything goes on.
type link struct {
	at, to string

	mu    sync.Mutex
	whole *sync.Cond
	cut   bool
	ended bool
}

func newLink(t testing.TB, to string) *link {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{at: in.Addr().String(), to: to}
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
			go l.carry(c)
		}
	}()
	return l
}

// set cuts the cable or heals it.
func (l *link) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	l.whole.Broadcast()
}

// wait returns when the cable is whole.
func (l *link) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.cut && !l.ended {
		l.whole.Wait()
	}
}

func (l *link) carry(near net.Conn) {
	defer near.Close()
	l.wait()
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() { l.copy(far, near) })
	both.Go(func() { l.copy(near, far) })
	both.Wait()
}

// copy carries one direction; its end closes both connections, but only over a whole cable.
func (l *link) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		l.wait()
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
