package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// Migrate only brings an empty database to this version's schema.
func Migrate(ctx context.Context, url string) error {
	config, err := parse(url)
	if err != nil {
		return err
	}
	c, err := dial(ctx, config)
	if err != nil {
		return err
	}
	defer c.drop()
	o, err := Options{}.withDefaults()
	if err != nil {
		return err
	}
	return migrate(c, o)
}

// Waiting returns how much work is queued.
func Waiting(e store.Engine) int {
	q := &e.(*Engine).queue
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.ingests) + len(q.sales)
	for _, lane := range q.waiting {
		n += len(lane)
	}
	return n
}

// Blocked returns how many transactions of the engine's database wait for a lock.
func Blocked(e store.Engine) int {
	ctx := context.Background()
	c, err := pgconn.ConnectConfig(ctx, e.(*Engine).config)
	if err != nil {
		return 0 // asked again
	}
	defer func() { _ = c.Close(ctx) }()
	all, err := c.Exec(ctx, `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`).ReadAll()
	if err != nil {
		return 0
	}
	return len(all[0].Rows)
}

// Hear sets the Due callback of an engine that has done no work yet.
func Hear(e store.Engine, due store.Due) { e.(*Engine).opt.Due = due }

// FailCommit makes one commit fail. The parameter pass is the number of commits that succeed before it.
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
			if err := honest(c); err != nil {
				return err
			}
		case storetest.Full:
			return c.judge(fmt.Errorf("COMMIT: %w", &pgconn.PgError{Severity: "ERROR", Code: diskFull, Message: "no space left on device"}))
		default:
			if err := c.rollback(); err != nil {
				return err
			}
		}
		return fmt.Errorf("%w: the answer was lost", store.ErrOutcomeUnknown)
	}
}

// Seal seals all waiting rows; the engine must have been opened without a sealer of its own.
func Seal(t testing.TB, e store.Engine) {
	t.Helper()
	if leads, err := e.(*Engine).sealer.sealAll(context.Background()); err != nil || !leads {
		t.Fatalf("seal: leads %t, %v", leads, err)
	}
}

// WithSteps makes an engine upgrade with the given steps instead of the steps of this version. The function pause is called between their
// statements.
func WithSteps(o Options, steps []store.Migration, pause func(next string)) Options {
	o.plan = store.UpgradePlan{Steps: steps, Pause: pause}
	return o
}

// VerifySteps is Verify with the given steps instead of the steps of this version.
func VerifySteps(ctx context.Context, url, dir string, steps []store.Migration) (*store.Report, error) {
	c, err := reach(ctx, url)
	if err != nil {
		return nil, err
	}
	defer c.drop()
	c.plan.Steps = steps
	return verify(c, dir, headlog.ExternalHeads{})
}

// DescribeTables returns what schema.txt should say of the tables of a database.
func DescribeTables(ctx context.Context, url string) (string, error) {
	c, err := reach(ctx, url)
	if err != nil {
		return "", err
	}
	defer c.drop()
	c.stream = false
	parts, err := readTableParts(c)
	var out strings.Builder
	for _, p := range sortParts(parts) {
		out.WriteString(p.table + "\t" + p.part + "\t" + parts[p].text + "\n")
	}
	return out.String(), err
}

// CreatedSchema returns schema.txt.
func CreatedSchema() string { return createdSchema }

// SealNow seals every row that waits, as a server does every second.
func (e *Engine) SealNow(ctx context.Context) error {
	_, err := e.sealer.sealAll(ctx)
	return err
}

// Saw makes an engine believe that the server had a newer timeline when it last answered.
func Saw(e *Engine) { e.seen.Store(system(e.seen.Load().(string)) + "/000000FF") }

// Crowd returns how many sales a worker waits for.
func Crowd(answered, waiting int) int { return crowd(answered, waiting) }

// LimitCommits limits the wait for the answer to COMMIT from now on. No closure may be under way.
func LimitCommits(e *Engine, within time.Duration) {
	e.commit = func(c *conn) error { return c.commit(within) }
}
