// Package listen limits what connections cost that have not signed in: strangers. Every listener of the server and of a virtual meter accepts
// through a [Crowd]. It limits how many strangers there are, how many bytes each may send before its TLS handshake has ended, and how many
// bytes all of them may have sent. Their handshakes and their answers have few places each, at which the addresses take turns.
//
// When there are too many, a newcomer is not refused, because it may be a meter. An older stranger is ended instead: the oldest of the address
// that has the most, so that one address cannot crowd out the others. A stranger that signs in leaves the crowd.
package listen

import (
	"cmp"
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
)

// Limits are the limits of a crowd (docs/reference/mqtt.md#strangers).
type Limits struct {
	Strangers  int           // connections at a time
	Share      int           // an address with more strangers than this makes room at once
	First      int           // bytes of one stranger until its handshake has ended; less than the longest record of TLS, so that none is buffered
	Sum        int           // bytes that all strangers have sent; the one that has sent most makes room
	Handshakes int           // handshakes of strangers that are computed at a time
	Answers    int           // requests of strangers that are answered at a time
	Waiting    int           // requests of strangers that wait for that; the one that has got most answers makes room
	Grace      time.Duration // how long the strangers of all other addresses are safe from newcomers
}

// Limits of every crowd. With room for 1,280 strangers, thousands that come at the same time from as many addresses usually leave room for an
// honest client within a second.
const (
	maxStrangers = 1280
	addressShare = 64
	firstBytes   = 16 << 10
	maxAnswers   = 32
	maxWaiting   = 256
	grace        = 500 * time.Millisecond
)

// Many are the limits of a crowd in which many clients may sign in at once, such as meters after an outage.
func Many() Limits {
	limits := Few()
	limits.Sum = 4 << 20
	return limits
}

// Few are the limits of a crowd in which few clients sign in at once.
func Few() Limits {
	return Limits{Strangers: maxStrangers, Share: addressShare, First: firstBytes, Sum: 1 << 20, Handshakes: runtime.GOMAXPROCS(0),
		Answers: maxAnswers, Waiting: maxWaiting, Grace: grace}
}

// Errors of reading from a stranger's connection.
var (
	ErrCrowded = errors.New("the connection made room for a newer one: too many had not signed in")
	ErrFirst   = errors.New("the connection has sent too much before its handshake ended")
)

// maxUnsent is how many bytes the system takes for a client before it can send them (Linux). So it is what a client costs that reads nothing,
// beside what its own window takes.
const maxUnsent = 64 << 10

// endTime is how long a newcomer waits for the end of a connection that was ended.
const endTime = time.Second

// sayEvery is the least time between two lines in the log about strangers that made room.
const sayEvery = time.Minute

// Crowd is the strangers of one or more listeners.
type Crowd struct {
	name    string
	limits  Limits
	trusted func(netip.Addr) bool
	log     *slog.Logger

	mu     sync.Mutex
	all    *list.List                  // of *Conn, the oldest first
	from   map[netip.Prefix]*household // each address that has a share
	sent   int                         // bytes
	ending int                         // connections that were ended and that their server has not closed yet
	freed  chan struct{}               // closed when a stranger leaves; nil while nobody waits for it
	ended  int                         // strangers that have made room since the log said so
	saidAt time.Time

	handshakes line
	answers    line
	looking    bool // look is called soon

	came   int // strangers since memory was last collected
	freeAt time.Time
}

// New makes a crowd. The name is for the log. Many clients share the address of a trusted proxy, so it has no share; trusted may be nil.
func New(name string, limits Limits, trusted func(netip.Addr) bool, log *slog.Logger) *Crowd {
	return &Crowd{name: name, limits: limits, trusted: trusted, log: cmp.Or(log, slog.New(slog.DiscardHandler)),
		all: list.New(), from: map[netip.Prefix]*household{}, handshakes: line{kind: handshakes, places: max(1, limits.Handshakes)},
		answers: line{kind: answers, places: limits.Answers}}
}

// Listener returns a listener whose connections are strangers until they sign in.
func (w *Crowd) Listener(l net.Listener) net.Listener {
	return &listener{Listener: l, crowd: w, closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	crowd  *Crowd
	once   sync.Once
	closed chan struct{}
}

// Accept waits for a connection, and then until there is room for it.
func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	limitUnsent(raw)
	c := &Conn{Conn: raw, crowd: l.crowd, at: time.Now()}
	l.crowd.admitConn(c, l.closed)
	return c, nil
}

// Close stops accepting.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// admitConn adds a stranger. While there are too many, it ends older ones, or waits until one may be ended.
func (w *Crowd) admitConn(c *Conn, closed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.all.Len()+w.ending >= w.limits.Strangers {
		wait := endTime
		if w.ending == 0 {
			var victim *Conn
			if victim, wait = w.victim(time.Now()); wait <= 0 {
				w.closeConn(victim)
				continue
			}
		}
		if w.freed == nil {
			w.freed = make(chan struct{})
		}
		freed, timer := w.freed, time.NewTimer(wait)
		w.mu.Unlock()
		select {
		case <-freed:
		case <-timer.C:
			w.mu.Lock()
			w.ending = 0 // a server that is slow to close them must not keep everybody out
			continue
		case <-closed:
			timer.Stop()
			w.mu.Lock()
			w.addConn(c) // the listener ends, and its server ends the connection
			return
		}
		timer.Stop()
		w.mu.Lock()
	}
	w.addConn(c)
}

