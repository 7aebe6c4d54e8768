package client

import (
	"context"
	"net/url"
	"time"
)

// Live is what is left of a wallet by what its meter has counted. It is an estimate: the books say less often.
type Live struct {
	AmountMinor  int64      `json:"amount_minor"` // negative where more was used than paid for
	Currency     string     `json:"currency"`
	AsOf         *time.Time `json:"as_of"` // meter time; nil before the first reading
	RatedWh      int64      `json:"rated_wh"`
	SupplyWanted bool       `json:"supply_wanted"`
	Held         string     `json:"held,omitempty"` // why nothing is charged until somebody decides
}

// Use is what a wallet meter used in a period.
type Use struct {
	Period      string `json:"period"` // day, week or month
	From        string `json:"from"`   // its first local day
	UnitsWh     int64  `json:"units_wh"`
	EstimatedWh int64  `json:"estimated_wh"`
	AmountMinor int64  `json:"amount_minor"`
	Currency    string `json:"currency"`
}

// UseFilter asks for the use of a meter: by day, week or month, between two local days.
type UseFilter struct {
	By, From, To string
	Page
}

// Usage lists what a wallet meter used, newest first (right: meter.read).
func (c *Client) Usage(ctx context.Context, meter string, f UseFilter) (List[Use], error) {
	q := f.query()
	given(q, "by", f.By, "from", f.From, "to", f.To)
	return ask[List[Use]](ctx, c, get("/v1/meters/"+url.PathEscape(meter)+"/usage", q))
}

// given sets the parameters that are not empty.
func given(q url.Values, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
}

// WalletLine is a line of a wallet's statement.
type WalletLine struct {
	Day          string     `json:"day"`
	At           time.Time  `json:"at"`
	Kind         string     `json:"kind"` // opening, recharge, use, charge, reversal, goodwill ..., closing
	AmountMinor  int64      `json:"amount_minor"`
	BalanceMinor int64      `json:"balance_minor"`
	Currency     string     `json:"currency"`
	UnitsWh      int64      `json:"units_wh,omitempty"`
	From         *time.Time `json:"from,omitempty"` // meter time
	To           *time.Time `json:"to,omitempty"`
	Journals     int        `json:"journals,omitempty"`
	Ref          string     `json:"ref,omitempty"`
}

// WalletStatement shows what changed an account's wallet between two local days, from the opening balance to the closing
// one (right: customer.read). Empty days: this month so far.
func (c *Client) WalletStatement(ctx context.Context, account, from, to string, p Page) (List[WalletLine], error) {
	q := p.query()
	given(q, "from", from, "to", to)
	return ask[List[WalletLine]](ctx, c, get("/v1/accounts/"+url.PathEscape(account)+"/wallet", q))
}

// Register is a wallet meter whose register is not all charged for.
type Register struct {
	Meter        string     `json:"meter"`
	RegisterWh   int64      `json:"register_wh"`
	RatedToWh    int64      `json:"rated_to_wh"`
	DifferenceWh int64      `json:"difference_wh"`
	RatedWh      int64      `json:"rated_wh"`
	LeftOutWh    int64      `json:"left_out_wh"`
	AsOf         *time.Time `json:"as_of"`
	Held         string     `json:"held,omitempty"`
	HeldWh       *int64     `json:"held_wh,omitempty"`
	HeldSince    *time.Time `json:"held_since,omitempty"`
}

// Registers lists wallet meters whose register is not all charged for (right: meter.read).
func (c *Client) Registers(ctx context.Context, p Page) (List[Register], error) {
	return ask[List[Register]](ctx, c, get("/v1/reports/registers", p.query()))
}
