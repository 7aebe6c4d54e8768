package smpp

import (
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// Limits of what is remembered to tell repetitions.
const (
	maxArrivals  = 1024
	repeatWindow = 24 * time.Hour
	doubtful     = 30 * time.Second // an answer this close before the end of a connection may not have been read
)

// arrival is a message that came, known by its likeness: what is equal for messages that look the same.
type arrival struct {
	stamp    pdu.Stamp
	serial   int       // of the connection on which it came last
	answered time.Time // when it was confirmed there; zero: never
}

// repeats tells a message that comes again from a second one with the same words. A message that was never confirmed, or
// confirmed on a connection that broke soon after, comes again because the centre did not hear the answer; on a connection
// that lives, the centre has heard it, and who asks for his balance twice wants to know it twice.
type repeats struct {
	byLikeness map[[16]byte]*arrival
	order      [][16]byte // oldest first
	last       int64
}

// stamp is the mark of a message: that of the arrival that it repeats, or one of its own.
func (r *repeats) stamp(likeness [16]byte, serial int, now time.Time) pdu.Stamp {
	a := r.byLikeness[likeness]
	if a != nil && (a.answered.IsZero() || a.serial != serial && now.Sub(a.answered) < repeatWindow) {
		a.serial, a.answered = serial, time.Time{}
		return a.stamp
	}
	if r.byLikeness == nil {
		r.byLikeness = map[[16]byte]*arrival{}
	}
	if a == nil {
		if len(r.order) == maxArrivals {
			delete(r.byLikeness, r.order[0])
			r.order = r.order[1:]
		}
		r.order = append(r.order, likeness)
	}
	r.last = max(r.last+1, now.UnixMicro())
	a = &arrival{serial: serial}
	for i := range a.stamp {
		a.stamp[i] = byte(r.last >> (8 * i))
	}
	r.byLikeness[likeness] = a
	return a.stamp
}

// answered notes that a message was confirmed.
func (r *repeats) answered(likeness [16]byte, now time.Time) {
	if a := r.byLikeness[likeness]; a != nil {
		a.answered = now
	}
}

// ended notes the end of a connection: what was confirmed on it long enough before is settled.
func (r *repeats) ended(serial int, now time.Time) {
	kept := r.order[:0]
	for _, l := range r.order {
		if a := r.byLikeness[l]; a.serial == serial && !a.answered.IsZero() && now.Sub(a.answered) >= doubtful {
			delete(r.byLikeness, l)
			continue
		}
		kept = append(kept, l)
	}
	r.order = kept
}
