package apiv1

import "time"

// Reading is one record of a meter's registers.
type Reading struct {
	Memory     string    `json:"store" doc:"Id of the device memory that numbered the record"`
	Seq        uint64    `json:"seq" doc:"Number of the record in that memory"`
	At         time.Time `json:"at" doc:"Meter time"`
	Clock      string    `json:"clock" enum:"valid,holdover,invalid" doc:"State of the meter's clock; holdover: it ran on without its source"`
	ReceivedAt time.Time `json:"received_at" doc:"Server time"`
	RegisterWh int64     `json:"register_wh" doc:"Total energy counted, in Wh"`
	BalanceWh  int64     `json:"balance_wh" doc:"Credit left in the meter, in Wh"`
	ECUsedWh   int64     `json:"ec_used_wh" doc:"Emergency credit used and not paid back, in Wh"`
	OverrunWh  int64     `json:"overrun_wh" doc:"Energy used beyond all credit, in Wh"`
	W          int64     `json:"w" doc:"Power, in W"`
	MV         int64     `json:"mv" doc:"Voltage, in mV"`
	Relay      string    `json:"relay" doc:"closed, open or armed (it closes when somebody presses #)"`
	Reasons    []string  `json:"reasons" doc:"Reasons why the relay is open, such as CREDIT, REMOTE or TAMPER"`
}

// HistoryFilter asks for a part of a meter's history. From is inclusive, To exclusive; a zero time leaves that side open.
type HistoryFilter struct {
	Meter string    `path:"meter" maxLength:"64" doc:"Number or id of the meter"`
	From  time.Time `query:"from" doc:"First meter time, inclusive"`
	To    time.Time `query:"to" doc:"End of the meter time, exclusive"`
	Page
}

// Readings is the list of a meter's readings.
var Readings = Listing[HistoryFilter, Reading]{Name: "readings", Path: "/v1/meters/{meter}/readings", Tag: "meters",
	Summary: "List a meter's readings, newest first"}
