package wallet

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
)

// TestThePagesOfWalletsStateTheFigures: docs/reference/supply.md and wallets.md state the figures of the code.
func TestThePagesOfWalletsStateTheFigures(t *testing.T) {
	days := int(tariff.MaxSpan.Hours()) / 24
	var p registry.SupplyPolicy
	for page, said := range map[string][]string{
		"supply.md": {
			fmt.Sprintf("| `lease_cap_wh`, the most energy of one lease | %d kWh |", p.LeaseCap()/1000), fmt.Sprintf("in powered-on time | %d h |", int(p.LeaseTTL().Hours())),
			fmt.Sprintf("%d kWh (`supply_allowance_wh`)", p.AllowanceWh()/1000), fmt.Sprintf("for more than %s minutes", map[int]string{2: "two"}[int(unseenAfter.Minutes())]),
			fmt.Sprintf("for %s hours. **Each time before the server signs", map[int]string{3: "three"}[int(cutTTL.Hours())]), fmt.Sprintf("expires after %s minutes", map[int]string{5: "five"}[int(clockSoon.Minutes())]),
			fmt.Sprintf("the last %d whole days", JudgeDays), fmt.Sprintf("more than %d days after the one before", days), fmt.Sprintf("set back by %s minutes or less", map[int]string{2: "two"}[int(Ahead.Minutes())]),
		},
		"wallets.md": {
			fmt.Sprintf("may count %d Wh after its relay opened", stray), fmt.Sprintf("(%d kW for each phase", MaxPerPhase/1000),
			fmt.Sprintf("more than %d days after the one before", days), fmt.Sprintf("up to %d days back", maxChargeDays),
		},
	} {
		b, err := os.ReadFile("../../docs/reference/" + page)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(string(b)), " ")
		for _, s := range said {
			if !strings.Contains(text, s) {
				t.Errorf("docs/reference/%s does not say %q", page, s)
			}
		}
	}
}
