package apiv1

import "time"

// Charge is a fixed charge of one local month.
type Charge struct {
	ID          string    `json:"id" example:"chg_01jd00000000000000000000000" doc:"Id of the charge"`
	Account     string    `json:"account" doc:"Id of the account"`
	Name        string    `json:"name" example:"standing" doc:"Name of the charge in its tariff"`
	Month       string    `json:"month" example:"2026-11" doc:"Local month of the charge"`
	Ref         string    `json:"ref" example:"standing 2026-11" doc:"Reference, as in the lines of sales"`
	Currency    string    `json:"currency" doc:"ISO 4217 code of the amounts"`
	AmountMinor int64     `json:"amount_minor" doc:"Amount of the charge, tax included"`
	PaidMinor   int64     `json:"paid_minor" doc:"Amount that purchases have paid so far"`
	VATBps      int64     `json:"vat_bps" doc:"Tax contained in the amount, in basis points: 1500 is 15 %"`
	Priority    int       `json:"priority" doc:"Order of collection, 1 to 89, lowest first"`
	Uncapped    bool      `json:"uncapped,omitempty" doc:"Collected beyond the share of a purchase that charges may take"`
	CreatedAt   time.Time `json:"created_at" doc:"When it was recorded"`
}

// NewCharge is a charge that a person adds to an account.
type NewCharge struct {
	Account  string `json:"account" example:"04140001001" doc:"Id of the account, or number or id of a meter that supplies it"`
	Name     string `json:"name" example:"reconnection" doc:"Name of the charge: 1 to 32 small letters, digits and dashes; name and month are unique in the account"`
	Month    string `json:"month" example:"2026-11" doc:"Local month of the charge"`
	Amount   Amount `json:"amount" doc:"Amount of the charge, tax included"`
	VATBps   int64  `json:"vat_bps,omitempty" doc:"Tax contained in the amount"`
	Priority int    `json:"priority,omitempty" doc:"Order of collection, 1 to 89, lowest first; default 20"`
	Uncapped bool   `json:"uncapped,omitempty" doc:"Collected beyond the share of a purchase that charges may take"`
}

// NewDebt is a debt to be raised; purchases of the account collect it.
type NewDebt struct {
	Account       string `json:"account" example:"04140001001" doc:"Id of the account, or number or id of a meter that supplies it"`
	Kind          string `json:"kind" example:"fine" doc:"Kind of debt, such as fine, loan or arrears: 1 to 32 characters; receipts show it"`
	Memo          string `json:"memo,omitempty" doc:"Remark; statements show it"`
	Amount        Amount `json:"amount" doc:"Amount owed"`
	Mode          string `json:"mode,omitempty" enum:"percent,fixed,full" doc:"How much a purchase pays: percent, fixed or full (default)"`
	PercentBps    int64  `json:"percent_bps,omitempty" doc:"With mode percent: share of the payment in basis points: 2000 is 20 %"`
	FixedMinor    int64  `json:"fixed_minor,omitempty" doc:"With mode fixed: amount that every purchase pays"`
	MinMinor      int64  `json:"min_minor,omitempty" doc:"Least amount that a purchase pays"`
	MaxMinor      int64  `json:"max_minor,omitempty" doc:"Most that a purchase pays"`
	MonthCapMinor int64  `json:"month_cap_minor,omitempty" doc:"Most that is taken in a local month"`
	Priority      int    `json:"priority,omitempty" doc:"Order of collection, 1 to 89, lowest first; default 30, after fixed charges (20). The older of equal ones first"`
	Uncapped      bool   `json:"uncapped,omitempty" doc:"Collected beyond the share of a purchase that charges may take"`
	Against       string `json:"against,omitempty" enum:"opening,fees,services,fixed,energy" doc:"Account that is credited; default opening, for arrears from another system"`
}

