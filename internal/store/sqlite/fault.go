//go:build faultinject

package sqlite

import (
	"errors"
	"os"
	"runtime"
	"time"

	"github.com/paywatt/paywatt/internal/store"
)

// faultInjection says that this build can be told to misbehave. It exists only behind the build tag faultinject: the
// kill harness needs a build that breaks the promise, to prove that it would notice (the positive control).
const faultInjection = true

// earlyBy is how long the planted bug leaves between the acknowledgement and the commit.
const earlyBy = 30 * time.Millisecond

// planted is what a faulty engine remembers.
type planted struct{ failNext bool }

// errPlanted is what a planted COMMIT error says.
var errPlanted = errors.New("planted input/output error at COMMIT")

// plant reads the environment variable FAULT_INJECT:
//
//	acknowledge-before-commit   every caller is told before the commit
//	commit-error                the first commit that holds a sale happens and reports an error, as a failing disk may
func (e *Engine) plant() {
	if os.Getenv("FAULT_INJECT") != "commit-error" {
		return
	}
	commit := e.commit
	e.commit = func(c *conn) error {
		if e.failNext {
			e.failNext = false
			return errors.Join(errPlanted, commit(c))
		}
		return commit(c)
	}
}

// pin keeps the writer on one thread, so that a tracer that counts a thread's system calls counts those of a sale.
func pin() { runtime.LockOSThread() }

// early is the planted bug: it tells everybody and only then lets the commit happen.
func (e *Engine) early(b *batch) {
	fault := os.Getenv("FAULT_INJECT")
	for _, w := range b.ran {
		e.failNext = e.failNext || fault == "commit-error" && w.lane == store.Sale && w.fn != nil
	}
	if fault != "acknowledge-before-commit" {
		return
	}
	for _, w := range b.ran {
		e.deliver(w)
	}
	b.told = true
	time.Sleep(earlyBy)
}
