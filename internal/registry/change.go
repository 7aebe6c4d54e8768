package registry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/unit"
)

// MeterChange names what is to change about a registered meter; nil fields stay.
type MeterChange struct {
	// Feeder is the line that its place hangs on; empty for none. It belongs to the place, so every meter there has it.
	Feeder *string
	// MaxW is the greatest power that the meter can measure; 0 for the default of its phases. A register that rises faster,
	// and a power above it, each by a fifth, cannot be true (domain reference, §6). Wallet meters have it.
	MaxW   *unit.Power
	Reason string
}

// maxReason bounds the reason of a change, in characters.
const maxReason = 200

func (c MeterChange) check() refusal.Refusal {
	switch {
	case c.Feeder == nil && c.MaxW == nil:
		return invalid("Nothing is to change: give feeder or max_w.")
	case strings.TrimSpace(c.Reason) == "" || !text(c.Reason, maxReason):
		return invalid(fmt.Sprintf("A change takes a reason of 1 to %d printable characters.", maxReason))
	case c.Feeder != nil && !short(*c.Feeder):
		return invalid(fmt.Sprintf("feeder has at most %d printable characters.", maxShort))
	case c.MaxW != nil && (*c.MaxW < 0 || *c.MaxW > math.MaxInt32/2):
		return invalid("max_w is a power in W, or 0 for the default of 23,000 W a phase.")
	}
	return refusal.Refusal{}
}

// ChangeMeter changes what is known of a meter, all or nothing (right: meter.write).
func (r *Registry) ChangeMeter(ctx context.Context, by access.Actor, ref string, c MeterChange) (MeterView, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return MeterView{Refusal: no}, nil
	}
	at, no := ParseRef(ref)
	if no.Refused() {
		return MeterView{Refusal: NoMeter(ref)}, nil
	}
	if no := c.check(); no.Refused() {
		return MeterView{Refusal: no}, nil
	}
	row, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (addedRow, error) { return changeMeter(tx, by, at, ref, c) })
	if err != nil {
		return MeterView{}, fmt.Errorf("change meter %s: %w", ref, err)
	}
	if row.Refused() {
		return MeterView{Refusal: row.Refusal}, nil
	}
	return r.shown(by, row.rec), nil
}

// changeMeter is the transaction of ChangeMeter.
func changeMeter(tx Tx, by access.Actor, at Ref, ref string, c MeterChange) (addedRow, error) {
	m, found, err := ResolveMeter(tx, at)
	if err != nil || !found {
		return addedRow{Refusal: NoMeter(ref)}, err
	}
	was, _, err := tx.MeterRecord(m.ID)
	if err != nil {
		return addedRow{}, err
	}
	if c.MaxW != nil && m.Mode != PrepayWallet {
		return addedRow{Refusal: invalid("max_w is of a meter whose balance is on the server; this one is " + string(m.Mode) + ".")}, nil
	}
	if c.MaxW != nil {
		if err := tx.SetMostPower(m.N, *c.MaxW); err != nil {
			return addedRow{}, err
		}
	}
	if c.Feeder != nil {
		placed, err := tx.SetFeeder(m.N, *c.Feeder)
		if err != nil {
			return addedRow{}, err
		}
		if !placed {
			return addedRow{Refusal: invalid("The meter supplies nobody, so it hangs on no feeder.")}, nil
		}
	}
	rec, found, err := tx.MeterRecord(m.ID)
	if err == nil && !found {
		err = errors.New("the meter just written cannot be read")
	}
	if err != nil {
		return addedRow{}, err
	}
	e := by.Entry("meter.change", m.ID.Text(id.Meter))
	e.Before, e.After, e.Reason = was.summary(), rec.summary(), c.Reason
	return addedRow{rec: rec}, tx.AuditLog(e)
}

// summary is what the audit log keeps of what can be changed.
func (r MeterRecord) summary() string {
	return fmt.Sprintf("feeder=%q max_w=%d", r.Feeder, int64(r.MaxW))
}
