package memory_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter/journal"
)

func frames(n int) []memory.Frame {
	out := make([]memory.Frame, n)
	for i := range out {
		out[i] = memory.Frame{Kind: uint8(i % 7), Data: bytes.Repeat([]byte{byte(i), 0xA5, 0x5A}, i%40)}
	}
	return out
}

func same(a, b []memory.Frame) bool {
	return slices.EqualFunc(a, b, func(a, b memory.Frame) bool { return a.Kind == b.Kind && bytes.Equal(a.Data, b.Data) })
}

// opened is a folder's log with the folder's Close.
type opened struct {
	*memory.File
	folder *memory.Folder
}

func (o opened) Close() error { return o.folder.Close() }

func open(t *testing.T, dir string) (opened, memory.Found) {
	t.Helper()
	m, found, err := memory.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return opened{m.Log, m}, found
}

func closed(t *testing.T, m memory.Log) {
	t.Helper()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

func appendAll(t *testing.T, m memory.Log, all []memory.Frame) {
	t.Helper()
	for _, f := range all {
		if err := m.Append(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Sync(); err != nil {
		t.Fatal(err)
	}
}

func TestFramesComeBackInOrder(t *testing.T) {
	dir := t.TempDir()
	want := frames(3000) // more than the buffer holds
	m, found := open(t, dir)
	if len(found.Frames) != 0 {
		t.Fatalf("a new memory holds %d frames", len(found.Frames))
	}
	appendAll(t, m, want)
	size := m.Size()
	closed(t, m)
	m, found = open(t, dir)
	defer closed(t, m)
	if !same(found.Frames, want) || found.Torn != 0 || found.Spoilt != 0 || m.Size() != size {
		t.Errorf("got %d frames, torn %d, spoilt %d, size %d; want %d, 0, 0, %d",
			len(found.Frames), found.Torn, found.Spoilt, m.Size(), len(want), size)
	}
}

func TestATornWriteIsCutOffAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	m, _ := open(t, dir)
	appendAll(t, m, frames(5))
	before := m.Size()
	appendAll(t, m, []memory.Frame{{Kind: 9, Data: []byte("a token was accepted")}})
	closed(t, m)
	path := filepath.Join(dir, "outbox")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := before; cut < int64(len(whole)); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		m, found := open(t, dir)
		if !same(found.Frames, frames(5)) || found.Torn != int(cut-before) {
			t.Fatalf("cut at %d: %d frames, torn %d; want 5 and %d", cut, len(found.Frames), found.Torn, cut-before)
		}
		appendAll(t, m, []memory.Frame{{Kind: 1, Data: []byte("after")}})
		closed(t, m)
		m, found = open(t, dir)
		closed(t, m)
		if len(found.Frames) != 6 || found.Torn != 0 || found.Spoilt != 0 {
			t.Fatalf("cut at %d: after the next write %d frames, torn %d, spoilt %d", cut, len(found.Frames), found.Torn, found.Spoilt)
		}
	}
}

func TestASpoiltFrameDoesNotHideItsSuccessors(t *testing.T) {
	all := frames(60)
	ram := memory.NewRAM()
	appendAll(t, ram, all)
	durable, _ := ram.Bytes()
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 2))
	for range 500 {
		b := bytes.Clone(durable)
		b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
		_, found := memory.LoadRAM(b)
		if len(found.Frames) != len(all)-1 || found.Torn+found.Spoilt == 0 {
			t.Fatalf("one bit flipped: %d of %d frames found, torn %d, spoilt %d", len(found.Frames), len(all), found.Torn, found.Spoilt)
		}
		for _, f := range found.Frames {
			if !slices.ContainsFunc(all, func(o memory.Frame) bool { return o.Kind == f.Kind && bytes.Equal(o.Data, f.Data) }) {
				t.Fatalf("found a frame nobody wrote: %d %x", f.Kind, f.Data)
			}
		}
	}
}

