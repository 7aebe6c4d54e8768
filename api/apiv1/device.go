package apiv1

import "time"

// Device is the present state of a meter's device: its connection, its last data and state, and whether its account wants it
// on.
type Device struct {
	Meter     string     `json:"meter" doc:"Number of the meter"`
	Attached  bool       `json:"attached" doc:"A listener of this server (mqtt_legacy) belongs to the meter"`
	Profile   string     `json:"profile,omitempty" doc:"Name of the device profile"`
	Connected bool       `json:"connected" doc:"Whether the device is connected now"`
	Since     *time.Time `json:"since,omitempty" doc:"Of the connection, or of its end"`
	Started   string     `json:"started,omitempty" doc:"What the device said last when it started"`
	Data      string     `json:"data,omitempty" doc:"What it said last as data, such as v1:v2"`
	DataAt    *time.Time `json:"data_at,omitempty" doc:"When it said data"`
	State     string     `json:"state,omitempty" doc:"What it said last as state, such as meter is on"`
	StateAt   *time.Time `json:"state_at,omitempty" doc:"When it said state"`
	Wanted    string     `json:"wanted,omitempty" doc:"What its account wants: on or off; empty where the account does not decide"`
	Reasons   []string   `json:"reasons" doc:"Why it is not wanted on"`
	Relay     string     `json:"relay" doc:"As the device said last: closed, open, or empty while unknown"`
	PowerMW   int64      `json:"power_mw" doc:"Of the last sample, in milliwatts"`
	Gaps      int64      `json:"gaps" doc:"How often time between samples counted nothing"`
	GapS      int64      `json:"gap_s" doc:"How long that was in all, in seconds"`
	Balance   string     `json:"balance,omitempty" doc:"What is left, for people"`
	TotalKWh  string     `json:"total_kwh" doc:"Register"`
	MonthKWh  string     `json:"month_kwh,omitempty" doc:"Used in the present local month"`
}
