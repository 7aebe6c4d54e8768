// Package sqlite is the store on SQLite: one folder, one file, one writer.
//
// [Open] gives a store.Engine. Its writer goroutine takes all waiting work, sales before readings before jobs. It runs the closures in one
// transaction, seals the rows that they added to the books, and commits once. While one commit waits for its fsync, the next batch gathers,
// so there is no timer and no delay under light load. Callers get their answers only after COMMIT. Readers have connections and snapshots
// of their own and never wait for the writer.
//
// If COMMIT reports an error, the outcome is unknown: every caller of the batch gets [store.ErrOutcomeUnknown], the engine takes no more
// writes until it is opened again, and Health says why. A full disk is different: SQLite reports it before it writes the commit mark, so
// nothing happened. The engine refuses new work until there is room, and then continues without a restart.
//
// Several processes may have the folder open, because keys can be created while a server is running; each of them writes under BEGIN
// IMMEDIATE. Only one process may serve: the process that holds the [Lock].
package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/engine"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/sqlite/walbuf"
	"zombiezen.com/go/sqlite"
)

// Names of the files in the folder.
const (
	databaseFile = "paywatt.db"
	reserveFile  = "reserve"
	lockFile     = "serve.lock"
)

// Limits of the engine.
const (
	maxBatch     = 2000                  // largest number of closures and records in one commit
	maxQueue     = 10_000                // if more closures and calls of Ingest wait in one lane, closures are refused
	maxIngest    = 8192                  // largest number of calls of Ingest that are queued or not yet answered
	batchTime    = 25 * time.Millisecond // after this time, a batch takes no new sales; remaining readings and jobs wait for the next batch
	budgetTime   = 5 * time.Millisecond  // budget of one closure; a longer closure is counted, not stopped
	budgetRows   = 500                   // budget of one closure; a closure that touches more rows is counted, not stopped
	busyTimeout  = 10 * time.Second      // how long to wait for another process that writes
	busyPause    = 5 * time.Millisecond  // time between two tries, if SQLite itself does not wait
	viewTime     = 10 * time.Second      // the longest snapshot: the log cannot be reset while a snapshot is held
	readers      = 4                     // default number of connections for reading
	walPages     = 16_000                // 63 MiB: at this length the log is moved into the database; earlier on a small disk
	walLimit     = walPages * 3 / 2      // 93 MiB: at this length the writer waits for old snapshots
	cacheWriter  = 15 << 10              // KiB of page cache; each commit walks through the cache's hash table, which doubles at 4096 pages
	cacheMover   = 256                   // KiB of page cache of the connection that moves the log; it hardly needs a cache
	cacheReader  = 8 << 10               // KiB of page cache of each reader
	DiskReserve  = 64 << 20              // bytes reserved, and released on a full disk so that reading and closing work
	probeEvery   = time.Second           // how often a full disk is checked again
	ackWorkers   = 4                     // number of goroutines that call back after a commit
	minimumSQL   = 3_051_003             // 3.51.3 fixes the reset of the write-ahead log, which could lose commits
	applicationN = 0x50575454            // "PWTT": marks the file as ours
)

// Errors of opening.
var (
	// ErrUnwritable: the folder cannot be written to.
	ErrUnwritable = errors.New("the data folder cannot be written to")
	// ErrCorrupt: the file is damaged or not an SQLite database.
	ErrCorrupt = errors.New("the database file is damaged")
	// ErrMissing: the folder had a database and has lost it. Making a new one would hide the loss.
	ErrMissing = errors.New("the database of the data folder is missing")
	// ErrForeign: the file is an SQLite database of another program.
	ErrForeign = errors.New("the database belongs to another program")
	// ErrLocked: another process serves the folder.
	ErrLocked = errors.New("another paywatt is using this data folder")
	// ErrLibrary: this program was built with a version of SQLite that can lose commits.
	ErrLibrary = errors.New("the SQLite library is too old")
)

