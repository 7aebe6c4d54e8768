package ledger

import "slices"

// The operations of docs/reference/postings.md as postings. P1, P3, P6, P8 and P9 are [SalePostings], P11 is [Mirror], P23 is P11 followed
// by a new sale. Every function takes positive amounts in minor units and returns lines that sum to zero, without zero lines. The store
// checks the limits of the accounts.

// PaymentReceived is P2: a provider confirmed a payment that is not applied yet.
func PaymentReceived(provider, payment string, amount Minor) []Posting {
	return move(AccountRef{Clearing, provider}, AccountRef{Unapplied, payment}, amount)
}

// PaymentReturned is P22: the provider returned a payment that could not be applied.
func PaymentReturned(provider, payment string, amount Minor) []Posting {
	return move(AccountRef{Unapplied, payment}, AccountRef{Clearing, provider}, amount)
}

// PaymentTakenBack is P31: a provider took back a payment after a sale had used it, so the customer owes it: as a debt, or out of the wallet. The
// parameter advance is the tax that a recharge with this money paid; otherwise 0.
func PaymentTakenBack(owes AccountRef, provider string, amount, advance Minor) []Posting {
	return nonZero([]Posting{{owes, amount}, {AccountRef{Clearing, provider}, -amount}, {AccountRef{Code: VATPayable}, advance}, {AccountRef{Code: VATOnAdvances}, -advance}})
}

// VouchersSold is P28: somebody paid for vouchers of a batch, from a till or a vendor's float.
func VouchersSold(source AccountRef, batch string, amount Minor) []Posting {
	return move(source, AccountRef{Voucher, batch}, amount)
}

// VoucherRedeemed is P29: a voucher becomes a payment that a sale uses at once.
func VoucherRedeemed(batch, payment string, amount Minor) []Posting {
	return move(AccountRef{Voucher, batch}, AccountRef{Unapplied, payment}, amount)
}

// VouchersEnded is P30: sold vouchers that cannot be redeemed any more become income.
func VouchersEnded(batch string, amount Minor) []Posting {
	return move(AccountRef{Voucher, batch}, AccountRef{RevenueVouchers, batch}, amount)
}

// FloatDeposited is P5: a vendor paid into its float.
func FloatDeposited(bank, vendor string, amount Minor) []Posting {
	return move(AccountRef{Bank, bank}, AccountRef{Float, vendor}, amount)
}

// CommissionEarned is P7: a vendor's commission on a sale goes to its float. Its tax is a separate line.
func CommissionEarned(vendor string, net, vat Minor) []Posting {
	return nonZero([]Posting{{AccountRef{Code: ExpenseCommission}, net}, {AccountRef{Code: VATInput}, vat}, {AccountRef{Float, vendor}, -net - vat}})
}

// FreeUnitsFunded is P10: a programme owes the price of free basic units.
func FreeUnitsFunded(programme string, net, vat Minor) []Posting {
	return nonZero([]Posting{{AccountRef{SubsidyReceivable, programme}, net + vat}, {AccountRef{Code: RevenueSubsidy}, -net}, {AccountRef{Code: VATPayable}, -vat}})
}

// DebtRaised is P12: a customer owes the sum of the credits. The credits name the source: fees for a fine, opening for imported arrears, or
// the revenue of a sale.
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

// WalletToppedUp is P15: money comes into a wallet. The parameter advance is the tax on the top-up, if the law demands it at once;
// otherwise 0.
func WalletToppedUp(source AccountRef, account string, amount, advance Minor) []Posting {
	return nonZero([]Posting{{source, amount}, {AccountRef{Wallet, account}, -amount},
		{AccountRef{Code: VATOnAdvances}, advance}, {AccountRef{Code: VATPayable}, -advance}})
}

// WalletUsed is P16: a wallet pays for energy used. If advanced is true, the tax was taken with the top-up. The parameter levies holds the
// amounts collected for others, net of tax, as credits (negative).
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