// Debt is money owed that purchases collect.
type Debt struct {
	ID               string    `json:"id" example:"dbt_01jd00000000000000000000000" doc:"Id of the debt"`
	Account          string    `json:"account" doc:"Id of the account that owes it"`
	Kind             string    `json:"kind" doc:"Kind of debt; receipts show it"`
	Memo             string    `json:"memo,omitempty" doc:"Remark"`
	Currency         string    `json:"currency" doc:"ISO 4217 code of the amounts"`
	PrincipalMinor   int64     `json:"principal_minor" doc:"Amount owed when the debt was added"`
	OutstandingMinor int64     `json:"outstanding_minor" doc:"Amount still owed, never negative. With the amount that open sales have reserved it is the balance of its ledger account"`
	Mode             string    `json:"mode" enum:"percent,fixed,full" doc:"How much a purchase pays: percent of the payment, a fixed amount, or the full debt"`
	PercentBps       int64     `json:"percent_bps,omitempty" doc:"With mode percent: share of the payment in basis points: 2000 is 20 %"`
	FixedMinor       int64     `json:"fixed_minor,omitempty" doc:"With mode fixed: amount that every purchase pays"`
	MinMinor         int64     `json:"min_minor,omitempty" doc:"Least amount that a purchase pays"`
	MaxMinor         int64     `json:"max_minor,omitempty" doc:"Most that a purchase pays; missing for no limit"`
	MonthCapMinor    int64     `json:"month_cap_minor,omitempty" doc:"Most that is taken in a local month; missing for no limit"`
	Priority         int       `json:"priority" doc:"Order of collection, 1 to 89, lowest first; the older of equal ones first"`
	Uncapped         bool      `json:"uncapped,omitempty" doc:"Collected beyond the share of a purchase that charges may take"`
	Against          string    `json:"against" doc:"Account that was credited: opening, fees, services, fixed, energy, or wallet for a final bill"`
	Status           string    `json:"status" enum:"open,paid,written_off,taken_back,moved" doc:"written_off: the rest is not expected any more; taken_back: it was never owed, and the file that it came from was undone; moved: another account of the customer took over what was left"`
	CreatedAt        time.Time `json:"created_at" doc:"When the debt was added"`
}

// WriteOff asks to write off a debt or a part of it.
type WriteOff struct {
	AmountMinor *int64 `json:"amount_minor,omitempty" doc:"Amount to write off. Default: all that is outstanding; 0 is refused"`
	Reason      string `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// NewAdjustment asks to give a customer money out of goodwill.
type NewAdjustment struct {
	Account string `json:"account" example:"04140001001" doc:"Id of the account, or number or id of a meter that supplies it"`
	Amount  Amount `json:"amount" doc:"Amount that the customer gets"`
	Reason  string `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// Adjustment is a booked adjustment.
type Adjustment struct {
	ID      string    `json:"id" doc:"Id of the journal"`
	Account string    `json:"account" doc:"Id of the account"`
	To      string    `json:"to" enum:"wallet,carry" doc:"wallet, or carry: change for the next purchase of a token meter"`
	Amount  Amount    `json:"amount" doc:"Amount that the customer got"`
	Reason  string    `json:"reason" doc:"Why, as the request said"`
	At      time.Time `json:"at" doc:"Server time"`
}

// OwingFilter narrows the lists of debts and charges.
type OwingFilter struct {
	Account string `query:"account" maxLength:"64" doc:"Id of the account, or number or id of a meter that supplies it"`
	Open    bool   `query:"open" doc:"true: only what is not paid yet"`
	Page
}

// Debts is the list of debts.
var Debts = Listing[OwingFilter, Debt]{Name: "debts", Path: "/v1/debts", Tag: "debts", Summary: "List debts, newest first"}

// Charges is the list of fixed charges.
var Charges = Listing[OwingFilter, Charge]{Name: "charges", Path: "/v1/charges", Tag: "debts", Summary: "List fixed charges that fell due, newest first",
	Description: "They fall due on the 1st of the local month, whether or not anything is bought. In the first and the last month they are charged by the day. Purchases pay the oldest first."}
