// Package printer sends commands to receipt printers: over the network, or to a device file of this machine.
package printer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/paywatt/paywatt/internal/dial"
	"github.com/paywatt/paywatt/internal/reach"
)

// Limits of a job.
const (
	dialWait = 5 * time.Second
	jobWait  = 30 * time.Second
	MaxJob   = 4 << 20 // bytes
	port     = "9100"  // of a printer whose address has none
)

// ErrTooLarge means that a job is larger than [MaxJob].
var ErrTooLarge = errors.New("the job is too large")

// Failure says how far a job came.
type Failure struct {
	Address string
	Begun   bool // a part may be on the paper
	Err     error
}

func (f *Failure) Error() string {
	if f.Begun {
		return fmt.Sprintf("printer %s stopped in the middle: %v", f.Address, f.Err)
	}
	return fmt.Sprintf("printer %s did not answer: %v", f.Address, f.Err)
}

func (f *Failure) Unwrap() error { return f.Err }

// output takes the bytes of a job.
type output interface {
	io.WriteCloser
	SetWriteDeadline(time.Time) error
}

// Send prints a job. The address is a device file such as /dev/usb/lp0, or a host with or without a port such as 192.168.1.50:9100. An error
// is a [Failure].
func Send(ctx context.Context, address string, job []byte) error {
	fail := func(begun bool, err error) error { return &Failure{Address: address, Begun: begun, Err: err} }
	if len(job) > MaxJob {
		return fail(false, ErrTooLarge)
	}
	out, err := open(ctx, address)
	if err != nil {
		return fail(false, err)
	}
	// A device that knows no deadline, such as an ordinary file, does not make anybody wait.
	if err := out.SetWriteDeadline(time.Now().Add(jobWait)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return fail(false, errors.Join(err, out.Close()))
	}
	stop := context.AfterFunc(ctx, func() { out.Close() })
	defer stop()
	n, err := out.Write(job)
	if done := finish(out); err == nil {
		err = done
	}
	if err != nil {
		return fail(n > 0, err)
	}
	return nil
}

func open(ctx context.Context, address string) (output, error) {
	if strings.ContainsAny(address, `/\`) {
		return os.OpenFile(address, os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK, 0)
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), port)
	}
	c, err := dial.New(reach.Anywhere, dialWait, nil).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// finish ends a job. A network printer closes its side when it has taken all bytes; one that breaks the connection has not.
func finish(out output) error {
	c, network := out.(*net.TCPConn)
	if !network {
		return out.Close()
	}
	defer c.Close()
	if err := c.CloseWrite(); err != nil {
		return err
	}
	if err := c.SetReadDeadline(time.Now().Add(dialWait)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, io.LimitReader(c, MaxJob)) // status bytes, until the printer closes its side
	if timeout := (net.Error)(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return nil // many printers keep the connection open
	}
	return err
}
