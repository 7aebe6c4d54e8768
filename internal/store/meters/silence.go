package meters

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/silence"
	"github.com/paywatt/paywatt/internal/store/core"
)

// HeardMeters lists active meters that have been heard at least once, in the order of their dense numbers, after the given meter.
func (tx Rows) HeardMeters(after int64, max int) ([]silence.Heard, error) {
	var out []silence.Heard
	err := tx.C.Query(`SELECT m.n, m.number, COALESCE(p.feeder, ''), l.last_seen, m.reading_interval_s,
			(SELECT MIN(s.raised_at) FROM alarm s WHERE s.tenant_id = m.tenant_id AND s.meter = m.n AND s.code = $1 AND s.cleared_at IS NULL)
		FROM meter m JOIN meter_live l ON l.tenant_id = m.tenant_id AND l.meter = m.n
		LEFT JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
		LEFT JOIN service_point p ON p.tenant_id = m.tenant_id AND p.id = a.service_point_id
		WHERE m.tenant_id = $2 AND m.n > $3 AND m.status = $4 AND l.last_seen IS NOT NULL ORDER BY m.n LIMIT $5`, func(r core.Row) error {
		out = append(out, silence.Heard{Meter: r.Int(0), Number: r.Text(1), Feeder: r.Text(2), LastSeen: r.Time(3),
			Interval: time.Duration(r.Int(4)) * time.Second, Alarmed: r.Time(5)})
		return nil
	}, string(silence.AlarmMeter), tx.Tenant, after, string(registry.Active), max)
	return out, fault.Wrap(err, "list meters that were heard")
}

// DarkFeeders lists the feeders whose alarm is open.
func (tx Rows) DarkFeeders() ([]silence.SilentFeeder, error) {
	var out []silence.SilentFeeder
	err := tx.C.Query(`SELECT feeder, raised_at, text FROM alarm WHERE tenant_id = $1 AND cleared_at IS NULL AND feeder <> '' ORDER BY feeder`,
		func(r core.Row) error {
			out = append(out, silence.SilentFeeder{Feeder: r.Text(0), Raised: r.Time(1), Text: r.Text(2)})
			return nil
		}, tx.Tenant)
	return out, fault.Wrap(err, "list silent feeders")
}

// RaiseFeeder opens the alarm of a feeder, or updates its text. A new alarm begins now, not when the meters fell silent, because earlier
// decisions did not know of the silence.
func (tx Rows) RaiseFeeder(feeder string, a metering.Alarm) error {
	return tx.openAlarm(alarmRow{Alarm: a, Feeder: feeder}, oneFeeder, "")
}

// ClearFeeder closes the alarm of a feeder.
func (tx Rows) ClearFeeder(feeder string) error {
	_, err := tx.C.Exec(`UPDATE alarm SET cleared_at = $1 WHERE tenant_id = $2 AND feeder = $3 AND cleared_at IS NULL`, tx.Now, tx.Tenant, feeder)
	return fault.Wrap(err, "clear the alarm of feeder %s", feeder)
}
