package client

import "context"

// Settings are what a utility decided for itself.
type Settings struct {
	Name            string   `json:"name"`
	Currency        string   `json:"currency"`
	TZ              string   `json:"tz"`
	VATNo           string   `json:"vat_no"`
	FourEyes        string   `json:"four_eyes"`          // on, off or default
	FourEyesBind    bool     `json:"four_eyes_bind"`     // whether sensitive actions need a second person now
	MaxDeductionBps int64    `json:"max_deduction_bps"`  // ceiling for capped charges; 0 means 7000
	MaxCommission   int64    `json:"max_commission_bps"` // the most that a vendor's terms may give it of a sale
	ChargesOnly     bool     `json:"charges_only"`
	DailyCharges    bool     `json:"daily_charges"`
	Address         string   `json:"address"`
	Contact         string   `json:"contact"`
	Message         string   `json:"message"`
	ReversalWindowS int64    `json:"reversal_window_s"`            // in which who sold may undo a sale, in seconds
	ReversalsPerDay int64    `json:"reversals_per_day"`            // by one person, and of one vendor's sales
	ReversalValue   int64    `json:"reversal_value_per_day_minor"` // what they may come to; -1: no limit
	FreeUnitsPerDay int64    `json:"free_units_per_day_wh"`        // given away or replaced by one person
	WalletWarn1     int64    `json:"wallet_warn1_minor"`           // 0 means what 20 kWh cost, or a fifth of a plan
	WalletWarn2     int64    `json:"wallet_warn2_minor"`           // 0 means what 5 kWh cost, or a twentieth of a plan
	WalletVAT       bool     `json:"wallet_vat_on_advances"`       // tax on a recharge is owed when it is paid
	WalletCutOff    int64    `json:"wallet_cutoff_minor"`
	Friendly        []string `json:"supply_friendly"`     // Windows in which nobody is cut off for want of money, as mon,tue 18:00-07:00, in local time
	SpecialDays     []string `json:"supply_special_days"` // Days on which nobody is, as 2026-12-25 or 2026-12-31 12:00-24:00
	NoticeS         int64    `json:"supply_notice_s"`     // Seconds between the last warning and the cut-off, at least
	AllowanceWh     int64    `json:"supply_allowance_wh"` // What may be owed while nobody may be cut off, in Wh. Default 5000
	LeaseCapWh      int64    `json:"lease_cap_wh"`        // The most energy that a meter may use without asking again, in Wh. Default 20000
	LeaseTTLS       int64    `json:"lease_ttl_s"`         // Powered-on seconds of one lease. Default 259200
}

// SettingsChange names what is to change; nil fields stay.
type SettingsChange struct {
	Name            *string   `json:"name,omitempty"`
	Currency        *string   `json:"currency,omitempty"`
	TZ              *string   `json:"tz,omitempty"`
	VATNo           *string   `json:"vat_no,omitempty"`
	FourEyes        *string   `json:"four_eyes,omitempty"`
	MaxDeductionBps *int64    `json:"max_deduction_bps,omitempty"`
	MaxCommission   *int64    `json:"max_commission_bps,omitempty"`
	ChargesOnly     *bool     `json:"charges_only,omitempty"`
	DailyCharges    *bool     `json:"daily_charges,omitempty"`
	Address         *string   `json:"address,omitempty"`
	Contact         *string   `json:"contact,omitempty"`
	Message         *string   `json:"message,omitempty"`
	ReversalWindowS *int64    `json:"reversal_window_s,omitempty"`
	ReversalsPerDay *int64    `json:"reversals_per_day,omitempty"`
	ReversalValue   *int64    `json:"reversal_value_per_day_minor,omitempty"` // 0 for the default, -1 for no limit
	FreeUnitsPerDay *int64    `json:"free_units_per_day_wh,omitempty"`
	WalletWarn1     *int64    `json:"wallet_warn1_minor,omitempty"`
	WalletWarn2     *int64    `json:"wallet_warn2_minor,omitempty"`
	WalletVAT       *bool     `json:"wallet_vat_on_advances,omitempty"`
	WalletCutOff    *int64    `json:"wallet_cutoff_minor,omitempty"`
	Friendly        *[]string `json:"supply_friendly,omitempty"`
	SpecialDays     *[]string `json:"supply_special_days,omitempty"`
	NoticeS         *int64    `json:"supply_notice_s,omitempty"`
	AllowanceWh     *int64    `json:"supply_allowance_wh,omitempty"`
	LeaseCapWh      *int64    `json:"lease_cap_wh,omitempty"`
	LeaseTTLS       *int64    `json:"lease_ttl_s,omitempty"`
}

// Settings shows what the utility decided for itself (right: settings.read).
func (c *Client) Settings(ctx context.Context) (Settings, error) {
	return ask[Settings](ctx, c, get("/v1/settings", nil))
}

// ChangeSettings changes what is named (right: settings.write), or returns *Waiting where four eyes bind.
func (c *Client) ChangeSettings(ctx context.Context, s SettingsChange) (Settings, error) {
	return ask[Settings](ctx, c, post("/v1/settings", s))
}
