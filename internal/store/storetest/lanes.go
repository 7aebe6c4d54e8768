package storetest

import (
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
)

func laneTests() []test {
	return []test{
		{"sales go before readings before jobs", lanesInOrder},
		{"a lane keeps the order of its callers", laneOrder},
	}
}

func lanesInOrder(t *testing.T, r Rig) {
	e := r.Open(t)
	release := stalled(t, e)
	var ran []store.Lane // the writer runs one closure at a time
	note := func(l store.Lane) func(*store.Tx) (value, error) {
		return func(*store.Tx) (value, error) {
			ran = append(ran, l)
			return value{}, nil
		}
	}
	var waiting []<-chan outcome
	for i, l := range []store.Lane{store.Job, store.Reading, store.Job, store.Sale, store.Reading, store.Sale} {
		waiting = append(waiting, start(e, l, note(l)))
		queued(t, r, e, i+1)
	}
	release()
	for _, w := range waiting {
		if got := <-w; got.err != nil {
			t.Error(got.err)
		}
	}
	want := []store.Lane{store.Sale, store.Sale, store.Reading, store.Reading, store.Job, store.Job}
	long := []store.Lane{store.Sale, store.Sale, store.Reading, store.Job, store.Reading, store.Job} // a commit that takes long has one piece of work of each lower lane
	if !slices.Equal(ran, want) && !slices.Equal(ran, long) {
		t.Errorf("lanes ran in order %v, want %v or, on a slow machine, %v", ran, want, long)
	}
}

func laneOrder(t *testing.T, r Rig) {
	e := r.Open(t)
	release := stalled(t, e)
	var waiting []<-chan outcome
	for i := range 5 {
		waiting = append(waiting, start(e, store.Sale, take("a")))
		queued(t, r, e, i+1)
	}
	release()
	for i, w := range waiting {
		if got := <-w; got.err != nil || got.v.n != int64(i+1) {
			t.Errorf("caller %d got number %d, %v", i+1, got.v.n, got.err)
		}
	}
}
