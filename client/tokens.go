package client

import (
	"context"
	"net/url"
	"time"
)

// NextKey are the facts of the key that a meter is to get; what is empty stays as it is.
type NextKey struct {
	SGC      string `json:"sgc,omitempty"`
	KRN      int    `json:"krn,omitempty"`
	KT       *int   `json:"kt,omitempty"`
	TI       string `json:"ti,omitempty"`
	KEN      *int   `json:"ken,omitempty"`
	DKGA     string `json:"dkga,omitempty"`
	BaseDate int    `json:"base_date,omitempty"`
}

// NewTokens asks for tokens that nobody buys.
type NewTokens struct {
	Kind       string   `json:"kind"` // free, replacement, key_change, clear_credit, clear_tamper, power_limit
	UnitsWh    int64    `json:"units_wh,omitempty"`
	PowerW     int64    `json:"power_w,omitempty"`
	Key        *NextKey `json:"key,omitempty"`
	ReasonCode string   `json:"reason_code"`
	Reason     string   `json:"reason,omitempty"`
	// IdempotencyKey makes a repetition harmless; empty = a random one.
	IdempotencyKey string `json:"-"`
}

// Tokens are tokens that nobody bought.
type Tokens struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind"`
	Meter      string    `json:"meter"`
	UnitsWh    int64     `json:"units_wh"`
	ReasonCode string    `json:"reason_code"`
	By         string    `json:"by"`
	ApprovedBy string    `json:"approved_by,omitempty"`
	Tokens     []Token   `json:"tokens"`
	CreatedAt  time.Time `json:"created_at"`
}

// GiveTokens makes tokens that nobody buys (rights: token.free, token.issue), or returns *Waiting.
func (c *Client) GiveTokens(ctx context.Context, meter string, n NewTokens) (Tokens, error) {
	return keyedAsk[Tokens](ctx, c, post("/v1/meters/"+url.PathEscape(meter)+"/tokens", n), n.IdempotencyKey)
}
