package apiv1

import "time"

// CloseDay asks to close a local day of the books.
type CloseDay struct {
	Date   string `json:"date,omitempty" maxLength:"10" example:"2026-11-20" doc:"Local day; default the first open day. The first day that is ever closed may be a later one"`
	Accept bool   `json:"accept,omitempty" doc:"Close the day although things are pending that do not stop it"`
	Note   string `json:"note,omitempty" maxLength:"800" doc:"At most 200 characters"`
}

// OpenDay is the first open day.
type OpenDay struct {
	Date     string       `json:"date,omitempty" example:"2026-11-20" doc:"Local day; missing if the books have no journal"`
	TZ       string       `json:"tz" example:"Africa/Nairobi" doc:"Time zone of the utility"`
	From     *time.Time   `json:"from,omitempty" doc:"Begin of the day"`
	To       *time.Time   `json:"to,omitempty" doc:"End of the day, not included"`
	Currency string       `json:"currency,omitempty" example:"KES" doc:"Currency of all amounts"`
	Over     bool         `json:"over" doc:"Whether the day ended long enough ago"`
	Days     int          `json:"days" doc:"Number of ended days that are open"`
	Pending  []DayPending `json:"pending" doc:"What was begun before the end of the day and is open"`

	SoldWithoutShift []DayCashSeller `json:"sold_without_shift" doc:"Cash of sales and vouchers in no shift: it is booked in the till main, and nobody counts it"`
}

// DayPending is something that is open at the end of a day.
type DayPending struct {
	Kind  string    `json:"kind" enum:"open_shift,unfinished_sale,reversing_sale,unconfirmed_reversal,doubtful_reading,approval,restore" doc:"What it is"`
	ID    string    `json:"id,omitempty" doc:"Id of the shift, sale, reading or approval"`
	Title string    `json:"title,omitempty" doc:"Name of the till, number of the meter, or action"`
	Since time.Time `json:"since" doc:"Since when"`
	Stops bool      `json:"stops" doc:"Whether the day cannot be closed before this is settled"`
}

// ClosedDay is a closed day with its figures, which never change.
type ClosedDay struct {
	ID          string       `json:"id" example:"day_01jd00000000000000000000000" doc:"Id"`
	Date        string       `json:"date" example:"2026-11-20" doc:"Local day"`
	TZ          string       `json:"tz" example:"Africa/Nairobi" doc:"Time zone of the utility when the day was closed"`
	From        time.Time    `json:"from" doc:"Begin of the day"`
	To          time.Time    `json:"to" doc:"End of the day, not included"`
	Currency    string       `json:"currency" example:"KES" doc:"Currency of all amounts"`
	Journals    int64        `json:"journals" doc:"Number of journals"`
	DebitsMinor int64        `json:"debits_minor" doc:"Sum of the debits of all journals, equal to the credits"`
	Kinds       []DayKind    `json:"kinds" doc:"Journals by kind"`
	Sellers     []DaySeller  `json:"sellers" doc:"Sales and sold vouchers by till and vendor"`
	Accounts    []DayAccount `json:"accounts" doc:"Figures by account. Accounts of customers and meters are added up"`
	Pending     []DayPending `json:"pending" doc:"What was open when the day was closed"`
	ClosedAt    time.Time    `json:"closed_at" doc:"When it was closed"`
	ClosedBy    string       `json:"closed_by" doc:"Who closed it"`
	Note        string       `json:"note,omitempty" doc:"Note"`
	Epoch       int64        `json:"epoch" doc:"Store epoch: 1, and one more after each restore"`
	Seal        int64        `json:"seal" doc:"Number of the newest seal before the closing"`
	Head        string       `json:"head" doc:"Signed head of that seal"`

	SoldWithoutShift []DayCashSeller `json:"sold_without_shift,omitempty" doc:"Cash of sales and vouchers in no shift, with what was reversed until now. The list of days leaves it out"`
}

// DayCashSeller has the cash that came in for sales and vouchers of one seller outside any shift.
type DayCashSeller struct {
	Seller        string `json:"seller" example:"amina@example.org" doc:"Who sold"`
	Sales         int64  `json:"sales" doc:"Number of sales; vouchers that were sold together are one"`
	SoldMinor     int64  `json:"sold_minor" doc:"Money of the sales"`
	ReversedMinor int64  `json:"reversed_minor" doc:"Part of it that was given back"`
}

// DayKind has the journals of one kind.
type DayKind struct {
	Kind        string `json:"kind" example:"vend" doc:"Kind of journal"`
	Journals    int64  `json:"journals" doc:"Number"`
	DebitsMinor int64  `json:"debits_minor" doc:"Sum of their debits"`
}

// DaySeller has the sales that one account took money for.
type DaySeller struct {
	Code          int64  `json:"code" example:"1000" doc:"Number of the account in the chart"`
	Path          string `json:"path" example:"cash:till" doc:"Name of the account in the chart"`
	Subject       string `json:"subject,omitempty" doc:"Shift, vendor or provider"`
	Sales         int64  `json:"sales" doc:"Number of sales; vouchers that were sold together are one"`
	SoldMinor     int64  `json:"sold_minor" doc:"Money of the sales"`
	Reversals     int64  `json:"reversals" doc:"Number of reversals"`
	PaidBackMinor int64  `json:"paid_back_minor" doc:"Money that was given back"`
}

// DayAccount has the figures of one account in a day.
type DayAccount struct {
	Code         int64  `json:"code" example:"4000" doc:"Number of the account in the chart"`
	Path         string `json:"path" example:"revenue:energy" doc:"Name of the account in the chart"`
	Subject      string `json:"subject,omitempty" doc:"Shift, bank, vendor or levy"`
	OpeningMinor int64  `json:"opening_minor" doc:"Balance at the begin, debit positive"`
	DebitMinor   int64  `json:"debit_minor" doc:"Debits"`
	CreditMinor  int64  `json:"credit_minor" doc:"Credits"`
	ClosingMinor int64  `json:"closing_minor" doc:"Balance at the end, debit positive"`
}

// ClosedDays is the list of closed days.
var ClosedDays = Listing[Page, ClosedDay]{Name: "closed-days", Path: "/v1/days", Tag: "days", Summary: "List closed days, newest first"}
