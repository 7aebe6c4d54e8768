package apiv1

import "time"

// AccountBalance is what an account has and owes, in minor units.
type AccountBalance struct {
	Currency    string `json:"currency" doc:"ISO 4217 code of all amounts"`
	CarryMinor  int64  `json:"carry_minor" doc:"Change brought forward from earlier purchases"`
	WalletMinor int64  `json:"wallet_minor" doc:"Settled balance of the wallet; negative if more was used than paid for"`
	DueMinor    int64  `json:"due_minor" doc:"Fixed charges that fell due and are not paid"`
	DebtsMinor  int64  `json:"debts_minor" doc:"Debts that are not paid yet"`
	Month       string `json:"month" example:"2026-11" doc:"Local month of the units"`
	UnitsWh     int64  `json:"units_wh" doc:"Bought in the month, free units included"`
	FreeDueWh   int64  `json:"free_due_wh" doc:"Free basic units that can be claimed now"`
}

// Account is the contract of one customer at one place.
type Account struct {
	ID       string         `json:"id" example:"acc_01jd00000000000000000000000" doc:"Id of the account"`
	Customer string         `json:"customer" doc:"Id of the customer"`
	Name     string         `json:"name" doc:"Name of the customer"`
	Address  string         `json:"address,omitempty" doc:"Address of the place"`
	Mode     string         `json:"mode" enum:"prepay_token,prepay_wallet,postpay" doc:"prepay_token: units in the meter, bought as tokens; prepay_wallet: money on the server; postpay: paid after use"`
	Status   string         `json:"status" enum:"open,active,closing,closed" doc:"active: in use; closed: the customer has moved out"`
	Meters   []string       `json:"meters" doc:"Numbers of the meters that supply the account"`
	OpenedAt time.Time      `json:"opened_at" doc:"When the account was opened"`
	Balance  AccountBalance `json:"balance" doc:"What the account has and owes"`
}

// AccountEntry is a line of a customer's statement.
type AccountEntry struct {
	ID          string    `json:"id" doc:"Of the sale, or of the journal"`
	At          time.Time `json:"at" doc:"Server time"`
	Kind        string    `json:"kind" example:"vend" doc:"vend, debt, write_off, goodwill ..."`
	Ref         string    `json:"ref,omitempty" doc:"The sale or the debt"`
	Memo        string    `json:"memo,omitempty" doc:"Text that was booked with it"`
	State       string    `json:"state,omitempty" doc:"Of a sale"`
	AmountMinor int64     `json:"amount_minor" doc:"What was tendered, raised, written off or given"`
	UnitsWh     int64     `json:"units_wh,omitempty" doc:"Energy that a sale bought, in Wh"`
	Meter       string    `json:"meter,omitempty" doc:"Number of the meter that a sale was for"`
	ReceiptNo   string    `json:"receipt_no,omitempty" doc:"Number of a sale's receipt"`
}

// MovedOut is the result of moving out, in minor units.
type MovedOut struct {
	Account        string     `json:"account" doc:"Id of the account"`
	Status         string     `json:"status" enum:"closed" doc:"State of the account now"`
	Currency       string     `json:"currency" doc:"ISO 4217 code of all amounts"`
	At             time.Time  `json:"at" doc:"Server time"`
	Journal        string     `json:"journal,omitempty" doc:"Missing if no money was booked"`
	Meters         []string   `json:"meters" doc:"Free for another customer now"`
	WalletMinor    int64      `json:"wallet_minor" doc:"Settled balance after the last use was posted"`
	DepositMinor   int64      `json:"deposit_minor" doc:"Deposit that the utility held"`
	CarryMinor     int64      `json:"carry_minor" doc:"Change of earlier purchases"`
	FinalBillMinor int64      `json:"final_bill_minor" doc:"Used beyond the wallet; raised as a debt"`
	DebtsPaidMinor int64      `json:"debts_paid_minor" doc:"Debts and charges that were paid from wallet, deposit and change"`
	RefundDueMinor int64      `json:"refund_due_minor" doc:"Due back to the customer; see /v1/accounts/{id}/refunds"`
	StillOwedMinor int64      `json:"still_owed_minor" doc:"Debts and charges that remain unpaid"`
	ChargedUpTo    *time.Time `json:"charged_up_to,omitempty" doc:"Meter time of the newest reading that is charged for"`
}

// NewRefund asks to pay out what is due back to a customer who has moved out.
type NewRefund struct {
	Amount *Amount `json:"amount,omitempty" doc:"Default: all that is due back; 0 is refused"`
	Bank   string  `json:"bank,omitempty" doc:"The bank account that pays; default main"`
	To     string  `json:"to,omitempty" doc:"Another account instead: its id, or number or id of a meter that supplies it"`
	Reason string  `json:"reason" doc:"To whom and how; written to the journal and the audit log"`
}

// Refund is a booked refund.
type Refund struct {
	ID        string    `json:"id" doc:"Of its journal"`
	Account   string    `json:"account" doc:"Id of the account that had money due back"`
	To        string    `json:"to" enum:"bank,wallet,carry" doc:"Where the money went: the utility paid it out of a bank account, or another account got it in its wallet or as change for its next purchase"`
	Subject   string    `json:"subject" doc:"The bank account, or the account that got it"`
	Amount    Amount    `json:"amount" doc:"What was paid out"`
	LeftMinor int64     `json:"left_minor" doc:"Still due back"`
	Reason    string    `json:"reason" doc:"To whom and how, as the request said"`
	At        time.Time `json:"at" doc:"Server time"`
}

// MoveIn is a customer who moves in at a meter that is free.
type MoveIn struct {
	Tariff   string    `json:"tariff" doc:"Name or id"`
	Customer *Customer `json:"customer,omitempty" doc:"With id: an existing customer"`
	Reason   string    `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// AccountFilter asks for a list of one account.
type AccountFilter struct {
	Account string `path:"id" maxLength:"64" doc:"Its id, or number or id of a meter that supplies it"`
	Page
}

// AccountStatement is the list of sales and other entries of an account.
var AccountStatement = Listing[AccountFilter, AccountEntry]{Name: "account-statement", Path: "/v1/accounts/{id}/statement", Tag: "accounts",
	Summary: "List the sales and entries of an account, newest first"}