// Options of [Open]. A server uses the zero value.
type Options struct {
	Now     func() time.Time // nil: time.Now
	Rand    io.Reader        // random bytes for identities and the seal key; nil: crypto/rand
	Log     *slog.Logger     // nil: nothing is logged
	Intake  store.Intake     // decides about the records that Ingest queues; nil: Ingest is refused
	Due     store.Due        // called with the lanes of the outbox that have new work; may be nil
	Readers int              // number of connections for reading at most; 0: 4
	Reserve int64            // bytes of the disk reserve; 0: DiskReserve; negative: none
	Marker  core.Marker      // makes the marks of rows that let somebody sign in; nil: they have none
	Lock    *Lock            // the folder's lock, if the caller holds it; otherwise an upgrade takes the lock
	AsIs    bool             // whether to refuse an older database with store.ErrOlder and leave it as it is

	// ViewTime is how long a closure may use a snapshot; 0 for ten seconds. Tests that check all books in one closure set more, because a
	// machine with other work takes longer.
	ViewTime time.Duration

	// Rehearse runs every closure once, rolls it back, and runs it again. Tests use it to find closures that touch more than their
	// transaction.
	Rehearse bool

	plan store.UpgradePlan
}

// Engine is a store.Engine on one SQLite file.
type Engine struct {
	dir string
	opt Options
	log *slog.Logger

	writer  *conn
	buffer  *walbuf.Buffer // buffers the writer's log
	sealer  *core.Sealer
	keys    seal.Chain // the seal key and the keys before it
	heads   *headlog.Log
	reserve reserve
	epoch   int64
	commit  func(*conn) error // COMMIT; tests put failures here
	planted                   // faults of a build made to misbehave; nothing in a release
	readers chan *conn
	mover   mover
	sizes   logSizes // limits of the log's length; used by the writer only
	adding  sync.Mutex
	opened  int           // the number of reading connections, under adding
	closing chan struct{} // closed when Close begins

	queue   queue
	acks    []chan answer
	workers sync.WaitGroup
	written chan struct{} // closed when the writer has ended

	fit      engine.Fitness // hindered while the disk is full
	counts   counts
	pressed  time.Time // when the writer last waited for old snapshots to restart the log
	close    sync.Once
	closeErr error
}

var _ store.Engine = (*Engine)(nil)

// Open opens the database in dir, which it creates with mode 0700 if needed, and upgrades it to this version's schema. Errors wrap
// [ErrUnwritable], [ErrCorrupt], [ErrMissing], [ErrForeign], [ErrLocked], store.ErrNewer or [ErrLibrary].
func Open(dir string, o Options) (*Engine, error) {
	if err := checkLibrary(sqlite.VersionNumber); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	e, err := opened(dir, o)
	if o.Reserve > 0 && noRoom(err, spaceOf(dir)) && (reserve{path: filepath.Join(dir, reserveFile)}).release() == nil {
		o.Log.Warn("the disk is too full to open the database: opened again without the disk reserve", logkey.Err, err)
		e, err = opened(dir, o)
	}
	if err != nil {
		return nil, err
	}
	for range ackWorkers {
		acks := make(chan answer, maxIngest)
		e.acks = append(e.acks, acks)
		e.workers.Go(func() { e.answerAll(acks) })
	}
	e.workers.Go(e.move)
	go e.write()
	return e, nil
}

// opened opens the database without starting goroutines.
func opened(dir string, o Options) (*Engine, error) {
	e := &Engine{dir: dir, opt: o, log: o.Log, fit: engine.Fitness{Log: o.Log}, commit: func(c *conn) error { return c.plain("COMMIT") }, sizes: logSizesFor(0),
		written: make(chan struct{}), closing: make(chan struct{})}
	if faultInjection {
		e.plant()
	}
	e.queue.init()
	if err := e.open(); err != nil {
		return nil, errors.Join(err, e.release())
	}
	return e, nil
}

