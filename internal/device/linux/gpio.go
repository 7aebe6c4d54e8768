// Package linux lets a Linux board stand in for the virtual one: contacts, switches, lights and impulses on the lines
// of a GPIO character device. A board file says which part is on which line.
//
// Start at [ParseFile] and [Open] with [System]. The lines are used by version 2 of the kernel's interface (linux/gpio.h), whose
// structures this package writes and reads byte by byte.
//
// No hardware was at hand when this was written. It is tested against a stand-in for the kernel; nobody has yet seen it
// move a relay. Whoever is the first should begin without mains.
package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Kernel is what this package wants of the operating system.
type Kernel interface {
	// Open opens a device and returns its descriptor.
	Open(path string) (fd int, err error)
	// Ioctl makes a request; the kernel reads arg and writes its answer into it.
	Ioctl(fd int, request uint, arg []byte) error
	// File takes a descriptor over for reading; closing it ends a Read that waits.
	File(fd int) io.ReadCloser
	// Close closes a descriptor that no File has taken over.
	Close(fd int) error
}

// The requests of linux/gpio.h: direction and size (read and write), type 0xB4, number.
const (
	iocReadWrite = 3 << 30
	gpioType     = 0xB4 << 8

	getLine   = iocReadWrite | requestSize<<16 | gpioType | 0x07
	getValues = iocReadWrite | valuesSize<<16 | gpioType | 0x0E
	setValues = iocReadWrite | valuesSize<<16 | gpioType | 0x0F
)

// Sizes and places in struct gpio_v2_line_request, in bytes.
const (
	requestSize = 592
	valuesSize  = 16
	eventSize   = 48

	maxLines    = 64
	consumerAt  = 256
	consumerMax = 31 // and a zero
	configAt    = 288
	attrCountAt = configAt + 8
	attrAt      = configAt + 32
	attrSize    = 24
	lineCountAt = 560
	bufferAt    = 564
	fdAt        = 588
)

// Flags of a line.
const (
	flagActiveLow = 1 << 1
	flagInput     = 1 << 2
	flagOutput    = 1 << 3
	flagRising    = 1 << 4
	flagFalling   = 1 << 5
	flagPullUp    = 1 << 8
)

// Attributes of lines.
const (
	attrOutputValues = 2
	attrDebounce     = 3
)

// Edges says which changes of an input are told.
type Edges uint8

// The edges, which may be combined.
const (
	// Rising is from inactive to active, Falling back.
	Rising Edges = 1 << iota
	Falling
)

// Options of a request for lines. They hold for all of its lines.
type Options struct {
	// Chip is the device, such as /dev/gpiochip0.
	Chip string
	// Lines are the numbers of the lines on the chip, at most 64. In values the first is bit 0.
	Lines []uint32
	// ActiveLow says that a low voltage is the active value.
	ActiveLow bool
	// PullUp switches the line's resistor on, for a switch to ground.
	PullUp bool
	// Edges are those Next returns; Debounce is for how long a contact must rest before a change counts.
	Edges    Edges
	Debounce time.Duration
	// Values are what outputs begin with.
	Values uint64
}

// ErrLines is returned for a request that no kernel could fulfil.
var ErrLines = errors.New("1 to 64 lines can be requested")

// Lines are requested lines. Next may be called on another goroutine than the rest.
type Lines struct {
	k    Kernel
	fd   int
	file io.ReadCloser
	all  uint64
}

// consumer is the name under which the kernel lists who has the lines.
const consumer = "paywatt"

// RequestInputs takes lines as inputs.
func RequestInputs(k Kernel, o Options) (*Lines, error) {
	flags := uint64(flagInput)
	if o.Edges&Rising != 0 {
		flags |= flagRising
	}
	if o.Edges&Falling != 0 {
		flags |= flagFalling
	}
	if o.PullUp {
		flags |= flagPullUp
	}
	var attrs []attribute
	if o.Debounce > 0 {
		attrs = append(attrs, attribute{attrDebounce, uint64(o.Debounce.Microseconds())})
	}
	return request(k, o, flags, attrs)
}

// RequestOutputs takes lines as outputs; they have their first values at once.
func RequestOutputs(k Kernel, o Options) (*Lines, error) {
	return request(k, o, flagOutput, []attribute{{attrOutputValues, o.Values}})
}

