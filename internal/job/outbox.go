package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
)

// Limits of a worker.
const (
	claimBatch  = 100             // items of one tenant taken at once
	pollEvery   = time.Second     // how often a worker looks unasked
	restFactor  = 4               // for how many times the look took a worker rests after it: the store is there for sales first
	troublePoll = 5 * time.Second // how long it waits when the store would not have it
	MaxAttempts = 1000            // after which an item is given up; with the pauses of [Pause] that is months
	maxError    = 500             // bytes of an error that are kept with the item
)

// HoldFor is how long a claim protects an item; a worker that died gives it free after that.
const HoldFor = 2 * time.Minute

// LongestPause is the longest that an item is put back for, by [Pause].
const LongestPause = 2 * time.Hour

// Pause is how long to wait for an answer after the nth sending, counted from 0: 1 min, 5 min, 30 min, then 2 h
// (docs/reference/datapath.md#from-the-outbox-to-the-meter).
func Pause(n int) time.Duration {
	pauses := [...]time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, LongestPause}
	return pauses[max(0, min(n, len(pauses)-1))]
}

// Verdict is what became of one item. The zero value is no verdict and puts the item back.
type Verdict struct {
	done  bool
	dead  bool
	next  time.Time
	cause string
}

// Done removes the item: its receiver needs nothing more.
func Done() Verdict { return Verdict{done: true} }

// Again puts the item back until next; why is kept with it for whoever looks.
func Again(next time.Time, why string) Verdict { return Verdict{next: next, cause: why} }

// Dead gives the item up for good. It stays readable and the ones behind it move on.
func Dead(why string) Verdict { return Verdict{dead: true, cause: why} }

// String is the verdict in words, for logs.
func (v Verdict) String() string {
	switch {
	case v.done:
		return "done"
	case v.dead:
		return "dead: " + v.cause
	case v == (Verdict{}):
		return "no verdict"
	}
	return "again at " + v.next.UTC().Format(time.RFC3339) + ": " + v.cause
}

// Sender carries out the items of a lane. An error puts the item back with a growing pause.
type Sender interface {
	Send(ctx context.Context, t access.Tenant, c Claim) (Verdict, error)
}

// OutboxTx is what a worker needs of a transaction.
type OutboxTx interface {
	// Tenants lists all tenants, whatever the transaction's own.
	Tenants() ([]access.Tenant, error)
	OutboxClaim(lane, host, owner string, until time.Time, max int) ([]Claim, error)
	OutboxDone(item id.ID, owner string) (bool, error)
	OutboxRetry(item id.ID, owner string, next time.Time, why string) (bool, error)
	OutboxDead(item id.ID, owner, why string) (bool, error)
	OutboxWake(lane, key string) error
	OutboxNext(lane, host string) (time.Time, bool, error)
}

// OutboxConfig is what a worker needs; every field but Host and Log is required.
type OutboxConfig struct {
	Door   access.Door[OutboxTx]
	Lane   string
	Owner  string // names this worker among all instances
	Host   string // the instance whose connections the items need; empty where it is the only one
	Sender Sender
	Now    func() time.Time
	Log    *slog.Logger // nil: nothing is logged
}

// Outbox is the worker of one lane. One goroutine does all of it, so that a receiver who connects while its item is
// being put back is always woken after that, never before.
type Outbox struct {
	c    OutboxConfig
	bell chan struct{}
	took time.Duration // by the last look to find out whether anything is due

	mu    sync.Mutex
	awake map[receiver]struct{} // who has connected since the last look
}

type receiver struct {
	tenant access.Tenant
	key    string
}

// NewOutbox makes a worker; Run starts it.
func NewOutbox(c OutboxConfig) *Outbox {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Outbox{c: c, bell: make(chan struct{}, 1), awake: make(map[receiver]struct{})}
}

// Kick makes the worker look at once: something has just been committed. It never blocks.
func (o *Outbox) Kick() {
	select {
	case o.bell <- struct{}{}:
	default:
	}
}

// Wake makes everything that waits for a receiver due at once: it has just connected. A meter is named by its number
// and gets its tokens and its orders. Wake never blocks.
func (o *Outbox) Wake(t access.Tenant, name string) {
	o.mu.Lock()
	keys := []string{name}
	if o.c.Lane == LaneMQTT {
		keys = KeysOf(name)
	}
	for _, key := range keys {
		o.awake[receiver{t, key}] = struct{}{}
	}
	o.mu.Unlock()
	o.Kick()
}

// Run carries out items until ctx ends. A store that refuses is asked again; Run itself never gives up.
func (o *Outbox) Run(ctx context.Context) error {
	for {
		wait, err := o.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			o.c.Log.Warn("outbox run failed", logkey.Lane, o.c.Lane, logkey.Err, err)
			wait = troublePoll
		}
		if !o.rest(ctx) {
			return nil
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		case <-o.bell:
			t.Stop()
		}
	}
}

