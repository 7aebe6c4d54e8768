package bench

import (
	"context"
	"runtime"
	"slices"
	"time"
)

// loop is a piece of work on one goroutine. Its function do repeats the work n times, and panics if the work fails.
type loop struct {
	name string
	do   func(n int)
}

// loopFigures are the results of one loop.
type loopFigures struct {
	rate   float64       // runs per second
	cpu    time.Duration // processor time of all the measured runs
	runs   int
	p50    time.Duration // median time of a single run, including the reading of the clock
	p99    time.Duration
	allocs float64 // allocations per run
}

// cpuPerRun returns the processor time of a run in seconds, 0 if it cannot be measured.
func (f loopFigures) cpuPerRun() float64 { return f.cpu.Seconds() / float64(f.runs) }

// How a loop is measured.
const (
	// loopRounds is how many rounds the loops run in turn, so that a slowdown of the machine affects all of them.
	loopRounds = 20
	// loopBatch is the approximate duration of one call of do.
	loopBatch = 2 * time.Millisecond
	// loopSamples is how many single runs are timed for the percentiles.
	loopSamples = 20_000
	// maxLoopBatch bounds the search for a batch of length loopBatch.
	maxLoopBatch = 1 << 24
)

// measureLoops runs the loops in turn. The parameter each is the approximate total duration of one loop.
func measureLoops(ctx context.Context, each time.Duration, loops ...loop) ([]loopFigures, error) {
	out := make([]loopFigures, len(loops))
	batch := make([]int, len(loops))
	took := make([]time.Duration, len(loops))
	for i, l := range loops {
		batch[i] = batchOf(l)
		out[i].allocs = allocsOf(l, batch[i])
		out[i].p50, out[i].p99 = percentilesOf(l, each)
	}
	for range loopRounds {
		for i, l := range loops {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			cpu, began := cpuOfSelf(), time.Now()
			for time.Since(began) < each/loopRounds {
				l.do(batch[i])
				out[i].runs += batch[i]
			}
			took[i] += time.Since(began)
			out[i].cpu += cpuOfSelf() - cpu
		}
	}
	for i := range out {
		out[i].rate = float64(out[i].runs) / took[i].Seconds()
	}
	return out, nil
}

// batchOf returns how many runs take about loopBatch.
func batchOf(l loop) int {
	for n := 1; ; n *= 2 {
		began := time.Now()
		l.do(n)
		if time.Since(began) >= loopBatch || n >= maxLoopBatch {
			return n
		}
	}
}

// allocsOf returns the allocations per run, rounded down as in package testing: the runtime's own allocations amount to
// less than one per run.
func allocsOf(l loop, n int) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l.do(n)
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / uint64(n))
}

// percentilesOf times single runs.
func percentilesOf(l loop, most time.Duration) (p50, p99 time.Duration) {
	took := make([]time.Duration, 0, loopSamples)
	for began := time.Now(); len(took) == 0 || len(took) < loopSamples && time.Since(began) < most; {
		start := time.Now()
		l.do(1)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100]
}

// loopOther is the result of another loop in Measured.Others.
type loopOther struct {
	NS     float64 `json:"ns"`
	Allocs float64 `json:"allocs"`
}

// resultOf builds the result. The first loop is the measured one, the second its baseline. It also returns the
// processor times per run of these two loops, in seconds.
func resultOf(bench, unit string, loops []loop, f []loopFigures) (m Measured, cpu, baseCPU float64) {
	m = Measured{Bench: bench, Rate: f[0].rate, Unit: unit, Baseline: loops[1].name, BaselineRate: f[1].rate,
		P50: milliseconds(f[0].p50), P99: milliseconds(f[0].p99), Others: map[string]any{}}
	for i, l := range loops {
		if i != 1 {
			m.Others[l.name] = loopOther{NS: rounded(float64(time.Second) / f[i].rate), Allocs: f[i].allocs}
		}
	}
	return m, f[0].cpuPerRun(), f[1].cpuPerRun()
}
