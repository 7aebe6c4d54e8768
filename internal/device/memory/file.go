package memory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/meter/journal"
)

// The files of a memory in its folder.
const (
	imageName = "memory"
	fileName  = "outbox"
	newName   = "outbox.new"
	lockName  = "lock"
)

// ErrInUse is returned by Open when another process holds the memory.
var ErrInUse = errors.New("memory is in use by another process")

// bufferSize is the size of the buffer, in bytes, at which Append writes it to the file. A smaller buffer waits for
// Commit or Sync.
const bufferSize = 64 << 10

// Folder is the memory of a meter in a folder: the image that package journal writes, and the log.
type Folder struct {
	Image *Image
	Log   *File
	lock  *os.File
}

// Open opens the memory in a folder, or creates it. Only the user can read the folder and its files, because they hold
// a meter's keys. Only one process may have it open.
func Open(dir string) (*Folder, Found, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, Found{}, fmt.Errorf("open memory %s: %w", dir, err)
	}
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, Found{}, fmt.Errorf("open memory %s: %w", dir, err)
	}
	m := &Folder{lock: lock}
	found, err := m.load(dir)
	if err != nil {
		return nil, Found{}, errors.Join(fmt.Errorf("open memory %s: %w", dir, err), m.Close())
	}
	return m, found, nil
}

func (m *Folder) load(dir string) (found Found, err error) {
	image, err := os.OpenFile(filepath.Join(dir, imageName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return Found{}, err
	}
	m.Image = &Image{f: image}
	if err := m.Image.reserve(); err != nil {
		return Found{}, err
	}
	m.Log = &File{dir: dir}
	if found, err = m.Log.load(); err != nil {
		return Found{}, err
	}
	// If an earlier process died, its last data may be only in the system's cache. Sync it before the meter relies on it.
	return found, errors.Join(image.Sync(), m.Log.f.Sync(), syncDir(dir))
}

// Close closes the memory and lets another process open it. Data that was not synced may be lost.
func (m *Folder) Close() error {
	var err error
	if m.Log != nil {
		err = m.Log.Close()
	}
	if m.Image != nil {
		err = errors.Join(err, m.Image.f.Close())
	}
	return errors.Join(err, m.lock.Close())
}

// Image is the part of a memory that package journal writes, as a file.
type Image struct{ f *os.File }

// reserve writes the image at its full length, so that a meter can store a token when the disk is full.
func (m *Image) reserve() error {
	info, err := m.f.Stat()
	if err != nil || info.Size() >= journal.Size {
		return err
	}
	_, err = m.f.WriteAt(make([]byte, journal.Size-info.Size()), info.Size())
	return err
}

// ReadAt implements journal.Memory.
func (m *Image) ReadAt(b []byte, at int64) (int, error) { return m.f.ReadAt(b, at) }

// WriteAt implements journal.Memory.
func (m *Image) WriteAt(b []byte, at int64) (int, error) { return m.f.WriteAt(b, at) }

// Sync implements journal.Memory.
func (m *Image) Sync() error { return m.f.Sync() }

// File is the log as a file.
type File struct {
	dir string
	f   *os.File
	buf []byte
	// size is the length of the file without buf. broken is the first error of a Sync.
	size   int64
	broken error
}

// load reads the file, cuts off a torn end and prepares to append.
func (m *File) load() (Found, error) {
	// If a replacement of the log was interrupted, delete the new file. The old file is still the log.
	if err := os.Remove(filepath.Join(m.dir, newName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Found{}, err
	}
	f, err := os.OpenFile(filepath.Join(m.dir, fileName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return Found{}, err
	}
	m.f = f
	b, err := io.ReadAll(f)
	if err != nil {
		return Found{}, err
	}
	frames, good, skipped := scan(b)
	if good < len(b) {
		if err := f.Truncate(int64(good)); err != nil {
			return Found{}, err
		}
	}
	if _, err := f.Seek(int64(good), io.SeekStart); err != nil {
		return Found{}, err
	}
	m.size = int64(good)
	return Found{Frames: frames, Torn: len(b) - good, Spoilt: skipped}, nil
}

// Append implements Log.
func (m *File) Append(f Frame) error {
	if m.broken != nil {
		return m.broken
	}
	return m.add(f, len(m.buf) >= bufferSize)
}

// add puts a frame into the buffer. If the parameter now is true, it also writes the buffer to the file. If the write
// fails, it removes the frame.
func (m *File) add(f Frame, now bool) error {
	before := len(m.buf)
	b, err := appendFrame(m.buf, f)
	if err != nil {
		return err
	}
	m.buf = b
	if !now {
		return nil
	}
	if err := m.flush(); err != nil {
		m.buf = m.buf[:before]
		return err
	}
	return nil
}

// Commit implements Log.
func (m *File) Commit(f Frame) error {
	if m.broken != nil {
		return m.broken
	}
	if err := m.add(f, true); err != nil {
		return err
	}
	return m.Sync()
}

// flush writes the buffer to the file. It undoes a write that fails half way, as on a full disk. So the file always
// ends with a whole frame, and the buffer can be written again when there is room.
func (m *File) flush() error {
	if len(m.buf) == 0 {
		return nil
	}
	n, err := m.f.WriteAt(m.buf, m.size)
	if err != nil {
		err = fmt.Errorf("write memory %s: %w", m.dir, err)
		if n > 0 {
			err = errors.Join(err, m.f.Truncate(m.size))
		}
		return err
	}
	m.size += int64(n)
	m.buf = m.buf[:0]
	return nil
}

// Sync implements Log. A full disk is an error that may be temporary. A failed fsync is permanent, because the system
// may have dropped the pages and would report success next time.
func (m *File) Sync() error {
	if m.broken != nil {
		return m.broken
	}
	if err := m.flush(); err != nil {
		return err
	}
	if err := m.f.Sync(); err != nil {
		m.broken = fmt.Errorf("sync memory %s: %w", m.dir, err)
		return m.broken
	}
	return nil
}

// Replace implements Log. It writes a new file, makes it durable and renames it over the old one.
func (m *File) Replace(frames []Frame) error {
	if m.broken != nil {
		return m.broken
	}
	b, err := join(frames)
	if err != nil {
		return err
	}
	path := filepath.Join(m.dir, newName)
	f, err := writeNew(path, b)
	if err != nil {
		return fmt.Errorf("replace memory %s: %w", m.dir, err)
	}
	if err := os.Rename(path, filepath.Join(m.dir, fileName)); err != nil {
		return errors.Join(fmt.Errorf("replace memory %s: %w", m.dir, err), f.Close())
	}
	old := m.f
	m.f, m.size, m.buf = f, int64(len(b)), m.buf[:0]
	if err := syncDir(m.dir); err != nil {
		m.broken = fmt.Errorf("replace memory %s: %w", m.dir, err)
		return errors.Join(m.broken, old.Close())
	}
	return fault.Wrap(old.Close(), "replace memory %s: close the old file", m.dir)
}

// writeNew writes a file, makes it durable and leaves it open.
func writeNew(path string, b []byte) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err != nil { // on a full disk, an incomplete file takes the last room
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Size implements Log.
func (m *File) Size() int64 { return m.size + int64(len(m.buf)) }

// Close implements Log.
func (m *File) Close() error {
	if m.f == nil {
		return nil
	}
	return errors.Join(m.flush(), m.f.Close())
}
