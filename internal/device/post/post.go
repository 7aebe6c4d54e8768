// Package post carries messages between a virtual meter and the driver of its GSM modem, which run on separate goroutines. An
// incoming message is handled on the device's goroutine. The driver may delete the message only when the message's effects are
// durable. Outgoing messages are sent one after the other; each is tried until the network has it or it cannot be sent.
//
// Start at [New], give [Post.Deliver] and [Post.SetBars] to the driver, and finish with [Post.Connect]. The driver is
// any implementation of [Radio].
package post

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/logkey"
)

// Outcome is the result of sending a message.
type Outcome uint8

// The outcomes.
const (
	// Sent: the network has the message.
	Sent Outcome = iota
	// Later: the message was not sent; another try may help.
	Later
	// Never: the message was not sent, and no other try will help.
	Never
	// Unknown: the message may have been sent. It is not sent again, because a customer who misses an answer can ask
	// again.
	Unknown
)

// Radio is the driver of a modem, from the moment the meter gets mains until it loses it.
type Radio interface {
	// Run drives the modem until ctx ends, and leaves no goroutine behind.
	Run(ctx context.Context)
	// Send sends a message. ctx bounds how long it may wait for the modem. The result why is the reason for a
	// failure.
	Send(ctx context.Context, to, text string) (o Outcome, why string)
}

// Times of the post, in real time.
const (
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
	// sendWithin bounds how long one attempt may wait for the modem, so that an expired message is noticed.
	sendWithin = 10 * time.Minute
)

// Post is the modem of one meter. It implements device.Modem.
type Post struct {
	log   *slog.Logger
	tasks chan device.Task
	wake  chan struct{}
	bars  atomic.Int32

	// The fields below belong to the goroutine of the device.
	ctx   context.Context
	radio func() Radio
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// New returns a post that is not connected yet; log may be nil.
func New(log *slog.Logger) *Post {
	log = cmp.Or(log, slog.New(slog.DiscardHandler))
	return &Post{log: log, tasks: make(chan device.Task), wake: make(chan struct{}, 1)}
}

// Connect attaches the post to its device; call it on the device's goroutine. The end of ctx stops the modem for good.
// The function radio makes a new driver each time the meter gets mains.
func (p *Post) Connect(ctx context.Context, d *device.Device, radio func() Radio) {
	p.ctx, p.radio = ctx, radio
	d.Attach(p)
}

// Tasks implements device.Modem.
func (p *Post) Tasks() <-chan device.Task { return p.tasks }

// Bars implements device.Modem.
func (p *Post) Bars() int { return int(p.bars.Load()) }

// SetBars sets the signal strength, 0 for no network.
func (p *Post) SetBars(n int) { p.bars.Store(int32(n)) }

// Wake implements device.Modem.
func (p *Post) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Power implements device.Modem.
func (p *Post) Power(on bool) {
	if on == (p.stop != nil) {
		return
	}
	if !on {
		p.stop()
		p.done.Wait()
		p.stop = nil
		p.SetBars(0)
		return
	}
	ctx, stop := context.WithCancel(p.ctx)
	p.stop = stop
	radio := p.radio()
	p.done.Go(func() { radio.Run(ctx) })
	p.done.Go(func() { p.send(ctx, radio) })
}

// Deliver passes a message to the device. It returns nil once the effects of the message are durable.
func (p *Post) Deliver(ctx context.Context, a device.Arrival) error {
	return p.do(ctx, func(d *device.Device) error { return d.Deliver(a) })
}

// do runs f on the goroutine of the device.
func (p *Post) do(ctx context.Context, f device.Task) error {
	done := make(chan error, 1)
	task := func(d *device.Device) error {
		done <- f(d)
		return d.Err()
	}
	select {
	case p.tasks <- task:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send sends the meter's messages until ctx ends.
func (p *Post) send(ctx context.Context, radio Radio) {
	retry := firstRetry
	for {
		var l device.Letter
		var has bool
		if p.do(ctx, func(d *device.Device) error { l, has = d.Letter(); return nil }) != nil {
			return
		}
		if !has {
			select {
			case <-p.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		limited, cancel := context.WithTimeout(ctx, sendWithin)
		outcome, why := radio.Send(limited, l.To, l.Text)
		cancel()
		if outcome == Later {
			p.log.Warn("message waits", logkey.Err, why)
			select {
			case <-time.After(retry):
			case <-ctx.Done():
				return
			}
			retry = min(2*retry, lastRetry)
			continue
		}
		if outcome != Sent {
			p.log.Warn("message given up", "unknown", outcome == Unknown, logkey.Err, why)
		}
		retry = firstRetry
		err := p.do(ctx, func(d *device.Device) error { d.Settle(l.ID); return d.Flush() })
		if errors.Is(err, device.ErrBroken) {
			return
		}
	}
}
