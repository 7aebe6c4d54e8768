package ledger

// The chart of accounts. The comment after a code says what the account's Subject is.
const (
	Till               Code = 1000 // cash of a shift; the tenant's own till is "main"
	Bank               Code = 1010 // bank account
	Clearing           Code = 1020 // payment provider
	Debt               Code = 1100 // account:debt
	VendorReceivable   Code = 1150 // post-paid vendor
	SubsidyReceivable  Code = 1200 // programme
	VATOnAdvances      Code = 1400
	Wallet             Code = 2000 // account
	Unearned           Code = 2010 // meter
	VATPayable         Code = 2020
	LevyPayable        Code = 2021 // levy
	VATInput           Code = 2022
	Float              Code = 2040 // vendor
	Carry              Code = 2060 // account: vend change carried forward
	Unapplied          Code = 2070 // payment
	Voucher            Code = 2075 // voucher batch: sold vouchers that nobody has redeemed
	Deposit            Code = 2080 // account
	RefundDue          Code = 2090 // account
	Opening            Code = 3000
	RevenueEnergy      Code = 4000
	RevenueFixed       Code = 4010
	RevenueFees        Code = 4020
	RevenueServices    Code = 4030
	RevenueSubsidy     Code = 4040
	RevenueVouchers    Code = 4050 // voucher batch: sold vouchers that were ended
	ExpenseCommission  Code = 5000
	ExpenseProvider    Code = 5010
	ExpenseBadDebt     Code = 5020
	ExpenseGoodwill    Code = 5030
	ExpenseTillBalance Code = 5040 // till differences
)

// chart is the chart of docs/reference/postings.md#chart-of-accounts.
var chart = [...]Account{
	{Till, "cash:till", Asset, NotBelow},
	{Bank, "bank", Asset, Unbounded},
	{Clearing, "clearing", Asset, Unbounded},
	{Debt, "debt", Asset, NotBelow},
	{VendorReceivable, "vendor_receivable", Asset, NotAbove},
	{SubsidyReceivable, "subsidy_receivable", Asset, Unbounded},
	{VATOnAdvances, "vat_on_advances", Asset, Unbounded},
	{Wallet, "wallet", Liability, NotAbove},
	{Unearned, "unearned", Liability, Unbounded},
	{VATPayable, "vat_payable", Liability, Unbounded},
	{LevyPayable, "levy_payable", Liability, Unbounded},
	{VATInput, "vat_input", Liability, Unbounded},
	{Float, "float", Liability, NotAbove},
	{Carry, "carry", Liability, NotAbove},
	{Unapplied, "unapplied", Liability, NotAbove},
	{Voucher, "voucher", Liability, NotAbove},
	{Deposit, "deposit", Liability, Unbounded},
	{RefundDue, "refund_due", Liability, Unbounded},
	{Opening, "opening", Equity, Unbounded},
	{RevenueEnergy, "revenue:energy", Income, Unbounded},
	{RevenueFixed, "revenue:fixed", Income, Unbounded},
	{RevenueFees, "revenue:fees", Income, Unbounded},
	{RevenueServices, "revenue:services", Income, Unbounded},
	{RevenueSubsidy, "revenue:subsidy", Income, Unbounded},
	{RevenueVouchers, "revenue:vouchers", Income, Unbounded},
	{ExpenseCommission, "commission", Expense, Unbounded},
	{ExpenseProvider, "provider_fees", Expense, Unbounded},
	{ExpenseBadDebt, "bad_debt", Expense, Unbounded},
	{ExpenseGoodwill, "goodwill", Expense, Unbounded},
	{ExpenseTillBalance, "till_difference", Expense, Unbounded},
}
