package messages

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/unit"
)

// SaidBalance is the newest balance that a meter told after its newest reading, otherwise than in one: with its word about a
// token, or by SMS; nil for none. What a meter reports is compared by its own time, because records of hours come together;
// a text message has none but that of its arrival.
func (tx Rows) SaidBalance(rec registry.MeterRecord) (*registry.Said, error) {
	var out *registry.Said
	_, err := tx.One(`SELECT r.received_at, r.source, r.balance_wh FROM token_report r
		LEFT JOIN meter_live l ON l.tenant_id = r.tenant_id AND l.meter = r.meter
		WHERE r.tenant_id = $1 AND r.meter = $2 AND r.balance_wh IS NOT NULL
			AND (l.as_of IS NULL OR r.at > l.as_of OR r.at = l.as_of AND r.store = l.store AND r.seq > l.reading_seq)
		ORDER BY r.received_at DESC, r.seq DESC LIMIT 1`, func(r core.Row) error {
		out = &registry.Said{At: r.Time(0), Source: r.Text(1), Balance: unit.Energy(r.Int(2))}
		return nil
	}, tx.Tenant, rec.Meter.N)
	if err != nil {
		return nil, fmt.Errorf("read what meter %s said with a token: %w", rec.Meter.Number, err)
	}
	if rec.Meter.SIM == "" {
		return out, nil
	}
	told, heard, err := notify.ToldBySMS(tx, rec.Meter.N)
	if err != nil || !heard || rec.Reported && !told.At.After(rec.ReceivedAt) || out != nil && !told.At.After(out.At) {
		return out, err
	}
	return &registry.Said{Balance: told.Balance, At: told.At, Source: registry.SaidBySMS}, nil
}
