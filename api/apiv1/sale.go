package apiv1

import "time"

// NewSale is a sale to make.
type NewSale struct {
	Meter     string   `json:"meter" example:"04140001001" doc:"Number or id of the meter"`
	Tender    Amount   `json:"tender" doc:"Amount that the customer pays"`
	ClientRef string   `json:"client_ref,omitempty" maxLength:"64" doc:"The seller's own reference of this sale, unique per vendor for ever; default: the Idempotency-Key"`
	Deliver   []string `json:"deliver,omitempty" doc:"Ways to deliver the token besides this answer: mqtt to the meter's connection, sms to the customer's telephone, meter_sms to the SIM in the meter"`
}

// NewQuote is a purchase to price.
type NewQuote struct {
	Meter  string `json:"meter" example:"04140001001" doc:"Number or id of the meter"`
	Tender Amount `json:"tender" doc:"Amount that the customer would pay"`
}

// Step is one block of the energy line.
type Step struct {
	UnitsWh     int64 `json:"units_wh" doc:"Energy of the step, in Wh"`
	RateMicro   int64 `json:"rate_micro" doc:"Millionths of the major unit per kWh, without tax"`
	AmountMinor int64 `json:"amount_minor" doc:"Price of the step without tax and levies"`
}

// Line is one part of the tender, in the order it was allocated; the lines of a sale sum to the tender.
type Line struct {
	Kind        string `json:"kind" example:"energy" doc:"Kind of line, such as energy (without tax), vat, carry or carry_in"`
	Ref         string `json:"ref,omitempty" doc:"Name of the fee, charge or levy, or id of the debt"`
	Label       string `json:"label,omitempty" doc:"Text for people: the kind of a debt"`
	AmountMinor int64  `json:"amount_minor" doc:"Amount of the line; negative for carry_in"`
	LeftMinor   *int64 `json:"left_minor,omitempty" doc:"Of a charge or debt: amount left to pay after this sale, tax included"`
	Steps       []Step `json:"steps,omitempty" doc:"The energy by price"`
}

// Sale is a sale with its lines and tokens.
type Sale struct {
	ID          string     `json:"id" example:"vnd_01jd00000000000000000000000" doc:"Id of the sale"`
	ClientRef   string     `json:"client_ref" doc:"The seller's own reference of the sale"`
	Meter       string     `json:"meter" doc:"Number of the meter"`
	Test        bool       `json:"test,omitempty" doc:"The meter is simulated"`
	State       string     `json:"state" enum:"priced,held,issued,completed,failed,reversing,reversed" doc:"held: reserved until its token is made; completed: token and receipt exist; failed: no token was made and no money was kept; reversing: the meter is asked to cancel the tokens; reversed: reversed"`
	Tender      Amount     `json:"tender" doc:"Amount that the customer paid"`
	UnitsWh     int64      `json:"units_wh" example:"34700" doc:"Energy bought, in Wh, free units included"`
	UnitsKWh    string     `json:"units_kwh" example:"34.7" doc:"units_wh in kWh"`
	FreeWh      int64      `json:"free_wh,omitempty" doc:"Free basic units among units_wh; their tokens come first"`
	Lines       []Line     `json:"lines" doc:"Price lines, in the order of the allocation; they sum to the tender"`
	Tokens      []Token    `json:"tokens" doc:"Tokens, in the order in which the customer enters them"`
	ReceiptNo   string     `json:"receipt_no,omitempty" doc:"Number of the receipt; missing until the sale is completed"`
	ReceiptURL  string     `json:"receipt_url" doc:"Path of the receipt on this server"`
	CreatedAt   time.Time  `json:"created_at" doc:"When the sale was priced"`
	CompletedAt *time.Time `json:"completed_at,omitempty" doc:"When the token was made; missing until then"`
	Till        string     `json:"till,omitempty" doc:"Till of the sale, which numbers its receipts"`
	Shift       string     `json:"shift,omitempty" doc:"Id of the shift whose cash it is; missing for a vendor's sale, and outside a shift"`
	By          string     `json:"by,omitempty" doc:"Who sold"`
	PressKey    bool       `json:"press_key,omitempty" doc:"Of a recharge: whether somebody must press # on the meter for the supply to return, as known when the recharge was made"`
}

// SaleFilter narrows the list of sales.
type SaleFilter struct {
	From      string `query:"from" maxLength:"40" example:"2026-11-01" doc:"First local day, or a time"`
	To        string `query:"to" maxLength:"40" example:"2026-11-30" doc:"Last local day, or the time before which they were made"`
	Meter     string `query:"meter" maxLength:"64" doc:"Number or id of the meter"`
	Account   string `query:"account" maxLength:"64" doc:"Id of the account, or number or id of a meter that it has now"`
	Receipt   string `query:"receipt_no" maxLength:"64" example:"main-000001" doc:"Number of the receipt"`
	Seller    string `query:"seller" maxLength:"64" example:"V001" doc:"Id or code of the vendor who sold"`
	Till      string `query:"till" maxLength:"64" example:"main" doc:"Till"`
	Shift     string `query:"shift" maxLength:"64" doc:"Id of a shift"`
	State     string `query:"state" enum:"held,completed,failed,reversing,reversed" doc:"State of the sale"`
	ClientRef string `query:"client_ref" maxLength:"64" doc:"The seller's own reference of one sale; the other fields then count for nothing, and the answer has the digits of its tokens"`
	Key       string `query:"idempotency_key" maxLength:"64" doc:"Instead of client_ref: the Idempotency-Key of the caller's own request"`
	Page
}

// Sales is the list of sales, the newest first.
var Sales = Listing[SaleFilter, Sale]{Name: "sales", Path: "/v1/vends", Tag: "vends", Summary: "List sales, or find one by its client_ref",
	Description: "The list has no digits of tokens: the sale itself shows them. If the answer to a sale was lost, ask for its client_ref. " +
		"An empty list then means that no sale was made."}

// Quote is what a tender would buy now. Nothing is stored but the quote.
type Quote struct {
	Meter     string    `json:"meter" doc:"Number of the meter"`
	Tender    Amount    `json:"tender" doc:"Amount that the customer would pay"`
	UnitsWh   int64     `json:"units_wh" doc:"Energy that it would buy, in Wh"`
	UnitsKWh  string    `json:"units_kwh" doc:"units_wh in kWh"`
	FreeWh    int64     `json:"free_wh,omitempty" doc:"Free basic units among units_wh"`
	Lines     []Line    `json:"lines" doc:"Price lines, in the order of the allocation; they sum to the tender"`
	ExpiresAt time.Time `json:"expires_at" doc:"Time until which the price is likely to stay the same; another sale or the end of the month changes it"`
}
