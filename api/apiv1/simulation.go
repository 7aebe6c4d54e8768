package apiv1

// Simulation asks what a draft of a tariff would change: for one purchase, and for consumption. Usage lists the consumption. If Usage is
// empty and From is set, the server replays the energy that accounts on the tariff bought. From and To are the first and the last month
// ("2026-01").
type Simulation struct {
	Tariff   string             `json:"tariff" example:"domestic" doc:"Tariff to compare with, by name or id"`
	Draft    Price              `json:"draft" doc:"The tariff to try"`
	Purchase *SimulatedPurchase `json:"purchase,omitempty" doc:"Purchase to price on both"`
	Usage    []SimulatedUsage   `json:"usage,omitempty" doc:"Consumption to replay"`
	From     string             `json:"from,omitempty" example:"2026-01" doc:"Without usage: first month of the purchases to replay"`
	To       string             `json:"to,omitempty" example:"2026-06" doc:"Last month of the purchases to replay"`
	Rises    int                `json:"rises,omitempty" doc:"Number of the biggest rises to list; default 10, at most 100"`
}

// SimulatedPurchase is a purchase to price on both tariffs.
type SimulatedPurchase struct {
	TenderMinor   int64 `json:"tender_minor" doc:"Amount that the customer would pay"`
	MonthBeforeWh int64 `json:"month_before_wh,omitempty" doc:"Energy already bought in the month, in Wh"`
	CarryInMinor  int64 `json:"carry_in_minor,omitempty" doc:"Change brought forward from earlier purchases"`
}

// SimulatedUsage is what one meter used in one local month.
type SimulatedUsage struct {
	Meter   string `json:"meter" doc:"Any name for the meter; months of one name count as one meter"`
	Month   string `json:"month" example:"2026-01" doc:"Local month"`
	UnitsWh int64  `json:"units_wh" doc:"Energy used in the month, in Wh"`
}

// SimulationResult is what a draft would change compared with the version in force.
type SimulationResult struct {
	Tariff     string         `json:"tariff" doc:"Name of the tariff that the draft is compared with"`
	Version    int            `json:"version" doc:"Version in force, which the draft is compared with"`
	Currency   string         `json:"currency" doc:"ISO 4217 code of all amounts"`
	Words      []string       `json:"words" doc:"The draft in sentences"`
	Purchase   *SimulatedPair `json:"purchase,omitempty" doc:"Prices of the purchase on both; missing if none was given"`
	Comparison *Comparison    `json:"comparison,omitempty" doc:"Bills of the consumption on both; missing if there was none to replay"`
}

// SimulatedPair is one purchase on the present tariff and on the draft.
type SimulatedPair struct {
	Before SimulatedSplit `json:"before" doc:"Price on the version in force"`
	After  SimulatedSplit `json:"after" doc:"Price on the draft"`
}

// SimulatedSplit is how a purchase would be split. If the purchase would be refused, Refused says why.
type SimulatedSplit struct {
	Refused    string `json:"refused,omitempty" doc:"Why the purchase would be refused"`
	UnitsWh    int64  `json:"units_wh" doc:"Energy bought, in Wh"`
	FeeMinor   int64  `json:"fee_minor" doc:"Fee with its tax"`
	NetMinor   int64  `json:"net_minor" doc:"Price of the energy without levies and tax"`
	LevyMinor  int64  `json:"levy_minor" doc:"Levies, without tax"`
	VATMinor   int64  `json:"vat_minor" doc:"Tax of the energy and its taxed levies"`
	CarryMinor int64  `json:"carry_minor" doc:"Change carried forward to the next purchase"`
}

// Comparison compares the same consumption on the present tariff and on the draft. Paid amounts include levies and tax, revenue does not.
// The capped figures count the months whose charges hit the ceiling.
type Comparison struct {
	Meters             int    `json:"meters" doc:"Meters whose consumption was replayed"`
	Months             int    `json:"months" doc:"Months of all meters together"`
	UnitsWh            int64  `json:"units_wh" doc:"Energy of these months, in Wh"`
	Winners            int    `json:"winners" doc:"Meters that pay less"`
	Losers             int    `json:"losers" doc:"Meters that pay more"`
	Same               int    `json:"same" doc:"Meters that pay as much as before"`
	PaidBeforeMinor    int64  `json:"paid_before_minor" doc:"What all customers pay, levies and tax included, on the version in force"`
	PaidAfterMinor     int64  `json:"paid_after_minor" doc:"As paid_before_minor, on the draft"`
	RevenueBeforeMinor int64  `json:"revenue_before_minor" doc:"What they pay without levies and tax, on the version in force"`
	RevenueAfterMinor  int64  `json:"revenue_after_minor" doc:"As revenue_before_minor, on the draft"`
	CappedBefore       int    `json:"capped_before" doc:"Months whose charges hit the ceiling, on the version in force"`
	CappedAfter        int    `json:"capped_after" doc:"As capped_before, on the draft"`
	CappedBeforeBps    int64  `json:"capped_before_bps" doc:"Share of the months, in basis points: 100 is 1 %"`
	CappedAfterBps     int64  `json:"capped_after_bps" doc:"As capped_before_bps, on the draft"`
	Rises              []Rise `json:"rises" doc:"The biggest rises"`
}

// Rise is how much more one meter would pay.
type Rise struct {
	Meter       string `json:"meter" doc:"The meter, as usage names it"`
	BeforeMinor int64  `json:"before_minor" doc:"What it pays on the version in force"`
	AfterMinor  int64  `json:"after_minor" doc:"What it pays on the draft"`
	RiseMinor   int64  `json:"rise_minor" doc:"after_minor less before_minor"`
}
