package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/logtest"
)

// box is an outbox in memory with the store's rules: only the first item of each key can be claimed.
type box struct {
	mu    sync.Mutex
	items []*item
	fail  error        // error of every transaction
	slow  atomic.Int64 // delay of the check for due items
	looks atomic.Int64
}

type item struct {
	job.Claim
	owner string
	until time.Time
	dead  string
	why   string
}

// Do runs a transaction, and like the store none whose context has ended.
func (b *box) Do(ctx context.Context, _ access.Tenant, fn func(job.OutboxTx) (bool, error)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := errors.Join(ctx.Err(), b.fail); err != nil {
		return err
	}
	_, err := fn(b)
	return err
}

func (b *box) View(ctx context.Context, t access.Tenant, fn func(job.OutboxTx) error) error {
	return b.Do(ctx, t, func(tx job.OutboxTx) (bool, error) { return false, fn(tx) })
}

// add enqueues an item under a key.
func (b *box) add(key, kind string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(key, kind, time.Now())
}

// put enqueues an item that is due at a time; the caller holds the lock.
func (b *box) put(key, kind string, at time.Time) {
	n := len(b.items)
	b.items = append(b.items, &item{Claim: job.Claim{ID: id.ID{15: byte(n + 1)}, Seq: int64(n), Item: job.Item{Lane: job.LaneMQTT, Key: key, Kind: kind, NextAt: at}}})
}

// state lists the items that are left.
func (b *box) state() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, i := range b.items {
		s := i.Kind
		if i.dead != "" {
			s += " dead: " + i.dead
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func (b *box) Tenants() ([]access.Tenant, error) { return []access.Tenant{1}, nil }

// first reports whether an item is the first of its key that is not given up.
func (b *box) first(i *item) bool {
	for _, p := range b.items {
		if p.Key == i.Key && p.dead == "" {
			return p == i
		}
	}
	return false
}

func (b *box) OutboxClaim(_, _, owner string, until time.Time, max int) (out []job.Claim, err error) {
	for _, i := range b.items {
		if len(out) < max && b.first(i) && !i.NextAt.After(time.Now()) && !i.until.After(time.Now()) {
			i.owner, i.until = owner, until
			out = append(out, i.Claim)
			i.Attempts++
		}
	}
	return out, nil
}

func (b *box) find(i id.ID, owner string) *item {
	for _, it := range b.items {
		if it.ID == i && it.owner == owner {
			return it
		}
	}
	return nil
}

func (b *box) OutboxDone(i id.ID, owner string) (bool, error) {
	it := b.find(i, owner)
	b.items = slices.DeleteFunc(b.items, func(x *item) bool { return x == it })
	return it != nil, nil
}

func (b *box) OutboxRetry(i id.ID, owner string, next time.Time, why string) (bool, error) {
	it := b.find(i, owner)
	if it != nil {
		it.owner, it.until, it.NextAt, it.why = "", time.Time{}, next, why
	}
	return it != nil, nil
}

func (b *box) OutboxDead(i id.ID, owner, why string) (bool, error) {
	it := b.find(i, owner)
	if it != nil {
		it.dead = why
	}
	return it != nil, nil
}

func (b *box) OutboxWake(_, key string) error {
	for _, i := range b.items {
		if i.Key == key && i.NextAt.After(time.Now()) {
			i.NextAt, i.Attempts = time.Now(), 0
		}
	}
	return nil
}

func (b *box) OutboxNext(_, _ string) (next time.Time, waits bool, err error) {
	time.Sleep(time.Duration(b.slow.Load()))
	b.looks.Add(1)
	for _, i := range b.items {
		at := i.NextAt
		if i.until.After(at) {
			at = i.until
		}
		if b.first(i) && (!waits || at.Before(next)) {
			next, waits = at, true
		}
	}
	return next, waits, nil
}

// sends is a sender that records its items with the time, and gives the answers that the test has set.
type sends struct {
	mu     sync.Mutex
	began  time.Time
	log    []string
	answer func(c job.Claim) (job.Verdict, error)
}

func (s *sends) Send(_ context.Context, _ access.Tenant, c job.Claim) (job.Verdict, error) {
	s.mu.Lock()
	s.log = append(s.log, fmt.Sprintf("%s@%s", c.Kind, time.Since(s.began)))
	s.mu.Unlock()
	return s.answer(c)
}

func (s *sends) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, " ")
}

// outbox runs a worker on a box inside a bubble of virtual time.
func outbox(t *testing.T, answer func(c job.Claim) (job.Verdict, error)) (*box, *sends, *job.Outbox) {
	t.Helper()
	b, s := &box{}, &sends{began: time.Now(), answer: answer}
	o := job.NewOutbox(job.OutboxConfig{Door: b, Lane: job.LaneMQTT, Owner: "w", Sender: s, Now: time.Now})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("worker ended with %v", err)
		}
	})
	return b, s, o
}

