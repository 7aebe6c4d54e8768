package people

import (
	"encoding/json"
	"fmt"

	"github.com/paywatt/paywatt/internal/registry"
)

// SalePolicy reads a tenant's settings of charges and limits. Most tenants have set neither charges nor limits.
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
