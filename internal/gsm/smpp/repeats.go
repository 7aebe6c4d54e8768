package smpp

import (
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// Limits of the memory that recognises repetitions.
const (
	maxArrivals  = 1024
	repeatWindow = 24 * time.Hour
	doubtful     = 30 * time.Second // an answer this close before the end of a connection may not have reached the centre
)

// arrival is an incoming message. Its key in the map byLikeness is a digest of the message's sender, recipient and content.
type arrival struct {
	stamp    pdu.Stamp
	serial   int       // the last connection on which the message came
	answered time.Time // when the message was confirmed on that connection; zero: not confirmed
}

// repeats distinguishes a repetition of a message from a second message with the same words. If a message was never confirmed, or was
// confirmed shortly before the connection broke, the centre may not have the answer. Then an equal message is a repetition. On a live
// connection the centre has the answer: a customer who asks for his balance twice gets two answers.
type repeats struct {
	byLikeness map[[16]byte]*arrival
	order      [][16]byte // keys of the map byLikeness, oldest first
	last       int64
}

// stamp returns the mark of a message: the mark of the arrival that it repeats, or a new mark.
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

// answered records that a message was confirmed.
func (r *repeats) answered(likeness [16]byte, now time.Time) {
	if a := r.byLikeness[likeness]; a != nil {
		a.answered = now
	}
}

// ended records the end of a connection: it forgets messages that were confirmed on this connection long enough before.
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
