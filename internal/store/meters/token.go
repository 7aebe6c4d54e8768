package meters

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/fault"
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

// VendKeys reads several keys as [Rows.VendKey] reads one.
func (tx Rows) VendKeys(keys []id.ID) (map[id.ID]registry.Key, error) {
	out := make(map[id.ID]registry.Key, len(keys))
	err := core.ReadBy(tx.Tx, core.Keyed{Query: KeyQuery + `k.id `, Form: 'b'}, keys, func(r core.Row) error {
		var k registry.Key
		if err := ScanMeterKey(r, 0, &k); err != nil {
			return err
		}
		return core.PutOnce(out, k.ID, k)
	})
	return out, fault.Wrap(err, "find meter keys")
}
