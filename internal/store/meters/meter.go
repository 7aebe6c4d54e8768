package meters

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/sts"
)

// meterRow is a row of meter.
type meterRow = registry.Meter

var meterColumns = core.Columns[meterRow]{Table: "meter", Attested: []core.Column[meterRow]{
	core.Int("n", func(m *meterRow) *int64 { return &m.N }),
	core.Text("number", func(m *meterRow) *string { return &m.Number }),
	core.Text("mode", func(m *meterRow) *registry.Mode { return &m.Mode }),
	core.Text("status", func(m *meterRow) *registry.Status { return &m.Status }),
	core.ID("account_id", func(m *meterRow) *id.ID { return &m.Account }),
	core.Int("phases", func(m *meterRow) *int { return &m.Phases }),
	core.Int("imp_per_kwh", func(m *meterRow) *int64 { return &m.ImpPerKWh }),
	core.Text("tt", func(m *meterRow) *string { return &m.TT }),
	core.Bool("simulated", func(m *meterRow) *bool { return &m.Simulated }),
	core.Text("profile", func(m *meterRow) *string { return &m.Profile }),
	{Name: "mqtt_hash", Form: 'b'},
	{Name: "link_key_enc", Form: 'b'},
}, Added: []core.Column[meterRow]{
	{Name: "link_key_next_enc", Form: 'b'},
	core.Time("link_key_next_at", func(m *meterRow) *time.Time { return &m.NextLinkAt }).ReadOnly(),
	{Name: "mqtt_next_hash", Form: 'b'},
	core.Time("mqtt_next_at", func(m *meterRow) *time.Time { return &m.NextPasswordAt }).ReadOnly(),
	core.Time("login_ends_at", func(m *meterRow) *time.Time { return &m.LoginEndsAt }).ReadOnly(),
	{Name: "login_at", Form: 'i'},
}, Later: []core.Column[meterRow]{
	core.Text("sim_phone", func(m *meterRow) *string { return &m.SIM }),
}, Unattested: []core.Column[meterRow]{
	core.ID("id", func(m *meterRow) *id.ID { return &m.ID }),
	core.Text("model", func(m *meterRow) *string { return &m.Model }),
	{Name: "reading_interval_s", Form: 'i',
		Read: func(m *meterRow, r core.Row, col int) error {
			m.ReadingInterval = time.Duration(r.Int(col)) * time.Second
			return nil
		},
		Write: func(m *meterRow) any { return int64(m.ReadingInterval / time.Second) }},
	core.Int("config_version", func(m *meterRow) *int64 { return &m.ConfigVersion }).ReadOnly(),
	core.Time("created_at", func(m *meterRow) *time.Time { return &m.CreatedAt }),
	core.Int("version", func(m *meterRow) *int64 { return &m.Version }).ReadOnly(),
	{Name: "command_counter", Form: 'i'},
	{Name: "lease_seq", Form: 'i'},
}}

// MeterKind describes the evidence of meters.
var MeterKind = core.AttestedKind{Name: "meter", Noun: "Meter", Prefix: id.Meter, From: "meter r", Key: "id", Order: "r.version",
	Proof: meterColumns.Proof("r")}.WithLater(meterColumns.LaterProof("r")).WithLaterOf(simHold,
	people.NumberChangeColumns.ProofOf("h", "by_actor", "self", "changed_at", "held_until"))

// simHold joins the last change of the number of its SIM to a meter; see [registry.SIMOwner].
const simHold = ` LEFT JOIN number_change h ON h.tenant_id = r.tenant_id AND h.owner = 'meter ' || r.n`

// meterQuery reads the meter that meets a condition.
var meterQuery = `SELECT ` + meterColumns.List("m") + ` FROM meter m WHERE m.tenant_id = $1 AND `

// MeterWhere reads the meter that meets an SQL condition with the argument $2.
func (tx Rows) MeterWhere(condition string, arg any) (registry.Meter, bool, error) {
	var m registry.Meter
	found, err := tx.One(meterQuery+condition, meterColumns.To(&m), tx.Tenant, arg)
	return m, found, fault.Wrap(err, "find meter")
}

