package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// sharing runs a closure that may share its transaction.
func sharing(e store.Engine, fn func(*store.Tx) (value, error)) (value, error) {
	return storetest.Do(access.Sharing(context.Background()), e, store.FirstTenant, store.Sale, func(tx *store.Tx) (value, error) {
		tx.Share()
		return fn(tx)
	})
}

// answer is what a caller got.
type answer struct {
	v   value
	err error
}

// together lets closures wait behind another one until all of them can run in one transaction, and returns the answers.
func together(t *testing.T, e *postgres.Engine, fns ...func(*store.Tx) (value, error)) []answer {
	t.Helper()
	began, gate := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = e.Run(access.Sharing(context.Background()), store.FirstTenant, store.Sale, func(*store.Tx) (bool, error) { close(began); <-gate; return true, nil })
	})
	<-began
	out := make([]answer, len(fns))
	for i, fn := range fns {
		wg.Go(func() { out[i].v, out[i].err = sharing(e, fn) })
		await.True(t, fmt.Sprintf("%d closures wait", i+1), func() bool { return postgres.Waiting(e) > i })
	}
	close(gate)
	wg.Wait()
	return out
}

// one is a server with as few writers as possible, with a counter that exists.
func one(t *testing.T) (*postgres.Engine, string, string) {
	t.Helper()
	url, dir := pgtest.New(t), t.TempDir()
	e := openOn(t, url, postgres.Options{Dir: dir, SealEvery: -1, Writers: 1})
	if v, err := do(e, take); err != nil || v.n != 1 {
		t.Fatal(v, err)
	}
	return e, url, dir
}

func take(tx *store.Tx) (value, error) {
	n, err := tx.Take("a")
	if err == nil {
		err = tx.AuditLog(access.Entry{Action: "take", Object: fmt.Sprint(n)})
	}
	return value{n: n}, err
}

// numbers returns the numbers of the answers that succeeded, sorted.
func numbers(all []answer) (out []int64) {
	for _, a := range all {
		if a.err == nil && !a.v.refused {
			out = append(out, a.v.n)
		}
	}
	slices.Sort(out)
	return out
}

func dense(from, to int64) (out []int64) {
	for n := from; n <= to; n++ {
		out = append(out, n)
	}
	return out
}

func repeat(n int, fn func(*store.Tx) (value, error)) []func(*store.Tx) (value, error) {
	return slices.Repeat([]func(*store.Tx) (value, error){fn}, n)
}

// TestClosuresShareATransaction: twenty closures need one commit, get numbers without gaps, and their postings add up.
func TestClosuresShareATransaction(t *testing.T) {
	e, url, _ := one(t)
	before := e.Stats().Commits
	var place atomic.Int64
	all := together(t, e, repeat(20, func(tx *store.Tx) (value, error) {
		v, err := take(tx)
		if err != nil {
			return v, err
		}
		b, err := journal(tx, fmt.Sprint("sale ", place.Add(1)), ledger.AccountRef{Code: ledger.Till, Subject: "main"}, ledger.AccountRef{Code: ledger.RevenueEnergy}, 7)
		v.refused = b.Refused()
		return v, err
	})...)
	if got := numbers(all); !slices.Equal(got, dense(2, 21)) {
		t.Errorf("numbers %v (%v), want 2 to 21", got, all)
	}
	// The first run finds that the counter of accounts does not exist, so accounts are opened alone.
	if n := e.Stats().Commits - before; n > 21 {
		t.Errorf("%d commits for 20 closures", n)
	}
	before = e.Stats().Commits
	all = together(t, e, repeat(20, func(tx *store.Tx) (value, error) {
		v, err := take(tx)
		if err != nil {
			return v, err
		}
		_, err = journal(tx, fmt.Sprint("sale ", place.Add(1)), ledger.AccountRef{Code: ledger.Till, Subject: "main"}, ledger.AccountRef{Code: ledger.RevenueEnergy}, 7)
		return v, err
	})...)
	if got, n := numbers(all), e.Stats().Commits-before; !slices.Equal(got, dense(22, 41)) || n != 1 {
		t.Errorf("numbers %v in %d commits (%v), want 22 to 41 in one", got, n, all)
	}
	run(t, url, `DO $$ BEGIN IF (SELECT balance FROM ledger_account WHERE code = 1000) <> 280 THEN RAISE EXCEPTION 'the till is wrong'; END IF; END $$`)
	booksHold(t, e)
}

