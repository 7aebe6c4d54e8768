package keystore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/paywatt/paywatt/internal/atomicfile"
)

// stamp identifies the file that was read, so that a change is noticed. A nil info means that there was no file. The system treats a
// replaced file as a different file, so even a change within the resolution of the file times is noticed.
type stamp struct{ info fs.FileInfo }

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return stamp{}, nil
	}
	return stamp{info}, err
}

func (s stamp) exists() bool { return s.info != nil }

func (s stamp) same(o stamp) bool {
	if !s.exists() || !o.exists() {
		return s.exists() == o.exists()
	}
	return os.SameFile(s.info, o.info) && s.info.Size() == o.info.Size() && s.info.ModTime().Equal(o.info.ModTime())
}

// readLimited reads a whole file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, limit)
	}
	return b, nil
}

// replace writes content to path so that after a power cut either the old file or the complete new one is there.
func replace(path string, content []byte) error {
	return atomicfile.WriteFile(path, 0o600, atomicfile.Content(content))
}

// createOnce is like replace, for a file that must not exist yet. It returns fs.ErrExist if another process was first.
func createOnce(path string, content []byte) error {
	return atomicfile.CreateFile(path, 0o600, atomicfile.Content(content))
}

// WriteOnce writes a file that only its owner can read, unless the file exists. After a power cut the file is complete or missing.
func WriteOnce(path string, content []byte) error {
	if err := createOnce(path, content); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// These constants say how long a process waits for another process that is changing the key store, and how often it tries the lock.
const (
	lockWait  = 10 * time.Second
	lockRetry = 20 * time.Millisecond
)

// ErrBusy means that another process held the key store's lock for longer than lockWait.
var ErrBusy = errors.New("another process is changing the key store; nothing was changed: try again")

// withLock runs fn while this process holds a lock on the file path.
func withLock(path string, fn func() error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for waited := time.Duration(0); ; waited += lockRetry {
		held, err := atomicfile.TryLock(f)
		if err != nil {
			return err
		}
		if !held {
			return fn()
		}
		if waited >= lockWait {
			return ErrBusy
		}
		time.Sleep(lockRetry)
	}
}