// MeterByNumber finds a meter of the tenant by its canonical number.
func (tx Rows) MeterByNumber(number string) (registry.Meter, bool, error) {
	return tx.MeterWhere(`m.number = $2`, number)
}

// MeterByID finds a meter of the tenant by its identity.
func (tx Rows) MeterByID(meter id.ID) (registry.Meter, bool, error) {
	return tx.MeterWhere(`m.id = $2`, meter)
}

// MeterByN finds a meter of the tenant by its dense number, by which readings, tokens and commands refer to it.
func (tx Rows) MeterByN(n int64) (registry.Meter, bool, error) { return tx.MeterWhere(`m.n = $2`, n) }

// NumberTaken reports whether any tenant has a meter of this number.
func (tx Rows) NumberTaken(number string) (bool, error) {
	n, err := tx.Number(`SELECT count(*) FROM meter WHERE number = $1`, number)
	return n > 0, fault.Wrap(err, "look for meter %s", number)
}

// NextMeterN takes the next dense number of a meter: 1, 2, 3 and so on. All tenants share the numbers, because n alone names a meter in the
// hot tables. If the transaction does not commit, a later one gets the same number.
func (tx Rows) NextMeterN() (int64, error) {
	n, err := tx.Number(`INSERT INTO counter (tenant_id, name, value) VALUES (0, 'meter', 1)
		ON CONFLICT (tenant_id, name) DO UPDATE SET value = counter.value + 1 RETURNING value`)
	return n, fault.Wrap(err, "take the next meter number")
}

