package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// vendBench is what `bench vend` measures: sales as the server makes them, each caller waiting until its own sale is
// durable, against PostgreSQL's own benchmark of small transactions on the same disk.
type vendBench struct {
	callers  int
	meters   int
	scale    int
	seconds  int
	dir      string // where both databases lie
	baseline string // a running PostgreSQL to measure instead of an own one
}

// vendFloor is how many durable sales a second the smallest supported machine must make.
const vendFloor = 1000

// vendResult is the JSON object of `bench vend`.
type vendResult struct {
	Bench        string     `json:"bench"`
	Rate         float64    `json:"rate"` // durable sales a second
	Baseline     string     `json:"baseline"`
	BaselineRate float64    `json:"baseline_rate"` // transactions a second
	Ratio        float64    `json:"ratio"`
	CPURatio     float64    `json:"cpu_ratio"` // sales per second of CPU over transactions per second of CPU; 0 where unknown
	P50          float64    `json:"p50_ms"`
	P99          float64    `json:"p99_ms"`
	Others       vendOthers `json:"others"`
}

type vendOthers struct {
	Store           string  `json:"store"`
	Callers         int     `json:"callers"`
	Meters          int     `json:"meters"`
	Sales           int     `json:"sales"`
	Seconds         float64 `json:"seconds"`
	CPUPerSale      float64 `json:"cpu_ms_per_sale"`
	CPUPerBaseline  float64 `json:"cpu_ms_per_baseline"`
	BaselineLatency float64 `json:"baseline_mean_ms"`
	Scale           int     `json:"baseline_scale"`
	Floor           int     `json:"floor"`
	FloorMet        bool    `json:"floor_met"`
}

func newBenchVend(c console) *cobra.Command {
	b := &vendBench{}
	cmd := &cobra.Command{
		Use:   "vend",
		Short: "Durable sales a second, against PostgreSQL's pgbench on the same disk",
		Long: "Sells through the server's own use case (price, TID, token, journal, receipt number, delivery, stored answer) to\n" +
			"random meters of an SQLite store, every caller waiting for its own durable answer; then runs pgbench's TPC-B-like\n" +
			"script with as many clients on a PostgreSQL 15 cluster of its own, or on the one named. Both lie in one folder.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := b.run(cmd.Context(), c)
			if err != nil {
				return err
			}
			return json.NewEncoder(c.out).Encode(r)
		},
	}
	f := cmd.Flags()
	f.IntVar(&b.callers, "callers", 8, "callers, each waiting for its own answer; also the clients of the baseline")
	f.IntVar(&b.meters, "meters", 10_000, "meters sold to")
	f.IntVar(&b.scale, "scale", 20, "scale of the baseline's tables")
	f.IntVar(&b.seconds, "seconds", 30, "length of each of the two measurements")
	f.StringVar(&b.dir, "dir", os.TempDir(), "folder in which both databases are made, and removed afterwards")
	f.StringVar(&b.baseline, "baseline", "", "postgres:// URL of a running server to measure instead of an own cluster")
	return cmd
}

func (b *vendBench) run(ctx context.Context, c console) (vendResult, error) {
	if b.callers < 1 || b.callers > 1000 || b.meters < 1 || b.meters > 1_000_000 || b.scale < 1 || b.scale > 1000 || b.seconds < 1 || b.seconds > 3600 {
		return vendResult{}, &failure{code: exitUsage, what: "An option of the bench is out of its range.",
			try: "Use 1 to 1000 callers and scale, 1 to 1000000 meters, 1 to 3600 seconds."}
	}
	pg, err := findPgbench(b.baseline)
	if err != nil {
		return vendResult{}, err
	}
	fmt.Fprintf(c.err, "measuring %s for %d s\n", pg.name(), b.seconds)
	base, err := pg.measure(ctx, b)
	if err != nil {
		return vendResult{}, &failure{code: exitFailed, what: "The baseline could not be measured: " + err.Error() + ".",
			not: "No sale was made.", try: "Name a running server with --baseline postgres://..., or another --dir."}
	}
	fmt.Fprintf(c.err, "registering %d meters\n", b.meters)
	shop, err := b.open(ctx)
	if err != nil {
		return vendResult{}, err
	}
	defer shop.close()
	fmt.Fprintf(c.err, "selling with %d callers for %d s\n", b.callers, b.seconds)
	return b.sell(ctx, shop, base)
}

