package app

import (
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Each action that a second person approves needs a doer. Without a doer the action would be approved and never done.
func TestEveryActThatWaitsIsDoneBySomebody(t *testing.T) {
	a := &App{vending: &vending.Vending{}, debts: &debt.Debts{}, vendors: &vendor.Vendors{}, tills: &till.Tills{}, commands: &command.Commands{}, registry: &registry.Registry{}, quarantine: &quarantine.Quarantine{}, wallets: &wallet.Wallets{}, configs: &meterconfig.Configs{}}
	doers := a.doers()
	for _, act := range access.Acts() {
		if doers[act] == nil {
			t.Errorf("nobody does %s", act)
		}
	}
	if len(doers) != len(access.Acts()) {
		t.Errorf("%d acts are done, the table has %d", len(doers), len(access.Acts()))
	}
}
