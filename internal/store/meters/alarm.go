package meters

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/webhook"
)

// alarmRow is a row of alarm, with its meter's number.
type alarmRow = metering.RaisedAlarm

var alarmColumns = core.Columns[alarmRow]{Table: "alarm", Unattested: []core.Column[alarmRow]{
	core.ID("id", func(a *alarmRow) *id.ID { return &a.ID }),
	{Name: "meter", Form: 'i', Read: func(a *alarmRow, r core.Row, col int) error { a.Meter = r.Int(col); return nil },
		Write: func(a *alarmRow) any {
			if a.Feeder != "" {
				return nil
			}
			return a.Meter // 0 for an alarm of the server itself
		}},
	core.Text("code", func(a *alarmRow) *metering.AlarmCode { return &a.Alarm.Code }),
	core.Text("text", func(a *alarmRow) *string { return &a.Alarm.Text }),
	core.Time("raised_at", func(a *alarmRow) *time.Time { return &a.RaisedAt }),
	core.Time("cleared_at", func(a *alarmRow) *time.Time { return &a.ClearedAt }),
	core.Text("feeder", func(a *alarmRow) *string { return &a.Feeder }),
	{Name: "ack_by", Form: 't'},
}}

// alarmInsert opens an alarm. alarmQuery reads alarms with the numbers of their meters.
var (
	alarmInsert = `INSERT INTO ` + alarmColumns.Into()
	alarmQuery  = `SELECT m.number, ` + alarmColumns.List("a") + ` FROM alarm a LEFT JOIN meter m ON m.n = a.meter`
)

// maxOpenAlarms limits the open alarms of one meter, so that a meter that raises alarms all day does not fill the table.
const maxOpenAlarms = 100

// RaiseAlarm opens an alarm of a meter unless the same alarm, or too many alarms, are open already.
func (tx Rows) RaiseAlarm(meter int64, a metering.Alarm) error {
	var open, same int64
	_, err := tx.One(`SELECT COUNT(*), SUM(CASE WHEN code = $1 AND text = $2 THEN 1 ELSE 0 END) FROM alarm
		WHERE tenant_id = $3 AND meter = $4 AND cleared_at IS NULL`,
		func(r core.Row) error { open, same = r.Int(0), r.Int(1); return nil }, string(a.Code), a.Text, tx.Tenant, meter)
	if err != nil {
		return fmt.Errorf("raise alarm %s of meter %d: %w", a.Code, meter, err)
	}
	if same > 0 || open >= maxOpenAlarms {
		return nil
	}
	return tx.addAlarm(meter, a)
}

// addAlarm opens an alarm.
func (tx Rows) addAlarm(meter int64, a metering.Alarm) error {
	i, err := tx.NewID()
	if err != nil {
		return err
	}
	row := alarmRow{ID: i, Meter: meter, Alarm: a, RaisedAt: tx.Now}
	if _, err = tx.C.Exec(alarmInsert, alarmColumns.Values(tx.Tenant, &row)...); err != nil {
		return fmt.Errorf("raise alarm %s of meter %d: %w", a.Code, meter, err)
	}
	return tx.announceAlarm(row)
}

// announceAlarm queues the event of an alarm that was raised.
func (tx Rows) announceAlarm(a alarmRow) error {
	return tx.Announce(webhook.AlarmRaised, func() (webhook.Event, error) {
		if a.Meter == 0 { // of the server or a feeder
			return webhook.OfAlarm(a), nil
		}
		_, err := tx.One(`SELECT number FROM meter WHERE n = $1`, func(r core.Row) error { a.Number = r.Text(0); return nil }, a.Meter)
		return webhook.OfAlarm(a), fault.Wrap(err, "find the meter of an alarm")
	})
}

// RaisePersonAlarm opens an alarm about what a person does. It belongs to no meter.
func (tx Rows) RaisePersonAlarm(text string) error {
	return tx.addAlarm(0, metering.Alarm{Code: metering.AlarmPersonUnusual, Text: text})
}

// UpdateAlarm is [Rows.RaiseAlarm] for a code that may be open only once per meter: if such an alarm is open, it gets the new text.
func (tx Rows) UpdateAlarm(meter int64, a metering.Alarm) error {
	n, err := tx.C.Exec(`UPDATE alarm SET text = $1 WHERE tenant_id = $2 AND meter = $3 AND code = $4 AND cleared_at IS NULL`,
		a.Text, tx.Tenant, meter, string(a.Code))
	if err != nil {
		return fmt.Errorf("update alarm %s of meter %d: %w", a.Code, meter, err)
	}
	if n > 0 {
		return nil
	}
	return tx.addAlarm(meter, a)
}

// ClearAlarm closes every open alarm of a meter with this code.
func (tx Rows) ClearAlarm(meter int64, code metering.AlarmCode) error {
	_, err := tx.C.Exec(`UPDATE alarm SET cleared_at = $1 WHERE tenant_id = $2 AND meter = $3 AND code = $4 AND cleared_at IS NULL`,
		tx.Now, tx.Tenant, meter, string(code))
	return fault.Wrap(err, "clear alarm %s of meter %d", code, meter)
}

// Alarms returns a page of alarms, newest first, of one meter or, if meter is 0, of all.
func (tx Rows) Alarms(meter int64, open bool, after metering.After, max int) ([]metering.RaisedAlarm, error) {
	before := id.ID(bytes.Repeat([]byte{0xff}, 16))
	if after != (metering.After{}) {
		binary.BigEndian.PutUint64(before[:8], after.Hi)
		binary.BigEndian.PutUint64(before[8:], after.Lo)
	}
	where, args := ` WHERE a.tenant_id = $1 AND a.id < $2`, []any{tx.Tenant, before}
	if meter != 0 {
		where, args = where+` AND a.meter = $3`, append(args, meter)
	}
	if open {
		where += ` AND a.cleared_at IS NULL`
	}
	var out []metering.RaisedAlarm
	err := tx.C.Query(alarmQuery+where+` ORDER BY a.id DESC LIMIT $`+strconv.Itoa(len(args)+1), func(r core.Row) error {
		out = append(out, alarmRow{Number: r.Text(0)})
		_, err := alarmColumns.Scan(r, 1, &out[len(out)-1])
		return err
	}, append(args, max)...)
	return out, fault.Wrap(err, "list alarms")
}
