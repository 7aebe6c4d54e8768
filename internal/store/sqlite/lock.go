package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/atomicfile"
)

// Lock is the right to serve a data folder. The operating system releases it when the process ends, however it ends.
type Lock struct{ f *os.File }

// TakeLock takes the folder's lock, or returns [ErrLocked] if another process has it. It creates the folder if needed.
func TakeLock(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnwritable, dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnwritable, dir, err)
	}
	held, err := atomicfile.TryLock(f)
	if err != nil || held {
		if held {
			err = fmt.Errorf("%w: %s", ErrLocked, dir)
		}
		return nil, errors.Join(err, f.Close())
	}
	return &Lock{f}, nil
}

// Release releases the lock.
func (l *Lock) Release() error { return l.f.Close() }
