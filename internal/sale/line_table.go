package sale

import (
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/tariff"
)

// Kinds of lines, in the order of the allocation. The amounts of a sale's lines sum to the payment.
const (
	LineFee     = LineKind(tariff.Fee)
	LineFixed   = LineKind(tariff.Fixed)
	LineDebt    = LineKind(tariff.Debt)
	LineFree    = LineKind("free")   // free basic units; the amount is 0, and the only step has the units
	LineEnergy  = LineKind("energy") // energy, net of tax
	LineLevy    = LineKind("levy")   // a levy, net of tax
	LineVAT     = LineKind("vat")    // all tax of the sale
	LineCarry   = LineKind("carry")
	LineCarryIn = LineKind("carry_in") // carry from earlier sales, as a negative amount
	LineWallet  = LineKind("wallet")   // of a recharge: money paid into the wallet
)

var forms = []form{
	{kind: LineFee, charge: true, account: ledger.RevenueFees},
	{kind: LineFixed, charge: true, account: ledger.RevenueFixed},
	{kind: LineDebt, charge: true, account: ledger.Debt, whose: owed},
	{kind: LineFree},
	{kind: LineEnergy, account: ledger.RevenueEnergy},
	{kind: LineLevy, account: ledger.LevyPayable, whose: ref},
	{kind: LineVAT, account: ledger.VATPayable},
	{kind: LineCarry},
	{kind: LineCarryIn},
	{kind: LineWallet, account: ledger.Wallet, whose: account},
}
