package sqlite

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// CheckLibrary is the check of the SQLite version.
func CheckLibrary(version int) error { return checkLibrary(version) }

// Waiting is how much work is queued.
func Waiting(e store.Engine) int {
	n := 0
	for _, k := range e.(*Engine).queue.depth() {
		n += k
	}
	return n
}

// FailCommit makes a commit go wrong after letting pass of them through.
func FailCommit(e store.Engine, how storetest.Failure, pass int) {
	eng := e.(*Engine)
	honest := eng.commit
	eng.commit = func(c *conn) error {
		if pass--; pass >= 0 {
			return honest(c)
		}
		eng.commit = honest
		switch how {
		case storetest.Happened:
			return errors.Join(honest(c), fmt.Errorf("commit: %w", sqlite.ResultIOErrFsync.ToError()))
		case storetest.Full:
			return c.judge(fmt.Errorf("commit: %w", sqlite.ResultFull.ToError()))
		}
		return errors.Join(c.plain("ROLLBACK"), fmt.Errorf("commit: %w", sqlite.ResultIOErrFsync.ToError()))
	}
}
