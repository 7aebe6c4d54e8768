package registry

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/unit"
)

// Standing has the facts from which the state of a meter follows.
type Standing struct {
	ID        id.ID
	Account   id.ID
	Number    string
	Name      string // of the customer; only if a [StandingFilter] asks for names
	Mode      Mode
	Interval  time.Duration // between its readings
	LastSeen  time.Time     // server time; zero before the first message
	Connected bool
	Tamper    bool   // the latch from events and readings
	Relay     string // as the meter reported it; empty while unknown
	Reasons   []string
	Reported  bool      // the meter has reported figures
	AsOf      time.Time // meter time of the figures
	Watts     int64
	Credit    unit.Energy // balance in the meter
	Wallet    bool        // the account's balance is money on the server
	Supply    bool        // of a wallet: whether the supply is wanted
	Money     bool        // of a wallet: the money of the account is this meter's, because no other meter took its place
	WalletLow bool        // of money: at or below the level of the first warning
}

// States lists the states of a meter in their order of urgency.
func States() []State { return []State{TamperState, Offline, CutOff, Low, On} }

// State decides the state of a meter.
func (s Standing) State(now time.Time) State {
	silent := s.LastSeen.IsZero() || now.Sub(s.LastSeen) >= OfflineAfter*s.Interval
	switch {
	case s.Tamper || slices.Contains(s.Reasons, "TAMPER"):
		return TamperState
	case silent && !s.Connected:
		return Offline
	case s.cutOff():
		return CutOff
	case s.Low():
		return Low
	}
	return On
}

// cutOff reports whether the supply is off as far as anybody knows. A device that never reported its relay is not cut off, unless the server wants
// its supply off.
func (s Standing) cutOff() bool {
	switch s.Relay {
	case RelayClosed:
		return false
	case RelayUnknown:
		return s.Wallet && !s.Supply
	}
	return !s.closing()
}

// Low reports whether little credit is left, whatever the state.
func (s Standing) Low() bool {
	return s.Mode == PrepayToken && s.Reported && s.Credit <= LowCredit || s.Money && s.WalletLow
}

// closing reports whether the relay is open without a reason: after a power cut a meter waits up to a minute before it closes
// its relay (docs/reference/meter-rules.md#supply). Such a meter is not cut off. The exception is a wallet meter whose supply
// the server wants off, because not every device reports a reason.
func (s Standing) closing() bool {
	return s.Relay == RelayOpen && len(s.Reasons) == 0 && s.Reported && (!s.Wallet || s.Supply)
}

// standing returns the facts of a meter's state.
func (rec MeterRecord) standing(v MeterView) Standing {
	s := Standing{ID: rec.Meter.ID, Account: rec.Meter.Account, Number: rec.Meter.Number, Mode: rec.Meter.Mode, Interval: rec.Meter.ReadingInterval, LastSeen: rec.LastSeen,
		Connected: v.Connected, Tamper: rec.Tamper, Relay: rec.Relay, Reasons: metering.SplitReasons(rec.Reasons), Reported: rec.Reported,
		Credit: unit.Energy(rec.BalanceWh), Wallet: rec.Wallet != nil}
	if rec.Wallet != nil {
		s.Supply = rec.Wallet.Supply
		if m := rec.Wallet.Money; m != nil {
			s.Money, s.WalletLow = true, m.Low
		}
	}
	return s
}
