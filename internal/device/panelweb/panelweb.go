// Package panelweb shows a virtual meter as a web page: display, keypad, light and supply, with a load to switch on and
// a speed for the time.
//
// Start at [New] and [Panel.Run], which is a whole program around one meter. A host with its own goroutine for each
// meter mounts [Panel.Handler] instead, at any path: all addresses in the page are relative. Without JavaScript the
// page uses plain forms and reloads itself; with it the display is live. There is no sign-in, so bind the page to a
// loopback address of the machine it runs on.
package panelweb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/face"
	"github.com/paywatt/paywatt/internal/listen"
)

// Times of the panel, in real time.
const (
	// closeWithin is how long open requests may take when the panel ends.
	closeWithin = 2 * time.Second
	// actWithin is how long a request waits for the meter.
	actWithin = 5 * time.Second
)

// Config configures a panel.
type Config struct {
	Device *device.Device
	// Net is the meter's connection; nil for a meter without a server.
	Net face.Net
	Log *slog.Logger
	// OwnTime says that the host advances the meter's time, so the page has no control for it.
	OwnTime bool
	// Phone is the address of a telephone that reaches the meter's modem; empty for none.
	Phone string
	// Name is the customer's. Note replaces the sentence that says what is not real. Console is the meter's page at its server, and Back a
	// list of meters. All may be empty.
	Name, Note, Console, Back string
}

// Do runs f on the device's goroutine and returns when the effects of f are durable.
type Do func(ctx context.Context, f func() error) error

// Panel is the web page of one meter.
type Panel struct {
	c    Config
	acts chan act
	hub  *hub
	// dev and meter belong to the goroutine of the device.
	dev   *device.Device
	meter *face.Driver
}

// act is a function that a request wants to run on the goroutine of the device.
type act struct {
	do   func() error
	done chan error
}

// New returns the panel of a device.
func New(c Config) *Panel {
	p := &Panel{c: c, acts: make(chan act), hub: newHub(), dev: c.Device, meter: face.New(c.Device, c.Net, c.Log, time.Now())}
	p.Look()
	return p
}

// Run serves the panel on a listener and lets the meter's time pass, until ctx ends. An error comes from the memory or
// the listener.
func (p *Panel) Run(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: p.Handler(p.do), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState:   listen.State,
		ErrorLog:    slog.NewLogLogger(p.c.Log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	visitors := listen.New("panel", listen.Few(), nil, p.c.Log) // the panel has no sign-in
	go func() { served <- server.Serve(visitors.Listener(l)) }()
	err := p.live(ctx, served)
	cancel() // ends the live displays
	end, done := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer done()
	if shut := server.Shutdown(end); shut != nil {
		err = errors.Join(err, server.Close())
	}
	return err
}

// live runs the device until ctx or the server ends.
func (p *Panel) live(ctx context.Context, served <-chan error) error {
	inbox := p.meter.Messages()
	ticker := time.NewTicker(face.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return p.meter.Save()
		case err := <-served:
			return fmt.Errorf("serve the panel: %w", err)
		case a := <-p.acts:
			err := p.meter.Do(a.do)
			p.Look() // the caller may look at once
			a.done <- err
		case m := <-inbox:
			if err := p.meter.Receive(m); err != nil {
				return err
			}
		case t := <-p.meter.Tasks():
			if err := p.meter.Task(t); err != nil {
				return err
			}
		case now := <-ticker.C:
			if err := p.meter.Pass(now); err != nil {
				return err
			}
		}
		p.Look()
	}
}

// Look publishes the meter's current view. Call it on the goroutine of the device; Run calls it by itself.
func (p *Panel) Look() {
	p.hub.publish(p.meter.Look())
}

var (
	// errBusy is returned if the device did not accept a request in time: the request is dropped.
	errBusy = errors.New("the meter is busy")
	// errSlow is returned if the device accepted a request but has not finished in time: it will still finish.
	errSlow = errors.New("the meter has not finished")
)

// do runs f on the goroutine of the device and waits until its effects are durable.
func (p *Panel) do(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, actWithin)
	defer cancel()
	a := act{do: f, done: make(chan error, 1)}
	select {
	case p.acts <- a:
	case <-ctx.Done():
		return errBusy
	}
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return errSlow
	}
}
