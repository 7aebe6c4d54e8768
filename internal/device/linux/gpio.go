// Package linux puts a Linux board in place of the virtual one: contacts, switches, lights and impulses on the lines of
// a GPIO character device. A board file says which part is on which line.
//
// Start at [ParseFile] and [Open] with [System]. The package uses version 2 of the kernel's interface (linux/gpio.h)
// and encodes its structures byte by byte.
//
// The package has been tested only with a fake kernel, never with hardware, and has not yet moved a real relay. Do the
// first test without mains.
package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Kernel is what this package needs from the operating system.
type Kernel interface {
	// Open opens a device and returns its descriptor.
	Open(path string) (fd int, err error)
	// Ioctl makes a request; the kernel reads arg and writes its answer into it.
	Ioctl(fd int, request uint, arg []byte) error
	// File takes over a descriptor for reading. Closing the file ends a Read that waits.
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

// Sizes and offsets in struct gpio_v2_line_request, in bytes.
const (
	requestSize = 592
	valuesSize  = 16
	eventSize   = 48

	maxLines    = 64
	consumerAt  = 256
	consumerMax = 31 // characters, and a zero byte after them
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

// Edges says which changes of an input are reported.
type Edges uint8

// The edges, which may be combined.
const (
	// Rising is the change from inactive to active, Falling the change back.
	Rising Edges = 1 << iota
	Falling
)

// Options describe a request for lines. They apply to all of its lines.
type Options struct {
	// Chip is the device, such as /dev/gpiochip0.
	Chip string
	// Lines are the numbers of the lines on the chip, at most 64. The first line is bit 0 of a value.
	Lines []uint32
	// ActiveLow says that a low voltage counts as active.
	ActiveLow bool
	// PullUp switches on the line's pull-up resistor, for a switch to ground.
	PullUp bool
	// Edges are the changes that Next returns. Debounce is how long a contact must rest before a change counts.
	Edges    Edges
	Debounce time.Duration
	// Values are the initial values of outputs.
	Values uint64
}

// ErrLines is returned for a request that no kernel could fulfil.
var ErrLines = errors.New("1 to 64 lines can be requested")

// Lines are requested lines. Next may be called on a different goroutine from the other methods.
type Lines struct {
	k    Kernel
	fd   int
	file io.ReadCloser
	all  uint64
}

// consumer is the name under which the kernel lists the user of the lines.
const consumer = "paywatt"

// RequestInputs requests lines as inputs.
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

// RequestOutputs requests lines as outputs; they have their initial values at once.
func RequestOutputs(k Kernel, o Options) (*Lines, error) {
	return request(k, o, flagOutput, []attribute{{attrOutputValues, o.Values}})
}

// attribute is a setting for all lines of a request.
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
	// The lines have their own descriptor; the chip's is no longer needed.
	err = errors.Join(k.Ioctl(chip, getLine, b), k.Close(chip))
	if err != nil {
		return nil, fmt.Errorf("request lines %v of %s: %w", o.Lines, o.Chip, err)
	}
	fd := int(int32(binary.NativeEndian.Uint32(b[fdAt:])))
	return &Lines{k: k, fd: fd, file: k.File(fd), all: all}, nil
}

// eventBuffer is how many edges of each line the kernel buffers: five seconds of them at 60 A, 240 V and 3200 impulses
// per kWh.
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

// Set writes the outputs in mask.
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
	// At is the kernel's monotonic time of the change.
	At time.Duration
	// Line is the number on the chip.
	Line uint32
	// Rising says that the line became active.
	Rising bool
	// Seq counts the edges of the line. A gap means that the kernel's buffer was full.
	Seq uint32
}

// ErrEvent is the error for an event of the kernel that is neither a rising nor a falling edge.
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

// Close releases the lines. The chip decides what the outputs do then.
func (l *Lines) Close() error { return l.file.Close() }
