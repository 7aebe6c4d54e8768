package pgtest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// Thief is a proxy to the server that can lose the answer to a COMMIT, or the COMMIT itself.
type Thief struct {
	server  string       // the server's socket
	Answers atomic.Int64 // answers to COMMIT that will be lost
	Commits atomic.Int64 // COMMITs that will be lost
}

// Steal puts a thief in front of a database and returns the URL for connections through the thief.
func Steal(t testing.TB, database string) (*Thief, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil || u.Query().Get("host") == "" {
		t.Fatalf("the test server is not on a socket: %s", database)
	}
	dir, err := os.MkdirTemp("", "pw-thief-") // the name of the test's own folder is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const socket = ".s.PGSQL.5432"
	th := &Thief{server: filepath.Join(u.Query().Get("host"), socket)}
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

// carry passes bytes on until it has to lose something.
func (th *Thief) carry(client net.Conn) {
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
			if th.Commits.Load() > 0 {
				th.Commits.Add(-1)
				return
			}
			if th.Answers.Load() > 0 {
				th.Answers.Add(-1)
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
