package console

import (
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// TestMoneyIsPromisedToHelpOnlyWhereItDoes tests supplies that are off, for every kind of reason.
func TestMoneyIsPromisedToHelpOnlyWhereItDoes(t *testing.T) {
	const promise = "at once"
	for _, c := range []struct {
		name string
		view wallet.SupplyView
		want string
	}{
		{"no credit", wallet.SupplyView{Off: []string{"CREDIT"}}, promise},
		{"cut by a person", wallet.SupplyView{Off: []string{"REMOTE"}}, "does not restore the supply: cut off by a person."},
		{"no credit, and cut by a person", wallet.SupplyView{Off: []string{"CREDIT", "REMOTE"}}, "does not restore the supply: cut off by a person."},
		{"moved out, and no credit", wallet.SupplyView{Off: []string{"CREDIT", "NOT_ACTIVATED"}}, "does not restore the supply: the customer has moved out."},
		{"no credit, and rating is held", wallet.SupplyView{Off: []string{"CREDIT"}, Held: wallet.HoldRegress}, "doubtful reading: the register went back."},
		{"wanted, and rating is held", wallet.SupplyView{Wanted: true, Held: wallet.HoldRegress, Keeps: []string{"LEASE"}}, "doubtful reading: the register went back."},
		{"wanted, and the lease was refused", wallet.SupplyView{Wanted: true, Unwilling: "no_lease", Keeps: []string{"LEASE"}}, "rejected its lease (no lease)"},
		{"wanted, and the lease is used up", wallet.SupplyView{Wanted: true, Keeps: []string{"LEASE"}}, "the energy of its lease is used up."},
		{"wanted, and nobody knows", wallet.SupplyView{Wanted: true}, "sends the order when it hears from the meter"},
	} {
		c.view.Stand = wallet.SupplyOff
		got := site{say: english()}.standEffect(c.view)
		if !strings.Contains(got, c.want) || c.want != promise && strings.Contains(got, promise) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	kes := money.Amount{Currency: "KES"}
	for _, c := range []struct {
		name    string
		view    registry.WalletView
		relay   string
		want    string
		promise bool
	}{
		{"no credit", registry.WalletView{Off: []string{"CREDIT"}}, "open", promise, true},
		{"no credit, and cut by a person", registry.WalletView{Off: []string{"CREDIT", "REMOTE"}}, "open", "does not restore the supply: cut off by a person.", false},
		{"no credit, and rating is held", registry.WalletView{Off: []string{"CREDIT"}, Held: "register_regress"}, "open", "doubtful reading", false},
		{"wanted and off", registry.WalletView{Supply: true}, "open", "The supply is off.", false},
		{"wanted and on", registry.WalletView{Supply: true}, "closed", "stays on", false},
	} {
		c.view.Settled, c.view.Available = kes, kes
		got := site{say: english()}.walletOf(registry.MeterView{Wallet: &c.view, Relay: c.relay}).Why
		if !strings.Contains(got, c.want) || c.promise != strings.Contains(got, promise) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestRestoringPromisesOnlyWhatItDoes checks the effect that is shown before a person's cut is ended.
func TestRestoringPromisesOnlyWhatItDoes(t *testing.T) {
	const promise = "A recharge restores it."
	for _, c := range []struct {
		name    string
		off     []string
		want    string
		promise bool
	}{
		{"cut by a person", []string{"REMOTE"}, "gets the command when it connects again", false},
		{"no credit besides", []string{"CREDIT", "REMOTE"}, "there is no credit", true},
		{"no credit and moved out besides", []string{"CREDIT", "REMOTE", "NOT_ACTIVATED"}, "the customer has moved out", false},
		{"moved out besides", []string{"REMOTE", "NOT_ACTIVATED"}, "the customer has moved out", false},
	} {
		got := effect(english(), supplyForm{Cut: true, Empty: slices.Contains(c.off, creditReason), Other: stillOff(english(), c.off)})
		if !strings.Contains(got, c.want) || strings.Contains(got, promise) != c.promise {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
