package apiv1

import "time"

// Moment is something that was sold to a meter, sent to it, heard from it or decided about it.
type Moment struct {
	At          time.Time  `json:"at" doc:"Server time"`
	Kind        string     `json:"kind" enum:"sale,token,order,setting,event,doubt,alarm,message,swap,tariff" doc:"A token here was made without a sale, or handed in. A setting is a configuration, the clock or a lease"`
	ID          string     `json:"id,omitempty" example:"vnd_01jd00000000000000000000000" doc:"Id of the sale, token, command, entry of the quarantine, alarm, message, swap or change of a tariff; missing for an event"`
	What        string     `json:"what" example:"prepay_token" doc:"Mode of a sale, made or handed_in, type of a command, code of an event or alarm, doubt, purpose of a message, replaced or replaces, changed or withdrawn of a tariff"`
	State       string     `json:"state,omitempty" example:"completed" doc:"State of the sale, token, command, entry, alarm or message"`
	By          string     `json:"by,omitempty" doc:"Who asked for it or decided about it"`
	Note        string     `json:"note,omitempty" doc:"Receipt number, reason, text or telephone number"`
	AmountMinor int64      `json:"amount_minor,omitempty" doc:"What a sale took"`
	Currency    string     `json:"currency,omitempty" example:"KES" doc:"Currency of the sale"`
	UnitsWh     int64      `json:"units_wh,omitempty" doc:"Energy of a sale or token, or what a swap gave the new meter"`
	Meter       string     `json:"meter,omitempty" example:"04140001027" doc:"Of a swap: number of the other meter"`
	MeterAt     *time.Time `json:"meter_at,omitempty" doc:"The meter's own time of an event; missing if its clock was not set"`
	Tariff      string     `json:"tariff,omitempty" example:"shops" doc:"Of a change of the tariff: name of the tariff that prices the meter from then on"`
	Begins      *time.Time `json:"begins,omitempty" doc:"Of a change of the tariff: when it begins"`
}

// MomentFilter asks for a part of a meter's timeline.
type MomentFilter struct {
	Meter string `path:"meter" maxLength:"64" doc:"Number or id of the meter"`
	Kind  string `query:"kind" maxLength:"16" doc:"Only one kind; default: all that the role may see"`
	Page
}

// Timeline is everything that happened to a meter.
var Timeline = Listing[MomentFilter, Moment]{Name: "timeline", Path: "/v1/meters/{meter}/timeline", Tag: "meters",
	Summary:     "List what happened to a meter, newest first",
	Description: "Sales, tokens, orders, settings, events, doubtful readings, alarms, messages, swaps and changes of the tariff in one list."}
