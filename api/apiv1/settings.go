package apiv1

// Settings are the utility's own settings.
type Settings struct {
	Name            string   `json:"name" doc:"Name of the utility; receipts show it"`
	Currency        string   `json:"currency" doc:"Empty until it is named here or by the first tariff; then it stays"`
	TZ              string   `json:"tz" example:"Africa/Nairobi" doc:"Time zone; months of tariffs and dates on receipts follow it"`
	VATNo           string   `json:"vat_no" doc:"Tax number of the utility; receipts show it"`
	FourEyes        string   `json:"four_eyes" enum:"on,off,default" doc:"default: as soon as two people could approve"`
	FourEyesBind    bool     `json:"four_eyes_bind" doc:"Whether sensitive actions need a second person now"`
	MaxDeductionBps int64    `json:"max_deduction_bps" doc:"Share of what is tendered that capped charges may take together, if the tariff names none; 0 means 7000, 70 %"`
	MaxCommission   int64    `json:"max_commission_bps" doc:"Highest commission that a vendor's terms may have. Default 1000, 10 %"`
	ChargesOnly     bool     `json:"charges_only" doc:"Money that reaches charges but buys no unit is accepted"`
	DailyCharges    bool     `json:"daily_charges" doc:"Monthly fixed charges fall due day by day"`
	Address         string   `json:"address" doc:"Address of the utility; receipts show it"`
	Contact         string   `json:"contact" doc:"How customers reach the utility; receipts show it"`
	Message         string   `json:"message" doc:"Text to all customers at the foot of receipts"`
	ReversalWindowS int64    `json:"reversal_window_s" doc:"Seconds in which the seller may reverse a sale; later it takes the right vend.reverse and a reason. Default 900"`
	ReversalsPerDay int64    `json:"reversals_per_day" doc:"Most reversals in a local day, by one person and of one vendor's sales. Default 50"`
	ReversalValue   int64    `json:"reversal_value_per_day_minor" doc:"Highest total of these reversals in a local day; -1: no limit. Default 100000000"`
	FreeUnitsPerDay int64    `json:"free_units_per_day_wh" doc:"What one person may give away or replace in a local day, in Wh. Default 1000000"`
	WalletWarn1     int64    `json:"wallet_warn1_minor" doc:"Customers are warned when their wallet is at or below it; 0 means what 20 kWh cost, or a fifth of a plan"`
	WalletWarn2     int64    `json:"wallet_warn2_minor" doc:"Customers are warned urgently when their wallet is at or below it; 0 means what 5 kWh cost, or a twentieth of a plan"`
	WalletVAT       bool     `json:"wallet_vat_on_advances" doc:"Tax on a recharge is owed when it is paid, not when it is used"`
	WalletCutOff    int64    `json:"wallet_cutoff_minor" doc:"The supply goes off at or below this balance; a negative value grants credit"`
	Friendly        []string `json:"supply_friendly" doc:"Windows in which nobody is cut off for lack of money, as mon,tue 18:00-07:00, in local time"`
	SpecialDays     []string `json:"supply_special_days" doc:"Days on which nobody is cut off for lack of money, as 2026-12-25 or 2026-12-31 12:00-24:00"`
	NoticeS         int64    `json:"supply_notice_s" doc:"Least time between the last warning and the cut-off, in seconds"`
	AllowanceWh     int64    `json:"supply_allowance_wh" doc:"What may be owed while nobody may be cut off, in Wh. Default 5000"`
	LeaseCapWh      int64    `json:"lease_cap_wh" doc:"The most energy that a meter may use without asking again, in Wh. Default 20000"`
	QuietFrom       string   `json:"quiet_from" example:"21:00" doc:"From then on customers get no warnings, in local time. Default 21:00"`
	QuietTo         string   `json:"quiet_to" example:"07:00" doc:"Until then customers get no warnings, in local time. Default 07:00; the same as quiet_from for no quiet hours"`
	LeaseTTLS       int64    `json:"lease_ttl_s" doc:"Powered-on seconds of one lease. Default 259200"`
}

