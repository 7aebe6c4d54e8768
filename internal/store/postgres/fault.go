//go:build faultinject

package postgres

import (
	"context"
	"os"
	"time"
)

// earlyBy is the time between the acknowledgement and the commit in the planted bug.
const earlyBy = 30 * time.Millisecond

// plant makes the engine misbehave as the environment variable FAULT_INJECT says:
//
//	acknowledge-before-commit   a commit is reported 30 ms before COMMIT is sent
func (e *Engine) plant() {
	if os.Getenv("FAULT_INJECT") != "acknowledge-before-commit" {
		return
	}
	commit := e.commit
	e.commit = func(c *conn) error {
		fresh, err := e.connect(context.Background())
		if err != nil {
			return commit(c)
		}
		late := *c
		fresh.rows = c.rows
		*c = *fresh
		go func() {
			time.Sleep(earlyBy)
			_ = commit(&late)
			late.drop()
		}()
		return nil
	}
}
