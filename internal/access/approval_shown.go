package access

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// undecidable refuses a decision by an actor with the right: the maker's own request, a request that has expired or is decided, an approval
// by somebody who is not certainly another person, by a person who proved the identity too long ago, or through a limited key that may not be
// shown its secret, and one for a maker who is no longer active. To reject, it is enough not to be the maker.
func undecidable(tx EyesTx, a Approval, by Actor, allow bool, now time.Time) (refusal.Refusal, error) {
	switch {
	case sameActor(a.Maker, by):
		return refuse.ApprovalByMaker(), nil
	case a.Expired(now):
		return refuse.ApprovalExpired(a.ID.Text(id.Approval)), nil
	case a.State != ApprovalWaiting && (a.State != ApprovalGiven || !allow || !sameActor(a.Checker, by)):
		return refuse.ApprovalDecided(a.ID.Text(id.Approval), string(a.State)), nil
	case !allow:
		return refusal.Refusal{}, nil
	case by.Stale:
		return refuse.ProofTooOld(int64(ProofFresh / time.Minute)), nil
	}
	if no, err := mayCheck(tx, a, by); err != nil || no.Refused() {
		return no, err
	}
	if no, err := a.mayBeShown(tx, by); err != nil || no.Refused() {
		return no, err
	}
	return inForce(tx, a, now)
}

// undone reports whether the action may still be done.
func (a Approval) undone(now time.Time) bool {
	return (a.State == ApprovalWaiting || a.State == ApprovalGiven) && !a.Expired(now)
}

// seenBy reports whether the actor may see the request: its maker, whoever could decide about it, and the readers of the audit log.
func (a Approval) seenBy(by Actor) bool {
	return by.OfUtility() && by.May(ReadAudit) || a.mayAllow(by) || sameActor(a.Maker, by)
}

// ApprovalRefusal is the reason why an actor cannot approve a request; the zero ApprovalRefusal if the actor can.
type ApprovalRefusal struct{ refusal.Refusal }

// ShownApproval is an approval with what the actor can do about it.
type ShownApproval struct {
	refusal.Refusal
	Approval  Approval
	Summary   string // of the request, with the names of API keys instead of their ids
	Maker     string // stored name of whoever asked, with the name of an API key
	CanReject bool
	Why       ApprovalRefusal
	// Now is what would happen if the request were approved now. It is set while the request can be approved.
	Now *Rehearsed
}

// Approval returns one approval as an actor may see it.
func (a *Access) Approval(ctx context.Context, by Actor, approval string) (ShownApproval, error) {
	i, err := id.Parse(id.Approval, approval)
	if err != nil {
		return ShownApproval{Refusal: refuse.ApprovalNotFound(refusal.Echo(approval))}, nil
	}
	now := Stored(a.c.Now())
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (ShownApproval, error) {
		row, found, err := tx.ApprovalByID(i)
		if err != nil || !found || !row.seenBy(by) {
			return ShownApproval{Refusal: refuse.ApprovalNotFound(i.Text(id.Approval))}, err
		}
		v := ShownApproval{Approval: row}
		for text, named := range map[string]*string{row.Summary: &v.Summary, row.Maker.String(): &v.Maker} {
			if *named, err = namesOfKeys(tx, text); err != nil {
				return ShownApproval{}, err
			}
		}
		if !row.mayAllow(by) && !sameActor(row.Maker, by) {
			v.Why = ApprovalRefusal{by.Needs(row.Right)}
			return v, nil
		}
		no, err := undecidable(tx, row, by, true, now)
		if err != nil {
			return ShownApproval{}, err
		}
		v.Why = ApprovalRefusal{no}
		no, err = undecidable(tx, row, by, false, now)
		v.CanReject = !no.Refused()
		return v, err
	})
	if err == nil && !out.Refused() && out.Approval.undone(now) {
		var done Rehearsed
		done, err = a.rehearse(ctx, by, out.Approval)
		out.Now = &done
	}
	return out, fault.Wrap(err, "show an approval")
}
