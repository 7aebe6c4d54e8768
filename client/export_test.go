package client_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/client"
)

// serveInMemory starts a server that has no network, and returns a client whose requests all go there.
func serveInMemory(t *testing.T, handler http.Handler) *http.Client {
	t.Helper()
	calls := &inMemoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(calls) }()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		calls.conns <- far
		return near, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return &http.Client{Transport: transport}
}

// inMemoryListener accepts the far ends of pipes.
type inMemoryListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *inMemoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *inMemoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *inMemoryListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

// TestAnExportMayBeLongerThanAnAnswer reads an export that is longer than every other answer may be and takes longer than a request may
// take. Its parts are written out while they arrive. An export that breaks off is an error, and so are a refusal and a server that falls silent.
func TestAnExportMayBeLongerThanAnAnswer(t *testing.T) {
	synctest.Test(t, exportLongerThanAnAnswer) // in virtual time, so that a busy machine is no silent server
}

func exportLongerThanAnAnswer(t *testing.T) {
	part := strings.Repeat("0123456789abcde\n", 64<<10)
	parts, breaks, hangs := client.MaxAnswer/len(part)+2, false, make(chan struct{})
	hc := serveInMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("format") {
		case "refused":
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"code":"forbidden","status":403}`))
			return
		case "silent":
			<-hangs
			return
		}
		for range parts {
			_, _ = w.Write([]byte(part))
			time.Sleep(time.Second / 20)
		}
		if breaks {
			panic(http.ErrAbortHandler)
		}
	}))
	defer close(hangs)
	api, err := client.New("http://paywatt.example", "pk_x", client.Config{HTTP: hc, Timeout: time.Second / 2})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := api.ExportLedger(t.Context(), client.LedgerExport{}, &out); err != nil || out.Len() != parts*len(part) {
		t.Errorf("%d bytes of %d, %v", out.Len(), parts*len(part), err)
	}
	breaks = true
	if err := api.ExportLedger(t.Context(), client.LedgerExport{}, &out); !errors.Is(err, client.ErrNoAnswer) {
		t.Errorf("an export that broke off: %v", err)
	}
	var p *client.Problem
	if err := api.ExportLedger(t.Context(), client.LedgerExport{Format: "refused"}, &out); !errors.As(err, &p) || p.Status != 403 {
		t.Errorf("a refused export: %v", err)
	}
	if err := api.ExportLedger(t.Context(), client.LedgerExport{Format: "silent"}, &out); !errors.Is(err, client.ErrNoAnswer) {
		t.Errorf("a silent server: %v", err)
	}
}
