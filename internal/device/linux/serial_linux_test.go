package linux_test

import (
	"bufio"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/paywatt/paywatt/internal/device/linux"
)

// pty opens a pseudo-terminal and returns its own end and the name of the other.
func pty(t *testing.T) (*os.File, string) {
	t.Helper()
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return f, fmt.Sprintf("/dev/pts/%d", n)
}

func TestAModemAnswersOnASerialPort(t *testing.T) {
	modem, name := pty(t)
	p, err := linux.OpenSerial(name, 115200)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		line, err := bufio.NewReader(modem).ReadString('\r')
		if err == nil && line == "AT\r" {
			_, _ = modem.WriteString("\r\nOK\r\n")
		}
	}()
	if err := p.SetReadTimeout(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("AT\r")); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for b := make([]byte, 16); len(got) < 6; {
		n, err := p.Read(b)
		if err != nil || n == 0 {
			t.Fatalf("the modem's answer: %q, then %v", got, err)
		}
		got = append(got, b[:n]...)
	}
	if string(got) != "\r\nOK\r\n" {
		t.Errorf("the modem answered %q", got)
	}
	// Nothing more comes: a Read returns without anything, and does not wait for ever.
	if err := p.SetReadTimeout(20 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Read(make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("a silent modem: %d bytes, %v", n, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := linux.OpenSerial(name+"-gone", 9600); err == nil {
		t.Error("opened a port that is not there")
	}
}
