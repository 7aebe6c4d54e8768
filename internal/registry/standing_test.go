package registry_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/registry"
)

// TestAMeterIsCutOffOnlyIfItsRelaySaysSo: a plug that never reported its relay is not cut off, unless the server wants its supply off.
func TestAMeterIsCutOffOnlyIfItsRelaySaysSo(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		s    registry.Standing
		want registry.State
	}{
		"a plug that never reported its relay":        {registry.Standing{Wallet: true, Supply: true}, registry.On},
		"the same with little money":                  {registry.Standing{Wallet: true, Supply: true, Money: true, WalletLow: true}, registry.Low},
		"a replaced one, whose account has little":    {registry.Standing{Wallet: true, Supply: true, WalletLow: true}, registry.On},
		"the same without money":                      {registry.Standing{Wallet: true, Money: true, WalletLow: true}, registry.CutOff},
		"a meter without a wallet that never said it": {registry.Standing{}, registry.On},
		"closed":               {registry.Standing{Relay: registry.RelayClosed, Wallet: true, Supply: true}, registry.On},
		"closed without money": {registry.Standing{Relay: registry.RelayClosed, Wallet: true}, registry.On},
		"open for a reason":    {registry.Standing{Relay: registry.RelayOpen, Reasons: []string{"CREDIT"}, Reported: true}, registry.CutOff},
		"open without a reason, and about to close": {registry.Standing{Relay: registry.RelayOpen, Reported: true, Wallet: true, Supply: true}, registry.On},
		"open without a reason, and not to close":   {registry.Standing{Relay: registry.RelayOpen, Reported: true, Wallet: true}, registry.CutOff},
		"waiting for a key":                         {registry.Standing{Relay: "armed", Reported: true}, registry.CutOff},
		"silent":                                    {registry.Standing{Relay: registry.RelayOpen, LastSeen: now.Add(-time.Hour)}, registry.Offline},
		"tampered with":                             {registry.Standing{Tamper: true}, registry.TamperState},
	} {
		if c.s.LastSeen.IsZero() {
			c.s.LastSeen = now
		}
		c.s.Interval, c.s.Mode = time.Minute, registry.PrepayWallet
		if got := c.s.State(now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
