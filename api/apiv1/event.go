package apiv1

import "time"

// Happening is the data of one event of the stream GET /v1/events.
type Happening struct {
	Type      string    `json:"type" example:"vend.completed" doc:"vend.completed, vend.reversed, float.deposited, debt.raised, other journals as ledger.…, the audit log as audit.…"`
	At        time.Time `json:"at" doc:"Server time"`
	Object    string    `json:"object,omitempty" doc:"Id of the object of the event"`
	Vend      string    `json:"vend,omitempty" doc:"Id of the sale, for GET /v1/vends/{id}"`
	ClientRef string    `json:"client_ref,omitempty" doc:"The seller's own reference of the sale"`
	Meter     string    `json:"meter,omitempty" doc:"Number of the meter"`
}

// Event is one event that a meter recorded; Code is its stable number.
type Event struct {
	Memory     string         `json:"store" doc:"Id of the device memory that numbered the record"`
	Seq        uint64         `json:"seq" doc:"Number of the record in that memory"`
	Kind       string         `json:"kind" doc:"event, close (a daily row) or command (an answer)"`
	Code       int            `json:"code" doc:"Code of the event; 0 for other kinds"`
	At         time.Time      `json:"at" doc:"Meter time"`
	Clock      string         `json:"clock" doc:"State of the meter's clock: valid, holdover (it ran on without its source) or invalid"`
	ReceivedAt time.Time      `json:"received_at" doc:"Server time"`
	Args       map[string]any `json:"args,omitempty" doc:"Details by name; the page of events and alarms lists those of events"`
}

// Events is the list of a meter's events.
var Events = Listing[HistoryFilter, Event]{Name: "events", Path: "/v1/meters/{meter}/events", Tag: "meters", Summary: "List a meter's events, newest first"}
