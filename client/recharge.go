package client

import (
	"context"
	"net/url"
	"time"
)

// NewRecharge names a token that is to go to a meter, and the way. Either Digits or Token is given.
type NewRecharge struct {
	Digits string `json:"digits,omitempty"`
	Token  string `json:"token,omitempty"` // id of a token that the server holds
	By     string `json:"by"`              // mqtt or sms
}

// Recharge is a token on its way to its meter.
type Recharge struct {
	Token      string         `json:"token"`
	Meter      string         `json:"meter"`
	Test       bool           `json:"test,omitempty"`
	Elsewhere  bool           `json:"elsewhere,omitempty"` // not made by this server
	Heard      bool           `json:"heard,omitempty"`     // only a text message tells that the meter has it
	State      string         `json:"state"`               // idle, queued, sent, delivered, answered, accepted, rejected or failed
	Result     string         `json:"result,omitempty"`
	UnitsWh    int64          `json:"units_wh"`
	Steps      []RechargeStep `json:"steps"`
	Deliveries []RechargeWay  `json:"deliveries"`
	Balance    *SaidBalance   `json:"balance,omitempty"`
}

// RechargeStep is one thing that happened to a token.
type RechargeStep struct {
	State string    `json:"state"`
	At    time.Time `json:"at"`
	By    string    `json:"by,omitempty"`
	Note  string    `json:"note,omitempty"`
}

// RechargeWay is one way on which a token was sent.
type RechargeWay struct {
	By          string     `json:"by"`
	Message     string     `json:"message,omitempty"`
	State       string     `json:"state"`
	QueuedAt    *time.Time `json:"queued_at,omitempty"`
	SentAt      *time.Time `json:"sent_at,omitempty"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
	AnsweredAt  *time.Time `json:"answered_at,omitempty"`
	Attempts    int        `json:"attempts"`
	Why         string     `json:"why,omitempty"`
	Answer      string     `json:"answer,omitempty"`
}

// SaidBalance is what a meter said that it holds.
type SaidBalance struct {
	Wh     int64     `json:"wh"`
	At     time.Time `json:"at"`     // server time
	Source string    `json:"source"` // keypad, sms or remote by its own report; sms answer by a text message, which proves nothing
}

// Recharge sends a token to its meter (right: token.send). Repeating it is
// harmless: a token loads once.
func (c *Client) Recharge(ctx context.Context, meter string, n NewRecharge) (Recharge, error) {
	return ask[Recharge](ctx, c, post(meterPath(meter, "/recharges"), n))
}

// RechargeState says how far a token has come.
func (c *Client) RechargeState(ctx context.Context, meter, token string) (Recharge, error) {
	return ask[Recharge](ctx, c, get(meterPath(meter, "/recharges/"+url.PathEscape(token)), nil))
}
