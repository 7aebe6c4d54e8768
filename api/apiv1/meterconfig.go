package apiv1

import "time"

// MeterValues are values for the configuration of meters that keep their credit themselves; nil fields are not set.
type MeterValues struct {
	ECLimitWh        *int64    `json:"ec_limit_wh,omitempty" example:"5000" doc:"Emergency credit, in Wh; 0 for none"`
	ECThresholdWh    *int64    `json:"ec_threshold_wh,omitempty" example:"2000" doc:"Credit at and below which emergency credit is offered, in Wh"`
	ECRepay          *bool     `json:"ec_repay_before_reconnect,omitempty" doc:"Whether used-up emergency credit must be paid back before the supply returns"`
	LifelineW        *int64    `json:"lifeline_w,omitempty" example:"200" doc:"Highest load after the credit has ended, in W; 0 to cut the supply"`
	Friendly         *[]string `json:"friendly,omitempty" doc:"Friendly hours, in which the meter does not cut the supply for lack of credit, such as mon,tue 18:00-07:00, in local time; at most 6"`
	SpecialDays      *[]string `json:"special_days,omitempty" doc:"Days on which it does not, such as 2026-12-25 or 2026-12-31 12:00-24:00; at most 12"`
	FriendlyNoClock  *bool     `json:"friendly_when_clock_invalid,omitempty" doc:"Whether any time is friendly while the meter's clock is not set"`
	PowerLimitW      *int64    `json:"power_limit_w,omitempty" example:"4000" doc:"Highest load that is allowed for long, in W; 0 for no limit"`
	ECPowerLimitW    *int64    `json:"ec_power_limit_w,omitempty" doc:"The same while emergency credit is in use; 0 for power_limit_w"`
	OverloadTripS    *int64    `json:"overload_trip_s,omitempty" doc:"Seconds above the limit before the relay opens"`
	OverloadRetryS   *int64    `json:"overload_retry_s,omitempty" doc:"Seconds before the relay closes again"`
	OverloadMaxTrips *int64    `json:"overload_max_trips,omitempty" doc:"Number of the trip that locks the supply"`
	OverloadWindowS  *int64    `json:"overload_window_s,omitempty" doc:"Seconds within which the trips count"`
	OverloadLockoutS *int64    `json:"overload_lockout_s,omitempty" doc:"Seconds before a locked supply returns"`
	OverloadManual   *bool     `json:"overload_manual,omitempty" doc:"Whether a locked supply returns only at a key press"`
	Low1Wh           *int64    `json:"low1_wh,omitempty" doc:"Credit of the first warning, in Wh"`
	Low2Wh           *int64    `json:"low2_wh,omitempty" doc:"Credit of the second warning, in Wh"`
	TariffText       *string   `json:"tariff_text,omitempty" example:"KES 25.00 a kWh" doc:"Text on the display's page of the tariff; at most 32 characters of ASCII"`
	HelpText         *string   `json:"help_text,omitempty" example:"Call 0800 123" doc:"Text on the display's help page; at most 32 characters of ASCII"`
	Language         *string   `json:"language,omitempty" enum:"en,sw,fr" doc:"Language of display and messages"`
}

// MeterConfigChange changes a meter's own values.
type MeterConfigChange struct {
	Set    MeterValues `json:"set,omitzero" doc:"Values to set for this meter; omitted values stay as they are"`
	Clear  []string    `json:"clear,omitempty" doc:"Names of values that this meter no longer has of its own: the utility's apply again"`
	Reason string      `json:"reason" doc:"Why, in a few words; written to the audit log"`
}

// MeterConfig is how the configuration of a meter stands.
type MeterConfig struct {
	Meter       string             `json:"meter" example:"04140001001" doc:"Number of the meter"`
	State       string             `json:"state" enum:"none,applied,waiting,sent,unanswered,refused,failed,conflict" doc:"none: nobody has set a value; applied: the meter has the configuration; waiting: it was not sent yet; sent: it was sent, and the meter has not answered; unanswered: the time to answer ended, and it is sent again when the meter connects; refused: answer has the meter's reason; failed: the meter could not take it, or has lost it again, and it is sent again; conflict: the values contradict each other, and answer names the first bad key"`
	Answer      string             `json:"answer,omitempty" example:"config low2_wh" doc:"The meter's reason, or the first bad key"`
	Own         MeterValues        `json:"own" doc:"Values of this meter's own"`
	Utility     MeterValues        `json:"utility" doc:"The utility's values for all meters, from the settings"`
	Asked       *ConfigVersion     `json:"asked" doc:"Configuration that the server decided last; null if there is none"`
	Has         *ConfigVersion     `json:"has" doc:"Configuration that the meter reported last; null if it never reported one"`
	Compared    bool               `json:"compared" doc:"Whether the server knows every value that the meter has. If not, differences are those to an unconfigured meter"`
	Differences []ConfigDifference `json:"differences" doc:"What differs while the meter does not have the configuration"`
}

// ConfigVersion identifies a configuration.
type ConfigVersion struct {
	Version int64     `json:"version" doc:"Version; 0 for a meter that was never configured"`
	Hash    string    `json:"hash" doc:"Hash of the document"`
	Since   time.Time `json:"since" doc:"When the server decided it, or when the meter first reported it"`
}

// ConfigDifference is a value in which two configurations differ.
type ConfigDifference struct {
	Key   string `json:"key" example:"ec_limit_wh" doc:"Key in the document, as docs/reference/meter-config.md lists them"`
	Has   string `json:"has" example:"" doc:"Value in the meter; empty for its default"`
	Asked string `json:"asked" example:"5000" doc:"Value in the configuration decided last; empty for the meter's default"`
}
