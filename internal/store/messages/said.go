package messages

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/unit"
)

// ReportedBalance reads the newest balance that a meter reported with a token. By the meter's clock, the balance must be newer than the
// meter's last reading. ReportedBalance also reads the newest balance that came by SMS. Each result is nil if there is no such balance.
func (tx Rows) ReportedBalance(m registry.Meter) (reported, texted *registry.ReportedBalance, err error) {
	_, err = tx.One(`SELECT r.received_at, r.source, r.balance_wh FROM token_report r
		LEFT JOIN meter_live l ON l.tenant_id = r.tenant_id AND l.meter = r.meter
		WHERE r.tenant_id = $1 AND r.meter = $2 AND r.balance_wh IS NOT NULL
			AND (l.as_of IS NULL OR r.at > l.as_of OR r.at = l.as_of AND r.store = l.store AND r.seq > l.reading_seq)
		ORDER BY r.received_at DESC, r.seq DESC LIMIT 1`, func(r core.Row) error {
		reported = &registry.ReportedBalance{At: r.Time(0), Source: r.Text(1), Balance: unit.Energy(r.Int(2))}
		return nil
	}, tx.Tenant, m.N)
	if err != nil {
		return nil, nil, fmt.Errorf("read what meter %s said with a token: %w", m.Number, err)
	}
	if m.SIM == "" {
		return reported, nil, nil
	}
	newest, err := tx.MessageList(notify.FromMeter(m.N), id.ID{}, notify.BalanceSearch)
	if told, heard := notify.BalanceBySMS(newest); heard {
		texted = &registry.ReportedBalance{Balance: told.Balance, At: told.At, Source: registry.ReportedBySMS}
	}
	return reported, texted, err
}
