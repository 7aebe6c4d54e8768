package sqlite

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/paywatt/paywatt/internal/store"
)

// TestTheLogFitsTheDisk checks that the log is moved into the database before it takes a large part of the free space.
func TestTheLogFitsTheDisk(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		room         int64
		move, insist int
		keep         int
	}{
		{0, 16_000, 24_000, 96_000 * 1024}, // the free space is unknown
		{1 << 40, 16_000, 24_000, 96_000 * 1024},
		{1000 * mib, 16_000, 24_000, 96_000 * 1024},
		{400 * mib, 6400, 9600, 6400 * 6144},
		{200 * mib, 3200, 4800, 3200 * 6144},
		{64 * mib, 1024, 1536, 6 * mib},
		{1, 1024, 1536, 6 * mib},
	} {
		if got := logSizesFor(c.room); got != (logSizes{c.move, c.insist, c.keep}) {
			t.Errorf("with %d MiB of room: %+v, want move %d, insist %d, keep %d", c.room/mib, got, c.move, c.insist, c.keep)
		}
	}
}

// TestAFullDiskHasRoomAgain checks when a full disk has room again: room for the reserve alone is not enough.
func TestAFullDiskHasRoomAgain(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		s       space
		reserve int64
		want    bool
	}{
		{space{}, 64 * mib, true}, // the space is unknown: making the reserve will show whether there is room
		{space{64 * mib, 100_000 * mib}, 64 * mib, false},
		{space{95 * mib, 100_000 * mib}, 64 * mib, false},
		{space{96 * mib, 100_000 * mib}, 64 * mib, true},
		{space{70 * mib, 160 * mib}, 64 * mib, false},
		{space{74 * mib, 160 * mib}, 64 * mib, true}, // a small disk needs less
		{space{63 * mib, 64 * mib}, 64 * mib, false},
	} {
		if got := c.s.again(c.reserve); got != c.want {
			t.Errorf("%d of %d MiB are free: room again %t, want %t", c.s.free/mib, c.s.total/mib, got, c.want)
		}
	}
}

// TestACopyLeavesWhatAServerNeeds checks how much of the data's disk a copy must leave free. The reserve counts as taken whether it is there or not.
func TestACopyLeavesWhatAServerNeeds(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name          string
		total         int64
		reserve, held int64
		want          int64
	}{
		{"a server runs", 100_000 * mib, 64 * mib, 64 * mib, (32 + 16) * mib},
		{"the reserve is freed", 100_000 * mib, 64 * mib, 0, (64 + 32 + 16) * mib},
		{"a part of the reserve", 100_000 * mib, 64 * mib, 40 * mib, (24 + 32 + 16) * mib},
		{"a larger reserve than needed", 100_000 * mib, 64 * mib, 70 * mib, (32 + 16) * mib},
		{"a small disk", 160 * mib, 64 * mib, 64 * mib, (10 + 16) * mib},
		{"an unknown disk", 0, 64 * mib, 64 * mib, 16 * mib},
	} {
		if got := (space{total: c.total}).servingRoom(c.reserve, c.held); got != c.want {
			t.Errorf("%s: %d MiB must stay free, want %d", c.name, got/mib, c.want/mib)
		}
	}
}

// TestADatabaseDoesNotOpenBecauseTheDiskIsFull checks which errors say so. Where the error does not, little free space does.
func TestADatabaseDoesNotOpenBecauseTheDiskIsFull(t *testing.T) {
	const mib = 1 << 20
	other := errors.New("another error")
	for _, c := range []struct {
		err  error
		s    space
		want bool
	}{
		{nil, space{0, 100 * mib}, false},
		{other, space{}, false}, // the space is unknown
		{other, space{0, 100 * mib}, true},
		{other, space{mib - 1, 100 * mib}, true},
		{other, space{mib, 100 * mib}, false},
		{other, space{0, 1}, true},
		{fmt.Errorf("open: %w", store.ErrFull), space{50 * mib, 100 * mib}, true},
		{fmt.Errorf("open: %w", syscall.ENOSPC), space{50 * mib, 100 * mib}, true},
		{fmt.Errorf("open: %w", syscall.EIO), space{50 * mib, 100 * mib}, false},
		{sqlite.ResultIOErrSHMSize.ToError(), space{50 * mib, 100 * mib}, true},
		{sqlite.ResultIOErrRead.ToError(), space{50 * mib, 100 * mib}, false},
		{store.ErrFull, space{}, true},
	} {
		if got := noRoom(c.err, c.s); got != c.want {
			t.Errorf("%v with %d of %d MiB free: no room %t, want %t", c.err, c.s.free/mib, c.s.total/mib, got, c.want)
		}
	}
}

// TestTheSpaceOfADisk is that of the system.
func TestTheSpaceOfADisk(t *testing.T) {
	s := spaceOf(t.TempDir())
	if s.total == 0 {
		t.Skip("NOT TESTED: the free space is not known on this system")
	}
	if s.free <= 0 || s.free > s.total {
		t.Errorf("%d of %d bytes are free", s.free, s.total)
	}
}
