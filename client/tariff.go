package client

import (
	"context"
	"time"
)

// Amount is money: whole minor units of a currency (ISO 4217).
type Amount struct {
	AmountMinor int64  `json:"amount_minor"`
	Currency    string `json:"currency"`
}

// Block is one step of a price within a month: while the month's units are at most UpToWh (a multiple of 100; nil on
// the last block, without limit) a kilowatt-hour costs RateMicro millionths of the major unit, without tax.
type Block struct {
	UpToWh    *int64 `json:"up_to_wh"`
	RateMicro int64  `json:"rate_micro"`
}

// Price is what a tariff says: FlatMicro or Blocks, not both.
type Price struct {
	Currency     string  `json:"currency"`
	VATBps       int64   `json:"vat_bps"` // 1500 is 15 %
	FlatMicro    *int64  `json:"flat_micro,omitempty"`
	Blocks       []Block `json:"blocks,omitempty"`
	Rounding     string  `json:"rounding,omitempty"` // carry, nearest or income; empty = carry
	MinVendMinor int64   `json:"min_vend_minor,omitempty"`
	MaxVendMinor int64   `json:"max_vend_minor,omitempty"` // 0 = none
}

// NewTariff is a price list to publish; EffectiveFrom nil means at once.
type NewTariff struct {
	Name string `json:"name"`
	Price
	EffectiveFrom *time.Time `json:"effective_from,omitempty"`
}

// Tariff is a published version of a price list.
type Tariff struct {
	ID        string `json:"id"`
	VersionID string `json:"version_id"`
	Name      string `json:"name"`
	Version   int    `json:"version"`
	Price
	EffectiveFrom time.Time `json:"effective_from"`
}

// CreateTariff publishes a tariff (right: tariff.write).
func (c *Client) CreateTariff(ctx context.Context, t NewTariff) (Tariff, error) {
	return ask[Tariff](ctx, c, post("/v1/tariffs", t))
}

// Tariffs lists the tariffs in force.
func (c *Client) Tariffs(ctx context.Context, p Page) (List[Tariff], error) {
	return ask[List[Tariff]](ctx, c, get("/v1/tariffs", p.query()))
}
