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
	claimBatch  = 100             // items of one tenant claimed at once
	pollEvery   = time.Second     // time between two polls of a worker that is not woken
	restFactor  = 4               // a worker rests for this many times the duration of its last look, because sales come first in the store
	troublePoll = 5 * time.Second // time that a worker waits after an error of the store
	MaxAttempts = 1000            // number of tries after which an item is given up; with the pauses of [Pause] that takes months
	maxError    = 500             // bytes of an error that are stored with the item
)

// HoldFor is the time for which a claim protects an item. After that time, the item of a dead worker is free again.
const HoldFor = 2 * time.Minute

// LongestPause is the longest pause of [Pause].
const LongestPause = 2 * time.Hour

// Pause returns how long to wait for an answer after sending number n, counted from 0: 1 min, 5 min, 30 min, then 2 h
// (docs/reference/datapath.md#from-the-outbox-to-the-meter).
func Pause(n int) time.Duration {
	pauses := [...]time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, LongestPause}
	return pauses[max(0, min(n, len(pauses)-1))]
}

// Verdict is the outcome of one item. The zero value means no verdict and puts the item back.
type Verdict struct {
	done  bool
	dead  bool
	next  time.Time
	cause string
}

// Done removes the item: its receiver needs nothing more.
func Done() Verdict { return Verdict{done: true} }

// Again puts the item back until a time and stores the reason.
func Again(next time.Time, why string) Verdict { return Verdict{next: next, cause: why} }

// Dead gives the item up for good. It stays readable, and the items behind it move on.
func Dead(why string) Verdict { return Verdict{dead: true, cause: why} }

// String returns the verdict in words, for logs.
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

// OutboxTx is the part of a transaction that a worker needs.
type OutboxTx interface {
	// Tenants lists all tenants, not only the tenant of the transaction.
	Tenants() ([]access.Tenant, error)
	OutboxClaim(lane, host, owner string, until time.Time, max int) ([]Claim, error)
	OutboxDone(item id.ID, owner string) (bool, error)
	OutboxRetry(item id.ID, owner string, next time.Time, why string) (bool, error)
	OutboxDead(item id.ID, owner, why string) (bool, error)
	OutboxWake(lane, key string) error
	OutboxNext(lane, host string) (time.Time, bool, error)
}

// OutboxConfig configures an Outbox; every field but Host and Log is required.
type OutboxConfig struct {
	Door   access.Door[OutboxTx]
	Lane   string
	Owner  string // names this worker among all instances
	Host   string // the instance whose connections the items need; empty if only one instance runs
	Sender Sender
	// Workers is how many items are carried out at the same time, each with another key, so that a slow one delays no other; 0 for one. A lane
	// with more than one has nothing to Wake.
	Workers int
	// Every is the time between two polls of the worker if it is not woken; 0 means a second.
	Every time.Duration
	Now   func() time.Time
	Log   *slog.Logger // nil: nothing is logged
}

// Outbox is the worker of one lane. One goroutine looks for work, so it never wakes an item and puts it back at the same time. If a receiver
// connects while its item is being put back, the wake comes afterwards. In the other order, the item would be delayed again.
type Outbox struct {
	c     OutboxConfig
	bell  chan struct{}
	took  time.Duration  // duration of the last check for due items
	slots chan struct{}  // one for each item that is carried out, if there are several workers
	flown sync.WaitGroup // of these items

	mu    sync.Mutex
	awake map[receiver]struct{} // receivers that connected since the last look
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
	if c.Every == 0 {
		c.Every = pollEvery
	}
	o := &Outbox{c: c, bell: make(chan struct{}, 1), awake: make(map[receiver]struct{})}
	if c.Workers > 1 {
		o.slots = make(chan struct{}, c.Workers)
	}
	return o
}

// Kick wakes the worker at once, because something has just been committed. It never blocks.
func (o *Outbox) Kick() {
	select {
	case o.bell <- struct{}{}:
	default:
	}
}

// Wake makes everything for a receiver due at once, because it has just connected. A meter is named by its number and gets
// its tokens and its commands. Wake never blocks.
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

