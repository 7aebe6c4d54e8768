package sim900

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// PTY is a pseudo-terminal: the modem's end, and the name that other programs open as they would a serial port.
type PTY struct {
	*os.File
	Name string // such as /dev/pts/5
	link string
	held *os.File // the other end, held open; otherwise reads would fail whenever no program has the port open
}

// OpenPTY makes a pseudo-terminal in raw mode. link, if not empty, is a symbolic link to it that Close removes. OpenPTY
// replaces an existing link but no other file.
func OpenPTY(link string) (*PTY, error) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open pseudo-terminal: %w", err)
	}
	p := &PTY{File: f, link: link}
	if err := p.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open pseudo-terminal: %w", err), p.Close())
	}
	return p, nil
}

func (p *PTY) open() error {
	raw, err := p.SyscallConn() // Fd would make reads block in the kernel, where Close cannot end them
	if err != nil {
		return err
	}
	var n int
	var failed error
	if err := raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			n, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil || failed != nil {
		return errors.Join(err, failed)
	}
	p.Name = fmt.Sprintf("/dev/pts/%d", n)
	if p.held, err = os.OpenFile(p.Name, os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return err
	}
	if err := rawMode(p.held); err != nil {
		return err
	}
	if p.link == "" {
		return nil
	}
	if at, err := os.Lstat(p.link); err == nil && at.Mode()&fs.ModeSymlink != 0 {
		if err := os.Remove(p.link); err != nil {
			return err
		}
	}
	if err := os.Symlink(p.Name, p.link); err != nil {
		p.link = "" // the file is not the modem's, so Close must not remove it
		return err
	}
	return nil
}

// rawMode lets every byte pass unchanged in both directions.
func rawMode(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		var t *unix.Termios
		if t, failed = unix.IoctlGetTermios(int(fd), unix.TCGETS); failed != nil {
			return
		}
		t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
		t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8 | unix.CREAD | unix.CLOCAL
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		failed = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
	})
	return errors.Join(err, failed)
}

// Close ends the modem's reads and removes the link.
func (p *PTY) Close() error {
	var errs []error
	if p.link != "" {
		errs = append(errs, os.Remove(p.link))
	}
	if p.held != nil {
		errs = append(errs, p.held.Close())
	}
	return errors.Join(append(errs, p.File.Close())...)
}
