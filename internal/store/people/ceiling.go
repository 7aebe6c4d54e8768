package people

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// ceilingsKey is the key of the tenant's ceilings that differ from the defaults.
const ceilingsKey = "ceilings"

// CeilingRules reads the tenant's time zone and ceilings. It takes no lock, because the caller already holds other locks.
func (tx Rows) CeilingRules() (access.CeilingRules, error) {
	var out access.CeilingRules
	settings := ""
	_, err := tx.One(`SELECT tz, COALESCE(currency, ''), settings FROM tenant WHERE id = $1`, func(r core.Row) error { out.TZ, out.Currency, settings = r.Text(0), r.Text(1), r.Text(2); return nil }, tx.Tenant)
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
func (tx Rows) AddDayTotal(d access.DayTotal) (after access.Taken, err error) {
	acts := int64(1)
	if d.Amount < 0 {
		acts = -1
	}
	if tx.Joined() {
		after, err = tx.CountTogether(d, acts, tx.Now.Add(-access.UnusualWindow))
		return after, fault.Wrap(err, "count %s", d.Ceiling)
	}
	_, err = tx.One(`INSERT INTO day_total (tenant_id, ceiling, subject, from_at, to_at, name, amount, acts, window_at, window_amount, window_acts)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7, $8)
		ON CONFLICT (tenant_id, ceiling, subject, from_at) DO UPDATE SET amount = day_total.amount + excluded.amount, name = excluded.name,
			acts = day_total.acts + excluded.acts,
			window_at = CASE WHEN day_total.window_at > $10 THEN day_total.window_at ELSE excluded.window_at END,
			window_amount = CASE WHEN day_total.window_at > $10 THEN day_total.window_amount ELSE 0 END + excluded.window_amount,
			window_acts = CASE WHEN day_total.window_at > $10 THEN day_total.window_acts ELSE 0 END + excluded.window_acts
		RETURNING amount, window_amount, window_acts, raised`, func(r core.Row) error {
		after = access.Taken{Amount: r.Int(0), Window: r.Int(1), WindowActs: r.Int(2), Raised: access.Unusual(r.Int(3))}
		return nil
	}, tx.Tenant, string(d.Ceiling), d.Subject, d.From, d.To, d.Name, d.Amount, acts, tx.Now, tx.Now.Add(-access.UnusualWindow))
	if err != nil {
		return access.Taken{}, fmt.Errorf("count %s: %w", d.Ceiling, err)
	}
	return after, nil
}

// SoldByPeople is the condition of sales for which a person took money into the utility's own till. They alone count under the ceilings of
// sales: a vendor pays from its float, and what a customer pays comes from a provider or a voucher.
const SoldByPeople = `vendor_key = '' AND payment_id IS NULL`

// SoldToMeter sums what people sold to a meter into the utility's own till between two times, whatever became of the sales.
func (tx Rows) SoldToMeter(meter string, from, to time.Time) (int64, error) {
	m, err := id.Parse(id.Meter, meter)
	if err != nil {
		return 0, fmt.Errorf("sum the sales to meter %q: %w", meter, err)
	}
	n, err := tx.Number(`SELECT COALESCE(SUM(v.tender), 0) FROM meter m JOIN vend v ON v.tenant_id = m.tenant_id AND v.meter = m.n
		WHERE m.tenant_id = $1 AND m.id = $2 AND `+SoldByPeople+` AND v.created_at >= $3 AND v.created_at < $4`, tx.Tenant, m, from, to)
	return n, fault.Wrap(err, "sum the sales to a meter")
}

// UsualTaken returns the mean size of somebody's actions under a ceiling, for each day that begins between two times and had any.
func (tx Rows) UsualTaken(c access.Ceiling, subject string, from, to time.Time) (out []int64, err error) {
	err = tx.C.Query(`SELECT amount / acts FROM day_total WHERE tenant_id = $1 AND ceiling = $2 AND subject = $3 AND from_at >= $4 AND from_at < $5 AND acts > 0`,
		func(r core.Row) error { out = append(out, r.Int(0)); return nil }, tx.Tenant, string(c), subject, from, to)
	return out, fault.Wrap(err, "read what is usual for %s", c)
}

// DayMeans returns the mean size of everybody's actions under a ceiling, for each person and day that begins between two times and had any.
func (tx Rows) DayMeans(c access.Ceiling, from, to time.Time) (out []access.DayMean, err error) {
	err = tx.C.Query(`SELECT subject, amount / acts FROM day_total WHERE tenant_id = $1 AND ceiling = $2 AND from_at >= $3 AND from_at < $4 AND acts > 0
		ORDER BY subject, from_at`, func(r core.Row) error {
		out = append(out, access.DayMean{Subject: r.Text(0), Amount: r.Int(1)})
		return nil
	}, tx.Tenant, string(c), from, to)
	return out, fault.Wrap(err, "read what others take under %s", c)
}

// DayRaised stores which alarms were raised about a total.
func (tx Rows) DayRaised(d access.DayTotal, raised access.Unusual) error {
	err := tx.Must(`UPDATE day_total SET raised = $1 WHERE tenant_id = $2 AND ceiling = $3 AND subject = $4 AND from_at = $5`,
		int64(raised), tx.Tenant, string(d.Ceiling), d.Subject, d.From)
	return fault.Wrap(err, "store an alarm about %s", d.Ceiling)
}

// HadPeople reports whether the tenant has ever had a person. Rows of people are never deleted.
func (tx Rows) HadPeople() (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM (SELECT 1 FROM person WHERE tenant_id = $1 LIMIT 1) p`, tx.Tenant)
	return n > 0, fault.Wrap(err, "look for people")
}

// TakenByPeople lists what each person took in the local days that begin between two moments, sorted by name.
func (tx Rows) TakenByPeople(from, to time.Time, max int) ([]access.DayTotal, error) {
	var out []access.DayTotal
	err := tx.C.Query(`SELECT ceiling, subject, name, from_at, to_at, amount, raised FROM day_total WHERE tenant_id = $1 AND from_at >= $2 AND from_at < $3
			AND ceiling LIKE 'person/%' AND amount <> 0
		ORDER BY name, ceiling, subject LIMIT $4`, func(r core.Row) error {
		out = append(out, access.DayTotal{Ceiling: access.Ceiling(r.Text(0)), Subject: r.Text(1), Name: r.Text(2), From: r.Time(3), To: r.Time(4), Amount: r.Int(5),
			Unusual: access.Unusual(r.Int(6))})
		return nil
	}, tx.Tenant, from, to, max)
	return out, fault.Wrap(err, "list what people took")
}