func TestItemsWaitWithGrowingPausesUntilTheyAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, o := outbox(t, func(c job.Claim) (job.Verdict, error) {
			return job.Again(time.Now().Add(job.Pause(c.Attempts)), "no answer"), nil
		})
		b.add("m1", "a")
		o.Kick()
		time.Sleep(5 * time.Hour)
		if got, want := s.all(), "a@0s a@1m0s a@6m0s a@36m0s a@2h36m0s a@4h36m0s"; got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
		b.mu.Lock()
		b.items = nil // the receiver's answer removes the item, even while a worker holds it
		b.mu.Unlock()
		time.Sleep(5 * time.Hour)
		if got := strings.Count(s.all(), "a@"); got != 6 {
			t.Errorf("sent %d times, want 6: an answered item is never sent again", got)
		}
	})
}

func TestOrderIsKeptPerKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := map[string]bool{"b1": true}
		var mu sync.Mutex
		b, s, o := outbox(t, func(c job.Claim) (job.Verdict, error) {
			mu.Lock()
			defer mu.Unlock()
			if answered[c.Kind] {
				return job.Done(), nil
			}
			return job.Again(time.Now().Add(time.Minute), "no answer"), nil
		})
		b.add("m1", "a1")
		b.add("m1", "a2")
		b.add("m2", "b1")
		b.add("m2", "b2")
		o.Kick()
		time.Sleep(90 * time.Second)
		if got, want := s.all(), "a1@0s b1@0s b2@0s a1@1m0s b2@1m0s"; got != want {
			t.Errorf("sent %s, want %s: what is behind an unanswered item waits", got, want)
		}
		mu.Lock()
		answered["a1"], answered["a2"], answered["b2"] = true, true, true
		mu.Unlock()
		time.Sleep(time.Minute)
		if got := b.state(); got != "" {
			t.Errorf("left over: %s, want nothing", got)
		}
	})
}

// TestASlowItemDelaysOnlyItsKey: with several workers, items of other keys go on, and the order of each key is kept. When the worker ends, the
// outcome of what was sent is stored.
func TestASlowItemDelaysOnlyItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := &box{}, &sends{began: time.Now(), answer: func(c job.Claim) (job.Verdict, error) {
			if strings.HasPrefix(c.Kind, "slow") {
				time.Sleep(20 * time.Second)
			}
			return job.Done(), nil
		}}
		o := job.NewOutbox(job.OutboxConfig{Door: b, Lane: job.LanePayment, Owner: "w", Sender: s, Workers: 3, Now: time.Now})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		for _, i := range []string{"a slow1", "a slow2", "b slow3", "c c1", "c c2", "d d1", "e e1"} {
			key, kind, _ := strings.Cut(i, " ")
			b.add(key, kind)
		}
		go func() { ended <- o.Run(ctx) }()
		time.Sleep(10 * time.Second)
		if got, want := b.state(), "slow1, slow2, slow3"; got != want {
			t.Errorf("after 10 seconds there are %s, want %s", got, want)
		}
		time.Sleep(15 * time.Second)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := b.state(); got != "" {
			t.Errorf("left over: %s, want nothing", got)
		}
		if got := s.all(); !strings.HasSuffix(got, "slow2@20s") || strings.Index(got, "c1@0s") > strings.Index(got, "c2@0s") {
			t.Errorf("sent %s", got)
		}
	})
}

// TestSalesDoNotMakeTheWorkerLookAllTheTime kicks the worker at every sale. If the check takes long, because many items wait for absent
// receivers, the worker must rest for a multiple of that time.
func TestSalesDoNotMakeTheWorkerLookAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, o := outbox(t, func(job.Claim) (job.Verdict, error) { return job.Done(), nil })
		time.Sleep(10 * time.Second) // the first look has found no item
		b.slow.Store(int64(50 * time.Millisecond))
		before := b.looks.Load()
		for range 1000 {
			o.Kick()
			time.Sleep(time.Millisecond)
		}
		if got := b.looks.Load() - before; got < 2 || got > 6 {
			t.Errorf("%d looks of 50 ms in a second, want about 4", got)
		}
		time.Sleep(10 * time.Second)
		b.slow.Store(0)
		time.Sleep(time.Second)
		b.add("m1", "a")
		o.Kick()
		synctest.Wait()
		if !strings.HasPrefix(s.all(), "a@") {
			t.Error("an item that is due was not sent at once where looking takes no time")
		}
	})
}

func TestReceiverThatConnectsIsServedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, o := outbox(t, func(job.Claim) (job.Verdict, error) { return job.Again(time.Now().Add(6*time.Hour), "offline"), nil })
		b.add("m1", "a")
		b.add(job.CommandKey("m1"), "c")
		b.add("m2", "b")
		o.Kick()
		time.Sleep(time.Hour)
		o.Wake(1, "m1")
		synctest.Wait()
		if got, want := s.all(), "a@0s c@0s b@0s a@1h0m0s c@1h0m0s"; got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	})
}

// A receiver connects while the worker is putting its item back, to be tried again hours later. The wake must not be lost.
func TestConnectingWhileTheItemIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o *job.Outbox
		n := 0
		b, s, worker := outbox(t, func(job.Claim) (job.Verdict, error) {
			if n++; n == 1 {
				o.Wake(1, "m1")
			}
			return job.Again(time.Now().Add(6*time.Hour), "offline"), nil
		})
		o = worker
		b.add("m1", "a")
		o.Kick()
		synctest.Wait()
		if got, want := s.all(), "a@0s a@0s"; got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	})
}

func TestTroubleIsTriedAgainAndEndsOneDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, o := outbox(t, func(c job.Claim) (job.Verdict, error) {
			switch c.Kind {
			case "broken":
				return job.Verdict{}, errors.New("no key")
			case "hopeless":
				return job.Dead("nobody there"), nil
			}
			return job.Verdict{}, nil // a sender that returns no verdict
		})
		b.add("m1", "broken")
		b.add("m2", "hopeless")
		b.add("m2", "mute")
		o.Kick()
		time.Sleep(30 * time.Second)
		if got, want := b.state(), "broken, hopeless dead: nobody there, mute"; got != want {
			t.Errorf("outbox has %s, want %s", got, want)
		}
		if got, want := s.all(), "broken@0s hopeless@0s mute@0s"; got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
		b.mu.Lock()
		for _, i := range b.items {
			i.Attempts += job.MaxAttempts - 3 // as if months had passed
		}
		b.mu.Unlock()
		time.Sleep(5 * time.Hour)
		if got, want := b.state(), "broken dead: given up after 1000 attempts: no key, hopeless dead: nobody there, mute dead: given up after 1000 attempts: no verdict"; got != want {
			t.Errorf("outbox has %s, want %s", got, want)
		}
	})
}

func TestStoreThatRefusesIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, o := outbox(t, func(job.Claim) (job.Verdict, error) { return job.Done(), nil })
		b.mu.Lock()
		b.fail = errors.New("read-only")
		b.mu.Unlock()
		o.Wake(1, "m1")
		time.Sleep(time.Minute)
		b.mu.Lock()
		b.fail = nil
		b.put("m1", "a", time.Now().Add(time.Hour)) // due in an hour, unless the failed wake is repeated
		b.mu.Unlock()
		time.Sleep(10 * time.Second)
		if got := strings.Count(s.all(), "a@"); got != 1 {
			t.Errorf("sent %q, want a once: the wake was not forgotten", s.all())
		}
	})
}

// interrupted is a sender that works until the program ends.
type interrupted struct{}

func (interrupted) Send(ctx context.Context, _ access.Tenant, _ job.Claim) (job.Verdict, error) {
	<-ctx.Done()
	return job.Verdict{}, fmt.Errorf("nothing was written: %w", context.Cause(ctx))
}

// TestWhatTheEndInterruptsIsDueAtOnce: the end of the program is no fault of an item. Nothing is logged, the last attempt does not give the item
// up, and another server may send it at once. This holds for one worker and for several.
func TestWhatTheEndInterruptsIsDueAtOnce(t *testing.T) {
	for _, workers := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			b := &box{}
			b.add("m1", "a")
			b.items[0].Attempts = job.MaxAttempts
			c := job.OutboxConfig{Door: b, Lane: job.LaneMQTT, Owner: "w", Sender: interrupted{},
				Workers: workers, Now: time.Now, Log: logtest.New(t)}
			o := job.NewOutbox(c)
			ctx, stop := context.WithCancelCause(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- o.Run(ctx) }()
			time.Sleep(time.Minute)
			stop(errors.New("terminated"))
			if err := <-ended; err != nil {
				t.Errorf("the worker ended with %v", err)
			}
			if i := b.items[0]; i.dead != "" || i.owner != "" || i.NextAt.After(time.Now()) {
				t.Errorf("%d workers: the item is owned by %q, due at %s, dead: %q; want it free and due", workers, i.owner, i.NextAt, i.dead)
			}
		})
	}
}
