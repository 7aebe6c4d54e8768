package meters

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
)

// MeterLogin finds with what a meter of any tenant may sign in. It searches all tenants, because the tenant is not known until the number,
// which is the MQTT user name, is found.
func (tx Rows) MeterLogin(number string) (l registry.Login, found bool, err error) {
	found, err = tx.One(`SELECT tenant_id, n, number, simulated, status, mqtt_hash, mqtt_next_hash, login_ends_at FROM meter WHERE number = $1`,
		func(r core.Row) error {
			l.Who = registry.Identity{Tenant: access.Tenant(r.Int(0)), Meter: r.Int(1), Number: r.Text(2), Simulated: r.Bool(3)}
			l.Status, l.Password, l.Next, l.EndsAt = registry.Status(r.Text(4)), r.Bytes(5), r.Bytes(6), r.Time(7)
			return nil
		}, number)
	return l, found, fault.Wrap(err, "find meter %s", number)
}

// LockMeterLogin reads the stored forms of a meter's MQTT passwords, and locks the meter.
func (tx Rows) LockMeterLogin(meter id.ID) (password, next []byte, err error) {
	_, err = tx.One(`SELECT mqtt_hash, mqtt_next_hash FROM meter WHERE tenant_id = $1 AND id = $2`+tx.C.ForUpdate(), func(r core.Row) error {
		password, next = r.Bytes(0), r.Bytes(1)
		return nil
	}, tx.Tenant, meter)
	return password, next, fault.Wrap(err, "find the login of meter %s", meter.Text(id.Meter))
}

// SetMeterPasswords replaces the stored forms of a meter's MQTT passwords. Either may be nil. Open connections are looked at after the commit.
func (tx Rows) SetMeterPasswords(meter id.ID, password, next []byte) error {
	var since any
	if next != nil {
		since = tx.Now
	}
	err := tx.Rewrite("meter", meter, func() error {
		return tx.Must(`UPDATE meter SET mqtt_hash = $1, mqtt_next_hash = $2, mqtt_next_at = $3, login_at = $4, version = version + 1
			WHERE tenant_id = $5 AND id = $6`, password, next, since, tx.Now, tx.Tenant, meter)
	})
	tx.Due.Add(job.LaneLogin)
	return fault.Wrap(err, "replace the password of meter %s", meter.Text(id.Meter))
}

// EndMeterLogins ends every login of a meter at a time, which may still come. Open connections are looked at after the commit, and then.
func (tx Rows) EndMeterLogins(meter id.ID, at time.Time) error {
	err := tx.Rewrite("meter", meter, func() error {
		return tx.Must(`UPDATE meter SET login_ends_at = $1, login_at = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`,
			at, tx.Tenant, meter)
	})
	tx.Due.Add(job.LaneLogin)
	return fault.Wrap(err, "end the logins of meter %s", meter.Text(id.Meter))
}

// LoginsChanged lists the meters of all tenants whose logins changed or ended in a time, by their dense numbers.
func (tx Rows) LoginsChanged(after, until time.Time) (meters []int64, err error) {
	err = tx.C.Query(`SELECT n FROM meter WHERE login_at > $1 AND login_at <= $2`, func(r core.Row) error {
		meters = append(meters, r.Int(0))
		return nil
	}, after, until)
	return meters, fault.Wrap(err, "list meters whose logins changed")
}
