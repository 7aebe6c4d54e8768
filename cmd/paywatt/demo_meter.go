package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/device"
)

// demoMeter is `paywatt vmeter NUMBER --script`: lines in, states out, everything else over the network.
type demoMeter struct {
	number string
	phone  string
	key    string // decoder key, hex
	in     *io.PipeWriter
	out    *io.PipeReader
	states *json.Decoder
	ended  func() error
}

// meterOf starts the meter that was registered, with its memory in the demonstration's folder and its modem on a port.
func (p *demoPlace) meterOf(ctx context.Context, m client.AddedMeter, modem string) *demoMeter {
	phone := ""
	if m.Customer != nil {
		phone = m.Customer.Phone
	}
	d := p.script(ctx, m.Number, "vmeter", m.Number, "--script", "--state", filepath.Join(p.dir, "meter-"+m.Number),
		"--mqtt", p.mqtt, "--password", m.MQTTPassword, "--link-key", m.LinkKey, "--key", m.DecoderKey, "--ea", "07", "--phone", phone,
		"--phone", demoAuthority, "--modem", modem)
	d.phone, d.key = phone, m.DecoderKey
	return d
}

// script starts a virtual meter by its command line, which makes it take commands by lines.
func (p *demoPlace) script(ctx context.Context, number string, args ...string) *demoMeter {
	lines, in := io.Pipe()
	out, states := io.Pipe()
	d := &demoMeter{number: number, in: in, out: out, states: json.NewDecoder(bufio.NewReader(out))}
	ended := make(chan error, 1)
	go func() {
		err := p.execute(ctx, p.own(lines, states), args...)
		// Whoever writes the next command, or waits for a state, hears that there is no meter any more.
		lines.CloseWithError(errMeterEnded)
		states.CloseWithError(errors.Join(errMeterEnded, err))
		ended <- err
	}()
	d.ended = sync.OnceValue(func() error { return <-ended })
	return d
}

// errMeterEnded is returned for a command to a meter whose script has ended.
var errMeterEnded = errors.New("the meter has ended")

// do gives one command and returns the state after it.
func (d *demoMeter) do(command string) (device.View, error) {
	var v device.View
	if _, err := fmt.Fprintln(d.in, command); err != nil {
		return v, fmt.Errorf("meter command %.10q: %w", command, err)
	}
	if err := d.states.Decode(&v); err != nil {
		return v, fmt.Errorf("meter command %.10q: %w", command, err)
	}
	return v, nil
}

// close ends the meter.
func (d *demoMeter) close() error {
	// The end of the input is the end of the meter. What it still wrote is of no interest any more.
	if err := d.in.Close(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, d.out); err != nil && !errors.Is(err, errMeterEnded) {
		return err
	}
	return d.ended()
}
