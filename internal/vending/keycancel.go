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
	"github.com/paywatt/paywatt/internal/sale"
)

// CancelKeyChange takes back a planned key change of a meter (right: token.issue), so that tokens are sold to it again under its present key.
// Once the tokens of the change exist, somebody may enter them, so it is too late: the change must be finished and another one made.
func (v *Vending) CancelKeyChange(ctx context.Context, by access.Actor, meter, reason string) (Planned, error) {
	out, err := v.atKeyChange(ctx, by, meter, reason, func(tx Tx, p sale.Point, current, next registry.Key) (Planned, error) {
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
		e.Reason, e.Before = strings.TrimSpace(reason), fmt.Sprintf("planned sgc=%s krn=%d kt=%d ti=%s ken=%d base_date=%s", next.SGC, next.KRN, next.KT, next.TI, next.KEN, next.BaseDate)
		return Planned{Meter: p.Meter, Key: current}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "cancel the key change of meter %s", refusal.Echo(meter))
}
