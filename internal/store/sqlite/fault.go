//go:build faultinject

package sqlite

import (
	"errors"
	"os"
	"runtime"
	"time"
)

// faultInjection says that this build can be made to misbehave. It is true only with the build tag faultinject. The kill test needs a build
// that breaks the promise of durable sales, to prove that the test would notice (the positive control).
const faultInjection = true

// earlyBy is the time between the acknowledgement and the commit in the planted bug.
const earlyBy = 30 * time.Millisecond

// planted is the state of a faulty engine: how many sales there were at the last commit, and whether a commit has reported an error.
type planted struct {
	sales int64
	erred bool
}

// errPlanted is the planted error of COMMIT.
var errPlanted = errors.New("planted input/output error at COMMIT")

// plant reads the environment variable FAULT_INJECT:
//
//	acknowledge-before-commit   every caller gets its answer before the commit
//	commit-error                the first commit that adds a sale succeeds but reports an error, as a failing disk may
func (e *Engine) plant() {
	if os.Getenv("FAULT_INJECT") != "commit-error" {
		return
	}
	commit := e.commit
	e.sales = -1 // the first commit of a start adds no sale
	e.commit = func(c *conn) error {
		was := e.sales
		var err error
		if e.sales, err = c.number("SELECT COUNT(*) FROM vend"); err != nil {
			return err
		}
		if was < 0 || e.sales == was || e.erred {
			return commit(c)
		}
		e.erred = true
		return errors.Join(errPlanted, commit(c))
	}
}

// pin keeps the writer on one thread, so that a tracer of one thread counts all system calls of a sale.
func pin() { runtime.LockOSThread() }

// early is the planted bug: it answers every caller before the commit.
func (e *Engine) early(b *batch) {
	if os.Getenv("FAULT_INJECT") != "acknowledge-before-commit" {
		return
	}
	for _, w := range b.ran {
		e.deliver(w)
	}
	b.acknowledged = true
	time.Sleep(earlyBy)
}
