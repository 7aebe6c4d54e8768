package ledger

import "slices"

// The operations of docs/reference/postings.md as postings. P1, P3, P6, P8 and P9 are [SalePostings], P11 is [Mirror],
// P23 is P11 followed by a new sale. Every function takes positive amounts in minor units and gives lines that sum to
// zero, without zero lines; that an account has room for them is for the store to say.

// FloatDeposited is P5: a vendor paid into its float.
func FloatDeposited(bank, vendor string, amount Minor) []Posting {
	return move(AccountRef{Bank, bank}, AccountRef{Float, vendor}, amount)
}

// CommissionEarned is P7: what a vendor earns on a sale, tax in it apart, goes to its float.
func CommissionEarned(vendor string, net, vat Minor) []Posting {
	return nonZero([]Posting{{AccountRef{Code: ExpenseCommission}, net}, {AccountRef{Code: VATInput}, vat}, {AccountRef{Float, vendor}, -net - vat}})
}

// FreeUnitsFunded is P10: a programme owes for free basic units.
func FreeUnitsFunded(programme string, net, vat Minor) []Posting {
	return nonZero([]Posting{{AccountRef{SubsidyReceivable, programme}, net + vat}, {AccountRef{Code: RevenueSubsidy}, -net}, {AccountRef{Code: VATPayable}, -vat}})
}

// DebtRaised is P12: a customer owes what the credits sum to. They say where the money comes from: fees for a fine, opening
// for arrears that were brought in, the revenue it was for.
func DebtRaised(debt string, credits ...Posting) []Posting {
	owed := Posting{Account: AccountRef{Debt, debt}}
	for _, c := range credits {
		owed.Amount -= c.Amount
	}
	return nonZero(append([]Posting{owed}, credits...))
}

// GoodwillGiven is P13: the utility gives money to a customer's wallet or carry.
func GoodwillGiven(to AccountRef, amount Minor) []Posting {
	return move(AccountRef{Code: ExpenseGoodwill}, to, amount)
}

// WalletToppedUp is P15. advance is the tax on the top-up where the law takes it at once, 0 elsewhere.
func WalletToppedUp(source AccountRef, account string, amount, advance Minor) []Posting {
	return nonZero([]Posting{{source, amount}, {AccountRef{Wallet, account}, -amount},
		{AccountRef{Code: VATOnAdvances}, advance}, {AccountRef{Code: VATPayable}, -advance}})
}

// WalletUsed is P16: energy was used from a wallet. advanced says that the tax was taken with the top-up; levies are
// what was collected for others with the energy, net of tax, as credits (negative).
func WalletUsed(account string, net, vat Minor, advanced bool, levies ...Posting) []Posting {
	tax := AccountRef{Code: VATPayable}
	if advanced {
		tax.Code = VATOnAdvances
	}
	used := net + vat
	for _, l := range levies {
		used -= l.Amount
	}
	lines := append([]Posting{{AccountRef{Wallet, account}, used}, {AccountRef{Code: RevenueEnergy}, -net}}, levies...)
	return nonZero(append(lines, Posting{tax, -vat}))
}

// FromAdvances has a posting of a wallet (P16, P17) take a part of its tax from what was taken with the top-ups, instead of
// owing it a second time. The part may be negative: what was taken back too much is owed again.
func FromAdvances(lines []Posting, part Minor) []Posting {
	out, owed := slices.Clone(lines), AccountRef{Code: VATPayable}
	i := slices.IndexFunc(out, func(p Posting) bool { return p.Account == owed })
	if i < 0 {
		i, out = len(out), append(out, Posting{Account: owed})
	}
	out[i].Amount += part
	return nonZero(append(out, Posting{AccountRef{Code: VATOnAdvances}, -part}))
}

// TaxOf is the tax that a posting owes.
func TaxOf(lines []Posting) (tax Minor) {
	for _, l := range lines {
		if l.Account.Code == VATPayable {
			tax -= l.Amount
		}
	}
	return tax
}

// WalletCharged is P17: a fixed charge was taken from a wallet.
func WalletCharged(account string, net, vat Minor) []Posting {
	return nonZero([]Posting{{AccountRef{Wallet, account}, net + vat}, {AccountRef{Code: RevenueFixed}, -net}, {AccountRef{Code: VATPayable}, -vat}})
}

// Leaving is what a customer has and owes when moving out.
type Leaving struct {
	Account                string
	Wallet, Deposit, Carry Minor
	Debts                  []Owed // in the order in which they are paid
	Advanced               Minor  // tax taken with top-ups that were not used: nothing is supplied for them any more
}

// Owed is a debt with what is left of it.
type Owed struct {
	Debt   string
	Amount Minor
}

// MovedOut is P18: what the customer has pays the debts in their order as far as it reaches; the rest is due back.
func MovedOut(l Leaving) []Posting {
	left := l.Wallet + l.Deposit + l.Carry
	lines := []Posting{{AccountRef{Wallet, l.Account}, l.Wallet}, {AccountRef{Deposit, l.Account}, l.Deposit}, {AccountRef{Carry, l.Account}, l.Carry}}
	for _, d := range l.Debts {
		paid := min(d.Amount, left)
		left -= paid
		lines = append(lines, Posting{AccountRef{Debt, d.Debt}, -paid})
	}
	return nonZero(append(lines, Posting{AccountRef{RefundDue, l.Account}, -left},
		Posting{AccountRef{Code: VATPayable}, l.Advanced}, Posting{AccountRef{Code: VATOnAdvances}, -l.Advanced}))
}

// DebtWrittenOff is P20: nobody expects the money any more.
func DebtWrittenOff(debt string, amount Minor) []Posting {
	return move(AccountRef{Code: ExpenseBadDebt}, AccountRef{Debt, debt}, amount)
}

// move is an amount from one account to another.
func move(debit, credit AccountRef, amount Minor) []Posting {
	return nonZero([]Posting{{debit, amount}, {credit, -amount}})
}