// FromAdvances changes the tax in the lines of P16 or P17. It pays a part of that tax from the tax already taken with top-ups, because no
// tax may be owed twice. A negative part does the opposite: it puts tax back into the advances.
func FromAdvances(lines []Posting, part Minor) []Posting {
	out, owed := slices.Clone(lines), AccountRef{Code: VATPayable}
	i := slices.IndexFunc(out, func(p Posting) bool { return p.Account == owed })
	if i < 0 {
		i, out = len(out), append(out, Posting{Account: owed})
	}
	out[i].Amount += part
	return nonZero(append(out, Posting{AccountRef{Code: VATOnAdvances}, -part}))
}

// TaxOf returns the tax that lines owe.
func TaxOf(lines []Posting) (tax Minor) {
	for _, l := range lines {
		if l.Account.Code == VATPayable {
			tax -= l.Amount
		}
	}
	return tax
}

// WalletCharged is P17: a wallet pays a fixed charge.
func WalletCharged(account string, net, vat Minor) []Posting {
	return nonZero([]Posting{{AccountRef{Wallet, account}, net + vat}, {AccountRef{Code: RevenueFixed}, -net}, {AccountRef{Code: VATPayable}, -vat}})
}

// Leaving is a customer's money and debts when the customer moves out.
type Leaving struct {
	Account                string
	Wallet, Deposit, Carry Minor
	Debts                  []Owed // debts in the order of payment
	Advanced               Minor  // tax taken with top-ups whose money was not used
}

// Owed is a debt and the amount still owed.
type Owed struct {
	Debt   string
	Amount Minor
}

// MovedOut is P18: the customer's money pays the debts in their order, as far as it reaches. The rest becomes a refund due.
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

// DebtWrittenOff is P20: a debt that will not be paid becomes an expense.
func DebtWrittenOff(debt string, amount Minor) []Posting {
	return move(AccountRef{Code: ExpenseBadDebt}, AccountRef{Debt, debt}, amount)
}

// DebtTakenOver is P32: what is left of a debt goes to another account of its customer.
func DebtTakenOver(from, to string, amount Minor) []Posting {
	return move(AccountRef{Debt, to}, AccountRef{Debt, from}, amount)
}

// ChargesGivenBack is P33: the customer gets back what was paid of fixed charges that a correction of the tariff made smaller. Debts of a customer who has
// moved out are paid first.
func ChargesGivenBack(to AccountRef, net, vat Minor, debts []Owed) []Posting {
	lines, left := []Posting{{AccountRef{Code: RevenueFixed}, net}, {AccountRef{Code: VATPayable}, vat}}, net+vat
	for _, d := range debts {
		left -= d.Amount
		lines = append(lines, Posting{AccountRef{Debt, d.Debt}, -d.Amount})
	}
	return nonZero(append(lines, Posting{to, -left}))
}

// CashedUp is P21: the cash of a till was counted, compared with the expected amount and brought to the bank. A shortage is an expense; a
// surplus reduces the expense.
func CashedUp(bank, till string, expected, counted Minor) []Posting {
	return nonZero([]Posting{{AccountRef{Bank, bank}, counted}, {AccountRef{Code: ExpenseTillBalance}, expected - counted}, {AccountRef{Till, till}, -expected}})
}

// TillOpened is P24: a shift begins with cash from the bank.
func TillOpened(bank, till string, amount Minor) []Posting {
	return move(AccountRef{Till, till}, AccountRef{Bank, bank}, amount)
}

// TillPaidOut is P25: cash goes from a till to the bank before the shift is closed.
func TillPaidOut(bank, till string, amount Minor) []Posting {
	return move(AccountRef{Bank, bank}, AccountRef{Till, till}, amount)
}

// CashPaidBack is P26: a sale of a closed shift is reversed, and another till pays the cash. P11 alone would take it from the closed shift.
func CashPaidBack(closed, payer AccountRef, amount Minor) []Posting {
	return move(closed, payer, amount)
}

// BalanceBrought is P27: money that a customer had in another system is in the customer's wallet or carry now.
func BalanceBrought(to AccountRef, amount Minor) []Posting {
	return move(AccountRef{Code: Opening}, to, amount)
}

// move returns the lines that move an amount from one account to another.
func move(debit, credit AccountRef, amount Minor) []Posting {
	return nonZero([]Posting{{debit, amount}, {credit, -amount}})
}
