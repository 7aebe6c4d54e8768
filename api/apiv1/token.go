package apiv1

import "time"

// MeterToken is a token of a meter; Digits are masked without the token.show right.
type MeterToken struct {
	ID       string    `json:"id" example:"tok_01jd00000000000000000000000" doc:"Id of the token"`
	Vend     string    `json:"vend,omitempty" doc:"Id of the sale; missing for a free or service token"`
	IssuedAt time.Time `json:"issued_at" doc:"When it was made"`
	Result   string    `json:"result,omitempty" doc:"Last signed answer of the meter; sms_accept if only a text message says that the token was loaded"`
	// Elsewhere marks a token that this server did not make.
	Elsewhere bool `json:"elsewhere,omitempty" doc:"Whether it was made by another system and entered here to be sent. It has no sale, and fields that could not be read are 0"`
	Token
}

// NextKey holds the attributes of a meter's next key; empty ones stay as they are.
type NextKey struct {
	SGC      string `json:"sgc,omitempty" example:"123456" doc:"Supply group code"`
	KRN      int    `json:"krn,omitempty" example:"2" doc:"Key revision number"`
	KT       *int   `json:"kt,omitempty" example:"2" doc:"Key type: 1 default, 2 unique, 3 common"`
	TI       string `json:"ti,omitempty" example:"01" doc:"Tariff index"`
	KEN      *int   `json:"ken,omitempty" example:"255" doc:"Key expiry number; 255 for never"`
	DKGA     string `json:"dkga,omitempty" example:"02" doc:"Key derivation, 02 or 04"`
	BaseDate int    `json:"base_date,omitempty" example:"2014" doc:"Base date of later tokens: 1993, 2014 or 2035"`
}

// NewTokens asks for tokens that nobody buys: free and replacement units, key changes, engineering tokens.
type NewTokens struct {
	Kind       string   `json:"kind" enum:"free,replacement,key_change,clear_credit,clear_tamper,power_limit" doc:"Kind of token: free and replacement carry units; key_change gives the meter a new key; clear_credit, clear_tamper and power_limit are engineering tokens"`
	UnitsWh    int64    `json:"units_wh,omitempty" doc:"For free and replacement: energy in Wh, a multiple of 100"`
	PowerW     int64    `json:"power_w,omitempty" doc:"For power_limit: limit in W"`
	Key        *NextKey `json:"key,omitempty" doc:"For key_change: attributes of the new key; omit it if a key change is planned"`
	ReasonCode string   `json:"reason_code" enum:"meter_swap,lost_balance,not_loading,compensation,free_units,tamper_fixed,key_campaign,test,other" doc:"Reason, as a code"`
	Reason     string   `json:"reason,omitempty" maxLength:"200" doc:"Reason in a few words; written to the audit log"`
}

// NewKeyChange plans a key change.
type NewKeyChange struct {
	NextKey
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"Why, in a few words; written to the audit log"`
}

// KeyChangeReason says how somebody knows that a meter holds its next key, or why a planned change is taken back.
type KeyChangeReason struct {
	Reason string `json:"reason" maxLength:"200" doc:"What was seen at the meter, or why the change is taken back; written to the audit log"`
}

// Tokens are tokens that nobody bought.
type Tokens struct {
	ID         string    `json:"id" example:"job_01jd00000000000000000000000" doc:"Id of this request"`
	Kind       string    `json:"kind" doc:"Kind of token, as in the request"`
	Meter      string    `json:"meter" doc:"Number of the meter"`
	Test       bool      `json:"test,omitempty" doc:"The meter is simulated"`
	UnitsWh    int64     `json:"units_wh" doc:"Energy of all tokens, in Wh"`
	PowerW     int64     `json:"power_w,omitempty" doc:"Power limit, in W"`
	ReasonCode string    `json:"reason_code" doc:"Reason, as a code"`
	Reason     string    `json:"reason,omitempty" doc:"Reason in a few words"`
	By         string    `json:"by" doc:"Who requested them"`
	ApprovedBy string    `json:"approved_by,omitempty" doc:"Who approved them; missing if no approval was needed"`
	Tokens     []Token   `json:"tokens" doc:"Tokens, in the order in which they are entered"`
	CreatedAt  time.Time `json:"created_at" doc:"When they were requested"`
}

// KeyChange is a key change that was planned or confirmed.
type KeyChange struct {
	Meter    string `json:"meter" doc:"Number of the meter"`
	State    string `json:"state" enum:"planned,current" doc:"planned: its tokens are not made yet; current: the meter holds the key"`
	SGC      string `json:"sgc" doc:"Supply group code"`
	KRN      int    `json:"krn" doc:"Key revision number"`
	KT       int    `json:"kt" doc:"Key type: 1 default, 2 unique, 3 common"`
	TI       string `json:"ti" doc:"Tariff index"`
	KEN      int    `json:"ken" doc:"Key expiry number; 255 for never"`
	DKGA     string `json:"dkga" doc:"Key derivation, 02 or 04"`
	BaseDate int    `json:"base_date" doc:"Base date of later tokens: 1993, 2014 or 2035"`
}

// Token is what the customer types. Digits are masked without the token.show right.
type Token struct {
	Digits   string `json:"digits" doc:"20 digits; masked without the token.show right"`
	Class    int    `json:"class" doc:"Class: 0 credit, 1 test and display, 2 management"`
	SubClass int    `json:"subclass" doc:"Sub-class, as IEC 62055-41 numbers it"`
	TID      int64  `json:"tid" doc:"Minutes since the base date"`
	BaseDate int    `json:"base_date" example:"2014" doc:"Year from which tid counts: 1993, 2014 or 2035"`
	UnitsWh  int64  `json:"units_wh" doc:"Energy of a credit token, in Wh; 0 for others"`
	State    string `json:"state" enum:"reserved,issued,sent,heard,accepted,rejected,failed,reversed,reversed_unconfirmed" doc:"reserved: not made yet; issued: made; sent: given to the meter's connection or a route; heard: only a text message says that the meter loaded it; accepted or rejected: signed answer of the meter; failed: never made; reversed: the meter will never load it; reversed_unconfirmed: its sale was reversed, but the meter may still load it"`
	Withheld string `json:"withheld,omitempty" enum:"storage-full" doc:"Why the digits are masked although you may see them: the disk has no space for the audit row. Ask again when there is space"`
}

// MeterTokens is the list of a meter's tokens.
var MeterTokens = Listing[MeterFilter, MeterToken]{Name: "tokens", Path: "/v1/meters/{meter}/tokens", Tag: "meters",
	Summary:     "List the tokens of a meter, newest first",
	Description: "Tokens made here for the meter, and tokens from other systems that were entered here to be sent to it."}
