package people

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Tenancies lists at most a number of accounts that were open at some time of a span, of the places on a feeder or of all if it is empty. It
// leaves out accounts whose registration was taken back.
func (tx Rows) Tenancies(building string, from, to time.Time, max int) (out []flats.Tenancy, err error) {
	err = tx.C.Query(`SELECT a.id, p.address, c.lang, a.opened_at FROM account a
		JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
		JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
		WHERE a.tenant_id = $1 AND ($2 = '' OR p.feeder = $2) AND a.opened_at < $3 AND (a.closed_at IS NULL OR a.closed_at >= $4)
		AND c.flags <> '`+RemovedCustomer+`' ORDER BY p.address, a.id LIMIT $5`, func(r core.Row) error {
		out = append(out, flats.Tenancy{Account: r.ID(0), Address: r.Text(1), Lang: r.Text(2), OpenedAt: r.Time(3)})
		return nil
	}, tx.Tenant, building, to, from, max)
	return out, fault.Wrap(err, "list the accounts of flats")
}

// LastPaid returns the last completed sale of each of some meters, if the meter has one.
func (tx Rows) LastPaid(meters []int64) (map[int64]flats.Payment, error) {
	out := map[int64]flats.Payment{}
	if len(meters) == 0 {
		return out, nil
	}
	marks, args := make([]string, len(meters)), []any{tx.Tenant}
	for i, n := range meters {
		marks[i], args = "$"+strconv.Itoa(i+2), append(args, n)
	}
	err := tx.C.Query(`SELECT v.meter, v.completed_at, v.tender, v.currency, v.receipt_no FROM vend v WHERE v.tenant_id = $1 AND v.id IN (
		SELECT (SELECT id FROM vend WHERE tenant_id = m.tenant_id AND meter = m.n AND state = 'completed' ORDER BY created_at DESC, id DESC LIMIT 1)
		FROM meter m WHERE m.tenant_id = $1 AND m.n IN (`+strings.Join(marks, ", ")+`))`, func(r core.Row) error {
		out[r.Int(0)] = flats.Payment{At: r.Time(1), Amount: money.Amount{Minor: money.Minor(r.Int(2)), Currency: r.Text(3)}, Receipt: r.Text(4)}
		return nil
	}, args...)
	return out, fault.Wrap(err, "find the last payments of meters")
}

const meteredPlaces = `SELECT m.n, m.number, p.address FROM meter m
	JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
	JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
	WHERE m.tenant_id = $1 AND m.status NOT IN ` + core.LeftMeters

// MainMeterOf finds the meter that measures a feeder as a whole.
func (tx Rows) MainMeterOf(building string) (m flats.Metered, found bool, err error) {
	all, err := tx.metered(` AND p.measures = $2 AND p.measures <> '' ORDER BY m.n DESC LIMIT 1`, building)
	if err != nil || len(all) == 0 {
		return m, false, err
	}
	return all[0], true, nil
}

// MainMeter is the number of the meter that measures a feeder as a whole.
func (tx Rows) MainMeter(feeder string) (string, bool, error) {
	m, found, err := tx.MainMeterOf(feeder)
	return m.Number, found, err
}

// FlatMeters lists at most a number of meters at the places on a feeder, those of vacant places too. The main meter is none of them.
func (tx Rows) FlatMeters(building string, max int) ([]flats.Metered, error) {
	return tx.metered(` AND p.feeder = $2 AND p.feeder <> '' AND p.measures <> p.feeder ORDER BY m.n LIMIT $3`, building, max)
}

func (tx Rows) metered(where string, args ...any) (out []flats.Metered, err error) {
	err = tx.C.Query(meteredPlaces+where, func(r core.Row) error {
		m := flats.Metered{N: r.Int(0), Number: r.Text(1), Name: r.Text(2)}
		if m.Name == "" {
			m.Name = m.Number
		}
		out = append(out, m)
		return nil
	}, append([]any{tx.Tenant}, args...)...)
	return out, fault.Wrap(err, "list the meters of a building")
}
