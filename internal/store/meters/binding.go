package meters

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/store/core"
)

// bindingRow is a row of device_binding.
type bindingRow struct {
	profile.Binding
	meter int64
}

var bindingColumns = core.Columns[bindingRow]{Table: "device_binding", Unattested: []core.Column[bindingRow]{
	core.Int("meter", func(b *bindingRow) *int64 { return &b.meter }),
	core.Text("name", func(b *bindingRow) *string { return &b.Name }),
	core.Time("since", func(b *bindingRow) *time.Time { return &b.Since }),
	core.Time("bound_at", func(b *bindingRow) *time.Time { return &b.BoundAt }),
	core.Text("rival", func(b *bindingRow) *string { return &b.Rival }),
	core.Bool("deferred", func(b *bindingRow) *bool { return &b.Deferred }),
	core.Time("read_at", func(b *bindingRow) *time.Time { return &b.ReadAt }),
	{Name: "unread_ms", Form: 'i',
		Read: func(b *bindingRow, r core.Row, col int) error {
			b.UnreadFor = time.Duration(r.Int(col)) * time.Millisecond
			return nil
		},
		Write: func(b *bindingRow) any { return b.UnreadFor.Milliseconds() }},
	core.Time("unread_at", func(b *bindingRow) *time.Time { return &b.UnreadAt }),
	core.Int("warned", func(b *bindingRow) *int { return &b.Warned }),
	core.Time("cut_at", func(b *bindingRow) *time.Time { return &b.CutAt }),
}}

// bindingQuery reads a binding; bindingSave writes one.
var (
	bindingQuery = `SELECT ` + bindingColumns.List("") + ` FROM device_binding WHERE tenant_id = $1 AND meter = $2`
	bindingSave  = `INSERT INTO ` + bindingColumns.Into() + bindingColumns.OrUpdate("meter")
)

// DeviceBinding reads and locks what is known of the device that a meter belongs to. It returns false if nothing is stored.
func (tx Rows) DeviceBinding(meter int64) (profile.Binding, bool, error) {
	var b bindingRow
	found, err := tx.One(bindingQuery+tx.C.ForUpdate(), bindingColumns.To(&b), tx.Tenant, meter)
	return b.Binding, found, fault.Wrap(err, "load the device of meter %d", meter)
}

// PutDeviceBinding writes what is known of the device that a meter belongs to.
func (tx Rows) PutDeviceBinding(meter int64, b profile.Binding) error {
	row := bindingRow{b, meter}
	_, err := tx.C.Exec(bindingSave, bindingColumns.Values(tx.Tenant, &row)...)
	return fault.Wrap(err, "save the device of meter %d", meter)
}
