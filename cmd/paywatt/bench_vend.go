package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

// vendBench is what `bench vend` measures: sales as the server makes them, each caller waiting until its own sale is
// durable, against PostgreSQL's own benchmark of small transactions on the same disk.
type vendBench struct {
	callers  int
	meters   int
	scale    int
	seconds  int
	dir      string // where both databases lie
	baseline string // a running PostgreSQL to measure instead of an own one, or noBaseline

	runs atomic.Int64 // how often the callers were let loose: keys of requests are used once
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
	HalfP99      float64    `json:"half_load_p99_ms"` // at half the rate, from when a sale was due
	Others       vendOthers `json:"others"`
}

type vendOthers struct {
	Store           string  `json:"store"`
	Callers         int     `json:"callers"`
	Meters          int     `json:"meters"`
	Sales           int     `json:"sales"`
	Seconds         float64 `json:"seconds"`
	CPUPerSale      float64 `json:"cpu_ms_per_sale"`
	PerCommit       float64 `json:"sales_per_commit"`
	CPUPerBaseline  float64 `json:"cpu_ms_per_baseline"`
	BaselineLatency float64 `json:"baseline_mean_ms"`
	Scale           int     `json:"baseline_scale"`
	Floor           int     `json:"floor"`
	FloorMet        bool    `json:"floor_met"`

	HalfLoad drive       `json:"half_load"`
	HTTP     drive       `json:"http"`               // the same sales over loopback HTTP, caller and server in one process
	Postgres *otherStore `json:"postgres,omitempty"` // the same sales on the PostgreSQL store, where the cluster is an own one
}

// otherStore is what another engine came to in the same run.
type otherStore struct {
	drive
	Ratio float64 `json:"ratio"` // to the baseline
}

func newBenchVend(c console) *cobra.Command {
	b := &vendBench{}
	cmd := &cobra.Command{
		Use:   "vend",
		Short: "Durable sales a second, against PostgreSQL's pgbench on the same disk",
		Long: "Sells through the server's own use case (price, TID, token, journal, receipt number, delivery, stored answer) to\n" +
			"random meters of an SQLite store, every caller waiting for its own durable answer; then runs pgbench's TPC-B-like\n" +
			"script with as many clients on a PostgreSQL 15 cluster of its own, or on the one named. Both lie in one folder. Beside it\n" +
			"stand the same sales on the PostgreSQL store of that cluster, over loopback HTTP, and at half the rate.",
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
	f.IntVar(&b.seconds, "seconds", 30, "length of the two main measurements; the others take half as long")
	f.StringVar(&b.dir, "dir", os.TempDir(), "folder in which both databases are made, and removed afterwards")
	f.StringVar(&b.baseline, "baseline", "", "postgres:// URL of a running server to measure instead of an own cluster; none for no baseline")
	return cmd
}

func (b *vendBench) run(ctx context.Context, c console) (vendResult, error) {
	if b.callers < 1 || b.callers > 1000 || b.meters < 1 || b.meters > 1_000_000 || b.scale < 1 || b.scale > 1000 || b.seconds < 1 || b.seconds > 3600 {
		return vendResult{}, &failure{code: exitUsage, what: "An option of the bench is out of its range.",
			try: "Use 1 to 1000 callers and scale, 1 to 1000000 meters, 1 to 3600 seconds."}
	}
	defer withFloor()() // as the server
	base, other, err := b.measureBaseline(ctx, c)
	if err != nil {
		return vendResult{}, err
	}
	fmt.Fprintf(c.err, "registering %d meters\n", b.meters)
	shop, err := b.open(ctx)
	if err != nil {
		return vendResult{}, err
	}
	defer shop.close()
	fmt.Fprintf(c.err, "selling with %d callers for %d s, then at half the rate and over HTTP\n", b.callers, b.seconds)
	r, err := b.sell(ctx, shop, base)
	if err != nil {
		return vendResult{}, err
	}
	r.Others.Postgres = other
	if r.Others.HalfLoad, err = b.drive(ctx, b.half(), r.Rate/2, shop.sellOne); err != nil {
		return vendResult{}, err
	}
	r.HalfP99 = r.Others.HalfLoad.P99
	r.Others.HTTP, err = b.overHTTP(ctx, shop, b.half())
	return r, err
}

// noBaseline measures the sales alone, which is all that a profile needs.
const noBaseline = "none"

// measureBaseline runs pgbench and, on a cluster of our own, the same sales on the PostgreSQL store.
func (b *vendBench) measureBaseline(ctx context.Context, c console) (pgFigures, *otherStore, error) {
	if b.baseline == noBaseline {
		return pgFigures{name: noBaseline}, nil, nil
	}
	pg, err := findPgbench(b.baseline)
	if err != nil {
		return pgFigures{}, nil, err
	}
	fmt.Fprintf(c.err, "measuring %s for %d s\n", pg.name(), b.seconds)
	var other *otherStore
	base, err := pg.measure(ctx, b, func(url string) error {
		fmt.Fprintf(c.err, "selling on the PostgreSQL store of that cluster for %s\n", b.half())
		d, err := b.onPostgres(ctx, url)
		other = &otherStore{drive: d}
		return err
	})
	if err != nil {
		return pgFigures{}, nil, &failure{code: exitFailed, what: "The baseline could not be measured: " + err.Error() + ".",
			not: "No sale was made on SQLite.", try: "Name a running server with --baseline postgres://..., or another --dir."}
	}
	if other != nil {
		other.Ratio = rounded(other.Rate / base.rate)
	}
	return base, other, nil
}

// sell measures the sales and puts the result together.
func (b *vendBench) sell(ctx context.Context, s *benchShop, base pgFigures) (vendResult, error) {
	commits := s.commits()
	d, err := b.drive(ctx, time.Duration(b.seconds)*time.Second, 0, s.sellOne)
	if err != nil {
		return vendResult{}, err
	}
	r := vendResult{Bench: "vend", Rate: d.Rate, Baseline: base.name, BaselineRate: rounded(base.rate), P50: d.P50, P99: d.P99,
		Others: vendOthers{Store: "sqlite, write-ahead log, synchronous=FULL", Callers: b.callers, Meters: b.meters, Sales: d.Sales,
			Seconds: d.Seconds, CPUPerSale: d.CPU, BaselineLatency: base.latency, Scale: b.scale, Floor: vendFloor}}
	r.Others.FloorMet = r.Rate >= vendFloor
	if n := s.commits() - commits; n > 0 {
		r.Others.PerCommit = rounded(float64(d.Sales) / float64(n))
	}
	if base.transactions > 0 && base.cpu > 0 && d.CPU > 0 {
		r.Others.CPUPerBaseline = rounded(milliseconds(base.cpu) / float64(base.transactions))
		r.CPURatio = rounded(r.Others.CPUPerBaseline / d.CPU)
	}
	if base.rate > 0 {
		r.Ratio = rounded(d.Rate / base.rate)
	}
	return r, nil
}
