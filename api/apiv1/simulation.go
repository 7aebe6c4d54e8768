package apiv1

// Simulation asks what a draft of a tariff would change: for one purchase, and for consumption that is given or, from
// the month From to To ("2026-01"), what was bought on the tariff.
type Simulation struct {
	Tariff   string             `json:"tariff" example:"domestic" doc:"The present one, by name or id"`
	Draft    Price              `json:"draft"`
	Purchase *SimulatedPurchase `json:"purchase,omitempty" doc:"Priced on both"`
	Usage    []SimulatedUsage   `json:"usage,omitempty" doc:"Consumption to replay"`
	From     string             `json:"from,omitempty" example:"2026-01" doc:"Where usage is not given: replay what was bought from this month on"`
	To       string             `json:"to,omitempty" example:"2026-06" doc:"Last month"`
	Rises    int                `json:"rises,omitempty" doc:"How many of the biggest rises are listed; default 10, at most 100"`
}

// SimulatedPurchase is a purchase to price on both tariffs.
type SimulatedPurchase struct {
	TenderMinor   int64 `json:"tender_minor"`
	MonthBeforeWh int64 `json:"month_before_wh,omitempty" doc:"Bought already in the month"`
	CarryInMinor  int64 `json:"carry_in_minor,omitempty"`
}

// SimulatedUsage is what one meter used in one local month.
type SimulatedUsage struct {
	Meter   string `json:"meter"`
	Month   string `json:"month" example:"2026-01"`
	UnitsWh int64  `json:"units_wh"`
}

// SimulationResult is what a draft would change against the version in force.
type SimulationResult struct {
	Tariff     string         `json:"tariff"`
	Version    int            `json:"version" doc:"The one in force, which the draft is compared with"`
	Currency   string         `json:"currency"`
	Words      []string       `json:"words" doc:"What the draft says, in sentences"`
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
	Refused    string `json:"refused,omitempty" doc:"Why it would be refused"`
	UnitsWh    int64  `json:"units_wh"`
	FeeMinor   int64  `json:"fee_minor" doc:"With its tax"`
	NetMinor   int64  `json:"net_minor"`
	LevyMinor  int64  `json:"levy_minor"`
	VATMinor   int64  `json:"vat_minor" doc:"Of energy and its taxed levies"`
	CarryMinor int64  `json:"carry_minor"`
}

// Comparison is the same consumption on the present tariff and on the draft. Paid is with levies and tax, revenue
// without; capped counts the months whose charges hit the ceiling.
type Comparison struct {
	Meters             int    `json:"meters"`
	Months             int    `json:"months" doc:"Of all meters together"`
	UnitsWh            int64  `json:"units_wh"`
	Winners            int    `json:"winners" doc:"Meters that pay less"`
	Losers             int    `json:"losers"`
	Same               int    `json:"same"`
	PaidBeforeMinor    int64  `json:"paid_before_minor" doc:"By all customers, levies and tax among it"`
	PaidAfterMinor     int64  `json:"paid_after_minor"`
	RevenueBeforeMinor int64  `json:"revenue_before_minor" doc:"Without levies and tax"`
	RevenueAfterMinor  int64  `json:"revenue_after_minor"`
	CappedBefore       int    `json:"capped_before" doc:"Months whose charges hit the ceiling"`
	CappedAfter        int    `json:"capped_after"`
	CappedBeforeBps    int64  `json:"capped_before_bps" doc:"Share of the months"`
	CappedAfterBps     int64  `json:"capped_after_bps"`
	Rises              []Rise `json:"rises" doc:"The biggest"`
}

// Rise is how much more one meter would pay.
type Rise struct {
	Meter       string `json:"meter"`
	BeforeMinor int64  `json:"before_minor"`
	AfterMinor  int64  `json:"after_minor"`
	RiseMinor   int64  `json:"rise_minor"`
}
