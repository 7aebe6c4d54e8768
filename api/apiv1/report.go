package apiv1

import "time"

// DailyReport is the report of one local day.
type DailyReport struct {
	Date           string                `json:"date" example:"2026-11-20"`
	TZ             string                `json:"tz"`
	Currency       string                `json:"currency"`
	Sales          int64                 `json:"sales"`
	TenderedMinor  int64                 `json:"tendered_minor"`
	UnitsWh        int64                 `json:"units_wh"`
	Reversals      int64                 `json:"reversals"`
	GivenBackMinor int64                 `json:"given_back_minor"`
	UnitsBackWh    int64                 `json:"units_back_wh"`
	FreeTokens     int64                 `json:"free_tokens" doc:"Replacements and free issues"`
	UnitsFreeWh    int64                 `json:"units_free_wh"`
	SinglePerson   []SinglePersonAct     `json:"single_person" doc:"Sensitive actions that one person did alone, at most 500"`
	Unconfirmed    []UnconfirmedReversal `json:"unconfirmed_reversals" doc:"Reversals of the day that gave money back although the meter has not yet confirmed that it will never load the tokens, at most 500"`
	Head           string                `json:"head" doc:"The newest signed head of the log; keep it elsewhere and give it to paywatt verify"`
}

// SinglePersonAct is a sensitive action that one person did alone.
type SinglePersonAct struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Object string    `json:"object"`
	After  string    `json:"after"`
	Reason string    `json:"reason,omitempty"`
}

// UnconfirmedReversal is a sale whose money was given back while its meter had not confirmed that its token will never load.
type UnconfirmedReversal struct {
	At         time.Time `json:"at"`
	Vend       string    `json:"vend" example:"vnd_01jd00000000000000000000000"`
	Meter      string    `json:"meter"`
	Vendor     string    `json:"vendor,omitempty" doc:"The vendor that made the sale; missing if the utility made it"`
	Amount     Amount    `json:"amount"`
	SoldBy     string    `json:"sold_by"`
	By         string    `json:"by" doc:"Who asked for the reversal"`
	ApprovedBy string    `json:"approved_by,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Used       bool      `json:"used" doc:"The meter used a token of the sale after all; its value became a debt"`
}
