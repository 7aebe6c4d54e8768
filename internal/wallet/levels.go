package wallet

import (
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Money is what an account has, as its customer counts: credit is positive.
type Money struct {
	Wallet  money.Minor // in the books: paid in, less what was posted
	Held    money.Minor // reserved on it
	Accrued money.Minor // rated for all meters of the account and not posted
}

// Available is what is left to be used. It is negative where more was used than paid for.
func (m Money) Available() money.Minor { return m.Wallet - m.Accrued - m.Held }

// used adds what the account's wallets have accrued.
func (m Money) used(rows []Row) Money {
	for _, r := range rows {
		m.Accrued += r.Accrued
	}
	return m
}

// nearEnd is how little is left at a warning for which the tenant names no amount: what an energy costs, as in a meter
// that keeps its own balance (docs/reference/meter-rules.md#warnings). Who buys by a plan of less never has that much,
// and would never hear of the end: a part of what the plan buys is the level then, and some days of the fixed charges
// where only time is paid for.
type nearEnd struct {
	energy unit.Energy
	part   unit.Energy // of a plan
	days   int
}

// cost is what that is at a tariff's prices.
func (n nearEnd) cost(b tariff.Body) (money.Minor, error) {
	if b.Dearest() == 0 {
		return b.DaysOf(n.days)
	}
	if b.Plan > 0 {
		return b.CostOf(min(n.energy, max(b.Plan/n.part, unit.WattHour)))
	}
	return b.CostOf(n.energy)
}

// Levels are the amounts at which something happens.
type Levels struct {
	Warn1, Warn2, CutOff money.Minor
	Margin               money.Minor // a warning is armed again this far above its level, or a tenth of it
}

// LevelsOf are those that a tenant decided and, where it decided nothing, those of a tariff's prices, levies and tax among
// them.
func LevelsOf(p registry.WalletPolicy, b tariff.Body) (Levels, error) {
	l := Levels{Warn1: p.Warn1, Warn2: p.Warn2, CutOff: p.CutOff}
	for _, d := range []struct {
		to   *money.Minor
		left nearEnd
	}{{&l.Warn1, nearEnd{20 * unit.KilowattHour, 5, 5}}, {&l.Warn2, nearEnd{5 * unit.KilowattHour, 20, 2}},
		{&l.Margin, nearEnd{500 * unit.WattHour, 10, 1}}} {
		if *d.to != 0 {
			continue
		}
		var err error
		if *d.to, err = d.left.cost(b); err != nil {
			return Levels{}, err
		}
	}
	return l, nil
}
