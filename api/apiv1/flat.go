package apiv1

import "time"

// Flat is a meter with its place, as a landlord looks at it.
type Flat struct {
	Meter       string       `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Name        string       `json:"name" example:"A1" doc:"The address of the place, or else the tenant's name or the meter's number"`
	Tenant      string       `json:"tenant,omitempty" doc:"Name of the customer; missing for those who may not read customers"`
	Feeder      string       `json:"feeder,omitempty" example:"Riverside" doc:"The building: the feeder of the place"`
	State       string       `json:"state" enum:"tamper,offline,cut_off,low,on" doc:"The supply in one word"`
	LastSeen    *time.Time   `json:"last_seen" doc:"When the meter was last heard; null if never"`
	Left        *Amount      `json:"left,omitempty" doc:"What is left in the wallet: the live estimate; missing for a token meter"`
	LeftWh      *int64       `json:"left_wh,omitempty" doc:"What is left in a token meter; missing for a wallet, and if nobody knows it"`
	AsOf        *time.Time   `json:"as_of,omitempty" doc:"Time of the reading that says what is left"`
	DaysLeft    *DaysLeft    `json:"days_left" doc:"How many days that lasts; null if it is unknown or there are too few days of use to estimate from"`
	LastPayment *FlatPayment `json:"last_payment,omitempty" doc:"Last purchase or recharge of the present tenant; missing if there is none, or for those who may not read sales"`
}

// FlatPayment is the last purchase or recharge of a flat.
type FlatPayment struct {
	At        time.Time `json:"at" doc:"When the sale was completed"`
	Amount    Amount    `json:"amount" doc:"What was paid"`
	ReceiptNo string    `json:"receipt_no" example:"main-000001" doc:"Number of the receipt"`
}

// FlatFilter asks for the flats of a building.
type FlatFilter struct {
	Feeder string `query:"feeder" maxLength:"64" example:"Riverside" doc:"Only flats of this building; all without it"`
	Page
}

// Flats is the landlord's board.
var Flats = Listing[FlatFilter, Flat]{Name: "flats", Path: "/v1/flats", Tag: "flats", Summary: "List flats, those that need somebody first",
	Description: "The order is that of the states, the most urgent first. On a page, the flats in one state are in the order of their days left. A flat whose state changes while somebody reads page after page can be missing or appear twice."}
