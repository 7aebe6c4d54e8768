// Package postgres is the store on PostgreSQL 15 or newer: one database, any number of servers.
//
// [Open] returns a store.Engine. A few workers, each with a connection of its own, take waiting work, sales before readings before jobs. A
// closure is one transaction (READ COMMITTED) and decides on rows that it has locked, in the order account < meter < vendor < ledger
// accounts by number. Sales that wait at the same time share a transaction (see batch.go). If two transactions still conflict, PostgreSQL cancels one, and its closure runs again. One worker at a time merges
// records of meters into one transaction, so that the messages of a meter are answered in order. Callers get their answers only after
// COMMIT.
//
// If the answer to COMMIT is lost, the outcome is unknown: all callers of that transaction get [store.ErrOutcomeUnknown]. Health says why
// until a new connection has passed the checks of opening. If a connection is lost before COMMIT, nothing has changed; the closure runs
// again on a new connection.
//
// Journals and audit rows are sealed after their commit: every second the leading server adds committed rows to the tenants' logs, in an
// order that it sets. The sealing transaction locks the row of the lead, so two servers never seal at once. Until it is sealed, a row
// carries a keyed mark of the server that wrote it; a row without a mark stays outside the log. If somebody deletes a row within that
// second, only the rows that depended on it show the loss.
//
// The key that signs the heads is in the data folder, not in the database. All servers of one database must have the same key; a server
// with another key is refused.
package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/engine"
	"github.com/paywatt/paywatt/internal/store/headlog"
)

// Limits of the engine.
const (
	maxBatch   = 2000                  // largest number of records in one transaction
	maxSales   = 64                    // largest number of sales in one transaction
	maxQueue   = 10_000                // largest number of closures that wait in one lane; more are refused
	maxIngest  = 8192                  // largest number of calls of Ingest that are queued or not yet answered
	maxTries   = 12                    // largest number of runs of one closure
	maxRefused = 3                     // largest number of runs after store.ErrConflict: another transaction may just have written the row
	patience   = 64                    // how often better lanes may go first while another lane waits
	budgetTime = 50 * time.Millisecond // budget of one closure; a longer closure is counted, not stopped
	budgetRows = 500                   // budget of one closure; a closure that touches more rows is counted, not stopped
	lockTime   = 5 * time.Second       // the longest wait for one row
	workTime   = 60 * time.Second      // the longest transaction that writes
	viewTime   = 10 * time.Second      // the longest snapshot
	dialTime   = 10 * time.Second      // the longest time to connect
	writers    = 8                     // default number of connections that write
	readers    = 4                     // default number of connections that read
	ackWorkers = 4                     // number of goroutines that call back after a commit
)

// Options of [Open]. Only Dir is needed.
type Options struct {
	Dir     string           // data folder: the seal key and the log of heads
	Holder  string           // names this server among all servers; random if empty
	Now     func() time.Time // this server's own clock; nil: time.Now
	Follow  bool             // whether to use the database's clock, as all servers of one database must; see [Engine.Now]
	Rand    io.Reader        // random bytes for identities and the seal key; nil: crypto/rand
	Log     *slog.Logger     // nil: nothing is logged
	Intake  store.Intake     // decides about the records that Ingest queues; nil: Ingest is refused
	Due     store.Due        // called with the lanes of the outbox that have new work; may be nil
	Marker  core.Marker      // makes the marks of rows that let somebody sign in; nil: they have none
	Writers int              // number of connections that write, of which one sells; at least 2; 0: 8
	Readers int              // number of connections that read; 0: 4
	Older   bool             // whether to open a database that belongs to a seal key before the folder's, for HandOver to bind it to the folder's key
	AsIs    bool             // whether to refuse an older database with store.ErrOlder and leave it as it is

	// SealEvery is how often this server tries to seal; 0 for every second, negative for never. A command that ends at once does not seal
	// and leaves this to the servers.
	SealEvery time.Duration

	// Standbys is how many standbys the database should have; 0 for as many as have followed at the same time.
	Standbys int
	// Watch is whether to watch the standbys, as a server does; see [Engine.Standbys].
	Watch bool

	// ViewTime is how long a closure may use a snapshot; 0 for ten seconds. Tests that check all books in one closure set more, because a
	// machine with other work takes longer.
	ViewTime time.Duration

	// Rehearse runs every closure once, rolls it back, and runs it again. Tests use it to find closures that touch more than their
	// transaction.
	Rehearse bool

	plan       store.UpgradePlan
	commitTime time.Duration // 0: commitTime
}

// Engine is a store.Engine on one PostgreSQL database.
type Engine struct {
	config *pgconn.Config
	opt    Options
	log    *slog.Logger
	seen   atomic.Value      // string: the history of the server that answered last
	epoch  atomic.Int64      // the store epoch in force; see standing.go
	commit func(*conn) error // COMMIT; tests put failures here
	clock  *clock

	sealer  *sealer
	readers chan *conn
	workers []*worker
	closing chan struct{} // closed when Close begins
	queue   queue
	acks    []chan *work
	running sync.WaitGroup // waits for the workers and the sealer
	telling sync.WaitGroup // waits for the ack workers

	fit         engine.Fitness // hindered while the database cannot be reached
	counts      counts
	synchronous atomic.Bool // whether every commit must wait for a standby
	standbys    standbys
	opened      atomic.Bool // whether new connections look at the standing of their server
	behind      bool        // the database belongs to an older seal key than the folder's
	close       sync.Once
	closeErr    error
}

