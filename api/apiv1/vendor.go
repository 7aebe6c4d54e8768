package apiv1

import "time"

// NewVendor is a vendor to register.
type NewVendor struct {
	Name             string `json:"name" example:"Corner shop" doc:"Name of the vendor; receipts show it"`
	Code             string `json:"code,omitempty" example:"V001" doc:"1 to 12 letters and digits; begins the numbers of its receipts. Default: the next of V001, V002 …"`
	Billing          string `json:"billing,omitempty" enum:"float,postpaid" doc:"float (default): pays in first. postpaid: owes what it sold, up to its credit"`
	CommissionBps    int64  `json:"commission_bps,omitempty" example:"150" doc:"Of the tender, tax included: 150 is 1.5 %"`
	CreditLimitMinor int64  `json:"credit_limit_minor,omitempty" doc:"How far it may sell beyond what it has paid in"`
}

// VendorTerms is a change of a vendor; nil fields stay.
type VendorTerms struct {
	Name             *string `json:"name,omitempty" doc:"Name of the vendor"`
	CommissionBps    *int64  `json:"commission_bps,omitempty" doc:"Of the tender, tax included: 150 is 1.5 %"`
	CreditLimitMinor *int64  `json:"credit_limit_minor,omitempty" doc:"How far it may sell beyond what it has paid in"`
	Blocked          *bool   `json:"blocked,omitempty" doc:"true: its keys cannot sell"`
}

// Vendor is a vendor with its float.
type Vendor struct {
	ID               string    `json:"id" example:"ven_01jd00000000000000000000000" doc:"Id of the vendor"`
	Code             string    `json:"code" example:"V001" doc:"Begins the numbers of its receipts"`
	Name             string    `json:"name" doc:"Name of the vendor; receipts show it"`
	Billing          string    `json:"billing" enum:"float,postpaid" doc:"float: pays in first; postpaid: owes what it sold, up to its credit"`
	CommissionBps    int64     `json:"commission_bps" doc:"Of the tender, tax included: 150 is 1.5 %"`
	CreditLimitMinor int64     `json:"credit_limit_minor" doc:"How far it may sell beyond what it has paid in"`
	Blocked          bool      `json:"blocked" doc:"true: its keys cannot sell"`
	Float            Float     `json:"float" doc:"What it can sell for"`
	CreatedAt        time.Time `json:"created_at" doc:"When it was registered"`
}

// Float is the amount that a vendor can still sell for, in minor units.
type Float struct {
	Currency       string `json:"currency" doc:"Empty while the tenant has none"`
	BalanceMinor   int64  `json:"balance_minor" doc:"What it has paid in and not sold; negative: what it owes"`
	HeldMinor      int64  `json:"held_minor" doc:"Reserved by sales whose token is still being made"`
	AvailableMinor int64  `json:"available_minor" doc:"What it can sell for now, credit included"`
}

// NewDeposit is money that a vendor has paid into the utility's bank account.
type NewDeposit struct {
	Amount    Amount `json:"amount" doc:"What the vendor paid"`
	Reference string `json:"reference" example:"BANK-000123" doc:"The bank's reference of the payment; a payment is never booked twice, whatever the case of its reference"`
	Bank      string `json:"bank,omitempty" doc:"Which of the utility's bank accounts; default main"`
}

// Deposit is a booked deposit.
type Deposit struct {
	ID        string    `json:"id" example:"jrn_01jd00000000000000000000000" doc:"Of its journal"`
	Vendor    string    `json:"vendor" example:"V001" doc:"Code of the vendor"`
	Amount    Amount    `json:"amount" doc:"What the vendor paid"`
	Reference string    `json:"reference" doc:"The bank's reference of the payment"`
	Bank      string    `json:"bank" doc:"Which of the utility's bank accounts"`
	Float     Float     `json:"float" doc:"What the vendor can sell for after it"`
	At        time.Time `json:"at" doc:"Server time"`
}

// VendorEntry is a line of a vendor's statement.
type VendorEntry struct {
	ID           string    `json:"id" doc:"Of the journal"`
	Kind         string    `json:"kind" example:"vend" doc:"vend, top_up (the recharge of a wallet), commission, deposit, reversal"`
	Ref          string    `json:"ref" doc:"The sale or payment it is for; a reversal puts the kind of what it undoes in front"`
	At           time.Time `json:"at" doc:"Server time"`
	AmountMinor  int64     `json:"amount_minor" doc:"What the vendor got (positive) or spent (negative)"`
	BalanceMinor int64     `json:"balance_minor" doc:"After it; negative: what the vendor owes"`
}

// Vendors is the list of vendors.
var Vendors = Listing[Page, Vendor]{Name: "vendors", Path: "/v1/vendors", Tag: "vendors", Summary: "List the vendors"}

// VendorFilter asks for a list of one vendor.
type VendorFilter struct {
	Vendor string `path:"id" maxLength:"64" doc:"Its id or code"`
	Page
}

// VendorStatement is the list of entries on a vendor's account.
var VendorStatement = Listing[VendorFilter, VendorEntry]{Name: "vendor-statement", Path: "/v1/vendors/{id}/statement", Tag: "vendors",
	Summary: "List the entries on a vendor's account, newest first"}
