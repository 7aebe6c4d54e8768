package console

import (
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
)

// auditRow is a row of the audit log.
type auditRow struct {
	At, Actor, IP, Action, Object, Before, After, Reason string
	Alone                                                bool
}

// auditPage is a page of the audit log with its filter.
type auditPage struct {
	Rows                            []auditRow
	Next                            string
	Actor, Action, Object, From, To string
}

// audit lists the audit log, newest first.
func (s *Console) audit(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	field := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	d := auditPage{Actor: field("actor"), Action: field("action"), Object: field("object"), From: field("from"), To: field("to")}
	list, err := s.c.Reports.Audit(r.Context(), v.by, report.AuditRequest{Actor: d.Actor, Action: d.Action, Object: d.Object, From: d.From, To: d.To},
		registry.Page{Limit: pageSize, Cursor: q.Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	d.Next = nextPage("/audit", q, list.Next)
	for _, e := range list.Rows {
		d.Rows = append(d.Rows, v.site.audited(e.Entry))
	}
	s.show(w, r, http.StatusOK, auditView(s.page(r, v, v.site.say.AuditTitle()), d))
}

func (t site) audited(e access.Entry) auditRow {
	return auditRow{At: t.clock(e.At), Actor: e.Actor, IP: e.IP, Action: e.Action, Object: e.Object, Before: e.Before, After: e.After, Reason: e.Reason,
		Alone: e.SinglePerson}
}
