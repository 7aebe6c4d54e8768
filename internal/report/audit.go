package report

import (
	"context"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// AuditTx reads the audit log.
type AuditTx interface {
	// AuditPage lists up to max rows that the filter selects, newest first. It begins after the given row, or with the newest if it is zero.
	AuditPage(f AuditFilter, before id.ID, max int) ([]AuditRow, error)
}

// AuditFilter selects rows of the audit log; the zero value selects all. Actor and Object are parts of what the row says, in any case of the
// letters. Action is the beginning of an action's name, such as "vendor".
type AuditFilter struct {
	Actor, Action, Object string
	From, To              time.Time // zero: without a limit
}

// AuditRequest asks for rows of the audit log, with the local days From to To; an empty day is no limit. The rest is as in [AuditFilter].
type AuditRequest struct {
	Actor, Action, Object string
	From, To              string
}

// AuditRow is a row of the audit log.
type AuditRow struct {
	ID id.ID
	access.Entry
}

// AuditLog is one page of the audit log.
type AuditLog struct {
	refusal.Refusal
	Rows []AuditRow
	Next string
}

// listAudit names the list that a cursor of the audit log belongs to.
const listAudit = "audit"

// Audit lists rows of the audit log, newest first (right: audit.read).
func (r *Reports) Audit(ctx context.Context, by access.Actor, q AuditRequest, page registry.Page) (AuditLog, error) {
	if no := by.Needs(access.ReadAudit); no.Refused() {
		return AuditLog{Refusal: no}, nil
	}
	before, max, no := page.Read(r.hasher, by.Tenant, listAudit)
	if no.Refused() {
		return AuditLog{Refusal: no}, nil
	}
	f := AuditFilter{Actor: strings.ToLower(q.Actor), Action: strings.ToLower(q.Action), Object: strings.ToLower(q.Object)}
	out, err := access.Look(ctx, r.door, by.Tenant, func(tx Tx) (AuditLog, error) {
		no, err := f.within(tx, q.From, q.To)
		if err != nil || no.Refused() {
			return AuditLog{Refusal: no}, err
		}
		rows, err := tx.AuditPage(f, before, max+1)
		l := AuditLog{}
		l.Rows, l.Next = registry.Cut(rows, max, r.hasher, by.Tenant, listAudit, func(row AuditRow) id.ID { return row.ID })
		return l, err
	})
	return out, fault.Wrap(err, "list the audit log")
}

// within limits the filter to local days.
func (f *AuditFilter) within(tx Tx, from, to string) (refusal.Refusal, error) {
	name, err := tx.TenantZone()
	if err != nil {
		return refusal.Refusal{}, err
	}
	zone, err := localday.LoadZone(name)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if from != "" {
		if f.From, err = localday.Parse(from, zone); err != nil {
			return refuse.DateInvalid(refusal.Echo(from)), nil
		}
	}
	if to != "" {
		last, err := localday.Parse(to, zone)
		if err != nil {
			return refuse.DateInvalid(refusal.Echo(to)), nil
		}
		f.To = localday.Next(last)
	}
	return refusal.Refusal{}, nil
}
