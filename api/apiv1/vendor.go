package apiv1

import "time"

// NewVendor is a vendor to register.
type NewVendor struct {
	Name             string `json:"name" example:"Corner shop" doc:"Name of the vendor; receipts show it"`
	Code             string `json:"code,omitempty" example:"V001" doc:"Code of 1 to 12 letters and digits, which begins its receipt numbers. Default: the next of V001, V002 …"`
	Billing          string `json:"billing,omitempty" enum:"float,postpaid" doc:"float (default): pays first, then sells; postpaid: owes what it sold, up to its credit"`
	CommissionBps    int64  `json:"commission_bps,omitempty" example:"150" doc:"Commission on the payment, tax included, in basis points: 150 is 1.5 %"`
	CreditLimitMinor int64  `json:"credit_limit_minor,omitempty" doc:"Amount that it may sell beyond its deposits"`
}

// VendorTerms is a change of a vendor; nil fields stay.
type VendorTerms struct {
	Name             *string `json:"name,omitempty" doc:"Name of the vendor"`
	CommissionBps    *int64  `json:"commission_bps,omitempty" doc:"Commission on the payment, tax included, in basis points: 150 is 1.5 %"`
	CreditLimitMinor *int64  `json:"credit_limit_minor,omitempty" doc:"Amount that it may sell beyond its deposits"`
	Blocked          *bool   `json:"blocked,omitempty" doc:"Whether it is blocked; its keys cannot sell then"`
}

// Vendor is a vendor with its float.
type Vendor struct {
	ID               string    `json:"id" example:"ven_01jd00000000000000000000000" doc:"Id of the vendor"`
	Code             string    `json:"code" example:"V001" doc:"Code, which begins its receipt numbers"`
	Name             string    `json:"name" doc:"Name of the vendor; receipts show it"`
	Billing          string    `json:"billing" enum:"float,postpaid" doc:"float: pays first, then sells; postpaid: owes what it sold, up to its credit"`
	CommissionBps    int64     `json:"commission_bps" doc:"Commission on the payment, tax included, in basis points: 150 is 1.5 %"`
	CreditLimitMinor int64     `json:"credit_limit_minor" doc:"Amount that it may sell beyond its deposits"`
	Blocked          bool      `json:"blocked" doc:"Whether it is blocked; its keys cannot sell then"`
	Float            Float     `json:"float" doc:"Float of the vendor"`
	CreatedAt        time.Time `json:"created_at" doc:"When it was registered"`
}

// Float is the amount that a vendor can still sell for, in minor units.
type Float struct {
	Currency       string `json:"currency" doc:"ISO 4217 code of the amounts; empty before the currency is set"`
	BalanceMinor   int64  `json:"balance_minor" doc:"Deposits less sales; negative: what the vendor owes"`
	HeldMinor      int64  `json:"held_minor" doc:"Reserved by sales whose token is still being made"`
	AvailableMinor int64  `json:"available_minor" doc:"Amount that it can sell for now, credit included"`
}

// NewDeposit is money that a vendor has paid into the utility's bank account.
type NewDeposit struct {
	Amount    Amount `json:"amount" doc:"Amount that the vendor paid"`
	Reference string `json:"reference" example:"BANK-000123" doc:"The bank's reference of the payment; a reference is booked only once, in upper or lower case"`
	Bank      string `json:"bank,omitempty" doc:"Bank account of the utility that got the money; default main"`
}

// Deposit is a booked deposit.
type Deposit struct {
	ID        string    `json:"id" example:"jrn_01jd00000000000000000000000" doc:"Id of the journal"`
	Vendor    string    `json:"vendor" example:"V001" doc:"Code of the vendor"`
	Amount    Amount    `json:"amount" doc:"Amount that the vendor paid"`
	Reference string    `json:"reference" doc:"The bank's reference of the payment"`
	Bank      string    `json:"bank" doc:"Bank account of the utility that got the money"`
	Float     Float     `json:"float" doc:"Amount that the vendor can sell for after it"`
	At        time.Time `json:"at" doc:"Server time"`
}

// VendorEntry is a line of a vendor's statement.
type VendorEntry struct {
	ID           string    `json:"id" doc:"Id of the journal"`
	Kind         string    `json:"kind" example:"vend" doc:"Kind of journal: vend, top_up (the recharge of a wallet), commission, deposit or reversal"`
	Ref          string    `json:"ref" doc:"Id of the sale or payment. For a reversal the kind of the reversed journal stands before it"`
	At           time.Time `json:"at" doc:"Server time"`
	AmountMinor  int64     `json:"amount_minor" doc:"Amount that the vendor got (positive) or spent (negative)"`
	BalanceMinor int64     `json:"balance_minor" doc:"Balance after it; negative: what the vendor owes"`
}

// Vendors is the list of vendors.
var Vendors = Listing[Page, Vendor]{Name: "vendors", Path: "/v1/vendors", Tag: "vendors", Summary: "List the vendors"}

// VendorFilter names a vendor and a page of the vendor's statement.
type VendorFilter struct {
	Vendor string `path:"id" maxLength:"64" doc:"Id or code of the vendor"`
	Page
}

// VendorStatement is the list of entries on a vendor's account.
var VendorStatement = Listing[VendorFilter, VendorEntry]{Name: "vendor-statement", Path: "/v1/vendors/{id}/statement", Tag: "vendors",
	Summary: "List the entries on a vendor's account, newest first"}
