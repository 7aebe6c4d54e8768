package meters

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/wallet"
)

// configColumns are the columns of a meter's configuration.
var configColumns = core.Columns[meterconfig.Row]{Table: "meter_config", Attested: []core.Column[meterconfig.Row]{
	{Name: "own", Form: 't',
		Read: func(c *meterconfig.Row, r core.Row, col int) error {
			if r.IsNull(col) {
				return nil
			}
			return json.Unmarshal([]byte(r.Text(col)), &c.Own)
		},
		Write: func(c *meterconfig.Row) any {
			text, err := json.Marshal(c.Own)
			if err != nil || c.Own == nil {
				return "{}" // whole numbers, truth values and texts can always be written
			}
			return string(text)
		}},
	core.Int("version", func(c *meterconfig.Row) *int64 { return &c.Version }),
	core.Text("hash", func(c *meterconfig.Row) *string { return &c.Hash }),
	core.Text("doc", func(c *meterconfig.Row) *string { return &c.Doc }),
	core.Time("asked_at", func(c *meterconfig.Row) *time.Time { return &c.Asked }),
	core.ID("command", func(c *meterconfig.Row) *id.ID { return &c.Command }),
}, Unattested: []core.Column[meterconfig.Row]{ // what the meter itself reports
	core.Int("has_version", func(c *meterconfig.Row) *int64 { return &c.Has.Version }),
	core.Text("has_hash", func(c *meterconfig.Row) *string { return &c.Has.Hash }),
	core.Text("has_doc", func(c *meterconfig.Row) *string { return &c.Has.Doc }),
	core.Time("has_since", func(c *meterconfig.Row) *time.Time { return &c.Has.Since }),
	{Name: "meter", Form: 'i'},
	{Name: "writes", Form: 'i'},
}}

// configDecided is true for a row that has more than what its meter reported.
const configDecided = ` AND (c.writes > 0 OR c.own <> '{}' OR c.version <> 0 OR c.hash <> '' OR c.doc <> '' OR c.asked_at IS NOT NULL OR c.command IS NOT NULL)`

// ConfigKind describes the evidence of what was decided about the configurations of meters.
var ConfigKind = core.AttestedKind{Name: "config", Noun: "Configuration of meter", Prefix: id.Meter, Key: "id", Order: "c.writes",
	From: "meter r JOIN meter_config c ON c.tenant_id = r.tenant_id AND c.meter = r.n" + configDecided, Proof: configColumns.Proof("c"),
	Must: " AND EXISTS (SELECT 1 FROM meter_config c WHERE c.tenant_id = r.tenant_id AND c.meter = r.n" + configDecided + ")"}

// configSave inserts or updates the configuration of a meter. It counts the writes that change an attested column.
var configSave = `INSERT INTO ` + configColumns.Into("meter") + configColumns.OrUpdate("meter") + `, writes = meter_config.writes + CASE WHEN
	meter_config.own = excluded.own AND meter_config.version = excluded.version AND meter_config.hash = excluded.hash AND meter_config.doc = excluded.doc
	AND meter_config.asked_at IS NOT DISTINCT FROM excluded.asked_at AND meter_config.command IS NOT DISTINCT FROM excluded.command THEN 0 ELSE 1 END`

// configQuery reads the configuration of a meter.
var configQuery = `SELECT ` + configColumns.List("") + ` FROM meter_config WHERE tenant_id = $1 AND meter = $2`

// LockConfig locks a meter before its configuration is changed.
func (tx Rows) LockConfig(meter int64) error {
	_, err := tx.CommandCounter(meter)
	return err
}

// ConfigPoint reads the facts about a meter's configuration.
func (tx Rows) ConfigPoint(meter int64) (p meterconfig.Point, found bool, err error) {
	if p.Meter, found, err = tx.MeterByN(meter); err != nil || !found {
		return p, false, err
	}
	if p.Signed, err = tx.HasLinkKey(p.Meter.ID); err != nil {
		return p, false, err
	}
	p.Signed = p.Signed && p.Meter.Profile == ""
	if p.Clock, err = tx.MeterClock(p.Meter); err != nil {
		return p, false, err
	}
	info, err := tx.LoadInfo(meter)
	if err != nil {
		return p, false, err
	}
	p.Booted, p.Reported = info.Server.Booted, meterconfig.Has{Version: info.Config.Version, Hash: info.Config.Hash}
	if _, err = tx.One(configQuery, configColumns.To(&p.Row), tx.Tenant, meter); err != nil || p.Command.IsZero() {
		return p, true, fault.Wrap(err, "read the configuration of meter %d", meter)
	}
	c, found, err := tx.CommandByID(p.Command)
	if err == nil && !found {
		err = fmt.Errorf("command %s does not exist", p.Command.Text(id.Command))
	}
	p.Order = wallet.Progress{ID: p.Command, State: string(c.State), Answer: c.Answer, Signed: c.Counter > 0, Since: c.UpdatedAt, Until: c.ExpiresAt}
	return p, true, fault.Wrap(err, "read the configuration of meter %d", meter)
}

// PutMeterConfig stores the configuration of a meter that [Rows.LockConfig] has locked.
func (tx Rows) PutMeterConfig(m registry.Meter, r meterconfig.Row) error {
	err := tx.RewriteLocked(tx.Kind("config"), m.ID, func() error {
		_, err := tx.C.Exec(configSave, configColumns.Values(tx.Tenant, &r, m.N)...)
		return err
	})
	return fault.Wrap(err, "write the configuration of meter %s", m.Number)
}

// MetersToConfigure lists meters that keep their credit themselves, can check signatures and have connected, by their dense numbers after
// one.
func (tx Rows) MetersToConfigure(after int64, which meterconfig.Which, max int) (out []int64, err error) {
	more := map[meterconfig.Which]string{meterconfig.WhichOpen: ` AND c.version > 0 AND c.hash <> c.has_hash`, meterconfig.WhichKnown: ` AND c.meter IS NOT NULL`}
	err = tx.C.Query(`SELECT m.n FROM meter m JOIN meter_live l ON l.tenant_id = m.tenant_id AND l.meter = m.n
		LEFT JOIN meter_config c ON c.tenant_id = m.tenant_id AND c.meter = m.n
		WHERE m.tenant_id = $1 AND m.n > $2 AND m.mode = $3 AND m.link_key_enc IS NOT NULL AND m.profile = '' AND l.last_seen IS NOT NULL`+
		more[which]+` ORDER BY m.n LIMIT $4`,
		func(r core.Row) error { out = append(out, r.Int(0)); return nil }, tx.Tenant, after, string(registry.PrepayToken), max)
	return out, fault.Wrap(err, "list meters to configure")
}
