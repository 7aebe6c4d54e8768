package sqlite

import (
	"math/bits"
	"sync"
	"time"
)

// Stats is what the engine has done since it was opened, for metrics.
type Stats struct {
	Batches    int64 // commits
	Work       int64 // closures and calls of Ingest in them
	OverBudget int64 // closures that took longer or touched more rows than a closure should
	Apart      int64 // meters whose records failed on their own after a merged batch had failed
	LogPages   int   // pages of the write-ahead log
	Waiting    [lanes]int

	Longest time.Duration // closure
	Batch   Durations     // from begin to commit
	Commit  Durations     // COMMIT alone, which is the fsync
}

// Durations counts durations by powers of two: element i those below 2^i microseconds, the last one all others.
type Durations [durations]int64

// durations is how many powers of two of microseconds are told apart: up to 16 s.
const durations = 25

func (d *Durations) add(took time.Duration) {
	d[min(bits.Len64(uint64(max(0, took.Microseconds()))), durations-1)]++
}

type counts struct {
	mu sync.Mutex
	s  Stats
}

func (c *counts) batch(work int, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Batches++
	c.s.Work += int64(work)
	c.s.Batch.add(took)
}

func (c *counts) committed(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Commit.add(took)
}

func (c *counts) closure(took time.Duration, rows int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Longest = max(c.s.Longest, took)
	if took > budgetTime || rows > budgetRows {
		c.s.OverBudget++
	}
}

func (c *counts) apart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Apart++
}

func (c *counts) log(pages int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.LogPages = pages
}

// Stats is a copy of the engine's counts.
func (e *Engine) Stats() Stats {
	e.counts.mu.Lock()
	s := e.counts.s
	e.counts.mu.Unlock()
	s.Waiting = e.queue.depth()
	return s
}
