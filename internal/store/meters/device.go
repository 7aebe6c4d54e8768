package meters

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/store/core"
)

// deviceRow is a row of device. A released device keeps its row.
type deviceRow struct {
	profile.Adopted
	id       id.ID
	released time.Time
}

// deviceColumns are the columns of an adopted device.
var deviceColumns = core.Columns[deviceRow]{Table: "device", Attested: []core.Column[deviceRow]{
	core.Text("name", func(d *deviceRow) *string { return &d.Name }),
	core.Text("client_id", func(d *deviceRow) *string { return &d.Client }),
	core.Text("profile", func(d *deviceRow) *string { return &d.Profile }),
	core.Int("meter", func(d *deviceRow) *int64 { return &d.Meter }),
	core.Time("adopted_at", func(d *deviceRow) *time.Time { return &d.At }),
	core.Text("adopted_by", func(d *deviceRow) *string { return &d.By }),
	core.Time("released_at", func(d *deviceRow) *time.Time { return &d.released }),
}, Unattested: []core.Column[deviceRow]{
	core.ID("id", func(d *deviceRow) *id.ID { return &d.id }),
	{Name: "version", Form: 'i'},
}}

// devicePassword is a row of device_password.
type devicePassword struct {
	id      id.ID
	madeAt  time.Time
	madeBy  string
	dropped time.Time
}

var devicePasswordColumns = core.Columns[devicePassword]{Table: "device_password", Attested: []core.Column[devicePassword]{
	{Name: "hash", Form: 'b'},
	core.Time("made_at", func(p *devicePassword) *time.Time { return &p.madeAt }),
	core.Text("made_by", func(p *devicePassword) *string { return &p.madeBy }),
	core.Time("dropped_at", func(p *devicePassword) *time.Time { return &p.dropped }),
}, Unattested: []core.Column[devicePassword]{
	core.ID("id", func(p *devicePassword) *id.ID { return &p.id }),
	{Name: "version", Form: 'i'},
}}

const (
	adoptedKind  = "adopted_device"
	passwordKind = "device_password"
)

// AdoptedKind and DevicePasswordKind describe the evidence of unmodified devices and of their password.
var (
	AdoptedKind        = core.AttestedKind{Name: adoptedKind, Noun: "Adopted device", Prefix: id.Adopted, From: "device r", Key: "id", Order: "r.version", Proof: deviceColumns.Proof("r")}
	DevicePasswordKind = core.AttestedKind{Name: passwordKind, Noun: "Device password", Prefix: id.DevicePassword, From: "device_password r", Key: "id", Order: "r.version",
		Proof: devicePasswordColumns.Proof("r")}
)

var deviceQuery = `SELECT ` + deviceColumns.List("") + ` FROM device WHERE tenant_id = $1 AND released_at IS NULL AND `

// DeviceNamed finds the adopted device with a name and locks it.
func (tx Rows) DeviceNamed(name string) (profile.Adopted, bool, error) {
	d, found, err := tx.deviceNamed(name)
	return d.Adopted, found, err
}

func (tx Rows) deviceNamed(name string) (d deviceRow, found bool, err error) {
	found, err = tx.One(deviceQuery+`name = $2`+tx.C.ForUpdate(), deviceColumns.To(&d), tx.Tenant, name)
	return d, found, fault.Wrap(err, "find device %s", name)
}

// DeviceOf finds the adopted device of a meter and locks it.
func (tx Rows) DeviceOf(meter int64) (profile.Adopted, bool, error) {
	var d deviceRow
	found, err := tx.One(deviceQuery+`meter = $2`+tx.C.ForUpdate(), deviceColumns.To(&d), tx.Tenant, meter)
	return d.Adopted, found, fault.Wrap(err, "find the device of meter %d", meter)
}

// AdoptedAfter lists adopted devices in the order of their meters' dense numbers, after a number.
func (tx Rows) AdoptedAfter(meter int64, max int) ([]profile.Adopted, error) {
	rows, err := deviceColumns.All(tx.C, `tenant_id = $1 AND released_at IS NULL AND meter > $2 ORDER BY meter LIMIT $3`, tx.Tenant, meter, max)
	out := make([]profile.Adopted, len(rows))
	for i, r := range rows {
		out[i] = r.Adopted
	}
	return out, fault.Wrap(err, "list devices")
}

// MeterNumber returns the number of a meter.
func (tx Rows) MeterNumber(meter int64) (number string, err error) {
	_, err = tx.One(`SELECT number FROM meter WHERE tenant_id = $1 AND n = $2`, func(r core.Row) error { number = r.Text(0); return nil }, tx.Tenant, meter)
	return number, fault.Wrap(err, "find the number of meter %d", meter)
}

// AddAdopted stores an adopted device. It returns false if the name or the meter has a device.
func (tx Rows) AddAdopted(d profile.Adopted) (bool, error) {
	row := deviceRow{Adopted: d}
	var err error
	if row.id, err = tx.NewID(); err != nil {
		return false, err
	}
	n, err := tx.C.Exec(`INSERT INTO `+deviceColumns.Into()+` ON CONFLICT DO NOTHING`, deviceColumns.Values(tx.Tenant, &row)...)
	if err == nil && n == 1 {
		err = tx.Attest(adoptedKind, row.id)
	}
	return n == 1, fault.Wrap(err, "store device %s", d.Name)
}

// DropAdopted releases an adopted device. The audit log says who released it.
func (tx Rows) DropAdopted(name string) error {
	d, _, err := tx.deviceNamed(name)
	if err != nil {
		return err
	}
	err = tx.Rewrite(adoptedKind, d.id, func() error {
		return tx.Must(`UPDATE device SET released_at = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3 AND released_at IS NULL`, tx.Now, tx.Tenant, d.id)
	})
	return fault.Wrap(err, "release device %s", name)
}

// DevicePassword returns the stored form of the password of unmodified devices; nil if they need none.
func (tx Rows) DevicePassword() (hash []byte, err error) {
	_, err = tx.One(`SELECT hash FROM device_password WHERE tenant_id = $1 AND dropped_at IS NULL`, func(r core.Row) error { hash = r.Bytes(0); return nil }, tx.Tenant)
	return hash, fault.Wrap(err, "find the password of devices")
}

// SetDevicePassword replaces the password of unmodified devices.
func (tx Rows) SetDevicePassword(hash [32]byte, at time.Time, by string) error {
	p := devicePassword{madeAt: at, madeBy: by}
	err := tx.DropDevicePassword()
	if err == nil {
		p.id, err = tx.NewID()
	}
	if err == nil {
		_, err = tx.C.Exec(`INSERT INTO `+devicePasswordColumns.Into("hash"), devicePasswordColumns.Values(tx.Tenant, &p, hash[:])...)
	}
	if err == nil {
		err = tx.Attest(passwordKind, p.id)
	}
	return fault.Wrap(err, "store the password of devices")
}

// DropDevicePassword makes unmodified devices need no password.
func (tx Rows) DropDevicePassword() error {
	var now id.ID
	found, err := tx.One(`SELECT id FROM device_password WHERE tenant_id = $1 AND dropped_at IS NULL`, func(r core.Row) error { now = r.ID(0); return nil }, tx.Tenant)
	if err == nil && found {
		err = tx.Rewrite(passwordKind, now, func() error {
			return tx.Must(`UPDATE device_password SET dropped_at = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, tx.Now, tx.Tenant, now)
		})
	}
	return fault.Wrap(err, "drop the password of devices")
}
