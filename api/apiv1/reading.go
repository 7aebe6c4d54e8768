package apiv1

import "time"

// Reading is one record of a meter's registers.
type Reading struct {
	Store      string    `json:"store" doc:"The meter memory that counted seq"`
	Seq        uint64    `json:"seq"`
	At         time.Time `json:"at" doc:"Meter time"`
	Clock      string    `json:"clock" enum:"valid,holdover,invalid"`
	ReceivedAt time.Time `json:"received_at" doc:"Server time"`
	RegisterWh int64     `json:"register_wh"`
	BalanceWh  int64     `json:"balance_wh"`
	ECUsedWh   int64     `json:"ec_used_wh"`
	OverrunWh  int64     `json:"overrun_wh"`
	W          int64     `json:"w"`
	MV         int64     `json:"mv"`
	Relay      string    `json:"relay"`
	Reasons    []string  `json:"reasons"`
}

// HistoryFilter asks for a part of a meter's history. From is inclusive, To exclusive; a zero time leaves that side open.
type HistoryFilter struct {
	Meter string    `path:"meter" maxLength:"64" doc:"Number or id"`
	From  time.Time `query:"from" doc:"Meter time from which on, inclusive"`
	To    time.Time `query:"to" doc:"Meter time up to which, exclusive"`
	Page
}

// Readings is the list of a meter's readings.
var Readings = Listing[HistoryFilter, Reading]{Name: "readings", Path: "/v1/meters/{meter}/readings", Tag: "meters",
	Summary: "List a meter's readings, newest first"}
