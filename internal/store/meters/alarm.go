package meters

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
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
	core.Text("server", func(a *alarmRow) *string { return &a.Alarm.Server }),
	{Name: "ack_by", Form: 't'}, {Name: "seen_at", Form: 'i'}, {Name: "open_once", Form: 't'},
}}

// alarmInsert opens an alarm. If another transaction has opened the same one meanwhile, or opens it at this moment, one row stays: it gets the
// text, and its identity is returned. oneDigest says when two alarms are the same, and oneFeeder when two alarms of feeders are. alarmQuery reads
// alarms with the numbers of their meters.
var (
	alarmInsert = `INSERT INTO ` + alarmColumns.Into("seen_at", "open_once") + ` ON CONFLICT `
	alarmQuery  = `SELECT m.number, ` + alarmColumns.List("a") + ` FROM alarm a LEFT JOIN meter m ON m.n = a.meter`
)

const (
	oneDigest = `(tenant_id, open_once) WHERE cleared_at IS NULL AND open_once <> ''
		DO UPDATE SET text = excluded.text, seen_at = excluded.seen_at RETURNING id`
	oneFeeder = `(tenant_id, feeder) WHERE cleared_at IS NULL AND feeder <> '' DO UPDATE SET text = excluded.text RETURNING id`
)

// maxOpenAlarms limits the open alarms of one meter, so that a meter that raises alarms all day does not fill the table.
const maxOpenAlarms = 100

// RaiseAlarm opens an alarm of a meter unless the same alarm, or too many alarms, are open already. Alarms about people do not count: somebody could
// raise many on purpose, so that the next alarm of the meter is not raised.
func (tx Rows) RaiseAlarm(meter int64, a metering.Alarm) error {
	open, same, err := tx.openAlarms(meter, a)
	if err != nil || same > 0 || open >= maxOpenAlarms {
		return err
	}
	return tx.openAlarm(alarmRow{Meter: meter, Alarm: a}, oneDigest, digestAlarm(meter, a, a.Text))
}

// RaiseOwnAlarm opens an alarm about a payment unless the same one is open, however many alarms the meter has.
func (tx Rows) RaiseOwnAlarm(meter int64, a metering.Alarm) error {
	_, same, err := tx.openAlarms(meter, a)
	if err != nil || same > 0 {
		return err
	}
	return tx.openAlarm(alarmRow{Meter: meter, Alarm: a}, oneDigest, digestAlarm(meter, a, a.Text))
}

// openAlarms counts the open alarms of a meter that are not about people, and those that are the same as an alarm.
func (tx Rows) openAlarms(meter int64, a metering.Alarm) (open, same int64, err error) {
	_, err = tx.One(`SELECT SUM(CASE WHEN code IN ($1, $2) THEN 0 ELSE 1 END),
		SUM(CASE WHEN code = $3 AND text = $4 AND server = $5 THEN 1 ELSE 0 END) FROM alarm
		WHERE tenant_id = $6 AND meter = $7 AND cleared_at IS NULL`, func(r core.Row) error { open, same = r.Int(0), r.Int(1); return nil },
		string(metering.AlarmPersonUnusual), string(metering.AlarmPaymentOwn), string(a.Code), a.Text, a.Server, tx.Tenant, meter)
	return open, same, fault.Wrap(err, "count the open alarms of meter %d", meter)
}

// digestAlarm names what must not be open twice. It is a digest because an index takes no long text.
func digestAlarm(meter int64, a metering.Alarm, text string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%s", meter, a.Code, a.Server, text))
	return hex.EncodeToString(sum[:16])
}

// openAlarm opens an alarm unless the one with the same digest, or of the same feeder, is open: that one gets the text.
func (tx Rows) openAlarm(row alarmRow, one, digest string) (err error) {
	if row.ID, err = tx.NewID(); err != nil {
		return err
	}
	row.RaisedAt = tx.Now
	var open id.ID
	_, err = tx.One(alarmInsert+one, func(r core.Row) error { open = r.ID(0); return nil },
		alarmColumns.Values(tx.Tenant, &row, tx.stampServer(row.Alarm.Server), digest)...)
	if err != nil || open != row.ID {
		return fault.Wrap(err, "raise alarm %s of meter %d, feeder %q, server %q", row.Alarm.Code, row.Meter, row.Feeder, row.Alarm.Server)
	}
	return tx.announceAlarm(row)
}

// stampServer returns when a server was last alive that is alive now: NULL without a server.
func (tx Rows) stampServer(server string) any {
	if server == "" {
		return nil
	}
	return tx.Now
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
	return tx.openAlarm(alarmRow{Alarm: metering.Alarm{Code: metering.AlarmPersonUnusual, Text: text}}, oneDigest, "")
}

