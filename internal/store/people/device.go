package people

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// deviceColumns are the columns of a counter device. The tries and the last use change with every PIN and are no evidence.
var deviceColumns = core.Columns[access.CounterDevice]{Table: "counter_device", Attested: []core.Column[access.CounterDevice]{
	{Name: "hash", Form: 'b'},
	core.ID("person_id", func(d *access.CounterDevice) *id.ID { return &d.Person }),
	core.Text("name", func(d *access.CounterDevice) *string { return &d.Name }),
	core.Text("pin_hash", func(d *access.CounterDevice) *string { return &d.PIN }),
	core.Time("created_at", func(d *access.CounterDevice) *time.Time { return &d.CreatedAt }),
	core.Time("revoked_at", func(d *access.CounterDevice) *time.Time { return &d.RevokedAt }),
}, Unattested: []core.Column[access.CounterDevice]{
	core.ID("id", func(d *access.CounterDevice) *id.ID { return &d.ID }),
	core.Time("used_at", func(d *access.CounterDevice) *time.Time { return &d.UsedAt }),
	core.Int("wrong", func(d *access.CounterDevice) *int { return &d.Wrong }),
	{Name: "version", Form: 'i'},
	{Name: "mark", Form: 'b'},
}}

const deviceKind = "device"

// DeviceKind describes the evidence of counter devices.
var DeviceKind = core.AttestedKind{Name: deviceKind, Noun: "Counter device", Prefix: id.Device, From: "counter_device r", Key: "id", Order: "r.version",
	Proof: deviceColumns.Proof("r"), Marked: true}

// Devices returns the rows of counter devices.
func (tx Rows) Devices() access.DeviceTx { return deviceRows{tx} }

type deviceRows struct{ Rows }

// AddDevice stores a counter device with the stored form of its secret.
func (tx deviceRows) AddDevice(d access.CounterDevice, hash [32]byte) error {
	_, err := tx.C.Exec(`INSERT INTO `+deviceColumns.Into("hash"), deviceColumns.Values(tx.Tenant, &d, hash[:])...)
	if err != nil {
		return fmt.Errorf("store device %s: %w", d.ID.Text(id.Device), err)
	}
	return tx.Attest(deviceKind, d.ID)
}

// LockDevice reads and locks the counter device with the stored form of a secret, even a revoked one.
func (tx deviceRows) LockDevice(hash [32]byte) (access.CounterDevice, bool, error) {
	return tx.device(`hash = $2`+tx.C.ForUpdate(), hash[:])
}

// DeviceByHash finds the counter device with the stored form of a secret, even a revoked one.
func (tx deviceRows) DeviceByHash(hash [32]byte) (access.CounterDevice, bool, error) {
	return tx.device(`hash = $2`, hash[:])
}

// DeviceByID reads and locks a counter device, even a revoked one.
func (tx deviceRows) DeviceByID(device id.ID) (access.CounterDevice, bool, error) {
	return tx.device(`id = $2`+tx.C.ForUpdate(), device)
}

func (tx deviceRows) device(where string, arg any) (access.CounterDevice, bool, error) {
	all, err := deviceColumns.All(tx.C, `tenant_id = $1 AND `+where, tx.Tenant, arg)
	if err != nil || len(all) == 0 {
		return access.CounterDevice{}, false, fault.Wrap(err, "find device")
	}
	genuine, err := tx.Genuine(&DeviceKind, tx.Tenant, all[0].ID)
	all[0].Forged = !genuine
	return all[0], true, fault.Wrap(err, "find device")
}

// DevicesOf lists the counter devices of a person that are not revoked, in the order in which they were registered.
func (tx deviceRows) DevicesOf(person id.ID) ([]access.CounterDevice, error) {
	out, err := deviceColumns.All(tx.C, `tenant_id = $1 AND person_id = $2 AND revoked_at IS NULL ORDER BY id`+tx.C.ForUpdate(), tx.Tenant, person)
	for i := range out {
		if err == nil {
			var genuine bool
			genuine, err = tx.Genuine(&DeviceKind, tx.Tenant, out[i].ID)
			out[i].Forged = !genuine
		}
	}
	return out, fault.Wrap(err, "list devices of %s", person.Text(id.Person))
}

// CountPIN stores how many PINs were tried since the last right one, and when the last right one was.
func (tx deviceRows) CountPIN(d access.CounterDevice) error {
	_, err := tx.C.Exec(`UPDATE counter_device SET wrong = $1, used_at = $2 WHERE tenant_id = $3 AND id = $4`, d.Wrong, d.UsedAt, tx.Tenant, d.ID)
	return fault.Wrap(err, "count a PIN of device %s", d.ID.Text(id.Device))
}

// RevokeDevice revokes a counter device and ends its sessions.
func (tx deviceRows) RevokeDevice(device id.ID, at time.Time) error {
	err := tx.Rewrite(deviceKind, device, func() error {
		_, err := tx.C.Exec(`UPDATE counter_device SET revoked_at = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, at, tx.Tenant, device)
		return err
	})
	if err == nil {
		_, err = tx.C.Exec(`DELETE FROM login WHERE tenant_id = $1 AND device_id = $2`, tx.Tenant, device)
	}
	return fault.Wrap(err, "revoke device %s", device.Text(id.Device))
}
