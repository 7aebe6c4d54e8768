package meters

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/store/core"
)

// deviceColumns are the columns of an adopted device.
var deviceColumns = core.Columns[profile.Adopted]{Table: "device", Unattested: []core.Column[profile.Adopted]{
	core.Text("name", func(d *profile.Adopted) *string { return &d.Name }),
	core.Text("client_id", func(d *profile.Adopted) *string { return &d.Client }),
	core.Text("profile", func(d *profile.Adopted) *string { return &d.Profile }),
	core.Int("meter", func(d *profile.Adopted) *int64 { return &d.Meter }),
	core.Time("adopted_at", func(d *profile.Adopted) *time.Time { return &d.At }),
	core.Text("adopted_by", func(d *profile.Adopted) *string { return &d.By }),
}}

// devicePassword is a row of device_password.
type devicePassword struct {
	madeAt time.Time
	madeBy string
}

var devicePasswordColumns = core.Columns[devicePassword]{Table: "device_password", Unattested: []core.Column[devicePassword]{
	{Name: "hash", Form: 'b'},
	core.Time("made_at", func(p *devicePassword) *time.Time { return &p.madeAt }),
	core.Text("made_by", func(p *devicePassword) *string { return &p.madeBy }),
}}

var deviceQuery = `SELECT ` + deviceColumns.List("") + ` FROM device WHERE tenant_id = $1 AND `

// DeviceNamed finds the adopted device with a name and locks it.
func (tx Rows) DeviceNamed(name string) (d profile.Adopted, found bool, err error) {
	found, err = tx.One(deviceQuery+`name = $2`+tx.C.ForUpdate(), deviceColumns.To(&d), tx.Tenant, name)
	return d, found, fault.Wrap(err, "find device %s", name)
}

// DeviceOf finds the adopted device of a meter and locks it.
func (tx Rows) DeviceOf(meter int64) (d profile.Adopted, found bool, err error) {
	found, err = tx.One(deviceQuery+`meter = $2`+tx.C.ForUpdate(), deviceColumns.To(&d), tx.Tenant, meter)
	return d, found, fault.Wrap(err, "find the device of meter %d", meter)
}

// AdoptedAfter lists adopted devices in the order of their meters' dense numbers, after a number.
func (tx Rows) AdoptedAfter(meter int64, max int) ([]profile.Adopted, error) {
	out, err := deviceColumns.All(tx.C, `tenant_id = $1 AND meter > $2 ORDER BY meter LIMIT $3`, tx.Tenant, meter, max)
	return out, fault.Wrap(err, "list devices")
}

// MeterNumber returns the number of a meter.
func (tx Rows) MeterNumber(meter int64) (number string, err error) {
	_, err = tx.One(`SELECT number FROM meter WHERE tenant_id = $1 AND n = $2`, func(r core.Row) error { number = r.Text(0); return nil }, tx.Tenant, meter)
	return number, fault.Wrap(err, "find the number of meter %d", meter)
}

// AddAdopted stores an adopted device. It returns false if the name or the meter has a device.
func (tx Rows) AddAdopted(d profile.Adopted) (bool, error) {
	n, err := tx.C.Exec(`INSERT INTO `+deviceColumns.Into()+` ON CONFLICT DO NOTHING`, deviceColumns.Values(tx.Tenant, &d)...)
	return n == 1, fault.Wrap(err, "store device %s", d.Name)
}

// DropAdopted deletes an adopted device. The audit log says who released it.
func (tx Rows) DropAdopted(name string) error {
	return fault.Wrap(tx.Must(`DELETE FROM device WHERE tenant_id = $1 AND name = $2`, tx.Tenant, name), "release device %s", name)
}

// MeterHeard reports whether a meter has ever sent anything, by whatever device.
func (tx Rows) MeterHeard(meter int64) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM meter_live WHERE tenant_id = $1 AND meter = $2 AND last_seen IS NOT NULL`, tx.Tenant, meter)
	return n > 0, fault.Wrap(err, "ask whether meter %d was heard", meter)
}

// DevicePassword returns the stored form of the password of unmodified devices; nil if they need none.
func (tx Rows) DevicePassword() (hash []byte, err error) {
	_, err = tx.One(`SELECT hash FROM device_password WHERE tenant_id = $1`, func(r core.Row) error { hash = r.Bytes(0); return nil }, tx.Tenant)
	return hash, fault.Wrap(err, "find the password of devices")
}

// SetDevicePassword replaces the password of unmodified devices.
func (tx Rows) SetDevicePassword(hash [32]byte, at time.Time, by string) error {
	p := devicePassword{madeAt: at, madeBy: by}
	err := tx.DropDevicePassword()
	if err == nil {
		_, err = tx.C.Exec(`INSERT INTO `+devicePasswordColumns.Into("hash"), devicePasswordColumns.Values(tx.Tenant, &p, hash[:])...)
	}
	return fault.Wrap(err, "store the password of devices")
}

// DropDevicePassword makes unmodified devices need no password.
func (tx Rows) DropDevicePassword() error {
	_, err := tx.C.Exec(`DELETE FROM device_password WHERE tenant_id = $1`, tx.Tenant)
	return fault.Wrap(err, "drop the password of devices")
}
