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

// TrustClock says that the clock is right as it stands, after it was moved while the program ran. Who said so is in
// the audit log. It does not help a clock that stands before the newest token; only setting the clock does.
func (v *Vending) TrustClock(ctx context.Context, by access.Actor, reason string) (refusal.Refusal, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return no, nil
	}
	now := v.c.Now()
	e := by.Entry("clock.trust", "server clock")
	e.Reason, e.After = reason, stamp(now)
	if err := v.c.Door.Do(ctx, by.Tenant, func(tx Tx) (bool, error) { return false, tx.AuditLog(e) }); err != nil {
		return refusal.Refusal{}, fmt.Errorf("trust the clock: %w", err)
	}
	v.guard.trust(now)
	return refusal.Refusal{}, nil
}