// attribute is a setting that holds for all lines of a request.
type attribute struct {
	id    uint32
	value uint64
}

func request(k Kernel, o Options, flags uint64, attrs []attribute) (*Lines, error) {
	if len(o.Lines) == 0 || len(o.Lines) > maxLines {
		return nil, fmt.Errorf("%w, not %d", ErrLines, len(o.Lines))
	}
	if o.ActiveLow {
		flags |= flagActiveLow
	}
	all := ^uint64(0) >> (maxLines - len(o.Lines))
	b := make([]byte, requestSize)
	for i, n := range o.Lines {
		binary.NativeEndian.PutUint32(b[4*i:], n)
	}
	copy(b[consumerAt:consumerAt+consumerMax], consumer)
	binary.NativeEndian.PutUint64(b[configAt:], flags)
	binary.NativeEndian.PutUint32(b[attrCountAt:], uint32(len(attrs)))
	for i, a := range attrs {
		at := attrAt + i*attrSize
		binary.NativeEndian.PutUint32(b[at:], a.id)
		if a.id == attrDebounce {
			binary.NativeEndian.PutUint32(b[at+8:], uint32(a.value))
		} else {
			binary.NativeEndian.PutUint64(b[at+8:], a.value)
		}
		binary.NativeEndian.PutUint64(b[at+16:], all)
	}
	binary.NativeEndian.PutUint32(b[lineCountAt:], uint32(len(o.Lines)))
	binary.NativeEndian.PutUint32(b[bufferAt:], uint32(eventBuffer*len(o.Lines)))
	chip, err := k.Open(o.Chip)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Chip, err)
	}
	// The lines have a descriptor of their own; that of the chip is not needed any more.
	err = errors.Join(k.Ioctl(chip, getLine, b), k.Close(chip))
	if err != nil {
		return nil, fmt.Errorf("request lines %v of %s: %w", o.Lines, o.Chip, err)
	}
	fd := int(int32(binary.NativeEndian.Uint32(b[fdAt:])))
	return &Lines{k: k, fd: fd, file: k.File(fd), all: all}, nil
}

// eventBuffer is how many edges of each line wait in the kernel: at 60 A and 240 V and 3200 impulses per kWh, five
// seconds of them.
const eventBuffer = 64

// Values reads all lines.
func (l *Lines) Values() (uint64, error) {
	b := make([]byte, valuesSize)
	binary.NativeEndian.PutUint64(b[8:], l.all)
	if err := l.k.Ioctl(l.fd, getValues, b); err != nil {
		return 0, fmt.Errorf("read lines: %w", err)
	}
	return binary.NativeEndian.Uint64(b), nil
}

// Set writes the outputs that mask names.
func (l *Lines) Set(bits, mask uint64) error {
	b := make([]byte, valuesSize)
	binary.NativeEndian.PutUint64(b, bits)
	binary.NativeEndian.PutUint64(b[8:], mask&l.all)
	if err := l.k.Ioctl(l.fd, setValues, b); err != nil {
		return fmt.Errorf("write lines: %w", err)
	}
	return nil
}

// Edge is one change of an input.
type Edge struct {
	// At is the kernel's monotonic time of it.
	At time.Duration
	// Line is the number on the chip.
	Line uint32
	// Rising says that the line became active.
	Rising bool
	// Seq counts the edges of the line; a hole says that the kernel's buffer was full.
	Seq uint32
}

// ErrEvent is returned for what the kernel never writes.
var ErrEvent = errors.New("no line event")

const (
	eventRising  = 1
	eventFalling = 2
)

// Next waits for an edge. After Close it returns an error.
func (l *Lines) Next() (Edge, error) {
	b := make([]byte, eventSize)
	if _, err := io.ReadFull(l.file, b); err != nil {
		return Edge{}, fmt.Errorf("read line event: %w", err)
	}
	id := binary.NativeEndian.Uint32(b[8:])
	if id != eventRising && id != eventFalling {
		return Edge{}, fmt.Errorf("%w: id %d", ErrEvent, id)
	}
	return Edge{
		At: time.Duration(binary.NativeEndian.Uint64(b)), Line: binary.NativeEndian.Uint32(b[12:]), Rising: id == eventRising,
		Seq: binary.NativeEndian.Uint32(b[20:]),
	}, nil
}

// Close gives the lines back. What outputs do then is up to the chip.
func (l *Lines) Close() error { return l.file.Close() }
