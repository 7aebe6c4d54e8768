package apiv1

import "time"

// Charge is a fixed charge of one local month.
type Charge struct {
	ID          string    `json:"id" example:"chg_01jd00000000000000000000000" doc:"Id of the charge"`
	Account     string    `json:"account" doc:"Id of the account"`
	Name        string    `json:"name" example:"standing" doc:"In its tariff"`
	Month       string    `json:"month" example:"2026-11" doc:"Local month it is for"`
	Ref         string    `json:"ref" example:"standing 2026-11" doc:"Its name in the lines of sales"`
	Currency    string    `json:"currency" doc:"ISO 4217 code of the amounts"`
	AmountMinor int64     `json:"amount_minor" doc:"Tax included"`
	PaidMinor   int64     `json:"paid_minor" doc:"What purchases have paid of it so far"`
	VATBps      int64     `json:"vat_bps" doc:"Tax contained in the amount, in basis points: 1500 is 15 %"`
	Priority    int       `json:"priority" doc:"1 to 89; purchases pay lower ones first"`
	Uncapped    bool      `json:"uncapped,omitempty" doc:"Not limited by the ceiling of what purchases pay to charges"`
	CreatedAt   time.Time `json:"created_at" doc:"When it was recorded"`
}

// NewCharge asks for a charge to be made due by hand.
type NewCharge struct {
	Account  string `json:"account" example:"04140001001" doc:"Id of the account, or number or id of a meter that supplies it"`
	Name     string `json:"name" example:"reconnection" doc:"1 to 32 small letters, digits and dashes; unique in the account for each month"`
	Month    string `json:"month" example:"2026-11" doc:"Local month it is for"`
	Amount   Amount `json:"amount" doc:"Tax included"`
	VATBps   int64  `json:"vat_bps,omitempty" doc:"Tax contained in the amount"`
	Priority int    `json:"priority,omitempty" doc:"1 to 89, ascending; default 20"`
	Uncapped bool   `json:"uncapped,omitempty" doc:"Not limited by the ceiling of what purchases pay to charges"`
}

// NewDebt is a debt to be raised; purchases of the account collect it.
type NewDebt struct {
	Account       string `json:"account" example:"04140001001" doc:"Id of the account, or number or id of a meter that supplies it"`
	Kind          string `json:"kind" example:"fine" doc:"fine, loan, arrears ...: 1 to 32 characters; receipts show it"`
	Memo          string `json:"memo,omitempty" doc:"What it is for; shown in statements"`
	Amount        Amount `json:"amount" doc:"What is owed"`
	Mode          string `json:"mode,omitempty" enum:"percent,fixed,full" doc:"How much a purchase pays; default full"`
	PercentBps    int64  `json:"percent_bps,omitempty" doc:"Mode percent: of what is tendered, 2000 is 20 %"`
	FixedMinor    int64  `json:"fixed_minor,omitempty" doc:"Mode fixed: for every purchase"`
	MinMinor      int64  `json:"min_minor,omitempty" doc:"Least amount from a purchase"`
	MaxMinor      int64  `json:"max_minor,omitempty" doc:"Highest amount from a purchase"`
	MonthCapMinor int64  `json:"month_cap_minor,omitempty" doc:"Highest total in a local month"`
	Priority      int    `json:"priority,omitempty" doc:"1 to 89, ascending; default 30, behind fixed charges (20). Equal ones: the older first"`
	Uncapped      bool   `json:"uncapped,omitempty" doc:"Not limited by the ceiling of what purchases pay to charges"`
	Against       string `json:"against,omitempty" enum:"opening,fees,services,fixed,energy" doc:"What is credited; default opening, for arrears from another system"`
}

// Debt is money owed that purchases collect.
type Debt struct {
	ID               string    `json:"id" example:"dbt_01jd00000000000000000000000" doc:"Id of the debt"`
	Account          string    `json:"account" doc:"Id of the account that owes it"`
	Kind             string    `json:"kind" doc:"What kind of debt it is; receipts show it"`
	Memo             string    `json:"memo,omitempty" doc:"What it is for"`
	Currency         string    `json:"currency" doc:"ISO 4217 code of the amounts"`
	PrincipalMinor   int64     `json:"principal_minor" doc:"What was owed when the debt was raised"`
	OutstandingMinor int64     `json:"outstanding_minor" doc:"Never negative. Together with what open sales have reserved, it is the balance of its ledger account"`
	Mode             string    `json:"mode" enum:"percent,fixed,full" doc:"How much a purchase pays: percent of what is tendered, a fixed amount, or the full debt"`
	PercentBps       int64     `json:"percent_bps,omitempty" doc:"Mode percent: of what is tendered, 2000 is 20 %"`
	FixedMinor       int64     `json:"fixed_minor,omitempty" doc:"Mode fixed: for every purchase"`
	MinMinor         int64     `json:"min_minor,omitempty" doc:"Least amount from a purchase"`
	MaxMinor         int64     `json:"max_minor,omitempty" doc:"Highest amount from a purchase; missing for no limit"`
	MonthCapMinor    int64     `json:"month_cap_minor,omitempty" doc:"Highest total in a local month; missing for no limit"`
	Priority         int       `json:"priority" doc:"1 to 89; purchases pay lower ones first, and of equal ones the older first"`
	Uncapped         bool      `json:"uncapped,omitempty" doc:"Not limited by the ceiling of what purchases pay to charges"`
	Against          string    `json:"against" doc:"What was credited when it was raised: opening, fees, services, fixed, energy, or wallet for a final bill"`
	Status           string    `json:"status" enum:"open,paid,written_off" doc:"written_off: the rest is no longer expected"`
	CreatedAt        time.Time `json:"created_at" doc:"When it was raised"`
}

// WriteOff asks to write off a debt or a part of it.
type WriteOff struct {
	AmountMinor *int64 `json:"amount_minor,omitempty" doc:"Default: all that is outstanding; 0 is refused"`
	Reason      string `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// NewAdjustment asks to give a customer money out of goodwill.
type NewAdjustment struct {
	Account string `json:"account" example:"04140001001" doc:"Id of the account, or number or id of a meter that supplies it"`
	Amount  Amount `json:"amount" doc:"What the customer is given"`
	Reason  string `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// Adjustment is a booked adjustment.
type Adjustment struct {
	ID      string    `json:"id" doc:"Of its journal"`
	Account string    `json:"account" doc:"Id of the account"`
	To      string    `json:"to" enum:"wallet,carry" doc:"carry: change for the next purchase of a token meter"`
	Amount  Amount    `json:"amount" doc:"What the customer was given"`
	Reason  string    `json:"reason" doc:"Why, as the request said"`
	At      time.Time `json:"at" doc:"Server time"`
}

// OwingFilter narrows the lists of debts and charges.
type OwingFilter struct {
	Account string `query:"account" maxLength:"64" doc:"Id of the account, or number or id of a meter that supplies it"`
	Open    bool   `query:"open" doc:"true: only what is not paid"`
	Page
}

// Debts is the list of debts.
var Debts = Listing[OwingFilter, Debt]{Name: "debts", Path: "/v1/debts", Tag: "debts", Summary: "List debts, newest first"}

// Charges is the list of fixed charges.
var Charges = Listing[OwingFilter, Charge]{Name: "charges", Path: "/v1/charges", Tag: "debts", Summary: "List fixed charges that fell due, newest first",
	Description: "They fall due on the 1st of the local month, whether or not anything is bought. The first and the last month count by " +
		"days. Purchases pay the oldest first."}
