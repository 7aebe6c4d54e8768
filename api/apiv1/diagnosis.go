package apiv1

import "time"

// NewDiagnosis asks about a token.
type NewDiagnosis struct {
	Digits string `json:"digits" example:"1234 5678 9012 3456 7890" doc:"As typed; blanks and dashes do not count"`
	Number string `json:"number,omitempty" example:"04140001001" doc:"Number or id of the meter it is for; digits that were not sold here are tested with this meter's keys"`
}

// Finding is one thing that the token doctor found; branch on Code.
type Finding struct {
	Code string `json:"code" example:"used" doc:"Stable name; branch on it"`
	Text string `json:"text" doc:"What was found"`
	Do   string `json:"do" doc:"What to do next"`
}

// FittingKey is the key that a token fits, by reference. Registered is false if the meter is registered with another key.
type FittingKey struct {
	SGC        string `json:"sgc" doc:"Supply group code"`
	KRN        int    `json:"krn" doc:"Key revision number"`
	KT         int    `json:"kt" doc:"Key type: 0 initialisation, 1 default, 2 unique, 3 common"`
	TI         string `json:"ti" doc:"Tariff index"`
	KEN        int    `json:"ken" doc:"Key expiry number; 255 for never"`
	EA         string `json:"ea" doc:"Encryption algorithm, 07 or 11"`
	DKGA       string `json:"dkga" doc:"Key derivation, 02 or 04"`
	BaseDate   int    `json:"base_date" doc:"Base date of its tokens: 1993, 2014 or 2035"`
	State      string `json:"state,omitempty" doc:"current, planned, issued (its change tokens exist) or past"`
	Registered bool   `json:"registered" doc:"false: the meter is registered with another key"`
}

// Typing is the result of looking for a typing error. It counts the tokens with one slip that were tried, those that fit with
// one digit changed or two neighbours exchanged, and those that fit and were sold. Meant holds the digits of sold ones, for
// callers with the right token.show.
type Typing struct {
	Tried    int      `json:"tried" doc:"How many tokens with one slip were tried"`
	OneDigit int      `json:"one_digit" doc:"How many of them would fit with one digit changed"`
	Swapped  int      `json:"swapped" doc:"How many of them would fit with two neighbours exchanged"`
	Sold     int      `json:"sold" doc:"How many of those that fit were sold here"`
	Meant    []string `json:"meant" doc:"Digits of tokens sold here that fit; needs the right token.show, empty without it"`
}

// TokenReport is what a meter reported about a token.
type TokenReport struct {
	Result     string    `json:"result" doc:"The meter's result for the token, such as accept, used_error or old_error"`
	Status     *int      `json:"status,omitempty" doc:"The number real meters show for this result"`
	At         time.Time `json:"at" doc:"Meter time"`
	ReceivedAt time.Time `json:"received_at" doc:"Server time"`
	Source     string    `json:"source,omitempty" doc:"keypad, sms or remote"`
}

// Diagnosis is the answer of the token doctor. Fields that are unknown, or that the caller may not see, are empty.
type Diagnosis struct {
	Verdict  string        `json:"verdict" doc:"The code of the first finding"`
	Findings []Finding     `json:"findings" doc:"The one that explains most first"`
	Token    string        `json:"token,omitempty" doc:"What was asked about, masked"`
	Class    *int          `json:"class,omitempty" doc:"Class of the token: 0 credit, 1 test and display, 2 management"`
	SubClass *int          `json:"subclass,omitempty" doc:"Sub-class of the token, as IEC 62055-41 numbers it"`
	Kind     string        `json:"kind,omitempty" doc:"What the token is, in words"`
	TID      *int64        `json:"tid,omitempty" doc:"Minutes since the base date"`
	BaseDate int           `json:"base_date,omitempty" doc:"Year from which tid counts: 1993, 2014 or 2035"`
	IssuedAt *time.Time    `json:"issued_at,omitempty" doc:"Time of the sale if it was sold here, else as the TID says"`
	UnitsWh  *int64        `json:"units_wh,omitempty" doc:"Energy of a credit token, in Wh"`
	Section  int           `json:"section,omitempty" doc:"Which section of a key change"`
	Tests    []string      `json:"tests,omitempty" doc:"What a test token asks for"`
	Meter    string        `json:"meter,omitempty" doc:"The meter it is for, or else the one asked for"`
	Test     bool          `json:"test,omitempty" doc:"The meter is simulated"`
	Key      *FittingKey   `json:"key,omitempty" doc:"The key it fits; needs the right meter.read"`
	Sold     bool          `json:"sold" doc:"It was sold here, and the reader may see the sale"`
	ID       string        `json:"id,omitempty" example:"tok_01jd00000000000000000000000" doc:"Id of the token, if it was sold here"`
	Vend     string        `json:"vend,omitempty" example:"vnd_01jd00000000000000000000000" doc:"Id of the sale, if it was sold here"`
	State    string        `json:"state,omitempty" enum:"reserved,issued,sent,heard,accepted,rejected,failed,reversed,reversed_unconfirmed" doc:"State of the token, if it was sold here; see Token"`
	Result   string        `json:"result,omitempty" doc:"The last answer that the meter signed; or sms_accept, as long as only a text message says that the token was loaded"`
	Reports  []TokenReport `json:"reports,omitempty" doc:"What the meter reported about it, newest first; needs the right meter.read"`
	Typing   *Typing       `json:"typing,omitempty" doc:"Left out if the digits themselves fit"`
	Keys     string        `json:"keys" enum:"not_asked,used,locked,missing" doc:"Whether the digits were tried under the meter's keys; with locked and missing the answer is incomplete"`
}