// benchDoor is a use case's way to the bench's store.
type benchDoor[X any] struct {
	engine store.Engine
	as     func(*store.Tx) X
}

// Do runs fn in a transaction of the lane of sales.
func (d benchDoor[X]) Do(ctx context.Context, t access.Tenant, fn func(X) (bool, error)) error {
	return d.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(d.as(tx)) })
}

// View runs fn on a snapshot.
func (d benchDoor[X]) View(ctx context.Context, t access.Tenant, fn func(X) error) error {
	return d.engine.View(ctx, t, func(tx *store.Tx) error { return fn(d.as(tx)) })
}

// benchShop is a vending system in a folder of its own.
type benchShop struct {
	dir     string
	engine  *sqlite.Engine
	vending *vending.Vending
	seller  access.Actor
	numbers []string
}

func (s *benchShop) close() {
	_ = s.engine.Close() // the folder goes with everything in it
	_ = os.RemoveAll(s.dir)
}

// open makes the store, a test vending key, a tariff and the meters.
func (b *vendBench) open(ctx context.Context) (*benchShop, error) {
	dir, err := os.MkdirTemp(b.dir, "paywatt-bench-")
	if err != nil {
		return nil, fmt.Errorf("make the bench's folder: %w", err)
	}
	s := &benchShop{dir: dir, seller: access.SystemActor(store.FirstTenant, "bench")}
	if err := s.open(ctx, b.meters); err != nil {
		if s.engine != nil {
			err = errors.Join(err, s.engine.Close())
		}
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *benchShop) open(ctx context.Context, meters int) error {
	keys, err := keystore.Open(s.dir, keystore.Config{})
	if err != nil {
		return err
	}
	if err := keys.Unlock([]byte("bench vend")); err != nil {
		return err
	}
	vk, err := sts.NewVendingKey([]byte("20 bytes of no worth"))
	if err != nil {
		return err
	}
	no, err := keys.Add(keystore.Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA04, BaseDate: sts.Base2014, KEN: 255, Test: true}, vk)
	if err != nil || no.Refused() {
		return errors.Join(err, errors.New(no.Detail()))
	}
	data, err := keystore.OpenData(s.dir)
	if err != nil {
		return err
	}
	if s.engine, err = sqlite.Open(filepath.Join(s.dir, "data"), sqlite.Options{}); err != nil {
		return err
	}
	s.vending = vending.New(vending.Config{Door: benchDoor[vending.Tx]{s.engine, func(tx *store.Tx) vending.Tx { return tx }},
		Issuer: keys.Issuer(), Sealer: data, Now: time.Now, Rand: rand.Reader})
	return s.register(ctx, registry.New(registry.Config{Door: benchDoor[registry.Tx]{s.engine, func(tx *store.Tx) registry.Tx { return tx }},
		Sealer: data, TestKeys: keys, Connected: func(string) bool { return false }, Now: time.Now, Rand: rand.Reader}), meters)
}

// register publishes a tariff of four blocks and adds the meters, many at a time so that they share commits.
func (s *benchShop) register(ctx context.Context, r *registry.Registry, meters int) error {
	t, err := r.AddTariff(ctx, s.seller, registry.NewTariff{Name: "bench", Body: tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{
		{UpTo: 50_000, Rate: 1_200_000}, {UpTo: 350_000, Rate: 1_600_000}, {UpTo: 600_000, Rate: 2_300_000}, {Rate: 2_750_000}}}})
	if err != nil || t.Refused() {
		return errors.Join(err, errors.New(t.Detail()))
	}
	s.numbers = make([]string, meters)
	one, two := int64(1), int64(2)
	return inParallel(64, meters, func(i int) error {
		body := fmt.Sprintf("04%08d", i)
		check, err := sts.Luhn(body)
		if err != nil {
			return err
		}
		s.numbers[i] = body + string(check)
		m, err := r.AddMeter(ctx, s.seller, registry.NewMeter{Number: s.numbers[i], Mode: registry.PrepayToken, Tariff: "bench", SGC: "123456",
			KRN: &one, KT: &two, TI: "01", DKGA: "04", Simulated: true, Customer: &registry.NewCustomer{Name: "Bench"}})
		if err == nil && m.Refused() {
			err = errors.New(m.Detail())
		}
		return err
	})
}

