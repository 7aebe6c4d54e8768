package ledger

// The operations of docs/reference/postings.md that the product does not offer yet. The published vector posts them too.

// ProviderSettled is P4: a provider paid out gross, less its fee, to a bank account.
func ProviderSettled(bank, provider string, gross, fee Minor) []Posting {
	return nonZero([]Posting{{AccountRef{Bank, bank}, gross - fee}, {AccountRef{Code: ExpenseProvider}, fee}, {AccountRef{Clearing, provider}, -gross}})
}

// ServicePaid is P14: a service was paid at once.
func ServicePaid(source AccountRef, net, vat Minor) []Posting {
	return nonZero([]Posting{{source, net + vat}, {AccountRef{Code: RevenueServices}, -net}, {AccountRef{Code: VATPayable}, -vat}})
}

// RefundPaid ends P18 and P19: the refund due was paid out.
func RefundPaid(bank, account string, amount Minor) []Posting {
	return move(AccountRef{RefundDue, account}, AccountRef{Bank, bank}, amount)
}

// UnitsReturned is P19: unused units of a token meter were cleared and are refunded; its receipt is a credit note.
func UnitsReturned(account string, net, vat Minor) []Posting {
	return nonZero([]Posting{{AccountRef{Code: RevenueEnergy}, net}, {AccountRef{Code: VATPayable}, vat}, {AccountRef{RefundDue, account}, -net - vat}})
}

// Chart lists the chart of accounts.
func Chart() []Account { return chart[:] }
