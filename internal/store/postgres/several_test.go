package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// value is the result of closures of these tests.
type value struct {
	n       int64
	refused bool
}

// Refused makes the store roll back the closure's writes.
func (v value) Refused() bool { return v.refused }

// do runs a closure of the first tenant in the sale lane.
func do(e store.Engine, fn func(*store.Tx) (value, error)) (value, error) {
	return storetest.Do(context.Background(), e, store.FirstTenant, store.Sale, fn)
}

// pair returns two servers on one database with one data folder, and the database's URL.
func pair(t *testing.T, seal time.Duration) (servers [2]*postgres.Engine, url, dir string) {
	t.Helper()
	url, dir = pgtest.New(t), t.TempDir()
	for i := range servers {
		servers[i] = openOn(t, url, postgres.Options{Dir: dir, Holder: fmt.Sprint("server ", i), SealEvery: seal})
	}
	return servers, url, dir
}

// journal books an amount from one account to another.
func journal(tx *store.Tx, ref string, debit, credit ledger.AccountRef, amount ledger.Minor) (ledger.Breach, error) {
	i, err := tx.NewID()
	if err != nil {
		return ledger.Breach{}, err
	}
	return tx.Post(ledger.Journal{ID: i, Kind: ledger.Vend, Ref: ref, PostedAt: tx.Now, Postings: []ledger.Posting{
		{Account: debit, Amount: amount}, {Account: credit, Amount: -amount}}})
}

// booksHold fails the test if the independent checks of the books find anything.
func booksHold(t *testing.T, e store.Engine) {
	t.Helper()
	r := new(store.Report)
	if err := e.View(t.Context(), store.FirstTenant, func(tx *store.Tx) error { return store.VerifyBooks(tx, r) }); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Errorf("%s: %s", f.Rule, f.What)
	}
}

func TestNumbersAreDenseOverTwoServers(t *testing.T) {
	servers, _, _ := pair(t, -1)
	const callers, each = 16, 25
	seen := make([][]int64, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				refuse := n%3 == 2
				v, err := do(servers[c%2], func(tx *store.Tx) (value, error) {
					got, err := tx.Take("receipt:main")
					return value{got, refuse}, err
				})
				if err != nil {
					t.Errorf("caller %d: %v", c, err)
				} else if !refuse {
					seen[c] = append(seen[c], v.n)
				}
			}
		})
	}
	wg.Wait()
	given := make(map[int64]int)
	for _, numbers := range seen {
		for _, n := range numbers {
			given[n]++
		}
	}
	want := callers * (each - each/3)
	for n := int64(1); n <= int64(want); n++ {
		if given[n] != 1 {
			t.Errorf("number %d was given %d times, want once", n, given[n])
		}
	}
	if len(given) != want {
		t.Errorf("%d different numbers, want %d without a gap", len(given), want)
	}
}

