package api

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/report"
)

func (a *API) auditRoutes(r router) {
	listRoute(r, apiv1.AuditLog, func(ctx context.Context, by access.Actor, in *apiv1.AuditFilter) (*listed[apiv1.AuditEntry], error) {
		l, err := a.c.Reports.Audit(ctx, by, report.AuditRequest{Actor: in.Actor, Action: in.Action, Object: in.Object, From: in.From, To: in.To}, pageAt(in.Page))
		return pageOf(l.Refusal, err, l.Rows, l.Next, auditEntryOf)
	})
}

func auditEntryOf(e report.AuditRow) apiv1.AuditEntry {
	return apiv1.AuditEntry{ID: e.ID.Text(id.Audit), At: e.At.UTC(), Actor: e.Actor, IP: e.IP, Action: e.Action, Object: e.Object, Before: e.Before, After: e.After,
		Reason: e.Reason, SinglePerson: e.SinglePerson}
}
