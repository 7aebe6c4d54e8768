package apiv1

import "time"

// Device is the present state of a meter's device: its connection, its last data and state, and whether its account wants it
// on.
type Device struct {
	Meter     string     `json:"meter" doc:"Number of the meter"`
	Attached  bool       `json:"attached" doc:"A listener of this server (mqtt_legacy) belongs to the meter"`
	Profile   string     `json:"profile,omitempty" doc:"Name of the device profile"`
	Connected bool       `json:"connected" doc:"Whether the device is connected now"`
	Since     *time.Time `json:"since,omitempty" doc:"When the connection began or ended"`
	Started   string     `json:"started,omitempty" doc:"The device's last start message"`
	Data      string     `json:"data,omitempty" doc:"Its last data message, such as v1:v2"`
	DataAt    *time.Time `json:"data_at,omitempty" doc:"When the data came"`
	State     string     `json:"state,omitempty" doc:"Its last state message, such as meter is on"`
	StateAt   *time.Time `json:"state_at,omitempty" doc:"When the state came"`
	Wanted    string     `json:"wanted,omitempty" doc:"What its account wants: on or off; empty if the account does not decide"`
	Reasons   []string   `json:"reasons" doc:"Why the account does not want it on"`
	Relay     string     `json:"relay" doc:"As the device last reported it: closed, open, or empty while unknown"`
	PowerMW   int64      `json:"power_mw" doc:"Power of the last sample, in milliwatts"`
	Gaps      int64      `json:"gaps" doc:"How many gaps between samples counted no energy"`
	GapS      int64      `json:"gap_s" doc:"Total length of these gaps, in seconds"`
	Balance   string     `json:"balance,omitempty" doc:"What is left, as text for people"`
	TotalKWh  string     `json:"total_kwh" doc:"Register"`
	MonthKWh  string     `json:"month_kwh,omitempty" doc:"Used in the present local month"`
}
