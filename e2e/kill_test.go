package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// This file is the kill harness. Sellers, keypads and raw MQTT meters work against the real binary while a killer sends SIGKILL to the
// server and to meters at seeded random moments. Everything acknowledged is recorded here, outside. In the end an independent checker
// (checker_test.go) opens the database with its own SQL and compares.

func TestNothingAcknowledgedIsLostWhenThePlugIsPulled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, paywatt(t), tier.Seed(t))
	w.run(t, tier.E2EKills.N())
	w.judge(t)
}

// TestNothingAcknowledgedIsLostOnPostgreSQL: two servers share one database. The killer kills servers, meters, and all processes of the
// database.
func TestNothingAcknowledgedIsLostOnPostgreSQL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, paywatt(t), tier.Seed(t))
	w.onPostgreSQL(t)
	w.run(t, tier.E2EKillsOnPostgreSQL.N())
	w.judge(t)
}

// TestAMissingAnswerOfALivingServerIsFound: the harness must see a server that gives no HTTP answer. One that it has killed need not give any.
func TestAMissingAnswerOfALivingServerIsFound(t *testing.T) {
	w, srv := &world{}, &server{}
	w.noteAnswer(srv, "answered", time.Now(), nil)
	srv.ending.Store(true)
	w.noteAnswer(srv, "killed", time.Now(), io.EOF)
	if len(w.problems) != 0 {
		t.Errorf("problems without a fault: %v", w.problems)
	}
	srv.ending.Store(false)
	w.noteAnswer(srv, "lost", time.Now(), io.EOF)
	if len(w.problems) != 1 || !strings.Contains(w.problems[0], "sale lost: a living server gave no answer") {
		t.Errorf("problems: %v, want the one request without an answer", w.problems)
	}
}

// judge reports what was lost or counted twice.
func (w *world) judge(t *testing.T) {
	t.Helper()
	for _, v := range w.check(t) {
		t.Error(v)
	}
	t.Logf("figures: kill harness seed %d: %s", w.seed, w.figures())
}

// TestTheHarnessCatchesAnEarlyAcknowledgement is the positive control: the harness must catch a build that acknowledges before the commit.
func TestTheHarnessCatchesAnEarlyAcknowledgement(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	kills := tier.E2EPlantedKills.N()
	for name, on := range map[string]func(*world, *testing.T){"SQLite": func(*world, *testing.T) {}, "PostgreSQL": (*world).onPostgreSQL} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, buildOnce(t, "faultinject"), tier.Seed(t))
			w.fault = "FAULT_INJECT=acknowledge-before-commit"
			w.p.expect("item was given up") // the bug sends what it then loses
			on(w, t)
			w.run(t, kills)
			found := w.check(t)
			if len(found) == 0 {
				t.Fatalf("the planted bug was not caught in %d kills: %s", kills, w.figures())
			}
			t.Logf("figures: planted bug caught by %d findings, first: %s", len(found), found[0])
		})
	}
}

// sale is one sale as the seller saw it.
type sale struct {
	key, meter string
	minor      int64
	digits     string
	units      int64
}

// post is one server. It has the same addresses after each start.
type post struct {
	srv        *server
	http, mqtt string
}

// world is one or more servers with sellers, keypads and meters, and the record of everything that the servers acknowledged.
type world struct {
	seed   uint64
	fault  string
	p      *place
	apiKey string
	meters []*keypad
	raws   []*rawMeter
	db     *pgtest.Cluster  // nil: SQLite
	storm  func(*testing.T) // what happens instead of the killer's kills
	wait   time.Duration    // how long convergence may take; 0: await.Limit
	pace   time.Duration    // mean time between a seller's sales, however many tokens wait; 0: as fast as the keypads take them
	books  func(*testing.T) books

	mu        sync.Mutex
	posts     []post
	sold      []sale            // sales acknowledged with 201
	asked     map[string]string // the meter of every client reference ever sent
	took      []span            // from the first request of each sale to its answer
	slowest   time.Duration     // the longest that a seller's request waited for its HTTP answer
	problems  []string
	kills     [3]int // kills of servers, of meters, of the database
	restarts  time.Duration
	finishing chan struct{}
}

func newWorld(t *testing.T, bin string, seed uint64) *world {
	w := &world{seed: seed, p: newPlace(t, bin), posts: make([]post, 1), asked: map[string]string{}, finishing: make(chan struct{})}
	w.books = func(t *testing.T) books { return file{openDatabase(t, w.p.dir)} }
	return w
}

