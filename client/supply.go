package client

import (
	"context"
	"net/url"
	"time"
)

// Supply is where the supply of a wallet meter stands, and why.
type Supply struct {
	Meter     string     `json:"meter"`
	State     string     `json:"state"` // on, pending_cutoff, cutting, off, connecting, armed, unknown
	Wanted    bool       `json:"wanted"`
	Reasons   []string   `json:"reasons"`
	By        string     `json:"by,omitempty"`
	Why       string     `json:"why,omitempty"`
	Waits     string     `json:"waits,omitempty"`       // why it is on though nothing is left
	WaitsTo   *time.Time `json:"waits_until,omitempty"` // when that ends, where a clock says it
	OutSince  *time.Time `json:"out_since"`
	PressKey  bool       `json:"press_key"`
	Available Amount     `json:"available"`
	DaysLeft  *DaysLeft  `json:"days_left"` // nil where there is too little use to judge by
	Lease     *Lease     `json:"lease"`
	Protected bool       `json:"protected"`
}

// DaysLeft is for how many days the money lasts.
type DaysLeft struct {
	Least  int64 `json:"least"`
	Likely int64 `json:"likely"`
	Most   int64 `json:"most"`
}

// Lease is what a meter may count without asking again.
type Lease struct {
	MaxRegisterWh int64     `json:"max_register_wh"`
	LeftWh        int64     `json:"left_wh"`
	At            time.Time `json:"at"`
	Waiting       bool      `json:"waiting"`
}

// Switched is what cutting or restoring a supply came to.
type Switched struct {
	Effect  string   `json:"effect"`
	Reasons []string `json:"reasons"`
	Command *Command `json:"command"`
}

// Supply shows where the supply of a wallet meter stands (right: meter.read).
func (c *Client) Supply(ctx context.Context, meter string) (Supply, error) {
	return ask[Supply](ctx, c, get("/v1/meters/"+url.PathEscape(meter)+"/supply", nil))
}

// CutSupply cuts a supply until a person restores it (right: command.send).
func (c *Client) CutSupply(ctx context.Context, meter, reason string) (Switched, error) {
	return ask[Switched](ctx, c, post("/v1/meters/"+url.PathEscape(meter)+"/cut", map[string]string{"reason": reason}))
}

// RestoreSupply takes a person's cut back (right: command.send).
func (c *Client) RestoreSupply(ctx context.Context, meter, reason string) (Switched, error) {
	return ask[Switched](ctx, c, post("/v1/meters/"+url.PathEscape(meter)+"/restore", map[string]string{"reason": reason}))
}

type SupplyWish struct {
	Protected *bool  `json:"protected,omitempty"`      // never cut off for want of money
	GraceWh   *int64 `json:"lease_grace_wh,omitempty"` // at the end of a lease's time: -1 nothing, 0 off, N Wh more
	Reason    string `json:"reason"`
}

// SetSupply protects an account from being cut off, or says what the end of a lease's time brings (right: meter.write).
func (c *Client) SetSupply(ctx context.Context, meter string, w SupplyWish) (Supply, error) {
	return ask[Supply](ctx, c, post("/v1/meters/"+url.PathEscape(meter)+"/supply", w))
}