// UpdateAlarm is [Rows.RaiseAlarm] for a code that may be open only once per meter and server: if such an alarm is open, it gets the new text.
func (tx Rows) UpdateAlarm(meter int64, a metering.Alarm) error {
	n, err := tx.C.Exec(`UPDATE alarm SET text = $1, seen_at = $2
		WHERE tenant_id = $3 AND meter = $4 AND code = $5 AND server = $6 AND cleared_at IS NULL`,
		a.Text, tx.stampServer(a.Server), tx.Tenant, meter, string(a.Code), a.Server)
	if err != nil {
		return fmt.Errorf("update alarm %s of meter %d: %w", a.Code, meter, err)
	}
	if n > 0 {
		return nil
	}
	return tx.openAlarm(alarmRow{Meter: meter, Alarm: a}, oneDigest, digestAlarm(meter, a, ""))
}

// ClearAlarm closes every open alarm of a meter with this code. It closes no alarm about a server.
func (tx Rows) ClearAlarm(meter int64, code metering.AlarmCode) error {
	_, err := tx.C.Exec(`UPDATE alarm SET cleared_at = $1 WHERE tenant_id = $2 AND meter = $3 AND code = $4 AND server = '' AND cleared_at IS NULL`,
		tx.Now, tx.Tenant, meter, string(code))
	return fault.Wrap(err, "clear alarm %s of meter %d", code, meter)
}

// ClearServerAlarm closes the open alarm about a server with this code. Without a name it is about the only server.
func (tx Rows) ClearServerAlarm(server string, code metering.AlarmCode) error {
	_, err := tx.C.Exec(`UPDATE alarm SET cleared_at = $1 WHERE tenant_id = $2 AND meter = 0 AND code = $3 AND server = $4 AND cleared_at IS NULL`,
		tx.Now, tx.Tenant, string(code), server)
	return fault.Wrap(err, "clear alarm %s of server %s", code, server)
}

// ConfirmServerAlarms records that a server is alive, so that its open alarms stay open.
func (tx Rows) ConfirmServerAlarms(server string) error {
	_, err := tx.C.Exec(`UPDATE alarm SET seen_at = $1 WHERE tenant_id = $2 AND server = $3 AND server <> '' AND cleared_at IS NULL`,
		tx.Now, tx.Tenant, server)
	return fault.Wrap(err, "confirm the alarms of server %s", server)
}

// EndLostAlarms closes the open alarms about servers that were last alive before a time.
func (tx Rows) EndLostAlarms(before time.Time) error {
	_, err := tx.C.Exec(`UPDATE alarm SET cleared_at = $1 WHERE tenant_id = $2 AND server <> '' AND seen_at < $3 AND cleared_at IS NULL`,
		tx.Now, tx.Tenant, before)
	return fault.Wrap(err, "end the alarms of lost servers")
}

// EndServerAlarms closes the open alarms about a server if it was last alive before a time, and returns how many it closed.
func (tx Rows) EndServerAlarms(server string, before time.Time) (ended int64, err error) {
	ended, err = tx.C.Exec(`UPDATE alarm SET cleared_at = $1
		WHERE tenant_id = $2 AND server = $3 AND server <> '' AND seen_at < $4 AND cleared_at IS NULL`, tx.Now, tx.Tenant, server, before)
	return ended, fault.Wrap(err, "end the alarms of server %s", server)
}

// AlarmedServers calls found for at most max servers about which an alarm is open, in the order of their names, with the time at which each was last
// alive.
func (tx Rows) AlarmedServers(max int, found func(name string, seen time.Time)) error {
	err := tx.C.Query(`SELECT server, MAX(seen_at) FROM alarm WHERE tenant_id = $1 AND server <> '' AND cleared_at IS NULL
		GROUP BY server ORDER BY server LIMIT $2`, func(r core.Row) error { found(r.Text(0), r.Time(1)); return nil }, tx.Tenant, max)
	return fault.Wrap(err, "list servers with alarms")
}

// EndOldAlarms closes the open alarms with a code that were raised before a time.
func (tx Rows) EndOldAlarms(code metering.AlarmCode, before time.Time) error {
	_, err := tx.C.Exec(`UPDATE alarm SET cleared_at = $1 WHERE tenant_id = $2 AND code = $3 AND raised_at < $4 AND cleared_at IS NULL`,
		tx.Now, tx.Tenant, string(code), before)
	return fault.Wrap(err, "end old alarms %s", code)
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