// onPostgreSQL moves the world to two servers over a database of its own.
func (w *world) onPostgreSQL(t *testing.T) {
	c, err := pgtest.Start()
	if err != nil {
		pgtest.Missing(t, err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	w.p.expect(databaseIsAway...) // its processes are killed
	w.db, w.posts = c, make([]post, 2)
	w.p.env = append(w.p.env, "PAYWATT_STORE="+c.URL("postgres"))
	w.books = func(t *testing.T) books { return openBooks(t, c.URL("postgres")) }
}

func (w *world) problem(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.problems) < 50 {
		w.problems = append(w.problems, fmt.Sprintf(format, args...))
	}
}

// patience is how long convergence may take. A world with a planted bug may never converge.
func (w *world) patience() time.Duration {
	if w.fault != "" {
		return 8 * time.Second
	}
	if w.wait > 0 {
		return w.wait
	}
	return await.Limit
}

// address returns the addresses of a server. A client that does not get through tries the next turn.
func (w *world) address(turn int) (http, mqtt string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.posts[turn%len(w.posts)]
	return p.http, p.mqtt
}

// serverAt returns the server that has the addresses of a turn now.
func (w *world) serverAt(turn int) *server {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.posts[turn%len(w.posts)].srv
}

// noteAnswer judges whether a seller's request to a server got an HTTP answer. Only a server that the test has ended in the meantime need not give one.
func (w *world) noteAnswer(srv *server, key string, asked time.Time, err error) {
	took := time.Since(asked)
	if err != nil && !srv.ending.Load() {
		w.problem("sale %s: a living server gave no answer in %v: %v", key, took.Round(time.Millisecond), err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slowest = max(w.slowest, took)
}

// open starts the servers, and makes an owner's key and a tariff.
func (w *world) open(t *testing.T) *api {
	t.Helper()
	for i := range w.posts {
		srv := w.p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
		w.posts[i] = post{srv, srv.http, srv.mqtt}
	}
	w.apiKey = w.p.run(t, "", "apikey", "create", "--role", "owner", "--data", w.p.dir)
	a := newAPI(w.posts[0].http, w.apiKey)
	a.tariff(t)
	return a
}

// run plays the safety phase with kills, then the liveness phase in which everything must converge.
func (w *world) run(t *testing.T, kills int) {
	a := w.open(t)
	for i := range 3 {
		w.meters = append(w.meters, newKeypad(w, a.meter(t, number(2000+i)), filepath.Join(t.TempDir(), "m"), w.seed+uint64(i)))
	}
	for i := range 2 {
		w.raws = append(w.raws, newRawMeter(w, a.meter(t, number(3000+i))))
	}
	if w.fault != "" { // from now on, because the preparations rely on what is acknowledged
		w.p.env = append(w.p.env, w.fault)
		for i := range w.posts {
			w.killServer(t, i)
		}
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() { w.seller(i, stop) })
	}
	for _, m := range w.meters {
		all.Go(func() { m.work(stop) })
	}
	for _, r := range w.raws {
		all.Go(func() { r.work(stop) })
	}
	if w.storm != nil {
		w.storm(t)
	}
	w.killer(t, kills)
	if w.fault == "" { // a planted bug may keep the meters from getting on
		await.True(t, fmt.Sprintf("%d sales and %d readings of each meter are acknowledged", leastSales, leastReadings), w.hasWorked)
	}
	close(stop)
	all.Wait()
	w.settle(t)
}

// The least that a run must have acknowledged. With less there is too little to lose. The sellers and meters of a slow machine, or of one
// whose servers were away for long, go on after the last kill until it is reached.
const (
	leastSales    = 50
	leastReadings = 100 // of each raw meter
)

// hasWorked reports whether the servers have acknowledged enough.
func (w *world) hasWorked() bool {
	for _, r := range w.raws {
		if acked, _ := r.state(); acked < leastReadings {
			return false
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sold) >= leastSales
}

// killer pulls the plug of a server, of the database if that is a process of its own, or of a meter. It waits 20 to 250 ms before each cut,
// and starts what it killed at once; meters start by themselves.
func (w *world) killer(t *testing.T, kills int) {
	r := rand.New(rand.NewPCG(w.seed, 0x6b696c6c))
	for range kills {
		<-time.After(time.Duration(20+r.IntN(231)) * time.Millisecond)
		switch what := r.IntN(5); {
		case what >= 3:
			w.meters[r.IntN(len(w.meters))].pull()
			w.kills[1]++
		case what == 2 && w.db != nil:
			if err := w.db.Crash(); err != nil {
				t.Fatalf("the database does not come back after a kill (seed %d): %v", w.seed, err)
			}
			w.kills[2]++
		default:
			w.killServer(t, r.IntN(len(w.posts)))
		}
	}
}

// restart stops all servers, does something, and starts them again.
func (w *world) restart(t *testing.T, between func()) {
	t.Helper()
	for i := range w.posts {
		w.posts[i].srv.stop()
	}
	between()
	for i := range w.posts {
		w.killServer(t, i)
	}
}

func (w *world) killServer(t *testing.T, n int) {
	t.Helper()
	began, was := time.Now(), w.posts[n]
	was.srv.kill()
	s, err := w.p.start(was.http, was.mqtt)
	if err != nil {
		t.Fatalf("%v: the server does not come back after a kill (seed %d)", err, w.seed)
	}
	w.mu.Lock()
	w.posts[n].srv = s
	w.mu.Unlock()
	w.kills[0]++
	w.restarts += time.Since(began)
}

// seller sells to the keypads' meters until it must stop; after a lost answer it asks again with the same key.
func (w *world) seller(n int, stop chan struct{}) {
	r := rand.New(rand.NewPCG(w.seed, uint64(n)))
	var all []*api
	for turn := range w.posts {
		addr, _ := w.address(n + turn)
		all = append(all, newAPI(addr, w.apiKey))
	}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		m := w.meters[r.IntN(len(w.meters))]
		if w.pace == 0 && m.backlog() > 16 {
			// Let the keypad catch up. A meter rightly answers old_error to a token if it has accepted 50 newer ones. No customer lets so
			// many tokens wait.
			<-time.After(20 * time.Millisecond)
			continue
		}
		s := sale{key: fmt.Sprintf("seller%d-%06d", n, i), meter: m.number, minor: int64(200 + r.IntN(2000))}
		w.sell(n, all, s, r.IntN(4) == 0)
		<-time.After(w.pause(r))
	}
}

// pause returns a seller's time until the next sale.
func (w *world) pause(r *rand.Rand) time.Duration {
	if w.pace > 0 {
		return w.pace/2 + time.Duration(r.Int64N(int64(w.pace)))
	}
	return time.Duration(5+r.IntN(40)) * time.Millisecond
}

// sell asks one server after the other until the answer is definite. The first of all is the server of the turn first.
func (w *world) sell(first int, all []*api, s sale, push bool) {
	w.mu.Lock()
	w.asked[s.key] = s.meter
	w.mu.Unlock()
	var deliver []string
	if push {
		deliver = []string{"mqtt"}
	}
	began := time.Now()
	for tries := 0; time.Since(began) < w.patience(); tries++ {
		at := tries % len(all)
		srv, asked := w.serverAt(first+at), time.Now()
		got, err := all[at].vend(s.meter, s.minor, s.key, deliver...)
		w.noteAnswer(srv, s.key, asked, err)
		if err == nil && got.status == 201 {
			w.bookSale(s, got, began)
			return
		}
		if err == nil && got.status < 500 && got.status != 409 && got.status != 429 {
			w.problem("sale %s: status %d %s", s.key, got.status, got.body)
			return
		}
		<-time.After(25 * time.Millisecond)
	}
	w.problem("%s: sale %s found no definite answer", await.NotInTime, s.key)
}

func (w *world) bookSale(s sale, got answer, began time.Time) {
	v, err := parseSale(got)
	if err != nil {
		w.problem("sale %s: %v", s.key, err)
		return
	}
	s.digits, s.units = v.digits, v.units
	w.mu.Lock()
	w.sold, w.took = append(w.sold, s), append(w.took, span{began, time.Now()})
	w.mu.Unlock()
	for _, m := range w.meters {
		if m.number == s.meter {
			m.offer(s)
		}
	}
}

// settle is the liveness phase. Nothing is killed any more, every token is entered, and every meter sends everything.
func (w *world) settle(t *testing.T) {
	close(w.finishing)
	addr, _ := w.address(0)
	a := newAPI(addr, w.apiKey)
	w.mu.Lock()
	sold := append([]sale(nil), w.sold...)
	w.mu.Unlock()
	for _, s := range sold {
		got, err := a.vend(s.meter, s.minor, s.key)
		if err != nil || got.status >= 300 {
			// The request included a push, so ask by reference.
			got, err = a.do("GET", "/v1/vends?client_ref="+s.key, nil)
		}
		if err != nil {
			t.Fatalf("settle: %v", err)
		}
		if v, err := parseSale(got); err != nil || v.digits != s.digits {
			w.problem("sale %s was answered with one token and now has another (status %d, %v)", s.key, got.status, err)
		}
	}
	if w.fault != "" && len(w.problems) > 0 { // the planted bug has shown itself; meters whose tokens were forgotten may never converge
		for _, m := range w.meters {
			m.pull()
		}
		for _, p := range w.posts {
			p.srv.kill()
		}
		return
	}
	for _, m := range w.meters {
		m.finish(t)
	}
	for _, r := range w.raws {
		r.finish()
	}
	for _, p := range w.posts {
		p.srv.stop()
	}
}

func (w *world) figures() string {
	acked := uint64(0)
	for _, r := range w.raws {
		acked += r.acked
	}
	entries := 0
	for _, m := range w.meters {
		entries += m.accepted
	}
	per := time.Duration(0)
	if w.kills[0] > 0 {
		per = w.restarts / time.Duration(w.kills[0])
	}
	return fmt.Sprintf("%d server, %d database and %d meter kills, %d acknowledged sales, %d acknowledged readings, %d tokens accepted, mean return %v",
		w.kills[0], w.kills[2], w.kills[1], len(w.sold), acked, entries, per.Round(time.Millisecond))
}
