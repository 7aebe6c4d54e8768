package e2e

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/paywatt/paywatt/e2e/cluster"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestAClusterLosesNothing sells and stores readings at two servers over a PostgreSQL cluster, while machines, programs and cables of the
// cluster fail. Every request of a seller to a living server gets an HTTP answer, whatever is wrong behind the server.
func TestAClusterLosesNothing(t *testing.T) {
	tier.Long(t)
	c := cluster.Start(t)
	w := newWorld(t, paywatt(t), tier.Seed(t))
	url := c.URL()
	w.posts, w.wait, w.pace = make([]post, 2), 3*time.Minute, 500*time.Millisecond
	w.p.expect(databaseIsAway...)
	w.p.expect(standbyIsAway...)
	w.p.env = append(w.p.env, "PAYWATT_STORE="+url, "PAYWATT_STANDBYS=2")
	w.books = func(t *testing.T) books { return openBooks(t, url) }
	storm := &storm{c: c, w: w, r: rand.New(rand.NewPCG(w.seed, 0x636c7573))}
	w.storm = func(t *testing.T) {
		w.restart(t, func() { w.p.run(t, "", "store", "standby", url, "synchronous") })
		storm.rage(t, tier.E2EClusterFaults.N())
	}
	w.run(t, 0)
	w.judge(t)
	db := w.books(t)
	defer db.Close()
	if epoch := oneOf(t, db, "SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'epoch'"); epoch != 1 {
		t.Errorf("the store is in epoch %d, though every commit waited for a standby", epoch)
	}
	for _, c := range storm.changes {
		if len(storm.waited(c)) == 0 {
			t.Errorf("no sale was under way during the promotion of %s", c.from.Format("15:04:05"))
		}
	}
	t.Logf("figures: cluster, seed %d: %s; a request was answered after %v at most", w.seed, storm.figures(), w.slowest.Round(time.Millisecond))
	t.Logf("figures: cluster, seed %d: %s", w.seed, storm.byKind())
}

// TestMoneyIsLinearizableOnACluster: the same callers at two servers over the cluster, while its primary loses power, is cut off and freezes. A
// caller that hears no outcome asks again with the same key, so its operation lasts until then.
func TestMoneyIsLinearizableOnACluster(t *testing.T) {
	tier.Long(t)
	c := cluster.Start(t)
	w := newLinearWorld(t, c.URL(), "slow-issuer", 2, "store", "standby", c.URL(), "synchronous")
	for _, one := range w.tills {
		one.wait = 3 * time.Minute
		for _, server := range one.servers {
			server.http.Timeout = await.Limit // longer than a server takes for an answer, so that a request without one is a fault
		}
	}
	s := &storm{c: c, r: rand.New(rand.NewPCG(tier.Seed(t), 0x6c696e65)), kinds: map[string]int{}}
	var raged atomic.Bool
	go func() {
		defer raged.Store(true)
		for _, f := range clusterFaults {
			if f.lead {
				s.suffer(t, f)
			}
		}
	}()
	h := w.runWhile(linearOps, func() bool { return !raged.Load() })
	if got := porcupine.CheckOperationsTimeout(floats(), h, 2*time.Minute); got != porcupine.Ok {
		t.Errorf("the history is %s", got)
	}
	w.p.limit = 10 * time.Minute
	w.p.run(t, "", "verify", "--data", w.p.dir) // exit 0 means: the books are sound
	t.Logf("figures: cluster: %s, linearizable; %s", count(h), s.promotions())
}

// storm makes faults, one after the other.
type storm struct {
	c       *cluster.Cluster
	w       *world
	r       *rand.Rand
	kinds   map[string]int
	changes []span // from a fault to the next primary
	past    []endured
}

// endured is a fault that is over.
type endured struct {
	name    string
	span                  // from the fault to the whole cluster
	healing time.Duration // how long the cluster took to be whole once everything was back
}

type span struct{ from, to time.Time }

// fault is one kind of fault. It returns what ends it.
type clusterFault struct {
	name string
	do   func(s *storm, t *testing.T) (heal func())
	lead bool // whether the primary changes
}

var clusterFaults = []clusterFault{
	{"the primary loses power", func(s *storm, t *testing.T) func() { return s.power(t, s.c.Primary()) }, true},
	{"the primary is cut off", func(s *storm, _ *testing.T) func() { return s.isolate(s.c.Primary()) }, true},
	{"the primary freezes", func(s *storm, _ *testing.T) func() {
		n := s.c.Primary()
		n.Freeze(true)
		return func() { n.Freeze(false) }
	}, true},
	{"the primary's PostgreSQL crashes", func(s *storm, _ *testing.T) func() { s.c.Primary().Crash(); return nil }, false},
	{"the synchronous standby loses power", func(s *storm, t *testing.T) func() { return s.power(t, s.c.Standby()) }, false},
	{"the synchronous standby is cut off", func(s *storm, t *testing.T) func() {
		was := s.c.Standby()
		heal := s.isolate(was)
		await.True(t, "another standby is the synchronous one", func() bool { n := s.c.Standby(); return n != nil && n != was })
		return heal
	}, false},
	{"etcd's leader is killed", func(s *storm, t *testing.T) func() {
		d := s.c.StoreLeader()
		d.Kill()
		return func() { d.Start(t) }
	}, false},
	{"etcd loses its majority", func(s *storm, t *testing.T) func() {
		was, lost := s.c.Primary(), s.c.StoreMajority()
		for _, d := range lost {
			d.Kill()
		}
		await.True(t, "the primary has stepped down", func() bool { return !was.Leads() })
		return func() {
			for _, d := range lost {
				d.Start(t)
			}
			await.True(t, "a node leads again", s.c.HasLeader)
		}
	}, false},
	{"both standbys lose power", func(s *storm, t *testing.T) func() {
		lost := s.c.Standbys()
		for _, n := range lost {
			n.Kill()
		}
		return func() {
			for _, n := range lost {
				n.Start(t)
			}
		}
	}, false},
	{"HAProxy is killed", func(s *storm, t *testing.T) func() {
		s.c.Front().Kill()
		return func() { s.c.Front().Start(t) }
	}, false},
	{"a planned switchover", func(s *storm, _ *testing.T) func() { s.c.Switchover(); return nil }, true},
	{"a server is killed", func(s *storm, t *testing.T) func() { s.w.killServer(t, s.r.IntN(len(s.w.posts))); return nil }, false},
}

