package e2e

import (
	"cmp"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// cable is a network line to the database, which a test can cut.
type cable struct {
	net.Listener
	to    string
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

// newCable lays a line to the database of a URL and returns the URL that goes through it.
func newCable(t *testing.T, database string) (*cable, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	l := &cable{to: filepath.Join(q.Get("host"), ".s.PGSQL."+cmp.Or(u.Port(), q.Get("port"), "5432"))} // the tests' cluster has no other address
	q.Del("host")
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	if l.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = l.Addr().String()
	t.Cleanup(func() { l.set(true); _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go l.carry(c)
		}
	}()
	return l, u.String()
}

// carry copies the bytes of one connection both ways.
func (l *cable) carry(c net.Conn) {
	defer c.Close()
	d, err := net.Dial("unix", l.to)
	if err != nil {
		return
	}
	defer d.Close()
	l.mu.Lock()
	whole := !l.cut
	l.conns = append(l.conns, c, d)
	l.mu.Unlock()
	if whole {
		go func() { _, _ = io.Copy(d, c); _ = d.Close() }()
		_, _ = io.Copy(c, d)
	}
}

// set cuts the line, or mends it.
func (l *cable) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

// TestADatabaseThatIsAway: while the database cannot be reached, nothing is acknowledged. Within a minute of its return every meter goes
// on, and each acknowledged reading is there once.
func TestADatabaseThatIsAway(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	away := time.Duration(tier.E2EAwaySeconds.N()) * time.Second
	p := newPlace(t, paywatt(t))
	p.expect(databaseIsAway...)
	database := pgtest.New(t)
	direct := openBooks(t, database) // does not go through the cable
	defer direct.Close()
	l, store := newCable(t, database)
	p.env = append(p.env, "PAYWATT_STORE="+store)
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	stop := make(chan struct{})
	var work sync.WaitGroup
	a, meters := eightAtWork(t, p, srv, 60_000, 50*time.Millisecond, &work, stop)
	total := func() (n uint64) {
		for _, m := range meters {
			acked, _ := m.state()
			n += acked
		}
		return n
	}
	await.True(t, "the meters are at work", func() bool { return total() > 40 })
	l.set(true)
	time.Sleep(away)
	// What was committed before the cut may be acknowledged after it. Nothing else may.
	before := total()
	if stored := uint64(oneOf(t, direct, "SELECT COUNT(*) FROM reading")); before > stored {
		t.Errorf("%d readings were acknowledged, and the database has %d: it was away", before, stored)
	}
	l.set(false)
	healed := time.Now()
	for _, m := range meters {
		was, _ := m.state()
		await.True(t, "each meter goes on", func() bool { n, _ := m.state(); return n >= was+3 })
	}
	took := time.Since(healed)
	close(stop)
	work.Wait()
	for _, m := range meters {
		acked, _ := m.state()
		haveOnce(t, a, m.number, int(acked))
	}
	t.Logf("figures: database away for %v: %d readings acknowledged, all stored before, all meters go on %v after its return", away, before, took.Round(time.Millisecond))
}