// collectAfter and collectEvery say when the memory of strangers that are gone is collected: after so many, and not more often.
const (
	collectAfter = 250
	collectEvery = time.Second
)

// collectGarbage gives back the memory of strangers that are gone. The runtime would let garbage grow to the size of everything in use, so many
// short handshakes would take much more memory than those under way. The caller holds mu.
func (w *Crowd) collectGarbage() {
	w.came++
	now := time.Now()
	if w.came < collectAfter || now.Sub(w.freeAt) < collectEvery {
		return
	}
	w.came, w.freeAt = 0, now
	go runtime.GC()
}

// addConn makes a connection a stranger. The caller holds mu.
func (w *Crowd) addConn(c *Conn) {
	w.collectGarbage()
	c.stranger.Store(true)
	c.inAll = w.all.PushBack(c)
	c.address = addressOf(c.Conn)
	if w.trusted != nil && w.trusted(c.address) {
		c.proxy = true
		c.home = &household{all: list.New()}
	} else {
		c.home = w.householdOf(c.address)
	}
	c.inHome = c.home.all.PushBack(c)
}

// householdOf returns what is known of an address. The caller holds mu.
func (w *Crowd) householdOf(address netip.Addr) *household {
	at := networkOf(address)
	h := w.from[at]
	if h == nil {
		h = &household{all: list.New()}
		w.from[at] = h
	}
	return h
}

// victim returns the stranger that makes room for the next one, and how long it is safe. The caller holds mu.
func (w *Crowd) victim(now time.Time) (*Conn, time.Duration) {
	var most *list.List
	for _, of := range w.from {
		if most == nil || of.all.Len() > most.Len() {
			most = of.all
		}
	}
	if most != nil && most.Len() > w.limits.Share {
		return most.Front().Value.(*Conn), 0
	}
	oldest := w.all.Front().Value.(*Conn)
	return oldest, w.limits.Grace - now.Sub(oldest.at)
}

// closeConn ends a stranger's connection. It counts until its server has closed it, because its handshake may be under way. The caller holds mu.
func (w *Crowd) closeConn(c *Conn) {
	c.ended.Store(true)
	w.removeConn(c)
	c.ending = true
	w.ending++
	_ = c.Conn.Close() // its reader finds out
	w.ended++
	if now := time.Now(); now.Sub(w.saidAt) >= sayEvery {
		w.saidAt = now
		w.log.Info("connections that have not signed in made room for newer ones", logkey.Listen, w.name, logkey.Count, w.ended)
		w.ended = 0
	}
}

// removeConn takes a connection out of the crowd. The caller holds mu.
func (w *Crowd) removeConn(c *Conn) {
	if !c.stranger.CompareAndSwap(true, false) {
		return
	}
	w.all.Remove(c.inAll)
	c.home.all.Remove(c.inHome)
	if !c.proxy && c.home.all.Len() == 0 {
		delete(w.from, networkOf(c.address))
	}
	c.inAll, c.inHome = nil, nil
	w.sent -= c.sent
	c.sent = 0
	// What is under way for a connection that was ended takes its place until the server has found out.
	if c.answer != nil && (!c.ended.Load() || c.answer.isWaiting()) {
		w.dropAnswer(c.answer)
	}
	if t := c.handshake; t != nil && (!c.ended.Load() || t.isWaiting()) {
		c.dropTurn()
	}
	w.wakeNewcomers()
}

// wakeNewcomers wakes the newcomers that wait. The caller holds mu.
func (w *Crowd) wakeNewcomers() {
	if w.freed != nil {
		close(w.freed)
		w.freed = nil
	}
}

// forgetConn takes a connection out of the crowd that has signed in or that its server closes, and ends its turn.
func (w *Crowd) forgetConn(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removeConn(c)
	c.dropTurn()
	if c.ending {
		c.ending = false
		w.ending = max(0, w.ending-1)
		w.wakeNewcomers()
	}
}

// countSent adds to what a stranger has sent, and says why the connection ends.
func (w *Crowd) countSent(c *Conn, n int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !c.stranger.Load() {
		return nil
	}
	c.sent += n
	w.sent += n
	if !c.begun && c.sent > w.limits.First {
		w.removeConn(c)
		return ErrFirst
	}
	for w.sent > w.limits.Sum {
		w.closeConn(w.greediest())
	}
	return nil
}

// greediest returns the stranger that has sent most. The caller holds mu.
func (w *Crowd) greediest() (most *Conn) {
	for e := w.all.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*Conn); most == nil || c.sent > most.sent {
			most = c
		}
	}
	return most
}

// addressOf is the address of a connection's other end.
func addressOf(c net.Conn) netip.Addr {
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap().WithZone("")
}

// networkOf is what counts as one address: in IPv6 the network of a household, because each of its machines has many addresses.
func networkOf(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // connections without an address share one
	}
	return p
}
