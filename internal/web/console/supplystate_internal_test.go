package console

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/overview"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/wallet"
)

// TestMoneyIsPromisedToHelpOnlyWhereItDoes tests supplies that are off, for every kind of reason.
func TestMoneyIsPromisedToHelpOnlyWhereItDoes(t *testing.T) {
	tier.Slow(t)
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
		c.view.Money = &registry.WalletMoney{Settled: kes, Available: kes}
		got := site{say: english()}.walletOf(registry.MeterView{Wallet: &c.view, Relay: c.relay}).Why
		if !strings.Contains(got, c.want) || c.promise != strings.Contains(got, promise) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestRestoringPromisesOnlyWhatItDoes checks the effect that is shown before a person's cut is ended.
func TestRestoringPromisesOnlyWhatItDoes(t *testing.T) {
	tier.Slow(t)
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

// TestOneWordForOneState: the list of meters, a meter's page, its supply and the overview say the same word for the same state.
func TestOneWordForOneState(t *testing.T) {
	say := site{say: english(), zone: time.UTC}
	words := map[registry.State]string{registry.On: "On", registry.Low: "Low credit", registry.CutOff: "Cut off", registry.Offline: "Offline", registry.TamperState: "Tamper"}
	lists := map[overview.Kind]registry.State{overview.CutOff: registry.CutOff, overview.Low: registry.Low, overview.Offline: registry.Offline, overview.Tampered: registry.TamperState}
	if len(words) != len(registry.States()) {
		t.Errorf("there are %d states, and %d words", len(registry.States()), len(words))
	}
	for state, word := range words {
		if got := stateBadge(say.say, state).Word; got != word {
			t.Errorf("state %s is %q, want %q", state, got, word)
		}
		row := say.row(registry.MeterView{State: state, LastSeen: time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)})
		if want := map[bool]string{true: "Offline (last heard 2026-11-20 09:30 UTC)", false: word}[state == registry.Offline]; row.State.Word != want {
			t.Errorf("the list says %q for %s, want %q", row.State.Word, state, want)
		}
	}
	for kind, state := range lists {
		if got := say.needs(overview.List{Kind: kind}).Title; !strings.HasSuffix(got, words[state]) {
			t.Errorf("the overview says %q for %s, want %q", got, state, words[state])
		}
	}
	for stand, state := range map[wallet.SupplyState]registry.State{wallet.SupplyOn: registry.On, wallet.SupplyOff: registry.CutOff} {
		if got := standBadge(say.say, stand); got != stateBadge(say.say, state) {
			t.Errorf("the supply %s is %q, want %q", stand, got.Word, words[state])
		}
	}
}
