package bench

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// storeRounds is the number of rounds in which the two engines take turns, since a shared machine varies in speed.
const storeRounds = 5

// besideSQLite measures readings on PostgreSQL, on a cluster of its own, and in turns with it on SQLite.
func (b *StoreBench) besideSQLite(ctx context.Context, say Say, dir string) (m Measured, err error) {
	pg, err := findPgbench("")
	if err != nil {
		return m, err
	}
	small, err := sqlite.Open(filepath.Join(dir, "sqlite"), sqlite.Options{Intake: intake.Take})
	if err != nil {
		return m, err
	}
	defer func() { _ = small.Close() }()                    // the folder is removed anyway
	cluster, err := os.MkdirTemp(b.Dir, "paywatt-cluster-") // beside the bench's own folder, which the cluster's user may not enter
	if err != nil {
		return m, err
	}
	defer func() { _ = os.RemoveAll(cluster) }() // an error here does not matter
	if err := pg.create(ctx, cluster); err != nil {
		return m, err
	}
	cpu := cpuOfChildren()
	err = pg.serving(ctx, cluster, func() error {
		if _, err := pg.run(ctx, pgStart, cluster, "createdb", "-h", cluster, "-U", "bench", "paywatt"); err != nil {
			return err
		}
		e, err := postgres.Open(ctx, "postgres:///paywatt?user=bench&host="+url.QueryEscape(cluster), postgres.Options{Dir: dir, Intake: intake.Take})
		if err != nil {
			return err
		}
		defer func() { _ = e.Close() }() // so is the cluster
		m, err = b.turns(ctx, say, e, small)
		return err
	})
	if err != nil {
		return m, &exit.Failure{Code: exit.Failed, What: "The engines could not be compared: " + err.Error() + ".", Not: "There is no result.", Try: "Give another --dir."}
	}
	// The cluster's processor time is known when it has ended. It includes what the cluster did before and after the rounds.
	m.Others["server_cpu_us"] = rounded((cpuOfChildren() - cpu).Seconds() * 1e6 / m.Others["readings"].(float64))
	return m, nil
}

// turns lets two engines store readings in turns.
func (b *StoreBench) turns(ctx context.Context, say Say, e, beside store.Engine) (m Measured, err error) {
	long := time.Duration(b.Seconds) * time.Second / storeRounds
	say("storing readings on PostgreSQL and on SQLite in %d turns of %s each", storeRounds, long)
	m = Measured{Bench: "store", Unit: "durable readings a second", Baseline: "the same readings on SQLite"}
	var rates, besides, ratios, p50, p99 []float64
	var cpu, besideCPU float64
	var rows, besideRows int64
	seq, besideSeq := make([]uint64, b.Meters), make([]uint64, b.Meters)
	for range storeRounds {
		ours, err := b.readings(ctx, e, seq, long)
		if err != nil {
			return m, fmt.Errorf("PostgreSQL: %w", err)
		}
		theirs, err := b.readings(ctx, beside, besideSeq, long)
		if err != nil {
			return m, fmt.Errorf("SQLite: %w", err)
		}
		rates, besides, ratios = append(rates, ours.rate()), append(besides, theirs.rate()), append(ratios, ours.rate()/theirs.rate())
		p50, p99 = append(p50, percentile(ours.latencies, 50)), append(p99, percentile(ours.latencies, 99))
		cpu, rows, besideCPU, besideRows = cpu+ours.cpu, rows+ours.rows, besideCPU+theirs.cpu, besideRows+theirs.rows
	}
	m.Rate, m.BaselineRate, m.P50, m.P99 = median(rates), median(besides), median(p50), median(p99)
	m.Others = map[string]any{"engine": "postgres", "readings": float64(rows), "in_flight": b.Flight, "meters": b.Meters, "sqlite_rate": rounded(m.BaselineRate),
		"sqlite_ratio": rounded(median(ratios)), "turns": storeRounds}
	m = m.with(cpu/float64(max(1, rows)), besideCPU/float64(max(1, besideRows)))
	m.Ratio = rounded(median(ratios)) // the two engines of one turn met the same load
	return m, nil
}
