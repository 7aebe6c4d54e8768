package command_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// TestASwitchPromisesOnlyWhatItDoes checks the words for every possible effect of a person's cut or restore.
func TestASwitchPromisesOnlyWhatItDoes(t *testing.T) {
	ordered := id.ID{15: 1}
	for _, c := range []struct {
		name   string
		does   command.Type
		s      wallet.Switched
		device bool
		want   string
	}{
		{"a meter that is told", command.Disconnect, wallet.Switched{Order: ordered}, false, "opens its relay as soon as it has the command"},
		{"a meter that was never heard", command.Disconnect, wallet.Switched{}, false, "as soon as it has been heard"},
		{"a device", command.Disconnect, wallet.Switched{}, true, "as soon as it is connected"},
		{"no credit", command.Connect, wallet.Switched{Off: supply.Of(supply.Credit)}, false, "returns with the next payment"},
		{"no credit, and moved out", command.Connect, wallet.Switched{Off: supply.Of(supply.Credit, supply.NotActivated)}, false, "NOT_ACTIVATED. A payment does not"},
		{"a key", command.Connect, wallet.Switched{Order: ordered, Press: true}, false, "press #"},
		{"a device is restored", command.Connect, wallet.Switched{}, true, "as soon as it is connected"},
		{"nothing to do", command.Connect, wallet.Switched{}, false, "Nothing keeps the supply off."},
		{"a meter is restored", command.Connect, wallet.Switched{Order: ordered}, false, "the supply returns."},
	} {
		if got := command.Effect(c.does, c.s, c.device); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
