package wallet

import (
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Money is the money of an account, from the customer's point of view: credit is positive.
type Money struct {
	Wallet  money.Minor // the balance in the books: payments less posted use and charges
	Held    money.Minor // the part of the wallet that is reserved
	Accrued money.Minor // use that is rated for all meters of the account and not posted
}

// Available returns the amount that may still be used. It is negative if more was used than paid for.
func (m Money) Available() money.Minor { return m.Wallet - m.Accrued - m.Held }

// used adds the accrued use of the account's wallets.
func (m Money) used(rows []Row) Money {
	for _, r := range rows {
		m.Accrued += r.Accrued
	}
	return m
}

// nearEnd is the level of a warning for which the tenant sets no amount: the price of some energy, as in a meter that keeps its own balance
// (docs/reference/meter-rules.md#warnings). A customer who buys a smaller plan never has that much energy and would not be warned of the
// end. The level is then the price of a part of the plan. If only time is paid for, the level is the fixed charges of some days.
type nearEnd struct {
	energy unit.Energy
	part   unit.Energy // the plan divided by this number
	days   int
}

// cost returns the level at a tariff's prices.
func (n nearEnd) cost(b tariff.Body) (money.Minor, error) {
	if b.Dearest() == 0 {
		return b.DaysOf(n.days)
	}
	if b.Plan > 0 {
		return b.CostOf(min(n.energy, max(b.Plan/n.part, unit.WattHour)))
	}
	return b.CostOf(n.energy)
}

// Levels are the amounts of the warnings and the cut-off.
type Levels struct {
	Warn1, Warn2, CutOff money.Minor
	Margin               money.Minor // least rise above a warning's level that arms the warning again; a tenth of the level if that is more
}

// LevelsOf returns the levels that a tenant has set. The other levels follow from the tariff's prices, with levies and tax.
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
