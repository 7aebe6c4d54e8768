package people

import (
	"encoding/json"
	"fmt"

	"github.com/paywatt/paywatt/internal/registry"
)

// SalePolicy reads what a tenant decided about charges and limits out of its settings. Most tenants decided nothing.
func SalePolicy(settings string) (registry.ChargePolicy, registry.Limits, error) {
	s := struct {
		Charges registry.ChargePolicy `json:"charges"`
		Limits  registry.Limits       `json:"limits"`
	}{Limits: registry.DefaultLimits()}
	if settings == "" || settings == "{}" {
		return s.Charges, s.Limits, nil
	}
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		return registry.ChargePolicy{}, registry.Limits{}, fmt.Errorf("read settings %s, %s: %w", chargesKey, limitsKey, err)
	}
	return s.Charges, s.Limits, nil
}
