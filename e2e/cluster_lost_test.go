package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/e2e/cluster"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// withheld is how long the standbys receive nothing, at least. It is longer than the time between two seals.
const withheld = 3 * time.Second

// bought is a sale as its seller saw it.
type bought struct {
	key, meter, receipt, digits string
	tid                         int64
	asked, answered             time.Time
}

// loss is a cluster whose commits wait for no standby, with two servers, sellers and meters.
type loss struct {
	*testing.T
	c       *cluster.Cluster
	w       *world
	meters  []secrets
	running []*vmeter

	mu   sync.Mutex
	sold []bought
	stop chan struct{}
	all  sync.WaitGroup
}

// TestAPromotionThatLosesSalesRepeatsNoNumber: the commits of this cluster wait for no standby. The primary loses power while its standbys have
// received nothing for seconds, so acknowledged sales and readings are gone. The servers must see that by themselves: no later token or receipt
// has a number of a lost sale, every meter loads the lost tokens and the later ones, and the meters send their lost readings again.
func TestAPromotionThatLosesSalesRepeatsNoNumber(t *testing.T) {
	tier.Long(t)
	l := newLoss(t)
	for i := range 4 {
		l.all.Go(func() { l.sell(i) })
	}
	l.use(time.Time{})

	was := l.c.Primary()
	was.Withhold(true)
	held, gone := time.Now(), 0
	time.Sleep(withheld)
	l.use(held)
	readings := l.readings(l.w.books(t))
	for _, n := range l.c.Standbys() {
		if gone = l.missing(readings, n.URL()); gone == 0 {
			t.Fatal("a standby has all readings, so this test shows nothing")
		}
	}
	killed := time.Now()
	was.Kill()
	await.True(t, "another node is the primary", func() bool { p := l.c.Primary(); return p != nil && p != was })
	promoted := time.Now()
	was.Withhold(false)
	was.Start(t)
	l.c.AwaitWhole()
	l.use(promoted)
	close(l.stop)
	l.all.Wait()
	await.True(t, "the meters have sent their lost readings again", func() bool { return l.missing(readings, l.c.URL()) == 0 })
	for _, m := range l.running {
		m.quit(t)
	}
	for _, p := range l.w.posts {
		p.srv.stop()
	}
	lost := l.judge(killed, promoted)
	t.Logf("figures: asynchronous cluster: %d acknowledged sales, %d of them lost, and %d of %d readings, with %.1f s of replication; promotion after %.1f s",
		len(l.sold), lost, gone, len(readings), killed.Sub(held).Seconds(), promoted.Sub(killed).Seconds())
}

func newLoss(t *testing.T) *loss {
	t.Helper()
	l := &loss{T: t, c: cluster.StartAsynchronous(t), w: newWorld(t, paywatt(t), 1), stop: make(chan struct{})}
	w, url := l.w, l.c.URL()
	w.wait, w.posts = 3*time.Minute, make([]post, 2)
	w.p.expect(databaseIsAway...)
	w.p.expect(standbyIsAway...)
	w.p.expect("new store epoch")
	w.p.env = append(w.p.env, "PAYWATT_STORE="+url)
	w.books = func(t *testing.T) books { return openBooks(t, url) }
	a := w.open(t)
	for i := range 3 {
		m := a.meter(t, number(2000+i))
		l.meters = append(l.meters, m)
		l.running = append(l.running, w.p.meterProcess(t, filepath.Join(t.TempDir(), "m"), w.posts[i%len(w.posts)].mqtt, m))
	}
	return l
}

