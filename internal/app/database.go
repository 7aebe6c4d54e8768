package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// database is the store of this server, with either engine.
type database struct {
	store.Engine
	verify func(ctx context.Context) (*store.Report, error)
	stats  func() storeStats
	keys   seal.Chain // the key that signs the log's heads, and the keys before it
	data   *keystore.DataKey
	// handOver prepares the database for the next seal key, and gives the newest heads to stage.
	handOver func(ctx context.Context, next string, by access.Entry, stage func(heads []seal.Head) error) error
	// standbys returns which standbys follow a shared database; nil for a database that can have none.
	standbys func() store.Standbys
	// runUnreplicated stores what says how such a database is, also while nothing else can be stored; see [postgres.Engine.RunUnreplicated].
	runUnreplicated func(ctx context.Context, t access.Tenant, fn func(*store.Tx) error) error
	// shared is set if other servers may use the same database at the same time.
	shared *postgres.Engine
}

// clock is the time to use with this store: the clock of a shared database, or else this machine's own.
func (d *database) clock(own func() time.Time) func() time.Time {
	if d.shared != nil {
		return d.shared.Now
	}
	return own
}

// marker makes the marks of rows with the data key. It is made before the key is opened, and used afterwards.
func (d *database) marker() core.Marker {
	return func(context string, data []byte) []byte { return d.data.Hash(context, data) }
}

// storeStats are the counts that every engine has.
type storeStats struct{ commits, overBudget, logPages int64 }

// databaseConfig says which database to open and how.
type databaseConfig struct {
	data, url string // data folder; postgres://…, empty for the database in the folder
	holder    string // names this server
	due       store.Due
	now       func() time.Time
	follow    bool // use the clock of a database that several servers may share
	rand      io.Reader
	log       *slog.Logger
	lock      *sqlite.Lock
	reserve   int64
	standbys  int  // how many standbys a shared database should have
	older     bool // accept a database that belongs to an older data key or seal key, in order to bring it under the newest one
	brief     bool // for one command: few connections, no background work, no upgrade of an older database
}

// openDatabase opens the database in the data folder, or the one at the URL. Its errors are those of sqlite.Open or
// postgres.Open.
func openDatabase(ctx context.Context, c databaseConfig) (*database, error) {
	if c.url != "" {
		return openShared(ctx, c)
	}
	d := new(database)
	o := sqlite.Options{Marker: d.marker(), Now: c.now, Rand: c.rand, Log: c.log, Lock: c.lock, Reserve: c.reserve, Intake: intake.Take, Due: c.due}
	if c.brief { // the reserve belongs to the server: a short command would write 64 MiB in vain
		o.Readers, o.Reserve, o.AsIs = 1, -1, true
	}
	e, err := sqlite.Open(c.data, o)
	if err != nil {
		return nil, err
	}
	d.Engine, d.keys, d.handOver = e, e.Keys(), e.HandOver
	d.verify = func(ctx context.Context) (*store.Report, error) { return sqlite.Verify(ctx, c.data) }
	d.stats = func() storeStats {
		s := e.Stats()
		return storeStats{s.Batches, s.OverBudget, int64(s.LogPages)}
	}
	if err := d.openData(ctx, c); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return d, nil
}

func openShared(ctx context.Context, c databaseConfig) (*database, error) {
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder: %w", err)
	}
	d := new(database)
	o := postgres.Options{Marker: d.marker(), Dir: c.data, Holder: c.holder, Now: c.now, Follow: c.follow, Rand: c.rand, Log: c.log, Intake: intake.Take, Due: c.due, Older: c.older, Standbys: c.standbys, Watch: c.follow}
	if c.brief {
		o.Readers, o.Writers, o.SealEvery, o.AsIs = 1, 1, -1, true
	}
	e, err := postgres.Open(ctx, c.url, o)
	if err != nil {
		return nil, err
	}
	d.Engine, d.shared, d.keys, d.handOver = e, e, e.Keys(), e.HandOver
	d.standbys, d.runUnreplicated = e.Standbys, e.RunUnreplicated
	d.verify = func(ctx context.Context) (*store.Report, error) { return postgres.Verify(ctx, c.url, c.data) }
	d.stats = func() storeStats {
		s := e.Stats()
		return storeStats{commits: s.Commits, overBudget: s.OverBudget}
	}
	if err = d.openData(ctx, c); err == nil {
		err = e.SameKey(ctx, "data", d.marker().KeyMark()) // a key made with another data key would let nobody in
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return d, nil
}

// Verify checks the books in the data folder. If url is not empty, it checks the PostgreSQL database at that URL instead. A
// server may be running on the database. If the folder has the data key, Verify opens the tokens and checks them too.
func Verify(ctx context.Context, data, url string, outside headlog.ExternalHeads) (*store.Report, error) {
	if _, err := os.Stat(filepath.Join(data, keystore.DataFileName)); err == nil {
		key, err := keystore.OpenData(data)
		if err != nil {
			return nil, err
		}
		outside.Digits = digitsUnder(key)
		if keyed(data) {
			outside.Markers = markersOf(key)
		}
	}
	if url != "" {
		return postgres.VerifyWith(ctx, url, data, outside)
	}
	return sqlite.VerifyWith(ctx, data, outside)
}

// digitsUnder opens sealed digits with the data key and returns their keyed hash.
func digitsUnder(key *keystore.DataKey) func(id.ID, []byte) ([]byte, error) {
	return func(token id.ID, sealed []byte) ([]byte, error) {
		return key.OpenAndHash(sale.TokenContext(token), sealed, sale.HashContext)
	}
}

// lot returns a few random characters, so that two processes with the same name can be told apart.
func lot() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, as its documentation says
	return hex.EncodeToString(b[:])
}
