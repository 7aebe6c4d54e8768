// Package demo shows everything: an ordinary server in a throw-away folder, virtual meters that live over the network, and
// the whole story of one of them, step by step. It is a stranger to the server: it knows an address, a key and passwords, and
// uses the program's own command lines.
//
// Start at [Demo.Run]; the command line is `paywatt demo`.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/device"
)

// Demo is one demonstration.
type Demo struct {
	// Once plays the whole story of one meter without a screen. What the households switch on follows from Seed.
	Once bool
	Seed uint64
	// Program is what the demonstration is part of, Out and Err where it writes.
	Program  Program
	Out, Err io.Writer
}

// Program is what the demonstration uses of the program that it is part of.
type Program struct {
	// Run carries out a command line as if it were typed.
	Run func(ctx context.Context, c Console, args ...string) error
	// Device makes what `paywatt vmeter` makes of its options, with the meter's memory in RAM, and returns the address of its
	// server.
	Device func(VirtualMeter) (cfg device.Config, broker string, err error)
	// Modem gives a meter the GSM modem on a serial port. shut, on the goroutine of the meter, ends the use of it.
	Modem func(ctx context.Context, d *device.Device, port string, log *slog.Logger) (shut func(), err error)
	// Server is what every server of the program has, such as its version.
	Server app.Config
}

// Console is where a command line reads and writes. Its environment holds what Getenv gives and nothing else.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// VirtualMeter is a virtual meter as its options name it.
type VirtualMeter struct {
	Secret apiv1.AddedMeter
	Broker string
	Phones []string
}

// Run shows the demonstration in a folder of its own, which it leaves behind in no case.
func (o Demo) Run(ctx context.Context) (err error) {
	began := time.Now()
	p, err := NewPlace(ctx, o.Program)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = errors.Join(err, p.WriteLog(o.Err))
		}
		err = errors.Join(err, p.Stop(), p.Remove())
	}()
	if !o.Once {
		err := o.live(ctx, p, o.Out)
		if ctx.Err() != nil {
			return nil // somebody has ended it, in the middle of whatever it was doing
		}
		return err
	}
	if err := playStory(ctx, p, o.Out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Out, "every step held, %.1f s\n", time.Since(began).Seconds())
	return err
}

// live shows the fleet until somebody ends it.
func (o Demo) live(ctx context.Context, p *Server, out io.Writer) (err error) {
	panels, err := newPanels()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, panels.close()) }()
	p.panel = panels.url() + "{number}/"
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	bus, err := p.network(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bus.close()) }()
	if err := p.Start(); err != nil {
		return err
	}
	if _, err := p.addOwner(ctx); err != nil {
		return err
	}
	fleet, err := newFleet(ctx, p, bus, o.Seed)
	defer func() { stop(); err = errors.Join(err, fleet.close()) }()
	if err != nil {
		return err
	}
	fleet.run(ctx)
	if err := panels.serve(ctx, fleet); err != nil {
		return err
	}
	if err := o.tell(p, panels, bus, out); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-fleet.failed:
		return err
	case <-p.ended:
		return errors.New("the server stopped")
	case <-panels.ended:
		return errors.New("the meters' panels stopped")
	}
}

// tell prints what a person needs.
func (o Demo) tell(p *Server, panels *panels, bus *bus, out io.Writer) error {
	dark := households[1] // any of those that have used up their credit
	_, err := fmt.Fprintf(out, `TEST. All of it lives in %s and is gone when you press Ctrl-C.

  Console   %s/
            sign in as %s
            password   %s
  Meters    %s
            display and keypad of %d virtual meters, living %d times faster than you (seed %d)
  Phones    %s
  API       %s/docs

%s (meter %s) sits in the dark. This line sells 100.00 KES to that meter; the token travels over MQTT:

%s

`, p.Dir, p.URL(), owner, p.password, panels.url(), len(households), fleetSpeed, o.Seed, bus.told(), p.URL(), dark.name, dark.number,
		curlLine(p.URL(), p.Key, dark.number))
	return err
}

// curlLine is a sale as a line for a shell. The key changes with every second, so that the line may be used again.
func curlLine(url, key, number string) string {
	return fmt.Sprintf(`curl -s %s/v1/vends -H 'Authorization: Bearer %s' -H "Idempotency-Key: curl-$(date +%%s)" -H 'Content-Type: application/json' `+
		`-d '{"meter":"%s","tender":{"amount_minor":10000,"currency":"KES"},"deliver":["mqtt"]}'`, url, key, number)
}
