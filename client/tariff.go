package client

import (
	"context"
	"net/url"
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

// Plan is an amount without tax for an energy, or for a period: one of UnitsWh and Per.
type Plan struct {
	AmountMinor int64  `json:"amount_minor"`
	UnitsWh     int64  `json:"units_wh,omitempty"`
	Per         string `json:"per,omitempty"` // month or day
}

// Price is what a tariff says: exactly one of FlatMicro, Blocks, TOU and Seasons, and what is taken besides. Prices and
// amounts are without tax.
type Price struct {
	Currency        string        `json:"currency"`
	VATBps          int64         `json:"vat_bps"` // 1500 is 15 %
	FlatMicro       *int64        `json:"flat_micro,omitempty"`
	Plan            *Plan         `json:"plan,omitempty"`    // instead of a price; answered as what it comes to
	PlanWh          int64         `json:"plan_wh,omitempty"` // what people buy at a time; warnings follow it
	Blocks          []Block       `json:"blocks,omitempty"`
	TOU             *TOU          `json:"tou,omitempty"`     // wallet meters only
	Seasons         []Season      `json:"seasons,omitempty"` // wallet meters only
	Levies          []Levy        `json:"levies,omitempty"`
	Fixed           []FixedCharge `json:"fixed,omitempty"`
	VendFee         *VendFee      `json:"vend_fee,omitempty"`
	FreeUnits       *FreeUnits    `json:"free_units,omitempty"`
	Rounding        string        `json:"rounding,omitempty"` // carry, nearest or income; empty = carry
	MinVendMinor    int64         `json:"min_vend_minor,omitempty"`
	MaxVendMinor    int64         `json:"max_vend_minor,omitempty"`    // 0 = none
	MaxDeductionBps int64         `json:"max_deduction_bps,omitempty"` // ceiling of charges and debts; 0 = 7000
}

// TOU is a price by the time of use: Otherwise names the rate outside all windows.
type TOU struct {
	Rates     []TOURate `json:"rates"`
	Otherwise string    `json:"otherwise"`
	Windows   []Window  `json:"windows"`
	Holidays  []Holiday `json:"holidays,omitempty"`
}

// TOURate is a named price, in millionths of the major unit per kWh.
type TOURate struct {
	Name      string `json:"name"`
	RateMicro int64  `json:"rate_micro"`
}

// Window is a part of some days (mon to sun, holiday), in local time from "06:00" up to "24:00".
type Window struct {
	Days []string `json:"days"`
	From string   `json:"from"`
	To   string   `json:"to"`
	Rate string   `json:"rate"`
}

// Holiday is a date ("2026-12-25") on which another day's windows hold; empty = those of holiday.
type Holiday struct {
	Date string `json:"date"`
	As   string `json:"as,omitempty"`
}

// Season is a price from a day of the year ("06-01") until the next season's.
type Season struct {
	Name      string  `json:"name"`
	From      string  `json:"from"`
	FlatMicro *int64  `json:"flat_micro,omitempty"`
	Blocks    []Block `json:"blocks,omitempty"`
	TOU       *TOU    `json:"tou,omitempty"`
}

// Levy is collected for others with every kWh: RateMicro, or PercentBps of the price.
type Levy struct {
	Name       string `json:"name"`
	RateMicro  int64  `json:"rate_micro,omitempty"`
	PercentBps int64  `json:"percent_bps,omitempty"`
	Untaxed    bool   `json:"untaxed,omitempty"`
}

// FixedCharge falls due per "month" or "day".
type FixedCharge struct {
	Name        string `json:"name"`
	AmountMinor int64  `json:"amount_minor"`
	Per         string `json:"per"`
	Untaxed     bool   `json:"untaxed,omitempty"`
	Uncapped    bool   `json:"uncapped,omitempty"`
	Priority    int    `json:"priority,omitempty"`
}

// VendFee is taken of every purchase first.
type VendFee struct {
	AmountMinor int64 `json:"amount_minor"`
	Untaxed     bool  `json:"untaxed,omitempty"`
	Priority    int   `json:"priority,omitempty"`
}

// FreeUnits are free in every local month; CountsInBlocks nil means true.
type FreeUnits struct {
	UnitsWh        int64 `json:"units_wh"`
	FundedMicro    int64 `json:"funded_micro,omitempty"`
	CountsInBlocks *bool `json:"counts_in_blocks,omitempty"`
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
	Words         []string  `json:"words"`              // what it says, in sentences
	Standing      string    `json:"standing,omitempty"` // in a list of versions: in force, to come or past
}

// NewTariffVersion is a further version of a tariff to publish; EffectiveFrom nil means at once.
type NewTariffVersion struct {
	Price
	EffectiveFrom *time.Time `json:"effective_from,omitempty"`
}

// CreateTariff publishes a tariff (right: tariff.write).
func (c *Client) CreateTariff(ctx context.Context, t NewTariff) (Tariff, error) {
	return ask[Tariff](ctx, c, post("/v1/tariffs", t))
}

// Tariffs lists the tariffs in force.
func (c *Client) Tariffs(ctx context.Context, p Page) (List[Tariff], error) {
	return ask[List[Tariff]](ctx, c, get("/v1/tariffs", p.query()))
}

// CreateTariffVersion publishes a further version of a tariff, which is given by name or identity (right: tariff.write).
func (c *Client) CreateTariffVersion(ctx context.Context, tariff string, v NewTariffVersion) (Tariff, error) {
	return ask[Tariff](ctx, c, post("/v1/tariffs/"+url.PathEscape(tariff)+"/versions", v))
}

// TariffVersions lists the versions of a tariff, the newest first.
func (c *Client) TariffVersions(ctx context.Context, tariff string, p Page) (List[Tariff], error) {
	return ask[List[Tariff]](ctx, c, get("/v1/tariffs/"+url.PathEscape(tariff)+"/versions", p.query()))
}
