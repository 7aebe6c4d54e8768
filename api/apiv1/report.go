package apiv1

import "time"

// DailyReport is the report of one local day.
type DailyReport struct {
	Date          string                `json:"date" example:"2026-11-20" doc:"Local date of the report"`
	TZ            string                `json:"tz" doc:"Time zone of the day"`
	Currency      string                `json:"currency" doc:"ISO 4217 code of all amounts"`
	Sales         int64                 `json:"sales" doc:"Sales completed on the day, including those reversed later"`
	TenderedMinor int64                 `json:"tendered_minor" doc:"Amount that customers paid for them"`
	UnitsWh       int64                 `json:"units_wh" doc:"Energy of their tokens, in Wh"`
	Reversals     int64                 `json:"reversals" doc:"Reversals made on the day, including those of sales of other days"`
	RefundedMinor int64                 `json:"given_back_minor" doc:"Amount that customers had paid for these sales"`
	UnitsBackWh   int64                 `json:"units_back_wh" doc:"Energy of these sales, in Wh"`
	FreeTokens    int64                 `json:"free_tokens" doc:"Number of replacement and free tokens"`
	UnitsFreeWh   int64                 `json:"units_free_wh" doc:"Energy of free_tokens, in Wh"`
	SinglePerson  []SinglePersonAct     `json:"single_person" doc:"Sensitive actions that one person did alone, at most 500"`
	Unconfirmed   []UnconfirmedReversal `json:"unconfirmed_reversals" doc:"Reversals of the day that gave money back although the meter has not yet confirmed that it will never load the tokens, at most 500"`
	People        []TakenAlone          `json:"people" doc:"What each person took on the day without a second person, by ceiling, at most 500 rows"`
	Shifts        []Shift               `json:"shifts" doc:"Shifts of tills that were closed on the day, with what was missing or too much, newest first, at most 500"`
	Head          string                `json:"head" doc:"The newest signed head of the log; store it elsewhere, for paywatt verify"`
}

// TakenAlone is what one person took in a day under a ceiling, without a second person.
type TakenAlone struct {
	Name    string   `json:"name" doc:"The person, or the key with which the person acted last"`
	Person  string   `json:"person" doc:"Identifies the person behind all keys"`
	Ceiling string   `json:"ceiling" example:"person/sales" doc:"Name of the ceiling"`
	Taken   int64    `json:"taken" doc:"Amount taken: minor units, Wh or a number"`
	Unusual []string `json:"unusual,omitempty" enum:"share,speed,size" doc:"Alarms about the day: share of the ceiling within ten minutes, speed, size of one action"`
	Most    int64    `json:"most" doc:"The ceiling. More than this was taken only if the utility has never had a person, or if the ceiling was lowered"`
}

// SinglePersonAct is a sensitive action that one person did alone.
type SinglePersonAct struct {
	At     time.Time `json:"at" doc:"Server time"`
	Actor  string    `json:"actor" doc:"Who did it"`
	Action string    `json:"action" doc:"Action, as in the audit log"`
	Object string    `json:"object" doc:"Object of the action"`
	After  string    `json:"after" doc:"Details, as in the audit log"`
	Reason string    `json:"reason,omitempty" doc:"Reason, if one was given"`
}

// UnconfirmedReversal is a sale whose money was given back while its meter had not confirmed that its token will never load.
type UnconfirmedReversal struct {
	At         time.Time `json:"at" doc:"When the money was given back"`
	Vend       string    `json:"vend" example:"vnd_01jd00000000000000000000000" doc:"Id of the sale"`
	Meter      string    `json:"meter" doc:"Number of the meter"`
	Vendor     string    `json:"vendor,omitempty" doc:"The vendor that made the sale; missing if the utility made it"`
	Amount     Amount    `json:"amount" doc:"Amount given back"`
	SoldBy     string    `json:"sold_by" doc:"Who made the sale"`
	By         string    `json:"by" doc:"Who requested the reversal"`
	ApprovedBy string    `json:"approved_by,omitempty" doc:"Who approved the reversal; missing if no approval was needed"`
	Reason     string    `json:"reason,omitempty" doc:"Why the sale was reversed"`
	Used       bool      `json:"used" doc:"Whether the meter used a token of the sale after all; its value is then a debt"`
}