// KeyPasswords turns the stored forms of MQTT passwords of older versions into the present form. It looks at up to max meters after the
// given one, and returns how many it looked at and the last of them.
func (tx Rows) KeyPasswords(after id.ID, max int, form func(number string, plain []byte) ([]byte, bool)) (n int, last id.ID, err error) {
	type row struct {
		meter id.ID
		keyed []byte
	}
	var rows []row
	err = tx.C.Query(`SELECT id, number, mqtt_hash FROM meter WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`, func(r core.Row) error {
		n, last = n+1, r.ID(0)
		if keyed, ok := form(r.Text(1), r.Bytes(2)); ok {
			rows = append(rows, row{last, keyed})
		}
		return nil
	}, tx.Tenant, after[:], max)
	for _, w := range rows {
		if err == nil {
			err = tx.Rewrite("meter", w.meter, func() error {
				_, err := tx.C.Exec(`UPDATE meter SET mqtt_hash = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, w.keyed, tx.Tenant, w.meter)
				return err
			})
		}
	}
	return n, last, fault.Wrap(err, "convert passwords of meters")
}

// Keyed holds what a meter's row stores under the data key. A field is nil if the row has no such value.
type Keyed struct{ Password, NextPassword, Link, NextLink []byte }

// RekeyMeters replaces what the rows of up to max meters after the given one store under the data key. It returns how many meters there
// were and the last of them.
func (tx Rows) RekeyMeters(after id.ID, max int, change func(meter id.ID, k Keyed) (Keyed, error)) (n int, last id.ID, err error) {
	type row struct {
		meter id.ID
		Keyed
	}
	var rows []row
	err = tx.C.Query(`SELECT id, mqtt_hash, mqtt_next_hash, link_key_enc, link_key_next_enc FROM meter
		WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`, func(r core.Row) error {
		rows = append(rows, row{r.ID(0), Keyed{r.Bytes(1), r.Bytes(2), r.Bytes(3), r.Bytes(4)}})
		return nil
	}, tx.Tenant, after[:], max)
	for _, w := range rows {
		if err != nil {
			break
		}
		n, last = n+1, w.meter
		var k Keyed
		if k, err = change(w.meter, w.Keyed); err == nil {
			err = tx.Rewrite("meter", w.meter, func() error {
				_, err := tx.C.Exec(`UPDATE meter SET mqtt_hash = $1, mqtt_next_hash = $2, link_key_enc = $3, link_key_next_enc = $4,
					version = version + 1 WHERE tenant_id = $5 AND id = $6`, k.Password, k.NextPassword, k.Link, k.NextLink, tx.Tenant, w.meter)
				return err
			})
		}
	}
	return n, last, fault.Wrap(err, "put meters under another data key")
}

// AddMeterRow stores a new meter with the stored form of its MQTT password and its sealed link key.
func (tx Rows) AddMeterRow(m registry.Meter, mqttHash, sealedLinkKey []byte) error {
	_, err := tx.C.Exec(`INSERT INTO `+meterColumns.Into("mqtt_hash", "link_key_enc"), meterColumns.Values(tx.Tenant, &m, mqttHash, sealedLinkKey)...)
	if err != nil {
		return fmt.Errorf("store meter %s: %w", m.Number, err)
	}
	if err := tx.addWallet(m); err != nil {
		return err
	}
	if err := tx.wakePayments(m.Number, m.Account); err != nil {
		return err
	}
	return tx.Attest("meter", m.ID)
}

// wakePayments lets parked payments be looked at again, because a meter can be paid for now.
func (tx Rows) wakePayments(number string, account id.ID) error {
	a := job.Registration{Meter: number}
	if !account.IsZero() {
		a.Account = account.Text(id.Account)
	}
	return tx.WakeParked(a, time.Time{})
}

// LinkKey returns a meter's sealed link key, and the meter's identity, which is part of the sealing context. While the key is being
// replaced, next is the sealed key that replaces it. LinkKey locks the meter's row. It returns false for an unknown meter and for a meter without a link key.
func (tx Rows) LinkKey(meter int64) (who id.ID, sealed, next []byte, found bool, err error) {
	found, err = tx.One(`SELECT id, link_key_enc, link_key_next_enc FROM meter WHERE tenant_id = $1 AND n = $2`+tx.C.ForUpdate(), func(r core.Row) error {
		who, sealed, next = r.ID(0), r.Bytes(1), r.Bytes(2)
		return nil
	}, tx.Tenant, meter)
	return who, sealed, next, found && len(sealed) > 0, fault.Wrap(err, "find link key of meter %d", meter)
}

// SetLinkKeys replaces the sealed link key of a meter and its next key. If next is nil, the meter has one key from now on; otherwise both
// are in use from now on.
func (tx Rows) SetLinkKeys(meter id.ID, sealed, next []byte) error {
	var since any
	if next != nil {
		since = tx.Now
	}
	err := tx.Rewrite("meter", meter, func() error {
		return tx.Must(`UPDATE meter SET link_key_enc = $1, link_key_next_enc = $2, link_key_next_at = $3, version = version + 1
			WHERE tenant_id = $4 AND id = $5`, sealed, next, since, tx.Tenant, meter)
	})
	return fault.Wrap(err, "replace the link key of meter %s", meter.Text(id.Meter))
}

// TwoLinkKeys lists the meters that have had a next link key since before the given time.
func (tx Rows) TwoLinkKeys(since time.Time) (numbers []string, err error) {
	err = tx.C.Query(`SELECT number FROM meter WHERE tenant_id = $1 AND link_key_next_at < $2 ORDER BY link_key_next_at, n`, func(r core.Row) error {
		numbers = append(numbers, r.Text(0))
		return nil
	}, tx.Tenant, since)
	return numbers, fault.Wrap(err, "list meters with two link keys")
}

// AddMeterKey stores the parameters of a meter's STS key. The database refuses a second current key of a meter. After a restore the TIDs
// begin after the lost period: the meter may have been registered in that period and may have used TIDs ahead of the clock.
func (tx Rows) AddMeterKey(k registry.Key) error {
	floor, err := tx.lostTID(k.BaseDate)
	if err != nil {
		return fmt.Errorf("add meter key: %w", err)
	}
	k.LastTID = max(k.LastTID, floor)
	_, err = tx.C.Exec(`INSERT INTO `+meterKeyColumns.Into("created_at"), meterKeyColumns.Values(tx.Tenant, &k, tx.Now)...)
	if err != nil {
		return fmt.Errorf("store key of meter %d: %w", k.Meter, err)
	}
	var number string
	if _, err := tx.One(`SELECT number FROM meter WHERE tenant_id = $1 AND n = $2`, func(r core.Row) error { number = r.Text(0); return nil }, tx.Tenant, k.Meter); err != nil {
		return fmt.Errorf("store key of meter %d: %w", k.Meter, err)
	}
	if err := tx.wakePayments(number, id.ID{}); err != nil {
		return err
	}
	return tx.Attest("key", k.ID)
}

var meterKeyColumns = core.Columns[registry.Key]{Table: "meter_key", Attested: []core.Column[registry.Key]{
	core.Int("meter", func(k *registry.Key) *int64 { return &k.Meter }),
	core.Text("sgc", func(k *registry.Key) *string { return &k.SGC }),
	core.Int("krn", func(k *registry.Key) *uint8 { return &k.KRN }),
	core.Int("kt", func(k *registry.Key) *sts.KeyType { return &k.KT }),
	core.Text("ti", func(k *registry.Key) *string { return &k.TI }),
	core.Int("ken", func(k *registry.Key) *uint8 { return &k.KEN }),
	core.Parsed("ea", func(k *registry.Key) *sts.EA { return &k.EA }, sts.ParseEA),
	core.Parsed("dkga", func(k *registry.Key) *sts.DKGA { return &k.DKGA }, sts.ParseDKGA),
	core.Int("base_date", func(k *registry.Key) *sts.BaseDate { return &k.BaseDate }),
	core.Time("from_at", func(k *registry.Key) *time.Time { return &k.From }),
	core.Text("state", func(k *registry.Key) *string { return &k.State }),
}, Unattested: []core.Column[registry.Key]{
	core.ID("id", func(k *registry.Key) *id.ID { return &k.ID }),
	core.Int("tid_floor", func(k *registry.Key) *sts.TID { return &k.LastTID }),
	{Name: "created_at", Form: 'i'},
	{Name: "version", Form: 'i'},
}}

// KeyKind describes the evidence of meter keys.
var KeyKind = core.AttestedKind{Name: "key", Noun: "Meter key", Prefix: id.Key, From: "meter_key r", Key: "id", Order: "r.version",
	Proof: meterKeyColumns.Proof("r")}

// KeyQuery reads keys with the newest TID of each.
var KeyQuery = `SELECT ` + meterKeyColumns.List("k") + `, ` + NewestTID + ` FROM meter_key k WHERE k.tenant_id = $1 AND `

// keyByID reads one key.
var keyByID = KeyQuery + `k.id = $2`

// SaleKeyQuery reads the keys of a meter, each with the newest TID of its own tokens only. The caller appends the meter's number and the lock
// clause.
var SaleKeyQuery = `SELECT ` + meterKeyColumns.List("k") + `, (SELECT MAX(x.tid) FROM token x WHERE x.tenant_id = k.tenant_id AND x.meter_key_id = k.id)
	FROM meter_key k WHERE k.tenant_id = $1 AND k.meter =`

// ScanMeterKey reads a key and the newest TID after it, beginning at column col.
func ScanMeterKey(r core.Row, col int, k *registry.Key) error {
	col, err := meterKeyColumns.Scan(r, col, k)
	if err == nil {
		k.LastTID = max(k.LastTID, sts.TID(r.Int(col)))
	}
	return err
}

// AddInstall stores the time from which a meter measures a service point.
func (tx Rows) AddInstall(meter int64, point id.ID, from time.Time) error {
	_, err := tx.C.Exec(`INSERT INTO meter_install (tenant_id, meter, service_point_id, from_at, created_at)
		VALUES ($1, $2, $3, $4, $5)`, tx.Tenant, meter, point, from, tx.Now)
	return fault.Wrap(err, "store installation of meter %d", meter)
}
