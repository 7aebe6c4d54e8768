package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// This file is the kill harness. Sellers, keypads and raw MQTT meters work against the real binary while a killer sends SIGKILL to the
// server and to meters at seeded random moments. Everything acknowledged is recorded here, outside. In the end an independent checker
// (checker_test.go) opens the database with its own SQL and compares.

// setting reads an integer from the environment: E2E_KILLS, E2E_SEED.
func setting(name string, normal int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return normal
}

func TestNothingAcknowledgedIsLostWhenThePlugIsPulled(t *testing.T) {
	w := newWorld(t, paywatt(t), uint64(setting("E2E_SEED", 1)))
	w.run(t, setting("E2E_KILLS", 100))
	for _, v := range w.check(t) {
		t.Error(v)
	}
	t.Logf("figures: kill harness seed %d: %s", w.seed, w.figures())
}

// TestTheHarnessCatchesAnEarlyAcknowledgement is the positive control: the harness must catch a build that acknowledges before the commit.
func TestTheHarnessCatchesAnEarlyAcknowledgement(t *testing.T) {
	bin := buildOnce(t, "faultinject")
	w := newWorld(t, bin, uint64(setting("E2E_SEED", 1)))
	w.fault = "FAULT_INJECT=acknowledge-before-commit"
	w.run(t, 15)
	found := w.check(t)
	if len(found) == 0 {
		t.Fatalf("the planted bug was not caught in 15 kills: %s", w.figures())
	}
	t.Logf("figures: planted bug caught by %d findings, first: %s", len(found), found[0])
}

// sale is one sale as the seller saw it.
type sale struct {
	key, meter string
	minor      int64
	digits     string
	units      int64
}

// world is a server with sellers, keypads and meters, and the record of everything that the server acknowledged.
type world struct {
	seed   uint64
	fault  string
	p      *place
	apiKey string
	meters []*keypad
	raws   []*rawMeter

	mu        sync.Mutex
	srv       *server
	http      string
	mqtt      string
	sold      []sale            // sales acknowledged with 201
	asked     map[string]string // the meter of every client reference ever sent
	problems  []string
	kills     [2]int // kills of the server, kills of meters
	restarts  time.Duration
	finishing chan struct{}
}

func newWorld(t *testing.T, bin string, seed uint64) *world {
	w := &world{seed: seed, p: newPlace(t, bin), asked: map[string]string{}, finishing: make(chan struct{})}
	return w
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
	return 60 * time.Second
}

func (w *world) address() (string, string) { w.mu.Lock(); defer w.mu.Unlock(); return w.http, w.mqtt }

// run plays the safety phase with kills, then the liveness phase in which everything must converge.
func (w *world) run(t *testing.T, kills int) {
	if w.fault != "" {
		w.p.env = append(w.p.env, w.fault)
	}
	w.srv = w.p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	w.http, w.mqtt = w.srv.http, w.srv.mqtt
	w.apiKey = w.p.run(t, "", "apikey", "create", "--role", "owner", "--data", w.p.dir)
	a := newAPI(w.http, w.apiKey)
	a.tariff(t)
	for i := range 3 {
		w.meters = append(w.meters, newKeypad(w, a.meter(t, number(2000+i)), filepath.Join(t.TempDir(), "m"), w.seed+uint64(i)))
	}
	for i := range 2 {
		w.raws = append(w.raws, newRawMeter(w, a.meter(t, number(3000+i))))
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
	w.killer(t, kills)
	close(stop)
	all.Wait()
	w.settle(t)
}

// killer pulls the plug of the server (three times in five) or of a meter. It waits 20 to 250 ms before each cut, and restarts the server
// at once.
func (w *world) killer(t *testing.T, kills int) {
	r := rand.New(rand.NewPCG(w.seed, 0x6b696c6c))
	for range kills {
		<-time.After(time.Duration(20+r.IntN(231)) * time.Millisecond)
		if r.IntN(5) >= 3 {
			w.meters[r.IntN(len(w.meters))].pull()
			w.kills[1]++
			continue
		}
		began := time.Now()
		w.srv.kill()
		s, err := w.p.start(w.http, w.mqtt)
		if err != nil {
			t.Fatalf("the server does not come back after a kill (seed %d): %v", w.seed, err)
		}
		w.mu.Lock()
		w.srv = s
		w.mu.Unlock()
		w.kills[0]++
		w.restarts += time.Since(began)
	}
}

// seller sells to the keypads' meters until it must stop; after a lost answer it asks again with the same key.
func (w *world) seller(n int, stop chan struct{}) {
	r := rand.New(rand.NewPCG(w.seed, uint64(n)))
	addr, _ := w.address()
	a := newAPI(addr, w.apiKey)
	a.http.Timeout = 5 * time.Second
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		m := w.meters[r.IntN(len(w.meters))]
		if m.backlog() > 16 {
			// Let the keypad catch up. A meter rightly answers old_error to a token if it has accepted 50 newer ones. No customer lets so
			// many tokens wait.
			<-time.After(20 * time.Millisecond)
			continue
		}
		s := sale{key: fmt.Sprintf("seller%d-%06d", n, i), meter: m.number, minor: int64(200 + r.IntN(2000))}
		w.sell(a, s, r.IntN(4) == 0)
		<-time.After(time.Duration(5+r.IntN(40)) * time.Millisecond)
	}
}

// sell asks until the answer is definite. Two different answers to one key are a finding.
func (w *world) sell(a *api, s sale, push bool) {
	w.mu.Lock()
	w.asked[s.key] = s.meter
	w.mu.Unlock()
	var deliver []string
	if push {
		deliver = []string{"mqtt"}
	}
	for tries := 0; tries < 400; tries++ {
		got, err := a.vend(s.meter, s.minor, s.key, deliver...)
		if err == nil && got.status == 201 {
			w.bookSale(s, got)
			return
		}
		if err == nil && got.status < 500 && got.status != 409 && got.status != 429 {
			w.problem("sale %s: status %d %s", s.key, got.status, got.body)
			return
		}
		<-time.After(25 * time.Millisecond)
	}
	w.problem("sale %s found no definite answer", s.key)
}

func (w *world) bookSale(s sale, got answer) {
	v, err := parseSale(got)
	if err != nil {
		w.problem("sale %s: %v", s.key, err)
		return
	}
	s.digits, s.units = v.digits, v.units
	w.mu.Lock()
	w.sold = append(w.sold, s)
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
	addr, _ := w.address()
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
	for _, m := range w.meters {
		m.finish(t)
	}
	for _, r := range w.raws {
		r.finish()
	}
	w.mu.Lock()
	srv := w.srv
	w.mu.Unlock()
	srv.stop()
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
	return fmt.Sprintf("%d server and %d meter kills, %d acknowledged sales, %d acknowledged readings, %d tokens accepted, mean return %v",
		w.kills[0], w.kills[1], len(w.sold), acked, entries, per.Round(time.Millisecond))
}
