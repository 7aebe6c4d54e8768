package meters

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/unit"
)

// recordQuery reads the data of a [registry.MeterRecord]. A meter that never sent anything has no row in meter_live, and a wallet meter
// may have no key. A removed or scrapped meter shows nothing of the account that its row still names. $1 is the present moment and $2 the tenant.
var recordQuery = `SELECT COALESCE(t.name, ''), COALESCE(n.currency, ''), p.feeder, w.max_w, k.id, COALESCE(p.address, ''), a.opened_at, COALESCE(p.measures, ''), w.unread_cut_h, ` + meterColumns.List("m") + `, ` +
	people.CustomerColumns.List("c") + `, ` + liveColumns.List("l") + `, ` + meterKeyColumns.List("k") + `, ` + NewestTID + `
	FROM meter m
	JOIN tenant n ON n.id = m.tenant_id
	LEFT JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id AND a.status <> '` + people.ClosedAccount + `'
		AND m.status NOT IN ` + core.GoneMeters + `
	LEFT JOIN tariff t ON t.tenant_id = m.tenant_id AND t.id = ` + people.TariffAt("$1") + `
	LEFT JOIN customer c ON c.tenant_id = m.tenant_id AND c.id = a.customer_id
	LEFT JOIN meter_live l ON l.tenant_id = m.tenant_id AND l.meter = m.n
	LEFT JOIN service_point p ON p.tenant_id = m.tenant_id AND p.id = a.service_point_id
	LEFT JOIN wallet w ON w.tenant_id = m.tenant_id AND w.meter = m.n
	LEFT JOIN meter_key k ON k.tenant_id = m.tenant_id AND k.meter = m.n AND k.state = 'current'
	WHERE m.tenant_id = $2 AND `

// scanRecord reads the columns of recordQuery. The result currency is the currency of the meter's wallet, or empty if the meter has no
// wallet.
func scanRecord(r core.Row) (rec registry.MeterRecord, currency string, err error) {
	rec = registry.MeterRecord{TariffName: r.Text(0), Feeder: r.Text(2), Address: r.Text(5), Measures: r.Text(7), MaxW: unit.Power(r.Int(3))}
	var l metering.Live
	if !r.IsNull(6) {
		rec.Since = r.Time(6)
	}
	rec.UnreadCutHours = r.Int(8)
	col, err := meterColumns.Scan(r, 9, &rec.Meter)
	if err == nil {
		col, err = people.CustomerColumns.Scan(r, col, &rec.Customer)
	}
	if err == nil {
		col, err = liveColumns.Scan(r, col, &l)
	}
	if err == nil && !r.IsNull(4) {
		rec.Key = &registry.Key{}
		err = ScanMeterKey(r, col, rec.Key)
	}
	if err != nil {
		return registry.MeterRecord{}, "", err
	}
	rec.Seen, rec.LastSeen, rec.NewestAt = !l.LastSeen.IsZero(), l.LastSeen, l.NewestAt
	if rec.Reported = !l.ReceivedAt.IsZero(); rec.Reported {
		rec.AsOf, rec.ReceivedAt = time.UnixMicro(l.AsOf).UTC(), l.ReceivedAt
	}
	rec.RegisterWh, rec.BalanceWh, rec.ECUsedWh, rec.OverrunWh, rec.W, rec.MV = l.RegisterWh, l.BalanceWh, l.ECUsedWh, l.OverrunWh, l.W, l.MV
	rec.Relay, rec.Reasons, rec.Tamper = l.Relay, l.Reasons, l.Tamper
	return rec, r.Text(1), nil
}

// MeterRecord reads the data that is shown of one meter of the tenant.
func (tx Rows) MeterRecord(meter id.ID) (registry.MeterRecord, bool, error) {
	all, err := tx.meterRecords(`m.id = $3`, meter)
	if err != nil || len(all) == 0 {
		return registry.MeterRecord{}, false, err
	}
	return all[0], true, nil
}

// MeterRecords reads a [registry.MeterRecord] for each meter after the given one, in the order of their registration, except for removed and scrapped
// meters.
func (tx Rows) MeterRecords(after id.ID, max int) ([]registry.MeterRecord, error) {
	return tx.meterRecords(`m.id > $3 AND m.status NOT IN `+core.GoneMeters+` ORDER BY m.id LIMIT $4`, after[:], max)
}

// MeterRecordsNumbered reads a [registry.MeterRecord] for each meter with one of the numbers, in the order of their registration.
func (tx Rows) MeterRecordsNumbered(numbers []string) ([]registry.MeterRecord, error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	in, args := marked(numbers, 3)
	return tx.meterRecords(`m.number IN (`+in+`) ORDER BY m.id`, args...)
}

// MeterRecordsOf reads a [registry.MeterRecord] for each meter of a customer's accounts, in the order of their
// registration.
func (tx Rows) MeterRecordsOf(customer id.ID, max int) ([]registry.MeterRecord, error) {
	return tx.meterRecords(`a.customer_id = $3 AND m.status NOT IN `+core.LeftMeters+` ORDER BY m.id LIMIT $4`, customer, max)
}

// meterRecords reads the records of the meters that meet a condition. The first parameter of the condition is $3.
func (tx Rows) meterRecords(condition string, args ...any) ([]registry.MeterRecord, error) {
	var out []registry.MeterRecord
	currencies := map[int64]string{} // of the meters with a wallet
	err := tx.C.Query(recordQuery+condition, func(r core.Row) error {
		rec, currency, err := scanRecord(r)
		if rec.Meter.Mode == registry.PrepayWallet && currency != "" && !rec.Meter.Status.IsGone() {
			currencies[rec.Meter.N] = currency
		}
		out = append(out, rec)
		return err
	}, append([]any{tx.Now, tx.Tenant}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read meters: %w", err)
	}
	views, err := tx.walletViews(currencies)
	for i := range out {
		out[i].Wallet = views[out[i].Meter.N]
	}
	return out, fault.Wrap(err, "read meters")
}
