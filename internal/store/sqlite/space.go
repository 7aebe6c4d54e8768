package sqlite

import (
	"errors"
	"syscall"

	"zombiezen.com/go/sqlite"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/store"
)

// space is the free and the total space of a file system, in bytes. The zero value means unknown.
type space struct{ free, total int64 }

// spaceOf returns the space of the disk of dir.
func spaceOf(dir string) space {
	s := atomicfile.SpaceOf(dir)
	return space{free: s.Free, total: s.Total}
}

// Parts of a disk.
const (
	pageSize   = 4096
	logShare   = 16       // the log is moved into the database when it takes 1/logShare of the room
	leastLog   = 1024     // pages: the log is not moved before it has 4 MiB, however little room there is
	totalShare = 16       // the margin that a full disk must have free besides the reserve: 1/totalShare of the disk, at most half the reserve
	startRoom  = 1 << 20  // bytes: if a database does not open and less space is free, the disk is probably full
	copyGrowth = 16 << 20 // bytes: what the database and its log may grow while a copy is made
)

// logSizes are the limits of the log's length.
type logSizes struct {
	move   int // pages: from this length on, the log is moved into the database
	insist int // pages: from this length on, the writer waits for old snapshots
	keep   int // bytes of the file that remain when the log starts again, because overwriting them is cheaper
}

// logSizesFor returns the limits of the log. The parameter room is the free space plus the size of the log, in bytes; 0 means unknown.
func logSizesFor(room int64) logSizes {
	move := walPages
	if room > 0 {
		move = int(max(leastLog, min(walPages, room/logShare/pageSize)))
	}
	return logSizes{move: move, insist: move * walLimit / walPages, keep: move * pageSize * 3 / 2}
}

// again reports whether a full disk has space again for the reserve and a margin. Without the margin, the server would switch back and
// forth.
func (s space) again(reserve int64) bool {
	return s.total == 0 || s.free >= reserve+s.margin(reserve)
}

// margin is the free space besides the reserve from which on a disk is not full any more.
func (s space) margin(reserve int64) int64 { return min(reserve/2, s.total/totalShare) }

// servingRoom returns how much of the disk a copy must leave free, so that a server on the data folder goes on selling. The reserve counts
// as taken, whether the server has it now, has freed it, or will make it when it starts. The parameter held is the size of the reserve on
// the disk, in bytes.
func (s space) servingRoom(reserve, held int64) int64 {
	return max(0, reserve-held) + s.margin(reserve) + copyGrowth
}

// noRoom reports whether a database did not open because the disk is probably full.
func noRoom(err error, s space) bool {
	if err == nil {
		return false
	}
	return errors.Is(err, store.ErrFull) || errors.Is(err, syscall.ENOSPC) || sqlite.ErrCode(err) == sqlite.ResultIOErrSHMSize ||
		s.total > 0 && s.free < startRoom
}
