package people

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/store/core"
)

// ceilingsKey is the key of the tenant's ceilings that differ from the defaults.
const ceilingsKey = "ceilings"

// CeilingRules reads the tenant's time zone and ceilings. It takes no lock, because the caller already holds other locks.
func (tx Rows) CeilingRules() (access.CeilingRules, error) {
	var out access.CeilingRules
	settings := ""
	_, err := tx.One(`SELECT tz, settings FROM tenant WHERE id = $1`, func(r core.Row) error { out.TZ, settings = r.Text(0), r.Text(1); return nil }, tx.Tenant)
	if err != nil || settings == "" || settings == "{}" {
		return out, fault.Wrap(err, "read the ceilings")
	}
	var s struct {
		Ceilings map[access.Ceiling]int64 `json:"ceilings"`
	}
	err = json.Unmarshal([]byte(settings), &s)
	out.Set = s.Ceilings
	return out, fault.Wrap(err, "read the ceilings")
}

// AddDayTotal adds an amount to a total and returns the total after it. The row stays locked until the transaction ends, so that two
// actions of one person are counted one after the other.
func (tx Rows) AddDayTotal(d access.DayTotal) (after int64, err error) {
	_, err = tx.One(`INSERT INTO day_total (tenant_id, ceiling, subject, from_at, to_at, name, amount) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant_id, ceiling, subject, from_at) DO UPDATE SET amount = day_total.amount + excluded.amount, name = excluded.name
		RETURNING amount`, func(r core.Row) error { after = r.Int(0); return nil },
		tx.Tenant, string(d.Ceiling), d.Subject, d.From, d.To, d.Name, d.Amount)
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", d.Ceiling, err)
	}
	return after, nil
}

// HadPeople reports whether the tenant has ever had a person. Rows of people are never deleted.
func (tx Rows) HadPeople() (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM (SELECT 1 FROM person WHERE tenant_id = $1 LIMIT 1) p`, tx.Tenant)
	return n > 0, fault.Wrap(err, "look for people")
}

// DayTotals lists what was taken in the local days that begin between two moments, sorted by name.
func (tx Rows) DayTotals(from, to time.Time, max int) ([]access.DayTotal, error) {
	var out []access.DayTotal
	err := tx.C.Query(`SELECT ceiling, subject, name, from_at, to_at, amount FROM day_total WHERE tenant_id = $1 AND from_at >= $2 AND from_at < $3
		ORDER BY name, ceiling, subject LIMIT $4`, func(r core.Row) error {
		out = append(out, access.DayTotal{Ceiling: access.Ceiling(r.Text(0)), Subject: r.Text(1), Name: r.Text(2), From: r.Time(3), To: r.Time(4), Amount: r.Int(5)})
		return nil
	}, tx.Tenant, from, to, max)
	return out, fault.Wrap(err, "list what people took")
}
