package vending

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/unit"
)

// swapFacts is what the server knows about two meters of which one is to replace the other.
type swapFacts struct {
	Old, New sale.Point
	Funded   bool // money or a debt is on the account of the new meter

	Reported bool // the old meter has reported a balance
	Balance  unit.Energy
	At       time.Time    // time of that balance
	Open     []sale.Token // tokens with units that the old meter is not known to have taken
	Later    unit.Energy  // units that the old meter took since At; all units it ever took if it never reported a balance
}

// limit is the most that can be left for the customer: what the old meter reported, and the units of all tokens that it may have taken since
// or may not have taken at all.
func (f swapFacts) limit() unit.Energy {
	most := max(f.Balance, 0) + f.Later
	for _, t := range f.Open {
		most += t.Units
	}
	return most
}

// fit refuses two meters of which one cannot replace the other.
func (f swapFacts) fit() refusal.Refusal {
	o, n := f.Old, f.New
	switch {
	case o.Replaced != nil:
		return refuse.SwapDone(o.Meter.Number, o.Replaced.New.Number, o.Replaced.At)
	case o.Meter.N == n.Meter.N:
		return refuse.SwapOfItself(o.Meter.Number)
	case o.Status != registry.Active || o.AccountStatus != registry.AccountActive:
		return refuse.SwapOfUnusedMeter(o.Meter.Number, string(o.Status))
	case o.Mode != registry.PrepayToken && o.Mode != registry.PrepayWallet:
		return refuse.SwapWithoutWallet(o.Meter.Number, string(o.Mode))
	case n.Status != registry.Stock:
		return refuse.SwapToUsedMeter(n.Meter.Number, string(n.Status))
	case o.Mode != n.Mode:
		return refuse.SwapModesDiffer(o.Meter.Number, string(o.Mode), n.Meter.Number, string(n.Mode))
	case o.Meter.Simulated != n.Meter.Simulated:
		return refuse.SwapSimulatedDiffer(o.Meter.Number, n.Meter.Number)
	case f.Funded:
		return refuse.SwapToMeterWithMoney(n.Meter.Number)
	}
	return refusal.Refusal{}
}

// decideSwap decides whether one meter may replace another, and how many units the new meter gets: those on the display of the old one and
// those of the tokens that were never entered, rounded down to a whole 0.1 kWh. The sum is at most what the records allow, so nobody can
// claim units that were never there. A wallet's money stays on its account.
func decideSwap(f swapFacts, a Swap, now time.Time) (sale.Swap, refusal.Refusal) {
	s := sale.Swap{Old: f.Old.Meter, New: f.New.Meter, Account: f.Old.Account, At: now, Reason: a.Reason}
	if no := f.fit(); no.Refused() {
		return s, no
	}
	number := f.Old.Meter.Number
	if f.Old.Mode == registry.PrepayWallet {
		if a.Balance != nil || len(a.Unused) > 0 {
			return s, refuse.SwapFieldOfTokens(number)
		}
		return s, refusal.Refusal{}
	}
	switch {
	case a.Register != nil:
		return s, refuse.SwapFieldOfWallets(number)
	case len(a.Unused) > MaxSwapTokens:
		return s, refuse.SwapTooManyTokens(int64(len(a.Unused)), MaxSwapTokens)
	case a.Balance == nil && !f.Reported:
		return s, refuse.SwapBalanceMissing(number)
	case a.Balance != nil && (*a.Balance < 0 || *a.Balance > MaxUnits):
		return s, refuse.SwapBalanceNegative(MaxUnits)
	}
	s.Balance, s.BalanceAt, s.Source = max(f.Balance, 0), f.At, sale.SwapReported
	if a.Balance != nil {
		s.Balance, s.BalanceAt, s.Source = *a.Balance, now, sale.SwapRead
	}
	for _, text := range a.Unused {
		token, err := id.Parse(id.Token, text)
		at := slices.IndexFunc(f.Open, func(t sale.Token) bool { return t.ID == token })
		if err != nil || at < 0 || slices.Contains(s.Tokens, token) {
			return s, refuse.SwapTokenNotOpen(refusal.Echo(text), number)
		}
		s.Tokens, s.TokenUnits = append(s.Tokens, token), s.TokenUnits+f.Open[at].Units
	}
	left := s.Balance + s.TokenUnits
	switch {
	case left > f.limit():
		return s, refuse.SwapBalanceTooHigh(left, number, f.limit())
	case left > MaxUnits:
		return s, refuse.SwapBalanceNegative(MaxUnits)
	}
	s.Units = left - left%unit.Quantum
	return s, refusal.Refusal{}
}