// TestAPoisonedClosureStaysAlone: closures that fail, refuse or panic do not touch the others, before or after they changed shared rows.
func TestAPoisonedClosureStaysAlone(t *testing.T) {
	broke := errors.New("broke")
	for name, end := range map[string]func() (value, error){
		"fails":   func() (value, error) { return value{}, broke },
		"refuses": func() (value, error) { return value{refused: true}, nil },
		"panics":  func() (value, error) { panic("poison") },
	} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " after a change ", after), func(t *testing.T) {
				e, _, _ := one(t)
				poison := func(tx *store.Tx) (value, error) {
					if err := tx.AuditLog(access.Entry{Action: "poison"}); err != nil {
						return value{}, err
					}
					if after {
						if _, err := take(tx); err != nil {
							return value{}, err
						}
					}
					return end()
				}
				all := together(t, e, take, take, poison, take, poison, take)
				if got := numbers(all); !slices.Equal(got, dense(2, 5)) {
					t.Errorf("numbers %v (%v), want 2 to 5", got, all)
				}
				for _, i := range []int{2, 4} {
					if all[i].err == nil && !all[i].v.refused {
						t.Errorf("the poisoned closure got %+v", all[i])
					}
				}
				look(t, e, `SELECT COUNT(*) FROM audit WHERE action = 'poison'`, 0)
				look(t, e, `SELECT COUNT(*) FROM audit WHERE action = 'take'`, 5)
			})
		}
	}
}

// TestAClosureThatEndsItsGoroutine fails alone, and the worker goes on.
func TestAClosureThatEndsItsGoroutine(t *testing.T) {
	e, _, _ := one(t)
	for range 2 {
		all := together(t, e, take, func(*store.Tx) (value, error) { runtime.Goexit(); return value{}, nil }, take)
		if all[0].err != nil || all[1].err == nil || all[2].err != nil {
			t.Errorf("answers %v, want an error for the second", all)
		}
	}
}

// look compares a number in the database.
func look(t *testing.T, e *postgres.Engine, sql string, want int64) {
	t.Helper()
	got, err := storetest.View(context.Background(), e, store.FirstTenant, func(tx *store.Tx) (n int64, err error) {
		err = tx.C.Query(sql, func(r core.Row) error { n = r.Int(0); return nil })
		return n, err
	})
	if err != nil || got != want {
		t.Errorf("%s: %d, %v; want %d", sql, got, err, want)
	}
}

// TestAnUnknownCommitStopsAllItsClosures loses the answer to a COMMIT, or the COMMIT itself. Nobody may be told that it succeeded.
func TestAnUnknownCommitStopsAllItsClosures(t *testing.T) {
	for name, lose := range map[string]struct {
		what func(*pgtest.Thief) *atomic.Int64
		want int64
	}{
		"the answer": {func(th *pgtest.Thief) *atomic.Int64 { return &th.Answers }, 6},
		"the COMMIT": {func(th *pgtest.Thief) *atomic.Int64 { return &th.Commits }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			database, dir := pgtest.New(t), t.TempDir()
			th, url := pgtest.Steal(t, database)
			e := openOn(t, url, postgres.Options{Dir: dir, SealEvery: -1, Writers: 1})
			if _, err := do(e, take); err != nil {
				t.Fatal(err)
			}
			lose.what(th).Add(1)
			for i, a := range together(t, e, repeat(5, take)...) {
				if !errors.Is(a.err, store.ErrOutcomeUnknown) || a.v.n != 0 {
					t.Errorf("closure %d: %+v, want %v", i, a, store.ErrOutcomeUnknown)
				}
			}
			look(t, e, `SELECT value FROM counter WHERE name = 'a'`, lose.want)
			if v, err := sharing(e, take); err != nil || v.n != lose.want+1 {
				t.Errorf("the next closure, on a new connection: %d, %v; want %d", v.n, err, lose.want+1)
			}
		})
	}
}

