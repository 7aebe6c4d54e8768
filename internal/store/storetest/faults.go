package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// errPlanted is the error of a statement that was made to fail.
var errPlanted = errors.New("planted failure of a statement")

// farthest is the highest number that the failing statement can have if it is chosen at random.
const farthest = 24

// Places are the places in the program at which something has been made to fail: each is the line of calls from a closure to what failed.
// Tests that share them do not try again what another test has tried.
type Places struct {
	mu    sync.Mutex
	tried map[uint64]bool
}

// NewPlaces returns an empty set of places.
func NewPlaces() *Places { return &Places{tried: map[uint64]bool{}} }

// IsNew reports whether the calls that led to its caller are a new place, and adds them.
func (p *Places) IsNew() bool {
	const caller, deepest = 3, 128 // the frames of runtime.Callers, IsNew and its caller say nothing
	var calls [deepest]uintptr
	h := fnv.New64a()
	for _, pc := range calls[:runtime.Callers(caller, calls[:])] {
		_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(pc)))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.tried[h.Sum64()]
	p.tried[h.Sum64()] = true
	return !was
}

// Faults is an engine whose statements fail. A closure, a view or an ingest first runs with a failing statement: once for each place that is
// new, or once with a random one. Then it runs without a failure. Each such run must return an error and leave no change behind. Tests pass on it as on
// the plain engine, if their closures touch only their transaction and return the errors that they get.
type Faults struct {
	store.Engine
	t      testing.TB
	places *Places // nil for a random statement
	query  string  // SQL of contentQuery

	mu     sync.Mutex
	rnd    *rand.Rand
	off    bool
	inside int // number of closures that are running
	begun  int // number of closures started so far
	failed int // number of statements that were made to fail
}

// WithFaults makes statements of an engine fail: one at each place that is not known yet, or without places a random one in each closure.
func WithFaults(t testing.TB, e store.Engine, places *Places) *Faults {
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.Name()))
	query, err := contentQuery()
	if err != nil {
		t.Fatal(err)
	}
	return &Faults{Engine: e, t: t, places: places, query: query, rnd: rand.New(rand.NewPCG(h.Sum64(), 1))}
}

// Failed returns how many statements were made to fail.
func (f *Faults) Failed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// pause lets every statement succeed until the returned function is called.
func (f *Faults) pause() (goOn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.off = true
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.off = false
	}
}

// first returns the number of the statement that is made to fail, 0 for none. With places, every number above 0 means the next new place.
func (f *Faults) first() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.off:
		return 0
	case f.places != nil:
		return 1
	}
	return 1 + f.rnd.IntN(farthest)
}

// enter counts a running closure. Call the returned function when the closure ends; it reports whether the closure ran alone.
func (f *Faults) enter() (leave func() (alone bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inside++
	f.begun++
	alone, begun := f.inside == 1, f.begun
	return func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inside--
		return alone && f.begun == begun
	}
}

// tried repeats run with a failing statement until no statement fails any more, and returns the result of the last run.
func (f *Faults) tried(what string, writes bool, run func(fail int) (*failing, error)) error {
	leave := f.enter()
	n := f.first()
	before, failures := "", 0
	if n > 0 && writes {
		before = f.content()
	}
	for {
		c, err := run(n)
		if c == nil || c.sql == "" {
			leave()
			return err
		}
		f.count()
		if err == nil {
			f.t.Errorf("%s reports success although a statement failed: %s", what, c.sql)
		}
		if failures++; f.places == nil {
			n = 0
		}
		if !writes || failures%16 != 1 { // reading the content costs more than a failing run
			continue
		}
		after := f.content()
		if alone := leave(); alone && after != before {
			f.t.Errorf("%s failed at a statement (%s), and left something behind:\n%s\nit was\n%s", what, c.sql, after, before)
		}
		before, leave = after, f.enter()
	}
}

func (f *Faults) count() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed++
}

// content counts the rows of every table and sums the values that are updated in place.
func (f *Faults) content() string {
	var b strings.Builder
	err := f.Engine.View(context.Background(), store.FirstTenant, func(tx *store.Tx) error {
		b.Reset()
		return tx.C.Query(f.query, func(r core.Row) error {
			fmt.Fprintf(&b, "%s %d, ", r.Text(0), r.Int(1))
			return nil
		})
	})
	if err != nil {
		return "" // the test has closed or stopped the engine
	}
	return b.String()
}

