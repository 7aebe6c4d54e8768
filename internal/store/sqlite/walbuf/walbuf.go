// Package walbuf lets one SQLite connection write a commit to its write-ahead log with a few system calls.
//
// SQLite writes every page of a commit with two calls, 24 bytes and then the page. A batch of sales touches more than a hundred pages, so
// the calls cost more than the sales themselves. [Buffer] is a file system for SQLite (a VFS) in front of the real one. Between
// [Buffer.Begin] and [Buffer.End] it gathers the bytes that are written to the log. It passes these bytes on in pieces of 64 KiB when
// SQLite syncs the log or reads from it, or when the buffer is full. Everything else goes straight through. After a sync the log is byte
// for byte what it would be without the buffer, and COMMIT under synchronous=FULL syncs before it returns. End returns how many bytes were
// not passed on, which must be 0 after a COMMIT. If a delayed write fails, the SQLite call that caused the write returns the error, and the
// log is not synced.
//
// Only the connection that opened its database through the buffer is affected. It must be the only connection through that buffer, and only
// the goroutine that calls Begin and End may use it. Other connections and processes see the log only up to the last sync, because SQLite
// publishes frames after it has synced them.
package walbuf

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Sizes in bytes.
const (
	capacity = 1 << 20 // the most bytes gathered before they are passed on: about 250 pages
	piece    = 1 << 16 // size of one write: SQLite's file system for Unix writes less than 128 KiB at a time
)

// Buffer is the file system of one connection. The memory that SQLite reads through pointers is C memory, because the race detector's
// checks allow such pointers only there.
type Buffer struct {
	tls  *libc.TLS
	real uintptr // the real file system
	ours uintptr // address of a fileSystem
	name uintptr // address of a C string

	active bool
	start  int64  // position of the gathered bytes in the log
	bytes  []byte // the gathered bytes, in C memory
}

// fileSystem is our file system as SQLite sees it, followed by the open log.
type fileSystem struct {
	vfs sqlite3.Tsqlite3_vfs // AppData is the Buffer
	log logFile
}

// logFile is the open log: the methods that SQLite calls, and the real methods that these methods call. SQLite holds the address of the
// first field, which is also the address of the logFile.
type logFile struct {
	methods sqlite3.Tsqlite3_io_methods
	owner   uintptr // the Buffer
	behind  uintptr // the real methods
	synced  int32   // not 0 after the first sync
}

func (l *logFile) buffer() *Buffer { return at[Buffer](l.owner) }

func (l *logFile) real() *sqlite3.Tsqlite3_io_methods {
	return at[sqlite3.Tsqlite3_io_methods](l.behind)
}

// The types of the VFS functions that are called or replaced here.
type (
	openFunc   = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	ioFunc     = func(tls *libc.TLS, file, data uintptr, n int32, at int64) int32
	closeFunc  = func(tls *libc.TLS, file uintptr) int32
	truncFunc  = func(tls *libc.TLS, file uintptr, size int64) int32
	syncFunc   = func(tls *libc.TLS, file uintptr, flags int32) int32
	lengthFunc = func(tls *libc.TLS, file, size uintptr) int32
)

// New registers a buffer with SQLite under a name of its own.
func New() (*Buffer, error) {
	b := &Buffer{tls: libc.NewTLS()}
	b.real = sqlite3.Xsqlite3_vfs_find(b.tls, 0)
	b.ours = libc.Xmalloc(b.tls, libc.Tsize_t(unsafe.Sizeof(fileSystem{})))
	memory := libc.Xmalloc(b.tls, capacity)
	name, err := libc.CString(fmt.Sprintf("walbuf-%x", b.ours))
	b.name = name
	if memory != 0 {
		b.bytes = unsafe.Slice(at[byte](memory), capacity)[:0]
	}
	if b.real == 0 || b.ours == 0 || memory == 0 || err != nil {
		b.free()
		return nil, errors.Join(errors.New("SQLite has no default file system, or there is not enough memory"), err)
	}
	s := at[fileSystem](b.ours)
	list := sqlite3.Xsqlite3_mutex_alloc(b.tls, sqlite3.SQLITE_MUTEX_STATIC_MAIN) // SQLite holds this mutex while it changes its list
	sqlite3.Xsqlite3_mutex_enter(b.tls, list)
	*s = fileSystem{vfs: *at[sqlite3.Tsqlite3_vfs](b.real)}
	sqlite3.Xsqlite3_mutex_leave(b.tls, list)
	s.vfs.FpNext, s.vfs.FzName = 0, b.name
	s.vfs.FpAppData = uintptr(unsafe.Pointer(b)) // the caller keeps b alive as long as the connection
	s.vfs.FxOpen = pointer(openFunc(open))
	if rc := sqlite3.Xsqlite3_vfs_register(b.tls, b.ours, 0); rc != sqlite3.SQLITE_OK {
		b.free()
		return nil, fmt.Errorf("register a file system with sqlite: code %d", rc)
	}
	return b, nil
}

// URI returns the URI with which to open a database file so that its log is buffered.
func (b *Buffer) URI(path string) (string, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	whole = filepath.ToSlash(whole)
	if whole[0] != '/' { // the path begins with a drive letter
		whole = "/" + whole
	}
	u := url.URL{Scheme: "file", Path: whole, RawQuery: "vfs=" + libc.GoString(b.name)}
	return u.String(), nil
}

// Begin starts to gather bytes. Call it when a write transaction has just begun, so that only this connection writes to the log.
func (b *Buffer) Begin() {
	b.bytes, b.active = b.bytes[:0], true
}

