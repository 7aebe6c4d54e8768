package linux_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/linux"
	"github.com/paywatt/paywatt/meter"
)

var (
	_ board.Pulses   = (*linux.Pulses)(nil)
	_ board.Relay    = (*linux.Contact)(nil)
	_ board.Light    = (*linux.Flasher)(nil)
	_ board.Buzzer   = (*linux.Flasher)(nil)
	_ board.Keypad   = (*linux.Keypad)(nil)
	_ board.Switches = (*linux.Switches)(nil)
)

// The request numbers as a C program gets them from linux/gpio.h.
const (
	gpioGetLine   = 0xC250B407
	gpioGetValues = 0xC010B40E
	gpioSetValues = 0xC010B40F
)

// kernel is a fake kernel: it records the requests and holds the values of its lines.
type kernel struct {
	mu      sync.Mutex
	request []byte
	opened  []string
	closed  []int
	values  uint64
	set     []uint64
	setAt   []time.Time
	fail    error
	events  *io.PipeReader
	write   *io.PipeWriter
}

const (
	chipFD = 7
	lineFD = 9
)

func newKernel() *kernel {
	r, w := io.Pipe()
	return &kernel{events: r, write: w}
}

func (k *kernel) Open(path string) (int, error) {
	k.opened = append(k.opened, path)
	return chipFD, nil
}
func (k *kernel) File(fd int) io.ReadCloser {
	if fd != lineFD {
		panic("a descriptor the kernel never gave")
	}
	return k.events
}
func (k *kernel) Close(fd int) error { k.closed = append(k.closed, fd); return nil }

func (k *kernel) Ioctl(fd int, request uint, arg []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return k.fail
	}
	switch {
	case fd == chipFD && request == gpioGetLine && len(arg) == 592:
		k.request = slices.Clone(arg)
		binary.NativeEndian.PutUint32(arg[588:], lineFD)
	case fd == lineFD && request == gpioGetValues && len(arg) == 16:
		binary.NativeEndian.PutUint64(arg, k.values&binary.NativeEndian.Uint64(arg[8:]))
	case fd == lineFD && request == gpioSetValues && len(arg) == 16:
		bits, mask := binary.NativeEndian.Uint64(arg), binary.NativeEndian.Uint64(arg[8:])
		k.values = k.values&^mask | bits&mask
		k.set, k.setAt = append(k.set, k.values), append(k.setAt, time.Now())
	default:
		return errors.New("inappropriate ioctl for device")
	}
	return nil
}

// edge makes the kernel report an edge.
func (k *kernel) edge(t *testing.T, id, line, seq uint32, at time.Duration) {
	t.Helper()
	b := make([]byte, 48)
	binary.NativeEndian.PutUint64(b, uint64(at))
	binary.NativeEndian.PutUint32(b[8:], id)
	binary.NativeEndian.PutUint32(b[12:], line)
	binary.NativeEndian.PutUint32(b[16:], seq+100)
	binary.NativeEndian.PutUint32(b[20:], seq)
	if _, err := k.write.Write(b); err != nil {
		t.Fatal(err)
	}
}