func contentQuery() (string, error) {
	steps, err := store.Migrations()
	if err != nil {
		return "", err
	}
	parts := []string{`SELECT 'balances' AS name, COALESCE(SUM(balance + 3 * held), 0) AS n FROM ledger_account`, `SELECT 'numbers', COALESCE(SUM(value), 0) FROM counter`}
	for _, s := range steps {
		for _, m := range regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`).FindAllStringSubmatch(s.SQL, -1) {
			parts = append(parts, `SELECT '`+m[1]+`', COUNT(*) FROM `+m[1])
		}
	}
	return strings.Join(parts, ` UNION ALL `), nil
}

// Run calls the engine's Run again and again, each time with another failing statement, and at last without a failure.
func (f *Faults) Run(ctx context.Context, t access.Tenant, lane store.Lane, fn func(*store.Tx) (bool, error)) error {
	return f.tried("A closure", true, func(n int) (c *failing, err error) {
		err = f.Engine.Run(ctx, t, lane, func(tx *store.Tx) (bool, error) {
			c = f.wrapConn(tx.C, n)
			tx.C = c
			refused, err := apart(func() (bool, error) { return fn(tx) })
			if c.sql != "" && refused && err == nil {
				f.t.Errorf("A closure makes a refusal of the failure of a statement: %s", c.sql)
				err = errPlanted
			}
			return refused, err
		})
		return c, err
	})
}

// View is View of the engine, after runs in which a statement fails.
func (f *Faults) View(ctx context.Context, t access.Tenant, fn func(*store.Tx) error) error {
	return f.tried("A view", false, func(n int) (c *failing, err error) {
		err = f.Engine.View(ctx, t, func(tx *store.Tx) error {
			c = f.wrapConn(tx.C, n)
			tx.C = c
			_, err := apart(func() (bool, error) { return false, fn(tx) })
			return err
		})
		return c, err
	})
}

// errLeft reports that a closure ended its goroutine, as t.Fatal does.
var errLeft = errors.New("the closure of a test ended its goroutine")

// apart runs a closure on a goroutine of its own, so that t.Fatal in the closure does not end a goroutine of the engine.
func apart(fn func() (bool, error)) (refused bool, err error) {
	err = errLeft
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		refused, err = fn()
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return refused, err
}

// errThrough rolls back an ingest in which no statement failed.
var errThrough = errors.New("every statement was let through")

// Ingest is Ingest of the engine, after runs in which a statement fails.
func (f *Faults) Ingest(recs []metering.Record, done func([]metering.Outcome, error)) error {
	if f.first() > 0 && len(recs) > 0 {
		_ = f.tried("An ingest", true, func(n int) (c *failing, err error) {
			err = f.Engine.Run(context.Background(), recs[0].Tenant, store.Reading, func(tx *store.Tx) (bool, error) {
				c = f.wrapConn(tx.C, n)
				tx.C = c
				if _, err := intake.Take(tx, slices.Clone(recs)); err != nil {
					return false, err
				}
				if c.sql == "" {
					return false, errThrough
				}
				return false, nil
			})
			return c, err
		})
	}
	leave := f.enter()
	err := f.Engine.Ingest(recs, func(outs []metering.Outcome, err error) {
		leave()
		done(outs, err)
	})
	if err != nil {
		leave()
	}
	return err
}

// failing is a transaction in which one statement fails.
type failing struct {
	core.Conn
	places *Places // nil if a number says which statement fails, or none does
	left   int     // number of statements up to the failing one
	sql    string  // the failed statement; empty until it is reached
}

// wrapConn returns a transaction in which the statement fails that [Faults.first] has chosen.
func (f *Faults) wrapConn(c core.Conn, n int) *failing {
	if n == 0 {
		return &failing{Conn: c}
	}
	return &failing{Conn: c, places: f.places, left: n}
}

func (c *failing) fails(sql string) bool {
	c.left--
	fails := c.left == 0
	if c.places != nil {
		fails = c.sql == "" && c.places.IsNew()
	}
	if fails {
		c.sql = sql
	}
	return fails
}

// Exec runs a statement unless it is the one that fails.
func (c *failing) Exec(sql string, args ...any) (int64, error) {
	if c.fails(sql) {
		return 0, errPlanted
	}
	return c.Conn.Exec(sql, args...)
}

// Query runs a query unless it is the one that fails.
func (c *failing) Query(sql string, row func(core.Row) error, args ...any) error {
	if c.fails(sql) {
		return errPlanted
	}
	return c.Conn.Query(sql, row, args...)
}

// letThrough lets all statements succeed. Tests call it if their closures inspect errors or count their runs.
func letThrough(e store.Engine) {
	if f, ok := e.(*Faults); ok {
		f.pause()
	}
}

// whole returns the engine without failures.
func whole(e store.Engine) store.Engine {
	if f, ok := e.(*Faults); ok {
		return f.Engine
	}
	return e
}

// Fail runs every group again on engines one of whose statements fails in each closure: another one in each of the rounds. Tests that call
// [letThrough] run without failures.
func Fail(t *testing.T, r Rig, rounds int) {
	var mu sync.Mutex
	failed := 0
	wrap := func(open func(*testing.T) store.Engine) func(*testing.T) store.Engine {
		if open == nil {
			return nil
		}
		return func(t *testing.T) store.Engine {
			f := WithFaults(t, open(t), nil)
			t.Cleanup(func() {
				mu.Lock()
				defer mu.Unlock()
				failed += f.Failed()
			})
			return f
		}
	}
	faulty := r
	faulty.Open, faulty.Several = wrap(r.Open), wrap(r.Several)
	faulty.Waiting = func(e store.Engine) int { return r.Waiting(whole(e)) }
	if r.Blocked != nil {
		faulty.Blocked = func(e store.Engine) int { return r.Blocked(whole(e)) }
	}
	faulty.FailCommit = func(e store.Engine, how Failure, pass int) {
		letThrough(e)
		r.FailCommit(whole(e), how, pass)
	}
	faulty.Hear = func(e store.Engine, due store.Due) { r.Hear(whole(e), due) }
	if r.Seal != nil {
		faulty.Seal = func(t testing.TB, e store.Engine) { r.Seal(t, whole(e)) }
	}
	for range rounds { // the name of a test differs in each round, and the statements are drawn by the name
		for _, g := range groups() {
			for _, tt := range g.tests {
				t.Run(g.name+"/"+tt.name, func(t *testing.T) { tt.run(t, faulty) })
			}
		}
	}
	t.Logf("figures: %d statements were made to fail", failed)
}
