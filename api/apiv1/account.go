package apiv1

import "time"

// AccountBalance is what an account has and owes, in minor units.
type AccountBalance struct {
	Currency    string `json:"currency" doc:"ISO 4217 code of all amounts"`
	CarryMinor  int64  `json:"carry_minor" doc:"Change carried forward to the next purchase"`
	WalletMinor int64  `json:"wallet_minor" doc:"Settled balance of the wallet; negative if more was used than paid for"`
	DueMinor    int64  `json:"due_minor" doc:"Fixed charges that fell due and are not paid yet"`
	DebtsMinor  int64  `json:"debts_minor" doc:"Debts that are not paid yet"`
	Month       string `json:"month" example:"2026-11" doc:"Local month of the units"`
	UnitsWh     int64  `json:"units_wh" doc:"Energy bought in the month, free units included, in Wh"`
	FreeDueWh   int64  `json:"free_due_wh" doc:"Free basic units that can be claimed now, in Wh"`
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
	Balance  AccountBalance `json:"balance" doc:"Balance and debts of the account"`
	// OtherDebts are other accounts that owe.
	OtherDebts []OtherDebt `json:"other_debts,omitempty" doc:"Other accounts that owe, of the same customer or of a customer with the same telephone number; at most 20"`
}

// OtherDebt is another account that owes, of the same customer or of a customer with the same telephone number.
type OtherDebt struct {
	Account   string `json:"account" doc:"Id of the other account"`
	Status    string `json:"status" enum:"open,active,closing,closed" doc:"State of the other account"`
	Customer  string `json:"customer" doc:"Id of its customer"`
	Name      string `json:"name" doc:"Name of its customer"`
	Same      bool   `json:"same_customer" doc:"It is the same customer, and not only the same telephone number"`
	OwedMinor int64  `json:"owed_minor" doc:"Debts and charges that are not paid, in minor units"`
}

// NewTakeOver asks that an account owes what another account owes.
type NewTakeOver struct {
	From   string `json:"from" doc:"Account that owes the money: its id, or number or id of a meter that supplies it"`
	Reason string `json:"reason" doc:"Why both accounts belong to one customer; written to the audit log"`
}

// TakenOver is what an account took over from another account.
type TakenOver struct {
	Account string    `json:"account" doc:"Id of the account that owes the money now"`
	From    string    `json:"from" doc:"Id of the account that owed it"`
	Amount  Amount    `json:"amount" doc:"Debts and charges that were taken over"`
	Reason  string    `json:"reason" doc:"As in the request"`
	At      time.Time `json:"at" doc:"Server time"`
}

// MovedIn is the meter of a customer who has moved in, and what the customer owes.
type MovedIn struct {
	Meter
	TakenOverMinor int64       `json:"taken_over_minor" doc:"Debts and charges that the account took over from closed accounts of the same customer, in minor units"`
	OtherDebts     []OtherDebt `json:"other_debts,omitempty" doc:"Other accounts that owe, of the same customer or of a customer with the same telephone number: a person decides whether the account takes them over"`
	Credit
	SecondPerson  bool   `json:"second_person,omitempty" doc:"In a plan: a second person must agree"`
	TariffBefore  string `json:"tariff_before,omitempty" doc:"In a plan: tariff of the last customer"`
	FirstPurchase *Quote `json:"first_purchase,omitempty" doc:"In a plan for a keypad meter: a purchase that pays all that is due and the dearest price of 20 kWh"`
	NotYet        string `json:"not_yet,omitempty" doc:"In a plan for a keypad meter: code of the refusal that a purchase would get now, instead of first_purchase"`
}

// Credit is the energy in a keypad meter when one customer leaves and another one comes.
type Credit struct {
	CreditWh      *int64 `json:"credit_wh,omitempty" doc:"Of a keypad meter: Wh left in it, read off its display"`
	CreditUnknown bool   `json:"credit_unknown,omitempty" doc:"Of a keypad meter: nobody could read its display"`
}

// MoveOut is a customer who moves out.
type MoveOut struct {
	Reason string `json:"reason,omitempty" doc:"Why, in a few words; written to the audit log. A plan needs none"`
	Credit
}

// AccountEntry is a line of a customer's statement.
type AccountEntry struct {
	ID          string    `json:"id" doc:"Id of the sale, or of the journal"`
	At          time.Time `json:"at" doc:"Server time"`
	Kind        string    `json:"kind" example:"vend" doc:"Kind of entry, such as vend, debt, write_off or goodwill"`
	Ref         string    `json:"ref,omitempty" doc:"Id of the sale or the debt"`
	Memo        string    `json:"memo,omitempty" doc:"Remark on the booking"`
	State       string    `json:"state,omitempty" doc:"State of a sale"`
	AmountMinor int64     `json:"amount_minor" doc:"Amount that was paid, added as a debt, written off or given"`
	UnitsWh     int64     `json:"units_wh,omitempty" doc:"Energy that a sale bought, in Wh"`
	Meter       string    `json:"meter,omitempty" doc:"Number of the meter that a sale was for"`
	ReceiptNo   string    `json:"receipt_no,omitempty" doc:"Number of a sale's receipt"`
}

