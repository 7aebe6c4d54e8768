package notify_test

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
)

// What follows is what a transaction of a sale has beside.

func (h *hall) AddresseeOf(int64) (notify.Addressee, bool, error) { return h.NoticeTo(meterA) }
func (h *hall) SaleTold(_, _ id.ID) (bool, error)                 { return true, nil }
func (h *hall) MessagesForget(before time.Time, most int, purposes ...notify.Purpose) (int, error) {
	h.writes("forget %d %q of %s before", most, purposes, h.now.Sub(before))
	return 0, nil
}
