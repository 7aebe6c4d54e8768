package network

import (
	"context"
	"slices"
	"sync"
)

// history remembers the newest entries of a list that only grows, and wakes the callers that wait for more entries.
type history[T any] struct {
	max int // maximum number of entries

	mu      sync.Mutex
	n       uint64 // entries so far: they are numbered from 1, without gaps
	list    []T
	changed chan struct{} // closed and replaced at every entry
}

func newHistory[T any](most int) *history[T] {
	return &history[T]{max: most, changed: make(chan struct{})}
}

// add appends an entry. Its parameter is a function that makes the entry from the entry's number.
func (h *history[T]) add(entry func(n uint64) T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
	if len(h.list) == h.max {
		h.list = append(h.list[:0:0], h.list[h.max/2:]...)
	}
	h.list = append(h.list, entry(h.n))
	close(h.changed)
	h.changed = make(chan struct{})
}

// since returns the entries after a number that are still remembered, and a channel that is closed at the next entry.
func (h *history[T]) since(after uint64) ([]T, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news := h.n - min(after, h.n)
	return slices.Clone(h.list[len(h.list)-int(min(news, uint64(len(h.list)))):]), h.changed
}

// wait waits for entries after a number; it returns none if ctx ends first.
func (h *history[T]) wait(ctx context.Context, after uint64) []T {
	for {
		out, changed := h.since(after)
		if len(out) > 0 {
			return out
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}
