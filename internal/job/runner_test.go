package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/job"
)

// TestALargeWorkIsDoneInSlices checks that slices come before the task itself, each in its own transaction, and that one tick
// does not exceed the limit.
func TestALargeWorkIsDoneInSlices(t *testing.T) {
	for _, c := range []struct{ slices, want int }{{1, 1}, {7, 7}, {5000, 1000}} {
		synctest.Test(t, func(t *testing.T) {
			b := &board{done: map[string]bool{}}
			done, txs, before := 0, map[*boardTx]bool{}, 0
			r := job.NewRunner(b, "a", time.Now, nil, job.Task[*boardTx]{Name: "large",
				First: func(tx *boardTx) (bool, error) {
					if tx.tenant != 1 {
						return false, nil
					}
					done, txs[tx] = done+1, true
					return done < c.slices, nil
				},
				Do: func(tx *boardTx, _ time.Time) error {
					if tx.tenant == 1 && before == 0 {
						before = done
					}
					return nil
				}})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- r.Run(ctx) }()
			synctest.Wait()
			if done != c.want || len(txs) != done || before != done {
				t.Errorf("%d slices in %d transactions, %d before the task; want %d", done, len(txs), before, c.want)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// board is the state that runners share: who leads, and which periods are done.
type board struct {
	mu     sync.Mutex
	leader string
	until  time.Time
	done   map[string]bool
}

// boardTx is one transaction on the board; it is rolled back unless it ends well.
type boardTx struct {
	*board
	tenant access.Tenant
	undo   []string
}

func (b *board) Do(_ context.Context, t access.Tenant, fn func(*boardTx) (bool, error)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	tx := &boardTx{board: b, tenant: t}
	refused, err := fn(tx)
	if err != nil || refused {
		for _, key := range tx.undo {
			delete(b.done, key)
		}
	}
	return err
}

func (b *board) View(ctx context.Context, t access.Tenant, fn func(*boardTx) error) error {
	return b.Do(ctx, t, func(tx *boardTx) (bool, error) { return false, fn(tx) })
}

func (tx *boardTx) Tenants() ([]access.Tenant, error) { return []access.Tenant{1, 2}, nil }

func (tx *boardTx) JobRun(name, period string) (bool, error) {
	key := fmt.Sprintf("%d %s %s", tx.tenant, name, period)
	if tx.done[key] {
		return false, nil
	}
	tx.done[key] = true
	tx.undo = append(tx.undo, key)
	return true, nil
}

func (tx *boardTx) LeaderTake(_, holder string, until time.Time) (int64, bool, error) {
	if tx.leader != holder && tx.until.After(time.Now()) {
		return 0, false, nil
	}
	tx.leader, tx.until = holder, until
	return 1, true, nil
}

func (tx *boardTx) LeaderLeave(_, holder string) error {
	if tx.leader == holder {
		tx.until = time.Now()
	}
	return nil
}

// hours returns the hour of a moment as a period's name.
func hours(now time.Time) string { return now.Format("15h") }

func TestRecurringWorkIsDoneOncePerPeriodByTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{done: map[string]bool{}}
		var log []string // guarded by the board: only its transactions append to it
		broken := true
		done := func() string {
			b.mu.Lock()
			defer b.mu.Unlock()
			return strings.Join(log, " ")
		}
		run := func(ctx context.Context, holder string) chan error {
			r := job.NewRunner(b, holder, time.Now, nil,
				job.Task[*boardTx]{Name: "close", Period: hours, Do: func(tx *boardTx, now time.Time) error {
					if broken && tx.tenant == 2 && now.Minute() < 30 {
						return errors.New("not yet")
					}
					log = append(log, fmt.Sprintf("%s:%s:%d", holder, hours(now), tx.tenant))
					return nil
				}})
			ended := make(chan error, 1)
			go func() { ended <- r.Run(ctx) }()
			return ended
		}
		first, stop := context.WithCancel(t.Context())
		a := run(first, "a")
		synctest.Wait()
		second, stop2 := context.WithCancel(t.Context())
		c := run(second, "b")
		time.Sleep(20*time.Minute - time.Second)
		if got, want := done(), "a:00h:1"; got != want {
			t.Errorf("done %s, want %s: tenant 2 fails and b does not lead", got, want)
		}
		time.Sleep(15 * time.Minute)
		if got, want := done(), "a:00h:1 a:00h:2"; got != want {
			t.Errorf("done %s, want %s: what failed is tried again", got, want)
		}
		stop()
		if err := <-a; err != nil {
			t.Errorf("runner a ended with %v", err)
		}
		b.mu.Lock()
		broken = false
		b.mu.Unlock()
		time.Sleep(90 * time.Minute)
		if got, want := done(), "a:00h:1 a:00h:2 b:01h:1 b:01h:2 b:02h:1 b:02h:2"; got != want {
			t.Errorf("done %s, want %s: b leads now and repeats nothing", got, want)
		}
		stop2()
		if err := <-c; err != nil {
			t.Errorf("runner b ended with %v", err)
		}
	})
}

func TestWorkWithoutPeriodIsDoneAtEveryTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{done: map[string]bool{}}
		n := 0
		ctx, stop := context.WithCancel(t.Context())
		r := job.NewRunner(b, "a", time.Now, nil, job.Task[*boardTx]{Name: "sweep", Do: func(*boardTx, time.Time) error { n++; return nil }})
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(time.Minute - time.Second)
		b.mu.Lock()
		if n != 6 { // two tenants, at 0, 20 and 40 s
			t.Errorf("swept %d times in a minute, want 6", n)
		}
		b.mu.Unlock()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("runner ended with %v", err)
		}
		if b.until.After(time.Now()) {
			t.Error("the lead was not given back")
		}
	})
}