// MovedOut is the result of moving out, or what a move-out would do, in minor units.
type MovedOut struct {
	Account        string    `json:"account" doc:"Id of the account"`
	Status         string    `json:"status" enum:"active,closed" doc:"State of the account now; active in a plan"`
	Customer       string    `json:"customer,omitempty" doc:"In a plan: id of the customer"`
	Name           string    `json:"name,omitempty" doc:"In a plan: name of the customer"`
	Phone          string    `json:"phone,omitempty" doc:"In a plan: telephone number that no longer means the meter"`
	Currency       string    `json:"currency" doc:"ISO 4217 code of all amounts"`
	At             time.Time `json:"at" doc:"Server time"`
	Journal        string    `json:"journal,omitempty" doc:"Id of the journal; missing in a plan, and if no money was moved"`
	Meters         []string  `json:"meters" doc:"Meters that are then free for another customer"`
	WalletMinor    int64     `json:"wallet_minor" doc:"Wallet after the last use was posted"`
	DepositMinor   int64     `json:"deposit_minor" doc:"Security deposit that the utility held"`
	CarryMinor     int64     `json:"carry_minor" doc:"Change carried forward from earlier purchases"`
	FinalBillMinor int64     `json:"final_bill_minor" doc:"Use beyond the wallet, added as a debt"`
	DebtsPaidMinor int64     `json:"debts_paid_minor" doc:"Debts and charges that were paid from wallet, deposit and change"`
	RefundDueMinor int64     `json:"refund_due_minor" doc:"Refund due to the customer; see /v1/accounts/{id}/refunds"`
	StillOwedMinor int64     `json:"still_owed_minor" doc:"Debts and charges that could not be paid"`
	SecondPerson   bool      `json:"second_person,omitempty" doc:"In a plan: a second person must agree, because a debt is left"`
	// Claims are in the order in which the money pays them.
	Claims         []MoveOutClaim `json:"claims" doc:"Debts and charges, in the order in which wallet, deposit and change pay them"`
	Warning        string         `json:"warning,omitempty" doc:"What becomes of the amount that is still owed"`
	ChargedUpTo    *time.Time     `json:"charged_up_to,omitempty" doc:"Meter time of the newest reading that is charged; missing for a keypad meter"`
	StillAllowed   int64          `json:"still_allowed_wh,omitempty" doc:"Of a wallet meter: Wh that it may supply until it answers its cut-off, and that nobody pays for. They count as free units of the person who asks"`
	FixedUpTo      string         `json:"fixed_up_to,omitempty" example:"2026-11-19" doc:"Of a keypad meter: last local day that counts for fixed charges; missing if the account was opened today"`
	UnitsWh        int64          `json:"units_wh" doc:"Energy of the month that counts in the price blocks, of all meters. It ends with the account"`
	FreeDueWh      int64          `json:"free_due_wh" doc:"Free units of the month that were not claimed. They end with the account"`
	EndsTariff     string         `json:"ends_tariff,omitempty" doc:"Tariff of a planned change, which never begins"`
	EndsTariffFrom *time.Time     `json:"ends_tariff_from,omitempty" doc:"When that change would have begun"`
	Credit
}

// MoveOutClaim is a debt or a charge of a customer who moves out, in minor units.
type MoveOutClaim struct {
	Kind        string `json:"kind" doc:"Kind of the debt, or name of the fixed charge"`
	Month       string `json:"month,omitempty" example:"2026-11" doc:"Local month of a fixed charge; missing for a debt"`
	Debt        string `json:"debt,omitempty" doc:"Id of the debt; missing for a fixed charge, and for the final bill"`
	BeforeMinor int64  `json:"before_minor" doc:"What was open of it before the last use and the last month were charged"`
	OwedMinor   int64  `json:"owed_minor" doc:"What is owed of it. The charges of the last month are counted by days"`
	PaidMinor   int64  `json:"paid_minor" doc:"What wallet, deposit and change pay of it"`
}

// NewRefund asks to pay out the money that is due back to a customer who has moved out.
type NewRefund struct {
	Amount *Amount `json:"amount,omitempty" doc:"Default: the whole refund due; 0 is refused"`
	Bank   string  `json:"bank,omitempty" doc:"Bank account that pays; default main"`
	To     string  `json:"to,omitempty" doc:"Account that gets the money instead: its id, or number or id of a meter that supplies it"`
	Reason string  `json:"reason" doc:"Who was paid and how; written to the journal and the audit log"`
}

// Refund is a booked refund.
type Refund struct {
	ID        string    `json:"id" doc:"Id of the journal"`
	Account   string    `json:"account" doc:"Id of the account that had a refund due"`
	To        string    `json:"to" enum:"bank,wallet,carry" doc:"Where the money went: paid out by a bank account of the utility, or credited to another account, as wallet or change for its next purchase"`
	Subject   string    `json:"subject" doc:"Bank account that paid, or id of the account that got the money"`
	Amount    Amount    `json:"amount" doc:"Amount that was paid out"`
	LeftMinor int64     `json:"left_minor" doc:"Refund still due"`
	Reason    string    `json:"reason" doc:"Who was paid and how, as in the request"`
	At        time.Time `json:"at" doc:"Server time"`
}

// MoveIn is a customer who moves in at a meter that is free.
type MoveIn struct {
	Tariff   string    `json:"tariff" doc:"Name or id of the tariff"`
	Customer *Customer `json:"customer,omitempty" doc:"With id: a customer who is on record already"`
	Reason   string    `json:"reason" doc:"Why, in a few words; written to the audit log"`
	Credit             // without it: as it was stated when the last customer moved out
}

// AccountFilter names an account and a page of its statement.
type AccountFilter struct {
	Account string `path:"id" maxLength:"64" doc:"Id of the account, or number or id of a meter that supplies it"`
	Page
}

// AccountStatement is the list of sales and other entries of an account.
var AccountStatement = Listing[AccountFilter, AccountEntry]{Name: "account-statement", Path: "/v1/accounts/{id}/statement", Tag: "accounts",
	Summary: "List the sales and entries of an account, newest first"}