// TestTwoServersShareNumbers: each of two servers runs its closures together. No number is missing or given twice, though they want the same
// rows.
func TestTwoServersShareNumbers(t *testing.T) {
	servers, _, _ := pair(t, -1)
	if _, err := do(servers[0], take); err != nil {
		t.Fatal(err)
	}
	const callers, each = 24, 10
	all := make([]answer, callers*each)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				a := &all[c*each+n]
				a.v, a.err = sharing(servers[c%2], take)
			}
		})
	}
	wg.Wait()
	if got := numbers(all); !slices.Equal(got, dense(2, callers*each+1)) {
		t.Errorf("numbers %v, want 2 to %d", got, callers*each+1)
	}
	if n := servers[0].Stats().Commits + servers[1].Stats().Commits; n >= callers*each {
		t.Errorf("%d commits for %d closures", n, callers*each)
	}
}

// TestARowIsLockedForOneClosure: closures that lock the same row decide one after the other, each on what the one before has written. It does
// not matter whether they ask for the lock ahead.
func TestARowIsLockedForOneClosure(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		t.Run(fmt.Sprint("ahead ", ahead), func(t *testing.T) {
			e, url, _ := one(t)
			run(t, url, `INSERT INTO usage_month (tenant_id, account_id, month, units_wh, free_wh, fbe_issued) VALUES (1, '\x01', '2026-01', 0, 0, 0)`)
			add := func(tx *store.Tx) (value, error) {
				lock := func() error {
					_, err := tx.Number(`SELECT units_wh FROM usage_month WHERE tenant_id = $1 AND account_id = $2 AND month = $3 FOR UPDATE`, tx.Tenant, []byte{1}, "2026-01")
					return err
				}
				if ahead {
					tx.Ahead(lock)
					if _, err := tx.Number(`SELECT value FROM counter WHERE tenant_id = $1 AND name = $2`, tx.Tenant, "none"); err != nil {
						return value{}, err
					}
				}
				if err := lock(); err != nil {
					return value{}, err
				}
				n, err := tx.Number(`SELECT COUNT(*) FROM audit WHERE tenant_id = $1 AND action = $2`, tx.Tenant, "add")
				if err == nil {
					err = tx.AuditLog(access.Entry{Action: "add"})
				}
				return value{n: n + 1}, err
			}
			if got := numbers(together(t, e, repeat(6, add)...)); !slices.Equal(got, dense(1, 6)) {
				t.Errorf("the closures counted %v, want 1 to 6", got)
			}
		})
	}
}

// TestAskingAhead: what a closure asks ahead comes with its next statement, serves once and writes nothing.
func TestAskingAhead(t *testing.T) {
	e, url, _ := one(t)
	all := together(t, e, take, func(tx *store.Tx) (v value, err error) {
		stored := func() error {
			v.n, err = tx.Number(`SELECT COUNT(*) FROM meta WHERE key = $1`, "later")
			return err
		}
		tx.Ahead(stored, func() error { return tx.PutMeta("ahead", "1") }, func() error { _, err := tx.Take("a"); return err })
		if _, err := tx.Number(`SELECT value FROM counter WHERE tenant_id = $1 AND name = $2`, tx.Tenant, "none"); err != nil {
			return v, err
		}
		run(t, url, `INSERT INTO meta (key, value) VALUES ('later', '1')`)
		if err := stored(); err != nil || v.n != 0 {
			t.Errorf("asked ahead: %d rows, %v; want none", v.n, err)
		}
		if err := stored(); err != nil || v.n != 1 {
			t.Errorf("asked again: %d rows, %v; want 1", v.n, err)
		}
		return v, tx.AuditLog(access.Entry{Action: "end"})
	}, take)
	if got := numbers(all); !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("answers %v, want the numbers 2 and 3, and 1 row", all)
	}
	look(t, e, `SELECT COUNT(*) FROM meta WHERE key = 'ahead'`, 0)
}

