package apiv1

// Price is the content of a tariff: exactly one of FlatMicro, Blocks, TOU, Seasons and Plan, with the fees, charges and levies. Prices and
// amounts are without tax.
type Price struct {
	Currency  string   `json:"currency" example:"KES" doc:"ISO 4217 code; must be the currency of the utility once that is set"`
	VATBps    int64    `json:"vat_bps" example:"1500" doc:"Tax in basis points: 1500 is 15 %. All prices and amounts of a tariff are without it"`
	FlatMicro *int64   `json:"flat_micro,omitempty" example:"2500000" doc:"One price for all units, in millionths of the major unit per kWh"`
	Blocks    []Block  `json:"blocks,omitempty" doc:"Blocks by the units of the month, instead of flat_micro"`
	TOU       *TOU     `json:"tou,omitempty" doc:"Prices by the time of use, instead of flat_micro; for wallet meters only"`
	Plan      *Plan    `json:"plan,omitempty" doc:"Fixed amount for an energy or a period, instead of a price; answers show it as the price or fixed charge that follows from it"`
	PlanWh    int64    `json:"plan_wh,omitempty" doc:"Energy that people usually buy at a time, of a plan or beside a price. Unless the utility has set amounts, customers are warned at a fifth and a twentieth of its price"`
	Seasons   []Season `json:"seasons,omitempty" doc:"Prices by the time of year, instead of one price; for wallet meters only"`

	Levies          []Levy        `json:"levies,omitempty" doc:"Levies that are collected for others with every kWh, on top of the price"`
	Fixed           []FixedCharge `json:"fixed,omitempty" doc:"Fixed charges of each month or day"`
	VendFee         *VendFee      `json:"vend_fee,omitempty" doc:"Fee that every purchase pays first"`
	FreeUnits       *FreeUnits    `json:"free_units,omitempty" doc:"Free basic units of every month, on a token of their own"`
	Rounding        string        `json:"rounding,omitempty" enum:"carry,nearest,income" doc:"What happens to money that buys no whole 0.1 kWh; default carry"`
	MinVendMinor    int64         `json:"min_vend_minor,omitempty" doc:"Smallest purchase"`
	MaxVendMinor    int64         `json:"max_vend_minor,omitempty" doc:"Largest purchase; 0 for none"`
	MaxDeductionBps int64         `json:"max_deduction_bps,omitempty" doc:"Highest share of a purchase that charges and debts take together, in basis points; default the utility's setting, else 7000"`
}

// Block is one step of a price within a month. A kilowatt-hour costs RateMicro while the month's units are at most UpToWh. The last block
// has no limit: its UpToWh is null.
type Block struct {
	UpToWh    *int64 `json:"up_to_wh" doc:"Units of the month up to which the block applies, in Wh, a multiple of 100; null for the last block"`
	RateMicro int64  `json:"rate_micro" example:"2500000" doc:"Price in millionths of the major unit per kWh"`
}

// Plan is a fixed amount of money that pays for some energy ("500 Wh for 50.00") or for a period. Either UnitsWh or Per is set.
type Plan struct {
	AmountMinor int64  `json:"amount_minor" example:"5000" doc:"Amount without tax"`
	UnitsWh     int64  `json:"units_wh,omitempty" example:"500" doc:"Energy that it buys, in Wh; or"`
	Per         string `json:"per,omitempty" enum:"month,day" doc:"period that it pays for; for wallet meters only"`
}

// TOU is a price by the time of use. Its field Otherwise holds the name of the rate outside all windows.
type TOU struct {
	Rates     []TOURate `json:"rates" doc:"Rates with their names"`
	Otherwise string    `json:"otherwise" doc:"Name of the rate at all other times"`
	Windows   []Window  `json:"windows" doc:"Windows in which another rate applies"`
	Holidays  []Holiday `json:"holidays,omitempty" doc:"Dates on which the windows of another day apply"`
}

// TOURate is a named rate.
type TOURate struct {
	Name      string `json:"name" example:"peak" doc:"Name of the rate"`
	RateMicro int64  `json:"rate_micro" example:"3600000" doc:"Price in millionths of the major unit per kWh"`
}

// Window is a part of some days, in local time.
type Window struct {
	Days []string `json:"days" doc:"Days: mon tue wed thu fri sat sun holiday"`
	From string   `json:"from" example:"06:00" doc:"Local time when the window begins"`
	To   string   `json:"to" example:"09:00" doc:"Local time when it ends, up to 24:00; write a window over midnight as two"`
	Rate string   `json:"rate" example:"peak" doc:"Name of the rate that applies"`
}

// Holiday is a date to which another day's windows apply.
type Holiday struct {
	Date string `json:"date" example:"2026-12-25" doc:"Local date"`
	As   string `json:"as,omitempty" doc:"Day whose windows apply: mon to sun, or holiday (default)"`
}

// Season is a price that applies from a day of the year until the next season begins.
type Season struct {
	Name      string  `json:"name" example:"winter" doc:"Name of the season"`
	From      string  `json:"from" example:"06-01" doc:"First day, MM-DD; it lasts until the next one begins"`
	FlatMicro *int64  `json:"flat_micro,omitempty" example:"2500000" doc:"One price for all units, in millionths of the major unit per kWh"`
	Blocks    []Block `json:"blocks,omitempty" doc:"Blocks by the units of the month, instead of flat_micro"`
	TOU       *TOU    `json:"tou,omitempty" doc:"Prices by the time of use, instead of flat_micro; for wallet meters only"`
}

// Levy is collected for others with every kWh: either RateMicro or PercentBps.
type Levy struct {
	Name       string `json:"name" example:"rural" doc:"Name of the levy; receipts show it"`
	RateMicro  int64  `json:"rate_micro,omitempty" doc:"Price in millionths of the major unit per kWh"`
	PercentBps int64  `json:"percent_bps,omitempty" doc:"Share of the price of energy, in basis points; the resulting rate is rounded half up to a millionth"`
	Untaxed    bool   `json:"untaxed,omitempty" doc:"No tax is added to it"`
}

// FixedCharge falls due with every month or day.
type FixedCharge struct {
	Name        string `json:"name" example:"service" doc:"Name of the charge; receipts show it"`
	AmountMinor int64  `json:"amount_minor" doc:"Amount of each month or day, without tax"`
	Per         string `json:"per" enum:"month,day" doc:"How often it falls due"`
	Untaxed     bool   `json:"untaxed,omitempty" doc:"No tax is added to it"`
	Uncapped    bool   `json:"uncapped,omitempty" doc:"Collected beyond the limit max_deduction_bps"`
	Priority    int    `json:"priority,omitempty" doc:"Order of collection; default 20"`
}

// VendFee is the first amount taken from every purchase.
type VendFee struct {
	AmountMinor int64 `json:"amount_minor" doc:"Amount without tax; collected beyond the limit max_deduction_bps"`
	Untaxed     bool  `json:"untaxed,omitempty" doc:"No tax is added to it"`
	Priority    int   `json:"priority,omitempty" doc:"Order of collection; default 10"`
}

// FreeUnits are free in every local month; CountsInBlocks nil means true.
type FreeUnits struct {
	UnitsWh        int64 `json:"units_wh" doc:"Free energy of every local month, in Wh, a multiple of 100"`
	FundedMicro    int64 `json:"funded_micro,omitempty" doc:"Amount that a programme pays for each kWh"`
	CountsInBlocks *bool `json:"counts_in_blocks,omitempty" doc:"Whether they count towards the units of the month; default true"`
}