// TestFloatsHoldOverTwoServers moves money between a few floats from both servers at once. The pairs of floats are random, and every fourth
// step is a hold instead. No float may be overdrawn.
func TestFloatsHoldOverTwoServers(t *testing.T) {
	servers, _, _ := pair(t, 20*time.Millisecond)
	const accounts, callers, each, start = 4, 12, 40, 1000
	float := func(n int) ledger.AccountRef {
		return ledger.AccountRef{Code: ledger.Float, Subject: fmt.Sprint("v", n)}
	}
	bank := ledger.AccountRef{Code: ledger.Bank, Subject: "b"}
	for n := range accounts {
		if _, err := do(servers[0], func(tx *store.Tx) (value, error) {
			_, err := journal(tx, fmt.Sprint("deposit ", n), bank, float(n), start)
			return value{}, err
		}); err != nil {
			t.Fatal(err)
		}
	}
	var refused, posted atomic.Int64
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(c), 7))
			for n := range each {
				from, to, amount := rnd.IntN(accounts), rnd.IntN(accounts-1), ledger.Minor(1+rnd.IntN(400))
				if to >= from {
					to++
				}
				v, err := do(servers[c%2], func(tx *store.Tx) (value, error) {
					if n%4 == 3 {
						h, b, err := tx.Hold(float(from), amount, "h", tx.Now.Add(time.Hour))
						if err != nil || b.Refused() {
							return value{refused: b.Refused()}, err
						}
						_, err = tx.HoldVoid(h)
						return value{}, err
					}
					b, err := journal(tx, fmt.Sprint("move ", c, n), float(from), float(to), amount)
					return value{refused: b.Refused()}, err
				})
				if err != nil {
					t.Errorf("caller %d: %v", c, err)
					return
				}
				if v.refused {
					refused.Add(1)
				} else {
					posted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	floatsSum(t, servers[1], accounts, -accounts*start)
	booksHold(t, servers[0])
	for i, e := range servers {
		if err := e.Health(); err != nil {
			t.Errorf("server %d: %v", i, err)
		}
	}
	again := servers[0].Stats().Again + servers[1].Stats().Again
	t.Logf("figures: %d moves and holds on %d accounts from two servers: %d posted, %d refused, %d runs repeated", callers*each, accounts, posted.Load(), refused.Load(), again)
	if refused.Load() == 0 || posted.Load() == 0 {
		t.Errorf("%d refused, %d posted: the limits were not tried", refused.Load(), posted.Load())
	}
}

// floatsSum checks that no float is overdrawn and that together they hold exactly the money that was paid in.
func floatsSum(t *testing.T, e *postgres.Engine, accounts int, want ledger.Minor) {
	t.Helper()
	var total ledger.Minor
	for n := range accounts {
		float := ledger.AccountRef{Code: ledger.Float, Subject: fmt.Sprint("v", n)}
		b, err := storetest.View(t.Context(), e, store.FirstTenant, func(tx *store.Tx) (ledger.Minor, error) { return tx.Balance(float) })
		if err != nil || b > 0 {
			t.Errorf("float %d is at %d, %v: it was overdrawn", n, b, err)
		}
		total += b
	}
	if total != want {
		t.Errorf("the floats sum to %d, want %d", total, want)
	}
}

func TestARequestIsDoneOnceOverTwoServers(t *testing.T) {
	servers, _, _ := pair(t, -1)
	for round := range 20 {
		o := access.Once{Principal: "till", Key: fmt.Sprint("key-", round), Hash: [32]byte{1}}
		var fresh, known atomic.Int64
		var wg sync.WaitGroup
		for c := range 8 {
			wg.Go(func() {
				v, err := do(servers[c%2], func(tx *store.Tx) (value, error) {
					kept, err := tx.OnceTake(o)
					switch {
					case err != nil:
						return value{}, err
					case kept == nil:
						return value{n: 1}, tx.OncePut(o, 201, []byte("answer"), true)
					case kept.Status != 201 || string(kept.Body) != "answer":
						t.Errorf("the request is kept as %+v", kept)
					}
					return value{}, nil
				})
				if err != nil {
					t.Error(err)
				}
				fresh.Add(v.n)
				known.Add(1 - v.n)
			})
		}
		wg.Wait()
		if fresh.Load() != 1 || known.Load() != 7 {
			t.Errorf("round %d: the request was new to %d of 8 and known to %d, want 1 and 7", round, fresh.Load(), known.Load())
		}
	}
}

func TestAnItemIsClaimedByOneWorker(t *testing.T) {
	servers, _, _ := pair(t, -1)
	const items = 100
	if _, err := do(servers[0], func(tx *store.Tx) (value, error) {
		for n := range items {
			if _, err := tx.Enqueue(job.Item{Lane: "mqtt", Key: fmt.Sprint("m", n), Kind: "k"}); err != nil {
				return value{}, err
			}
		}
		return value{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	owners := make(map[id.ID][]string)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for range 10 {
				var claims []job.Claim
				_, err := do(servers[w%2], func(tx *store.Tx) (_ value, err error) {
					claims, err = tx.OutboxClaim("mqtt", "", fmt.Sprint("w", w), tx.Now.Add(time.Minute), 10)
					return value{}, err
				})
				if err != nil {
					t.Errorf("worker %d: %v", w, err)
				}
				mu.Lock()
				for _, c := range claims {
					owners[c.ID] = append(owners[c.ID], fmt.Sprint("w", w))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i, by := range owners {
		if len(by) != 1 {
			t.Errorf("item %x was claimed by %v", i, by)
		}
	}
	if len(owners) != items {
		t.Errorf("%d items were claimed, want %d", len(owners), items)
	}
}

// TestTwoServersSealOneLog lets both servers seal as fast as they can while both write, and then verifies everything.
func TestTwoServersSealOneLog(t *testing.T) {
	servers, url, dir := pair(t, time.Millisecond)
	till, revenue := ledger.AccountRef{Code: ledger.Till, Subject: "main"}, ledger.AccountRef{Code: ledger.RevenueEnergy}
	var wg sync.WaitGroup
	const callers, each = 8, 30
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				if _, err := do(servers[c%2], func(tx *store.Tx) (value, error) {
					if err := tx.AuditLog(access.Entry{Actor: "a", Action: "act", Object: fmt.Sprint(c, n)}); err != nil {
						return value{}, err
					}
					_, err := journal(tx, fmt.Sprint("j", c, n), till, revenue, 100)
					return value{}, err
				}); err != nil {
					t.Error(err)
				}
				// A balance that is partly a roll-up and partly newer postings must be right at every moment.
				var parts [2]ledger.Minor
				if err := servers[c%2].View(t.Context(), store.FirstTenant, func(tx *store.Tx) (err error) {
					if parts[0], err = tx.Balance(till); err == nil {
						parts[1], err = tx.Balance(revenue)
					}
					return err
				}); err != nil || parts[0]+parts[1] != 0 {
					t.Errorf("balances %v, %v: want them to sum to 0", parts, err)
				}
			}
		})
	}
	wg.Wait()
	seals := servers[0].Stats().Seals + servers[1].Stats().Seals
	for _, e := range servers {
		if err := e.Close(); err != nil { // seals the rest
			t.Error(err)
		}
	}
	r, err := postgres.Verify(t.Context(), url, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.Rule != "sale" { // these journals belong to no sale
			t.Errorf("%s: %s", f.Rule, f.What)
		}
	}
	figures := make(map[string]int64)
	for _, f := range r.Figures {
		figures[f.Name] = f.N
	}
	if figures["sealed rows"] != 2*callers*each || figures["rows waiting for their seal"] != 0 {
		t.Errorf("%d rows are sealed and %d wait, want %d and 0", figures["sealed rows"], figures["rows waiting for their seal"], 2*callers*each)
	}
	t.Logf("figures: %d rows of two servers in %d seals, %d heads kept outside", figures["sealed rows"], seals, figures["heads kept outside the database"])
}

// TestALostConnectionChangesNothingTwice ends the connection in the middle of every third closure.
func TestALostConnectionChangesNothingTwice(t *testing.T) {
	e := openOn(t, pgtest.New(t), postgres.Options{SealEvery: -1})
	const callers, each = 8, 15
	var cuts atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for n := range each {
				cut := n%3 == 0
				_, err := do(e, func(tx *store.Tx) (value, error) {
					got, err := tx.Take("a")
					if err == nil && cut {
						cut = false
						cuts.Add(1)
						err = tx.C.Query(`SELECT pg_terminate_backend(pg_backend_pid())`, func(core.Row) error { return nil })
					}
					return value{n: got}, err
				})
				if err != nil {
					t.Errorf("a closure whose connection was cut once: %v", err)
				}
			}
		})
	}
	wg.Wait()
	got, err := storetest.View(t.Context(), e, store.FirstTenant, counter)
	if err != nil || got != callers*each {
		t.Errorf("the counter is at %d, %v; want %d", got, err, callers*each)
	}
	if err := e.Health(); err != nil {
		t.Errorf("health after lost connections: %v, want nil", err)
	}
	t.Logf("figures: %d connections cut in the middle of %d closures, counter %d", cuts.Load(), callers*each, got)
}

