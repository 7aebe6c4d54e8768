package apiv1

import "time"

// MeterToken is a token of a meter; Digits are masked without the right token.show.
type MeterToken struct {
	ID       string    `json:"id" example:"tok_01jd00000000000000000000000"`
	Vend     string    `json:"vend,omitempty"`
	IssuedAt time.Time `json:"issued_at"`
	Result   string    `json:"result,omitempty" doc:"What the meter answered"`
	// Elsewhere marks what this server did not make.
	Elsewhere bool `json:"elsewhere,omitempty" doc:"Not made here: somebody handed its digits in to be sent to the meter. It belongs to no sale, and what could not be read of it is 0"`
	Token
}

// NextKey are the facts of the key that a meter is to get; what is empty stays as it is.
type NextKey struct {
	SGC      string `json:"sgc,omitempty" example:"123456"`
	KRN      int    `json:"krn,omitempty" example:"2"`
	KT       *int   `json:"kt,omitempty" example:"2"`
	TI       string `json:"ti,omitempty" example:"01"`
	KEN      *int   `json:"ken,omitempty" example:"255"`
	DKGA     string `json:"dkga,omitempty" example:"02"`
	BaseDate int    `json:"base_date,omitempty" example:"2014"`
}

// NewTokens asks for tokens that nobody buys: free and replacement units, key changes, engineering tokens.
type NewTokens struct {
	Kind       string   `json:"kind" enum:"free,replacement,key_change,clear_credit,clear_tamper,power_limit"` // free, replacement, key_change, clear_credit, clear_tamper, power_limit
	UnitsWh    int64    `json:"units_wh,omitempty" doc:"Of free and replacement: a multiple of 100"`
	PowerW     int64    `json:"power_w,omitempty" doc:"Of power_limit"`
	Key        *NextKey `json:"key,omitempty" doc:"Of key_change: what is new; leave it out where a change is planned"`
	ReasonCode string   `json:"reason_code" enum:"meter_swap,lost_balance,not_loading,compensation,free_units,tamper_fixed,key_campaign,test,other"`
	Reason     string   `json:"reason,omitempty" maxLength:"200"`
}

// NewKeyChange plans a key change.
type NewKeyChange struct {
	NextKey
	Reason string `json:"reason,omitempty" maxLength:"200"`
}

// Tokens are tokens that nobody bought.
type Tokens struct {
	ID         string    `json:"id" example:"job_01jd00000000000000000000000"`
	Kind       string    `json:"kind"`
	Meter      string    `json:"meter"`
	Test       bool      `json:"test,omitempty" doc:"The meter is simulated"`
	UnitsWh    int64     `json:"units_wh"`
	PowerW     int64     `json:"power_w,omitempty"`
	ReasonCode string    `json:"reason_code"`
	Reason     string    `json:"reason,omitempty"`
	By         string    `json:"by"`
	ApprovedBy string    `json:"approved_by,omitempty"`
	Tokens     []Token   `json:"tokens" doc:"In the order in which they are entered"`
	CreatedAt  time.Time `json:"created_at"`
}

// KeyChange is a planned key change.
type KeyChange struct {
	Meter    string `json:"meter"`
	State    string `json:"state" enum:"planned"`
	SGC      string `json:"sgc"`
	KRN      int    `json:"krn"`
	KT       int    `json:"kt"`
	TI       string `json:"ti"`
	KEN      int    `json:"ken"`
	DKGA     string `json:"dkga"`
	BaseDate int    `json:"base_date"`
}

// Token is what the customer types. Digits are masked without the right token.show.
type Token struct {
	Digits   string `json:"digits" doc:"20 digits; masked without the right token.show"`
	Class    int    `json:"class"`
	SubClass int    `json:"subclass"`
	TID      int64  `json:"tid" doc:"Minutes since the base date"`
	BaseDate int    `json:"base_date" example:"2014"`
	UnitsWh  int64  `json:"units_wh"`
	State    string `json:"state" enum:"reserved,issued,sent,heard,accepted,rejected,failed,reversed,reversed_unconfirmed"`
	Withheld string `json:"withheld,omitempty" enum:"storage-full" doc:"Why the digits are masked although you may see them: the disk has no room for the audit row. Ask again when there is room"`
}

// MeterTokens is the list of a meter's tokens.
var MeterTokens = Listing[MeterFilter, MeterToken]{Name: "tokens", Path: "/v1/meters/{meter}/tokens", Tag: "meters",
	Summary:     "List the tokens of a meter, newest first",
	Description: "Those that were made for it, and those from elsewhere that somebody handed in to be sent to it."}