// End stops gathering and drops the bytes that were not passed on, as after a rollback. It returns how many bytes it dropped; after a
// COMMIT, more than 0 means that the commit is not in the log.
func (b *Buffer) End() int {
	n := len(b.bytes)
	b.bytes, b.active = b.bytes[:0], false
	return n
}

// Close unregisters the file system. The connection must be closed before.
func (b *Buffer) Close() error {
	rc := sqlite3.Xsqlite3_vfs_unregister(b.tls, b.ours)
	b.free()
	if rc != sqlite3.SQLITE_OK {
		return fmt.Errorf("unregister a file system with sqlite: code %d", rc)
	}
	return nil
}

func (b *Buffer) free() {
	for _, p := range []uintptr{b.name, b.ours, uintptr(unsafe.Pointer(unsafe.SliceData(b.bytes)))} {
		libc.Xfree(b.tls, p)
	}
	b.bytes = nil
	b.tls.Close()
}

// at turns a C pointer into a Go pointer.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// pointer turns a declared Go function into a C function pointer; function does the reverse. Both rely on modernc.org/libc, where a C
// function pointer is a Go func value.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }

// open opens a file through the real file system and, if it is the log, puts the buffer in front of it.
func open(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	s := at[fileSystem](vfs)
	b := at[Buffer](s.vfs.FpAppData)
	rc := function[openFunc](at[sqlite3.Tsqlite3_vfs](b.real).FxOpen)(tls, b.real, name, file, flags, outFlags)
	f := at[sqlite3.Tsqlite3_file](file)
	if rc != sqlite3.SQLITE_OK || flags&sqlite3.SQLITE_OPEN_WAL == 0 || f.FpMethods == 0 {
		return rc
	}
	s.log = logFile{methods: *at[sqlite3.Tsqlite3_io_methods](f.FpMethods), owner: s.vfs.FpAppData, behind: f.FpMethods}
	m := &s.log.methods
	m.FxWrite, m.FxRead, m.FxSync = pointer(ioFunc(write)), pointer(ioFunc(read)), pointer(syncFunc(syncLog))
	m.FxTruncate, m.FxFileSize, m.FxClose = pointer(truncFunc(truncate)), pointer(lengthFunc(length)), pointer(closeFunc(closeLog))
	f.FpMethods = uintptr(unsafe.Pointer(&s.log))
	return rc
}

// of returns the logFile of a file.
func of(file uintptr) *logFile { return at[logFile](at[sqlite3.Tsqlite3_file](file).FpMethods) }

// write gathers data that follows or overlaps the gathered bytes. Before any other data, it passes the gathered bytes on.
func write(tls *libc.TLS, file, data uintptr, n int32, to int64) int32 {
	l := of(file)
	b := l.buffer()
	if !b.active || n <= 0 {
		return function[ioFunc](l.real().FxWrite)(tls, file, data, n, to)
	}
	if len(b.bytes)+int(n) > capacity || len(b.bytes) > 0 && (to < b.start || to > b.start+int64(len(b.bytes))) {
		from, all := b.start, len(b.bytes)
		if rc := l.flush(tls, file); rc != sqlite3.SQLITE_OK {
			return rc
		}
		writeOut(file, from, all)
	}
	if int(n) > capacity { // no page is as large as this
		return function[ioFunc](l.real().FxWrite)(tls, file, data, n, to)
	}
	if len(b.bytes) == 0 {
		b.start = to
	}
	src := unsafe.Slice(at[byte](data), int(n))
	k := copy(b.bytes[to-b.start:], src)
	b.bytes = append(b.bytes, src[k:]...)
	return sqlite3.SQLITE_OK
}

// flush passes on the gathered bytes. After an error they are dropped; SQLite then rolls the transaction back, as after its own failed
// write.
func (l *logFile) flush(tls *libc.TLS, file uintptr) int32 {
	b := l.buffer()
	if len(b.bytes) == 0 {
		return sqlite3.SQLITE_OK
	}
	rc := int32(sqlite3.SQLITE_OK)
	for n := 0; n < len(b.bytes) && rc == sqlite3.SQLITE_OK; n += piece {
		some := b.bytes[n:min(n+piece, len(b.bytes))]
		rc = function[ioFunc](l.real().FxWrite)(tls, file, uintptr(unsafe.Pointer(&some[0])), int32(len(some)), b.start+int64(n))
	}
	b.bytes = b.bytes[:0]
	return rc
}

func read(tls *libc.TLS, file, data uintptr, n int32, from int64) int32 {
	l := of(file)
	if rc := l.flush(tls, file); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[ioFunc](l.real().FxRead)(tls, file, data, n, from)
}

func syncLog(tls *libc.TLS, file uintptr, flags int32) int32 {
	l := of(file)
	if rc := l.flush(tls, file); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return l.syncData(tls, file, flags)
}

func truncate(tls *libc.TLS, file uintptr, size int64) int32 {
	l := of(file)
	if rc := l.flush(tls, file); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[truncFunc](l.real().FxTruncate)(tls, file, size)
}

func length(tls *libc.TLS, file, size uintptr) int32 {
	l := of(file)
	if rc := l.flush(tls, file); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[lengthFunc](l.real().FxFileSize)(tls, file, size)
}

// closeLog closes the log without passing anything on: a connection that is closed has committed or given up.
func closeLog(tls *libc.TLS, file uintptr) int32 {
	return function[closeFunc](of(file).real().FxClose)(tls, file)
}
