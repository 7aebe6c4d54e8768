package meters

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/sts"
)

// MeterKind is the evidence of meters.
var MeterKind = core.AttestedKind{Name: "meter", Noun: "Meter", Prefix: id.Meter, From: "meter r", Key: "id", Order: "r.version",
	Proof: core.Proof{Columns: "r.n, r.number, r.mode, r.status, r.account_id, r.phases, r.imp_per_kwh, r.tt, r.simulated, r.profile, r.mqtt_hash, r.link_key_enc",
		Forms: "itttbiitit" + "bb"}}

// KeyKind is the evidence of the keys of meters.
var KeyKind = core.AttestedKind{Name: "key", Noun: "Meter key", Prefix: id.Key, From: "meter_key r", Key: "id", Order: "r.version",
	Proof: core.Proof{Columns: "r.meter, r.sgc, r.krn, r.kt, r.ti, r.ken, r.ea, r.dkga, r.base_date, r.from_at, r.state", Forms: "itiititti" + "it"}}

// meterColumns are the columns of meter m in the order in which scanMeter reads them.
const (
	meterColumns = `m.id, m.n, m.number, m.mode, m.status, m.account_id, m.model, m.phases, m.imp_per_kwh, m.tt, m.simulated,
	m.profile, m.reading_interval_s, m.config_version, m.created_at, m.version, m.sim_phone`
	meterWidth = 17
)

func scanMeter(r core.Row) registry.Meter {
	return registry.Meter{ID: r.ID(0), N: r.Int(1), Number: r.Text(2), Mode: registry.Mode(r.Text(3)), Status: registry.Status(r.Text(4)),
		Account: r.ID(5), Model: r.Text(6), Phases: int(r.Int(7)), ImpPerKWh: r.Int(8), TT: r.Text(9), Simulated: r.Bool(10),
		Profile: r.Text(11), ReadingInterval: time.Duration(r.Int(12)) * time.Second, ConfigVersion: r.Int(13),
		CreatedAt: r.Time(14), Version: r.Int(15), SIM: r.Text(16)}
}

// MeterWhere reads the meter that fulfils a condition.
func (tx Rows) MeterWhere(condition string, arg any) (registry.Meter, bool, error) {
	var m registry.Meter
	found, err := tx.One(`SELECT `+meterColumns+` FROM meter m WHERE m.tenant_id = $1 AND `+condition,
		func(r core.Row) error { m = scanMeter(r); return nil }, tx.Tenant, arg)
	if err != nil {
		return registry.Meter{}, false, fmt.Errorf("find meter: %w", err)
	}
	return m, found, nil
}

// MeterByNumber finds a meter of the tenant by its canonical number.
func (tx Rows) MeterByNumber(number string) (registry.Meter, bool, error) {
	return tx.MeterWhere(`m.number = $2`, number)
}

// MeterByID finds a meter of the tenant by its identity.
func (tx Rows) MeterByID(meter id.ID) (registry.Meter, bool, error) {
	return tx.MeterWhere(`m.id = $2`, meter)
}

// MeterByN finds a meter of the tenant by its dense number, which readings, tokens and commands carry.
func (tx Rows) MeterByN(n int64) (registry.Meter, bool, error) { return tx.MeterWhere(`m.n = $2`, n) }

// NumberTaken reports whether any tenant has a meter of this number.
func (tx Rows) NumberTaken(number string) (bool, error) {
	n, err := tx.Number(`SELECT count(*) FROM meter WHERE number = $1`, number)
	if err != nil {
		return false, fmt.Errorf("look for meter %s: %w", number, err)
	}
	return n > 0, nil
}

// NextMeterN gives the next dense number of a meter: 1, 2, 3 and so on over all tenants, because n alone names a meter
// in the hot tables. A number taken by a transaction that does not commit is given again.
func (tx Rows) NextMeterN() (int64, error) {
	n, err := tx.Number(`INSERT INTO counter (tenant_id, name, value) VALUES (0, 'meter', 1)
		ON CONFLICT (tenant_id, name) DO UPDATE SET value = counter.value + 1 RETURNING value`)
	if err != nil {
		return 0, fmt.Errorf("take the next meter number: %w", err)
	}
	return n, nil
}

// MeterLogin finds a meter of any tenant by its number, with the hash of its MQTT password. It looks beyond the
// transaction's tenant because the number, which is the MQTT user name, is what tells the tenant.
func (tx Rows) MeterLogin(number string) (who registry.Identity, status registry.Status, hash []byte, found bool, err error) {
	found, err = tx.One(`SELECT tenant_id, n, number, simulated, status, mqtt_hash FROM meter WHERE number = $1`, func(r core.Row) error {
		who = registry.Identity{Tenant: access.Tenant(r.Int(0)), Meter: r.Int(1), Number: r.Text(2), Simulated: r.Bool(3)}
		status, hash = registry.Status(r.Text(4)), r.Bytes(5)
		return nil
	}, number)
	if err != nil {
		return registry.Identity{}, "", nil, false, fmt.Errorf("find meter %s: %w", number, err)
	}
	return who, status, hash, found, nil
}

