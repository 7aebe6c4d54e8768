package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/device"
)

// Scripted is `paywatt vmeter NUMBER --script`: commands in, states out, and the connection to the server over the
// network.
type Scripted struct {
	// Number, the customer's Phone, and the decoder Key in hex are as registered.
	Number, Phone, Key string

	in     *io.PipeWriter
	out    *io.PipeReader
	states *json.Decoder
	ended  func() error
}

// Meter starts a registered meter, with its memory in the demonstration's folder and its modem on a port.
func (p *Server) Meter(ctx context.Context, m apiv1.AddedMeter, modem string) *Scripted {
	phone := ""
	if m.Customer != nil {
		phone = m.Customer.Phone
	}
	d := p.Script(ctx, m.Number, "vmeter", m.Number, "--script", "--state", filepath.Join(p.Dir, "meter-"+m.Number),
		"--mqtt", p.mqtt, "--password", m.MQTTPassword, "--link-key", m.LinkKey, "--key", m.DecoderKey, "--ea", "07", "--phone", phone,
		"--phone", Authority, "--modem", modem)
	d.Phone, d.Key = phone, m.DecoderKey
	return d
}

// Script starts a virtual meter by its command line, in script mode.
func (p *Server) Script(ctx context.Context, number string, args ...string) *Scripted {
	lines, in := io.Pipe()
	out, states := io.Pipe()
	d := &Scripted{Number: number, in: in, out: out, states: json.NewDecoder(bufio.NewReader(out))}
	ended := make(chan error, 1)
	go func() {
		err := p.program.Run(ctx, p.own(lines, states), args...)
		// Unblock whoever writes a command or waits for a state.
		lines.CloseWithError(errMeterEnded)
		states.CloseWithError(errors.Join(errMeterEnded, err))
		ended <- err
	}()
	d.ended = sync.OnceValue(func() error { return <-ended })
	return d
}

// errMeterEnded is returned for a command to a meter whose script has ended.
var errMeterEnded = errors.New("the meter has ended")

// Do runs one command and returns the state after it.
func (d *Scripted) Do(command string) (device.View, error) {
	var v device.View
	if _, err := fmt.Fprintln(d.in, command); err != nil {
		return v, fmt.Errorf("meter command %.10q: %w", command, err)
	}
	if err := d.states.Decode(&v); err != nil {
		return v, fmt.Errorf("meter command %.10q: %w", command, err)
	}
	return v, nil
}

// Close ends the meter.
func (d *Scripted) Close() error {
	// The end of the input ends the meter. Its last output is not needed.
	if err := d.in.Close(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, d.out); err != nil && !errors.Is(err, errMeterEnded) {
		return err
	}
	return d.ended()
}
