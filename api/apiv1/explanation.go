package apiv1

import "time"

// Explanation is a sale whose figures the server has computed again.
type Explanation struct {
	Vend          string          `json:"vend" example:"vnd_01jd00000000000000000000000" doc:"Id of the sale"`
	Agrees        bool            `json:"agrees" doc:"Whether the stored sale matches its recalculation"`
	Differences   []string        `json:"differences" doc:"Where the stored sale differs"`
	Tariff        ExplainedTariff `json:"tariff" doc:"Tariff version of the price"`
	TenderMinor   int64           `json:"tender_minor" doc:"What the customer paid"`
	CarryInMinor  int64           `json:"carry_in_minor" doc:"Change brought forward from earlier purchases"`
	Currency      string          `json:"currency" example:"KES" doc:"ISO 4217 code of all amounts"`
	Month         string          `json:"month" example:"2026-11" doc:"Local month of the price"`
	MonthBeforeWh int64           `json:"month_before_wh" doc:"Energy bought in the month before this sale, in Wh"`
	Deductions    []Deduction     `json:"deductions" doc:"Amounts taken for fees, charges and debts, in their order"`
	EnergyMinor   int64           `json:"energy_minor" doc:"Amount left for energy, change brought forward included"`
	FreeWh        int64           `json:"free_wh" doc:"Free basic units, in Wh"`
	UnitsWh       int64           `json:"units_wh" doc:"Energy bought, in Wh"`
	Steps         []Cost          `json:"steps" doc:"The energy by price"`
	ExactCost     string          `json:"exact_cost" doc:"Price of all steps before rounding, in the major unit"`
	GrossMinor    int64           `json:"gross_minor" doc:"exact_cost rounded half up, or all that was left, depending on the tariff's rounding"`
	VATMinor      int64           `json:"vat_minor" doc:"Tax contained in gross_minor, rounded half up"`
	NetMinor      int64           `json:"net_minor" doc:"gross_minor without tax and levies"`
	Levies        []ExplainedLevy `json:"levies" doc:"Levies of the sale"`
	CarryMinor    int64           `json:"carry_minor" doc:"energy_minor less gross_minor"`
	Lines         []Line          `json:"lines" doc:"Recalculated lines; the stored ones are the same if agrees is true"`
	SumMinor      int64           `json:"sum_minor" doc:"Sum of the lines, which is the tender"`
	Words         []string        `json:"words" doc:"The explanation in sentences, for the customer"`
}

// ExplainedTariff is the tariff version that a sale was priced by.
type ExplainedTariff struct {
	Name      string `json:"name" doc:"Name of the tariff"`
	Version   int    `json:"version" doc:"Number of the version, from 1"`
	VersionID string `json:"version_id" doc:"Id of the version"`
	VATBps    int64  `json:"vat_bps" doc:"Tax in basis points: 1500 is 15 %"`
	Rounding  string `json:"rounding" doc:"What happens to money that buys no whole 0.1 kWh: carry, nearest or income"`

	Since  *time.Time `json:"since,omitempty" doc:"When the account got this tariff; missing if it was opened with it"`
	Former string     `json:"former,omitempty" doc:"Name of the tariff that the account had before"`
}

// Deduction is what a sale paid towards a fee, a charge or a debt, and the rules that set the amount.
type Deduction struct {
	Kind       string  `json:"kind" enum:"fee,fixed,debt" doc:"fee: a fee of the purchase; fixed: a charge that fell due; debt: a debt"`
	Ref        string  `json:"ref,omitempty" doc:"Name of the fee or charge, or id of the debt"`
	GrossMinor int64   `json:"gross_minor" doc:"Amount that the sale paid, tax included"`
	VATMinor   int64   `json:"vat_minor" doc:"Tax contained in gross_minor"`
	LeftMinor  *int64  `json:"left_minor,omitempty" doc:"Amount left to pay, tax included"`
	Because    []Bound `json:"because" doc:"Rules that decided the amount, in their order, each with the amount after it"`
}

// Bound is a rule that limited a deduction, and the deduction after this rule.
type Bound struct {
	Rule        string `json:"rule" example:"percent_of_tender" doc:"Name of the rule. First the amount: percent_of_tender, fixed_amount, all_outstanding. Then limits: at_least, at_most, month_limit, outstanding, ceiling (max_deduction_bps), what_is_left"`
	AmountMinor int64  `json:"amount_minor" doc:"The deduction after this rule"`
}

// Cost is the exact price of one step. A step is the part of the sold energy that has the same price per kWh.
type Cost struct {
	FromWh      int64           `json:"from_wh" doc:"Energy bought in the month before the step, in Wh"`
	UnitsWh     int64           `json:"units_wh" doc:"Energy of the step, in Wh"`
	RateMicro   int64           `json:"rate_micro" doc:"Millionths of the major unit per kWh, without levies and tax"`
	Levies      []ExplainedLevy `json:"levies,omitempty" doc:"Levies of the step"`
	GrossPerKWh string          `json:"gross_per_kwh" example:"2.875" doc:"Exact price per kWh with levies and tax"`
	Cost        string          `json:"cost" doc:"Exact price of the step: units times gross_per_kwh"`
}

// ExplainedLevy is a levy on energy. In a step it has a rate, in a sale an amount.
type ExplainedLevy struct {
	Name        string `json:"name" doc:"Name of the levy in its tariff"`
	RateMicro   int64  `json:"rate_micro,omitempty" doc:"Of a step: rate in millionths of the major unit per kWh"`
	Untaxed     bool   `json:"untaxed,omitempty" doc:"No tax is added to it"`
	AmountMinor int64  `json:"amount_minor,omitempty" doc:"Of a sale: amount of the levy, without tax"`
}
