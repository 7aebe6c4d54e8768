package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// demoBus is `paywatt modem serve`: an emulated modem for the meter, on a small network that phones reach too.
type demoBus struct {
	place *demoPlace
	// number is that of the meter's SIM, port its modem's serial port, http the address of the network.
	number, port, http string
	stop               context.CancelFunc
	ended              chan error
}

// startBus runs a network with one modem.
func (p *demoPlace) startBus(ctx context.Context, number string) (*demoBus, error) {
	ctx, stop := context.WithCancel(ctx)
	b := &demoBus{place: p, number: number, port: filepath.Join(p.dir, "modem"), stop: stop, ended: make(chan error, 1)}
	out, lines := io.Pipe()
	go func() {
		err := p.execute(ctx, p.own(strings.NewReader(""), lines), "modem", "serve", "--number", number, "--pty", b.port)
		lines.CloseWithError(errors.Join(io.EOF, err))
		b.ended <- err
	}()
	r := bufio.NewReader(out)
	first, err := r.ReadString('\n')
	if err == nil {
		_, err = r.ReadString('\n') // the modem's own line
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("start the emulated modem: %w", err)
	}
	b.http = strings.TrimPrefix(strings.TrimSpace(first), "http=")
	return b, nil
}

// phoneTime bounds the wait of a phone for an answer.
const phoneTime = 10 * time.Second

// ask sends a text to the meter, as a telephone on the network, and returns the answer and how long it took.
func (b *demoBus) ask(ctx context.Context, phone, text string) (answer string, took time.Duration, err error) {
	began := time.Now()
	out, err := b.place.run(ctx, "", "modem", "phone", phone, b.number, text, "--bus", b.http, "--wait", phoneTime.String(), "-o", "json")
	if err != nil {
		return "", 0, err
	}
	took = time.Since(began)
	var got []struct{ From, Text string }
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		return "", 0, fmt.Errorf("read what the phone got: %w", err)
	}
	for _, m := range got {
		if m.From == b.number && m.Text != "" {
			return m.Text, took, nil
		}
	}
	return "", took, fmt.Errorf("the meter did not answer the phone within %v", phoneTime)
}

// close ends the network.
func (b *demoBus) close() error {
	b.stop()
	return <-b.ended
}
