package vending

import (
	"sync"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// flight identifies a sale for which this process is asking the issuer. It does so by the vendor's reference.
type flight struct {
	tenant access.Tenant
	vendor id.ID
	ref    string
}

// flights keeps impatient repetitions from all asking the issuer at once. The first request for a reference asks; later requests are told
// that the sale is running. This is a courtesy, not a safeguard: if two requests both ask, they get the same token, and only one of them
// completes the sale.
type flights struct {
	mu  sync.Mutex
	now map[flight]bool
}

// enter reports whether the caller got the flight. If so, it must call leave.
func (f *flights) enter(x flight) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now[x] {
		return false
	}
	if f.now == nil {
		f.now = make(map[flight]bool)
	}
	f.now[x] = true
	return true
}

func (f *flights) leave(x flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.now, x)
}
