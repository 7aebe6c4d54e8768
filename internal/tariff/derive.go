package tariff

import (
	"math/big"
	"strings"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// Cost is how the price of the units of one step is calculated.
type Cost struct {
	From   unit.Energy // the month's units before this step
	Units  unit.Energy
	Rate   money.MicroRate // price of energy per kilowatt-hour
	Levies []LevyRate
	Gross  string // exact price per kilowatt-hour with levies and tax, in the major unit
	Amount string // exact price of all units
}

// LevyRate is one levy on a kilowatt-hour at some price.
type LevyRate struct {
	Levy Levy
	Rate money.MicroRate
}

// Costs derives the exact price of each step, and the exact sum before any rounding, in the major unit. The parameter from is the energy
// sold in the month before the first step.
func (b Body) Costs(steps []Step, from unit.Energy) (costs []Cost, sum string, err error) {
	total := new(big.Int)
	for _, s := range steps {
		c := Cost{From: from, Units: s.Units, Rate: s.Rate}
		for _, l := range b.Levies {
			rate, err := l.Of(s.Rate)
			if err != nil {
				return nil, "", err
			}
			c.Levies = append(c.Levies, LevyRate{l, rate})
		}
		price, err := b.price(s.Rate)
		if err != nil {
			return nil, "", err
		}
		each := big.NewInt(price)
		c.Gross = decimal(new(big.Int).Mul(each, big.NewInt(int64(unit.KilowattHour))))
		whole := new(big.Int).Mul(each, big.NewInt(int64(s.Units)))
		c.Amount = decimal(whole)
		total.Add(total, whole)
		costs = append(costs, c)
		from += s.Units
	}
	return costs, decimal(total), nil
}

// walkDecimals are the decimals of the price walk's unit, 10⁻¹³ of the major unit.
const walkDecimals = 13

// decimal formats n, an amount in units of 10⁻¹³ of the major unit, as a decimal number of major units without trailing zeros.
func decimal(n *big.Int) string {
	s := n.String()
	if pad := walkDecimals + 1 - len(s); pad > 0 {
		s = strings.Repeat("0", pad) + s
	}
	whole, rest := s[:len(s)-walkDecimals], strings.TrimRight(s[len(s)-walkDecimals:], "0")
	if rest == "" {
		return whole
	}
	return whole + "." + rest
}
