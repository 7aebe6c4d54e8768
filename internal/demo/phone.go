package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// The phone numbers of the demonstration's network.
const (
	Authority = "+254700000100" // the server's own modem
	// modems is how many of the fleet's meters have a modem: the first ones.
	modems = 4
)

// simOf returns the number of the SIM in the modem of the i-th meter; empty if it has none.
func simOf(i int) string {
	if i >= modems {
		return ""
	}
	return fmt.Sprintf("+2547000001%02d", i+1)
}

// bus is `paywatt modem serve`: emulated modems on a small network that telephones can reach too.
type bus struct {
	place *Server
	// http is the address of the network.
	http  string
	stop  context.CancelFunc
	ended chan error
}

// Port returns the serial port of the modem with a number.
func (p *Server) Port(number string) string { return filepath.Join(p.Dir, "modem"+number) }

// startBus runs a network with a modem for each number.
func (p *Server) startBus(ctx context.Context, numbers ...string) (*bus, error) {
	ctx, stop := context.WithCancel(ctx)
	b := &bus{place: p, stop: stop, ended: make(chan error, 1)}
	args := []string{"modem", "serve"}
	for _, n := range numbers {
		args = append(args, "--number", n, "--pty", p.Port(n))
	}
	out, lines := io.Pipe()
	go func() {
		err := p.program.Run(ctx, p.own(strings.NewReader(""), lines), args...)
		lines.CloseWithError(errors.Join(io.EOF, err))
		b.ended <- err
	}()
	r := bufio.NewReader(out)
	first, err := r.ReadString('\n')
	for range numbers { // one line per modem
		if err == nil {
			_, err = r.ReadString('\n')
		}
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("start the emulated modems: %w", err)
	}
	b.http = strings.TrimPrefix(strings.TrimSpace(first), "http=")
	if slices.Contains(numbers, Authority) {
		p.Modem = p.Port(Authority)
	}
	return b, nil
}

// phonePage returns the page of a telephone on the network, set to write to a number.
func (b *bus) phonePage(phone, to string) string {
	return "http://" + b.http + "/phone/" + phone + "/?" + url.Values{"to": {to}}.Encode()
}

// ask sends a text to a number, as a telephone on the network. It returns the answer and how long it took.
func (b *bus) ask(ctx context.Context, phone, to, text string) (answer string, took time.Duration, err error) {
	began := time.Now()
	out, err := b.place.run(ctx, "", "modem", "phone", phone, to, text, "--bus", b.http, "--wait", patience.String(), "-o", "json")
	if err != nil {
		return "", 0, err
	}
	took = time.Since(began)
	answer, err = firstFrom(to, out)
	return answer, took, err
}

// turnOn switches a telephone on. The network delivers nothing to a telephone that it has never seen.
func (b *bus) turnOn(ctx context.Context, phone string) error {
	_, err := b.place.run(ctx, "", "modem", "phone", phone, "--bus", b.http)
	return err
}

// got waits for the first text that a telephone has received from a number. It sends nothing.
func (b *bus) got(ctx context.Context, phone, from string) (string, error) {
	out, err := b.place.run(ctx, "", "modem", "phone", phone, "--bus", b.http, "--wait", patience.String(), "-o", "json")
	if err != nil {
		return "", err
	}
	return firstFrom(from, out)
}

// firstFrom returns the first text from a number among those that a telephone received.
func firstFrom(from, out string) (string, error) {
	var got []struct{ From, Text string }
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		return "", fmt.Errorf("read what the phone got: %w", err)
	}
	for _, m := range got {
		if m.From == from && m.Text != "" {
			return m.Text, nil
		}
	}
	return "", fmt.Errorf("%s sent the phone no text within %v", from, patience)
}

// close ends the network, if there is one.
func (b *bus) close() error {
	if b == nil {
		return nil
	}
	b.stop()
	return <-b.ended
}

// network runs the modems of the fleet and of the server; none if this system has no pseudo-terminals.
func (p *Server) network(ctx context.Context) (*bus, error) {
	if runtime.GOOS != "linux" {
		return nil, nil
	}
	numbers := []string{Authority}
	for i := range modems {
		numbers = append(numbers, simOf(i))
	}
	b, err := p.startBus(ctx, numbers...)
	if err != nil {
		return nil, err
	}
	for _, h := range households { // so that messages reach telephones that nobody has used yet
		if _, err := p.run(ctx, "", "modem", "phone", h.phone, "--bus", b.http); err != nil {
			return nil, errors.Join(err, b.close())
		}
	}
	return b, nil
}

// told says where the telephones are.
func (b *bus) told() string {
	if b == nil {
		return "none: emulated modems need Linux"
	}
	return fmt.Sprintf("http://%s/phone/\n            telephones of the customers; the first %d meters have a modem, the server's is %s", b.http, modems, Authority)
}
