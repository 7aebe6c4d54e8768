package apiv1

import "time"

// Device is the present state of a meter's device: its connection, its last data and state, and whether its account wants it
// on.
type Device struct {
	Meter     string       `json:"meter" doc:"Number of the meter"`
	Attached  bool         `json:"attached" doc:"Whether this server has a listener (mqtt_legacy) for the meter"`
	Profile   string       `json:"profile,omitempty" doc:"Name of the device profile"`
	Connected bool         `json:"connected" doc:"Whether the device is connected now"`
	Since     *time.Time   `json:"since,omitempty" doc:"Server time when the connection began or ended"`
	Started   string       `json:"started,omitempty" doc:"Last status that the device sent when it started"`
	Data      string       `json:"data,omitempty" doc:"Last data that it sent, such as v1:v2"`
	DataAt    *time.Time   `json:"data_at,omitempty" doc:"When it sent data"`
	State     string       `json:"state,omitempty" doc:"Last state that it sent, such as meter is on"`
	StateAt   *time.Time   `json:"state_at,omitempty" doc:"When it sent its state"`
	Bound     *BoundDevice `json:"bound,omitempty" doc:"Which device the meter belongs to; missing if none was heard"`
	Wanted    string       `json:"wanted,omitempty" doc:"What its account wants: on or off; empty if the account does not decide"`
	Reasons   []string     `json:"reasons" doc:"Why the supply should be off"`
	Relay     string       `json:"relay" doc:"Last reported state: closed, open, or empty while unknown"`
	PowerMW   int64        `json:"power_mw" doc:"Power of the last sample, in milliwatts"`
	Gaps      int64        `json:"gaps" doc:"Number of gaps between samples, whose energy was not counted"`
	GapS      int64        `json:"gap_s" doc:"Length of all gaps, in seconds"`
	Balance   string       `json:"balance,omitempty" doc:"Credit or money that is left, as text"`
	TotalKWh  string       `json:"total_kwh" doc:"Total energy counted, in kWh"`
	MonthKWh  string       `json:"month_kwh,omitempty" doc:"Energy used in the present local month, in kWh"`
}
