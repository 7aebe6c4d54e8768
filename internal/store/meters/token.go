package meters

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
)

// VendKey is a meter key by its identity, whatever its state.
func (tx Rows) VendKey(key id.ID) (registry.Key, bool, error) {
	var k registry.Key
	found, err := tx.One(`SELECT `+KeyRefColumns+` FROM meter_key k WHERE k.tenant_id = $1 AND k.id = $2`,
		func(r core.Row) (err error) { k, err = ScanMeterKey(r, 0); return err }, tx.Tenant, key)
	if err != nil {
		return registry.Key{}, false, fmt.Errorf("find meter key %s: %w", key.Text(id.Key), err)
	}
	return k, found, nil
}