// SettingsChange names the settings to change; nil fields stay.
type SettingsChange struct {
	Name            *string   `json:"name,omitempty" doc:"Name of the utility; receipts show it"`
	Currency        *string   `json:"currency,omitempty" doc:"ISO 4217 code; cannot change once it is named here or by a tariff"`
	TZ              *string   `json:"tz,omitempty" doc:"Time zone; months of tariffs and dates on receipts follow it"`
	VATNo           *string   `json:"vat_no,omitempty" doc:"Tax number of the utility; receipts show it"`
	FourEyes        *string   `json:"four_eyes,omitempty" enum:"on,off,default" doc:"Whether sensitive actions need a second person; default: as soon as two people could approve"`
	MaxDeductionBps *int64    `json:"max_deduction_bps,omitempty" doc:"Share of what is tendered that capped charges may take together, if the tariff names none; 0 means 7000, 70 %"`
	MaxCommission   *int64    `json:"max_commission_bps,omitempty" doc:"Highest commission that a vendor's terms may have. Default 1000, 10 %"`
	ChargesOnly     *bool     `json:"charges_only,omitempty" doc:"Money that reaches charges but buys no unit is accepted"`
	DailyCharges    *bool     `json:"daily_charges,omitempty" doc:"Monthly fixed charges fall due day by day"`
	Address         *string   `json:"address,omitempty" doc:"Address of the utility; receipts show it"`
	Contact         *string   `json:"contact,omitempty" doc:"How customers reach the utility; receipts show it"`
	Message         *string   `json:"message,omitempty" doc:"Text to all customers at the foot of receipts"`
	ReversalWindowS *int64    `json:"reversal_window_s,omitempty" doc:"Seconds in which the seller may reverse a sale; later it takes the right vend.reverse and a reason. Default 900"`
	ReversalsPerDay *int64    `json:"reversals_per_day,omitempty" doc:"Most reversals in a local day, by one person and of one vendor's sales. Default 50"`
	ReversalValue   *int64    `json:"reversal_value_per_day_minor,omitempty" doc:"0 for the default, -1 for no limit"`
	FreeUnitsPerDay *int64    `json:"free_units_per_day_wh,omitempty" doc:"What one person may give away or replace in a local day, in Wh. Default 1000000"`
	WalletWarn1     *int64    `json:"wallet_warn1_minor,omitempty" doc:"Customers are warned when their wallet is at or below it; 0 means what 20 kWh cost, or a fifth of a plan"`
	WalletWarn2     *int64    `json:"wallet_warn2_minor,omitempty" doc:"Customers are warned urgently when their wallet is at or below it; 0 means what 5 kWh cost, or a twentieth of a plan"`
	WalletVAT       *bool     `json:"wallet_vat_on_advances,omitempty" doc:"Tax on a recharge is owed when it is paid, not when it is used"`
	WalletCutOff    *int64    `json:"wallet_cutoff_minor,omitempty" doc:"The supply goes off at or below this balance; a negative value grants credit"`
	Friendly        *[]string `json:"supply_friendly,omitempty" doc:"Windows in which nobody is cut off for lack of money, as mon,tue 18:00-07:00, in local time"`
	SpecialDays     *[]string `json:"supply_special_days,omitempty" doc:"Days on which nobody is cut off for lack of money, as 2026-12-25 or 2026-12-31 12:00-24:00"`
	NoticeS         *int64    `json:"supply_notice_s,omitempty" doc:"Least time between the last warning and the cut-off, in seconds"`
	AllowanceWh     *int64    `json:"supply_allowance_wh,omitempty" doc:"What may be owed while nobody may be cut off, in Wh. Default 5000"`
	LeaseCapWh      *int64    `json:"lease_cap_wh,omitempty" doc:"The most energy that a meter may use without asking again, in Wh. Default 20000"`
	LeaseTTLS       *int64    `json:"lease_ttl_s,omitempty" doc:"Powered-on seconds of one lease. Default 259200"`
	QuietFrom       *string   `json:"quiet_from,omitempty" doc:"From then on customers get no warnings, in local time. Default 21:00"`
	QuietTo         *string   `json:"quiet_to,omitempty" doc:"Until then customers get no warnings, in local time. Default 07:00; the same as quiet_from for no quiet hours"`
}