func u32(b []byte, at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
func u64(b []byte, at int) uint64 { return binary.NativeEndian.Uint64(b[at:]) }

func TestARequestForInputsIsWhatTheKernelReads(t *testing.T) {
	k := newKernel()
	l, err := linux.RequestInputs(k, linux.Options{
		Chip: "/dev/gpiochip0", Lines: []uint32{17, 27, 22}, ActiveLow: true, PullUp: true, Edges: linux.Rising | linux.Falling,
		Debounce: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := k.request
	if u32(b, 0) != 17 || u32(b, 4) != 27 || u32(b, 8) != 22 || u32(b, 12) != 0 || u32(b, 560) != 3 {
		t.Errorf("offsets %d %d %d %d, %d lines", u32(b, 0), u32(b, 4), u32(b, 8), u32(b, 12), u32(b, 560))
	}
	if got := string(b[256:264]); got != "paywatt\x00" {
		t.Errorf("consumer %q", got)
	}
	// The flags are ACTIVE_LOW, INPUT, EDGE_RISING, EDGE_FALLING and BIAS_PULL_UP.
	if got := u64(b, 288); got != 1<<1|1<<2|1<<4|1<<5|1<<8 {
		t.Errorf("flags %#x", got)
	}
	if n, id, us, mask := u32(b, 296), u32(b, 320), u32(b, 328), u64(b, 336); n != 1 || id != 3 || us != 200_000 || mask != 7 {
		t.Errorf("%d attributes, id %d, debounce %d µs, mask %#x; want 1, 3, 200000, 7", n, id, us, mask)
	}
	k.values = 0b1101
	if v, err := l.Values(); err != nil || v != 0b101 {
		t.Errorf("values %b, %v; want those of the three lines, 101", v, err)
	}
	if len(k.closed) != 1 || k.closed[0] != chipFD {
		t.Errorf("closed %v; the chip's descriptor is not needed any more", k.closed)
	}
}

func TestOutputsHaveTheirFirstValuesAtOnce(t *testing.T) {
	k := newKernel()
	l, err := linux.RequestOutputs(k, linux.Options{Chip: "/dev/gpiochip1", Lines: []uint32{5, 6}, Values: 0b10})
	if err != nil {
		t.Fatal(err)
	}
	b := k.request
	if flags, id, values, mask := u64(b, 288), u32(b, 320), u64(b, 328), u64(b, 336); flags != 1<<3 || id != 2 || values != 2 || mask != 3 {
		t.Errorf("flags %#x, attribute %d, values %b, mask %b; want OUTPUT, 2, 10, 11", flags, id, values, mask)
	}
	if err := l.Set(0b01, 0b101); err != nil || k.values != 1 {
		t.Errorf("values %b, %v; want the first line alone", k.values, err)
	}
}

func TestWhatTheKernelRefusesIsAnErrorWithItsLines(t *testing.T) {
	k := newKernel()
	for _, n := range []int{0, 65} {
		if _, err := linux.RequestInputs(k, linux.Options{Lines: make([]uint32, n)}); !errors.Is(err, linux.ErrLines) {
			t.Errorf("%d lines: %v, want %v", n, err, linux.ErrLines)
		}
	}
	k.fail = errors.New("device or resource busy")
	_, err := linux.RequestInputs(k, linux.Options{Chip: "/dev/gpiochip0", Lines: []uint32{4}})
	if !errors.Is(err, k.fail) || len(k.closed) != 1 {
		t.Errorf("a line that is taken: %v, closed %v; want the reason and no descriptor left open", err, k.closed)
	}
	// Ask the real kernel for the lines of a device that is not a GPIO chip.
	if _, err := linux.RequestInputs(linux.System(), linux.Options{Chip: "/dev/null", Lines: []uint32{1}}); err == nil {
		t.Error("/dev/null has given lines")
	}
	if _, err := linux.RequestInputs(linux.System(), linux.Options{Chip: "/dev/no-such-chip", Lines: []uint32{1}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no chip: %v", err)
	}
}

func TestImpulsesAreCountedAlsoThoseTheKernelHadNoRoomFor(t *testing.T) {
	k := newKernel()
	l, err := linux.RequestInputs(k, linux.Options{Chip: "c", Lines: []uint32{17}, Edges: linux.Rising})
	if err != nil {
		t.Fatal(err)
	}
	p, done := linux.CountPulses(l)
	p.Constant(3200)
	for i := range uint32(10) {
		k.edge(t, 1, 17, i+1, time.Duration(i)*1125*time.Millisecond)
	}
	k.edge(t, 1, 17, 14, 15*time.Second) // 11, 12 and 13 were lost
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	if a, b := p.Count(0), p.Count(0); a != 14 || b != 0 || p.Late() != 3 {
		t.Errorf("%d impulses and then %d, %d of them late; want 14, 0, 3", a, b, p.Late())
	}
	<-p.Changed()
	// The 14 impulses end at 15 s. The last four took 4.875 s, so each took 1.21875 s. One impulse is 1125 Ws.
	if got := p.Power(); got != 923 {
		t.Errorf("power %d W, want 923", got)
	}
	// There was no impulse for 4 s, so the load is below 1125 Ws in 4 s.
	if n, got := p.Count(4000), p.Power(); n != 0 || got != 281 {
		t.Errorf("%d impulses in 4 s of silence, power %d W; want 0, 281", n, got)
	}
	// An invalid event ends the counting and is not counted.
	k2 := newKernel()
	l2, err := linux.RequestInputs(k2, linux.Options{Chip: "c", Lines: []uint32{17}, Edges: linux.Rising})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = k2.write.Write(make([]byte, 48)) }()
	if _, err := l2.Next(); !errors.Is(err, linux.ErrEvent) {
		t.Errorf("event 0: %v, want %v", err, linux.ErrEvent)
	}
}

func TestARelayIsPulsedAndReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, sense := newKernel(), newKernel()
		coils, err := linux.RequestOutputs(k, linux.Options{Chip: "c", Lines: []uint32{5, 6}})
		if err != nil {
			t.Fatal(err)
		}
		in, err := linux.RequestInputs(sense, linux.Options{Chip: "c", Lines: []uint32{7}})
		if err != nil {
			t.Fatal(err)
		}
		c := &linux.Contact{Coils: coils, Sense: in, Pulse: 100 * time.Millisecond}
		if err := errors.Join(c.Move(true), c.Move(false)); err != nil {
			t.Fatal(err)
		}
		if want := []uint64{1, 0, 2, 0}; !slices.Equal(k.set, want) {
			t.Errorf("coils %v, want %v", k.set, want)
		}
		if d := k.setAt[1].Sub(k.setAt[0]); d != 100*time.Millisecond {
			t.Errorf("driven for %v, want 100 ms", d)
		}
		sense.values = 1
		if closed, err := c.Closed(); err != nil || !closed {
			t.Errorf("contact closed %v, %v; want what the line behind it says", closed, err)
		}
		k.fail = errors.New("input/output error")
		if err := c.Move(true); !errors.Is(err, k.fail) {
			t.Errorf("a coil that cannot be driven: %v", err)
		}
	})
}

