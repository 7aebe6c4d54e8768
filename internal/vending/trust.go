package vending

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
)

// noteEvery is how old the note of a trusted clock may become before a new note is written.
const noteEvery = 5 * time.Minute

// clockNoise is how much the remembered steps of the clock may differ from the recorded ones until the next note.
const clockNoise = time.Minute

// StartClock checks the clock before the first sale; see [Clock.Doubt]. Without this call a Vending trusts its clock. A full
// disk does not stop the server from starting.
func (v *Vending) StartClock(ctx context.Context, t access.Tenant) error {
	begun, err := access.Through(ctx, v.c.Door, t, func(tx Tx) (timesRead, error) {
		times, err := tx.Clock().ClockBegin()
		return timesRead{times: times}, err
	})
	if err != nil {
		v.c.Log.Warn("clock not recorded", logkey.Err, err)
	}
	begun, err = access.Look(ctx, v.c.Door, t, func(tx Tx) (timesRead, error) { // also on a full disk
		times, err := tx.VendClock()
		if err != nil {
			return timesRead{}, err
		}
		record, err := tx.Clock().ClockRecord()
		return timesRead{times: times, record: record}, err
	})
	if err != nil {
		return fmt.Errorf("read when the store was last used: %w", err)
	}
	v.guard.ask(v.c.Now(), begun.times, begun.record)
	if no := v.guard.look(v.c.Now(), begun.times); no.Refused() {
		v.c.Log.Warn("clock in doubt", logkey.Reason, no.Detail())
	}
	return nil
}

// timesRead are times that a transaction has read, and what is recorded of the clock.
type timesRead struct {
	refusal.Refusal
	times  sale.Times
	record sale.ClockRecord
}

// MayDate returns the store's times, by which the clock is judged. It returns a refusal if the clock is in doubt.
func (v *Vending) MayDate(tx once.Clock) (sale.Times, refusal.Refusal, error) {
	t, err := tx.VendClock()
	if err != nil {
		return sale.Times{}, refusal.Refusal{}, err
	}
	return t, v.guard.look(v.c.Now(), t), nil
}

// fault returns why the clock prevents issuing tokens now.
func (v *Vending) fault(tx Tx) (sale.Times, refusal.Refusal, error) {
	t, no, err := v.MayDate(tx)
	if err == nil && !no.Refused() {
		no = behindAt(t, tx.Moment())
	}
	return t, no, err
}

// ClockFault returns why the clock prevents issuing tokens now. The zero Refusal means that the clock is trusted.
func (v *Vending) ClockFault(ctx context.Context, t access.Tenant) (refusal.Refusal, error) {
	return access.Look(ctx, v.c.Door, t, func(tx Tx) (refusal.Refusal, error) {
		_, no, err := v.fault(tx)
		return no, err
	})
}

// ClockDoubted reports whether the clock is in doubt, so that its time must not be used. It uses only facts that this process knows, and
// does not ask the store.
func (v *Vending) ClockDoubted() bool { return v.guard.again(v.c.Now()).Refused() }

// ClockAsked reports whether the clock is in doubt because nothing has shown yet that it was right when this process started.
func (v *Vending) ClockAsked() bool { return v.guard.again(v.c.Now()).Refused() && v.guard.open() }

// NoteClock checks the clock, and records from time to time that it is trusted. Without these records, a week without sales would look as
// if the server had been switched off for a week. It also records how the clock was moved, so that a restart does not forget it. NoteClock
// returns why the clock is not trusted.
func (v *Vending) NoteClock(ctx context.Context, t access.Tenant) (refusal.Refusal, error) {
	due := false
	no, err := access.Look(ctx, v.c.Door, t, func(tx Tx) (refusal.Refusal, error) {
		times, no, err := v.fault(tx)
		age := tx.Moment().Sub(times.LastTrusted)
		due = !no.Refused() && (age < 0 || age >= noteEvery)
		return no, err
	})
	if _, urgent := v.guard.record(v.c.Now()); err != nil || !due && !urgent {
		return no, err
	}
	noted, err := access.Through(ctx, v.c.Door, t, v.noteClock)
	if err == nil {
		v.guard.recorded(noted.record)
	}
	return no, err
}

// noteClock writes how the clock was moved and, unless it is in doubt, that it is trusted now.
func (v *Vending) noteClock(tx Tx) (timesRead, error) {
	_, no, err := v.fault(tx)
	if err != nil {
		return timesRead{}, err
	}
	record, _ := v.guard.record(v.c.Now())
	if err := tx.Clock().PutClockRecord(record); err != nil || no.Refused() {
		return timesRead{record: record}, err
	}
	return timesRead{record: record}, tx.Clock().ClockNote()
}

