package walbuf

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// syncData makes the log's content durable with the metadata needed to read it: its length, but not its time of change. This build of
// SQLite would use fsync. Because the log is mostly overwritten in place, that would make the file system commit its own journal for a mere
// time stamp. The first sync of a file is SQLite's own, which also makes its name durable.
func (l *logFile) syncData(tls *libc.TLS, file uintptr, flags int32) int32 {
	if l.synced == 0 {
		rc := function[syncFunc](l.real().FxSync)(tls, file, flags)
		if rc == sqlite3.SQLITE_OK {
			l.synced = 1
		}
		return rc
	}
	fd := int(at[sqlite3.TunixFile](file).Fh)
	err := syscall.Fdatasync(fd)
	for errors.Is(err, syscall.EINTR) {
		err = syscall.Fdatasync(fd)
	}
	if err != nil {
		return sqlite3.SQLITE_IOERR_FSYNC
	}
	return sqlite3.SQLITE_OK
}

// writeOut asks the disk to begin to write bytes of the log, while SQLite prepares the next ones. It promises nothing, so an error does not
// matter: the sync writes all bytes and reports the error.
func writeOut(file uintptr, from int64, n int) {
	_ = unix.SyncFileRange(int(at[sqlite3.TunixFile](file).Fh), from, int64(n), unix.SYNC_FILE_RANGE_WRITE)
}