func (s *storm) power(t *testing.T, n *cluster.Node) func() {
	n.Kill()
	return func() { n.Start(t) }
}

func (s *storm) isolate(n *cluster.Node) func() {
	n.Isolate(true)
	return func() { n.Isolate(false) }
}

// rage makes the given number of faults, each kind equally often, in random order.
func (s *storm) rage(t *testing.T, faults int) {
	s.kinds = map[string]int{}
	var order []clusterFault
	for len(order) < faults {
		next := slices.Clone(clusterFaults)
		s.r.Shuffle(len(next), func(i, j int) { next[i], next[j] = next[j], next[i] })
		order = append(order, next...)
	}
	for _, f := range order[:faults] {
		s.suffer(t, f)
	}
}

// suffer makes one fault and waits until the cluster is whole again.
func (s *storm) suffer(t *testing.T, f clusterFault) {
	time.Sleep(time.Duration(500+s.r.IntN(1500)) * time.Millisecond)
	began, was := time.Now(), s.c.Primary()
	t.Logf("%s: %s", began.Format("15:04:05"), f.name)
	heal := f.do(s, t)
	if f.lead {
		await.True(t, "another node is the primary", func() bool {
			p := s.c.Primary()
			return p != nil && p != was
		})
		s.changes = append(s.changes, span{began, time.Now()})
	}
	if heal != nil {
		time.Sleep(time.Duration(2+s.r.IntN(4)) * time.Second)
		heal()
	}
	healed := time.Now()
	time.Sleep(3 * time.Second) // until Patroni has looked
	s.c.AwaitWhole()
	s.kinds[f.name]++
	s.past = append(s.past, endured{f.name, span{began, time.Now()}, time.Since(healed)})
}

// withoutSales returns the longest time between two answered sales during a fault.
func (s *storm) withoutSales(e endured) time.Duration {
	last, longest := e.from, time.Duration(0)
	for _, at := range slices.SortedFunc(s.answered(), time.Time.Compare) {
		if at.Before(e.from) || at.After(e.to) {
			continue
		}
		longest, last = max(longest, at.Sub(last)), at
	}
	return max(longest, e.to.Sub(last))
}

// answered iterates over the times at which sales were answered.
func (s *storm) answered() iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for _, one := range s.w.took {
			if !yield(one.to) {
				return
			}
		}
	}
}

// byKind tells for each kind of fault how long nothing was sold, and how long the cluster took to be whole.
func (s *storm) byKind() string {
	silent, healing := map[string][]time.Duration{}, map[string][]time.Duration{}
	for _, e := range s.past {
		silent[e.name] = append(silent[e.name], s.withoutSales(e))
		healing[e.name] = append(healing[e.name], e.healing)
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(silent)) {
		out = append(out, fmt.Sprintf("%s: without sales for %v to %v, whole after %v", name, quantile(silent[name], 0), quantile(silent[name], 100), quantile(healing[name], 100)))
	}
	return strings.Join(out, "; ")
}

// promotions tells how many there were and how long they took.
func (s *storm) promotions() string {
	var all []time.Duration
	for _, c := range s.changes {
		all = append(all, c.to.Sub(c.from))
	}
	return fmt.Sprintf("%d promotions, p50 %v, longest %v", len(all), quantile(all, 50), quantile(all, 100))
}

// waited returns how long each sale took that was under way during a promotion.
func (s *storm) waited(c span) (took []time.Duration) {
	for _, one := range s.w.took {
		if one.from.Before(c.to) && one.to.After(c.from) {
			took = append(took, one.to.Sub(one.from))
		}
	}
	return took
}

// figures tells what happened and how long sales took while the primary changed.
func (s *storm) figures() string {
	var names []string
	for name, n := range s.kinds {
		names = append(names, fmt.Sprintf("%d x %s", n, name))
	}
	slices.Sort(names)
	var took []time.Duration
	for _, c := range s.changes {
		took = append(took, s.waited(c)...)
	}
	return fmt.Sprintf("%s; %s; %d sales during promotions, p50 %v, p99 %v", strings.Join(names, ", "), s.promotions(), len(took), quantile(took, 50), quantile(took, 99))
}

func quantile(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[min(len(all)*percent/100, len(all)-1)].Round(time.Millisecond)
}
