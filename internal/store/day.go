package store

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/store/sales"
	"github.com/paywatt/paywatt/unit"
)

// DaySums adds up the sales, the reversals and the units given away between two moments.
func (tx *Tx) DaySums(from, to time.Time) (report.Sums, error) {
	var s report.Sums
	for _, q := range []struct {
		sql string
		row func(core.Row)
	}{
		{`SELECT COUNT(*), SUM(v.tender), SUM(v.units_wh) FROM reversal r JOIN vend v ON v.tenant_id = r.tenant_id AND v.id = r.vend_id
			WHERE r.tenant_id = $1 AND r.state = 'done' AND r.settled_at >= $2 AND r.settled_at < $3`, func(r core.Row) {
			s.Reversals, s.Refunded, s.UnitsBack = r.Int(0), money.Minor(r.Int(1)), unit.Energy(r.Int(2))
		}},
		{`SELECT COUNT(*), SUM(units_wh) FROM units_transfer WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3`, func(r core.Row) {
			s.Free, s.UnitsFree = r.Int(0), unit.Energy(r.Int(1))
		}},
	} {
		if _, err := tx.One(q.sql, func(r core.Row) error { q.row(r); return nil }, tx.Tenant, from, to); err != nil {
			return report.Sums{}, fmt.Errorf("sum a day: %w", err)
		}
	}
	err := tx.addSold(&s, from, to)
	return s, err
}

// soldAtOnce is how many sales of a day are summed together.
const soldAtOnce = 500

// addSold adds the sales that were completed between two moments. It finds them by their audit rows, which are in the order of time: a sale may
// be completed long after it was begun, so the sales themselves would all have to be read.
func (tx *Tx) addSold(s *report.Sums, from, to time.Time) error {
	after, end := id.First(from.Add(-books.PostSlack)), id.First(to.Add(books.PostSlack))
	for more := true; more; {
		var sold []any
		err := tx.C.Query(`SELECT id, object FROM audit WHERE tenant_id = $1 AND id > $2 AND id < $3 AND action = $4 ORDER BY id LIMIT $5`, func(r core.Row) error {
			after = r.ID(0)
			one, err := id.Parse(id.Vend, r.Text(1))
			sold = append(sold, one)
			return err
		}, tx.Tenant, after[:], end[:], proof.Action, soldAtOnce)
		if err != nil {
			return fmt.Errorf("find the sales of a day: %w", err)
		}
		if more = len(sold) == soldAtOnce; len(sold) == 0 {
			return nil
		}
		for len(sold) < soldAtOnce { // so that there is one statement
			sold = append(sold, sold[0])
		}
		_, err = tx.One(`SELECT COUNT(*), SUM(tender), SUM(units_wh) FROM vend WHERE tenant_id = $1 AND completed_at >= $2 AND completed_at < $3 AND id IN (`+core.Placeholders(4, len(sold))+`)`,
			func(r core.Row) error {
				s.Sales, s.Tendered, s.Units = s.Sales+r.Int(0), s.Tendered+money.Minor(r.Int(1)), s.Units+unit.Energy(r.Int(2))
				return nil
			}, append([]any{tx.Tenant, from, to}, sold...)...)
		if err != nil {
			return fmt.Errorf("sum the sales of a day: %w", err)
		}
	}
	return nil
}

// SinglePersonActs lists the sensitive actions between two moments that one person did alone, oldest first.
func (tx *Tx) SinglePersonActs(from, to time.Time, max int) ([]access.Entry, error) {
	var out []access.Entry
	err := tx.C.Query(`SELECT at, actor, action, object, after, reason FROM audit WHERE tenant_id = $1 AND single_person = 1
		AND at >= $2 AND at < $3 ORDER BY at, id LIMIT $4`, func(r core.Row) error {
		out = append(out, access.Entry{At: r.Time(0), Actor: r.Text(1), Action: r.Text(2), Object: r.Text(3), After: r.Text(4), Reason: r.Text(5), SinglePerson: true})
		return nil
	}, tx.Tenant, from, to, max)
	return out, fault.Wrap(err, "list acts of one person")
}

