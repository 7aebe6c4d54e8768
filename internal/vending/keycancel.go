package vending

import (
	"context"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// CancelKeyChange takes back a planned key change of a meter (right: token.issue), so that tokens are sold to it again under its present key.
// Once the tokens of the change exist, somebody may enter them, so it is too late: the change must be finished and another one made.
func (v *Vending) CancelKeyChange(ctx context.Context, by access.Actor, meter, reason string) (Planned, error) {
	if no := by.Needs(access.IssueTokens); no.Refused() {
		return Planned{Refusal: no}, nil
	}
	ref, no := registry.ParseRef(meter)
	if reason = strings.TrimSpace(reason); !no.Refused() && (reason == "" || !access.OneLine(reason, maxReason)) {
		no = refuse.ChangeWithoutReason(maxReason)
	}
	if no.Refused() {
		return Planned{Refusal: no}, nil
	}
	out, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (Planned, error) {
		p, found, err := tx.VendPoint(ref)
		if err != nil || !found {
			return Planned{Refusal: registry.NoMeter(meter)}, err
		}
		current, next := keysOf(p)
		switch next.State {
		case registry.KeyPlanned:
		case registry.KeyIssued:
			return Planned{Refusal: refuse.KeyChangeTokensMade(p.Meter.Number)}, nil
		default:
			return Planned{Refusal: refuse.NoKeyChangeToCancel(p.Meter.Number)}, nil
		}
		if err := tx.Jobs().SetMeterKeyState(next.ID, registry.KeyPlanned, registry.KeyPast); err != nil {
			return Planned{}, err
		}
		e := by.Entry("key.cancel", p.Meter.ID.Text(id.Meter))
		e.Reason, e.Before = reason, fmt.Sprintf("planned sgc=%s krn=%d kt=%d ti=%s ken=%d base_date=%s", next.SGC, next.KRN, next.KT, next.TI, next.KEN, next.BaseDate)
		return Planned{Meter: p.Meter, Key: current}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "cancel the key change of meter %s", refusal.Echo(meter))
}
