package job

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/logkey"
)

// maxSlices bounds the slices of a task at one tick.
const maxSlices = 1000

// Times of a runner.
const (
	tickEvery = 20 * time.Second
	leadFor   = 3 * tickEvery // a dead leader is replaced after this time
)

// leadName names the lead, for which the runners compete.
const leadName = "jobs"

// RunTx is the part of a transaction that a runner needs, in addition to the needs of the tasks.
type RunTx interface {
	// Tenants lists all tenants, not only the tenant of the transaction.
	Tenants() ([]access.Tenant, error)
	// JobRun records a period as done, and reports whether it was not done before.
	JobRun(name, period string) (first bool, err error)
	LeaderTake(name, holder string, until time.Time) (epoch int64, ok bool, err error)
	LeaderLeave(name, holder string) error
}

// Task is work that recurs in every tenant.
type Task[X RunTx] struct {
	Name string
	// Period returns the name of the period that a moment is in, such as "2026-11" for a month. The task runs once for each name, however
	// often the program restarts. If Period is nil, the task runs at every tick and must be harmless to repeat.
	Period func(now time.Time) string
	// First, if set, runs before Do if Period is nil. It does large work in slices, each in its own transaction, until it reports that no
	// more is left. After maxSlices slices Do runs too, and the remaining slices follow at the next tick.
	First func(tx X) (more bool, err error)
	// Do is the work of one period. The same transaction records the period as done.
	Do func(tx X, now time.Time) error
}

// Runner carries out tasks on whichever instance is the leader.
type Runner[X RunTx] struct {
	door   access.Door[X]
	holder string
	tasks  []Task[X]
	now    func() time.Time
	log    *slog.Logger
	ran    map[ran]string // the last period that is known to be done, so that a tick is cheap
}

type ran struct {
	tenant access.Tenant
	task   string
}

// NewRunner makes a runner; holder names this instance. log may be nil.
func NewRunner[X RunTx](door access.Door[X], holder string, now func() time.Time, log *slog.Logger, tasks ...Task[X]) *Runner[X] {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Runner[X]{door: door, holder: holder, tasks: tasks, now: now, log: log, ran: make(map[ran]string)}
}

// Run carries out the due tasks at every tick until ctx ends, and then gives up the lead. A failed task is tried again at the next tick and
// does not stop the other tasks.
func (r *Runner[X]) Run(ctx context.Context) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		if err := r.tick(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("recurring task failed", logkey.Err, err)
		}
		select {
		case <-ctx.Done():
			return r.leave(context.WithoutCancel(ctx))
		case <-tick.C:
		}
	}
}

// tick runs the due tasks if this instance leads.
func (r *Runner[X]) tick(ctx context.Context) error {
	leads := false
	err := r.door.Do(ctx, 0, func(tx X) (_ bool, err error) {
		_, leads, err = tx.LeaderTake(leadName, r.holder, r.now().Add(leadFor))
		return false, err
	})
	if err != nil || !leads {
		return err
	}
	tenants, err := access.Look(ctx, r.door, 0, func(tx X) ([]access.Tenant, error) { return tx.Tenants() })
	if err != nil {
		return fmt.Errorf("list tenants: %w", err)
	}
	for _, t := range tenants {
		for _, task := range r.tasks {
			if err := r.run(ctx, t, task); err != nil && ctx.Err() == nil {
				r.log.Warn("task failed", logkey.Job, task.Name, logkey.Tenant, int64(t), logkey.Err, err)
			}
		}
	}
	return nil
}

// run does one task of one tenant, unless its period is already done.
func (r *Runner[X]) run(ctx context.Context, t access.Tenant, task Task[X]) error {
	now := r.now()
	if task.Period == nil {
		if err := r.first(ctx, t, task); err != nil {
			return err
		}
		return r.door.Do(ctx, t, func(tx X) (bool, error) { return false, task.Do(tx, now) })
	}
	period, key := task.Period(now), ran{t, task.Name}
	if r.ran[key] == period {
		return nil
	}
	err := r.door.Do(ctx, t, func(tx X) (bool, error) {
		first, err := tx.JobRun(task.Name, period)
		if err != nil || !first {
			return false, err
		}
		return false, task.Do(tx, now)
	})
	if err == nil {
		r.ran[key] = period
	}
	return err
}

// first runs the slices of a task before its Do.
func (r *Runner[X]) first(ctx context.Context, t access.Tenant, task Task[X]) error {
	for n, more := 0, task.First != nil; more && n < maxSlices; n++ {
		err := r.door.Do(ctx, t, func(tx X) (_ bool, err error) { more, err = task.First(tx); return false, err })
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner[X]) leave(ctx context.Context) error {
	err := r.door.Do(ctx, 0, func(tx X) (bool, error) { return false, tx.LeaderLeave(leadName, r.holder) })
	return fault.Wrap(err, "give up the leadership")
}
