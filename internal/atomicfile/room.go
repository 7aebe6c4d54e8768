package atomicfile

// This file asks whether a disk has room, before a run writes and while it writes.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// mebibyte is the unit in which people read sizes.
const mebibyte = 1 << 20

// checkEvery is how often [Guard] looks at the disk.
const checkEvery = 20 * time.Millisecond

// Space is the free and the total space of a disk, in bytes. The zero value means unknown.
type Space struct{ Free, Total int64 }

// SpaceOf returns the space of the disk on which path is or will be.
func SpaceOf(path string) Space { return spaceOf(existing(path)) }

// existing returns path or the first folder above it that exists.
func existing(path string) string {
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); err == nil || p == filepath.Dir(p) {
			return p
		}
	}
}

// Amount is a number of bytes on the disk of a folder, which need not exist yet.
type Amount struct {
	Dir   string
	Bytes int64
}

// NoRoomError says that a disk has too little free space. The amounts are bytes.
type NoRoomError struct {
	Dir               string
	Need, Keep, Spare int64 // to write, to leave free for others, and free now
}

// Error implements error.
func (e *NoRoomError) Error() string {
	has := fmt.Sprintf("the disk of %s has %d MiB free", e.Dir, e.Spare/mebibyte)
	switch {
	case e.Keep == 0:
		return fmt.Sprintf("%s, and %d MiB are needed", has, roundUp(e.Need))
	case e.Need == 0:
		return fmt.Sprintf("%s, and %d MiB must stay free for the server", has, roundUp(e.Keep))
	}
	return fmt.Sprintf("%s, and %d MiB are needed: %d MiB for the copy, and %d MiB that must stay free for the server",
		has, roundUp(e.Need+e.Keep), roundUp(e.Need), roundUp(e.Keep))
}

func roundUp(bytes int64) int64 { return (bytes + mebibyte - 1) / mebibyte }

// checkRoom decides whether a disk has room for what a run writes besides what it must leave free. It accepts a disk whose space is unknown.
func checkRoom(dir string, s Space, need, keep int64) error {
	if s.Total == 0 || s.Free >= need+keep {
		return nil
	}
	return &NoRoomError{Dir: dir, Need: need, Keep: keep, Spare: s.Free}
}

// CheckRoom returns a [NoRoomError] unless each disk has room for all that is written there, and for keep if that is on the same disk.
// Written to one disk, amounts add up.
func CheckRoom(keep Amount, needs ...Amount) error {
	for _, n := range needs {
		need := int64(0)
		for _, other := range needs {
			if SameDisk(n.Dir, other.Dir) {
				need += other.Bytes
			}
		}
		left := int64(0)
		if SameDisk(n.Dir, keep.Dir) {
			left = keep.Bytes
		}
		if err := checkRoom(n.Dir, SpaceOf(n.Dir), need, left); err != nil {
			return err
		}
	}
	return nil
}

// SameDisk reports whether two folders, which need not exist yet, are on one disk. It returns false if that is unknown.
func SameDisk(a, b string) bool {
	one, two := existing(a), existing(b)
	if one == two {
		return true
	}
	first, known := deviceOf(one)
	second, alsoKnown := deviceOf(two)
	return known && alsoKnown && first == second
}

// Guard watches the disk of a folder while a run writes. It cancels the context, with a [NoRoomError] as its cause, when less than keep bytes
// are free. Call stop when the run has ended.
func Guard(ctx context.Context, dir string, keep int64) (guarded context.Context, stop func()) {
	guarded, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(checkEvery)
		defer tick.Stop()
		for {
			if err := checkRoom(dir, SpaceOf(dir), 0, keep); err != nil {
				cancel(err)
				return
			}
			select {
			case <-tick.C:
			case <-guarded.Done():
				return
			}
		}
	}()
	return guarded, func() { cancel(context.Canceled); <-ended }
}
