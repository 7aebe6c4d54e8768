package dayclose_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// books are a Days on a database that can be killed.
type books struct {
	*dayclose.Days
	t      *testing.T
	dir    string
	engine *storetest.EngineFault
	verify func() (*store.Report, error)
	now    time.Time
	n      int
}

func owner() access.Actor {
	return access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: "owner", Role: access.Owner, Answers: id.ID{15: 1}}
}

func openBooks(t *testing.T, onPostgres bool) *books {
	t.Helper()
	b := &books{t: t, now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), dir: filepath.Join(t.TempDir(), "data")}
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if onPostgres {
		url := pgtest.New(t)
		e, err := postgres.Open(t.Context(), url, postgres.Options{Intake: intake.Take, Dir: b.dir, Now: b.clock, SealEvery: 50 * time.Millisecond})
		b.serve(e, err, func() (*store.Report, error) { return postgres.Verify(context.WithoutCancel(t.Context()), url, b.dir) })
	} else {
		b.onSQLite()
	}
	t.Cleanup(b.end)
	return b
}

// onSQLite serves the folder of the books.
func (b *books) onSQLite() {
	dir := b.dir
	e, err := sqlite.Open(dir, sqlite.Options{Intake: intake.Take, Reserve: -1, Now: b.clock})
	b.serve(e, err, func() (*store.Report, error) { return sqlite.Verify(context.WithoutCancel(b.t.Context()), dir) })
}

func (b *books) serve(e store.Engine, err error, verify func() (*store.Report, error)) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	data, err := keystore.OpenData(b.dir)
	if err != nil {
		b.t.Fatal(err)
	}
	b.engine, b.verify = &storetest.EngineFault{Engine: e}, verify
	b.Days = dayclose.New(dayclose.Config{Hasher: data, Now: b.clock, Door: store.DoorTo(b.engine, store.Sale, func(tx *store.Tx) dayclose.Tx { return tx }),
		MayDate: func(tx once.Clock) (sale.Times, refusal.Refusal, error) {
			times, err := tx.VendClock()
			return times, refusal.Refusal{}, err
		}})
	b.do(func(tx *store.Tx) error { _, err := tx.SetCurrency("KES", 2); return err })
}

func (b *books) clock() time.Time { return b.now }

// end closes the store and checks everything in it.
func (b *books) end() {
	if err := b.engine.Close(); err != nil {
		b.t.Error(err)
	}
	if r, err := b.verify(); err != nil || !r.Sound() {
		b.t.Errorf("the data does not verify: %v %v", r, err)
	}
}

func (b *books) do(fn func(*store.Tx) error) {
	b.t.Helper()
	if err := b.engine.Engine.Run(b.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { return false, fn(tx) }); err != nil {
		b.t.Fatal(err)
	}
}

// post posts a journal with a time of its own, and returns the time at which it was posted.
func (b *books) post(at time.Time) (posted time.Time) {
	b.t.Helper()
	b.n++
	b.do(func(tx *store.Tx) error {
		i, err := tx.NewID()
		if err != nil {
			return err
		}
		_, err = tx.Post(ledger.Journal{ID: i, Kind: ledger.CashUp, Ref: fmt.Sprint(b.n), PostedAt: at, Postings: []ledger.Posting{
			{Account: ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}, Amount: 100}, {Account: ledger.AccountRef{Code: ledger.RevenueEnergy}, Amount: -100}}})
		if err != nil {
			return err
		}
		j, _, err := tx.Journal(i)
		posted = j.PostedAt
		return err
	})
	return posted
}

