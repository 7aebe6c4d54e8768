// Package script drives a virtual meter by lines of text: one command a line in, one JSON line of state a command out
// (docs/operate/virtual-meter.md#the-script).
//
// Start at [Run]. A state line is written when all effects of its command are durable. For a command that is wrong or
// fails, one line goes to the writer for messages, and then its state line follows as usual. So a caller can always
// read as many lines as it wrote. Empty lines and lines that begin with ; are not commands. The end of the input ends
// the meter.
package script

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/internal/fault"
)

// Net is the meter's connection, as far as the script needs it.
type Net interface {
	// Messages returns the messages that the device has to handle.
	Messages() <-chan link.Message
	Status() link.Status
	// Power switches the modem with the meter.
	Power(on bool)
}

// Limits of the driver.
const (
	// maxLine is the longest command in bytes.
	maxLine = 64 << 10
	// flushEvery is the number of records after which a run makes its records durable, so that they can be published during
	// the run. flushAlone is the same for a meter without a server.
	flushEvery = 64
	flushAlone = 1000
	// patience is how long, in real time, a run waits for a connected server that does not keep up. After that the run
	// continues, and the oldest records may be dropped.
	patience = 10 * time.Second
	// flushTries is how often a flush is retried on a full disk, a second apart, before the script gives up.
	flushTries = 10
	// nagEvery is how often, in real time, a waiting sync says what it is waiting for.
	nagEvery = 10 * time.Second
)

// Driver runs one script.
type Driver struct {
	dev     *device.Device
	net     Net // nil without a server
	box     *outbox.Box
	changed <-chan struct{}
	inbox   <-chan link.Message
	out     *json.Encoder
	msg     io.Writer
	// silent is the number of a record that a connected server did not acknowledge in time.
	silent uint64
	// lease is the newest lease that a run has seen.
	lease lease
}

// Run drives a device until the command quit or until the input ends. net is nil for a meter without a server. An error comes
// from the memory, the reader or a writer; a wrong command is not an error.
func Run(ctx context.Context, dev *device.Device, net Net, in io.Reader, out, messages io.Writer) error {
	d := &Driver{dev: dev, net: net, box: dev.Box(), changed: dev.Box().Listen(), out: json.NewEncoder(out), msg: messages}
	d.out.SetEscapeHTML(false)
	if net != nil {
		d.inbox = net.Messages()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines, failed := readLines(ctx, in)
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-d.inbox:
			if err := d.receive(ctx, m); err != nil {
				return err
			}
		case t := <-d.dev.Tasks():
			if err := d.task(ctx, t); err != nil {
				return err
			}
		case in, more := <-lines:
			if !more {
				return <-failed
			}
			quit, err := d.command(ctx, in)
			if err != nil || quit {
				return err
			}
		}
	}
}

// input is one line. If the line is too long, the field text holds only its beginning.
type input struct {
	text string
	long bool
}

// readLines reads on its own goroutine, so that the meter can handle messages of its server between two commands.
func readLines(ctx context.Context, in io.Reader) (<-chan input, <-chan error) {
	lines, failed := make(chan input), make(chan error, 1)
	go func() {
		defer close(lines)
		r := bufio.NewReaderSize(in, maxLine)
		for {
			line, err := readLine(r)
			if errors.Is(err, io.EOF) {
				failed <- nil
				return
			}
			if err != nil {
				failed <- fmt.Errorf("read commands: %w", err)
				return
			}
			select {
			case lines <- line:
			case <-ctx.Done():
			}
		}
	}()
	return lines, failed
}

// readLine reads one line without its line end.
func readLine(r *bufio.Reader) (input, error) {
	b, more, err := r.ReadLine()
	line := input{text: string(b), long: more}
	for more && err == nil {
		_, more, err = r.ReadLine()
	}
	if line.long && errors.Is(err, io.EOF) {
		err = nil // the end of the input ends a line too
	}
	return line, err
}

// command runs one line and writes the state. It returns an error only if the script cannot go on.
func (d *Driver) command(ctx context.Context, in input) (quit bool, err error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(in.text), " ")
	rest = strings.TrimSpace(rest)
	if name == "" || strings.HasPrefix(name, ";") {
		return false, nil
	}
	switch quit = name == "quit" && !in.long; {
	case in.long:
		name, err = "line", wrong(fmt.Sprintf("at most %d bytes", maxLine))
	case !quit:
		err = d.act(ctx, name, rest)
	}
	switch {
	case errors.Is(err, device.ErrBroken):
		return false, err
	case ctx.Err() != nil:
		return true, nil
	case err != nil:
		fmt.Fprintf(d.msg, "vmeter: %s: %v\n", name, err)
	}
	if err := d.flush(ctx); err != nil {
		return false, err
	}
	return quit, d.show()
}

// flush makes everything durable. On a full disk it retries for a while: a state line must not be written before its
// contents are durable.
func (d *Driver) flush(ctx context.Context) error {
	for try := 0; ; try++ {
		err := d.dev.Flush()
		if err == nil || errors.Is(err, device.ErrBroken) || try == flushTries {
			return err
		}
		fmt.Fprintf(d.msg, "vmeter: not durable yet: %v\n", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// show writes the state.
func (d *Driver) show() error {
	v := d.dev.View()
	v.SMSOut = d.dev.TakeSMS()
	return fault.Wrap(d.out.Encode(v), "write state")
}

// receive handles one message of the server and makes the answer durable, so that it can be published.
func (d *Driver) receive(ctx context.Context, m link.Message) error {
	if err := d.dev.Receive(m.Down, m.Topic, m.Payload); errors.Is(err, device.ErrBroken) {
		return err
	}
	return d.flush(ctx)
}

// task runs a task of the modem and makes its effects durable.
func (d *Driver) task(ctx context.Context, t device.Task) error {
	if err := t(d.dev); err != nil {
		return err
	}
	return d.flush(ctx)
}

// poll handles what has arrived, without waiting.
func (d *Driver) poll(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-d.inbox:
			if err := d.receive(ctx, m); err != nil {
				return err
			}
		case t := <-d.dev.Tasks():
			if err := d.task(ctx, t); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}
