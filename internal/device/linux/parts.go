package linux

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// Pulses is the metering chip on an input line.
type Pulses struct {
	count atomic.Uint64
	// last is the kernel's time of the newest impulse. gap is the time between the last two impulses, in nanoseconds.
	last, gap atomic.Int64
	// idle is the time since the last impulse, in milliseconds. Count adds it up from its parameter ms.
	idle    atomic.Int64
	lost    atomic.Uint64
	imp     atomic.Uint32
	taken   uint64
	changed chan struct{}
}

// CountPulses counts the rising edges of a line until the line is closed; then it closes the channel done.
func CountPulses(l *Lines) (p *Pulses, done <-chan struct{}) {
	p = &Pulses{changed: make(chan struct{}, 1)}
	end := make(chan struct{})
	go func() {
		defer close(end)
		p.run(l)
	}()
	return p, end
}

func (p *Pulses) run(l *Lines) {
	var seq uint32
	for {
		e, err := l.Next()
		if err != nil {
			return
		}
		n := uint64(1)
		if seq != 0 && e.Seq > seq {
			// The kernel's buffer was full. The sequence number of the edge tells how many edges were lost.
			n = uint64(e.Seq - seq)
			p.lost.Add(n - 1)
		}
		seq = e.Seq
		if before := p.last.Swap(int64(e.At)); before != 0 {
			p.gap.Store((int64(e.At) - before) / int64(n))
		}
		p.count.Add(n)
		select {
		case p.changed <- struct{}{}:
		default:
		}
	}
}

// Changed returns a channel that is signalled after impulses have come.
func (p *Pulses) Changed() <-chan struct{} { return p.changed }

// Late returns how many impulses exceeded the kernel's buffer. They are still counted.
func (p *Pulses) Late() uint64 { return p.lost.Load() }

// Count implements board.Pulses. It returns the impulses since the previous call, whatever time has passed.
func (p *Pulses) Count(ms uint64) uint32 {
	now := p.count.Load()
	n := min(now-p.taken, 1<<32-1)
	p.taken += n
	if n > 0 {
		p.idle.Store(0)
	} else {
		p.idle.Store(min(p.idle.Load()+int64(min(ms, farAhead)), int64(farAhead)))
	}
	return uint32(n)
}

// farAhead is what Next returns, in milliseconds, because this part cannot know when the next impulse comes.
const farAhead = uint64(time.Hour / time.Millisecond)

// Next implements board.Pulses.
func (p *Pulses) Next(uint64) uint64 { return farAhead }

// Constant implements board.Pulses.
func (p *Pulses) Constant(imp uint32) { p.imp.Store(imp) }

// Power implements board.Pulses. It uses the time between the last two impulses, or the time since the last one if that
// is longer: a larger load would have given another impulse by now.
func (p *Pulses) Power() unit.Power {
	gap, imp := p.gap.Load(), int64(p.imp.Load())
	if gap <= 0 || imp == 0 {
		return 0
	}
	gap = max(gap, p.idle.Load()*int64(time.Millisecond))
	// One impulse is 3,600,000/imp watt-seconds.
	const wattNanoseconds = 3_600_000 * int64(time.Second)
	return unit.Power(wattNanoseconds / imp / gap)
}

// Voltage implements board.Pulses. It is 0, because impulses do not reveal the voltage.
func (p *Pulses) Voltage() int32 { return 0 }

// Contact is a latching relay. A pulse on one coil closes it, a pulse on the other opens it. A line behind it reads its
// position.
type Contact struct {
	// Coils are two outputs; the first closes the contact. Sense is an input that is active while there is voltage behind
	// the relay.
	Coils, Sense *Lines
	// Pulse is how long a coil is driven.
	Pulse time.Duration
}

// The bits of the coils on their lines.
const (
	coilClose = 1 << iota
	coilOpen
	coilBoth = coilClose | coilOpen
)

// Move implements board.Relay.
func (c *Contact) Move(closed bool) error {
	coil := uint64(coilOpen)
	if closed {
		coil = coilClose
	}
	err := c.Coils.Set(coil, coilBoth)
	if err == nil {
		time.Sleep(c.Pulse)
	}
	// The coil must not stay driven, even after an error.
	return fault.Wrap(errors.Join(err, c.Coils.Set(0, coilBoth)), "drive relay")
}

// Closed implements board.Relay.
func (c *Contact) Closed() (bool, error) {
	v, err := c.Sense.Values()
	if err != nil {
		return false, fmt.Errorf("read relay contact: %w", err)
	}
	return v&1 != 0, nil
}

// Flasher switches an output on and off in a pattern: a light or a buzzer. Show and Sound may be called from any
// goroutine.
type Flasher struct {
	lines *Lines
	mu    sync.Mutex
	stop  chan struct{}
	err   error
	done  sync.WaitGroup
}

// NewFlasher returns a flasher for the first of these outputs.
func NewFlasher(l *Lines) *Flasher { return &Flasher{lines: l} }

// Show implements board.Light. Slow is a second on and a second off, fast a quarter of a second each.
func (f *Flasher) Show(p meter.LED) error {
	switch p {
	case meter.LEDSlow:
		return f.begin(true, time.Second, time.Second)
	case meter.LEDFast:
		return f.begin(true, time.Second/4, time.Second/4)
	}
	return f.begin(false)
}

// Sound implements board.Buzzer.
func (f *Flasher) Sound(p meter.Buzzer) error {
	const short, long, tone = 100 * time.Millisecond, 800 * time.Millisecond, 10 * time.Second
	switch p {
	case meter.BuzzerLow:
		return f.begin(false, 2*short, short, 2*short, short, 2*short)
	case meter.BuzzerTone:
		return f.begin(false, tone)
	case meter.BuzzerAccepted:
		return f.begin(false, short, short, short)
	case meter.BuzzerRejected:
		return f.begin(false, long)
	case meter.BuzzerEnding:
		return f.begin(true, short, 9*short) // repeats until the meter stops it, like the alarm
	case meter.BuzzerAlarm:
		return f.begin(true, 4*short, short)
	}
	return f.begin(false)
}

// begin stops the current pattern and begins another: on, off, on … for these times, once or repeatedly. It returns an
// error if the previous pattern could not switch the output.
func (f *Flasher) begin(again bool, steps ...time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop != nil {
		close(f.stop)
		f.done.Wait()
	}
	err := f.err
	f.err, f.stop = nil, make(chan struct{})
	f.done.Add(1)
	go f.play(f.stop, again, steps)
	return err
}

func (f *Flasher) play(stop <-chan struct{}, again bool, steps []time.Duration) {
	defer f.done.Done()
	err := f.lines.Set(0, 1)
	for once := true; err == nil && len(steps) > 0 && (once || again); once = false {
		for i, d := range steps {
			if err = f.lines.Set(uint64(1-i%2), 1); err != nil {
				break
			}
			select {
			case <-stop:
				// The next pattern switches the output off first.
				return
			case <-time.After(d):
			}
		}
		err = errors.Join(err, f.lines.Set(0, 1))
	}
	f.fail(err)
}

// fail stores the error for the next call of begin. Only the goroutine of the pattern calls it, and begin waits for
// that goroutine.
func (f *Flasher) fail(err error) {
	if err != nil {
		f.err = err
	}
}

// Close stops the pattern and switches the output off.
func (f *Flasher) Close() error {
	err := f.begin(false)
	f.done.Wait()
	return errors.Join(err, f.err)
}
