package linux

import (
	"fmt"
	"io"
	"time"

	"go.bug.st/serial"
)

// Port is a serial port, as a modem or another device behind one needs it.
type Port interface {
	io.ReadWriteCloser
	// SetReadTimeout makes a Read that gets nothing return 0 bytes after this time; below 0 it waits for ever.
	SetReadTimeout(t time.Duration) error
	// ResetInputBuffer forgets what has arrived and was not read.
	ResetInputBuffer() error
	// Drain waits until everything written has left.
	Drain() error
}

// OpenSerial opens a port, such as /dev/ttyUSB0, with 8 data bits, no parity and one stop bit.
func OpenSerial(name string, baud int) (Port, error) {
	p, err := serial.Open(name, &serial.Mode{BaudRate: baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit})
	if err != nil {
		return nil, fmt.Errorf("open serial port %s at %d baud: %w", name, baud, err)
	}
	return p, nil
}
