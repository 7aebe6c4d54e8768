package client

import (
	"context"
	"time"
)

// Device is what a meter's device says now: its connection, its last data and state, and what its account wants of it.
type Device struct {
	Meter     string     `json:"meter"`
	Attached  bool       `json:"attached"` // it speaks by a profile, on a listener of the server that answered
	Profile   string     `json:"profile,omitempty"`
	Connected bool       `json:"connected"`
	Since     *time.Time `json:"since,omitempty"`
	Started   string     `json:"started,omitempty"`
	Data      string     `json:"data,omitempty"` // word for word, such as v1:v2
	DataAt    *time.Time `json:"data_at,omitempty"`
	State     string     `json:"state,omitempty"` // word for word, such as meter is on
	StateAt   *time.Time `json:"state_at,omitempty"`
	Wanted    string     `json:"wanted,omitempty"` // on, off; empty where the account does not decide
	Reasons   []string   `json:"reasons"`
	Relay     string     `json:"relay"`
	PowerMW   int64      `json:"power_mw"`
	Gaps      int64      `json:"gaps"`
	GapS      int64      `json:"gap_s"`
	Balance   string     `json:"balance,omitempty"` // for people, with its currency
	TotalKWh  string     `json:"total_kwh"`
	MonthKWh  string     `json:"month_kwh,omitempty"`
}

// Device shows what a meter's device says now.
func (c *Client) Device(ctx context.Context, meter string) (Device, error) {
	return ask[Device](ctx, c, get(meterPath(meter, "/device"), nil))
}

// SendSummary sends the usage summary to a meter's device (right: command.send). A device that does not listen to one
// is refused as meter-offline.
func (c *Client) SendSummary(ctx context.Context, meter string) (Device, error) {
	return ask[Device](ctx, c, post(meterPath(meter, "/device/summary"), struct{}{}))
}

// ToggleDevice turns the relay of a toggling device over, once (right: command.send). Do not repeat it without looking.
func (c *Client) ToggleDevice(ctx context.Context, meter, reason string) (Device, error) {
	return ask[Device](ctx, c, post(meterPath(meter, "/device/toggle"), map[string]string{"reason": reason}))
}
