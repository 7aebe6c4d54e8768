package apiv1

import "time"

// Alarm is something that a person should look at.
type Alarm struct {
	ID        string     `json:"id" example:"alm_01jd00000000000000000000000" doc:"Id of the alarm"`
	Meter     string     `json:"meter" example:"04140001001" doc:"Number of the meter; empty for a feeder or a server"`
	Feeder    string     `json:"feeder,omitempty" example:"North 3" doc:"Name of the feeder, if the alarm is not about a single meter"`
	Server    string     `json:"server,omitempty" example:"srv-a" doc:"Name of the server, if the alarm is about one of several"`
	Code      string     `json:"code" example:"ghost-credit" doc:"Stable name; the page of events and alarms says what to do"`
	Text      string     `json:"text" doc:"What happened, for people"`
	RaisedAt  time.Time  `json:"raised_at" doc:"Server time"`
	ClearedAt *time.Time `json:"cleared_at,omitempty" doc:"When the alarm ended; missing while it is open"`
}

// AlarmFilter narrows the list of alarms.
type AlarmFilter struct {
	Meter string `query:"meter" maxLength:"64" doc:"Number or id; default: all meters"`
	Open  bool   `query:"open" doc:"Only alarms that are still open"`
	Page
}

// Alarms is the list of alarms.
var Alarms = Listing[AlarmFilter, Alarm]{Name: "alarms", Path: "/v1/alarms", Tag: "meters", Summary: "List alarms that need attention, newest first"}
