// Package memory is the non-volatile memory of a virtual meter: an image of a few kilobytes, which package journal
// writes, and a log of frames for everything that needs more room.
//
// Start at [Open], or at [RAMImage] and [Nothing] for a memory that ends with the process. The device decides what a
// frame means. The log promises three things. A frame that was appended before a successful Sync survives any crash. A
// frame is never half there: each carries a checksum, a torn or spoilt frame is skipped, and the good ones after it are
// still found. [Log.Replace] swaps the whole content in one step, so that a long log can be shortened at any moment
// without losing anything.
package memory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Frame is one entry of the log.
type Frame struct {
	// Kind is chosen by the device.
	Kind uint8
	Data []byte
}

// Log is an append-only log of frames.
type Log interface {
	// Append adds a frame, which is durable after the next Sync. After an error the frame is not in the log.
	Append(f Frame) error
	// Sync makes everything appended durable.
	Sync() error
	// Commit appends one frame and makes it durable together with all before it. If it fails because there is no room, the
	// frame is not in the log and never will be. If the medium itself fails, it is unknown whether the frame is there, and
	// every later call fails.
	Commit(f Frame) error
	// Replace replaces the content with these frames, durably and in one step. After an error the old content remains.
	Replace(frames []Frame) error
	// Size is the length of the content in bytes.
	Size() int64
	// Close closes the log. Data that was not synced may be lost.
	Close() error
}

// MaxFrame is the largest frame in bytes.
const MaxFrame = 64 << 10

// ErrTooLarge is returned for a frame above MaxFrame.
var ErrTooLarge = errors.New("frame above 64 KiB")

// A frame is mark (2 bytes), kind (1), length of the data (4, little endian), CRC-32C of kind, length and data (4), data.
const (
	mark0, mark1 = 0xA5, 0x5A
	headSize     = 11
)

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendFrame appends the encoded frame to b.
func appendFrame(b []byte, f Frame) ([]byte, error) {
	if len(f.Data) > MaxFrame {
		return b, fmt.Errorf("%w: kind %d, %d bytes", ErrTooLarge, f.Kind, len(f.Data))
	}
	start := len(b)
	b = append(b, mark0, mark1, f.Kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Data)))
	crc := crc32.Update(crc32.Update(0, castagnoli(), b[start+2:]), castagnoli(), f.Data)
	b = binary.LittleEndian.AppendUint32(b, crc)
	return append(b, f.Data...), nil
}

// scan finds every good frame. good is the end of the last one; any bytes after it are a torn write. skipped counts the
// spoilt bytes before it.
func scan(b []byte) (frames []Frame, good, skipped int) {
	for i := 0; i < len(b); {
		f, size, ok := frameAt(b[i:])
		if !ok {
			i++ // look for the next mark: a spoilt frame must not hide the frames after it
			continue
		}
		skipped += i - good
		frames = append(frames, f)
		i += size
		good = i
	}
	return frames, good, skipped
}

func frameAt(b []byte) (f Frame, size int, ok bool) {
	if len(b) < headSize || b[0] != mark0 || b[1] != mark1 {
		return Frame{}, 0, false
	}
	n := binary.LittleEndian.Uint32(b[3:])
	if n > MaxFrame || int(n) > len(b)-headSize {
		return Frame{}, 0, false
	}
	data := b[headSize : headSize+int(n) : headSize+int(n)]
	crc := crc32.Update(crc32.Update(0, castagnoli(), b[2:7]), castagnoli(), data)
	if crc != binary.LittleEndian.Uint32(b[7:]) {
		return Frame{}, 0, false
	}
	return Frame{Kind: b[2], Data: data}, headSize + int(n), true
}

// Found is what a memory held when it was opened.
type Found struct {
	Frames []Frame
	// Torn is how many bytes of an unfinished write were cut off the end, because the process died while writing.
	Torn int
	// Spoilt is how many bytes before the end belong to no good frame: the medium has lost durable data.
	Spoilt int
}

// RAM is a log in memory, for tests of power cuts.
type RAM struct {
	durable, pending []byte
}

// NewRAM returns an empty log.
func NewRAM() *RAM { return &RAM{} }

// LoadRAM returns a log that holds these bytes, as a medium would after a power cut, and what was found in it.
func LoadRAM(b []byte) (*RAM, Found) {
	frames, good, skipped := scan(b)
	return &RAM{durable: append([]byte(nil), b[:good]...)}, Found{Frames: frames, Torn: len(b) - good, Spoilt: skipped}
}

// Append implements Log.
func (r *RAM) Append(f Frame) (err error) {
	r.pending, err = appendFrame(r.pending, f)
	return err
}

// Sync implements Log.
func (r *RAM) Sync() error {
	r.durable = append(r.durable, r.pending...)
	r.pending = r.pending[:0]
	return nil
}

// Commit implements Log.
func (r *RAM) Commit(f Frame) error { return errors.Join(r.Append(f), r.Sync()) }

// Replace implements Log.
func (r *RAM) Replace(frames []Frame) error {
	b, err := join(frames)
	if err != nil {
		return err
	}
	r.durable, r.pending = b, nil
	return nil
}

// Size implements Log.
func (r *RAM) Size() int64 { return int64(len(r.durable) + len(r.pending)) }

// Close implements Log.
func (r *RAM) Close() error { return nil }

// Bytes returns what certainly survives a power cut, and what was still being written: any part of that may survive
// too.
func (r *RAM) Bytes() (durable, pending []byte) { return r.durable, r.pending }

func join(frames []Frame) (b []byte, err error) {
	for _, f := range frames {
		if b, err = appendFrame(b, f); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// RAMImage is an image in memory. Like an EEPROM it reads as zero beyond what was written.
type RAMImage struct{ b []byte }

// ReadAt implements journal.Memory.
func (m *RAMImage) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(len(m.b)) {
		return 0, io.EOF
	}
	n := copy(b, m.b[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements journal.Memory.
func (m *RAMImage) WriteAt(b []byte, at int64) (int, error) {
	if end := int(at) + len(b); end > len(m.b) {
		m.b = append(m.b, make([]byte, end-len(m.b))...)
	}
	return copy(m.b[at:], b), nil
}

// Sync implements journal.Memory.
func (m *RAMImage) Sync() error { return nil }

// Nothing is a log that stores nothing, for a meter that ends with its process and is never opened again. The outbox
// still holds the records; only a restart would lose them.
type Nothing struct{}

// Append implements Log.
func (Nothing) Append(Frame) error { return nil }

// Sync implements Log.
func (Nothing) Sync() error { return nil }

// Commit implements Log.
func (Nothing) Commit(Frame) error { return nil }

// Replace implements Log.
func (Nothing) Replace([]Frame) error { return nil }

// Size implements Log.
func (Nothing) Size() int64 { return 0 }

// Close implements Log.
func (Nothing) Close() error { return nil }
