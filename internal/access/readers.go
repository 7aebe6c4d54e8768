package access

import (
	"sync"

	"github.com/paywatt/paywatt/internal/id"
)

// Readers limits the open event streams: in all, of one API key, and of one person with all keys and pages.
type Readers struct {
	all int

	mu   sync.Mutex
	open int
	by   map[id.ID]int
}

// Limits of open event streams.
const (
	MaxOfKey    = 8
	MaxOfPerson = 32
)

// NewReaders makes the limits, with at most all streams together.
func NewReaders(all int) *Readers { return &Readers{all: all, by: map[id.ID]int{}} }

// Enter admits a stream of the actor. The function leave ends it; ok is false if the stream would be one too many.
func (r *Readers) Enter(by Actor) (leave func(), ok bool) {
	most := map[id.ID]int{by.ID: MaxOfKey}
	if by.Kind == Person {
		most[by.ID] = MaxOfPerson
	} else if by.Vendor.IsZero() && !by.Answers.IsZero() {
		most[by.Answers] = MaxOfPerson // a vendor's keys are not their maker's
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open >= r.all {
		return nil, false
	}
	for who, n := range most {
		if r.by[who] >= n {
			return nil, false
		}
	}
	r.count(most, 1)
	var once sync.Once
	return func() {
		once.Do(func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.count(most, -1)
		})
	}, true
}

func (r *Readers) count(whose map[id.ID]int, n int) {
	r.open += n
	for who := range whose {
		if r.by[who] += n; r.by[who] == 0 {
			delete(r.by, who)
		}
	}
}