// TestSharedRowsComeAhead: what closures change of the rows that all share comes with their first statement, once two transactions have
// changed the same rows. Accounts that do not exist are opened, once; after that their counter comes too, though not every transaction opens
// an account.
func TestSharedRowsComeAhead(t *testing.T) {
	e, _, _ := one(t)
	var place atomic.Int64
	round := 0
	sell := func(tx *store.Tx) (value, error) {
		n := place.Add(1)
		own := ledger.AccountRef{Code: ledger.Carry, Subject: fmt.Sprint("of ", n%6/2)}
		if round == 5 || round == 7 {
			own.Subject = fmt.Sprint("first sale of ", round)
		}
		tx.SharedAhead(own)
		tx.Ahead(func() error { _, err := tx.OpenFrom(); return err })
		if _, err := tx.Number(`SELECT value FROM counter WHERE tenant_id = $1 AND name = $2`, tx.Tenant, "none"); err != nil {
			return value{}, err
		}
		v, err := take(tx)
		if err != nil {
			return v, err
		}
		j := ledger.Journal{Kind: ledger.Vend, Ref: fmt.Sprint("sale ", n), PostedAt: tx.Now, Postings: []ledger.Posting{
			{Account: ledger.AccountRef{Code: ledger.Till, Subject: "main"}, Amount: 7}, {Account: own, Amount: -7}}}
		if j.ID, err = tx.NewID(); err != nil {
			return v, err
		}
		b, err := tx.Post(j)
		v.refused = b.Refused()
		return v, err
	}
	for i, most := range []int64{100, 5, 5, 2, 2, 4, 3, 2} { // the first opens the accounts, alone
		round = i
		before := e.Stats()
		all := together(t, e, repeat(6, sell)...)
		from := int64(2 + 6*round)
		if got := numbers(all); !slices.Equal(got, dense(from, from+5)) {
			t.Errorf("round %d: numbers %v (%v), want %d to %d", round, got, all, from, from+5)
		}
		after := e.Stats()
		if n := after.Messages - before.Messages; n > most || round > 0 && after.Commits-before.Commits != 1 {
			t.Errorf("round %d: %d messages in %d commits, want at most %d in 1", round, n, after.Commits-before.Commits, most)
		}
	}
	look(t, e, `SELECT balance FROM ledger_account WHERE code = 1000`, 336)
	look(t, e, `SELECT COUNT(*) FROM ledger_account`, 6)
	booksHold(t, e)
}

// TestAPlanOutgrowsItsTable: closures that share a transaction find a row by an index, though their plans were made while the table was empty.
func TestAPlanOutgrowsItsTable(t *testing.T) {
	e, url, _ := one(t)
	ask := pgtest.Admin(t, url)
	ask(`VACUUM ANALYZE idempotency`)
	find := func(tx *store.Tx) (value, error) {
		n, err := tx.Number(`SELECT status FROM idempotency WHERE tenant_id = $1 AND principal = $2 AND key = $3`, tx.Tenant, "p", "none")
		return value{n: n}, err
	}
	const planned, later, size = 4, 3, 3000 // plans are thrown away before the fourth transaction, and next before the eighth
	for n := range planned + later {
		if n == planned {
			ask(`INSERT INTO idempotency (tenant_id, principal, key, req_hash, state, status, created_at, expires_at)
				SELECT 1, 'p', 'key ' || i, '\x00', 'done', 200, 1, 2 FROM generate_series(1, ` + fmt.Sprint(size) + `) i`)
		}
		if v, err := sharing(e, find); err != nil || v.n != 0 {
			t.Fatal(v, err)
		}
	}
	if err := e.Close(); err != nil { // then the server's processes tell what they have read
		t.Fatal(err)
	}
	read := `SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'idempotency'`
	await.True(t, "the server's processes have ended", func() bool {
		return ask(`SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'paywatt' AND datname = current_database()`) == "0"
	})
	if got := ask(read); got != "0" {
		t.Errorf("%d reads of one row each have read %s rows in the order of the table, want none", later, got)
	}
}

