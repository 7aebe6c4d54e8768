package printer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/printer"
)

// fake is a printer on the network that does with a connection what the test says.
func fake(t *testing.T, does func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		does(c.(*net.TCPConn))
		c.Close()
	}()
	return l.Addr().String()
}

// TestAPrinterTakesTheWholeJob: a printer that reads slowly gets every byte.
func TestAPrinterTakesTheWholeJob(t *testing.T) {
	job := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	got := make(chan []byte, 1)
	addr := fake(t, func(c *net.TCPConn) {
		var all []byte
		b := make([]byte, 1000)
		for {
			n, err := c.Read(b)
			if all = append(all, b[:n]...); err != nil {
				got <- all
				return
			}
		}
	})
	if err := printer.Send(t.Context(), addr, job); err != nil {
		t.Fatal(err)
	}
	if all := await.Receive(t, "the job", got); !bytes.Equal(all, job) {
		t.Errorf("the printer got %d of %d bytes", len(all), len(job))
	}
}

// TestAPrinterThatFails: the failure says whether a part may be on the paper.
func TestAPrinterThatFails(t *testing.T) {
	closed := fake(t, func(*net.TCPConn) {})
	gone := await.FreeAddress(t)
	half := fake(t, func(c *net.TCPConn) {
		if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
			t.Error(err)
		}
		if err := c.SetLinger(0); err != nil { // the connection is reset, as when a printer loses its power
			t.Error(err)
		}
	})
	big := bytes.Repeat([]byte{'x'}, printer.MaxJob)
	for name, c := range map[string]struct {
		addr  string
		job   []byte
		begun bool
	}{
		"nobody listens": {gone, []byte("job"), false}, "it takes a part": {half, big, true}, "no device": {filepath.Join(t.TempDir(), "lp0"), []byte("job"), false},
		"too large": {closed, append(big, 'x'), false},
	} {
		err := printer.Send(t.Context(), c.addr, c.job)
		var f *printer.Failure
		if !errors.As(err, &f) || f.Begun != c.begun || f.Address != c.addr {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAPrinterThatNeverReads: the job ends when its caller gives it up.
func TestAPrinterThatNeverReads(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	addr := fake(t, func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 1)) // the job has begun
		cancel()
		<-stop
	})
	var f *printer.Failure
	if err := printer.Send(ctx, addr, bytes.Repeat([]byte{'x'}, printer.MaxJob)); !errors.As(err, &f) || !f.Begun {
		t.Errorf("got %v, want a job that stopped in the middle", err)
	}
}

// TestADeviceFile: the bytes go to the device, which must exist.
func TestADeviceFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lp0")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := printer.Send(t.Context(), file, []byte("\x1b@job")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "\x1b@job" {
		t.Errorf("the device has %q, %v", b, err)
	}
}
