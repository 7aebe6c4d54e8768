package bench

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/exit"
)

// Vend configures `bench vend`. It measures sales as the server makes them, where each caller waits until its own sale
// is durable. The baseline is PostgreSQL's own benchmark of small transactions on the same disk.
type Vend struct {
	Engine   string // "sqlite" (or empty) or "postgres"
	Callers  int
	Meters   int
	Scale    int
	Seconds  int
	Dir      string        // where both databases are
	Baseline string        // URL of a running PostgreSQL to measure instead of our own; "none" for no baseline
	Version  apiv1.Version // version of the server that sells over HTTP

	runs atomic.Int64 // number of calls of drive, so that every request key is used only once
}

// vendRounds is the number of rounds in which sales and baseline are measured. A shared machine varies in speed, so
// each round compares the two within the same seconds, and the result is the median.
const vendRounds = 5

// vendRound is one round.
type vendRound struct {
	Rate         float64 `json:"rate"`
	BaselineRate float64 `json:"baseline_rate"`
	Ratio        float64 `json:"ratio"`
	P50          float64 `json:"p50_ms"`
	P99          float64 `json:"p99_ms"`
}

// vendFloor is how many durable sales per second the smallest supported machine must make.
const vendFloor = 1000

// VendResult is the JSON object of `bench vend`.
type VendResult struct {
	Bench        string     `json:"bench"`
	Rate         float64    `json:"rate"` // durable sales per second; this, the baseline, the ratio and the times are medians of the rounds
	Baseline     string     `json:"baseline"`
	BaselineRate float64    `json:"baseline_rate"` // transactions per second
	Ratio        float64    `json:"ratio"`
	CPURatio     float64    `json:"cpu_ratio"` // sales per second of CPU over transactions per second of CPU; 0 where unknown
	P50          float64    `json:"p50_ms"`
	P99          float64    `json:"p99_ms"`
	HalfP99      float64    `json:"half_load_p99_ms"` // latency at half the rate, counted from the due time of each sale
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
	ServerCPU       float64 `json:"server_cpu_ms_per_sale,omitempty"` // of the database's processes
	CPUPerBaseline  float64 `json:"cpu_ms_per_baseline"`
	BaselineLatency float64 `json:"baseline_mean_ms"`
	Scale           int     `json:"baseline_scale"`
	Load            string  `json:"load,omitempty"` // of the machine at the end, over 1, 5 and 15 minutes
	Floor           int     `json:"floor"`
	FloorMet        bool    `json:"floor_met"`

	Rounds   []vendRound `json:"rounds"`
	HalfLoad drive       `json:"half_load"`
	Keyed    otherRate   `json:"keyed"`              // sales with the rendered answer stored under an Idempotency-Key in the same commit
	HTTP     drive       `json:"http"`               // the same sales over loopback HTTP, caller and server in one process
	Postgres *otherRate  `json:"postgres,omitempty"` // the same sales on the PostgreSQL store, if the cluster is our own
}

// otherRate is the result of another engine, or of another kind of sale, in the same run.
type otherRate struct {
	drive
	Ratio float64 `json:"ratio"` // rate divided by that of the baseline; 0 without a baseline
}

// Run measures sales and baseline in rounds, then the other kinds of sales.
func (b *Vend) Run(ctx context.Context, say Say) (VendResult, error) {
	if b.Callers < 1 || b.Callers > 1000 || b.Meters < 1 || b.Meters > 1_000_000 || b.Scale < 1 || b.Scale > 1000 || b.Seconds < 1 || b.Seconds > 3600 {
		return VendResult{}, &exit.Failure{Code: exit.Usage, What: "An option of the bench is out of its range.", Not: "Nothing was measured.",
			Try: "Use 1 to 1000 callers, a scale of 1 to 1000, 1 to 1000000 meters and 1 to 3600 seconds."}
	}
	switch b.Engine {
	case "", engineSQLite:
	case enginePostgres:
		if b.Baseline != "" && b.Baseline != noBaseline {
			return VendResult{}, &exit.Failure{Code: exit.Usage, What: "--engine postgres uses a cluster of its own.", Not: "Nothing was measured.", Try: "Leave out --baseline, or write --baseline none."}
		}
		return b.onCluster(ctx, say)
	default:
		return VendResult{}, &exit.Failure{Code: exit.Usage, What: "There is no engine " + b.Engine + ".", Not: "Nothing was measured.", Try: "Use sqlite or postgres."}
	}
	var pg pgbench
	if b.Baseline != noBaseline {
		var err error
		if pg, err = findPgbench(b.Baseline); err != nil {
			return VendResult{}, err
		}
	}
	say("registering %d meters", b.Meters)
	shop, err := b.open(ctx)
	if err != nil {
		return VendResult{}, err
	}
	defer shop.close()
	r, err := b.compare(ctx, say, pg, shop)
	if err != nil {
		return VendResult{}, err
	}
	say("selling with stored answers, at half the rate and over HTTP for %s each", b.half())
	if r.Others.Keyed.drive, err = b.drive(ctx, b.half(), 0, shop.sellKeyed); err != nil {
		return VendResult{}, err
	}
	if r.BaselineRate > 0 {
		r.Others.Keyed.Ratio = rounded(r.Others.Keyed.Rate / r.BaselineRate)
	}
	if r.Others.HalfLoad, err = b.drive(ctx, b.half(), r.Rate/2, shop.sellOne); err != nil {
		return VendResult{}, err
	}
	r.HalfP99 = r.Others.HalfLoad.P99
	r.Others.HTTP, err = b.overHTTP(ctx, shop, b.half())
	return r, err
}

