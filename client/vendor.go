package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"time"
)

// NewVendor is a vendor to be taken on.
type NewVendor struct {
	Name             string `json:"name"`
	Code             string `json:"code,omitempty"`    // empty: the next of V001, V002 ...
	Billing          string `json:"billing,omitempty"` // float (default) or postpaid
	CommissionBps    int64  `json:"commission_bps,omitempty"`
	CreditLimitMinor int64  `json:"credit_limit_minor,omitempty"`
}

// VendorTerms is what of a vendor is to change; nil fields stay.
type VendorTerms struct {
	Name             *string `json:"name,omitempty"`
	CommissionBps    *int64  `json:"commission_bps,omitempty"`
	CreditLimitMinor *int64  `json:"credit_limit_minor,omitempty"`
	Blocked          *bool   `json:"blocked,omitempty"`
}

// Float is what a vendor has, in minor units.
type Float struct {
	Currency       string `json:"currency"`
	BalanceMinor   int64  `json:"balance_minor"` // negative: what it owes
	HeldMinor      int64  `json:"held_minor"`
	AvailableMinor int64  `json:"available_minor"` // credit included
}

// Vendor is a vendor with what it has.
type Vendor struct {
	ID               string    `json:"id"`
	Code             string    `json:"code"`
	Name             string    `json:"name"`
	Billing          string    `json:"billing"`
	CommissionBps    int64     `json:"commission_bps"`
	CreditLimitMinor int64     `json:"credit_limit_minor"`
	Blocked          bool      `json:"blocked"`
	Float            Float     `json:"float"`
	CreatedAt        time.Time `json:"created_at"`
}

// NewDeposit is money that a vendor paid to the utility's bank.
type NewDeposit struct {
	Amount    Amount `json:"amount"`
	Reference string `json:"reference"` // the bank's own; one payment is never booked twice
	Bank      string `json:"bank,omitempty"`
	// IdempotencyKey makes a repetition harmless; empty = a random one.
	IdempotencyKey string `json:"-"`
}

// Deposit is a booked deposit.
type Deposit struct {
	ID        string    `json:"id"`
	Vendor    string    `json:"vendor"`
	Amount    Amount    `json:"amount"`
	Reference string    `json:"reference"`
	Bank      string    `json:"bank"`
	Float     Float     `json:"float"`
	At        time.Time `json:"at"`
}

// BookedLine is a line of a vendor's statement.
type BookedLine struct {
	ID           string    `json:"id"`
	Kind         string    `json:"kind"`
	Ref          string    `json:"ref"`
	At           time.Time `json:"at"`
	AmountMinor  int64     `json:"amount_minor"`
	BalanceMinor int64     `json:"balance_minor"`
}

// AddVendor takes a vendor on (right: vendor.manage).
func (c *Client) AddVendor(ctx context.Context, n NewVendor) (Vendor, error) {
	return ask[Vendor](ctx, c, post("/v1/vendors", n))
}

// Vendors lists the vendors (right: vendor.read).
func (c *Client) Vendors(ctx context.Context, p Page) (List[Vendor], error) {
	return ask[List[Vendor]](ctx, c, get("/v1/vendors", p.query()))
}

// Vendor returns a vendor by its id or code (right: vendor.float).
func (c *Client) Vendor(ctx context.Context, vendor string) (Vendor, error) {
	return ask[Vendor](ctx, c, get("/v1/vendors/"+url.PathEscape(vendor), nil))
}

// SetVendorTerms changes a vendor's terms (right: vendor.manage).
func (c *Client) SetVendorTerms(ctx context.Context, vendor string, t VendorTerms) (Vendor, error) {
	return ask[Vendor](ctx, c, post("/v1/vendors/"+url.PathEscape(vendor)+"/terms", t))
}

// Deposit books what a vendor paid in (right: vendor.deposit). It is safe to repeat with the same IdempotencyKey.
func (c *Client) Deposit(ctx context.Context, vendor string, d NewDeposit) (Deposit, error) {
	return keyedAsk[Deposit](ctx, c, post("/v1/vendors/"+url.PathEscape(vendor)+"/deposits", d), d.IdempotencyKey)
}

// VendorStatement lists what was booked on a vendor's account, newest first (right: vendor.float).
func (c *Client) VendorStatement(ctx context.Context, vendor string, p Page) (List[BookedLine], error) {
	return ask[List[BookedLine]](ctx, c, get("/v1/vendors/"+url.PathEscape(vendor)+"/statement", p.query()))
}

// keyedAsk sends a request that moves money under a key, again and again with the same key until it is settled or
// [Config.Attempts] are used up; what is not settled comes back as *Unresolved.
func keyedAsk[T any](ctx context.Context, c *Client, q call, key string) (T, error) {
	var out T
	if key == "" {
		key = rand.Text()
	}
	q.header = map[string][]string{"Idempotency-Key": {key}}
	asked := false
	for attempt := 1; ; attempt++ {
		a, err := c.do(ctx, q)
		if err == nil {
			if err := waits(a); err != nil {
				return out, err
			}
			return out, json.Unmarshal(a.body, &out)
		}
		again, pause := repeatable(err)
		if !again && !(asked && saysNothing(err)) {
			return out, err
		}
		asked = asked || !errors.Is(err, ErrUnreachable)
		if attempt >= c.cfg.Attempts || ctx.Err() != nil || c.cfg.Wait(ctx, c.pause(attempt, pause)) != nil {
			if !asked {
				return out, err
			}
			return out, &Unresolved{IdempotencyKey: key, Err: err}
		}
	}
}