func (b *books) number(sql string, args ...any) (n int64) {
	b.t.Helper()
	err := b.engine.Engine.View(b.t.Context(), store.FirstTenant, func(tx *store.Tx) (err error) { n, err = tx.Number(sql, args...); return err })
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// attempt closes the day that has just ended, and is killed at one moment of that.
func (b *books) attempt(write, commit int) (kills int) {
	b.t.Helper()
	when := fmt.Sprintf("killed before write %d or after commit %d", write, commit)
	date, sold := b.now.Format(time.DateOnly), b.now
	b.post(sold)
	b.now = b.now.Add(24 * time.Hour)
	before := b.number(`SELECT COUNT(*) FROM closed_day`)
	b.engine.Kill(write, commit)
	_, err := b.Close(b.t.Context(), owner(), dayclose.Closing{Date: date, Note: "checked"})
	if b.engine.Revive() {
		kills++
		if !errors.Is(err, storetest.ErrKilled) {
			b.t.Errorf("%s: the closing ends with %v", when, err)
		}
	}
	days, acts := b.number(`SELECT COUNT(*) FROM closed_day`)-before, b.number(`SELECT COUNT(*) FROM audit WHERE action = 'day.close' AND object = $1`, date)
	if days != acts || days > 1 {
		b.t.Errorf("%s: %d days closed, and %d acts in the audit log", when, days, acts)
	}
	d, err := b.Close(b.t.Context(), owner(), dayclose.Closing{Date: date, Note: "checked again"})
	if err != nil || d.Refused() || d.Date != date || d.Figures.Journals != 1 || d.Figures.Debits != 100 {
		b.t.Fatalf("%s: closed again: %v %s %+v", when, err, d.Detail(), d.Figures)
	}
	if want := map[int64]string{0: "checked again", 1: "checked"}[days]; d.Note != want {
		b.t.Errorf("%s: %d days were closed, and the note is %q", when, days, d.Note)
	}
	if n := b.number(`SELECT COUNT(*) FROM audit WHERE action = 'day.close' AND object = $1`, date); n != 1 {
		b.t.Errorf("%s: %d acts in the audit log, want 1", when, n)
	}
	return kills
}

// TestADayKilledAnywhereIsClosedOnce kills the server before each write and after each commit of a closing, on both engines, and closes
// again. Each day is closed once, and all books verify.
func TestADayKilledAnywhereIsClosedOnce(t *testing.T) {
	for _, onPostgres := range []bool{false, true} {
		t.Run(fmt.Sprintf("PostgreSQL=%t", onPostgres), func(t *testing.T) {
			b := openBooks(t, onPostgres)
			writes, commits := storetest.EveryMoment(1, b.attempt)
			if writes < 2 || commits < 1 {
				t.Errorf("killed before %d writes and after %d commits", writes, commits)
			}
			t.Logf("figures: killed before %d writes and after %d commits", writes, commits)
		})
	}
}

// TestAClosedDayIsClosedAfterARestore: a closed day has the same figures after its backup was restored, and takes no journal. A day that was
// closed after the backup is open again, with what the backup has of it.
func TestAClosedDayIsClosedAfterARestore(t *testing.T) {
	b := openBooks(t, false)
	first := b.now
	b.post(first)
	b.now = b.now.Add(24 * time.Hour)
	closed := b.closes("2026-11-20")
	b.post(b.now)
	backup := filepath.Join(t.TempDir(), "backup")
	if _, err := sqlite.Backup(t.Context(), b.dir, backup, b.clock); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(24 * time.Hour)
	lost := b.closes("2026-11-21")
	b.end()
	b.dir = filepath.Join(t.TempDir(), "restored")
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := sqlite.Restore(t.Context(), backup, b.dir, false, b.clock, ""); err != nil {
		t.Fatal(err)
	}
	b.onSQLite()
	if d, err := b.Show(t.Context(), owner(), "2026-11-20"); err != nil || d.Refused() || fmt.Sprint(d.Closed) != fmt.Sprint(closed.Closed) {
		t.Errorf("restored: %v %s %+v, want %+v", err, d.Detail(), d.Closed, closed.Closed)
	}
	if d, err := b.Show(t.Context(), owner(), "2026-11-21"); err != nil || d.Code != refusal.NotFound {
		t.Errorf("the day that was closed after the backup: %v %+v", err, d)
	}
	if at := b.post(first.Add(time.Hour)); !at.Equal(closed.To) {
		t.Errorf("a journal of the closed day is posted at %v, want %v", at, closed.To)
	}
	again := b.closes("2026-11-21")
	if again.Figures.Journals != 2 || again.Epoch != lost.Epoch+1 || !again.has(dayclose.Restored) {
		t.Errorf("closed again: %+v, want the late journal too, the next epoch, and the restore among what is pending", again.Closed)
	}
}

type done struct{ dayclose.Done }

func (d done) has(kind dayclose.PendingKind) bool {
	for _, p := range d.Closed.Pending {
		if p.Kind == kind {
			return true
		}
	}
	return false
}

func (b *books) closes(date string) done {
	b.t.Helper()
	d, err := b.Close(b.t.Context(), owner(), dayclose.Closing{Date: date, Accept: true})
	if err != nil || d.Refused() {
		b.t.Fatalf("close %s: %v %s", date, err, d.Detail())
	}
	return done{d}
}