// noBaseline measures only the sales, which is enough for a profile.
const noBaseline = "none"

// round returns the length of a round in whole seconds, as pgbench counts them.
func (b *Vend) round() int { return max(1, b.Seconds/vendRounds) }

// compare measures sales and pgbench in rounds and, on our own cluster, the same sales on the PostgreSQL store.
func (b *Vend) compare(ctx context.Context, say Say, pg pgbench, shop *shop) (VendResult, error) {
	commits, turns := shop.commits(), turns{}
	sell := func(base pgFigures) error {
		d, err := b.drive(ctx, time.Duration(b.round())*time.Second, 0, shop.sellOne)
		turns.add(d, base.rate)
		return err
	}
	if b.Baseline == noBaseline {
		for range vendRounds {
			if err := sell(pgFigures{}); err != nil {
				return VendResult{}, err
			}
		}
		return b.result(turns, pgFigures{name: noBaseline}, shop.commits()-commits), nil
	}
	say("measuring %s and sales with %d callers in %d turns of %d s", pg.name(), b.Callers, vendRounds, b.round())
	var other *otherRate
	sold := int64(0)
	base, err := pg.measure(ctx, b, sell, func(url string) error {
		sold = shop.commits() - commits
		say("selling on the PostgreSQL store of that cluster for %s", b.half())
		d, err := b.onPostgres(ctx, url)
		other = &otherRate{drive: d}
		return err
	})
	if err != nil {
		return VendResult{}, &exit.Failure{Code: exit.Failed, What: "Sales and baseline could not be compared: " + err.Error() + ".",
			Not: "There is no result.", Try: "Give a running server with --baseline postgres://user@host/database, or another --dir."}
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

// turns are the results of the rounds.
type turns struct {
	rounds                        []vendRound
	rates, ratios, p50, p99, cpus []float64
	servers, cpuRatios            []float64 // of turns on a cluster
	sales                         int
	seconds                       float64
}

// cpuBeside compares a sale with a transaction of pgbench of the same turn. Both count the clients and the database's processes.
func (t *turns) cpuBeside(d drive, base pgFigures) {
	t.servers = append(t.servers, d.ServerCPU)
	if base.cpu > 0 && base.transactions > 0 && d.ServerCPU > 0 {
		t.cpuRatios = append(t.cpuRatios, rounded(milliseconds(base.cpu)/float64(base.transactions)/(d.CPU+d.ServerCPU)))
	}
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

// result builds the result from the rounds.
func (b *Vend) result(t turns, base pgFigures, commits int64) VendResult {
	r := VendResult{Bench: "vend", Rate: median(t.rates), Baseline: base.name, BaselineRate: rounded(base.rate), Ratio: median(t.ratios),
		P50: median(t.p50), P99: median(t.p99),
		Others: vendOthers{Store: "sqlite, write-ahead log, synchronous=FULL", Callers: b.Callers, Meters: b.Meters, Sales: t.sales,
			Seconds: rounded(t.seconds), CPUPerSale: median(t.cpus), BaselineLatency: base.latency, Scale: b.Scale, Load: loadOf(), Floor: vendFloor, Rounds: t.rounds}}
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

// median returns the median.
func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}
