package meters

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/store/core"
)

// ProfileRegister reads and locks what the server counts for a meter whose device has no register that counts; the zero
// Register where there is none.
func (tx Rows) ProfileRegister(meter int64) (profile.Register, error) {
	var g profile.Register
	_, err := tx.One(`SELECT mwh, rest, at, power_mw, device_mwh, relay, gaps, gap_s, seq, reported_at, reported_wh, boots, open_from
		FROM profile_register WHERE tenant_id = $1 AND meter = $2`+tx.C.ForUpdate(), func(r core.Row) error {
		g = profile.Register{MWh: r.Int(0), Rest: r.Int(1), At: r.Time(2), PowerMW: r.Int(3), Device: r.Int(4), HasDevice: !r.IsNull(4),
			Relay: r.Text(5), Gaps: r.Int(6), GapSec: r.Int(7), Seq: uint64(r.Int(8)), ReportedAt: r.Time(9), ReportedWh: r.Int(10),
			Boots: uint64(r.Int(11)), OpenFrom: r.Time(12)}
		return nil
	}, tx.Tenant, meter)
	if err != nil {
		return profile.Register{}, fmt.Errorf("load the register of meter %d: %w", meter, err)
	}
	return g, nil
}

// PutProfileRegister writes it.
func (tx Rows) PutProfileRegister(meter int64, name string, g profile.Register) error {
	var device *int64
	if g.HasDevice {
		device = &g.Device
	}
	_, err := tx.C.Exec(`INSERT INTO profile_register (tenant_id, meter, profile, mwh, rest, at, power_mw, device_mwh, relay, gaps, gap_s,
		seq, reported_at, reported_wh, boots, open_from) VALUES (`+core.Placeholders(1, 16)+`)
		ON CONFLICT (tenant_id, meter) DO UPDATE SET profile = excluded.profile, mwh = excluded.mwh, rest = excluded.rest,
		at = excluded.at, power_mw = excluded.power_mw, device_mwh = excluded.device_mwh, relay = excluded.relay, gaps = excluded.gaps,
		gap_s = excluded.gap_s, seq = excluded.seq, reported_at = excluded.reported_at, reported_wh = excluded.reported_wh,
		boots = excluded.boots, open_from = excluded.open_from`, tx.Tenant, meter, name, g.MWh, g.Rest, g.At, g.PowerMW, device, g.Relay, g.Gaps, g.GapSec,
		int64(g.Seq), g.ReportedAt, g.ReportedWh, int64(g.Boots), g.OpenFrom)
	if err != nil {
		return fmt.Errorf("save the register of meter %d: %w", meter, err)
	}
	return nil
}
