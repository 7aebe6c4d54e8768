package listen_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/listen"
)

// page is longer than the buffers of both sockets.
const page = 16 << 20

// counter is a web server that counts the requests that it answers.
type counter struct {
	t         *testing.T
	address   string
	under, of atomic.Int64 // answers under way, and the most
	ended     atomic.Int64 // requests that have ended
	broke     atomic.Int64 // those that have panicked
	hold      chan struct{}
	crowd     *listen.Crowd
	mu        sync.Mutex
	asked     []string // the queries that were answered
}

func (c *counter) order() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

func openCounter(t *testing.T, limits listen.Limits) *counter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{t: t, address: l.Addr().String(), hold: make(chan struct{}), crowd: listen.New("test", limits, nil, nil)}
	s := &http.Server{Handler: c.watch(listen.Limited(http.HandlerFunc(c.answer))), ConnContext: listen.Context, ConnState: listen.State} //nolint:gosec // it serves this test
	go func() { _ = s.Serve(c.crowd.Listener(l)) }()
	t.Cleanup(func() { _ = s.Close() })
	return c
}

// watch counts the requests that end.
func (c *counter) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			why := recover()
			if why != nil && why != http.ErrAbortHandler {
				c.broke.Add(1)
			}
			c.ended.Add(1)
			if why != nil {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (c *counter) answer(w http.ResponseWriter, r *http.Request) {
	n := c.under.Add(1)
	defer c.under.Add(-1)
	for most := c.of.Load(); n > most && !c.of.CompareAndSwap(most, n); most = c.of.Load() {
	}
	c.mu.Lock()
	c.asked = append(c.asked, r.URL.RawQuery)
	c.mu.Unlock()
	switch r.URL.Path {
	case "/long":
		_, _ = io.WriteString(w, strings.Repeat("x", page)) // until its reader has gone
	case "/body":
		_, _ = io.Copy(io.Discard, r.Body)
	case "/hold":
		<-c.hold
	case "/known":
		listen.SignedIn(r.Context())
		<-c.hold
	}
}

// ask sends a request and reads no answer.
func (c *counter) ask(head string) net.Conn {
	c.t.Helper()
	return c.askFrom("127.0.0.1", head)
}

// askFrom is ask from another address of this machine.
func (c *counter) askFrom(address, head string) net.Conn {
	c.t.Helper()
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).Dial("tcp", c.address)
	if err == nil {
		c.t.Cleanup(func() { _ = conn.Close() })
		_, err = io.WriteString(conn, head+"\r\nHost: test\r\n\r\n")
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return conn
}

// read reads the status of an answer.
func read(conn net.Conn) (int, error) {
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func answersOf(n int) listen.Limits {
	limits := listen.Few()
	limits.Answers = n
	return limits
}

// TestStrangersThatReadNothingMakeRoom: few strangers are answered at a time. Those that read no answer, or send no body, make room for others.
func TestStrangersThatReadNothingMakeRoom(t *testing.T) {
	for name, head := range map[string]string{"no answer is read": "GET /long HTTP/1.1", "no body is sent": "POST /body HTTP/1.1\r\nContent-Length: 1000"} {
		t.Run(name, func(t *testing.T) {
			c := openCounter(t, answersOf(4))
			for range 40 {
				c.ask(head)
			}
			await.True(t, "as many strangers as may are answered", func() bool { return c.under.Load() == 4 })
			if status, err := read(c.ask("GET / HTTP/1.1")); err != nil || status != http.StatusOK {
				t.Errorf("an honest stranger got %d, %v", status, err)
			}
			if most := c.of.Load(); most > 4 {
				t.Errorf("%d strangers were answered at a time, want at most 4", most)
			}
		})
	}
}

// TestASlowBodyMakesRoom: a stranger that sends a byte now and then keeps the server waiting too, although never for long.
func TestASlowBodyMakesRoom(t *testing.T) {
	c := openCounter(t, answersOf(1))
	slow := c.ask("POST /body HTTP/1.1\r\nContent-Length: 1000000")
	await.True(t, "the room is taken", func() bool { return c.under.Load() == 1 })
	go func() {
		for {
			if _, err := io.WriteString(slow, "x"); err != nil {
				return // it made room
			}
			time.Sleep(10 * time.Millisecond) // a byte now and then
		}
	}()
	if status, err := read(c.askFrom("127.0.0.2", "GET / HTTP/1.1")); err != nil || status != http.StatusOK {
		t.Errorf("an honest stranger got %d, %v", status, err)
	}
	if status, err := read(slow); err == nil {
		t.Errorf("the slow one did not make room: it got %d", status)
	}
}

// TestABodyThatIsWaitedForMakesRoom: a stranger that lets the server ask for its body, and sends none, keeps it waiting too.
func TestABodyThatIsWaitedForMakesRoom(t *testing.T) {
	c := openCounter(t, answersOf(1))
	c.ask("POST /body HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 10")
	await.True(t, "the room is taken", func() bool { return c.under.Load() == 1 })
	if status, err := read(c.askFrom("127.0.0.2", "GET / HTTP/1.1")); err != nil || status != http.StatusOK {
		t.Errorf("an honest stranger got %d, %v", status, err)
	}
}

// TestOnlySoManyWait: if too many requests of strangers wait, the stranger that has got most answers makes room.
func TestOnlySoManyWait(t *testing.T) {
	limits := answersOf(1)
	limits.Waiting = 3
	c := openCounter(t, limits)
	busy := c.ask("GET / HTTP/1.1")
	if _, err := read(busy); err != nil {
		t.Fatal(err)
	}
	c.ask("GET /hold HTTP/1.1")
	await.True(t, "the room is taken", func() bool { return c.under.Load() == 1 })
	if _, err := io.WriteString(busy, "GET / HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the busy one waits", func() bool { return c.crowd.Waiting() == 1 })
	var others []net.Conn
	for range 3 {
		others = append(others, c.ask("GET / HTTP/1.1"))
	}
	if _, err := read(busy); err == nil {
		t.Error("the busiest did not make room")
	}
	close(c.hold)
	for _, conn := range others {
		if status, err := read(conn); err != nil || status != http.StatusOK {
			t.Errorf("another one got %d, %v", status, err)
		}
	}
}

// TestTheBusiestMayBeTheLast: it makes room in the moment in which it comes, and the server goes on.
func TestTheBusiestMayBeTheLast(t *testing.T) {
	limits := answersOf(1)
	limits.Waiting = 1
	c := openCounter(t, limits)
	busy := c.ask("GET / HTTP/1.1")
	if _, err := read(busy); err != nil {
		t.Fatal(err)
	}
	held := c.ask("GET /hold HTTP/1.1")
	await.True(t, "the room is taken", func() bool { return c.under.Load() == 1 })
	waits := c.ask("GET / HTTP/1.1")
	await.True(t, "one waits", func() bool { return c.crowd.Waiting() == 1 })
	if _, err := io.WriteString(busy, "GET / HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := read(busy); err == nil {
		t.Error("the busiest did not make room")
	}
	close(c.hold)
	for _, conn := range []net.Conn{held, waits} {
		if status, err := read(conn); err != nil || status != http.StatusOK {
			t.Errorf("another one got %d, %v", status, err)
		}
	}
	await.True(t, "all four requests have ended", func() bool { return c.ended.Load() == 4 })
	if c.broke.Load() > 0 {
		t.Error("a request has panicked")
	}
}

// TestAHandlerThatWorksIsNotEnded: a stranger whose answer takes the server long does not make room, and nothing is limited for whoever has
// signed in.
func TestAHandlerThatWorksIsNotEnded(t *testing.T) {
	c := openCounter(t, answersOf(4))
	var all []net.Conn
	for range 8 {
		all = append(all, c.ask("GET /known HTTP/1.1"))
	}
	await.True(t, "all who have signed in are answered", func() bool { return c.under.Load() == 8 })
	for range 4 {
		all = append(all, c.ask("GET /hold HTTP/1.1"))
	}
	await.True(t, "as many strangers as may are answered", func() bool { return c.under.Load() == 12 })
	waits := c.ask("GET / HTTP/1.1")
	gone := c.ask("GET / HTTP/1.1")
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	close(c.hold)
	for n, conn := range append(all, waits) {
		if status, err := read(conn); err != nil || status != http.StatusOK {
			t.Errorf("request %d got %d, %v", n, status, err)
		}
	}
}

// TestWhoAskedLeastIsFirst: a stranger with many questions waits for a newcomer with one.
func TestWhoAskedLeastIsFirst(t *testing.T) {
	c := openCounter(t, answersOf(1))
	busy := c.ask("GET /?busy HTTP/1.1")
	if _, err := read(busy); err != nil {
		t.Fatal(err)
	}
	c.ask("GET /hold HTTP/1.1")
	await.True(t, "the room is taken", func() bool { return c.under.Load() == 1 })
	if _, err := io.WriteString(busy, strings.Repeat("GET /?busy HTTP/1.1\r\nHost: test\r\n\r\n", 20)); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the busy one waits", func() bool { return c.crowd.Waiting() == 1 })
	newcomer := c.ask("GET /?newcomer HTTP/1.1")
	await.True(t, "both wait", func() bool { return c.crowd.Waiting() == 2 })
	close(c.hold)
	if _, err := read(newcomer); err != nil {
		t.Fatal(err)
	}
	if _, err := read(busy); err != nil {
		t.Fatal(err)
	}
	if got := c.order(); len(got) < 4 || got[2] != "newcomer" {
		t.Errorf("answered in the order %q, want the newcomer third", got)
	}
}

// TestAddressesTakeTurnsWithTheirAnswers: a client does not wait for all who came before it from one other address, whether these read their
// answers or not.
func TestAddressesTakeTurnsWithTheirAnswers(t *testing.T) {
	c := openCounter(t, answersOf(1))
	c.askFrom("127.0.0.2", "GET /hold HTTP/1.1")
	await.True(t, "the room is taken", func() bool { return c.under.Load() == 1 })
	var all []net.Conn
	for range 20 {
		all = append(all, c.askFrom("127.0.0.2", "GET /?many HTTP/1.1"))
	}
	await.True(t, "all wait", func() bool { return c.crowd.Waiting() == 20 })
	for _, address := range []string{"127.0.0.3", "127.0.0.4"} {
		all = append(all, c.askFrom(address, "GET /?honest HTTP/1.1"))
	}
	await.True(t, "the honest ones wait too", func() bool { return c.crowd.Waiting() == 22 })
	close(c.hold)
	for n, conn := range all {
		if _, err := read(conn); err != nil {
			t.Fatalf("request %d: %v", n, err)
		}
	}
	if got := c.order(); !slices.Equal(got[1:4], []string{"many", "honest", "honest"}) {
		t.Errorf("answered in the order %q, want one of each address in turn", got[1:])
	}
}