func TestLightAndBuzzerPlayTheirPatterns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel()
		out, err := linux.RequestOutputs(k, linux.Options{Chip: "c", Lines: []uint32{5}})
		if err != nil {
			t.Fatal(err)
		}
		f := linux.NewFlasher(out)
		count := func(play func() error, d time.Duration) (ons int) {
			k.mu.Lock()
			k.set = nil
			k.mu.Unlock()
			if err := play(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(d)
			synctest.Wait()
			k.mu.Lock()
			defer k.mu.Unlock()
			for _, v := range k.set {
				ons += int(v)
			}
			return ons
		}
		show := func(p meter.LED) func() error { return func() error { return f.Show(p) } }
		sound := func(p meter.Buzzer) func() error { return func() error { return f.Sound(p) } }
		for _, tt := range []struct {
			name string
			play func() error
			want int
		}{
			{"slow light", show(meter.LEDSlow), 30}, {"fast light", show(meter.LEDFast), 120}, {"no light", show(meter.LEDOff), 0},
			{"low credit", sound(meter.BuzzerLow), 3}, {"cut off", sound(meter.BuzzerTone), 1}, {"accepted", sound(meter.BuzzerAccepted), 2},
			{"rejected", sound(meter.BuzzerRejected), 1}, {"window ends", sound(meter.BuzzerEnding), 60}, {"alarm", sound(meter.BuzzerAlarm), 120},
			{"silent", sound(meter.BuzzerOff), 0},
		} {
			if got := count(tt.play, time.Minute-time.Millisecond); got != tt.want {
				t.Errorf("%s: on %d times in a minute, want %d", tt.name, got, tt.want)
			}
		}
		if err := f.Close(); err != nil || k.values != 0 {
			t.Errorf("after the end: output %d, %v", k.values, err)
		}
	})
}

