package sqlite

import (
	"sync"
	"time"
)

// Stats are the engine's counts since it was opened, for metrics.
type Stats struct {
	Batches    int64 // number of commits
	OverBudget int64 // number of closures that took longer or touched more rows than their budget
	LogPages   int   // number of pages in the write-ahead log
	LogWaits   int64 // number of times that the writer waited for old snapshots, because the log had reached its limit
}

type counts struct {
	mu sync.Mutex
	s  Stats
}

func (c *counts) batch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Batches++
}

func (c *counts) closure(took time.Duration, rows int) {
	if took > budgetTime || rows > budgetRows {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.s.OverBudget++
	}
}

func (c *counts) log(pages int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.LogPages = pages
}

func (c *counts) countLogWait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.LogWaits++
}

// Stats returns a copy of the engine's counts.
func (e *Engine) Stats() Stats {
	e.counts.mu.Lock()
	defer e.counts.mu.Unlock()
	return e.counts.s
}
