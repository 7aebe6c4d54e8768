package vending

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// MadeTokens are the tokens of a request of [Vending.GiveTokens] that was carried out.
type MadeTokens struct {
	refusal.Refusal
	Job    sale.Job
	Issued Issued // the digits of Job.Tokens, in the same order; empty if the actor may not see digits
}

// Made returns the tokens of a request by its identity, or by the identity of the approval that it waited for (right: vend.read). The digits
// are for actors with token.show. Whoever requested service tokens, and may still do so, sees those too, because they are of use only at the
// meter. The audit log records that digits were shown.
func (v *Vending) Made(ctx context.Context, by access.Actor, named string) (MadeTokens, error) {
	no := by.Needs(access.ReadVends)
	if !no.Refused() && !by.OfUtility() {
		no = refuse.TokensOfAMeter()
	}
	if no.Refused() {
		return MadeTokens{Refusal: no}, nil
	}
	mine := false
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (MadeTokens, error) {
		j, found, err := jobNamed(tx, named)
		if err != nil || !found {
			return MadeTokens{Refusal: refuse.TokenRequestNotFound(refusal.Echo(named))}, err
		}
		names, err := access.NamesOf(tx.Eyes(), by)
		mine = slices.Contains(names, j.By)
		return MadeTokens{Job: j}, err
	})
	if err != nil || out.Refused() {
		return out, fault.Wrap(err, "show request %s", refusal.Echo(named))
	}
	if by.May(access.ShowTokens) || mine && !out.Job.Kind.GivesUnits() && by.May(actOf(out.Job.Kind).Right()) {
		out.Issued, err = v.disclose(ctx, by, sale.Sale{Tokens: out.Job.Tokens}, out.Job.ID.Text(id.Job))
	}
	return out, err
}

// jobNamed finds a job by its identity, or by the identity of the approval under which it was carried out.
func jobNamed(tx Tx, named string) (sale.Job, bool, error) {
	if i, err := id.Parse(id.Job, named); err == nil {
		return tx.Jobs().JobByID(i)
	}
	if _, err := id.Parse(id.Approval, named); err == nil {
		return tx.Jobs().JobByRef(named)
	}
	return sale.Job{}, false, nil
}

// disclose opens the digits of tokens that the actor may see, once the audit row about it is durable. If the disk has no room even for that
// row, it withholds the digits and shows the rest.
func (v *Vending) disclose(ctx context.Context, by access.Actor, s sale.Sale, object string) (Issued, error) {
	digits, err := v.openSale(s)
	if err != nil {
		return Issued{}, err
	}
	err = v.c.Door.Do(ctx, by.Tenant, func(tx Tx) (bool, error) { return false, tx.AuditLog(by.Entry("token.show", object)) })
	switch {
	case errors.Is(err, access.ErrFull):
		return Issued{Digits{withheld: refusal.StorageFull}}, nil
	case err != nil:
		return Issued{}, fmt.Errorf("note that digits were shown: %w", err)
	}
	return Issued{digits}, nil
}

// KeyView shows a meter's key, and the change to its next key if there is one.
type KeyView struct {
	refusal.Refusal
	Meter   sale.MeterRef
	Current registry.Key // zero if the meter has no key
	Next    registry.Key // planned or issued; zero if there is none
	Job     sale.Job     // the request that made the tokens of an issued change; zero if there is none
}

// KeyChange shows the key of a meter and its change (right: meter.read). It shows no digits.
func (v *Vending) KeyChange(ctx context.Context, by access.Actor, meter string) (KeyView, error) {
	no := by.Needs(access.ReadMeters)
	if !no.Refused() && !by.OfUtility() {
		no = refuse.TokensOfAMeter()
	}
	ref, wrong := registry.ParseRef(meter)
	if !no.Refused() {
		no = wrong
	}
	if no.Refused() {
		return KeyView{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (KeyView, error) {
		p, found, err := tx.VendPoint(ref)
		if err != nil || !found {
			return KeyView{Refusal: registry.NoMeter(meter)}, err
		}
		out := KeyView{Meter: p.Meter}
		out.Current, out.Next = keysOf(p)
		if out.Next.State == registry.KeyIssued {
			out.Job, _, err = tx.Jobs().JobOfKey(out.Next.ID)
		}
		return out, err
	})
	return out, fault.Wrap(err, "show the key of meter %s", refusal.Echo(meter))
}

// keysOf returns a meter's current key and its next one.
func keysOf(p sale.Point) (current, next registry.Key) {
	for _, k := range p.Keys {
		if k.State == registry.KeyCurrent {
			current = k
		} else {
			next = k
		}
	}
	return current, next
}

// ConfirmKeyChange records that somebody read at a meter that it holds its next key (right: token.issue). A meter that reports its tokens
// confirms by itself. Tokens are made under the next key already, so this moves no value: it only ends the change, so that the next one can
// begin.
func (v *Vending) ConfirmKeyChange(ctx context.Context, by access.Actor, meter, reason string) (Planned, error) {
	out, err := v.atKeyChange(ctx, by, meter, reason, func(tx Tx, p sale.Point, current, next registry.Key) (Planned, error) {
		if next.State != registry.KeyIssued {
			return Planned{Refusal: refuse.NoKeyChangeToConfirm(p.Meter.Number)}, nil
		}
		if !current.ID.IsZero() {
			if err := tx.Jobs().SetMeterKeyState(current.ID, registry.KeyCurrent, registry.KeyPast); err != nil {
				return Planned{}, err
			}
		}
		if err := tx.Jobs().SetMeterKeyState(next.ID, registry.KeyIssued, registry.KeyCurrent); err != nil {
			return Planned{}, err
		}
		next.State = registry.KeyCurrent
		e := by.Entry("key.confirm", p.Meter.ID.Text(id.Meter))
		e.Reason, e.After = strings.TrimSpace(reason), fmt.Sprintf("sgc=%s krn=%d ti=%s", next.SGC, next.KRN, next.TI)
		return Planned{Meter: p.Meter, Key: next}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "confirm the key change of meter %s", refusal.Echo(meter))
}

// atKeyChange checks the right and the reason of an act on a key change, and does it in one transaction.
func (v *Vending) atKeyChange(ctx context.Context, by access.Actor, meter, reason string, do func(tx Tx, p sale.Point, current, next registry.Key) (Planned, error)) (Planned, error) {
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
	return access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (Planned, error) {
		p, found, err := tx.VendPoint(ref)
		if err != nil || !found {
			return Planned{Refusal: registry.NoMeter(meter)}, err
		}
		current, next := keysOf(p)
		return do(tx, p, current, next)
	})
}
