//go:build !linux

package sim900

import (
	"errors"
	"os"
)

// PTY is a pseudo-terminal; only Linux has one here.
type PTY struct {
	*os.File
	Name string
}

// OpenPTY makes a pseudo-terminal on Linux.
func OpenPTY(string) (*PTY, error) {
	return nil, errors.New("open pseudo-terminal: only on Linux")
}