// UnconfirmedReversals lists the reversals between two moments that the meter has not confirmed yet, oldest first.
func (tx *Tx) UnconfirmedReversals(from, to time.Time, max int) ([]report.Unconfirmed, error) {
	approved, err := tx.reversalsApproved(from.Add(-access.ApprovalLife), to)
	if err != nil {
		return nil, err
	}
	codes := map[string]string{}
	err = tx.C.Query(`SELECT id, code FROM vendor WHERE tenant_id = $1`, func(r core.Row) error { codes[sales.VendorKey(r.ID(0))] = r.Text(1); return nil }, tx.Tenant)
	if err != nil {
		return nil, fmt.Errorf("list vendors: %w", err)
	}
	var out []report.Unconfirmed
	err = tx.C.Query(`SELECT v.id, m.number, v.vendor_key, v.tender, v.currency, r.settled_at, v.by_actor, r.by_actor, r.reason,
		(SELECT COUNT(*) FROM token t WHERE t.tenant_id = v.tenant_id AND t.vend_id = v.id AND t.state = 'accepted') FROM reversal r
		JOIN vend v ON v.tenant_id = r.tenant_id AND v.id = r.vend_id JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter
		WHERE r.tenant_id = $1 AND r.state = 'done' AND r.confirmed = 0 AND r.settled_at >= $2 AND r.settled_at < $3
		ORDER BY r.settled_at, r.id LIMIT $4`, func(r core.Row) error {
		u := report.Unconfirmed{Sale: r.ID(0), Meter: r.Text(1), Vendor: codes[r.Text(2)], Tender: money.Amount{Minor: money.Minor(r.Int(3)), Currency: r.Text(4)},
			At: r.Time(5), SoldBy: r.Text(6), By: r.Text(7), Reason: r.Text(8), Used: r.Int(9) > 0}
		u.ApprovedBy = approved[u.Sale.Text(id.Vend)]
		out = append(out, u)
		return nil
	}, tx.Tenant, from, to, max)
	return out, fault.Wrap(err, "list unconfirmed reversals")
}

// reversalsApproved returns, by sale, who approved the reversals that were decided between two moments.
func (tx *Tx) reversalsApproved(from, to time.Time) (map[string]string, error) {
	by := map[string]string{}
	err := tx.C.Query(`SELECT `+people.ApprovalColumns.List("")+` FROM approval WHERE tenant_id = $1 AND act = $2 AND state = $3 AND decided_at >= $4 AND decided_at < $5`,
		func(r core.Row) error {
			var a access.Approval
			_, err := people.ApprovalColumns.Scan(r, 0, &a)
			by[a.Object] = a.Checker.String()
			return err
		}, tx.Tenant, string(access.ActReverse), string(access.ApprovalUsed), from, to)
	return by, fault.Wrap(err, "list reversals by approval")
}

// LastHead returns the newest signed head of the tenant's log; empty before the first.
func (tx *Tx) LastHead() (string, error) {
	head := ""
	_, err := tx.One(`SELECT head FROM seal WHERE tenant_id = $1 ORDER BY n DESC LIMIT 1`, func(r core.Row) error { head = r.Text(0); return nil }, tx.Tenant)
	return head, fault.Wrap(err, "read the newest head")
}

// TenantZone returns the name of the tenant's time zone.
func (tx *Tx) TenantZone() (string, error) {
	zone, _, err := tx.ChargeTenant()
	return zone, err
}

// ClosedUntil returns the end of the newest closed day; zero if no day is closed.
func (tx *Tx) ClosedUntil() (time.Time, error) {
	last, _, err := tx.Days().LastDay()
	return last.To, err
}
