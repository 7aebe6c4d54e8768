package client

import (
	"context"
	"net/url"
	"time"
)

// MovedOut is what moving out came to, in minor units.
type MovedOut struct {
	Account        string     `json:"account"`
	Status         string     `json:"status"`
	Currency       string     `json:"currency"`
	At             time.Time  `json:"at"`
	Journal        string     `json:"journal,omitempty"`
	Meters         []string   `json:"meters"` // free for another customer now
	WalletMinor    int64      `json:"wallet_minor"`
	DepositMinor   int64      `json:"deposit_minor"`
	CarryMinor     int64      `json:"carry_minor"`
	FinalBillMinor int64      `json:"final_bill_minor"` // used beyond the wallet; raised as a debt
	DebtsPaidMinor int64      `json:"debts_paid_minor"`
	RefundDueMinor int64      `json:"refund_due_minor"`
	StillOwedMinor int64      `json:"still_owed_minor"`
	ChargedUpTo    *time.Time `json:"charged_up_to,omitempty"`
}

// NewRefund pays out what is due back to a customer who has moved out.
type NewRefund struct {
	Amount *Amount `json:"amount,omitempty"` // nil: all of it
	Bank   string  `json:"bank,omitempty"`   // the bank account that pays; empty = main
	To     string  `json:"to,omitempty"`     // another account instead
	Reason string  `json:"reason"`
	// IdempotencyKey makes a repetition harmless; empty = a random one.
	IdempotencyKey string `json:"-"`
}

// Refund is one that was booked.
type Refund struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	To        string    `json:"to"` // bank, wallet or carry
	Subject   string    `json:"subject"`
	Amount    Amount    `json:"amount"`
	LeftMinor int64     `json:"left_minor"`
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
}

// MoveIn is a customer who moves in at a meter that is free.
type MoveIn struct {
	Tariff   string    `json:"tariff"`
	Customer *Customer `json:"customer,omitempty"`
	Reason   string    `json:"reason"`
}

// MoveOut ends the account of a customer whose balance is on the server (right: customer.write). It is safe to repeat with
// the same key; empty = a random one.
func (c *Client) MoveOut(ctx context.Context, account, reason, key string) (MovedOut, error) {
	return keyedAsk[MovedOut](ctx, c, post("/v1/accounts/"+url.PathEscape(account)+"/move-out", map[string]string{"reason": reason}), key)
}

// Refund pays out what is due back (right: ledger.adjust). It is safe to repeat with the same IdempotencyKey.
func (c *Client) Refund(ctx context.Context, account string, r NewRefund) (Refund, error) {
	return keyedAsk[Refund](ctx, c, post("/v1/accounts/"+url.PathEscape(account)+"/refunds", r), r.IdempotencyKey)
}

// MoveIn opens an account at a meter that is free (right: customer.write).
func (c *Client) MoveIn(ctx context.Context, meter string, m MoveIn) (Meter, error) {
	return ask[Meter](ctx, c, post(meterPath(meter, "/move-in"), m))
}
