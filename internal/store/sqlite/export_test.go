package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"zombiezen.com/go/sqlite"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// CheckLibrary checks a version of SQLite.
func CheckLibrary(version int) error { return checkLibrary(version) }

// Waiting returns how much work is queued.
func Waiting(e store.Engine) (n int) {
	q := &e.(*Engine).queue
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, lane := range q.waiting {
		n += len(lane)
	}
	return n
}

// Probe checks whether a full disk has room again, as the engine does once a second.
func Probe(e *Engine) { e.probe() }

// Hear sets the Due callback of an engine that has done no work yet.
func Hear(e store.Engine, due store.Due) { e.(*Engine).opt.Due = due }

// FailCommit makes one commit fail; pass is how many commits succeed before it.
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

// WithSteps makes an engine upgrade with the given steps instead of the steps of this version. The function pause is called between their
// statements.
func WithSteps(o Options, steps []store.Migration, pause func(next string)) Options {
	o.plan = store.UpgradePlan{Steps: steps, Pause: pause}
	return o
}

// withSteps connects to a database to read it with the given steps instead of the steps of this version.
func withSteps(dir string, steps []store.Migration) (*conn, error) {
	c, err := connect(filepath.Join(dir, databaseFile), cacheReader, true)
	if err == nil {
		c.plan.Steps = steps
	}
	return c, err
}

// VerifySteps is Verify with the given steps instead of the steps of this version.
func VerifySteps(ctx context.Context, dir string, steps []store.Migration) (*store.Report, error) {
	c, err := withSteps(dir, steps)
	if err != nil {
		return nil, err
	}
	r, err := inspect(ctx, c, dir, headlog.ExternalHeads{})
	return r, errors.Join(err, c.c.Close())
}

// OpenSourceSteps is OpenSource with the given steps instead of the steps of this version.
func OpenSourceSteps(ctx context.Context, dir string, steps []store.Migration) (*Source, error) {
	c, err := withSteps(dir, steps)
	if err != nil {
		return nil, err
	}
	s := &Source{c: c, report: new(store.Report), done: c.c.Close}
	return s, s.open(ctx, dir)
}

// BranchSteps reads the numbers that the database in dir has used. It does the same as readBranch, but with the given steps instead of the
// steps of this version.
func BranchSteps(ctx context.Context, dir string, steps []store.Migration) (store.Branch, error) {
	c, err := withSteps(dir, steps)
	if err != nil {
		return store.Branch{}, err
	}
	b, err := branch(ctx, c, dir)
	return b, errors.Join(err, c.c.Close())
}

// Epoch returns the store epoch: 1, and one more after every restore.
func (e *Engine) Epoch() int64 { return e.epoch }
