package apiv1

// Settings are the utility's own settings.
type Settings struct {
	Name            string           `json:"name" doc:"Name of the utility; receipts show it"`
	Currency        string           `json:"currency" doc:"ISO 4217 code; empty until it is set here or by the first tariff, then fixed"`
	TZ              string           `json:"tz" example:"Africa/Nairobi" doc:"Time zone; months of tariffs and dates on receipts follow it"`
	VATNo           string           `json:"vat_no" doc:"Tax number of the utility; receipts show it"`
	FourEyes        string           `json:"four_eyes" enum:"on,off,default" doc:"on, off, or default: on as soon as two people could approve"`
	FourEyesBind    bool             `json:"four_eyes_bind" doc:"Whether sensitive actions need a second person now"`
	MaxDeductionBps int64            `json:"max_deduction_bps" doc:"Share of a payment that charges and debts may take together if the tariff sets none, in basis points; 0 means 7000, 70 %"`
	MaxCommission   int64            `json:"max_commission_bps" doc:"Highest commission of a vendor, in basis points. Default 1000, 10 %"`
	ChargesOnly     bool             `json:"charges_only" doc:"Whether payments that cover charges but buy no unit are accepted"`
	DailyCharges    bool             `json:"daily_charges" doc:"Whether monthly fixed charges fall due in daily parts"`
	Address         string           `json:"address" doc:"Address of the utility; receipts show it"`
	Contact         string           `json:"contact" doc:"How customers reach the utility; receipts show it"`
	Message         string           `json:"message" doc:"Message to all customers at the foot of receipts"`
	ReversalWindowS int64            `json:"reversal_window_s" doc:"Time in seconds in which the seller may reverse a sale without a reason; later it needs the right vend.reverse and a reason. Default 900"`
	ReversalsPerDay int64            `json:"reversals_per_day" doc:"Highest number of such reversals in a local day, by one person and of one vendor's sales. Default 50"`
	ReversalValue   int64            `json:"reversal_value_per_day_minor" doc:"Highest total of such reversals in a local day; -1 for no limit. Default 100000000"`
	FreeUnitsPerDay int64            `json:"free_units_per_day_wh" doc:"Energy that one person may give or replace in a local day, in Wh. Default 1000000"`
	WalletWarn1     int64            `json:"wallet_warn1_minor" doc:"Wallet balance at which customers are warned; 0 for the price of 20 kWh, or a fifth of a plan"`
	WalletWarn2     int64            `json:"wallet_warn2_minor" doc:"Wallet balance of the urgent warning; 0 for the price of 5 kWh, or a twentieth of a plan"`
	WalletVAT       bool             `json:"wallet_vat_on_advances" doc:"Whether tax on a recharge is due when it is paid, not when it is used"`
	WalletCutOff    int64            `json:"wallet_cutoff_minor" doc:"Wallet balance at which the supply is cut off; below 0 it is a credit limit"`
	Friendly        []string         `json:"supply_friendly" doc:"Friendly hours, in which no supply is cut off for lack of money, such as mon,tue 18:00-07:00, in local time"`
	SpecialDays     []string         `json:"supply_special_days" doc:"Days on which no supply is cut off for lack of money, such as 2026-12-25 or 2026-12-31 12:00-24:00"`
	NoticeS         int64            `json:"supply_notice_s" doc:"Least time between the last warning and the cut-off, in seconds"`
	AllowanceWh     int64            `json:"supply_allowance_wh" doc:"Energy that a customer may owe while no supply may be cut off, in Wh. Default 5000"`
	LeaseCapWh      int64            `json:"lease_cap_wh" doc:"Highest energy of one lease, in Wh. Default 20000"`
	QuietFrom       string           `json:"quiet_from" example:"21:00" doc:"Local time from which customers get no warnings. Default 21:00"`
	QuietTo         string           `json:"quiet_to" example:"07:00" doc:"Local time until which customers get no warnings. Default 07:00; same as quiet_from for no quiet hours"`
	EmergencyFrom   string           `json:"emergency_from" example:"18:00" doc:"Local time from which one person may restore a supply in an emergency. Default 18:00"`
	EmergencyTo     string           `json:"emergency_to" example:"08:00" doc:"Local time until which one person may. Default 08:00; same as emergency_from: nobody may"`
	LeaseTTLS       int64            `json:"lease_ttl_s" doc:"Powered-on time of one lease, in seconds. Default 259200"`
	SessionIdleS    int64            `json:"session_idle_s" example:"1800" doc:"How long a person's session lasts without a request, in seconds, 300 to 7200. Default 1800"`
	SessionLifeS    int64            `json:"session_life_s" example:"43200" doc:"How long a person's session lasts at most, in seconds, 3600 to 86400. Default 43200"`
	UsualTariffs    []string         `json:"usual_tariffs" doc:"Tariffs that one person may choose for a new meter, by name; any other needs a second person, unless the utility has no other. At most 20"`
	Ceilings        map[string]int64 `json:"ceilings" doc:"What may be taken in a local day without a second person, by the names in docs/reference/acts.md: minor units, Wh or a number. 0 means only with a second person; -1 restores the default"`
	MeterConfig     MeterValues      `json:"meter_config" doc:"Values for the configuration of all meters that keep their credit themselves; a meter's own values replace them"`
}

