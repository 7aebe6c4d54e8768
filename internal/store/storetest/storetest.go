// Package storetest tests the behaviour that every engine of the store must have. An engine's own tests open the engine and run [Exercise].
// Those tests also cover everything that is specific to the engine.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tier"
)

// Failure is a way in which a COMMIT fails.
type Failure int

// Failures of a COMMIT.
const (
	Undone   Failure = iota // reports an error; nothing was written
	Happened                // reports an error; everything was written
	Full                    // reports a full disk; nothing was written
)

// Rig is an engine under test.
type Rig struct {
	// Open returns an engine on a new, empty database, and closes it when the test ends.
	Open func(t *testing.T) store.Engine
	// Several returns an engine that runs several closures at once. It is nil if the engine that Open returns does so.
	Several func(t *testing.T) store.Engine
	// Waiting returns how much work is queued and not begun.
	Waiting func(store.Engine) int
	// Blocked returns how many transactions wait for a lock of another one. It is nil for an engine with one writer.
	Blocked func(store.Engine) int
	// FailCommit makes one COMMIT fail; pass is how many COMMITs succeed before it.
	FailCommit func(e store.Engine, how Failure, pass int)
	// Hear registers the function that the engine calls after each commit that adds work to the outbox. The engine has done no work yet.
	Hear func(store.Engine, store.Due)
	// Seal seals all committed rows, for an engine that does not seal within the commit. It is nil for other engines.
	Seal func(t testing.TB, e store.Engine)
	// Alone means that every closure has its own commit, so that one failure does not affect other closures.
	Alone bool
	// Second means that another engine plays the stories of playStory in ./check.
	Second bool
}

// seal makes sure that everything committed is sealed.
func (r Rig) seal(t *testing.T, e store.Engine) {
	t.Helper()
	if r.Seal != nil {
		r.Seal(t, e)
	}
}

// Exercise runs all tests. Under the race detector in ./check it runs the groups about the goroutines of an engine; ./check long runs all.
func Exercise(t *testing.T, r Rig) {
	for _, g := range groups() {
		if tier.Race && !tier.WatchesAll() && !g.goroutines {
			continue
		}
		for _, tt := range g.tests {
			t.Run(g.name+"/"+tt.name, func(t *testing.T) { tt.run(t, r) })
		}
	}
}

// group is the tests of one subject.
type group struct {
	name       string
	tests      []test
	goroutines bool // it is about goroutines of the engine
}

func groups() []group {
	return []group{
		{name: "doors", tests: doors(), goroutines: true}, {name: "failures", tests: failures(), goroutines: true},
		{name: "lanes", tests: laneTests(), goroutines: true}, {name: "due", tests: dueTests(), goroutines: true},
		{name: "ingest", tests: ingest(), goroutines: true},
		{name: "books", tests: books()}, {name: "keyed", tests: keyedTests()}, {name: "days", tests: dayTests()}, {name: "holds", tests: holds()}, {name: "requests", tests: requests()}, {name: "outbox", tests: outbox()},
		{name: "totals", tests: totalTests()}, {name: "log", tests: logTests()}, {name: "sessions", tests: sessions()}, {name: "devices", tests: deviceTests()}, {name: "tenants", tests: tenants()},
		{name: "meters", tests: meterTests()}, {name: "charges", tests: chargeTests()}, {name: "tariffs", tests: tariffTests()},
		{name: "account tariffs", tests: accountTariffTests()},
		{name: "wallets", tests: walletTests()}, {name: "move-outs", tests: movedTests()}, {name: "quarantine", tests: quarantineTests()},
		{name: "profiles", tests: profileTests()}, {name: "messages", tests: messageTests()}, {name: "recharges", tests: rechargeTests()},
		{name: "silence", tests: silenceTests()}, {name: "alarms", tests: alarmTests()},
		{name: "vendors", tests: vendorTests()}, {name: "reversals", tests: reversalTests()},
		{name: "jobs", tests: jobTests()}, {name: "clock", tests: clockTests()}, {name: "golden", tests: goldenTests()}, {name: "edges", tests: edgeTests()}, {name: "past", tests: pastTests()},
		{name: "papers", tests: paperTests()}, {name: "early answers", tests: earlyTests()},
	}
}

// test is one test of a group.
type test struct {
	name string
	run  func(*testing.T, Rig)
}

// playStory is for a test of a rule of the program, which no engine changes, over thousands of transactions: a second engine plays it in ./check
// long.
func playStory(story func(*testing.T, Rig)) func(*testing.T, Rig) {
	return func(t *testing.T, r Rig) {
		t.Helper()
		if r.Second {
			tier.Long(t)
		}
		story(t, r)
	}
}

// value is the result of the closures of these tests.
type value struct {
	n       int64
	refused bool
}

// Refused makes the store roll back the closure's writes.
func (v value) Refused() bool { return v.refused }

