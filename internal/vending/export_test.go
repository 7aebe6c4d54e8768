package vending

import (
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// Derive derives every figure of a sale again.
func Derive(s sale.Sale, version tariff.Version) (Explained, error) { return derive(s, version) }

// RechargeLines are the lines of a recharge.
func RechargeLines(tender, advance money.Minor) []sale.Line { return rechargeLines(tender, advance) }

// Bought returns the sale that a purchase makes. Its ID and its meter number are invented.
func Bought(p tariff.Purchase, split tariff.Allocation) sale.Sale {
	return sale.Sale{ID: id.ID{1}, Meter: sale.MeterRef{Number: "04000000011"}, Tender: money.Amount{Minor: p.Tender, Currency: "KES"}, CarryIn: p.Carry, CarryOut: split.CarryOut,
		Month: "2026-11", MonthBefore: p.Month, Free: split.Free, Units: split.Units + split.Free, Asked: sale.Asked{Charges: p.Charges, MaxDeduction: p.MaxDeduction},
		Lines: priced{split: split, carry: p.Carry}.lines(), Tokens: []sale.Token{{Units: split.Units + split.Free}}}
}
