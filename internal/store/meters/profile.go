package meters

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/store/core"
)

// registerRow is a row of profile_register.
type registerRow = profile.Register

var registerColumns = core.Columns[registerRow]{Table: "profile_register", Unattested: []core.Column[registerRow]{
	core.Int("mwh", func(g *registerRow) *int64 { return &g.MWh }),
	core.Int("rest", func(g *registerRow) *int64 { return &g.Rest }),
	core.Time("at", func(g *registerRow) *time.Time { return &g.At }),
	core.Int("power_mw", func(g *registerRow) *int64 { return &g.PowerMW }),
	orNone("device_mwh", func(g *registerRow) *bool { return &g.HasDevice }, func(g *registerRow) *int64 { return &g.Device }),
	core.Text("relay", func(g *registerRow) *string { return &g.Relay }),
	core.Int("gaps", func(g *registerRow) *int64 { return &g.Gaps }),
	core.Int("gap_s", func(g *registerRow) *int64 { return &g.GapSec }),
	core.Int("seq", func(g *registerRow) *uint64 { return &g.Seq }),
	core.Time("reported_at", func(g *registerRow) *time.Time { return &g.ReportedAt }),
	core.Int("reported_wh", func(g *registerRow) *int64 { return &g.ReportedWh }),
	core.Int("boots", func(g *registerRow) *uint64 { return &g.Boots }),
	core.Time("open_from", func(g *registerRow) *time.Time { return &g.OpenFrom }),
	core.Parsed("counting", func(g *registerRow) *profile.Counting { return &g.Counting }, profile.ParseCounting),
	{Name: "meter", Form: 'i'}, {Name: "profile", Form: 't'},
}}

// registerQuery reads a register; registerSave writes one.
var (
	registerQuery = `SELECT ` + registerColumns.List("") + ` FROM profile_register WHERE tenant_id = $1 AND meter = $2`
	registerSave  = `INSERT INTO ` + registerColumns.Into("meter", "profile") + registerColumns.OrUpdate("meter") + `,
		profile = CASE WHEN excluded.profile = '' THEN profile_register.profile ELSE excluded.profile END`
)

// ProfileRegister reads and locks the register that the server keeps for a meter whose device has no cumulative register. It returns the
// zero register if none is stored.
func (tx Rows) ProfileRegister(meter int64) (profile.Register, error) {
	var g profile.Register
	_, err := tx.One(registerQuery+tx.C.ForUpdate(), registerColumns.To(&g), tx.Tenant, meter)
	if err != nil {
		return profile.Register{}, fmt.Errorf("load the register of meter %d: %w", meter, err)
	}
	return g, nil
}

// PutProfileRegister writes the register of [Rows.ProfileRegister]. Without the name of a profile, the stored name stays.
func (tx Rows) PutProfileRegister(meter int64, name string, g profile.Register) error {
	_, err := tx.C.Exec(registerSave, registerColumns.Values(tx.Tenant, &g, meter, name)...)
	if err != nil {
		return fmt.Errorf("save the register of meter %d: %w", meter, err)
	}
	return nil
}
