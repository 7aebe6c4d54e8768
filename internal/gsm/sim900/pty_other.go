//go:build !linux

package sim900

import (
	"errors"
	"os"
)

// PTY is a pseudo-terminal; it is implemented for Linux only.
type PTY struct {
	*os.File
	Name string
}

// OpenPTY returns an error: pseudo-terminals need Linux.
func OpenPTY(string) (*PTY, error) {
	return nil, errors.New("open pseudo-terminal: only on Linux")
}