// Run carries out items until ctx ends. After an error of the store it tries again; Run itself never gives up.
func (o *Outbox) Run(ctx context.Context) error {
	defer o.flown.Wait()
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

// rest waits between two looks, so that polling stays cheap even if many items wait for absent receivers. Every sale kicks the worker; if a
// look takes long, one look for several kicks is enough. It returns false when ctx has ended.
func (o *Outbox) rest(ctx context.Context) bool {
	t := time.NewTimer(min(restFactor*o.took, pollEvery)) // a timer, because a change of the clock does not stop it
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// look serves all due items of every tenant. It returns the time until more work may be due.
func (o *Outbox) look(ctx context.Context) (time.Duration, error) {
	o.took = 0
	if err := o.wakeAll(ctx); err != nil {
		return 0, err
	}
	tenants, err := access.Look(ctx, o.c.Door, 0, func(tx OutboxTx) ([]access.Tenant, error) { return tx.Tenants() })
	if err != nil {
		return 0, fmt.Errorf("list tenants: %w", err)
	}
	wait := o.c.Every
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
			wait = 0 // more items may be due
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

// wakeAll makes due the items that wait for receivers that have connected. After an error the receivers stay in the list.
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

// serve claims the due items of one tenant, sends them and stores the outcomes. It returns how many items it claimed or, with one worker, sent.
func (o *Outbox) serve(ctx context.Context, t access.Tenant) (int, error) {
	var claims []Claim
	err := o.c.Door.Do(ctx, t, func(tx OutboxTx) (_ bool, err error) {
		claims, err = tx.OutboxClaim(o.c.Lane, o.c.Host, o.c.Owner, o.c.Now().Add(HoldFor), claimBatch)
		return false, err
	})
	if err != nil || len(claims) == 0 {
		return 0, err
	}
	if o.slots != nil {
		return len(claims), o.spread(ctx, t, claims)
	}
	verdicts := make([]Verdict, len(claims))
	for i, c := range claims {
		verdicts[i] = o.send(ctx, t, c)
		if ctx.Err() != nil {
			claims, verdicts = claims[:i+1], verdicts[:i+1] // the other items are free again when their claim ends
			break
		}
	}
	return len(claims), o.record(ctx, t, claims, verdicts)
}

// spread begins every claimed item as soon as a worker is free. Each outcome is stored by itself.
func (o *Outbox) spread(ctx context.Context, t access.Tenant, claims []Claim) error {
	for _, c := range claims {
		select {
		case o.slots <- struct{}{}:
		case <-ctx.Done():
			return nil // the other items are free again when their claim ends
		}
		o.flown.Go(func() {
			v := o.send(ctx, t, c)
			if err := o.record(ctx, t, []Claim{c}, []Verdict{v}); err != nil && ctx.Err() == nil {
				o.c.Log.Warn("outbox run failed", logkey.Lane, o.c.Lane, logkey.Err, err)
			}
			<-o.slots
			o.Kick() // the next item of the same key may be due
		})
	}
	return nil
}

// record stores the outcomes of items, even if the program is ending.
func (o *Outbox) record(ctx context.Context, t access.Tenant, claims []Claim, verdicts []Verdict) error {
	err := o.c.Door.Do(context.WithoutCancel(ctx), t, func(tx OutboxTx) (bool, error) {
		for i, c := range claims {
			if err := o.note(tx, c, verdicts[i]); err != nil {
				return false, err
			}
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("record what was sent: %w", err)
	}
	return nil
}

// send carries out one item. After an error the item waits for a pause; after MaxAttempts tries it is given up. What the end of the program
// interrupts is due at once for whoever sends next.
func (o *Outbox) send(ctx context.Context, t access.Tenant, c Claim) Verdict {
	v, err := o.c.Sender.Send(ctx, t, c)
	if err != nil && ctx.Err() != nil {
		return Again(o.c.Now(), err.Error())
	}
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

// note stores one verdict. If the item is gone, its answer came in the meantime, which is fine.
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