// TestSharedPlansUseIndexes: a transaction of several closures searches and joins tables by their indexes only.
func TestSharedPlansUseIndexes(t *testing.T) {
	e, _, _ := one(t)
	for _, name := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin"} {
		_, err := sharing(e, func(tx *store.Tx) (value, error) {
			var is string
			_, err := tx.One(`SELECT current_setting($1)`, func(r core.Row) error { is = r.Text(0); return nil }, name)
			if err == nil && is != "off" {
				err = fmt.Errorf("it is %q", is)
			}
			return value{refused: true}, err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNobodyClosesADayUnderASale: while closures run that hold their postings back, nobody gets the lock under which a day is closed.
func TestNobodyClosesADayUnderASale(t *testing.T) {
	e, url, _ := one(t)
	all := together(t, e, take, func(tx *store.Tx) (value, error) {
		if _, err := tx.OpenFrom(); err != nil {
			return value{}, err
		}
		run(t, url, `DO $$ BEGIN
			LOCK TABLE posting IN SHARE ROW EXCLUSIVE MODE NOWAIT;
			RAISE EXCEPTION 'a day can be closed';
			EXCEPTION WHEN lock_not_available THEN NULL; END $$`)
		return take(tx)
	})
	if got := numbers(all); !slices.Equal(got, dense(2, 3)) {
		t.Errorf("numbers %v (%v), want 2 and 3", got, all)
	}
}

// TestAGuardSeesWhatAnotherServerWrote: a request is new when a closure looks, but another server stores its answer before the closure's own
// is written. The closure must find that answer, and not replace it or lose its own.
func TestAGuardSeesWhatAnotherServerWrote(t *testing.T) {
	e, url, _ := one(t)
	o := access.Once{Principal: "p", Key: "key-of-a-request", Hash: sha256.Sum256(nil)}
	var runs atomic.Int64
	all := together(t, e, take, func(tx *store.Tx) (value, error) {
		found, err := tx.OnceFind(o)
		if err != nil || found != nil {
			return value{n: int64(found.Status)}, err
		}
		if runs.Add(1) == 1 {
			run(t, url, `INSERT INTO idempotency (tenant_id, principal, key, req_hash, state, status, body_enc, created_at, expires_at)
				SELECT 1, 'p', 'key-of-a-request', sha256(''), 'done', 203, '\x00', 0, NULL`)
		}
		return value{n: 1}, tx.OncePut(o, 201, []byte("sealed"), true)
	}, take)
	if got := numbers(all); !slices.Equal(got, []int64{2, 3, 203}) || runs.Load() != 1 {
		t.Errorf("answers %v after %d runs, want the stored 203", all, runs.Load())
	}
}

// TestAnAnswerComesAfterTheCommit: no caller of a failed commit is told that it succeeded, and the numbers are used again.
func TestAnAnswerComesAfterTheCommit(t *testing.T) {
	e, _, _ := one(t)
	postgres.FailCommit(e, storetest.Full, 0)
	all := together(t, e, repeat(5, take)...)
	// Each closure has run alone after the failed commit.
	if got := numbers(all); !slices.Equal(got, dense(2, 6)) {
		t.Errorf("answers %v, want 2 to 6", all)
	}
	look(t, e, `SELECT value FROM counter WHERE name = 'a'`, 6)
	look(t, e, `SELECT COUNT(*) FROM audit WHERE action = 'take'`, 6)
}

// A worker waits for callers only if that can make a transaction larger, and never for more sales than one holds.
func TestAWorkerWaitsForACrowd(t *testing.T) {
	for _, c := range []struct{ answered, waiting, want int }{{1, 0, 0}, {0, 1, 0}, {1, 1, 2}, {4, 4, 8}, {64, 0, 64}, {40, 40, 64}} {
		if got := postgres.Crowd(c.answered, c.waiting); got != c.want {
			t.Errorf("%d answered and %d waiting: waits for %d, want %d", c.answered, c.waiting, got, c.want)
		}
	}
}

// TestAnAccountIsOpenedOnce: closures that open the same account at the same time, each after it has waited for the counter, use one number.
func TestAnAccountIsOpenedOnce(t *testing.T) {
	e, url, _ := one(t)
	var place atomic.Int64
	open := func(till string) func(tx *store.Tx) (value, error) {
		return func(tx *store.Tx) (value, error) {
			_, err := journal(tx, fmt.Sprint("sale ", place.Add(1)), ledger.AccountRef{Code: ledger.Till, Subject: till}, ledger.AccountRef{Code: ledger.RevenueEnergy}, 7)
			return value{}, err
		}
	}
	if _, err := do(e, open("main")); err != nil { // so that there is a counter of accounts
		t.Fatal(err)
	}
	for _, a := range together(t, e, repeat(20, open("second"))...) {
		if a.err != nil {
			t.Error(a.err)
		}
	}
	run(t, url, `DO $$ BEGIN IF (SELECT value FROM counter WHERE name = 'ledger_account') <> (SELECT MAX(n) FROM ledger_account)
		THEN RAISE EXCEPTION 'a number of an account is missing'; END IF; END $$`)
	booksHold(t, e)
}