// inParallel does n pieces of work on so many goroutines and gives the errors that ended any of them.
func inParallel(workers, n int, work func(i int) error) error {
	var next atomic.Int64
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[w] = work(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// sell measures the sales and puts the result together.
func (b *vendBench) sell(ctx context.Context, s *benchShop, base pgFigures) (vendResult, error) {
	took := make([][]time.Duration, b.callers)
	cpu := cpuOfSelf()
	began := time.Now()
	end := began.Add(time.Duration(b.seconds) * time.Second)
	err := inParallel(b.callers, b.callers, func(caller int) (err error) {
		took[caller], err = s.sellUntil(ctx, caller, end)
		return err
	})
	if err != nil {
		return vendResult{}, err
	}
	elapsed := time.Since(began).Seconds()
	cpu = cpuOfSelf() - cpu
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	if len(all) == 0 {
		return vendResult{}, errors.New("bench vend: not one sale was made in time")
	}
	r := vendResult{Bench: "vend", Rate: float64(len(all)) / elapsed, Baseline: base.name, BaselineRate: base.rate,
		P50: milliseconds(all[len(all)/2]), P99: milliseconds(all[len(all)*99/100]),
		Others: vendOthers{Store: "sqlite, write-ahead log, synchronous=FULL", Callers: b.callers, Meters: b.meters, Sales: len(all), Seconds: elapsed,
			CPUPerSale: milliseconds(cpu) / float64(len(all)), BaselineLatency: base.latency, Scale: b.scale, Floor: vendFloor}}
	r.Others.FloorMet = r.Rate >= vendFloor
	if base.transactions > 0 && base.cpu > 0 && cpu > 0 {
		r.Others.CPUPerBaseline = milliseconds(base.cpu) / float64(base.transactions)
		r.CPURatio = rounded(r.Others.CPUPerBaseline / r.Others.CPUPerSale)
	}
	r.Ratio = rounded(r.Rate / base.rate)
	for _, f := range []*float64{&r.Rate, &r.BaselineRate, &r.P50, &r.P99, &r.Others.Seconds, &r.Others.CPUPerSale, &r.Others.CPUPerBaseline} {
		*f = rounded(*f)
	}
	return r, nil
}

// sellUntil is one caller: it sells to random meters, one sale after the other, and notes how long each took until it
// was durable.
func (s *benchShop) sellUntil(ctx context.Context, caller int, end time.Time) ([]time.Duration, error) {
	r := mathrand.New(mathrand.NewPCG(uint64(caller), 2026)) // which meters, not a secret
	var took []time.Duration
	for n := 0; time.Now().Before(end); n++ {
		meter, tender := s.numbers[r.IntN(len(s.numbers))], money.Minor(1000+r.IntN(50_000))
		key := fmt.Sprintf("bench-%d-%d", caller, n)
		o := vending.Order{Meter: meter, Tender: money.Amount{Minor: tender, Currency: "KES"}, Deliver: []string{vending.RouteMQTT},
			Once: access.Once{Principal: "bench", Key: key, Hash: sha256.Sum256(fmt.Appendf(nil, "%s %d", meter, tender))}, Render: renderBench}
		start := time.Now()
		sold, err := s.vending.Sell(ctx, s.seller, o)
		if err != nil {
			return nil, err
		}
		if sold.Refused() {
			return nil, errors.New("bench vend: " + sold.Detail())
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}

// renderBench makes an answer about as long as the server's.
func renderBench(s vending.Sale, d vending.Digits) (int, []byte) {
	digits := make([]string, d.Len())
	for i := range digits {
		digits[i] = d.Reveal(i)
	}
	b, err := json.Marshal(map[string]any{"id": s.ID.Text(id.Vend), "client_ref": s.ClientRef, "meter": s.Meter.Number, "state": s.State,
		"units_wh": s.Units, "lines": s.Lines, "tokens": digits, "receipt_no": s.ReceiptNo})
	if err != nil {
		panic(err) // integers and strings
	}
	return 201, b
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
