package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
)

// thief is a line to the server on which the answer to a COMMIT can be lost, or the COMMIT itself.
type thief struct {
	server  string       // the server's socket
	answers atomic.Int64 // answers to COMMIT that will be lost
	commits atomic.Int64 // COMMITs that will be lost
}

// steal puts a thief between a database and whoever uses the URL it gives.
func steal(t *testing.T, database string) (*thief, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil || u.Query().Get("host") == "" {
		t.Fatalf("the test server is not on a socket: %s", database)
	}
	dir, err := os.MkdirTemp("", "pw-thief-") // a test's own folder has too long a name for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const socket = ".s.PGSQL.5432"
	th := &thief{server: filepath.Join(u.Query().Get("host"), socket)}
	l, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go th.carry(c)
		}
	}()
	q := u.Query()
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	return th, u.String()
}

// carry passes bytes on until it is time to steal.
func (th *thief) carry(client net.Conn) {
	server, err := net.Dial("unix", th.server)
	if err != nil {
		_ = client.Close()
		return
	}
	end := func() { _ = errors.Join(client.Close(), server.Close()) }
	var silent atomic.Bool // the next answer is lost
	go func() {
		defer end()
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if n > 0 && silent.Load() {
				return
			}
			if n > 0 {
				if _, err := client.Write(b[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	defer end()
	b := make([]byte, 64<<10)
	for {
		n, err := client.Read(b)
		if bytes.Contains(b[:n], []byte("COMMIT\x00")) {
			if th.commits.Load() > 0 {
				th.commits.Add(-1)
				return
			}
			if th.answers.Load() > 0 {
				th.answers.Add(-1)
				silent.Store(true)
			}
		}
		if n > 0 {
			if _, err := server.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if silent.Load() && errors.Is(err, io.EOF) {
				continue
			}
			return
		}
	}
}

// TestACommitWithoutAnAnswerIsUnknown loses the answer on a real connection; whether the commit happened shows after the
// database is opened again.
func TestACommitWithoutAnAnswerIsUnknown(t *testing.T) {
	for name, lose := range map[string]struct {
		what func(*thief) *atomic.Int64
		want int64
	}{
		"the answer": {func(th *thief) *atomic.Int64 { return &th.answers }, 2},
		"the COMMIT": {func(th *thief) *atomic.Int64 { return &th.commits }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			database, dir := pgtest.New(t), t.TempDir()
			th, url := steal(t, database)
			e := openOn(t, url, postgres.Options{Dir: dir, SealEvery: -1, Writers: 1})
			take := func(tx *store.Tx) (value, error) { n, err := tx.Take("a"); return value{n: n}, err }
			if v, err := do(e, take); err != nil || v.n != 1 {
				t.Fatalf("before anything is lost: %d, %v", v.n, err)
			}
			lose.what(th).Add(1)
			v, err := do(e, take)
			if !errors.Is(err, store.ErrOutcomeUnknown) || errors.Is(err, store.ErrBusy) || v.n != 0 {
				t.Errorf("the lost commit: %d, %v; want no value and %v", v.n, err, store.ErrOutcomeUnknown)
			}
			if _, err := do(e, take); !errors.Is(err, store.ErrReadOnly) {
				t.Errorf("the next closure: %v, want %v", err, store.ErrReadOnly)
			}
			if err := e.Health(); !errors.Is(err, store.ErrOutcomeUnknown) {
				t.Errorf("health: %v, want %v", err, store.ErrOutcomeUnknown)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			again := openOn(t, database, postgres.Options{Dir: dir, SealEvery: -1})
			got, err := store.View(context.Background(), again, store.FirstTenant, counter)
			if err != nil || got != lose.want {
				t.Errorf("after opening again the counter is at %d, %v; want %d", got, err, lose.want)
			}
			if _, err := do(again, take); err != nil {
				t.Errorf("writing after opening again: %v", err)
			}
		})
	}
}
