package linux

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/device/board"
)

// Hardware holds the open parts of a board file.
type Hardware struct {
	// Board has the parts. Parts that are not in the file are nil.
	Board  board.Board
	pulses *Pulses
	keypad *Keypad

	changed chan struct{} // signalled after a tamper switch has changed
	close   []func() error
	readers sync.WaitGroup
}

// Open requests all lines of a board file. Outputs are inactive at once; the relay stays where it is.
func Open(k Kernel, f File) (*Hardware, error) {
	h := &Hardware{changed: make(chan struct{}, 1)}
	if err := h.open(k, f); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *Hardware) open(k Kernel, f File) error {
	var failed error
	take := func(request func(Kernel, Options) (*Lines, error), o Options) *Lines {
		o.Chip = f.Chip
		if failed != nil {
			return nil
		}
		l, err := request(k, o)
		if err != nil {
			failed = err
			return nil
		}
		h.close = append(h.close, l.Close)
		return l
	}
	p, r := f.Pulses, f.Relay
	impulses := take(RequestInputs, Options{Lines: []uint32{p.Line}, ActiveLow: p.ActiveLow, PullUp: p.PullUp, Edges: Rising, Debounce: p.Debounce.Duration})
	coils := take(RequestOutputs, Options{Lines: []uint32{r.Close, r.Open}, ActiveLow: r.ActiveLow})
	sense := take(RequestInputs, Options{Lines: []uint32{r.Sense}, ActiveLow: r.SenseLow})
	flasher := func(o *OutputPart) *Flasher {
		l := take(RequestOutputs, Options{Lines: []uint32{o.Line}, ActiveLow: o.ActiveLow})
		flasher := NewFlasher(l)
		if l != nil {
			h.close = append(h.close, flasher.Close)
		}
		return flasher
	}
	if f.Light != nil {
		h.Board.Light = flasher(f.Light)
	}
	if f.Buzzer != nil {
		h.Board.Buzzer = flasher(f.Buzzer)
	}
	if f.Keypad != nil {
		h.keypad = NewKeypad(take(RequestOutputs, Options{Lines: f.Keypad.Rows}), take(RequestInputs, Options{Lines: f.Keypad.Cols}))
		h.Board.Keypad = h.keypad
	}
	var switches *Lines
	if t := f.Tamper; t != nil {
		s := &Switches{Kinds: t.kinds()}
		switches = take(RequestInputs, Options{Lines: inOrder(t.Lines, s.Kinds), ActiveLow: t.ActiveLow, PullUp: t.PullUp, Edges: Rising | Falling,
			Debounce: t.Debounce.Duration})
		if len(t.Latches) > 0 {
			s.Latches = take(RequestInputs, Options{Lines: inOrder(t.Latches, s.Kinds), ActiveLow: t.ActiveLow, PullUp: t.PullUp})
			s.Reset = take(RequestOutputs, Options{Lines: []uint32{t.Reset}})
		}
		s.Lines, h.Board.Tamper = switches, s
	}
	if failed != nil {
		return failed
	}
	h.Board.Relay, h.Board.Clock = &Contact{Coils: coils, Sense: sense, Pulse: r.Pulse.Duration}, &HostClock{}
	h.count(impulses)
	if switches != nil {
		h.readers.Go(func() { h.watch(switches) })
	}
	return nil
}

// count counts the impulses until the lines are closed.
func (h *Hardware) count(l *Lines) {
	var done <-chan struct{}
	h.pulses, done = CountPulses(l)
	h.Board.Pulses = h.pulses
	h.readers.Go(func() { <-done })
}

// watch signals changes of the tamper switches until their lines are closed.
func (h *Hardware) watch(l *Lines) {
	for {
		if _, err := l.Next(); err != nil {
			return
		}
		select {
		case h.changed <- struct{}{}:
		default: // a signal is already waiting
		}
	}
}

// Pulses is signalled after impulses have come, Switches after a tamper switch has changed.
func (h *Hardware) Pulses() <-chan struct{}   { return h.pulses.Changed() }
func (h *Hardware) Switches() <-chan struct{} { return h.changed }

// Late returns how many impulses exceeded the kernel's buffer. They are still counted.
func (h *Hardware) Late() uint64 { return h.pulses.Late() }

// Scan reads the keypad until ctx ends or its lines fail. On a board without a keypad it returns at once.
func (h *Hardware) Scan(ctx context.Context) error {
	if h.keypad == nil {
		return nil
	}
	return h.keypad.Run(ctx)
}

// Close switches light and buzzer off and releases all lines. The relay stays where it is.
func (h *Hardware) Close() error {
	var errs []error
	for i := len(h.close) - 1; i >= 0; i-- {
		errs = append(errs, h.close[i]())
	}
	h.readers.Wait()
	return errors.Join(errs...)
}

// HostClock is the machine's clock with an offset. Setting it changes only the offset, which lasts until the meter
// ends.
type HostClock struct{ ahead time.Duration }

// Read implements board.Clock.
func (c *HostClock) Read() (at time.Time, running bool, err error) {
	return time.Now().UTC().Add(c.ahead), true, nil
}

// Set implements board.Clock.
func (c *HostClock) Set(at time.Time) error {
	c.ahead = time.Until(at)
	return nil
}

// Pass implements board.Clock. It does nothing: the machine's time passes anyway.
func (c *HostClock) Pass(uint64) {}
