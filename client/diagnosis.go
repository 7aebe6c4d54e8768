package client

import (
	"context"
	"time"
)

// Finding is one thing that the token doctor found; branch on Code.
type Finding struct {
	Code string `json:"code"`
	Text string `json:"text"` // what is
	Do   string `json:"do"`   // what to do next
}

// FittingKey is the key that a token fits, by reference. Registered is false where the meter is registered with another.
type FittingKey struct {
	SGC        string `json:"sgc"`
	KRN        int    `json:"krn"`
	KT         int    `json:"kt"`
	TI         string `json:"ti"`
	KEN        int    `json:"ken"`
	EA         string `json:"ea"`
	DKGA       string `json:"dkga"`
	BaseDate   int    `json:"base_date"`
	State      string `json:"state,omitempty"` // current, planned, issued, past
	Registered bool   `json:"registered"`
}

// Typing is the search for a typing error: how many tokens one slip away were tried, how many of them would fit with
// one digit changed or two neighbours exchanged, and how many of those were sold. Meant are the digits of sold ones,
// for callers with the right token.show.
type Typing struct {
	Tried    int      `json:"tried"`
	OneDigit int      `json:"one_digit"`
	Swapped  int      `json:"swapped"`
	Sold     int      `json:"sold"`
	Meant    []string `json:"meant"`
}

// TokenSaid is what a meter said of a token.
type TokenSaid struct {
	Result     string    `json:"result"`
	Status     *int      `json:"status,omitempty"`
	At         time.Time `json:"at"` // meter time
	ReceivedAt time.Time `json:"received_at"`
	Source     string    `json:"source,omitempty"`
}

// Diagnosis is what the token doctor says. What is not known, or not for the caller to know, is empty.
type Diagnosis struct {
	Verdict  string      `json:"verdict"` // code of the first finding
	Findings []Finding   `json:"findings"`
	Token    string      `json:"token,omitempty"` // masked
	Class    *int        `json:"class,omitempty"`
	SubClass *int        `json:"subclass,omitempty"`
	Kind     string      `json:"kind,omitempty"`
	TID      *int64      `json:"tid,omitempty"`
	BaseDate int         `json:"base_date,omitempty"`
	IssuedAt *time.Time  `json:"issued_at,omitempty"`
	UnitsWh  *int64      `json:"units_wh,omitempty"`
	Section  int         `json:"section,omitempty"`
	Tests    []string    `json:"tests,omitempty"`
	Meter    string      `json:"meter,omitempty"`
	Test     bool        `json:"test,omitempty"` // the meter is simulated
	Key      *FittingKey `json:"key,omitempty"`
	Sold     bool        `json:"sold"`
	ID       string      `json:"id,omitempty"`
	Vend     string      `json:"vend,omitempty"`
	State    string      `json:"state,omitempty"`
	Result   string      `json:"result,omitempty"`
	Reports  []TokenSaid `json:"reports,omitempty"`
	Typing   *Typing     `json:"typing,omitempty"`
	Keys     string      `json:"keys"` // not_asked, used, locked, missing
}

// DiagnoseToken asks what is wrong with the digits somebody typed (right: vend.read). number is the number or the id of
// the meter they are for and may be empty; digits that were not sold are tried under this meter's keys. How often one may
// ask about such digits is limited: a [*Problem] with code rate-limited says when to ask again.
func (c *Client) DiagnoseToken(ctx context.Context, digits, number string) (Diagnosis, error) {
	return ask[Diagnosis](ctx, c, post("/v1/token-diagnoses", struct {
		Digits string `json:"digits"`
		Number string `json:"number,omitempty"`
	}{digits, number}))
}
