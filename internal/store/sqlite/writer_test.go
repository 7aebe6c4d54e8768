package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	zombie "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/wire"
)

// flood sends n readings of some meters, one message each, with at most 1,000 unanswered, and waits until all are durable.
func flood(t testing.TB, e *sqlite.Engine, from, n, meters int) {
	t.Helper()
	room := make(chan struct{}, 1000)
	var mu sync.Mutex
	failed := 0
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for k := from; k < from+n; k++ {
		room <- struct{}{}
		head := wire.Head{Seq: uint64(k/meters + 1), At: at.Unix() + int64(k/meters), Up: uint64(k), Clock: wire.ClockValid}
		rec := metering.Record{Tenant: store.FirstTenant, Meter: int64(k % meters), Number: "04140001001", ReceivedAt: at.Add(24 * time.Hour),
			Rec: wire.Record{Kind: wire.KindReading, Head: head, Reading: &wire.Reading{Head: head, RegisterWh: int64(k), Relay: "closed"}}}
		err := e.Ingest([]metering.Record{rec}, func(outs []metering.Outcome, err error) {
			if err != nil || outs[0].Kind != metering.Stored {
				mu.Lock()
				failed++
				mu.Unlock()
			}
			<-room
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range cap(room) {
		room <- struct{}{}
	}
	if failed > 0 {
		t.Errorf("%d of %d readings were not stored", failed, n)
	}
}

func TestCallersShareCommits(t *testing.T) {
	tier.Concurrent(t)
	e := openIn(t, t.TempDir(), sqlite.Options{Reserve: -1})
	entered, gate := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := e.Run(context.Background(), store.FirstTenant, store.Job, func(*store.Tx) (bool, error) {
			close(entered)
			<-gate
			return false, nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-entered
	const callers = 40
	for range callers {
		wg.Go(func() { sell(t, e, func(tx *store.Tx) (sold, error) { n, err := tx.Take("a"); return sold{n}, err }) })
	}
	await.True(t, fmt.Sprintf("%d callers wait", callers), func() bool { return sqlite.Waiting(e) >= callers })
	before := e.Stats()
	close(gate)
	wg.Wait()
	if got := e.Stats().Batches - before.Batches; got > 2 { // 1, or 2 if the batch with the waiting closure was too old for callers to join
		t.Errorf("%d commits for the waiting one and %d callers behind it, want 2 at most", got, callers)
	}
}

func TestLongClosuresAreCounted(t *testing.T) {
	e := openIn(t, t.TempDir(), sqlite.Options{Reserve: -1})
	sell(t, e, func(tx *store.Tx) (sold, error) {
		for range 501 {
			if _, err := tx.C.Exec(`INSERT INTO counter (tenant_id, name, value) VALUES ($1, 'a', 1)
				ON CONFLICT (tenant_id, name) DO UPDATE SET value = counter.value + 1`, tx.Tenant); err != nil {
				return sold{}, err
			}
		}
		return sold{}, nil
	})
	if got := e.Stats().OverBudget; got != 1 {
		t.Errorf("%d closures over their budget after one that wrote 501 rows, want 1", got)
	}
}

// TestTheWriterWaitsWhenTheLogIsLong: while somebody reads an old state, the log cannot begin again and grows. From the length at which
// docs/reference/datapath.md says so, the writer waits for the reader, and not before.
func TestTheWriterWaitsWhenTheLogIsLong(t *testing.T) {
	tier.AsShipped(t)
	tier.Slow(t)
	dir := t.TempDir()
	e := openIn(t, dir, sqlite.Options{Reserve: -1})
	reader, err := zombie.OpenConn(filepath.Join(dir, "paywatt.db"), zombie.OpenReadOnly|zombie.OpenWAL)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, sql := range []string{"BEGIN", "SELECT COUNT(*) FROM counter"} {
		if err := sqlitex.ExecuteTransient(reader, sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	const waits, little = 24_000, 1000
	early := false
	for sent := 0; e.Stats().LogPages < waits+little; sent += little {
		if sent > 400_000 {
			t.Fatalf("after %d readings the log has %d pages, want %d", sent, e.Stats().LogPages, waits+little)
		}
		now := e.Stats()
		early = early || now.LogPages < waits-little && now.LogWaits > 0
		flood(t, e, sent, little, 500)
	}
	if early {
		t.Errorf("the writer waited before the log had %d pages", waits)
	}
	for range 64 { // the writer looks at the log between two commits
		sell(t, e, func(tx *store.Tx) (sold, error) { n, err := tx.Take("a"); return sold{n}, err })
	}
	if e.Stats().LogWaits == 0 {
		t.Errorf("the log has %d pages, and the writer has not waited for the reader", e.Stats().LogPages)
	}
}

// promisedLog is how large docs/operate/running.md says the file of the log gets while no reader holds an old state. The writer looks at the length
// after a large commit, which may add some MiB.
const promisedLog, largeCommit = 96 << 20, 8 << 20

// TestTheLogStaysSmall: the log is moved at a length at which the writer does not wait for it yet, and the writer waits before the file is larger than the
// page promises. After many readings, a few commits start the log again, however slow the disk is, and the file keeps the size that is cheap to overwrite.
func TestTheLogStaysSmall(t *testing.T) {
	tier.AsShipped(t)
	tier.Slow(t)
	dir := t.TempDir()
	e := openIn(t, dir, sqlite.Options{Reserve: -1})
	const longest, waits = 16_000, 24_000 // pages: the lengths at which the log is moved, and at which the writer waits
	const little = 2_000                  // readings, which need a small part of the difference
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			return 0
		}
		return info.Size()
	}
	moved := func(empty int64) bool { return size("paywatt.db") > empty+1<<20 }
	empty, sent := size("paywatt.db"), 0
	for ; e.Stats().LogPages < longest && !moved(empty); sent += little {
		if sent > 150_000 {
			t.Fatalf("after %d readings the log has %d pages, want at least %d", sent, e.Stats().LogPages, longest)
		}
		flood(t, e, sent, little, 500)
	}
	if pages := e.Stats().LogPages; pages >= waits {
		t.Fatalf("the log has %d pages, want fewer than %d", pages, waits)
	}
	await.True(t, "the log is moved into the database, although the writer does nothing", func() bool { return moved(empty) })
	largest, done := int64(0), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // the file is cut when the log starts again, so it must be looked at before
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				largest = max(largest, size("paywatt.db-wal"))
			}
		}
	})
	flood(t, e, sent, max(0, 150_000-sent), 500)
	close(done)
	wg.Wait()
	if largest > promisedLog+largeCommit {
		t.Errorf("the write-ahead log had %d MiB while readings arrived, want at most %d", largest>>20, (promisedLog+largeCommit)>>20)
	}
	began := time.Now()
	for commits := 0; commits < 64 || e.Stats().LogPages >= longest; commits++ {
		sell(t, e, func(tx *store.Tx) (sold, error) { n, err := tx.Take("a"); return sold{n}, err })
		if time.Since(began) > await.Limit {
			t.Fatalf("%s: the log has %d pages after the readings, want fewer than %d", await.NotInTime, e.Stats().LogPages, longest)
		}
	}
	if log := size("paywatt.db-wal"); log > promisedLog {
		t.Errorf("the write-ahead log is %d MiB after many readings, want at most %d", log>>20, promisedLog>>20)
	}
}

func TestASecondProcessMayWriteBesideTheServer(t *testing.T) {
	tier.Concurrent(t)
	dir := t.TempDir()
	engines := []*sqlite.Engine{openIn(t, dir, sqlite.Options{Reserve: -1}), openIn(t, dir, sqlite.Options{Reserve: -1})}
	stock(t, engines[0], 10)
	var wg sync.WaitGroup
	for k, e := range engines {
		wg.Go(func() {
			for n := range int64(60) {
				sell(t, e, sellOne(1+n*2+int64(k), 10))
			}
		})
	}
	wg.Wait()
	for _, e := range engines {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	report := verify(t, dir)
	if n := figure(report, "journals"); n != 120 || !report.Sound() {
		t.Errorf("%d journals, findings %v; want 120 and none", n, report.Findings)
	}
}

func TestAClosureWithAnUnknownTenantHarmsNobody(t *testing.T) {
	e := openIn(t, t.TempDir(), sqlite.Options{Reserve: -1})
	_, err := storetest.Do(context.Background(), e, 99, store.Sale, sellOne(1, 1))
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a sale of a tenant that does not exist: %v, want %v", err, store.ErrNotFound)
	}
	stock(t, e, 1)
	sell(t, e, sellOne(2, 1))
	if err := e.Health(); err != nil {
		t.Errorf("health: %v, want nil", err)
	}
}
