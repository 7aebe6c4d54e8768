package apiv1

import "time"

// NewShift is a shift to open.
type NewShift struct {
	Till    string  `json:"till,omitempty" maxLength:"12" example:"main" doc:"Name of the till: 1 to 12 small letters, digits and dashes, which begin the numbers of its receipts. Default: main"`
	Opening *Amount `json:"opening,omitempty" doc:"Cash in the till at the beginning, which comes from the bank; default none"`
}

// ShiftCount is the counted cash at the end of a shift.
type ShiftCount struct {
	Counted Amount `json:"counted" doc:"Cash counted in the till, with the opening float"`
	Note    string `json:"note,omitempty" maxLength:"800" doc:"What explains a difference; at most 200 characters"`
}

// ShiftPayout is cash that leaves a till for the bank.
type ShiftPayout struct {
	Amount Amount `json:"amount" doc:"Cash that leaves the till"`
	Reason string `json:"reason,omitempty" maxLength:"800" doc:"Why, for the audit log; at most 200 characters"`
}

// Shift is one person's use of a till between opening and closing it.
type Shift struct {
	ID         string     `json:"id" example:"shf_01jd00000000000000000000000" doc:"Id of the shift"`
	Till       string     `json:"till" example:"main" doc:"Name of the till"`
	Operator   string     `json:"operator" doc:"Whose shift it is"`
	State      string     `json:"state" enum:"open,closed" doc:"Whether the shift takes cash"`
	Opening    Amount     `json:"opening" doc:"Cash in the till at the beginning"`
	OpenedAt   time.Time  `json:"opened_at" doc:"When it was opened"`
	ClosedAt   *time.Time `json:"closed_at,omitempty" doc:"When it was closed"`
	ClosedBy   string     `json:"closed_by,omitempty" doc:"Who closed it"`
	Expected   *Amount    `json:"expected,omitempty" doc:"Cash that the books expected at closing"`
	Counted    *Amount    `json:"counted,omitempty" doc:"Cash that was counted"`
	Difference *Amount    `json:"difference,omitempty" doc:"Counted less expected; negative: cash is missing"`
	Note       string     `json:"note,omitempty" doc:"What explains a difference"`
}

// ShiftReport is the Z report of a shift, or what it will be so far.
type ShiftReport struct {
	Shift        Shift        `json:"shift" doc:"The shift"`
	Sales        int64        `json:"sales" example:"10" doc:"Number of sales with cash"`
	Sold         Amount       `json:"sold" doc:"Cash of these sales"`
	UnitsWh      int64        `json:"units_wh" doc:"Energy of the shift's sales, reversed or not"`
	Reversals    int64        `json:"reversals" doc:"Number of sales that this till paid back, also those of other shifts"`
	PaidBack     Amount       `json:"paid_back" doc:"Cash that went back to customers from this till"`
	PaidOut      Amount       `json:"paid_out" doc:"Cash that went to the bank before closing"`
	Left         Amount       `json:"left" doc:"Cash that the books expect in the till now; 0 after closing"`
	FirstReceipt string       `json:"first_receipt,omitempty" example:"main-000001" doc:"Number of the first receipt"`
	LastReceipt  string       `json:"last_receipt,omitempty" example:"main-000010" doc:"Number of the last receipt"`
	Breakdown    []ShiftShare `json:"breakdown" doc:"What the sales paid for; it adds up to sold"`
}

// ShiftShare is the part of a shift's sales that went to one account of the chart.
type ShiftShare struct {
	Code   int64  `json:"code" example:"4000" doc:"Number of the account in the chart"`
	Path   string `json:"path" example:"revenue:energy" doc:"Name of the account in the chart"`
	Amount Amount `json:"amount" doc:"Amount"`
}

// ShiftFilter narrows the list of shifts.
type ShiftFilter struct {
	Till     string `query:"till" maxLength:"12" example:"main" doc:"Till"`
	Operator string `query:"operator" maxLength:"200" doc:"Whose shift, as the list shows it"`
	State    string `query:"state" enum:"open,closed" doc:"State"`
	Page
}

// Shifts is the list of shifts.
var Shifts = Listing[ShiftFilter, Shift]{Name: "shifts", Path: "/v1/shifts", Tag: "shifts", Summary: "List shifts, newest first"}