var _ store.Engine = (*Engine)(nil)

// Open connects to the database at url (postgres://…), upgrades it to this version's schema and starts the workers. Its errors wrap
// [ErrURL], [ErrAway], [ErrVersion], [ErrSettings], [ErrForeign], [ErrKey] or store.ErrNewer.
func Open(ctx context.Context, url string, o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	e := &Engine{config: config, opt: o, log: o.Log, fit: engine.Fitness{Log: o.Log}, closing: make(chan struct{}), clock: &clock{own: o.Now, follow: o.Follow, log: o.Log},
		commit: func(c *conn) error { return c.commit(o.commitTime) }}
	e.standbys.set = o.Standbys
	e.seen.Store("")
	e.plant()
	e.queue.init()
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, e.release())
	}
	for range ackWorkers {
		acks := make(chan *work, maxIngest)
		e.acks = append(e.acks, acks)
		e.telling.Go(func() { e.answerAll(acks) })
	}
	e.running.Go(e.workers[0].sell)
	for _, w := range e.workers[1:] {
		e.running.Go(w.run)
	}
	if o.SealEvery > 0 {
		e.running.Go(e.sealer.run)
	}
	if o.Watch {
		e.running.Go(e.watchStandbys)
	}
	return e, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Writers <= 0 {
		o.Writers = writers
	}
	if o.Readers <= 0 {
		o.Readers = readers
	}
	if o.SealEvery == 0 {
		o.SealEvery = sealEvery
	}
	if o.ViewTime == 0 {
		o.ViewTime = viewTime
	}
	if o.commitTime == 0 {
		o.commitTime = commitTime
	}
	if o.Holder == "" {
		var name [8]byte
		if _, err := io.ReadFull(rand.Reader, name[:]); err != nil {
			return o, fmt.Errorf("draw a name for this server: %w", err)
		}
		o.Holder = hex.EncodeToString(name[:])
	}
	return o, nil
}

// open does the part of opening that can fail.
func (e *Engine) open(ctx context.Context) error {
	c, err := e.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { c.drop() }()
	if err := c.askOnce(e.clock); err != nil {
		return err
	}
	c.plan = e.opt.plan
	if err := migrate(c, e.opt); err != nil {
		return err
	}
	if err := e.stand(c); err != nil {
		return err
	}
	e.opened.Store(true)
	key, keys, err := e.sealKey(c)
	if err != nil {
		return err
	}
	heads, err := headlog.Open(e.opt.Dir, e.log, nil)
	if err != nil {
		return err
	}
	if err := heads.Record(keys); err != nil {
		e.log.Warn("the hand-overs of the seal key were not recorded", logkey.Err, err)
	}
	e.sealer = newSealer(e, key, keys, heads)
	e.readers = make(chan *conn, e.opt.Readers)
	for range e.opt.Readers {
		e.readers <- nil // a reader connects at its first use, and again after it has lost its connection
	}
	for range max(e.opt.Writers, 2) {
		e.workers = append(e.workers, &worker{e: e, selects: make(map[string]*shared), inserts: make(map[string]*held)})
	}
	return nil
}

// connect opens one connection. Another server may answer than the last time, so its settings are checked again.
func (e *Engine) connect(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := dial(ctx, e.config)
	if err == nil {
		c.ctx = ctx
		if err = checkServer(c); err == nil && e.opened.Load() {
			err = e.stand(c)
		}
		if err != nil {
			c.drop()
			c = nil
		} else {
			c.ctx = context.Background()
		}
	}
	e.fit.Hinder(err)
	return c, err
}

// Close finishes and answers the queued work, and ends all connections. Further calls do nothing.
func (e *Engine) Close() error {
	e.close.Do(func() {
		close(e.closing)
		e.queue.close()
		e.running.Wait()
		for _, acks := range e.acks {
			close(acks)
		}
		e.telling.Wait()
		e.closeErr = e.release()
	})
	return e.closeErr
}

// release closes everything that open has opened.
func (e *Engine) release() error {
	for _, w := range e.workers {
		w.c.drop()
	}
	for range cap(e.readers) { // waits for running views, which take at most ViewTime
		(<-e.readers).drop()
	}
	if e.sealer == nil {
		return nil
	}
	e.sealer.c.drop()
	err := e.sealer.heads.Close()
	return fault.Wrap(err, "close the file of signed heads")
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

// Health returns nil while the engine takes writes, reaches its database, can store commits on a standby if it must, and no broken invariant
// was found.
func (e *Engine) Health() error {
	if e.closed() {
		return store.ErrClosed
	}
	return errors.Join(e.fit.Health(), e.standbys.lack())
}

// Keys returns the seal key with the keys before it. With their public lines anybody can check the signed heads of the logs.
func (e *Engine) Keys() seal.Chain { return e.sealer.keys }