// counter reads the counter of these tests.
func counter(tx *store.Tx) (n int64, err error) {
	err = tx.C.Query(`SELECT value FROM counter WHERE tenant_id = $1 AND name = 'a'`, func(r core.Row) error { n = r.Int(0); return nil }, tx.Tenant)
	return n, err
}

func TestServersThatLoseCommitsAreRefused(t *testing.T) {
	for setting, want := range map[string]error{
		"SET synchronous_commit = off": postgres.ErrSettings,
		"SET synchronous_commit = on":  nil,
	} {
		url := pgtest.New(t)
		name := url[strings.Index(url, ":///")+4 : strings.Index(url, "?")]
		run(t, url, "ALTER DATABASE "+name+" "+setting)
		e, err := postgres.Open(t.Context(), url, postgres.Options{Dir: t.TempDir(), SealEvery: -1})
		if !errors.Is(err, want) {
			t.Errorf("%s: opened with %v, want %v", setting, err, want)
		}
		if err == nil {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// run runs a statement outside the engine.
func run(t *testing.T, url, sql string) {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(t.Context(), sql).ReadAll()
	if err := errors.Join(err, c.Close(t.Context())); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestDatabasesThatAreNotOursAreRefused(t *testing.T) {
	open := func(url, dir string) error {
		e, err := postgres.Open(t.Context(), url, postgres.Options{Dir: dir, SealEvery: -1})
		if err == nil {
			err = e.Close()
		}
		return err
	}
	url, dir := pgtest.New(t), t.TempDir()
	if err := open(url, dir); err != nil {
		t.Fatalf("a new database: %v", err)
	}
	if err := open(url, t.TempDir()); !errors.Is(err, postgres.ErrKey) {
		t.Errorf("a server with another seal key: %v, want %v", err, postgres.ErrKey)
	}
	run(t, url, "UPDATE meta SET value = '999' WHERE key = 'schema'")
	if err := open(url, dir); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a newer database: %v, want %v", err, store.ErrNewer)
	}
	run(t, url, "DELETE FROM meta WHERE key = 'schema'")
	if err := open(url, dir); !errors.Is(err, postgres.ErrForeign) {
		t.Errorf("a database of another program: %v, want %v", err, postgres.ErrForeign)
	}
	for _, bad := range []string{"mysql://x", "postgres://[", "/tmp/x", ""} {
		if err := open(bad, dir); !errors.Is(err, postgres.ErrURL) {
			t.Errorf("%q: %v, want %v", bad, err, postgres.ErrURL)
		}
	}
	err := open("postgres://me:hunter2@127.0.0.1:1/x", dir)
	if !errors.Is(err, postgres.ErrAway) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a server that is not there: %v, want %v without the password", err, postgres.ErrAway)
	}
	if got := postgres.Redact("postgres://me:p@ss@db:5432/x"); got != "postgres://me@db:5432/x" {
		t.Errorf("Redact gives %q", got)
	}
}

// TestVerificationBesideRunningServers verifies the books while servers append heads to the file. Verification must not report these heads
// as heads that the database has lost.
func TestVerificationBesideRunningServers(t *testing.T) {
	servers, url, dir := pair(t, 2*time.Millisecond)
	bank, opening := ledger.AccountRef{Code: ledger.Bank, Subject: "b"}, ledger.AccountRef{Code: ledger.Opening}
	var wg sync.WaitGroup
	for i, e := range servers {
		wg.Go(func() {
			for n := range 300 {
				if _, err := do(e, func(tx *store.Tx) (value, error) {
					made, err := tx.NewID()
					if err == nil {
						_, err = tx.Post(ledger.Journal{ID: made, Kind: ledger.Settlement, Ref: fmt.Sprint("day ", i, " ", n), PostedAt: tx.Now,
							Postings: []ledger.Posting{{Account: bank, Amount: 1}, {Account: opening, Amount: -1}}})
					}
					return value{}, err
				}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for round := range 10 {
		r, err := postgres.Verify(t.Context(), url, dir)
		if err != nil || !r.Sound() {
			t.Errorf("round %d: %v %+v", round, err, r.Findings)
			break
		}
	}
	wg.Wait()
}
