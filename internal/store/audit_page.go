package store

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/store/core"
)

// AuditPage lists rows of the audit log, newest first.
func (tx *Tx) AuditPage(f report.AuditFilter, before id.ID, max int) ([]report.AuditRow, error) {
	if before.IsZero() {
		for i := range before {
			before[i] = 0xff
		}
	}
	if f.From.IsZero() {
		f.From = time.Unix(0, 0)
	}
	if f.To.IsZero() {
		f.To = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) // later than any row, and a time that both databases can hold
	}
	var out []report.AuditRow
	err := tx.C.Query(`SELECT id, at, actor, ip, action, object, before, after, reason, single_person FROM audit
		WHERE tenant_id = $1 AND id < $2 AND at >= $3 AND at < $4 AND LOWER(actor) LIKE $5 ESCAPE '!' AND action LIKE $6 ESCAPE '!' AND LOWER(object) LIKE $7 ESCAPE '!'
		ORDER BY id DESC LIMIT $8`, func(r core.Row) error {
		out = append(out, report.AuditRow{ID: r.ID(0), Entry: access.Entry{At: r.Time(1), Actor: r.Text(2), IP: r.Text(3), Action: r.Text(4), Object: r.Text(5),
			Before: r.Text(6), After: r.Text(7), Reason: r.Text(8), SinglePerson: r.Bool(9)}})
		return nil
	}, tx.Tenant, before, f.From, f.To, "%"+literal(f.Actor)+"%", literal(f.Action)+"%", "%"+literal(f.Object)+"%", max)
	return out, fault.Wrap(err, "read the audit log")
}

// literal escapes the signs that LIKE gives a meaning to.
func literal(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
}