func TestReplaceSwapsTheContentAndGoesOn(t *testing.T) {
	dir := t.TempDir()
	m, _ := open(t, dir)
	appendAll(t, m, frames(200))
	if err := m.Append(memory.Frame{Kind: 3, Data: []byte("buffered before, and part of the new content or of none")}); err != nil {
		t.Fatal(err)
	}
	keep := frames(3)
	if err := m.Replace(keep); err != nil {
		t.Fatal(err)
	}
	last := memory.Frame{Kind: 4, Data: []byte("after")}
	if err := m.Commit(last); err != nil {
		t.Fatal(err)
	}
	closed(t, m)
	m, found := open(t, dir)
	defer closed(t, m)
	if want := append(keep, last); !same(found.Frames, want) {
		t.Errorf("got %d frames, want the 3 of the replacement and 1", len(found.Frames))
	}
}

func TestAnUnfinishedReplacementNeverHappened(t *testing.T) {
	dir := t.TempDir()
	m, _ := open(t, dir)
	appendAll(t, m, frames(4))
	closed(t, m)
	if err := os.WriteFile(filepath.Join(dir, "outbox.new"), []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, found := open(t, dir)
	defer closed(t, m)
	if !same(found.Frames, frames(4)) {
		t.Errorf("got %d frames, want the 4 of the old content", len(found.Frames))
	}
}

func TestOnlyOneProcessHoldsAMemory(t *testing.T) {
	dir := t.TempDir()
	m, _ := open(t, dir)
	if _, _, err := memory.Open(dir); !errors.Is(err, memory.ErrInUse) {
		t.Errorf("second Open: %v, want ErrInUse", err)
	}
	closed(t, m)
	m, _ = open(t, dir)
	closed(t, m)
}

func TestTheMemoryIsItsOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	m, _ := open(t, dir)
	defer closed(t, m)
	for _, path := range []string{dir, filepath.Join(dir, "outbox"), filepath.Join(dir, "memory")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if perm := info.Mode().Perm(); perm&0o077 != 0 {
			t.Errorf("%s has mode %o: others may read the keys in it", path, perm)
		}
	}
}

func TestAFrameHasALimit(t *testing.T) {
	ram := memory.NewRAM()
	if err := ram.Commit(memory.Frame{Data: make([]byte, memory.MaxFrame)}); err != nil {
		t.Errorf("a frame of the limit: %v", err)
	}
	if err := ram.Append(memory.Frame{Data: make([]byte, memory.MaxFrame+1)}); !errors.Is(err, memory.ErrTooLarge) {
		t.Errorf("one byte more: %v, want ErrTooLarge", err)
	}
}

func TestAnImageReadsAsZeroWhereNothingWasWritten(t *testing.T) {
	dir := t.TempDir()
	folder, _, err := memory.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]journal.Memory{"RAM": &memory.RAMImage{}, "file": folder.Image} {
		if _, err := m.WriteAt([]byte("keys"), 100); err != nil {
			t.Fatal(err)
		}
		if err := m.Sync(); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, journal.Size+10)
		if n, err := m.ReadAt(b, 98); !errors.Is(err, io.EOF) || n < 6 || string(b[:8]) != "\x00\x00keys\x00\x00" {
			t.Errorf("%s: read %d bytes %q, %v", name, n, b[:8], err)
		}
	}
	if err := folder.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTheImageHasItsRoomFromTheBeginning(t *testing.T) {
	dir := t.TempDir()
	m, _ := open(t, dir)
	closed(t, m)
	info, err := os.Stat(filepath.Join(dir, "memory"))
	if err != nil || info.Size() != journal.Size {
		t.Errorf("the image has %d bytes (%v), want %d", info.Size(), err, journal.Size)
	}
}

func FuzzLoad(f *testing.F) {
	ram := memory.NewRAM()
	for _, fr := range frames(6) {
		if err := ram.Commit(fr); err != nil {
			f.Fatal(err)
		}
	}
	b, _ := ram.Bytes()
	f.Add(bytes.Clone(b))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, found := memory.LoadRAM(b)
		if int(m.Size())+found.Torn != len(b) {
			t.Fatalf("%d bytes became %d and %d torn", len(b), m.Size(), found.Torn)
		}
		kept, _ := m.Bytes()
		_, again := memory.LoadRAM(kept)
		if !same(found.Frames, again.Frames) || again.Torn != 0 {
			t.Fatalf("loading what was kept gives %d frames instead of %d", len(again.Frames), len(found.Frames))
		}
	})
}
