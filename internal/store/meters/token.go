package meters

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
)

// VendKey reads a meter key by its identity, whatever its state.
func (tx Rows) VendKey(key id.ID) (registry.Key, bool, error) {
	var k registry.Key
	found, err := tx.One(keyByID, func(r core.Row) error { return ScanMeterKey(r, 0, &k) }, tx.Tenant, key)
	if err != nil {
		return registry.Key{}, false, fmt.Errorf("find meter key %s: %w", key.Text(id.Key), err)
	}
	return k, found, nil
}
