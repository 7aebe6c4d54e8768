package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/device/linux"
	"github.com/paywatt/paywatt/internal/exit"
)

// gpioLines stands in for the kernel: each request gets a descriptor, inputs are inactive, and the test makes the edges.
type gpioLines struct {
	refuses error
	mu      sync.Mutex
	edges   []*io.PipeWriter // write ends of the pipes for edges, by request
	reads   []*io.PipeReader
}

func (g *gpioLines) Open(string) (int, error) { return 3, g.refuses }
func (g *gpioLines) Close(int) error          { return nil }

func (g *gpioLines) File(fd int) io.ReadCloser {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reads[fd-100]
}

func (g *gpioLines) Ioctl(fd int, _ uint, arg []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if fd == 3 {
		binary.NativeEndian.PutUint32(arg[588:], uint32(100+len(g.reads)))
		r, w := io.Pipe()
		g.reads, g.edges = append(g.reads, r), append(g.edges, w)
	}
	return nil
}

// shownLines is a standard output that reports when a text has been written.
type shownLines struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (s *shownLines) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.text.Write(b)
}

// board runs a meter on these GPIO lines until the meter has shown the text.
func (g *gpioLines) board(t *testing.T, state, until string) error {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), await.Limit)
	defer stop()
	out := &shownLines{more: make(chan struct{}, 1)}
	o := vmeterOptions{number: killNumber, offline: true, state: state, keys: keyOptions{key: killKey, ea: "07", kt: 2, baseDate: "2014"},
		screen: screenOptions{speed: 1, display: "16x2", language: "en"}, board: boardOptions{file: "../../examples/raspberry-pi.toml", kernel: g}}
	ended := make(chan error, 1)
	go func() {
		ended <- o.run(ctx, console{in: strings.NewReader(""), out: out, err: io.Discard, getenv: os.Getenv})
	}()
	for {
		select {
		case err := <-ended:
			if err == nil && ctx.Err() != nil {
				t.Fatalf("%s: after %v the display still does not show %q:\n%s", await.NotInTime, await.Limit, until, &out.text)
			}
			if err == nil {
				t.Fatalf("the display never showed %q:\n%s", until, &out.text)
			}
			return err
		case <-out.more:
			out.mu.Lock()
			shown := strings.Contains(out.text.String(), until)
			out.mu.Unlock()
			if shown {
				stop()
				return <-ended
			}
		}
	}
}

func TestAMeterRunsOnABoardAndRemembers(t *testing.T) {
	state := filepath.Join(t.TempDir(), "meter")
	for range 2 { // the second start finds the meter that the first one made
		if err := (&gpioLines{}).board(t, state, "CREDIT  0.00 kWh | "); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(state, "memory")); err != nil || bytes.Count(b, []byte{0}) == len(b) {
		t.Errorf("the memory has %d bytes, %v; want that of a meter", len(b), err)
	}
}

func TestABoardThatCannotBeUsedSaysWhy(t *testing.T) {
	for _, c := range []struct {
		err  error
		what string
	}{
		{errors.ErrUnsupported, "A board needs Linux"}, {syscall.ENOENT, "There is no device /dev/gpiochip0"}, {syscall.EACCES, "may not open /dev/gpiochip0"},
		{syscall.EBUSY, "gpioinfo names it"}, {syscall.EINVAL, "5.10 or newer"}, {errors.New("input/output error"), "input/output error"},
	} {
		err := (&gpioLines{refuses: c.err}).board(t, t.TempDir(), "never")
		var f *exit.Failure
		if !errors.As(err, &f) || f.Code != exit.Failed || !strings.Contains(f.Error(), c.what) || !strings.Contains(f.Not, "no line was switched") {
			t.Errorf("%v: %v, want %q", c.err, err, c.what)
		}
	}
}

var _ linux.Kernel = (*gpioLines)(nil)