// SettingsChange names the settings to change; nil fields stay.
type SettingsChange struct {
	Name            *string          `json:"name,omitempty" doc:"Name of the utility; receipts show it"`
	Currency        *string          `json:"currency,omitempty" doc:"ISO 4217 code; cannot change once it is set here or by a tariff"`
	TZ              *string          `json:"tz,omitempty" doc:"Time zone; months of tariffs and dates on receipts follow it"`
	VATNo           *string          `json:"vat_no,omitempty" doc:"Tax number of the utility; receipts show it"`
	FourEyes        *string          `json:"four_eyes,omitempty" enum:"on,off,default" doc:"Whether sensitive actions need a second person: on, off, or default: on as soon as two people could approve"`
	FourEyesAlone   bool             `json:"four_eyes_alone,omitempty" doc:"Switch four_eyes on although nobody could approve the change back. Only paywatt utility release-four-eyes at the server then takes it back"`
	MaxDeductionBps *int64           `json:"max_deduction_bps,omitempty" doc:"Share of a payment that charges and debts may take together if the tariff sets none, in basis points; 0 means 7000, 70 %"`
	MaxCommission   *int64           `json:"max_commission_bps,omitempty" doc:"Highest commission of a vendor, in basis points. Default 1000, 10 %"`
	ChargesOnly     *bool            `json:"charges_only,omitempty" doc:"Whether payments that cover charges but buy no unit are accepted"`
	DailyCharges    *bool            `json:"daily_charges,omitempty" doc:"Whether monthly fixed charges fall due in daily parts"`
	Address         *string          `json:"address,omitempty" doc:"Address of the utility; receipts show it"`
	Contact         *string          `json:"contact,omitempty" doc:"How customers reach the utility; receipts show it"`
	Message         *string          `json:"message,omitempty" doc:"Message to all customers at the foot of receipts"`
	ReversalWindowS *int64           `json:"reversal_window_s,omitempty" doc:"Time in seconds in which the seller may reverse a sale without a reason; later it needs the right vend.reverse and a reason. Default 900"`
	ReversalsPerDay *int64           `json:"reversals_per_day,omitempty" doc:"Highest number of such reversals in a local day, by one person and of one vendor's sales. Default 50"`
	ReversalValue   *int64           `json:"reversal_value_per_day_minor,omitempty" doc:"Highest total of such reversals in a local day; 0 for the default, -1 for no limit"`
	FreeUnitsPerDay *int64           `json:"free_units_per_day_wh,omitempty" doc:"Energy that one person may give or replace in a local day, in Wh. Default 1000000"`
	WalletWarn1     *int64           `json:"wallet_warn1_minor,omitempty" doc:"Wallet balance at which customers are warned; 0 for the price of 20 kWh, or a fifth of a plan"`
	WalletWarn2     *int64           `json:"wallet_warn2_minor,omitempty" doc:"Wallet balance of the urgent warning; 0 for the price of 5 kWh, or a twentieth of a plan"`
	WalletVAT       *bool            `json:"wallet_vat_on_advances,omitempty" doc:"Whether tax on a recharge is due when it is paid, not when it is used"`
	WalletCutOff    *int64           `json:"wallet_cutoff_minor,omitempty" doc:"Wallet balance at which the supply is cut off; below 0 it is a credit limit"`
	Friendly        *[]string        `json:"supply_friendly,omitempty" doc:"Friendly hours, in which no supply is cut off for lack of money, such as mon,tue 18:00-07:00, in local time"`
	SpecialDays     *[]string        `json:"supply_special_days,omitempty" doc:"Days on which no supply is cut off for lack of money, such as 2026-12-25 or 2026-12-31 12:00-24:00"`
	NoticeS         *int64           `json:"supply_notice_s,omitempty" doc:"Least time between the last warning and the cut-off, in seconds"`
	AllowanceWh     *int64           `json:"supply_allowance_wh,omitempty" doc:"Energy that a customer may owe while no supply may be cut off, in Wh. Default 5000"`
	LeaseCapWh      *int64           `json:"lease_cap_wh,omitempty" doc:"Highest energy of one lease, in Wh. Default 20000"`
	EmergencyFrom   *string          `json:"emergency_from,omitempty" doc:"Local time from which one person may restore a supply in an emergency. Default 18:00"`
	EmergencyTo     *string          `json:"emergency_to,omitempty" doc:"Local time until which one person may. Default 08:00; same as emergency_from: nobody may"`
	LeaseTTLS       *int64           `json:"lease_ttl_s,omitempty" doc:"Powered-on time of one lease, in seconds. Default 259200"`
	QuietFrom       *string          `json:"quiet_from,omitempty" doc:"Local time from which customers get no warnings. Default 21:00"`
	SessionIdleS    *int64           `json:"session_idle_s,omitempty" minimum:"300" maximum:"7200" doc:"How long a person's session lasts without a request, in seconds, 300 to 7200. Default 1800"`
	SessionLifeS    *int64           `json:"session_life_s,omitempty" minimum:"3600" maximum:"86400" doc:"How long a person's session lasts at most, in seconds, 3600 to 86400. Default 43200"`
	UsualTariffs    *[]string        `json:"usual_tariffs,omitempty" doc:"Tariffs that one person may choose for a new meter, by name; any other needs a second person, unless the utility has no other. At most 20"`
	Ceilings        map[string]int64 `json:"ceilings,omitempty" doc:"What may be taken in a local day without a second person, by the names in docs/reference/acts.md: minor units, Wh or a number. 0 means only with a second person; -1 restores the default"`
	QuietTo         *string          `json:"quiet_to,omitempty" doc:"Local time until which customers get no warnings. Default 07:00; same as quiet_from for no quiet hours"`
	MeterConfig     MeterValues      `json:"meter_config,omitzero" doc:"Values for the configuration of all meters that keep their credit themselves; a meter's own values replace them"`
	MeterClear      []string         `json:"meter_config_clear,omitempty" doc:"Names of values of meter_config that are no longer set"`
}