func checkLibrary(version int) error {
	if version < minimumSQL {
		return fmt.Errorf("%w: it has version number %d, but needs at least %d. Older versions can lose a committed sale",
			ErrLibrary, version, minimumSQL)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Readers <= 0 {
		o.Readers = readers
	}
	if o.Reserve == 0 {
		o.Reserve = DiskReserve
	}
	if o.ViewTime == 0 {
		o.ViewTime = viewTime
	}
	return o
}

// open does the part of opening that can fail.
func (e *Engine) open() error {
	path, err := prepareFolder(e.dir)
	if err != nil {
		return err
	}
	if e.buffer, err = walbuf.New(); err != nil {
		return err
	}
	uri, err := e.buffer.URI(path)
	if err != nil {
		return err
	}
	if e.writer, err = connect(uri, cacheWriter, false); err != nil {
		return err
	}
	e.writer.plan = e.opt.plan
	if err := migrate(e.writer, e.dir, e.opt); err != nil {
		return err
	}
	// SQLite opens a read-only file without an error; it reports one when asked for the write lock.
	if err := errors.Join(e.writer.plain("BEGIN IMMEDIATE"), e.writer.plain("ROLLBACK")); err != nil {
		return damaged(path, err)
	}
	if err := moved(e.writer); err != nil {
		return err
	}
	if e.epoch, err = e.writer.number(selectEpoch); err != nil {
		return damaged(path, err)
	}
	key, keys, err := headlog.OpenKey(e.dir, e.opt.Rand)
	if err != nil {
		return err
	}
	e.sealer, e.keys = core.NewSealer(key), keys
	c, err := connect(path, cacheMover, false)
	if err != nil {
		return err
	}
	e.mover = newMover(c)
	e.readers = make(chan *conn, e.opt.Readers)
	if c, err = connect(path, cacheReader, true); err != nil {
		return err
	}
	e.readers <- c
	e.opened++
	sealed, err := e.sealed()
	if err != nil {
		return err
	}
	if e.heads, err = headlog.Open(e.dir, e.log, sealed); err != nil {
		return err
	}
	if err := e.heads.Record(e.keys); err != nil {
		e.log.Warn("the hand-overs of the seal key were not recorded", logkey.Err, err)
	}
	e.reserve = reserve{path: filepath.Join(e.dir, reserveFile), size: e.opt.Reserve}
	if err := e.reserve.fill(); err != nil {
		e.fit.Hinder(fmt.Errorf("%w: the disk reserve of %d MiB does not fit", store.ErrFull, e.reserve.size>>20))
		e.log.Warn("no room for the disk reserve", logkey.Err, err)
		e.begin()
	}
	e.measure()
	return nil
}

// sealed returns the newest heads in the database.
func (e *Engine) sealed() (map[access.Tenant]seal.Head, error) {
	out := make(map[access.Tenant]seal.Head)
	tenants, err := newTx(e.writer, store.FirstTenant, e.epoch).Tenants()
	for _, t := range tenants {
		h, found, look := newTx(e.writer, t, e.epoch).Head(0)
		err = errors.Join(err, look)
		if h, _, look := e.keys.Head(h.Note); found && look == nil { // verification reports a head of another key
			out[t] = h
		}
	}
	return out, err
}

// prepareFolder makes the folder and an empty database file that only the owner can read, and checks that the folder can be written to. It
// never opens an existing database: closing a descriptor of it would release the locks of this process's other connections.
func prepareFolder(dir string) (path string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrUnwritable, dir, err)
	}
	path = filepath.Join(dir, databaseFile)
	if err := missing(dir, path); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%w: %s: %w", ErrUnwritable, dir, err)
	}
	probe, err := atomicfile.NewPrivateFolder(dir) // this also removes what killed backups have left
	if errors.Is(err, syscall.ENOSPC) {
		return path, nil // no room for another file, but the database can still be read
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrUnwritable, dir, err)
	}
	return path, probe.Remove()
}

// missing returns [ErrMissing] if the folder had a database and has none now: a restore was interrupted, or somebody deleted the file. A
// supervisor may restart the server at once, and the server must not begin with empty books then. A log of heads with content shows that
// there was a commit. The function looks at the log before it looks at the database, because another process may be creating the database
// now.
func missing(dir, path string) error {
	begun := false
	for _, name := range []string{headlog.File, restoringFile, copyingFile} {
		fi, err := os.Stat(filepath.Join(dir, name))
		begun = begun || err == nil && (fi.Size() > 0 || name != headlog.File)
	}
	if fi, err := os.Stat(path); !begun || err == nil && fi.Size() > 0 {
		return nil
	}
	return fmt.Errorf("%w: %s has no %s with content, but it had one before", ErrMissing, dir, databaseFile)
}