// rest makes looking cheap however much waits for receivers that are away: every sale rings the bell, and where a look
// takes long, one for several of them is enough. It is false when ctx has ended.
func (o *Outbox) rest(ctx context.Context) bool {
	t := time.NewTimer(min(restFactor*o.took, pollEvery)) // a clock that is set must not stop it
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// look serves everything that is due in every tenant and tells how long there is nothing to do.
func (o *Outbox) look(ctx context.Context) (time.Duration, error) {
	o.took = 0
	if err := o.wakeAll(ctx); err != nil {
		return 0, err
	}
	tenants, err := access.Look(ctx, o.c.Door, 0, func(tx OutboxTx) ([]access.Tenant, error) { return tx.Tenants() })
	if err != nil {
		return 0, fmt.Errorf("list tenants: %w", err)
	}
	wait := pollEvery
	for _, t := range tenants {
		next, waits, err := o.next(ctx, t)
		if err != nil {
			return 0, err
		}
		if !waits {
			continue
		}
		if d := next.Sub(o.c.Now()); d > 0 {
			wait = min(wait, d)
			continue
		}
		n, err := o.serve(ctx, t)
		if err != nil {
			return 0, err
		}
		if n > 0 {
			wait = 0 // perhaps there is more
		}
	}
	return wait, nil
}

func (o *Outbox) next(ctx context.Context, t access.Tenant) (next time.Time, waits bool, err error) {
	began := o.c.Now()
	defer func() { o.took += o.c.Now().Sub(began) }()
	err = o.c.Door.View(ctx, t, func(tx OutboxTx) (err error) { next, waits, err = tx.OutboxNext(o.c.Lane, o.c.Host); return err })
	return next, waits, err
}

// wakeAll makes due what waits for receivers that have connected. On an error they stay to be woken.
func (o *Outbox) wakeAll(ctx context.Context) error {
	o.mu.Lock()
	awake := o.awake
	o.awake = make(map[receiver]struct{})
	o.mu.Unlock()
	keys := make(map[access.Tenant][]string)
	for r := range awake {
		keys[r.tenant] = append(keys[r.tenant], r.key)
	}
	var errs []error
	for t, all := range keys {
		for len(all) > 0 {
			some := all[:min(len(all), claimBatch)]
			all = all[len(some):]
			err := o.c.Door.Do(ctx, t, func(tx OutboxTx) (bool, error) {
				for _, k := range some {
					if err := tx.OutboxWake(o.c.Lane, k); err != nil {
						return false, err
					}
				}
				return false, nil
			})
			if err != nil {
				errs = append(errs, err)
				o.keepAwake(t, some)
			}
		}
	}
	return errors.Join(errs...)
}

func (o *Outbox) keepAwake(t access.Tenant, keys []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, k := range keys {
		o.awake[receiver{t, k}] = struct{}{}
	}
}

// serve claims what is due in one tenant, sends it, notes what became of it, and tells how much it was.
func (o *Outbox) serve(ctx context.Context, t access.Tenant) (int, error) {
	var claims []Claim
	err := o.c.Door.Do(ctx, t, func(tx OutboxTx) (_ bool, err error) {
		claims, err = tx.OutboxClaim(o.c.Lane, o.c.Host, o.c.Owner, o.c.Now().Add(HoldFor), claimBatch)
		return false, err
	})
	if err != nil || len(claims) == 0 {
		return 0, err
	}
	verdicts := make([]Verdict, len(claims))
	for i, c := range claims {
		verdicts[i] = o.send(ctx, t, c)
		if ctx.Err() != nil {
			claims, verdicts = claims[:i+1], verdicts[:i+1] // the rest is free again when the hold has passed
			break
		}
	}
	// What was sent must be noted even if the program is ending.
	err = o.c.Door.Do(context.WithoutCancel(ctx), t, func(tx OutboxTx) (bool, error) {
		for i, c := range claims {
			if err := o.note(tx, c, verdicts[i]); err != nil {
				return false, err
			}
		}
		return false, nil
	})
	if err != nil {
		return 0, fmt.Errorf("record what was sent: %w", err)
	}
	return len(claims), nil
}

// send carries out one item; trouble becomes a pause, and too much of it the end.
func (o *Outbox) send(ctx context.Context, t access.Tenant, c Claim) Verdict {
	v, err := o.c.Sender.Send(ctx, t, c)
	if err != nil {
		o.c.Log.Warn("item was not sent", logkey.Lane, c.Lane, logkey.Meter, c.Key, logkey.Kind, c.Kind, logkey.Err, err)
		v = Again(o.c.Now().Add(Pause(c.Attempts)), err.Error())
	}
	if v == (Verdict{}) {
		v = Again(o.c.Now().Add(Pause(c.Attempts)), "no verdict")
	}
	if !v.done && !v.dead && c.Attempts+1 >= MaxAttempts {
		v = Dead(fmt.Sprintf("given up after %d attempts: %s", c.Attempts+1, v.cause))
	}
	if v.dead {
		o.c.Log.Error("item was given up", logkey.Lane, c.Lane, logkey.Meter, c.Key, logkey.Kind, c.Kind, logkey.Reason, v.cause)
	}
	return v
}

// note writes one verdict. An item that is gone was answered in the meantime, which is what was wanted.
func (o *Outbox) note(tx OutboxTx, c Claim, v Verdict) (err error) {
	why := v.cause
	if len(why) > maxError {
		why = why[:maxError]
	}
	switch {
	case v.done:
		_, err = tx.OutboxDone(c.ID, o.c.Owner)
	case v.dead:
		_, err = tx.OutboxDead(c.ID, o.c.Owner, why)
	default:
		_, err = tx.OutboxRetry(c.ID, o.c.Owner, v.next, why)
	}
	return err
}
