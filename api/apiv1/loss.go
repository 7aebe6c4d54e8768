package apiv1

import "time"

// BuildingLoss compares the main meter of a building with the sum of its flats. All figures are differences of registers.
type BuildingLoss struct {
	Feeder  string        `json:"feeder" example:"Riverside" doc:"The building"`
	On      string        `json:"on" example:"2026-11-24" doc:"The local day or month"`
	From    time.Time     `json:"from" doc:"Beginning of the time that is compared"`
	To      time.Time     `json:"to" doc:"Its end; of the present month, the beginning of today"`
	Main    MeteredFlat   `json:"main" doc:"The main meter"`
	Flats   []MeteredFlat `json:"flats" doc:"The flats, by name"`
	SumWh   int64         `json:"sum_wh" doc:"What all flats counted"`
	LossWh  *int64        `json:"loss_wh" doc:"What the main meter counted and no flat did; negative if the flats counted more; null if the use of the main meter is not wholly known"`
	LossBps *int64        `json:"loss_bps" doc:"The loss in hundredths of a percent of what the main meter counted; null if that is unknown or nothing"`
	Missing int           `json:"missing" doc:"Flats whose use is not wholly known; what they used beside counts as loss"`
}

// MeteredFlat is what the register of one meter counted.
type MeteredFlat struct {
	Meter       string     `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Name        string     `json:"name" example:"A1" doc:"The address of the place, or else the meter's number"`
	UnitsWh     int64      `json:"units_wh" doc:"What it counted, as far as that is known"`
	EstimatedWh int64      `json:"estimated_wh" doc:"Part of it that was shared by time alone, between readings a day or more apart"`
	Gap         string     `json:"gap,omitempty" enum:"unread,reset,part,estimated,between" doc:"What is not known: unread: no readings; reset: the register did not continue; part: readings for a part of the time; estimated: shared by time; between: no reading in the time, only around it. Missing if nothing is"`
	Resets      int        `json:"resets,omitempty" doc:"Places at which the register did not continue"`
	From        *time.Time `json:"from" doc:"Beginning of the part of the time that readings reach over; null if none do"`
	To          *time.Time `json:"to" doc:"Its end"`
}
