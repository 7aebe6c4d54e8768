// Package panelweb is the face of a virtual meter as a web page of the meter's own process: display, keypad, light and
// supply, with a load to switch on and a speed for the time.
//
// Start at [New] and [Panel.Run], which is a whole program around one meter. A host that has its own goroutine for each
// meter mounts [Panel.Handler] instead, wherever it likes: all addresses in the page are relative. The page works without
// JavaScript, by plain forms and a page that reloads itself; with it the display is live. It is meant for the machine it
// runs on: there is no sign-in, so bind it to a loopback address.
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
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/logkey"
)

// Net is the meter's connection, as far as the panel needs it.
type Net interface {
	Messages() <-chan link.Message
	Status() link.Status
	Power(on bool)
}

// Times of the panel, all real.
const (
	// tick is how often time passes for the meter.
	tick = 100 * time.Millisecond
	// maxTick bounds what one tick makes up for after the machine slept.
	maxTick = 5 * time.Second
	// saveEvery is how often the meter's clock is made durable when nothing else happens.
	saveEvery = 5 * time.Second
	// closeWithin is how long open requests may take at the end.
	closeWithin = 2 * time.Second
	// actWithin is how long a request waits for the meter.
	actWithin = 5 * time.Second
)

// maxSent is how many of the meter's messages the page shows.
const maxSent = 10

// Config is what a panel is made of.
type Config struct {
	Device *device.Device
	// Net is the meter's connection; nil for a meter without a server.
	Net Net
	Log *slog.Logger
	// OwnTime says that the host lets the meter's time pass and the page has no control for it.
	OwnTime bool
}

// Do lets the owner of the device's goroutine carry out f there, and returns when what f caused is durable.
type Do func(ctx context.Context, f func() error) error

// Panel is the face of one meter.
type Panel struct {
	c    Config
	dev  *device.Device
	acts chan act
	hub  *hub
	// speed and sent belong to the goroutine of the device.
	speed int
	sent  []device.SMS
}

// act is something a request wants done, on the goroutine of the device.
type act struct {
	do   func() error
	done chan error
}

// New returns the panel of a device.
func New(c Config) *Panel {
	p := &Panel{c: c, dev: c.Device, acts: make(chan act), hub: newHub(), speed: 1}
	p.Look()
	return p
}

// Run serves the panel on a listener and lets the meter's time pass, until ctx ends. The error is that of the memory or
// of the listener.
func (p *Panel) Run(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: p.Handler(p.do), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(p.c.Log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	err := p.live(ctx, served)
	cancel() // ends the live displays
	end, done := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer done()
	if shut := server.Shutdown(end); shut != nil {
		err = errors.Join(err, server.Close())
	}
	return err
}

// live is the life of the device.
func (p *Panel) live(ctx context.Context, served <-chan error) error {
	var inbox <-chan link.Message
	if p.c.Net != nil {
		inbox = p.c.Net.Messages()
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	before, saved := time.Now(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return p.save()
		case err := <-served:
			return fmt.Errorf("serve the panel: %w", err)
		case a := <-p.acts:
			err := p.settled(a.do())
			p.Look() // whoever asked may look at once
			a.done <- err
		case m := <-inbox:
			if err := p.settled(p.dev.Receive(m.Down, m.Topic, m.Payload)); err != nil && !errors.Is(err, device.ErrOff) {
				return err
			}
		case now := <-ticker.C:
			passed := min(now.Sub(before), maxTick)
			before = now
			if err := p.dev.Advance(passed*time.Duration(p.speed), nil); err != nil {
				return err
			}
			if p.dev.Unflushed() > 0 || now.Sub(saved) >= saveEvery {
				saved = now
				if err := p.save(); err != nil {
					return err
				}
			}
		}
		p.Look()
	}
}

// settled makes durable what an act has caused, before anybody hears of it.
func (p *Panel) settled(err error) error { return errors.Join(err, p.save()) }

// save makes the meter's state durable. A full disk is told and may pass.
func (p *Panel) save() error {
	err := p.dev.Flush()
	if err != nil && !errors.Is(err, device.ErrBroken) {
		p.c.Log.Warn("not durable yet", logkey.Meter, p.dev.Number(), logkey.Err, err)
		return nil
	}
	return err
}

// Look shows everybody how the meter is now. It belongs to the goroutine of the device; Run calls it by itself.
func (p *Panel) Look() {
	p.sent = append(p.sent, p.dev.TakeSMS()...)
	if n := len(p.sent); n > maxSent {
		p.sent = p.sent[n-maxSent:]
	}
	p.hub.publish(p.view())
}

var (
	// errBusy is returned when the device did not take a request in time: it will never be done.
	errBusy = errors.New("the meter is busy")
	// errSlow is returned when the device took a request and has not finished in time: it will be done.
	errSlow = errors.New("the meter has not finished")
)

// do lets the device do something and waits until that is durable.
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

// power switches the mains, and the modem with it.
func (p *Panel) power(on bool) error {
	if p.c.Net != nil && !on {
		p.c.Net.Power(false)
	}
	if err := p.dev.Power(on); err != nil {
		return err
	}
	if p.c.Net != nil && on {
		p.c.Net.Power(true)
	}
	return nil
}
