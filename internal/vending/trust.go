package vending

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
)

// noteEvery is how old the note of a trusted clock may be.
const noteEvery = 5 * time.Minute

// StartClock asks whether the clock is right before anything is sold; see [Clock.Doubt]. A Vending whose clock is not
// asked about believes it. What cannot be written, because the disk is full, does not keep a server from starting.
func (v *Vending) StartClock(ctx context.Context, t access.Tenant) error {
	begun, err := access.Through(ctx, v.c.Door, t, func(tx Tx) (timesRead, error) {
		times, err := tx.ClockBegin()
		return timesRead{times: times}, err
	})
	if err != nil {
		v.c.Log.Warn("time not noted", logkey.Err, err)
		if begun.times, err = access.Look(ctx, v.c.Door, t, Tx.VendClock); err != nil {
			return fmt.Errorf("read when the store was last used: %w", err)
		}
	}
	v.guard.ask(begun.times)
	if no := v.guard.look(v.c.Now(), begun.times); no.Refused() {
		v.c.Log.Warn("clock in doubt", logkey.Reason, no.Detail())
	}
	return nil
}

// timesRead are times that a transaction has read.
type timesRead struct {
	refusal.Refusal
	times Times
}

// mayDate says whether anything may be dated by the clock, and what the store knows of time.
func (v *Vending) mayDate(tx Tx) (Times, refusal.Refusal, error) {
	t, err := tx.VendClock()
	if err != nil {
		return Times{}, refusal.Refusal{}, err
	}
	return t, v.guard.look(v.c.Now(), t), nil
}

// fault is why no token is made now because of the clock.
func (v *Vending) fault(tx Tx) (Times, refusal.Refusal, error) {
	t, no, err := v.mayDate(tx)
	if err == nil && !no.Refused() {
		no = t.behind(tx.Moment())
	}
	return t, no, err
}

// ClockFault is why no token is made now because of the clock. The zero Refusal means that the clock is trusted.
func (v *Vending) ClockFault(ctx context.Context, t access.Tenant) (refusal.Refusal, error) {
	return access.Look(ctx, v.c.Door, t, func(tx Tx) (refusal.Refusal, error) {
		_, no, err := v.fault(tx)
		return no, err
	})
}

// ClockDoubted reports whether nothing may be dated by the clock, as far as this process knows without asking the store.
func (v *Vending) ClockDoubted() bool { return v.guard.again(v.c.Now()).Refused() }

// ClockAsked reports whether it is not settled yet that the clock was right when this process started.
func (v *Vending) ClockAsked() bool { return v.guard.again(v.c.Now()).Refused() && v.guard.open() }

// NoteClock looks at the clock and notes from time to time that it is trusted: a server that sells nothing for a week has
// run all the same. It gives why the clock is not trusted.
func (v *Vending) NoteClock(ctx context.Context, t access.Tenant) (refusal.Refusal, error) {
	due := false
	no, err := access.Look(ctx, v.c.Door, t, func(tx Tx) (refusal.Refusal, error) {
		times, no, err := v.fault(tx)
		age := tx.Moment().Sub(times.Known)
		due = age < 0 || age >= noteEvery
		return no, err
	})
	if err != nil || no.Refused() || !due {
		return no, err
	}
	_, err = access.Through(ctx, v.c.Door, t, func(tx Tx) (refusal.Refusal, error) {
		_, no, err := v.fault(tx)
		if err != nil || no.Refused() {
			return no, err
		}
		return no, tx.ClockNote()
	})
	return no, err
}

// Trusted is what became of trust in the clock.
type Trusted struct {
	refusal.Refusal
	Waits *access.Approval // it waits for a second person, and the clock is not trusted
}

// trustWish is what of trust in the clock is written down for a second person: an approval is of a clock that says this.
type trustWish struct {
	Reason string    `json:"reason"`
	Says   time.Time `json:"clock_says"`
}

const trustObject = "server clock"

// TrustClock says that the clock is right as it stands: after it was moved, where it was questioned at the start, or where
// tokens were issued later than now because it was wrong then. The store knows it from then on, and who said so is in the
// audit log. A wrong clock makes TIDs that cannot be taken back, so it is an act for two people. Where the clock is not in doubt,
// the answer is a refusal that says so.
func (v *Vending) TrustClock(ctx context.Context, by access.Actor, reason string) (Trusted, error) {
	return v.trust(ctx, by, trustWish{Reason: reason})
}

func (v *Vending) trust(ctx context.Context, by access.Actor, w trustWish) (Trusted, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return Trusted{Refusal: no}, nil
	}
	v.guard.again(v.c.Now()) // what was moved is noticed before the word that settles it
	out, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (Trusted, error) { return v.trustClock(tx, by, w) })
	if err != nil {
		return Trusted{}, fmt.Errorf("trust the clock: %w", err)
	}
	if out.Refused() || out.Waits != nil {
		return out, nil
	}
	if _, err := v.ClockFault(ctx, by.Tenant); err != nil { // it is trusted all the same, from the next look on
		v.c.Log.Warn("clock not looked at", logkey.Err, err)
	}
	return out, nil
}

// trustClock writes down that the clock is trusted, and by whom. The process takes it up when it looks at the store next.
func (v *Vending) trustClock(tx Tx, by access.Actor, w trustWish) (Trusted, error) {
	_, why, err := v.fault(tx)
	if err != nil {
		return Trusted{}, err
	}
	if !why.Refused() {
		return Trusted{Refusal: clockNotDoubted(tx.Moment())}, nil
	}
	switch now := tx.Moment(); {
	case by.Approval.IsZero():
		w.Says = now.UTC().Truncate(time.Second)
	case now.Sub(w.Says).Abs() > MaxClockRest:
		return Trusted{Refusal: otherClock(w.Says, now)}, nil
	}
	eyes, err := access.SecondPerson(tx, by, access.Wish{Act: access.ActClock, Object: trustObject,
		Summary: "trust the server's clock, which says " + stamp(w.Says) + ": " + w.Reason, Body: w}, tx.Moment())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Trusted{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	e := by.Entry("clock.trust", trustObject)
	e.Reason, e.Before, e.After = w.Reason, why.What, stamp(tx.Moment())
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return Trusted{}, err
	}
	return Trusted{}, tx.ClockTrust()
}