// AddMeterRow keeps a new meter with the hash of its MQTT password and its sealed link key.
func (tx Rows) AddMeterRow(m registry.Meter, mqttHash, sealedLinkKey []byte) error {
	_, err := tx.C.Exec(`INSERT INTO meter (tenant_id, id, n, number, mode, status, account_id, model, phases, imp_per_kwh, tt,
		simulated, profile, reading_interval_s, mqtt_hash, link_key_enc, sim_phone, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		tx.Tenant, m.ID, m.N, m.Number, string(m.Mode), string(m.Status), m.Account, m.Model, m.Phases, m.ImpPerKWh, m.TT,
		m.Simulated, m.Profile, int64(m.ReadingInterval/time.Second), mqttHash, sealedLinkKey, m.SIM, m.CreatedAt)
	if err != nil {
		return fmt.Errorf("keep meter %s: %w", m.Number, err)
	}
	if err := tx.addWallet(m); err != nil {
		return err
	}
	return tx.Attest("meter", m.ID)
}

// LinkKey is a meter's link key as it is sealed, with the identity that its sealing context names. found is false for
// an unknown meter and for one without a link key.
func (tx Rows) LinkKey(meter int64) (who id.ID, sealed []byte, found bool, err error) {
	found, err = tx.One(`SELECT id, link_key_enc FROM meter WHERE tenant_id = $1 AND n = $2`, func(r core.Row) error {
		who, sealed = r.ID(0), r.Bytes(1)
		return nil
	}, tx.Tenant, meter)
	if err != nil {
		return id.ID{}, nil, false, fmt.Errorf("find link key of meter %d: %w", meter, err)
	}
	return who, sealed, found && len(sealed) > 0, nil
}

// AddMeterKey keeps a meter's STS key by reference. The database refuses a second current key of a meter.
// After a restore the meter may have been here before, in the time that is lost, and may have used TIDs ahead of the clock.
func (tx Rows) AddMeterKey(k registry.Key) error {
	floor, err := tx.lostTID(k.BaseDate)
	if err != nil {
		return fmt.Errorf("add meter key: %w", err)
	}
	_, err = tx.C.Exec(`INSERT INTO meter_key (tenant_id, id, meter, sgc, krn, kt, ti, ken, ea, dkga, base_date, from_at, state,
		tid_floor, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		tx.Tenant, k.ID, k.Meter, k.SGC, int64(k.KRN), int64(k.KT), k.TI, int64(k.KEN), k.EA.String(), k.DKGA.String(),
		int64(k.BaseDate), k.From, k.State, int64(max(k.LastTID, floor)), tx.Now)
	if err != nil {
		return fmt.Errorf("keep key of meter %d: %w", k.Meter, err)
	}
	return tx.Attest("key", k.ID)
}

// KeyRefColumns are the columns of meter_key k in the order in which scanMeterKey reads them.
const KeyRefColumns = MeterKeyColumns + `, k.tid_floor, ` + NewestTID

// MeterKeyColumns are those of them that say which key it is.
const MeterKeyColumns = `k.id, k.meter, k.sgc, k.krn, k.kt, k.ti, k.ken, k.ea, k.dkga, k.base_date, k.from_at, k.state`

// ScanMeterKey reads the columns of keyRefColumns, the first of them at col.
func ScanMeterKey(r core.Row, col int) (registry.Key, error) {
	k := registry.Key{ID: r.ID(col), Meter: r.Int(col + 1), SGC: r.Text(col + 2), KRN: uint8(r.Int(col + 3)), KT: sts.KeyType(r.Int(col + 4)),
		TI: r.Text(col + 5), KEN: uint8(r.Int(col + 6)), BaseDate: sts.BaseDate(r.Int(col + 9)), From: r.Time(col + 10),
		State: r.Text(col + 11), LastTID: sts.TID(max(r.Int(col+12), r.Int(col+13)))}
	var err error
	if k.EA, err = sts.ParseEA(r.Text(col + 7)); err != nil {
		return registry.Key{}, err
	}
	k.DKGA, err = sts.ParseDKGA(r.Text(col + 8))
	return k, err
}

// AddInstall notes from when a meter measures a service point.
func (tx Rows) AddInstall(meter int64, point id.ID, from time.Time) error {
	_, err := tx.C.Exec(`INSERT INTO meter_install (tenant_id, meter, service_point_id, from_at, created_at)
		VALUES ($1, $2, $3, $4, $5)`, tx.Tenant, meter, point, from, tx.Now)
	if err != nil {
		return fmt.Errorf("keep installation of meter %d: %w", meter, err)
	}
	return nil
}