// sell sells to all meters in turn until it must stop. It asks again until an answer is definite.
func (l *loss) sell(n int) {
	var servers []*api
	for i := range l.w.posts {
		addr, _ := l.w.address(n + i)
		servers = append(servers, newAPI(addr, l.w.apiKey))
	}
	for i := 0; ; i++ {
		select {
		case <-l.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		one := bought{key: fmt.Sprintf("lossy%d-%06d", n, i), meter: l.meters[i%len(l.meters)].number, asked: time.Now()}
		for tries := 0; one.receipt == ""; tries++ {
			got, err := servers[tries%len(servers)].vend(one.meter, 1000, one.key)
			if err != nil {
				l.Errorf("sale %s: a living server gave no answer: %v", one.key, err)
			}
			switch {
			case err == nil && got.status == 201:
				l.book(one, got)
				one.receipt = "booked"
			case err == nil && got.status < 500 && got.status != 409 && got.status != 429, time.Since(one.asked) > l.w.patience():
				l.Errorf("sale %s: %d %s %v", one.key, got.status, got.body, err)
				return
			default:
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
}

// book records an acknowledged sale.
func (l *loss) book(one bought, got answer) {
	var v struct {
		Receipt string `json:"receipt_no"`
		Tokens  []struct {
			Digits string
			TID    int64 `json:"tid"`
		}
	}
	if err := json.Unmarshal(got.body, &v); err != nil || v.Receipt == "" || len(v.Tokens) != 1 {
		l.Errorf("sale %s: %v %s", one.key, err, got.body)
		return
	}
	one.answered, one.receipt, one.digits, one.tid = time.Now(), v.Receipt, v.Tokens[0].Digits, v.Tokens[0].TID
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sold = append(l.sold, one)
}

// use lets each customer enter a token that was asked for after a moment, use energy, and lets the server have the readings.
func (l *loss) use(after time.Time) {
	l.Helper()
	for i, m := range l.running {
		var token bought
		await.True(l, "a sale to each meter", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, one := range l.sold {
				if one.meter == l.meters[i].number && one.asked.After(after) {
					token = one
				}
			}
			return token.key != ""
		})
		if s := m.must(l, "key "+token.digits+"#"); s.LastToken != "accept" {
			l.Errorf("meter %s answers %s to the token of %s", token.meter, s.LastToken, token.key)
		}
		m.must(l, "load 500")
		m.must(l, "run 120m")
		m.must(l, "sync")
	}
}

// readings are the readings of all meters in a database, as "meter/sequence number".
func (l *loss) readings(db books) map[string]bool {
	l.Helper()
	defer db.Close()
	out := map[string]bool{}
	db.each(l.T, "SELECT m.number, r.seq FROM reading r JOIN meter m ON m.n = r.meter", func(s tuple) {
		name := fmt.Sprintf("%s/%d", s.text(0), s.num(1))
		if out[name] {
			l.Errorf("reading %s is stored twice", name)
		}
		out[name] = true
	})
	return out
}

// missing counts the readings that a database lacks.
func (l *loss) missing(all map[string]bool, url string) (n int) {
	l.Helper()
	have := l.readings(openBooks(l.T, url))
	for name := range all {
		if !have[name] {
			n++
		}
	}
	return n
}

// judge compares the database with what was acknowledged, and returns the number of lost sales.
func (l *loss) judge(killed, promoted time.Time) (lost int) {
	l.Helper()
	db := l.w.books(l.T)
	defer db.Close()
	if epoch := oneOf(l.T, db, "SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'epoch'"); epoch != 2 {
		l.Errorf("the store is in epoch %d after one promotion, want 2", epoch)
	}
	checkSums(l.T, db, l.Errorf)
	stored := map[string]bool{}
	db.each(l.T, "SELECT client_ref FROM vend WHERE state = 'completed'", func(s tuple) { stored[s.text(0)] = true })
	users, newest := map[string]string{}, map[string]int64{}
	for _, one := range l.sold {
		for _, unique := range []string{"receipt " + one.receipt, "token " + one.digits, fmt.Sprintf("TID %d of meter %s", one.tid, one.meter)} {
			if other := users[unique]; other != "" {
				l.Errorf("%s and %s have the same %s", other, one.key, unique)
			}
			users[unique] = one.key
		}
		if one.answered.Before(killed) {
			newest[one.meter] = max(newest[one.meter], one.tid)
		}
		switch {
		case stored[one.key]:
		case one.answered.Before(promoted):
			lost++
		default:
			l.Errorf("sale %s is lost, though it was acknowledged after the promotion", one.key)
		}
	}
	for _, one := range l.sold {
		if one.asked.After(promoted) && (one.tid <= newest[one.meter] || !strings.Contains(one.receipt, "/2")) {
			l.Errorf("sale %s after the promotion has TID %d and receipt %s, want more than %d and a number of epoch 2", one.key, one.tid, one.receipt, newest[one.meter])
		}
	}
	if lost == 0 {
		l.Error("no acknowledged sale is lost, so this test shows nothing")
	}
	// verify accepts the lost tokens that meters report, and says how many they are.
	if out, errOut, code := l.w.p.try("", "verify", "--data", l.w.p.dir); code != 0 || !strings.Contains(errOut, " and 3 tokens from the time that was lost are accepted") {
		l.Errorf("verify: exit %d, want 0 and one lost token of each meter\n%s%s", code, out, errOut)
	}
	return lost
}
