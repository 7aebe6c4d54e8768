package guess

import (
	"sync"
	"time"
)

// Rate limits how often each of many keys does something: a few times at once, and then once per pause. It is safe for concurrent use.
type Rate[K comparable] struct {
	now   func() time.Time
	size  int
	pause time.Duration

	mu   sync.Mutex
	keys map[K]*bucket
}

// NewRate makes a Rate.
func NewRate[K comparable](size int, pause time.Duration, now func() time.Time) *Rate[K] {
	return &Rate[K]{now: now, size: size, pause: pause, keys: map[K]*bucket{}}
}

// Take reports whether the key may do it once more, and counts it.
func (r *Rate[K]) Take(key K) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return recall(r.keys, key).take(r.now(), r.size, r.pause)
}

// Spent reports whether the key may not do it now.
func (r *Rate[K]) Spent(key K) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, known := r.keys[key]
	if !known {
		return false
	}
	tried := *b
	return !tried.take(r.now(), r.size, r.pause)
}
