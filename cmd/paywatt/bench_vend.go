package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
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

// vendRounds is in how many turns sales and baseline are measured. A machine that others use as well is faster in one
// moment than in the next: what both do in the same seconds is compared, and the median of it told.
const vendRounds = 5

// vendRound is one of the turns.
type vendRound struct {
	Rate         float64 `json:"rate"`
	BaselineRate float64 `json:"baseline_rate"`
	Ratio        float64 `json:"ratio"`
	P50          float64 `json:"p50_ms"`
	P99          float64 `json:"p99_ms"`
}

// vendFloor is how many durable sales a second the smallest supported machine must make.
const vendFloor = 1000

// vendResult is the JSON object of `bench vend`.
type vendResult struct {
	Bench        string     `json:"bench"`
	Rate         float64    `json:"rate"` // durable sales a second; this, the baseline, the ratio and the times are medians of the rounds
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

	Rounds   []vendRound `json:"rounds"`
	HalfLoad drive       `json:"half_load"`
	Keyed    otherRate   `json:"keyed"`              // with the rendered answer stored under an Idempotency-Key in the same commit
	HTTP     drive       `json:"http"`               // the same sales over loopback HTTP, caller and server in one process
	Postgres *otherRate  `json:"postgres,omitempty"` // the same sales on the PostgreSQL store, where the cluster is an own one
}

// otherRate is what another engine, or another kind of sale, came to in the same run.
type otherRate struct {
	drive
	Ratio float64 `json:"ratio"` // to the baseline; 0 where there is none
}

