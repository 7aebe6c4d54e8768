package apiv1

import "time"

// NewDiagnosis asks about a token.
type NewDiagnosis struct {
	Digits string `json:"digits" example:"1234 5678 9012 3456 7890" doc:"Digits as typed; blanks and dashes do not count"`
	Number string `json:"number,omitempty" example:"04140001001" doc:"Number or id of the token's meter; digits that were not sold here are tried with this meter's keys"`
}

// Finding is one thing that the token doctor found; branch on Code.
type Finding struct {
	Code string `json:"code" example:"used" doc:"Stable name, for programs"`
	Text string `json:"text" doc:"The result in a sentence"`
	Do   string `json:"do" doc:"What to do next"`
}

// FittingKey names the key under which a token has a valid check field. Registered is false if the meter is registered with another key.
type FittingKey struct {
	SGC        string `json:"sgc" doc:"Supply group code"`
	KRN        int    `json:"krn" doc:"Key revision number"`
	KT         int    `json:"kt" doc:"Key type: 0 initialisation, 1 default, 2 unique, 3 common"`
	TI         string `json:"ti" doc:"Tariff index"`
	KEN        int    `json:"ken" doc:"Key expiry number; 255 for never"`
	EA         string `json:"ea" doc:"Encryption algorithm, 07 or 11"`
	DKGA       string `json:"dkga" doc:"Key derivation algorithm, 02 or 04"`
	BaseDate   int    `json:"base_date" doc:"Base date of its tokens: 1993, 2014 or 2035"`
	State      string `json:"state,omitempty" doc:"current, planned, issued (its change tokens exist) or past"`
	Registered bool   `json:"registered" doc:"false: the meter is registered with another key"`
}

// Typing is the result of looking for a typing error. Each token tried differs from the typed digits by one slip. Meant holds the digits of
// the fitting tokens that were sold here. It is empty for callers who may not see digits (right: token.show).
type Typing struct {
	Tried    int      `json:"tried" doc:"Number of tokens tried that differ by one typing error"`
	OneDigit int      `json:"one_digit" doc:"Number of these that fit with one digit changed"`
	Swapped  int      `json:"swapped" doc:"Number of these that fit with two neighbouring digits exchanged"`
	Sold     int      `json:"sold" doc:"Number of fitting tokens that were sold here"`
	Meant    []string `json:"meant" doc:"Digits of tokens sold here that fit; needs the token.show right, empty without it"`
}

// TokenReport is what a meter reported about a token.
type TokenReport struct {
	Result     string    `json:"result" doc:"Result of the token in the meter, such as accept, used_error or old_error"`
	Status     *int      `json:"status,omitempty" doc:"Number that real meters show for this result"`
	At         time.Time `json:"at" doc:"Meter time"`
	ReceivedAt time.Time `json:"received_at" doc:"Server time"`
	Source     string    `json:"source,omitempty" doc:"keypad, sms or remote"`
}

// Diagnosis is the answer of the token doctor. Fields that are unknown, or that the caller may not see, are empty.
type Diagnosis struct {
	Verdict  string        `json:"verdict" doc:"Code of the first finding"`
	Findings []Finding     `json:"findings" doc:"Findings, the most important first"`
	Token    string        `json:"token,omitempty" doc:"The token, masked"`
	Class    *int          `json:"class,omitempty" doc:"Class of the token: 0 credit, 1 test and display, 2 management"`
	SubClass *int          `json:"subclass,omitempty" doc:"Sub-class of the token, as IEC 62055-41 numbers it"`
	Kind     string        `json:"kind,omitempty" doc:"Kind of token, in words"`
	TID      *int64        `json:"tid,omitempty" doc:"Minutes since the base date"`
	BaseDate int           `json:"base_date,omitempty" doc:"Year from which tid counts: 1993, 2014 or 2035"`
	IssuedAt *time.Time    `json:"issued_at,omitempty" doc:"Time of the sale if it was sold here, else the time in the TID"`
	UnitsWh  *int64        `json:"units_wh,omitempty" doc:"Energy of a credit token, in Wh"`
	Section  int           `json:"section,omitempty" doc:"Number of the section of a key change"`
	Tests    []string      `json:"tests,omitempty" doc:"Tests that a test token requests"`
	Meter    string        `json:"meter,omitempty" doc:"Number of its meter, or else of the meter in the request"`
	Test     bool          `json:"test,omitempty" doc:"The meter is simulated"`
	Key      *FittingKey   `json:"key,omitempty" doc:"The key it fits; needs the right meter.read"`
	Sold     bool          `json:"sold" doc:"Whether it was sold here and the caller may see the sale"`
	ID       string        `json:"id,omitempty" example:"tok_01jd00000000000000000000000" doc:"Id of the token, if it was sold here"`
	Vend     string        `json:"vend,omitempty" example:"vnd_01jd00000000000000000000000" doc:"Id of the sale, if it was sold here"`
	State    string        `json:"state,omitempty" enum:"reserved,issued,sent,heard,accepted,rejected,failed,reversed,reversed_unconfirmed" doc:"State of the token, if it was sold here; see Token"`
	Result   string        `json:"result,omitempty" doc:"Last signed answer of the meter; sms_accept if only a text message says that the token was loaded"`
	Reports  []TokenReport `json:"reports,omitempty" doc:"Reports of the meter about it, newest first; needs the right meter.read"`
	Typing   *Typing       `json:"typing,omitempty" doc:"Result of the search for typing errors; missing if the digits fit as they are"`
	Keys     string        `json:"keys" enum:"not_asked,used,locked,missing" doc:"Whether the digits were tried with the meter's keys. With locked or missing the answer is incomplete"`
}
