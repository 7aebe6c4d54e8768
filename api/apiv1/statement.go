package apiv1

import "time"

// Statement is what happened to an account's money in a month, in minor units. Opening balance and lines sum to the closing balance.
type Statement struct {
	Account      string          `json:"account" doc:"Id of the account"`
	Name         string          `json:"name" doc:"Name of the customer at the end of the month, or now"`
	Address      string          `json:"address,omitempty" doc:"Address of the place"`
	Meters       []string        `json:"meters" doc:"Numbers of the meters that supplied the account at the end of the month, or supply it now"`
	Month        string          `json:"month" example:"2026-11" doc:"Local month"`
	Zone         string          `json:"zone" example:"Africa/Nairobi" doc:"Time zone of the month"`
	AsOf         time.Time       `json:"as_of" doc:"When the statement was made; the present month may still change"`
	Balance      string          `json:"balance" enum:"wallet,carry" doc:"What the balance is. wallet: money on the server; carry: change carried forward to the next purchase of a token"`
	Currency     string          `json:"currency" doc:"ISO 4217 code of all amounts"`
	OpeningMinor int64           `json:"opening_minor" doc:"Balance at the beginning of the month"`
	ClosingMinor int64           `json:"closing_minor" doc:"Balance at its end, or now"`
	PaidMinor    int64           `json:"paid_minor" doc:"Paid for purchases and recharges that were not reversed"`
	UnitsWh      int64           `json:"units_wh" doc:"Energy bought as tokens, or used from a wallet, in Wh"`
	Today        bool            `json:"details_of_today,omitempty" doc:"Some of the names and addresses are today's: nothing says what they were at the end of the month"`
	Erased       bool            `json:"customer_erased,omitempty" doc:"The customer's name was erased, because the customer asked for it"`
	Lines        []StatementLine `json:"lines" doc:"Changes, oldest first"`
	CreditIn     *StatedCredit   `json:"credit_in,omitempty" doc:"Of a keypad meter: the credit in it when the customer moved in, if that was in this month"`
	CreditOut    *StatedCredit   `json:"credit_out,omitempty" doc:"Of a keypad meter: the credit in it when the customer moved out, if that was in this month"`
}

// StatedCredit is the credit in a keypad meter when a customer moved in or out.
type StatedCredit struct {
	At time.Time `json:"at" doc:"When the customer moved"`
	Credit
}

// StatementLine is one change of a statement.
type StatementLine struct {
	At           time.Time `json:"at" doc:"Server time"`
	Kind         string    `json:"kind" example:"vend" doc:"Kind of the change, such as vend, recharge, use, charge or reversal"`
	ReceiptNo    string    `json:"receipt_no,omitempty" doc:"Number of the receipt of a purchase"`
	Meter        string    `json:"meter,omitempty" doc:"Number of the meter of a purchase"`
	Ref          string    `json:"ref,omitempty" doc:"Id of the sale or the debt"`
	Reversed     bool      `json:"reversed,omitempty" doc:"The purchase was reversed later"`
	PaidMinor    int64     `json:"paid_minor,omitempty" doc:"What was paid for a purchase"`
	UnitsWh      int64     `json:"units_wh,omitempty" doc:"Energy in Wh"`
	ChangeMinor  int64     `json:"change_minor" doc:"Change of the balance; money that comes in is positive"`
	BalanceMinor int64     `json:"balance_minor" doc:"Balance after the change"`
}
