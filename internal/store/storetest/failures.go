package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
)

// failures tests the promises of Do and View when something fails.
func failures() []test {
	return []test{
		{"a panic is a broken invariant of its own closure", panicIsOwn},
		{"a commit that errs and did not happen is unknown", func(t *testing.T, r Rig) { unknown(t, r, Undone) }},
		{"a commit that errs and did happen is unknown", func(t *testing.T, r Rig) { unknown(t, r, Happened) }},
		{"a full disk is certain and passes", fullDisk},
		{"a caller that gives up while waiting changed nothing", givesUp},
		{"a caller that gives up too late gets the outcome", givesUpLate},
		{"nothing is taken after Close", afterClose},
	}
}

func panicIsOwn(t *testing.T, r Rig) {
	e := r.Open(t)
	release := stalled(t, e)
	before := start(e, store.Sale, take("before"))
	queued(t, r, e, 1)
	panicking := start(e, store.Sale, func(tx *store.Tx) (value, error) {
		if _, err := tx.Take("panicking"); err != nil {
			return value{}, err
		}
		var postings []ledger.Posting
		return value{n: int64(postings[3].Amount)}, nil
	})
	queued(t, r, e, 2)
	after := start(e, store.Sale, take("after"))
	queued(t, r, e, 3)
	release()
	if b, a := <-before, <-after; b.err != nil || a.err != nil {
		t.Errorf("the neighbours of a panic: %v and %v, want no errors", b.err, a.err)
	}
	got := <-panicking
	wantErr(t, "the panicking closure", got.err, store.ErrInvariant)
	for name, want := range map[string]int64{"before": 1, "panicking": 0, "after": 1} {
		if got := look(t, e, counter(name)); got != want {
			t.Errorf("counter %s = %d, want %d", name, got, want)
		}
	}
	wantErr(t, "health after a panic", e.Health(), store.ErrInvariant)
	if _, err := do(e, take("later")); err != nil {
		t.Errorf("writing after a panic of somebody else: %v", err)
	}
	err := e.View(context.Background(), store.FirstTenant, func(*store.Tx) error { panic("in a view") })
	wantErr(t, "a panicking view", err, store.ErrInvariant)
	if got := look(t, e, counter("later")); got != 1 {
		t.Errorf("reading after a panicking view: %d, want 1", got)
	}
}

func unknown(t *testing.T, r Rig, how Failure) {
	e := r.Open(t)
	release := stalled(t, e)
	var once sync.Once
	writing := start(e, store.Sale, func(tx *store.Tx) (value, error) {
		once.Do(func() { r.FailCommit(e, how, 0) }) // not before: on a slow machine the closure that keeps the writer busy has a commit of its own
		return take("a")(tx)
	})
	queued(t, r, e, 1)
	refusing := start(e, store.Sale, func(tx *store.Tx) (value, error) { return value{refused: true}, nil })
	queued(t, r, e, 2)
	release()
	got := <-writing
	wantErr(t, "the closure of the failed commit", got.err, store.ErrOutcomeUnknown)
	if errors.Is(got.err, store.ErrReadOnly) || errors.Is(got.err, store.ErrFull) {
		t.Errorf("an unknown outcome also says that nothing was written: %v", got.err)
	}
	if got.v.n != 0 {
		t.Errorf("a value came out of an unknown outcome: %d", got.v.n)
	}
	if r.Alone {
		if err := (<-refusing).err; err != nil {
			t.Errorf("the refusal behind the failed commit: %v", err)
		}
	} else {
		// The refusal may depend on another closure's writes in the same commit, so both outcomes are unknown.
		wantErr(t, "the refusal behind the failed commit", (<-refusing).err, store.ErrOutcomeUnknown)
		wantErr(t, "health", e.Health(), store.ErrOutcomeUnknown)
		_, err := do(e, take("a"))
		wantErr(t, "the next closure", err, store.ErrReadOnly)
	}
	want := int64(0)
	if how == Happened {
		want = 1
	}
	if got := look(t, e, counter("a")); got != want {
		t.Errorf("reading after an unknown outcome: %d, want %d", got, want)
	}
}

func fullDisk(t *testing.T, r Rig) {
	e := r.Open(t)
	r.FailCommit(e, Full, 0)
	v, err := do(e, take("a"))
	wantErr(t, "the closure on the full disk", err, store.ErrFull)
	if errors.Is(err, store.ErrOutcomeUnknown) || v.n != 0 {
		t.Errorf("a full disk is certain: got %d, %v", v.n, err)
	}
	if got := look(t, e, counter("a")); got != 0 {
		t.Errorf("the full disk took %d, want 0", got)
	}
	if v, err := do(e, take("a")); err != nil || v.n != 1 {
		t.Errorf("with room again: got %d, %v; want 1", v.n, err)
	}
}

func givesUp(t *testing.T, r Rig) {
	e := r.Open(t)
	release := stalled(t, e)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := Do(ctx, e, store.FirstTenant, store.Sale, take("a"))
		done <- err
	}()
	queued(t, r, e, 1)
	cancel()
	wantErr(t, "giving up while waiting", <-done, context.Canceled)
	release()
	if got := look(t, e, counter("a")); got != 0 {
		t.Errorf("a closure ran whose caller had given up: counter %d", got)
	}
}

func givesUpLate(t *testing.T, r Rig) {
	e := r.Open(t)
	letThrough(e) // the closure cancels its caller
	ctx, cancel := context.WithCancel(context.Background())
	v, err := Do(ctx, e, store.FirstTenant, store.Sale, func(tx *store.Tx) (value, error) {
		cancel()
		return take("a")(tx)
	})
	if err != nil || v.n != 1 {
		t.Errorf("giving up while the closure ran: got %d, %v; want 1, because it was committed", v.n, err)
	}
	if got := look(t, e, counter("a")); got != 1 {
		t.Errorf("counter %d, want 1", got)
	}
}

func afterClose(t *testing.T, r Rig) {
	e := r.Open(t)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := do(e, take("a"))
	wantErr(t, "Do", err, store.ErrClosed)
	err = e.View(context.Background(), store.FirstTenant, func(*store.Tx) error { return nil })
	wantErr(t, "View", err, store.ErrClosed)
	wantErr(t, "Health", e.Health(), store.ErrClosed)
	if err := e.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}
