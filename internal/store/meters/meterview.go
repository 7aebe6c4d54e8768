package meters

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/unit"
)

// Where each part of a meter record begins among the columns of recordQuery, behind the meter itself.
const (
	colTariff   = meterWidth
	colCurrency = colTariff + 1
	colCustomer = colCurrency + 1
	colLive     = colCustomer + 7
	colPlace    = colLive + 14
	colKey      = colPlace + 2
)

// recordQuery reads what is shown of a meter in one go. A meter that never spoke has no live row, and a wallet meter
// perhaps no key.
var recordQuery = `SELECT ` + meterColumns + `, COALESCE(t.name, ''), COALESCE(n.currency, ''), ` + people.CustomerColumns.List("c") + `,
	l.meter, l.last_seen, l.newest_at, l.as_of, l.received_at, l.register_wh, l.balance_wh, l.ec_used_wh, l.overrun_wh, l.w,
	l.mv, l.relay, l.reasons, l.tamper, p.feeder, w.max_w, ` + KeyRefColumns + `
	FROM meter m
	JOIN tenant n ON n.id = m.tenant_id
	LEFT JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id AND a.status <> '` + people.ClosedAccount + `'
	LEFT JOIN tariff t ON t.tenant_id = m.tenant_id AND t.id = a.tariff_id
	LEFT JOIN customer c ON c.tenant_id = m.tenant_id AND c.id = a.customer_id
	LEFT JOIN meter_live l ON l.tenant_id = m.tenant_id AND l.meter = m.n
	LEFT JOIN service_point p ON p.tenant_id = m.tenant_id AND p.id = a.service_point_id
	LEFT JOIN wallet w ON w.tenant_id = m.tenant_id AND w.meter = m.n
	LEFT JOIN meter_key k ON k.tenant_id = m.tenant_id AND k.meter = m.n AND k.state = 'current'
	WHERE m.tenant_id = $1 AND `

// scanRecord reads the columns of recordQuery, and the currency that a wallet would be in.
func scanRecord(r core.Row) (rec registry.MeterRecord, currency string, err error) {
	rec = registry.MeterRecord{Meter: scanMeter(r), TariffName: r.Text(colTariff), Feeder: r.Text(colPlace), MaxW: unit.Power(r.Int(colPlace + 1))}
	if _, err := people.CustomerColumns.Scan(r, colCustomer, &rec.Customer); err != nil {
		return registry.MeterRecord{}, "", err
	}
	if !r.IsNull(colLive) {
		rec.Seen = !r.IsNull(colLive + 1)
		rec.LastSeen, rec.NewestAt = r.Time(colLive+1), r.Int(colLive+2)
		rec.Reported = !r.IsNull(colLive + 3)
		rec.AsOf, rec.ReceivedAt = r.Time(colLive+3), r.Time(colLive+4)
		rec.RegisterWh, rec.BalanceWh, rec.ECUsedWh, rec.OverrunWh = r.Int(colLive+5), r.Int(colLive+6), r.Int(colLive+7), r.Int(colLive+8)
		rec.W, rec.MV, rec.Relay, rec.Reasons, rec.Tamper = r.Int(colLive+9), r.Int(colLive+10), r.Text(colLive+11), r.Text(colLive+12), r.Bool(colLive+13)
	}
	if !r.IsNull(colKey) {
		key, err := ScanMeterKey(r, colKey)
		if err != nil {
			return registry.MeterRecord{}, "", err
		}
		rec.Key = &key
	}
	return rec, r.Text(colCurrency), nil
}

// MeterRecord reads what is shown of one meter of the tenant.
func (tx Rows) MeterRecord(meter id.ID) (registry.MeterRecord, bool, error) {
	all, err := tx.meterRecords(`m.id = $2`, meter)
	if err != nil || len(all) == 0 {
		return registry.MeterRecord{}, false, err
	}
	return all[0], true, nil
}

// MeterRecords reads what is shown of meters after the given one in the order they were registered.
func (tx Rows) MeterRecords(after id.ID, max int) ([]registry.MeterRecord, error) {
	return tx.meterRecords(`m.id > $2 ORDER BY m.id LIMIT $3`, after[:], max)
}

// MeterRecordsOf reads what is shown of the meters of a customer's accounts in the order they were registered.
func (tx Rows) MeterRecordsOf(customer id.ID, max int) ([]registry.MeterRecord, error) {
	return tx.meterRecords(`a.customer_id = $2 ORDER BY m.id LIMIT $3`, customer, max)
}

func (tx Rows) meterRecords(condition string, args ...any) ([]registry.MeterRecord, error) {
	var out []registry.MeterRecord
	err := tx.C.Query(recordQuery+condition, func(r core.Row) error {
		rec, currency, err := scanRecord(r)
		if err != nil {
			return err
		}
		if rec.Meter.Mode == registry.PrepayWallet && currency != "" {
			if rec.Wallet, err = tx.WalletView(rec.Meter.N, currency); err != nil {
				return err
			}
		}
		out = append(out, rec)
		return nil
	}, append([]any{tx.Tenant}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read meters: %w", err)
	}
	return out, nil
}
