package bench

import (
	"context"
	"runtime"
	"slices"
	"time"
)

// loop is a piece of work of one goroutine: do does it n times. It has no failure that could happen half way, so
// a broken one panics.
type loop struct {
	name string
	do   func(n int)
}

// loopFigures are what one loop came to.
type loopFigures struct {
	rate   float64       // times a second
	cpu    time.Duration // processor time of all the measured runs
	runs   int
	p50    time.Duration // of a single run, reading the clock included
	p99    time.Duration
	allocs float64 // per run
}

// cpuPerRun is the processor time of a run in seconds, 0 where it cannot be measured.
func (f loopFigures) cpuPerRun() float64 { return f.cpu.Seconds() / float64(f.runs) }

// How a loop is measured.
const (
	// loopRounds is how often the loops take turns: a machine that slows down slows all of them down.
	loopRounds = 20
	// loopBatch is how long one call of do takes, about.
	loopBatch = 2 * time.Millisecond
	// loopSamples is how many single runs are timed for the percentiles.
	loopSamples = 20_000
	// maxLoopBatch bounds the search for a batch of that length.
	maxLoopBatch = 1 << 24
)

// measureLoops runs the loops in turns, each for about the given time in all.
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

// batchOf finds how many runs take about loopBatch.
func batchOf(l loop) int {
	for n := 1; ; n *= 2 {
		began := time.Now()
		l.do(n)
		if time.Since(began) >= loopBatch || n >= maxLoopBatch {
			return n
		}
	}
}

// allocsOf counts the allocations of a run, whole ones, as package testing does: what the runtime allocates for itself
// in between is less than one.
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

// loopOther is a further loop under others.
type loopOther struct {
	NS     float64 `json:"ns"`
	Allocs float64 `json:"allocs"`
}

// resultOf puts the result together: the first loop is what is measured, the second its baseline. It also returns the
// seconds of processor time of a run of either.
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
