package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/paywatt/paywatt/internal/app/apptest"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// The concurrency of the linearizability test.
const (
	linearOps      = 8000 // in one round at most: a server lets the TIDs of a meter run at most 1,440 minutes ahead of its clock
	linearWorkers  = 16
	linearAccounts = 20
	linearMeters   = 4 // for each worker; only this worker sells to them, so it knows the last sale of each meter
)

// moneyOp is one operation on a vendor's float.
type moneyOp struct {
	kind   string // the operation: sell, deposit, read or reverse
	vendor int
	minor  int64
}

// moneyOut is the outcome: done or refused, and the result of a read.
type moneyOut struct {
	done bool
	seen int64
}

// floats is the model of 20 vendors' floats. In it, each operation takes effect at one moment between its call and its answer.
func floats() porcupine.Model {
	return porcupine.Model{
		Partition: func(h []porcupine.Operation) [][]porcupine.Operation {
			by := make([][]porcupine.Operation, linearAccounts)
			for _, o := range h {
				v := o.Input.(moneyOp).vendor
				by[v] = append(by[v], o)
			}
			return by
		},
		Init: func() any { return int64(0) },
		Step: func(state, input, output any) (bool, any) {
			s, in, out := state.(int64), input.(moneyOp), output.(moneyOut)
			switch {
			case in.kind == "read":
				return out.seen == s, s
			case in.kind == "sell" && !out.done:
				return s < in.minor, s // a sale is refused only if the float is too small
			case in.kind == "sell":
				return s >= in.minor, s - in.minor
			case out.done: // a deposit or reversal that was done
				return true, s + in.minor
			}
			return true, s
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
}

// till is a worker: it sells at the servers in turn, deposits, reads and reverses, one operation after the other.
type till struct {
	t       *testing.T
	id      int
	rnd     *rand.Rand
	servers []*api
	keys    [][]string // API keys of each vendor
	owner   string
	meters  []string
	lasts   []*sold       // last sale of each meter
	wait    time.Duration // how long a request is sent again with the same key while no server can say what became of it
	n       int
	history []porcupine.Operation
}

// sold is a sale that may be reversed.
type sold struct {
	id     string
	vendor int
	minor  int64
}

func (w *till) do(method, path, key string, body any) answer {
	w.n++
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		s := w.servers[w.rnd.IntN(len(w.servers))]
		a, err := (&api{url: s.url, key: key, http: s.http}).do(method, path, body, "Idempotency-Key", fmt.Sprintf("linear-%02d-%06d", w.id, w.n))
		if err != nil { // the servers live, so each of them has to answer
			w.t.Errorf("%s %s: %v", method, path, err)
		}
		if (err != nil || a.status >= 500) && time.Since(began) < w.wait {
			continue
		}
		return a
	}
}

// step does one operation and records it.
func (w *till) step(began time.Time) {
	op, vendor := w.rnd.IntN(100), w.rnd.IntN(linearAccounts)
	key := w.keys[vendor][w.rnd.IntN(len(w.keys[vendor]))]
	meter := w.rnd.IntN(len(w.meters))
	code := fmt.Sprintf("V%d", vendor)
	money := func(minor int64) map[string]any { return map[string]any{"amount_minor": minor, "currency": "KES"} }
	o := porcupine.Operation{ClientId: w.id}
	var in moneyOp
	var out moneyOut
	o.Call = time.Since(began).Nanoseconds()
	switch last := w.lasts[meter]; {
	case op < 15 && last != nil:
		in = moneyOp{"reverse", last.vendor, last.minor}
		// Use the utility's own key: no meter can confirm the reversal, so a vendor's key could only request it.
		a := w.do("POST", "/v1/vends/"+last.id+"/reversal", w.owner, map[string]any{"reason": "test"})
		if out.done = a.status == 201; !out.done {
			w.t.Errorf("reversal: status %d %s", a.status, a.body)
		}
		w.lasts[meter] = nil
	case op < 35:
		in = moneyOp{"deposit", vendor, 1000 + w.rnd.Int64N(20_000)}
		a := w.do("POST", "/v1/vendors/"+code+"/deposits", w.owner, map[string]any{"amount": money(in.minor), "reference": fmt.Sprintf("slip-%d-%d", w.id, w.n)})
		if out.done = a.status == 201; !out.done {
			w.t.Errorf("deposit: status %d %s", a.status, a.body)
		}
	case op < 55:
		in = moneyOp{"read", vendor, 0}
		a := w.do("GET", "/v1/vendors/"+code+"/float", key, nil)
		out.done, out.seen = true, a.num(w.t, "available_minor")
	default:
		in = moneyOp{"sell", vendor, 1000 + w.rnd.Int64N(20_000)}
		a := w.do("POST", "/v1/vends", key, map[string]any{"meter": w.meters[meter], "tender": money(in.minor)})
		switch {
		case a.status == 201:
			out.done = true
			w.lasts[meter] = &sold{id: a.text(w.t, "id"), vendor: vendor, minor: in.minor}
		case a.status != 409 || a.text(w.t, "code") != "insufficient-float":
			w.t.Errorf("sale: status %d %s", a.status, a.body)
		}
	}
	o.Input, o.Output, o.Return = in, out, time.Since(began).Nanoseconds()
	w.history = append(w.history, o)
}

// linearWorld is a place with its servers, vendors and meters. A command may run before its servers start.
type linearWorld struct {
	p       *place
	servers []*server
	tills   []*till
}

func newLinearWorld(t *testing.T, url, fault string, servers int, before ...string) *linearWorld {
	p := newPlace(t, buildOnce(t, "faultinject"))
	p.env = append(p.env, "FAULT_INJECT="+fault)
	if url != "" {
		p.expect(databaseIsAway...)
		p.expect(standbyIsAway...)
		p.env = append(p.env, "PAYWATT_STORE="+url)
	}
	owner := strings.TrimSpace(p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	if len(before) > 0 {
		p.run(t, "", before...)
	}
	var at []*api
	w := &linearWorld{p: p}
	for range servers {
		s := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
		a := newAPI(s.http, owner)
		a.http.Timeout = 20 * time.Second // a caller that hears nothing asks again, at any server
		w.servers, at = append(w.servers, s), append(at, a)
	}
	at[0].tariff(t)
	at[0].must(t, 200, "POST", "/v1/settings", map[string]any{"reversals_per_day": 10_000}) // because one key makes all reversals
	vendors := make([]id.ID, linearAccounts)
	for v := range vendors {
		code := fmt.Sprintf("V%d", v)
		made := at[0].must(t, 201, "POST", "/v1/vendors", map[string]any{"name": "Shop " + code, "code": code})
		var err error
		if vendors[v], err = id.Parse(id.Vendor, made.text(t, "id")); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := apptest.MakeVendorKeys(t.Context(), p.dir, p.storeURL(), vendors, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range linearWorkers {
		c := &till{t: t, id: i, rnd: rand.New(rand.NewPCG(uint64(i), 7)), servers: at, keys: keys, owner: owner, lasts: make([]*sold, linearMeters)}
		for m := range linearMeters {
			n := number(20_000 + i*linearMeters + m)
			at[0].meter(t, n)
			c.meters = append(c.meters, n)
		}
		w.tills = append(w.tills, c)
	}
	return w
}

// run lets all workers run at once and returns the history.
func (w *linearWorld) run(ops int) []porcupine.Operation {
	return w.runWhile(ops, func() bool { return false })
}

// runWhile goes on after these operations while more is true.
func (w *linearWorld) runWhile(ops int, more func() bool) []porcupine.Operation {
	began := time.Now()
	var wg sync.WaitGroup
	for _, c := range w.tills {
		wg.Go(func() {
			for n := 0; n < ops/linearWorkers || more(); n++ {
				c.step(began)
			}
		})
	}
	wg.Wait()
	var all []porcupine.Operation
	for _, c := range w.tills {
		all = append(all, c.history...)
	}
	return all
}

// count summarises a history.
func count(h []porcupine.Operation) string {
	n := map[string]int{}
	for _, o := range h {
		in, out := o.Input.(moneyOp), o.Output.(moneyOut)
		if !out.done {
			in.kind += " refused"
		}
		n[in.kind]++
	}
	return fmt.Sprintf("%d sales, %d refused for lack of float, %d deposits, %d reversals, %d reads", n["sell"], n["sell refused"], n["deposit"], n["reverse"], n["read"])
}

// TestMoneyIsLinearizable: 16 callers at once sell, deposit, reverse and read on 20 floats, and every operation looks as if it had happened
// at one moment. Each sale holds its money until its slow issuer has answered. The test runs on SQLite, and on two servers over one
// PostgreSQL, where alone callers can overtake each other; SQLite has one writer, so only ./check long asks it too. Each round has new
// servers and new meters.
func TestMoneyIsLinearizable(t *testing.T) {
	t.Parallel()
	for name, servers := range map[string]int{"SQLite": 1, "two servers over PostgreSQL": 2} {
		t.Run(name, func(t *testing.T) {
			if servers == 1 {
				tier.Long(t)
			}
			var all []porcupine.Operation
			var took time.Duration
			rounds := 0
			for left := tier.E2ELinearOperations.N(); left > 0 && !t.Failed(); left -= linearOps {
				h, spent := linearRound(t, servers, min(left, linearOps))
				all, took, rounds = append(all, h...), took+spent, rounds+1
			}
			t.Logf("figures: %s: %s, linearizable; %d operations in %.1f s, %d times", name, count(all), len(all), took.Seconds(), rounds)
		})
	}
}

// linearRound runs one history and checks it and the books.
func linearRound(t *testing.T, servers, operations int) ([]porcupine.Operation, time.Duration) {
	url := ""
	if servers > 1 {
		url = pgtest.New(t)
	}
	w := newLinearWorld(t, url, "slow-issuer", servers)
	began := time.Now()
	h := w.run(operations)
	took := time.Since(began)
	switch got := porcupine.CheckOperationsTimeout(floats(), h, await.Limit); got {
	case porcupine.Ok:
	case porcupine.Unknown:
		t.Errorf("%s: after %v nobody knows whether the history is legal", await.NotInTime, await.Limit)
	default:
		t.Errorf("the history is %s", got)
	}
	w.p.run(t, "", "verify", "--data", w.p.dir) // exit 0 means: the books are sound
	for _, s := range w.servers {
		s.stop()
	}
	return h, took
}

// TestALinearizabilityCheckerThatSees: the same checker finds a planted race, a float that was read from a cache.
func TestALinearizabilityCheckerThatSees(t *testing.T) {
	t.Parallel()
	w := newLinearWorld(t, "", "slow-issuer,stale-float", 1)
	h := w.run(tier.E2EPlantedOperations.N())
	if got := porcupine.CheckOperationsTimeout(floats(), h, await.Limit); got != porcupine.Illegal {
		t.Fatalf("a float from a cache: the history of %d operations is %s, want illegal", len(h), got)
	}
	t.Logf("figures: the planted race is found in %d operations", len(h))
}
