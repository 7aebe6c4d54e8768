package keystore

import (
	"errors"
	"fmt"
	"os"
)

// ErrNotPrivate means that others may read a file or folder that holds secrets.
var ErrNotPrivate = errors.New("others can read it")

// CheckPrivate returns an error that wraps ErrNotPrivate if somebody other than its owner may read a file or folder. The error says how to
// change that.
func CheckPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !othersMayRead(info) {
		return nil
	}
	mode := "600"
	if info.IsDir() {
		mode = "700"
	}
	return fmt.Errorf("%w: %s has mode %04o: run chmod %s %s", ErrNotPrivate, path, info.Mode().Perm(), mode, path)
}
