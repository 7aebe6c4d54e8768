package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// NewDebt is a debt to be raised; purchases of the account collect it.
type NewDebt struct {
	Account       string `json:"account"` // id, or number or id of a meter that supplies it
	Kind          string `json:"kind"`    // fine, loan, arrears ...
	Memo          string `json:"memo,omitempty"`
	Amount        Amount `json:"amount"`
	Mode          string `json:"mode,omitempty"`            // percent, fixed or full (default)
	PercentBps    int64  `json:"percent_bps,omitempty"`     // mode percent: of what is tendered
	FixedMinor    int64  `json:"fixed_minor,omitempty"`     // mode fixed: of every purchase
	MinMinor      int64  `json:"min_minor,omitempty"`       // asked at least of a purchase
	MaxMinor      int64  `json:"max_minor,omitempty"`       // asked at most of one
	MonthCapMinor int64  `json:"month_cap_minor,omitempty"` // taken at most in a local month
	Priority      int    `json:"priority,omitempty"`        // 1 to 89; default 30
	Uncapped      bool   `json:"uncapped,omitempty"`        // outside the ceiling of what purchases give to charges
	Against       string `json:"against,omitempty"`         // opening (default), fees, services, fixed, energy
	// IdempotencyKey makes a repetition harmless; empty = a random one.
	IdempotencyKey string `json:"-"`
}

// Debt is money owed that purchases collect.
type Debt struct {
	ID               string    `json:"id"`
	Account          string    `json:"account"`
	Kind             string    `json:"kind"`
	Memo             string    `json:"memo,omitempty"`
	Currency         string    `json:"currency"`
	PrincipalMinor   int64     `json:"principal_minor"`
	OutstandingMinor int64     `json:"outstanding_minor"`
	Mode             string    `json:"mode"`
	PercentBps       int64     `json:"percent_bps,omitempty"`
	FixedMinor       int64     `json:"fixed_minor,omitempty"`
	MinMinor         int64     `json:"min_minor,omitempty"`
	MaxMinor         int64     `json:"max_minor,omitempty"`
	MonthCapMinor    int64     `json:"month_cap_minor,omitempty"`
	Priority         int       `json:"priority"`
	Uncapped         bool      `json:"uncapped,omitempty"`
	Against          string    `json:"against"`
	Status           string    `json:"status"` // open, paid, written_off
	CreatedAt        time.Time `json:"created_at"`
}

// WriteOff is a debt, or a part of it, that nobody expects any more.
type WriteOff struct {
	AmountMinor *int64 `json:"amount_minor,omitempty"` // nil: all that is outstanding
	Reason      string `json:"reason"`
	// IdempotencyKey makes a repetition harmless; empty = a random one.
	IdempotencyKey string `json:"-"`
}

// Charge is a fixed charge of one local month.
type Charge struct {
	ID          string    `json:"id"`
	Account     string    `json:"account"`
	Name        string    `json:"name"`
	Month       string    `json:"month"`
	Ref         string    `json:"ref"`
	Currency    string    `json:"currency"`
	AmountMinor int64     `json:"amount_minor"` // tax included
	PaidMinor   int64     `json:"paid_minor"`
	VATBps      int64     `json:"vat_bps"`
	Priority    int       `json:"priority"`
	Uncapped    bool      `json:"uncapped,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
}

// NewCharge is a charge to be made due by hand.
type NewCharge struct {
	Account  string `json:"account"`
	Name     string `json:"name"`  // small letters, digits and dashes; with Month unique in the account
	Month    string `json:"month"` // 2026-11
	Amount   Amount `json:"amount"`
	VATBps   int64  `json:"vat_bps,omitempty"` // contained in Amount
	Priority int    `json:"priority,omitempty"`
	Uncapped bool   `json:"uncapped,omitempty"`
	// IdempotencyKey makes a repetition harmless; empty = a random one.
	IdempotencyKey string `json:"-"`
}

// NewAdjustment is money given to a customer out of goodwill.
type NewAdjustment struct {
	Account string `json:"account"`
	Amount  Amount `json:"amount"`
	Reason  string `json:"reason"`
	// IdempotencyKey makes a repetition harmless; empty = a random one.
	IdempotencyKey string `json:"-"`
}

// Adjustment is a booked adjustment.
type Adjustment struct {
	ID      string    `json:"id"`
	Account string    `json:"account"`
	To      string    `json:"to"` // wallet, or carry: the next purchase of a token meter has it
	Amount  Amount    `json:"amount"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
}

// Owing asks for debts or charges: of one account unless it is empty, only what is not paid where Open.
type Owing struct {
	Account string
	Open    bool
	Page    Page
}

func (o Owing) query() url.Values {
	q := o.Page.query()
	if o.Account != "" {
		q.Set("account", o.Account)
	}
	if o.Open {
		q.Set("open", strconv.FormatBool(o.Open))
	}
	return q
}

// RaiseDebt raises a debt (right: debt.write). It is safe to repeat with the same IdempotencyKey.
func (c *Client) RaiseDebt(ctx context.Context, d NewDebt) (Debt, error) {
	return keyedAsk[Debt](ctx, c, post("/v1/debts", d), d.IdempotencyKey)
}

// Debts lists debts, newest first (right: customer.read).
func (c *Client) Debts(ctx context.Context, o Owing) (List[Debt], error) {
	return ask[List[Debt]](ctx, c, get("/v1/debts", o.query()))
}

// WriteOffDebt takes a debt off the books (right: ledger.adjust). It is safe to repeat with the same IdempotencyKey.
func (c *Client) WriteOffDebt(ctx context.Context, debt string, w WriteOff) (Debt, error) {
	return keyedAsk[Debt](ctx, c, post("/v1/debts/"+url.PathEscape(debt)+"/write-off", w), w.IdempotencyKey)
}

// Adjust gives a customer money out of goodwill (right: ledger.adjust). It is safe to repeat with the same
// IdempotencyKey.
func (c *Client) Adjust(ctx context.Context, a NewAdjustment) (Adjustment, error) {
	return keyedAsk[Adjustment](ctx, c, post("/v1/adjustments", a), a.IdempotencyKey)
}

// Charges lists fixed charges that fell due, newest first (right: customer.read).
func (c *Client) Charges(ctx context.Context, o Owing) (List[Charge], error) {
	return ask[List[Charge]](ctx, c, get("/v1/charges", o.query()))
}

// AddCharge makes a charge due by hand (right: debt.write). It is safe to repeat with the same IdempotencyKey.
func (c *Client) AddCharge(ctx context.Context, n NewCharge) (Charge, error) {
	return keyedAsk[Charge](ctx, c, post("/v1/charges", n), n.IdempotencyKey)
}
