package sale

import (
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/tariff"
)

// Kinds of lines, in the order of the allocation. The amounts of a sale's lines sum to what was tendered.
const (
	LineFee     = LineKind(tariff.Fee)
	LineFixed   = LineKind(tariff.Fixed)
	LineDebt    = LineKind(tariff.Debt)
	LineFree    = LineKind("free")   // free basic units; amount 0, the units are in its one step
	LineEnergy  = LineKind("energy") // net of tax
	LineLevy    = LineKind("levy")   // net of tax
	LineVAT     = LineKind("vat")    // all tax of the sale
	LineCarry   = LineKind("carry")
	LineCarryIn = LineKind("carry_in") // negative
	LineWallet  = LineKind("wallet")   // of a recharge: put into the wallet
)

var forms = []form{
	{kind: LineFee, name: "Fee", charge: true, account: ledger.RevenueFees},
	{kind: LineFixed, name: "Fixed charge", charge: true, account: ledger.RevenueFixed},
	{kind: LineDebt, name: "Debt", charge: true, account: ledger.Debt, whose: owed},
	{kind: LineFree, name: "Free units of the month"},
	{kind: LineEnergy, name: "Energy without tax", account: ledger.RevenueEnergy},
	{kind: LineLevy, name: "Levy", account: ledger.LevyPayable, whose: ref},
	{kind: LineVAT, name: "VAT", account: ledger.VATPayable},
	{kind: LineCarry, name: "Kept for the next sale"},
	{kind: LineCarryIn, name: "Kept from the last sale"},
	{kind: LineWallet, name: "Wallet recharge", account: ledger.Wallet, whose: account},
}