// matrix is the kernel of a keypad. The active columns depend on the row that is driven and the keys held down.
type matrix struct {
	*kernel
	rows *kernel
	held map[[2]int]bool
}

func (m *matrix) Ioctl(fd int, request uint, arg []byte) error {
	if request == gpioGetValues {
		m.mu.Lock()
		m.values = 0
		for at, down := range m.held {
			if m.rows.values>>at[0]&1 == 1 && down {
				m.values |= 1 << at[1]
			}
		}
		m.mu.Unlock()
	}
	return m.kernel.Ioctl(fd, request, arg)
}

func TestAKeypadGivesEachKeyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := newKernel()
		m := &matrix{kernel: newKernel(), rows: rows, held: map[[2]int]bool{}}
		out, err := linux.RequestOutputs(rows, linux.Options{Chip: "c", Lines: []uint32{1, 2, 3, 4}})
		if err != nil {
			t.Fatal(err)
		}
		in, err := linux.RequestInputs(m, linux.Options{Chip: "c", Lines: []uint32{5, 6, 7}})
		if err != nil {
			t.Fatal(err)
		}
		pad := linux.NewKeypad(out, in)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- pad.Run(ctx) }()
		hold := func(d time.Duration, down bool, keys ...[2]int) {
			m.mu.Lock()
			for _, k := range keys {
				m.held[k] = down
			}
			m.mu.Unlock()
			time.Sleep(d)
		}
		for i, want := range "123456789*0#" {
			at := [2]int{i / 3, i % 3}
			hold(15*time.Millisecond, true, at) // the contact bounces
			hold(5*time.Millisecond, false, at)
			hold(500*time.Millisecond, true, at)
			hold(100*time.Millisecond, false, at)
			if len(pad.Keys()) != 1 {
				t.Fatalf("%c held for half a second gave %d keys", want, len(pad.Keys()))
			}
			if got := <-pad.Keys(); got != byte(want) {
				t.Errorf("row %d, column %d gave %c, want %c", at[0], at[1], got, want)
			}
		}
		hold(200*time.Millisecond, true, [2]int{0, 0}, [2]int{1, 1})
		hold(200*time.Millisecond, false, [2]int{0, 0}, [2]int{1, 1})
		if n := len(pad.Keys()); n != 0 {
			t.Errorf("two keys at once gave %d", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		m.fail = errors.New("input/output error")
		if err := pad.Run(t.Context()); !errors.Is(err, m.fail) {
			t.Errorf("lines that fail: %v", err)
		}
	})
}

func TestTamperSwitchesAndTheirLatches(t *testing.T) {
	lines := func(k *kernel, request func(linux.Kernel, linux.Options) (*linux.Lines, error)) *linux.Lines {
		l, err := request(k, linux.Options{Chip: "c", Lines: []uint32{1, 2}})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	now, latch, reset := newKernel(), newKernel(), newKernel()
	s := &linux.Switches{
		Lines: lines(now, linux.RequestInputs), Latches: lines(latch, linux.RequestInputs), Reset: lines(reset, linux.RequestOutputs),
		Kinds: []meter.Tamper{meter.TamperTerminal, meter.TamperCover},
	}
	now.values, latch.values = 0b10, 0b01
	if open := s.Open(); !slices.Equal(open.Names(), []string{"cover"}) {
		t.Errorf("open %v, want the cover", open.Names())
	}
	if l := s.Latched(); !slices.Equal(l.Names(), []string{"terminal"}) || !slices.Equal(reset.set, []uint64{1, 0}) {
		t.Errorf("latched %v, reset driven %v; want the terminal, and a pulse", l.Names(), reset.set)
	}
	now.fail = errors.New("input/output error")
	if open := s.Open(); open != 0 {
		t.Errorf("lines that cannot be read: %v", open.Names())
	}
	if l := (&linux.Switches{}).Latched(); l != 0 {
		t.Errorf("a board without latches: %v", l.Names())
	}
}
