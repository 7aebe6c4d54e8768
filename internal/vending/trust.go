package vending

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
)

// ClockFault is why nothing is sold because of the clock, as far as this process has noticed: it was moved while it
// ran. The zero Refusal means that the clock is trusted.
func (v *Vending) ClockFault() refusal.Refusal {
	if by := v.guard.jumped(v.c.Now()); by != 0 {
		return clockJumped(by)
	}
	return refusal.Refusal{}
}

// Trusted is what became of trust in the clock.
type Trusted struct {
	refusal.Refusal
	Waits *access.Approval // it waits for a second person, and the clock is not trusted
}

// trustWish is what of trust in the clock is written down for a second person.
type trustWish struct {
	Reason string `json:"reason"`
}

const trustObject = "server clock"

// TrustClock says that the clock is right as it stands, after it was moved while the program ran. Who said so is in
// the audit log. It does not help a clock that stands before the newest token; only setting the clock does. A wrong clock
// makes TIDs that cannot be taken back, so it is an act for two people.
func (v *Vending) TrustClock(ctx context.Context, by access.Actor, reason string) (Trusted, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return Trusted{Refusal: no}, nil
	}
	now := v.c.Now()
	out, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (Trusted, error) {
		eyes, err := access.SecondPerson(tx, by, access.Wish{Act: access.ActClock, Object: trustObject,
			Summary: "trust the server's clock, which says " + stamp(now) + ": " + reason, Body: trustWish{reason}}, v.moment())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return Trusted{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
		}
		e := by.Entry("clock.trust", trustObject)
		e.Reason, e.After = reason, stamp(now)
		return Trusted{}, tx.AuditLog(eyes.Mark(e))
	})
	if err != nil {
		return Trusted{}, fmt.Errorf("trust the clock: %w", err)
	}
	if !out.Refused() && out.Waits == nil {
		v.guard.trust(now)
	}
	return out, nil
}
