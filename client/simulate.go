package client

import "context"

// Simulation asks what a draft of a tariff would change: for one purchase, and for consumption that is given or, from
// the month From to To ("2026-01"), what was bought on the tariff.
type Simulation struct {
	Tariff   string             `json:"tariff"` // name or id of the present one
	Draft    Price              `json:"draft"`
	Purchase *SimulatedPurchase `json:"purchase,omitempty"`
	Usage    []Usage            `json:"usage,omitempty"`
	From     string             `json:"from,omitempty"`
	To       string             `json:"to,omitempty"`
	Rises    int                `json:"rises,omitempty"` // how many of the biggest rises; 0 = 10
}

// SimulatedPurchase is a purchase to price on both tariffs.
type SimulatedPurchase struct {
	TenderMinor   int64 `json:"tender_minor"`
	MonthBeforeWh int64 `json:"month_before_wh,omitempty"`
	CarryInMinor  int64 `json:"carry_in_minor,omitempty"`
}

// Usage is what one meter used in one local month.
type Usage struct {
	Meter   string `json:"meter"`
	Month   string `json:"month"`
	UnitsWh int64  `json:"units_wh"`
}

// Simulated is what a draft would change against the version in force.
type Simulated struct {
	Tariff     string         `json:"tariff"`
	Version    int            `json:"version"`
	Currency   string         `json:"currency"`
	Words      []string       `json:"words"`
	Purchase   *SimulatedPair `json:"purchase,omitempty"`
	Comparison *Comparison    `json:"comparison,omitempty"`
}

// SimulatedPair is one purchase on the present tariff and on the draft.
type SimulatedPair struct {
	Before SimulatedSplit `json:"before"`
	After  SimulatedSplit `json:"after"`
}

// SimulatedSplit is how a purchase would be split; Refused says why it would not be made.
type SimulatedSplit struct {
	Refused    string `json:"refused,omitempty"`
	UnitsWh    int64  `json:"units_wh"`
	FeeMinor   int64  `json:"fee_minor"`
	NetMinor   int64  `json:"net_minor"`
	LevyMinor  int64  `json:"levy_minor"`
	VATMinor   int64  `json:"vat_minor"`
	CarryMinor int64  `json:"carry_minor"`
}

// Comparison is the same consumption on the present tariff and on the draft. Paid is with levies and tax, revenue
// without; capped counts the months whose charges hit the ceiling.
type Comparison struct {
	Meters             int    `json:"meters"`
	Months             int    `json:"months"`
	UnitsWh            int64  `json:"units_wh"`
	Winners            int    `json:"winners"`
	Losers             int    `json:"losers"`
	Same               int    `json:"same"`
	PaidBeforeMinor    int64  `json:"paid_before_minor"`
	PaidAfterMinor     int64  `json:"paid_after_minor"`
	RevenueBeforeMinor int64  `json:"revenue_before_minor"`
	RevenueAfterMinor  int64  `json:"revenue_after_minor"`
	CappedBefore       int    `json:"capped_before"`
	CappedAfter        int    `json:"capped_after"`
	CappedBeforeBps    int64  `json:"capped_before_bps"`
	CappedAfterBps     int64  `json:"capped_after_bps"`
	Rises              []Rise `json:"rises"`
}

// Rise is how much more one meter would pay.
type Rise struct {
	Meter       string `json:"meter"`
	BeforeMinor int64  `json:"before_minor"`
	AfterMinor  int64  `json:"after_minor"`
	RiseMinor   int64  `json:"rise_minor"`
}

// SimulateTariff says what a draft would change (right: tariff.read; with From also vend.read). Nothing is kept.
func (c *Client) SimulateTariff(ctx context.Context, s Simulation) (Simulated, error) {
	return ask[Simulated](ctx, c, post("/v1/tariff-simulations", s))
}
