package apiv1

import "time"

// Usage is what a meter used in a period.
type Usage struct {
	Period      string `json:"period" enum:"day,week,month" doc:"Length of the period"`
	From        string `json:"from" example:"2026-11-16" doc:"First local day of the period"`
	UnitsWh     int64  `json:"units_wh" doc:"Energy used, in Wh"`
	EstimatedWh int64  `json:"estimated_wh" doc:"Part of units_wh that is estimated: divided by time at a change of price, or over days if the reading came a day or more after the one before"`
	AmountMinor int64  `json:"amount_minor" doc:"Amount charged to a wallet, levies and tax included; 0 for a meter without a wallet"`
	Currency    string `json:"currency" example:"KES" doc:"ISO 4217 code of the amount"`
}

// WalletLine is a line of a wallet's statement.
type WalletLine struct {
	Day          string     `json:"day" example:"2026-11-20" doc:"Local day of the booking"`
	At           time.Time  `json:"at" doc:"Server time"`
	Kind         string     `json:"kind" example:"use" doc:"Kind of line: opening, recharge, use, charge, reversal, goodwill ..., closing"`
	AmountMinor  int64      `json:"amount_minor" doc:"Amount; positive if money came in; 0 for opening and closing"`
	BalanceMinor int64      `json:"balance_minor" doc:"Balance after it"`
	Currency     string     `json:"currency" example:"KES" doc:"ISO 4217 code of the amounts"`
	UnitsWh      int64      `json:"units_wh,omitempty" doc:"Energy of use, in Wh"`
	From         *time.Time `json:"from,omitempty" doc:"Meter time at the beginning of the use"`
	To           *time.Time `json:"to,omitempty" doc:"Meter time at the end of the use"`
	Journals     int        `json:"journals,omitempty" doc:"Number of journals that the line sums up"`
	Ref          string     `json:"ref,omitempty" doc:"Id of the sale of a recharge; else the reference of the journal"`
}

// Register compares the register that a wallet meter last reported with the register up to which its energy is charged.
type Register struct {
	Meter        string     `json:"meter" example:"04140001001" doc:"Number of the meter"`
	RegisterWh   int64      `json:"register_wh" doc:"Register that the meter last reported, in Wh"`
	RatedToWh    int64      `json:"rated_to_wh" doc:"Register up to which energy is charged, in Wh"`
	DifferenceWh int64      `json:"difference_wh" doc:"register_wh less rated_to_wh"`
	RatedWh      int64      `json:"rated_wh" doc:"All energy charged so far, in Wh"`
	LeftOutWh    int64      `json:"left_out_wh" doc:"Energy before the first charge, and left out by rebases: rated_to_wh less rated_wh"`
	AsOf         *time.Time `json:"as_of" doc:"Meter time of the newest reading; null before the first"`
	Held         string     `json:"held,omitempty" enum:"register_regress,implausible,span,no_price,relay_open" doc:"Why charging waits for a decision. register_regress: the register fell; implausible: it rose faster than the meter can measure; span: too long between two readings; no_price: the tariff gives no price; relay_open: energy was counted while the relay was open"`
	HeldWh       *int64     `json:"held_wh,omitempty" doc:"The register at which rating stopped"`
	HeldSince    *time.Time `json:"held_since,omitempty" doc:"When charging stopped"`
}

// UsageFilter asks for a meter's use by day, week or month, between two local days.
type UsageFilter struct {
	Meter string `path:"meter" maxLength:"64" doc:"Number or id of the meter"`
	By    string `query:"by" enum:"day,week,month" doc:"Period of a row; default day. A week begins on Monday"`
	From  string `query:"from" maxLength:"10" example:"2026-11-01" doc:"First local day"`
	To    string `query:"to" maxLength:"10" example:"2026-11-30" doc:"Last local day"`
	Page
}

// MeterUsage is the list of a meter's use.
var MeterUsage = Listing[UsageFilter, Usage]{Name: "usage", Path: "/v1/meters/{meter}/usage", Tag: "wallets",
	Summary:     "List what a meter used, newest first",
	Description: "Days follow the meter's time. The use of a day may grow until its last readings arrive. For a wallet meter it is what was charged. For any other meter it is the rise of the register between its readings, shared by time over the days between two readings; a rise that no meter can measure and a fall of the register are left out."}

// WalletFilter asks for a wallet's entries between two local days.
type WalletFilter struct {
	Account string `path:"id" maxLength:"64" doc:"Id of the account, or number or id of a meter that supplies it"`
	From    string `query:"from" maxLength:"10" example:"2026-11-01" doc:"First local day; default: the first day of the month of to"`
	To      string `query:"to" maxLength:"10" example:"2026-11-30" doc:"Last local day; default today"`
	Page
}

// WalletStatement is the list of entries on an account's wallet.
var WalletStatement = Listing[WalletFilter, WalletLine]{Name: "wallet-statement", Path: "/v1/accounts/{id}/wallet", Tag: "wallets",
	Summary: "List the changes of an account's wallet, oldest first",
	Description: "The lines come from the books and sum to the closing balance. A day that is over never changes. Use and charges " +
		"are summed up by the day on which they were posted. At most 100 days."}

// Registers is the list of wallet meters whose energy is not fully charged, or whose charging has stopped.
var Registers = Listing[Page, Register]{Name: "registers", Path: "/v1/reports/registers", Tag: "wallets",
	Summary: "List wallet meters with an uncharged difference"}
