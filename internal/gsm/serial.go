package gsm

import (
	"context"
	"fmt"
	"io"

	"go.bug.st/serial"
)

// Serial returns a function for Config.Dial that opens a serial port, such as /dev/ttyUSB0, with 8 data bits, no parity and one
// stop bit.
func Serial(name string, baud int) func(context.Context) (io.ReadWriteCloser, error) {
	return func(context.Context) (io.ReadWriteCloser, error) {
		p, err := serial.Open(name, &serial.Mode{BaudRate: baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit})
		if err != nil {
			return nil, fmt.Errorf("serial port %s at %d baud: %w", name, baud, err)
		}
		return p, nil
	}
}
