// Package demo is a complete demonstration: an ordinary server in a throw-away folder, virtual meters connected over
// the network, and the whole story of one of them, step by step. It has no special access to the server: it uses an
// address, a key and passwords, and the program's own command lines.
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

// patience ends what hangs: a wait of the demonstration for the server, a meter or a telephone. A slow machine never reaches it.
const patience = 2 * time.Minute

// Demo is one demonstration.
type Demo struct {
	// Once plays the whole story of one meter without a screen. Seed decides what the households switch on.
	Once bool
	Seed uint64
	// Program gives access to the program itself. Out and Err are where the demonstration writes.
	Program  Program
	Out, Err io.Writer
}

// Program holds the functions of the program that the demonstration uses.
type Program struct {
	// Run runs a command line as if it were typed.
	Run func(ctx context.Context, c Console, args ...string) error
	// Device makes a meter's configuration as `paywatt vmeter` does from its options, with the meter's memory in RAM. It
	// also returns the address of the meter's server.
	Device func(VirtualMeter) (cfg device.Config, broker string, err error)
	// Modem gives a meter the GSM modem on a serial port. Call shut on the goroutine of the meter to detach it.
	Modem func(ctx context.Context, d *device.Device, port string, log *slog.Logger) (shut func(), err error)
	// Server is the configuration that every server of the program has, such as its version.
	Server app.Config
}

// Console is where a command line reads and writes. Its environment holds only what Getenv returns.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// VirtualMeter holds the options of a virtual meter.
type VirtualMeter struct {
	Secret apiv1.AddedMeter
	Broker string
	Phones []string
}

// Run shows the demonstration in its own folder, which it always removes.
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
		if err = errors.Join(err, p.Stop()); err == nil {
			err = p.WriteWarnings(o.Err) // whoever checks the program reads them
		}
		err = errors.Join(err, p.Remove())
	}()
	if !o.Once {
		err := o.live(ctx, p, o.Out)
		if ctx.Err() != nil {
			return nil // the user has ended the demonstration
		}
		return err
	}
	if err := playStory(ctx, p, o.Out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Out, "all steps succeeded, %.1f s\n", time.Since(began).Seconds())
	return err
}

// live shows the fleet until the user ends it.
func (o Demo) live(ctx context.Context, p *Server, out io.Writer) (err error) {
	panels, err := newPanels()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, panels.close()) }()
	p.panel = panels.url() + "{number}/"
	p.tour = &app.Tour{Speed: fleetSpeed, Meter: households[1].number, Name: households[1].name}
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
	payers, err := p.simulate(ctx)
	if err != nil {
		return err
	}
	// A server that runs without its modem, meters or provider warns of that.
	defer func() { err = errors.Join(err, p.Stop(), payers.close()) }()
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

// tell prints the addresses and passwords.
func (o Demo) tell(p *Server, panels *panels, bus *bus, out io.Writer) error {
	dark := households[1] // one that has used up its credit
	page, err := p.customerPage(context.Background(), dark.number)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, `TEST. All data is in %s and is deleted when you press Ctrl-C.

  Open      %s
            signs this browser in, once, and begins a tour of five steps
  Console   %s/
            sign in as %s
            password   %s
  Meters    %s
            display and keypad of %d virtual meters, whose time passes %d times as fast (seed %d)
  Phones    %s
  Customer  %s
            the page that %s opens from an SMS; there a telephone can be asked to pay, and its simulated owner
            agrees after five seconds
  API       %s/docs

%s (meter %s) has no supply. This command sells 100.00 KES to that meter and sends the token over MQTT:

%s

`, p.Dir, panels.link(), p.URL(), owner, p.password, panels.url(), len(households), fleetSpeed, o.Seed, bus.told(), page, dark.name, p.URL(), dark.name, dark.number,
		curlLine(p.URL(), p.Key, dark.number))
	return err
}

// customerPage returns the address of the page of a meter's customer.
func (p *Server) customerPage(ctx context.Context, meter string) (string, error) {
	api, err := p.API()
	if err != nil {
		return "", err
	}
	l, err := api.MakePageLink(ctx, meter, apiv1.NewPageLink{Show: true})
	return p.URL() + l.Address, err
}

// curlLine returns a shell command that makes a sale. Its key changes every second, so the command can be repeated.
func curlLine(url, key, number string) string {
	return fmt.Sprintf(`curl -s %s/v1/vends -H 'Authorization: Bearer %s' -H "Idempotency-Key: curl-$(date +%%s)" -H 'Content-Type: application/json' `+
		`-d '{"meter":"%s","tender":{"amount_minor":10000,"currency":"KES"},"deliver":["mqtt"]}'`, url, key, number)
}
