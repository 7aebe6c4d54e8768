package bench

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/exit"
)

// Engines that a bench can measure.
const (
	engineSQLite   = "sqlite"
	enginePostgres = "postgres"
)

// onCluster measures sales on the PostgreSQL store, in turns with pgbench on the same cluster, which is the bench's own.
func (b *Vend) onCluster(ctx context.Context, say Say) (r VendResult, err error) {
	pg, err := findPgbench("")
	if err != nil {
		return r, err
	}
	dir, err := os.MkdirTemp(b.Dir, "paywatt-cluster-")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // an error here does not matter
	err = pg.create(ctx, dir)
	if err == nil && b.Baseline != noBaseline {
		err = pg.load(ctx, dir, b.Scale)
	}
	if err == nil {
		err = pg.serving(ctx, dir, func() (err error) { r, err = b.besidePgbench(ctx, say, pg, dir); return err })
	}
	if err != nil {
		return r, &exit.Failure{Code: exit.Failed, What: "Sales and baseline could not be compared: " + err.Error() + ".", Not: "There is no result.", Try: "Give another --dir."}
	}
	return r, nil
}

// besidePgbench measures sales and pgbench in turns while the cluster in dir runs.
func (b *Vend) besidePgbench(ctx context.Context, say Say, pg pgbench, dir string) (VendResult, error) {
	if _, err := pg.run(ctx, pgStart, dir, "createdb", "-h", dir, "-U", "bench", "paywatt"); err != nil {
		return VendResult{}, err
	}
	say("registering %d meters", b.Meters)
	shop, err := b.openOn(ctx, "postgres:///paywatt?user=bench&host="+url.QueryEscape(dir))
	if err != nil {
		return VendResult{}, err
	}
	defer shop.close()
	if err := b.settle(ctx, pg, dir, shop); err != nil {
		return VendResult{}, err
	}
	server := func() time.Duration { return cpuOfCluster(dir) }
	commits, turns, base := shop.commits(), turns{}, pgFigures{name: noBaseline}
	say("measuring sales with %d callers in %d turns of %d s", b.Callers, vendRounds, b.round())
	sell := func(base pgFigures) error {
		before := server()
		d, err := b.drive(ctx, time.Duration(b.round())*time.Second, 0, shop.sellOne)
		if err != nil {
			return err
		}
		d.ServerCPU = rounded(milliseconds(server()-before) / float64(d.Sales))
		turns.add(d, base.rate)
		turns.cpuBeside(d, base)
		return nil
	}
	if b.Baseline != noBaseline {
		base, err = pg.rounds(ctx, b, dir, "bench", server, sell)
	} else {
		for range vendRounds {
			if err == nil {
				err = sell(base)
			}
		}
	}
	if err != nil {
		return VendResult{}, err
	}
	r := b.result(turns, base, shop.commits()-commits)
	r.Others.Store, r.Others.ServerCPU, r.CPURatio = "postgres 15, synchronous_commit=on", median(turns.servers), median(turns.cpuRatios)
	r.Others.Keyed.drive, err = b.drive(ctx, b.half(), 0, shop.sellKeyed)
	if err == nil && r.BaselineRate > 0 {
		r.Others.Keyed.Ratio = rounded(r.Others.Keyed.Rate / r.BaselineRate)
	}
	return r, err
}

// settle sells for a second and lets PostgreSQL count the rows of its tables, as it does by itself within a minute. pgbench does the same
// with its tables. Until then the planner takes the tables for empty.
func (b *Vend) settle(ctx context.Context, pg pgbench, dir string, shop *shop) error {
	_, err := b.drive(ctx, time.Second, 0, shop.sellOne)
	if err == nil {
		_, err = pg.run(ctx, pgLoad, dir, "vacuumdb", "-q", "-z", "-h", dir, "-U", "bench", "paywatt")
	}
	return err
}

// cpuOfCluster returns the processor time that the cluster in dir has used so far, with the processes that it has started; 0 where the
// system does not tell. A process counts as long as its parent is the postmaster, and within the postmaster once it has ended.
func cpuOfCluster(dir string) time.Duration {
	pids, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	postmaster, _, _ := strings.Cut(string(pids), "\n")
	ticks := int64(0)
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		own := filepath.Base(filepath.Dir(path)) == postmaster
		_, after, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(after) // from the third field: state, parent, …
		if len(f) < 15 || !own && f[1] != postmaster {
			continue
		}
		times := f[11:13] // user and system time
		if own {
			times = f[11:15] // and those of children that have ended
		}
		for _, t := range times {
			n, _ := strconv.ParseInt(t, 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / clockTicks
}

// clockTicks is how many ticks of /proc a second has, on every system that Go supports.
const clockTicks = 100

// loadOf returns the machine's load over the last minute, 5 and 15 minutes; "" where the system does not tell.
func loadOf() string {
	text, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(text))
	return strings.Join(f[:min(3, len(f))], " ")
}
