package wallet_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/wallet"
)

// TestACutThatARuleHoldsUpIsShownAsWaiting: the cut-off was decided, and a rule forbids it before it is sent.
func TestACutThatARuleHoldsUpIsShownAsWaiting(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(*rig)
		stand wallet.SupplyState
		block wallet.CutoffDelay
	}{
		{"nothing forbids it", func(*rig) {}, wallet.SupplyCutting, ""},
		{"a window opens", func(d *rig) { d.tenant.Supply.Windows = []string{"all 00:00-24:00"} }, wallet.SupplyWaiting, wallet.BlockFriendly},
		{"the reading grows old", func(d *rig) { d.passes(2 * time.Hour) }, wallet.SupplyWaiting, wallet.BlockStale},
		{"a window opens when the order has left", func(d *rig) {
			d.signs(1, wallet.CommandCut)
			d.tenant.Supply.Windows = []string{"all 00:00-24:00"}
		}, wallet.SupplyCutting, ""},
		{"a person wants it off", func(d *rig) {
			s := d.kept[1]
			s.Why = "tampered seal"
			d.kept[1] = s
			d.tenant.Supply.Windows = []string{"all 00:00-24:00"}
		}, wallet.SupplyCutting, ""},
	} {
		d := tillOf(charged(t))
		c.do(d.rig)
		v, err := d.wallets().Supply(t.Context(), system(), tillNumber)
		if err != nil || v.Refused() || v.Stand != c.stand || v.Block != c.block {
			t.Errorf("%s: stands %q, waits for %q (%+v, %v); want %q and %q", c.name, v.Stand, v.Block, v.Refusal, err, c.stand, c.block)
		}
	}
}
