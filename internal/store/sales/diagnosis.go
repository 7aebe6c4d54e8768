package sales

import (
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
)

// TokenByHash finds a token by the keyed hash of its digits, and returns the token with the meter key under which it was made.
func (tx Rows) TokenByHash(hash []byte) (t sale.Token, key id.ID, found bool, err error) {
	found, err = tx.One(`SELECT meter_key_id, `+tokenColumns.List("")+` FROM token WHERE tenant_id = $1 AND digits_hash = $2`, func(r core.Row) error {
		key = r.ID(0)
		_, err := tokenColumns.Scan(r, 1, &t)
		return err
	}, tx.Tenant, hash)
	return t, key, found, fault.Wrap(err, "find a token by its digits")
}

// MeterKeys lists the keys of a meter, newest first, whatever their state.
func (tx Rows) MeterKeys(meter int64, max int) ([]registry.Key, error) {
	var out []registry.Key
	err := tx.C.Query(meters.KeyQuery+`k.meter = $2
		ORDER BY k.from_at DESC, k.id DESC LIMIT $3`, func(r core.Row) error {
		out = append(out, registry.Key{})
		return meters.ScanMeterKey(r, 0, &out[len(out)-1])
	}, tx.Tenant, meter, max)
	return out, fault.Wrap(err, "list keys of meter %d", meter)
}