func newBenchVend(c console) *cobra.Command {
	b := &vendBench{}
	cmd := &cobra.Command{
		Use:   "vend",
		Short: "Durable sales a second, against PostgreSQL's pgbench on the same disk",
		Long: "Sells through the server's own use case (price, TID, token, journal, receipt number, delivery) to random meters of an\n" +
			"SQLite store, every caller waiting until its own sale is durable; in turns with it runs pgbench's TPC-B-like script\n" +
			"with as many clients on a PostgreSQL 15 cluster of its own, or on the one named. Both lie in one folder; figures are\n" +
			"the medians of five turns, whose ratios are told one by one. Beside it stand the same sales on the PostgreSQL store\n" +
			"of that cluster, with the answer stored under an Idempotency-Key (keyed), over loopback HTTP, which does so as well,\n" +
			"and at half the rate.",
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
	f.IntVar(&b.seconds, "seconds", 30, "length of each of the two main measurements, in five turns of a second and more; the others take half as long")
	f.StringVar(&b.dir, "dir", os.TempDir(), "folder in which both databases are made, and removed afterwards")
	f.StringVar(&b.baseline, "baseline", "", "postgres:// URL of a running server to measure instead of an own cluster; none for no baseline")
	return cmd
}

func (b *vendBench) run(ctx context.Context, c console) (vendResult, error) {
	if b.callers < 1 || b.callers > 1000 || b.meters < 1 || b.meters > 1_000_000 || b.scale < 1 || b.scale > 1000 || b.seconds < 1 || b.seconds > 3600 {
		return vendResult{}, &failure{code: exitUsage, what: "An option of the bench is out of its range.",
			try: "Use 1 to 1000 callers and scale, 1 to 1000000 meters, 1 to 3600 seconds."}
	}
	var pg pgbench
	if b.baseline != noBaseline {
		var err error
		if pg, err = findPgbench(b.baseline); err != nil {
			return vendResult{}, err
		}
	}
	defer withFloor()() // as the server
	fmt.Fprintf(c.err, "registering %d meters\n", b.meters)
	shop, err := b.open(ctx)
	if err != nil {
		return vendResult{}, err
	}
	defer shop.close()
	r, err := b.compare(ctx, c, pg, shop)
	if err != nil {
		return vendResult{}, err
	}
	fmt.Fprintf(c.err, "selling with stored answers, at half the rate and over HTTP for %s each\n", b.half())
	if r.Others.Keyed.drive, err = b.drive(ctx, b.half(), 0, shop.sellKeyed); err != nil {
		return vendResult{}, err
	}
	if r.BaselineRate > 0 {
		r.Others.Keyed.Ratio = rounded(r.Others.Keyed.Rate / r.BaselineRate)
	}
	if r.Others.HalfLoad, err = b.drive(ctx, b.half(), r.Rate/2, shop.sellOne); err != nil {
		return vendResult{}, err
	}
	r.HalfP99 = r.Others.HalfLoad.P99
	r.Others.HTTP, err = b.overHTTP(ctx, shop, b.half())
	return r, err
}

// noBaseline measures the sales alone, which is all that a profile needs.
const noBaseline = "none"

// round is the length of a turn in whole seconds, as pgbench counts them.
func (b *vendBench) round() int { return max(1, b.seconds/vendRounds) }

// compare measures sales and pgbench in turns and, on a cluster of our own, the same sales on the PostgreSQL store.
func (b *vendBench) compare(ctx context.Context, c console, pg pgbench, shop *benchShop) (vendResult, error) {
	commits, turns := shop.commits(), turns{}
	sell := func(base pgFigures) error {
		d, err := b.drive(ctx, time.Duration(b.round())*time.Second, 0, shop.sellOne)
		turns.add(d, base.rate)
		return err
	}
	if b.baseline == noBaseline {
		for range vendRounds {
			if err := sell(pgFigures{}); err != nil {
				return vendResult{}, err
			}
		}
		return b.result(turns, pgFigures{name: noBaseline}, shop.commits()-commits), nil
	}
	fmt.Fprintf(c.err, "measuring %s and sales with %d callers in %d turns of %d s\n", pg.name(), b.callers, vendRounds, b.round())
	var other *otherRate
	sold := int64(0)
	base, err := pg.measure(ctx, b, sell, func(url string) error {
		sold = shop.commits() - commits
		fmt.Fprintf(c.err, "selling on the PostgreSQL store of that cluster for %s\n", b.half())
		d, err := b.onPostgres(ctx, url)
		other = &otherRate{drive: d}
		return err
	})
	if err != nil {
		return vendResult{}, &failure{code: exitFailed, what: "Sales and baseline could not be compared: " + err.Error() + ".",
			not: "There is no result.", try: "Name a running server with --baseline postgres://..., or another --dir."}
	}
	if other == nil {
		sold = shop.commits() - commits
	} else {
		other.Ratio = rounded(other.Rate / base.rate)
	}
	r := b.result(turns, base, sold)
	r.Others.Postgres = other
	return r, nil
}

// turns are what the rounds have measured.
type turns struct {
	rounds                        []vendRound
	rates, ratios, p50, p99, cpus []float64
	sales                         int
	seconds                       float64
}

func (t *turns) add(d drive, baseline float64) {
	r := vendRound{Rate: d.Rate, BaselineRate: rounded(baseline), P50: d.P50, P99: d.P99}
	if baseline > 0 {
		r.Ratio = rounded(d.Rate / baseline)
	}
	t.rounds, t.rates, t.ratios = append(t.rounds, r), append(t.rates, d.Rate), append(t.ratios, r.Ratio)
	t.p50, t.p99, t.cpus = append(t.p50, d.P50), append(t.p99, d.P99), append(t.cpus, d.CPU)
	t.sales, t.seconds = t.sales+d.Sales, t.seconds+d.Seconds
}

// result puts the result of the rounds together.
func (b *vendBench) result(t turns, base pgFigures, commits int64) vendResult {
	r := vendResult{Bench: "vend", Rate: median(t.rates), Baseline: base.name, BaselineRate: rounded(base.rate), Ratio: median(t.ratios),
		P50: median(t.p50), P99: median(t.p99),
		Others: vendOthers{Store: "sqlite, write-ahead log, synchronous=FULL", Callers: b.callers, Meters: b.meters, Sales: t.sales,
			Seconds: rounded(t.seconds), CPUPerSale: median(t.cpus), BaselineLatency: base.latency, Scale: b.scale, Floor: vendFloor, Rounds: t.rounds}}
	r.Others.FloorMet = r.Rate >= vendFloor
	if commits > 0 {
		r.Others.PerCommit = rounded(float64(t.sales) / float64(commits))
	}
	if base.transactions > 0 && base.cpu > 0 && r.Others.CPUPerSale > 0 {
		r.Others.CPUPerBaseline = rounded(milliseconds(base.cpu) / float64(base.transactions))
		r.CPURatio = rounded(r.Others.CPUPerBaseline / r.Others.CPUPerSale)
	}
	return r
}

// median is the middle of some figures.
func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}