// do runs a closure of the first tenant in the sale lane.
func do(e store.Engine, fn func(*store.Tx) (value, error)) (value, error) {
	return Do(context.Background(), e, store.FirstTenant, store.Sale, fn)
}

// must runs a closure with [do]. An error ends the test.
func must(t *testing.T, e store.Engine, fn func(*store.Tx) error) {
	t.Helper()
	if _, err := do(e, func(tx *store.Tx) (value, error) { return value{}, fn(tx) }); err != nil {
		t.Fatal(err)
	}
}

// look reads on a snapshot of the first tenant.
func look[T any](t *testing.T, e store.Engine, fn func(*store.Tx) (T, error)) T {
	t.Helper()
	v, err := View(context.Background(), e, store.FirstTenant, fn)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// fetched runs reads, each on its own snapshot. It only checks that errors are reported; other tests check the results.
func fetched(t *testing.T, e store.Engine, reads ...func(*store.Tx) error) {
	t.Helper()
	for _, read := range reads {
		look(t, e, func(tx *store.Tx) (bool, error) { return true, read(tx) })
	}
}

// counter reads a counter without taking from it.
func counter(name string) func(*store.Tx) (int64, error) {
	return func(tx *store.Tx) (n int64, err error) {
		err = tx.C.Query(`SELECT value FROM counter WHERE tenant_id = $1 AND name = $2`, func(r core.Row) error {
			n = r.Int(0)
			return nil
		}, tx.Tenant, name)
		return n, err
	}
}

// take is the simplest closure that writes.
func take(name string) func(*store.Tx) (value, error) {
	return func(tx *store.Tx) (value, error) {
		n, err := tx.Take(name)
		return value{n: n}, err
	}
}

// stalled keeps the writer busy with a closure until the returned function is called, so that the closures queued meanwhile share a commit.
// The closure that keeps the writer busy may share that commit and fail with it.
func stalled(t *testing.T, e store.Engine) (release func()) {
	t.Helper()
	goOn := func() {}
	if f, ok := e.(*Faults); ok {
		goOn = f.pause()
	}
	entered, gate, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		_, err := do(e, func(*store.Tx) (value, error) {
			once.Do(func() { close(entered) })
			<-gate
			return value{}, nil
		})
		done <- err
	}()
	<-entered
	return func() {
		defer goOn()
		close(gate)
		if err := <-done; err != nil && !errors.Is(err, store.ErrOutcomeUnknown) {
			t.Errorf("the closure that kept the writer busy: %v", err)
		}
	}
}

// queued waits until n closures are queued.
func queued(t *testing.T, r Rig, e store.Engine, n int) {
	t.Helper()
	await.True(t, fmt.Sprintf("%d pieces of work are queued", n), func() bool { return r.Waiting(e) >= n })
}

// behind waits, in a transaction, until another one that was begun meanwhile waits for it: in the queue of an engine with one writer, or at a
// lock of the database. It also returns when the other one has ended.
func (r Rig) behind(t *testing.T, e store.Engine, ended <-chan struct{}) {
	for deadline := time.Now().Add(await.Limit); r.Waiting(e) == 0 && (r.Blocked == nil || r.Blocked(e) == 0); {
		select {
		case <-ended:
			return
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(deadline) { // this may be a goroutine of the engine, which must not end
			t.Errorf("%s: after %v no other transaction waits for this one", await.NotInTime, await.Limit)
			return
		}
	}
}

// outcome is the result that one caller got.
type outcome struct {
	v   value
	err error
}

// start runs do on a goroutine of its own.
func start(e store.Engine, lane store.Lane, fn func(*store.Tx) (value, error)) <-chan outcome {
	out := make(chan outcome, 1)
	go func() {
		v, err := Do(context.Background(), e, store.FirstTenant, lane, fn)
		out <- outcome{v, err}
	}()
	return out
}

// wantErr fails the test unless err wraps want.
func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// sum adds up a trial balance.
func sum(lines []ledger.Posting) (total ledger.Minor) {
	for _, l := range lines {
		total += l.Amount
	}
	return total
}

// post books an amount from one account to another.
func post(tx *store.Tx, kind ledger.Kind, ref string, debit, credit ledger.AccountRef, amount ledger.Minor) (ledger.Breach, error) {
	i, err := tx.NewID()
	if err != nil {
		return ledger.Breach{}, err
	}
	return tx.Post(ledger.Journal{ID: i, Kind: kind, Ref: ref, PostedAt: tx.Now, Postings: []ledger.Posting{
		{Account: debit, Amount: amount}, {Account: credit, Amount: -amount}}})
}

func account(c ledger.Code, subject string) ledger.AccountRef {
	return ledger.AccountRef{Code: c, Subject: subject}
}

// someEntry is an audit row.
func someEntry(action string) access.Entry {
	return access.Entry{Actor: "apikey till3", IP: "192.0.2.7", Action: action, Object: "obj", Before: "{}", After: `{"a":1}`, Reason: "because"}
}
