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

// Block is one step of a price: up to UpToWh (exclusive of nothing, counted from the start of the month; nil = no
// limit) a kilowatt-hour costs RateMicro millionths of the major unit, without tax.
type Block struct {
	UpToWh    *int64 `json:"up_to_wh"`
	RateMicro int64  `json:"rate_micro"`
}

// NewTariff is a price list to publish. Give FlatMicro or Blocks, not both.
type NewTariff struct {
	Name         string  `json:"name"`
	Currency     string  `json:"currency"`
	VATBps       int64   `json:"vat_bps"`
	FlatMicro    *int64  `json:"flat_micro,omitempty"`
	Blocks       []Block `json:"blocks,omitempty"`
	MinVendMinor *int64  `json:"min_vend_minor,omitempty"`
	MaxVendMinor *int64  `json:"max_vend_minor,omitempty"`
}

// Tariff is a published version of a price list.
type Tariff struct {
	ID            string    `json:"id"`
	VersionID     string    `json:"version_id"`
	Name          string    `json:"name"`
	Version       int       `json:"version"`
	Currency      string    `json:"currency"`
	VATBps        int64     `json:"vat_bps"`
	Blocks        []Block   `json:"blocks"`
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
