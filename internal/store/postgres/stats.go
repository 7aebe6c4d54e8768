package postgres

import (
	"sync"
	"time"
)

// Stats are the engine's counts since it was opened, for metrics.
type Stats struct {
	Commits    int64 // number of committed transactions
	Messages   int64 // number of messages for which transactions of several closures waited, without COMMIT
	OverBudget int64 // number of closures that took longer or touched more rows than their budget
	Again      int64 // number of runs of closures after their first, because of conflicts or lost connections
	Seals      int64 // number of seals that this server has written
}

type counts struct {
	mu sync.Mutex
	s  Stats
}

func (c *counts) closure(took time.Duration, rows, tries int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Again += int64(tries - 1)
	if took > budgetTime || rows > budgetRows {
		c.s.OverBudget++
	}
}

func (c *counts) committed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Commits++
}

func (c *counts) waited(messages int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Messages += messages
}

func (c *counts) sealed(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Seals += n
}

// Stats returns a copy of the engine's counts.
func (e *Engine) Stats() Stats {
	e.counts.mu.Lock()
	defer e.counts.mu.Unlock()
	return e.counts.s
}
