package shoptest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/logtest"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/sqlite/sqlitetest"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
)

// storeVariable names the store in which a run keeps the books of its shops: "postgres", "failing" (SQLite, and a statement fails
// once at every place of the program), or SQLite. Some tests keep theirs in PostgreSQL in every run, see [inPostgres].
const storeVariable = "TEST_STORE"

var (
	onPostgres = os.Getenv(storeVariable) == "postgres"
	everyPlace = failingPlaces() // nil in a run whose statements succeed
	everyCall  *storetest.Places // if not nil, calls that run no statement fail too, once at every place
)

// failingPlaces are the places at which the tests of this run have let a statement fail.
func failingPlaces() *storetest.Places {
	if os.Getenv(storeVariable) == "failing" {
		return storetest.NewPlaces()
	}
	return nil
}

// update rewrites the lists of rules that find each edit of an insider. Read the difference before you commit it.
var update = flag.Bool("update", false, "write testdata/insiders*.txt anew")

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() && !onPostgres {
		os.Exit(m.Run()) // no test asks for PostgreSQL
	}
	os.Exit(pgtest.Run(m, schema))
}

// inPostgres keeps the books of a test in PostgreSQL, also in a run on SQLite: its rule is about what differs by engine.
func inPostgres(t *testing.T) {
	t.Helper()
	tier.Slow(t)
	needsWholeStore(t)
	if !onPostgres {
		onPostgres = true
		t.Cleanup(func() { onPostgres = false })
	}
}

// needsWholeStore skips a test in a run on a store whose statements fail.
func needsWholeStore(t *testing.T) {
	t.Helper()
	if everyPlace != nil {
		t.Skip("NOT TESTED on a store whose statements fail")
	}
}

// drawn returns how often something is drawn. A sale on PostgreSQL or on failing statements takes ten times as long. A run on PostgreSQL
// looks for what differs by engine, and one with failing statements tries each place once, so they draw as often as ./check in ./check long too.
func drawn(c tier.Count) int {
	if onPostgres || everyPlace != nil {
		c.Long = c.Check
	}
	return c.N()
}

// fill copies an empty database into the shop's folder, unless the shop has one.
func (s *shop) fill() {
	if _, err := os.Stat(filepath.Join(s.dir, "paywatt.db")); errors.Is(err, fs.ErrNotExist) {
		sqlitetest.FillFolder(s.t, s.dir)
	}
}

// schema fills the database that the tests copy: a server opens the database once. Then schema deletes the stored public key, so that a
// copy can be used with any data folder.
func schema(ctx context.Context, url string) error {
	dir, err := os.MkdirTemp("", "schema")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	e, err := postgres.Open(ctx, url, postgres.Options{Intake: intake.Take, Dir: dir, SealEvery: -1})
	if err != nil {
		return err
	}
	forget := e.Run(ctx, tenant, store.Job, func(tx *store.Tx) (bool, error) {
		_, err := tx.C.Exec(`DELETE FROM meta WHERE key = 'seal_public'`)
		return false, err
	})
	return errors.Join(forget, e.Close())
}

// engine has the methods of a store that a shop needs.
type engine interface {
	store.Engine
	Keys() seal.Chain
}

// open opens the shop's store.
func (s *shop) open() engine {
	s.t.Helper()
	e := s.whole()
	if everyPlace == nil {
		return e
	}
	return faulty{storetest.WithFaults(s.t, e, everyPlace), e}
}

// faulty is a store whose statements fail.
type faulty struct {
	*storetest.Faults
	whole engine
}

// Keys returns the seal keys of the store.
func (f faulty) Keys() seal.Chain { return f.whole.Keys() }

// whole opens a store that works.
func (s *shop) whole() engine {
	s.t.Helper()
	if !onPostgres {
		s.fill()
		e, err := sqlite.Open(s.dir, sqlite.Options{Intake: intake.Take, Now: s.clock.Now, Reserve: -1, Readers: 2, ViewTime: await.Limit, Rehearse: s.rehearse})
		if err != nil {
			s.t.Fatal(err)
		}
		return e
	}
	if s.url == "" {
		s.url = pgtest.New(s.t)
	}
	// Each connection costs the database some milliseconds, hundreds of times.
	e, err := postgres.Open(s.t.Context(), s.url, postgres.Options{Intake: intake.Take, Dir: s.dir, Now: s.clock.Now, SealEvery: 50 * time.Millisecond, Rehearse: s.rehearse, Writers: 4, Readers: 2,
		ViewTime: await.Limit,
		Log:      logtest.Forbid(s.t, "transaction of several sales failed")})
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// start opens the store and the use cases over it, as a process does.
func (s *shop) start() {
	s.t.Helper()
	s.engine = s.open()
	s.door = &door{engine: s.engine}
	if everyCall != nil {
		s.door.flaky = s.t
	}
	s.Vending = s.vendingOver(s.door)
	s.Debts = debt.New(debt.Config{Door: through[debt.Tx]{s.door, vending.Tx.Debts}, Sealer: s.sealer, Now: s.clock.Now, MayDate: s.MayDate})
	s.Tills = till.New(till.Config{Door: through[till.Tx]{s.door, func(tx vending.Tx) till.Tx { return tx }}, Sealer: s.sealer, Now: s.clock.Now, MayDate: s.MayDate})
	s.Vendors = vendor.New(vendor.Config{Door: through[vendor.Tx]{s.door, vending.Tx.Vendors}, Sealer: s.sealer, Now: s.clock.Now, MayDate: s.MayDate})
}

// vendingOver is a Vending of this shop over a store.
func (s *shop) vendingOver(d access.Door[vending.Tx]) *vending.Vending {
	keys := s.keys
	if keys == nil {
		keys = s.issuer
	}
	return vending.New(vending.Config{Door: d, Issuer: keys, Sealer: s.sealer, Now: s.clock.Now, Running: s.running, Machine: s.machine,
		Synced: func() bool { return s.synced }, Rand: rand.Reader, Sound: s.sound, Registry: s.registers(),
		Kick: func() { s.kicks.Add(1) }, Sends: func(string) bool { return s.sends }, Online: func(number string) bool { _, on := s.online.Load(number); return on }})
}

// sound says what a server says about its books.
func (s *shop) sound() refusal.Refusal {
	if s.unsound {
		return refuse.BooksUnsound()
	}
	return refusal.Refusal{}
}

// Executors returns the functions that carry out the approved acts of all use cases of the shop.
func (s *shop) Executors() access.Executors {
	all := s.Vending.Executors()
	maps.Copy(all, s.Debts.Executors())
	maps.Copy(all, s.Vendors.Executors())
	maps.Copy(all, s.Tills.Executors())
	return all
}

// through is the door of another use case. It counts calls and fails together with the shop's own door.
type through[X any] struct {
	*door
	as func(vending.Tx) X
}

func (t through[X]) Do(ctx context.Context, tenant access.Tenant, fn func(X) (bool, error)) error {
	return t.door.Do(ctx, tenant, func(tx vending.Tx) (bool, error) { return fn(t.as(tx)) })
}

func (t through[X]) View(ctx context.Context, tenant access.Tenant, fn func(X) error) error {
	return t.door.View(ctx, tenant, func(tx vending.Tx) error { return fn(t.as(tx)) })
}
