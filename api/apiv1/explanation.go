package apiv1

// Explanation is a sale with every figure derived again by the server.
type Explanation struct {
	Vend          string          `json:"vend" example:"vnd_01jd00000000000000000000000"`
	Agrees        bool            `json:"agrees" doc:"Whether the stored sale is exactly what is derived"`
	Differences   []string        `json:"differences" doc:"Where it is not"`
	Tariff        ExplainedTariff `json:"tariff"`
	TenderMinor   int64           `json:"tender_minor"`
	CarryInMinor  int64           `json:"carry_in_minor"`
	Currency      string          `json:"currency" example:"KES"`
	Month         string          `json:"month" example:"2026-11" doc:"Local month it was priced in"`
	MonthBeforeWh int64           `json:"month_before_wh" doc:"Place in the month's blocks before"`
	Deductions    []Deduction     `json:"deductions"`
	EnergyMinor   int64           `json:"energy_minor" doc:"What was left for energy, what was carried in among it"`
	FreeWh        int64           `json:"free_wh"`
	UnitsWh       int64           `json:"units_wh" doc:"Bought"`
	Steps         []Cost          `json:"steps"`
	ExactCost     string          `json:"exact_cost" doc:"Of all steps, before any rounding, in the major unit"`
	GrossMinor    int64           `json:"gross_minor" doc:"exact_cost rounded half up, or all that was left, as the tariff's rounding says"`
	VATMinor      int64           `json:"vat_minor" doc:"Contained in gross_minor, rounded half up"`
	NetMinor      int64           `json:"net_minor" doc:"gross_minor without tax and levies"`
	Levies        []ExplainedLevy `json:"levies"`
	CarryMinor    int64           `json:"carry_minor" doc:"energy_minor less gross_minor"`
	Lines         []Line          `json:"lines" doc:"As they are derived; the stored ones are the same where agrees is true"`
	SumMinor      int64           `json:"sum_minor" doc:"Of the lines: the tender"`
	Words         []string        `json:"words" doc:"All of this in sentences, for the customer"`
}

// ExplainedTariff is the tariff version that a sale was priced by.
type ExplainedTariff struct {
	Name      string `json:"name"`
	Version   int    `json:"version"`
	VersionID string `json:"version_id"`
	VATBps    int64  `json:"vat_bps"`
	Rounding  string `json:"rounding"`
}

// Deduction is what a sale paid of a fee, a charge or a debt, and why so much.
type Deduction struct {
	Kind       string  `json:"kind" enum:"fee,fixed,debt"`
	Ref        string  `json:"ref,omitempty"`
	GrossMinor int64   `json:"gross_minor"`
	VATMinor   int64   `json:"vat_minor"`
	LeftMinor  *int64  `json:"left_minor,omitempty" doc:"Still to be paid of it, tax included"`
	Because    []Bound `json:"because" doc:"The rules that decided, in their order, each with the amount after it"`
}

// Bound is a rule that limited a deduction, and the amount after it.
type Bound struct {
	Rule        string `json:"rule" example:"percent_of_tender"`
	AmountMinor int64  `json:"amount_minor"`
}

// Cost is the price of one step of the energy, exact.
type Cost struct {
	FromWh      int64           `json:"from_wh" doc:"The month's position before the step"`
	UnitsWh     int64           `json:"units_wh"`
	RateMicro   int64           `json:"rate_micro"`
	Levies      []ExplainedLevy `json:"levies,omitempty"`
	GrossPerKWh string          `json:"gross_per_kwh" example:"2.875" doc:"With levies and tax, exact"`
	Cost        string          `json:"cost" doc:"units times gross_per_kwh, exact"`
}

// ExplainedLevy is a levy on energy: its rate in a step, its amount in a sale.
type ExplainedLevy struct {
	Name        string `json:"name"`
	RateMicro   int64  `json:"rate_micro,omitempty"`
	Untaxed     bool   `json:"untaxed,omitempty"`
	AmountMinor int64  `json:"amount_minor,omitempty"`
}
