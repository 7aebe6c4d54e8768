package portal

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/words"
)

// TestTheSupplyInWords: each state of a supply has a sentence that says why it is off and what to do, for both kinds of meters.
func TestTheSupplyInWords(t *testing.T) {
	all, err := words.Open()
	if err != nil {
		t.Fatal(err)
	}
	heard := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		m     registry.MeterView
		s     *wallet.SupplyView
		class string
		want  string
	}{
		{m: registry.MeterView{State: registry.On}, class: "ok", want: "is on."},
		{m: registry.MeterView{State: registry.Low}, class: "warn", want: "buy soon"},
		{m: registry.MeterView{State: registry.Offline}, class: "off", want: "has not been heard"},
		{m: registry.MeterView{State: registry.Offline, LastSeen: heard}, class: "off", want: "08:00"},
		{m: registry.MeterView{State: registry.TamperState}, class: "bad", want: "opened or moved"},
		{m: registry.MeterView{State: registry.CutOff, Relay: registry.RelayOpen, Reasons: []string{"CREDIT"}}, class: "bad", want: "no credit. Buy"},
		{m: registry.MeterView{State: registry.CutOff, Relay: registry.RelayOpen, Reasons: []string{"REMOTE"}}, class: "bad", want: "cut off by command. Buying does not"},
		{m: registry.MeterView{State: registry.CutOff, Relay: registry.RelayOpen, Reasons: []string{"CREDIT", "REMOTE"}}, class: "bad", want: "Buying does not"},
		{m: registry.MeterView{State: registry.CutOff, Relay: registry.RelayOpen, Reasons: []string{"LOCAL"}}, class: "warn", want: "Press #"},
		{m: registry.MeterView{State: registry.CutOff, Relay: registry.RelayArmed}, class: "warn", want: "Press #"},
		{s: &wallet.SupplyView{Stand: wallet.SupplyOn}, class: "ok", want: "is on."},
		{m: registry.MeterView{State: registry.Low}, s: &wallet.SupplyView{Stand: wallet.SupplyOn}, class: "warn", want: "buy soon"},
		{s: &wallet.SupplyView{Stand: wallet.SupplyWaiting}, class: "warn", want: "Buy now"},
		{s: &wallet.SupplyView{Stand: wallet.SupplyConnecting}, class: "warn", want: "on its way"},
		{s: &wallet.SupplyView{Stand: wallet.SupplyArmed}, class: "warn", want: "Press #"},
		{s: &wallet.SupplyView{Stand: wallet.SupplyOff, Off: []string{"CREDIT"}}, class: "bad", want: "no credit. Buy"},
		{s: &wallet.SupplyView{Stand: wallet.SupplyOff, Off: []string{"REMOTE"}}, class: "bad", want: "cut off by a person. Buying does not"},
		{s: &wallet.SupplyView{Stand: wallet.SupplyUnknown}, class: "off", want: "has not been heard"},
	} {
		v := visit{m: c.m, zone: time.UTC, say: all.English()}
		class, text := v.supply()
		if c.s != nil {
			class, text = v.walletSupply(*c.s)
		}
		if class != c.class || !strings.Contains(text, c.want) {
			t.Errorf("%+v %+v: %s %q, want %s and %q", c.m, c.s, class, text, c.class, c.want)
		}
	}
}