// connect opens one connection. Nothing is memory-mapped: a read error in a mapping would end the process.
func connect(path string, cacheKiB int, reading bool) (*conn, error) {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenURI)
	if err != nil {
		return nil, damaged(path, err)
	}
	c.SetBusyTimeout(busyTimeout)
	k := newConn(c)
	k.reading = reading
	pragmas := []string{"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA wal_autocheckpoint = 0",
		fmt.Sprintf("PRAGMA journal_size_limit = %d", logSizesFor(0).keep), "PRAGMA temp_store = MEMORY", "PRAGMA mmap_size = 0",
		"PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON", fmt.Sprintf("PRAGMA cache_size = -%d", cacheKiB)}
	if reading {
		pragmas = append(pragmas, "PRAGMA query_only = ON")
	}
	for _, p := range pragmas {
		if err := patiently(func() error { return k.plain(p) }); err != nil {
			return nil, errors.Join(damaged(path, err), c.Close())
		}
	}
	k.fault = nil
	return k, nil
}

// patiently retries while another process holds a lock. SQLite itself does not wait if two processes switch a new file to write-ahead
// logging at the same moment.
func patiently(do func() error) error {
	deadline := time.Now().Add(busyTimeout)
	for {
		err := do()
		if !errors.Is(err, store.ErrBusy) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(busyPause)
	}
}

// damaged turns SQLite's error about a file that it cannot use into the package's errors.
func damaged(path string, err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultNotADB, sqlite.ResultCorrupt:
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
	case sqlite.ResultReadOnly, sqlite.ResultCantOpen, sqlite.ResultPerm:
		return fmt.Errorf("%w: %s: %w", ErrUnwritable, path, err)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

// Close finishes and answers the queued work, and releases the database. Further calls do nothing.
func (e *Engine) Close() error {
	e.close.Do(func() {
		close(e.closing)
		e.queue.close()
		<-e.written
		close(e.mover.begin)
		for _, acks := range e.acks {
			close(acks)
		}
		e.workers.Wait()
		e.closeErr = e.release()
	})
	return e.closeErr
}

// closed reports whether Close has begun.
func (e *Engine) closed() bool {
	select {
	case <-e.closing:
		return true
	default:
		return false
	}
}

// release closes everything that open has opened.
func (e *Engine) release() error {
	var errs []error
	if e.heads != nil {
		errs = append(errs, e.heads.Close())
	}
	e.adding.Lock() // nobody opens another one any more
	open := e.opened
	e.adding.Unlock()
	for range open { // waits for running views, which take at most ViewTime
		errs = append(errs, (<-e.readers).c.Close())
	}
	if e.mover.c != nil {
		errs = append(errs, e.mover.c.c.Close())
	}
	if e.writer != nil {
		errs = append(errs, e.writer.c.Close())
	}
	if e.buffer != nil {
		errs = append(errs, e.buffer.Close())
	}
	err := errors.Join(errs...)
	return fault.Wrap(err, "close the database in %s", e.dir)
}

// Health returns nil while the engine takes writes and no broken invariant was found.
func (e *Engine) Health() error {
	if e.closed() {
		return store.ErrClosed
	}
	return e.fit.Health()
}

// Keys returns the seal key with the keys before it. With their public lines anybody can check the signed heads of the logs.
func (e *Engine) Keys() seal.Chain { return e.keys }

// HandOver prepares the rotation of the seal key; the database does not store to which key it belongs. HandOver writes the audit entry and gives the newest head of every log to stage. Nothing may
// write to the database afterwards, before it is opened with the next key.
func (e *Engine) HandOver(ctx context.Context, _ string, by access.Entry, stage func(heads []seal.Head) error) error {
	err := e.Run(ctx, store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) { return false, tx.AuditLog(by) })
	if err != nil {
		return err
	}
	var tenants []access.Tenant
	if err := e.View(ctx, store.FirstTenant, func(tx *store.Tx) (err error) { tenants, err = tx.Tenants(); return err }); err != nil {
		return err
	}
	var heads []seal.Head
	for _, t := range tenants {
		err := e.View(ctx, t, func(tx *store.Tx) error {
			h, err := tx.NewestHead(e.keys)
			heads = append(heads, h)
			return err
		})
		if err != nil {
			return err
		}
	}
	return stage(heads)
}
