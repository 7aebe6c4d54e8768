package debt_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/registry"
)

// TestWhatFollowsAUsedBalance: an import of opening balances is undone, and one was used. A move-out is advised only where it is possible.
func TestWhatFollowsAUsedBalance(t *testing.T) {
	for name, c := range map[string]struct {
		account debt.AccountDetails
		want    string
	}{
		"a keypad account":    {debt.AccountDetails{Mode: registry.PrepayToken, Status: registry.AccountActive}, "balance-used-since"},
		"a wallet":            {debt.AccountDetails{Mode: registry.PrepayWallet, Status: registry.AccountActive}, "balance-used-since"},
		"a post-paid account": {debt.AccountDetails{Mode: registry.Postpay, Status: registry.AccountActive}, "balance-used-since-stays"},
		"a closed account":    {debt.AccountDetails{Mode: registry.PrepayToken, Status: "closed"}, "balance-used-since-stays"},
	} {
		if no := c.account.RefuseBroughtBack(); no.Text != c.want {
			t.Errorf("%s: %s", name, no.Detail())
		}
	}
}