// Trusted is the result of [Vending.TrustClock].
type Trusted struct {
	refusal.Refusal
	Waits *access.Approval // the approval that the confirmation waits for; the clock is not trusted yet
}

// trustRequest is the part of a confirmation of the clock that an approval stores. It applies to a clock that shows this time.
type trustRequest struct {
	Reason string    `json:"reason"`
	Says   time.Time `json:"clock_says"`
}

const trustObject = "server clock"

// TrustClock records that a person confirms the clock. A confirmation is needed in three cases: the clock was moved, it was
// in doubt at the start, or the newest token has an issue time in the future. The audit log says who confirmed the clock. A wrong clock
// makes TIDs that cannot be taken back, so this takes two people. If the clock is not in doubt, TrustClock refuses.
func (v *Vending) TrustClock(ctx context.Context, by access.Actor, reason string) (Trusted, error) {
	return v.trust(ctx, by, trustRequest{Reason: reason})
}

func (v *Vending) trust(ctx context.Context, by access.Actor, w trustRequest) (Trusted, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return Trusted{Refusal: no}, nil
	}
	v.guard.again(v.c.Now()) // notice any move of the clock first, so that this trust covers it
	out, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (Trusted, error) { return v.trustClock(tx, by, w) })
	if err != nil {
		return Trusted{}, fmt.Errorf("trust the clock: %w", err)
	}
	if out.Refused() || out.Waits != nil {
		return out, nil
	}
	if _, err := v.ClockFault(ctx, by.Tenant); err != nil { // the confirmation is stored, so the next check of the clock finds it
		v.c.Log.Warn("clock check failed", logkey.Err, err)
	}
	return out, nil
}

// farAhead is by how much a clock may be ahead of what is known before that is a reason to look twice. A server is rarely off for so long.
const farAhead = 7 * 24 * time.Hour

// tellClock says which time will count, and how far that is from the last time that is known: the newest token, and the newest note of a clock
// that was trusted.
func tellClock(e *access.Effect, t sale.Times, said, now time.Time, why refusal.Refusal) {
	known := t.LastTrusted
	if t.Newest.After(known) {
		known = t.Newest
	}
	e.Tells("clock-known", access.Moments(known))
	e.Tells("clock-said", access.Moments(said))
	e.Facts = append(e.Facts, access.Fact{Name: "clock-says", After: access.Moments(now), Live: true})
	if away := said.Sub(known).Truncate(time.Minute); !known.IsZero() {
		name := "clock-ahead"
		if away < 0 {
			name = "clock-behind"
		}
		var odd []access.Oddity
		if away.Abs() > farAhead {
			odd = append(odd, access.Oddity{Refusal: refuse.OddClockFar(int64(farAhead / (24 * time.Hour)))})
		}
		e.Tells(name, access.Counts(access.UnitDuration, int64(away.Abs()/time.Second)), odd...)
	}
	e.Tells("clock-check", access.Named("look", "compare with a telephone"))
	e.Fact("doubt", why.What)
}

// trustClock stores that the clock is trusted, and by whom. The process learns it when it next reads the store.
func (v *Vending) trustClock(tx Tx, by access.Actor, w trustRequest) (Trusted, error) {
	times, why, err := v.fault(tx)
	if err != nil {
		return Trusted{}, err
	}
	if !why.Refused() {
		return Trusted{Refusal: refuse.ClockNotDoubted(tx.Moment())}, nil
	}
	switch now := tx.Moment(); {
	case by.Approval.IsZero():
		w.Says = now.UTC().Truncate(time.Second)
	case now.Sub(w.Says).Abs() > MaxClockRest:
		return Trusted{Refusal: otherClock(w.Says, now)}, nil
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActClock, Object: trustObject,
		Summary: "trust the server's clock, which says " + stamp(w.Says) + ": " + w.Reason, Body: w,
		Effect: access.Telling(func(e *access.Effect) { tellClock(e, times, w.Says, tx.Moment(), why) })}, tx.Moment())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Trusted{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	e := by.Entry("clock.trust", trustObject)
	e.Reason, e.Before, e.After = w.Reason, why.What, stamp(tx.Moment())
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return Trusted{}, err
	}
	return Trusted{}, tx.Clock().ClockTrust()
}
