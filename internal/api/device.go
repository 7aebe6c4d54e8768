package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/profile"
)

// deviceBody is what is known of the device of a meter, as it is now.
type deviceBody struct {
	Meter     string     `json:"meter"`
	Attached  bool       `json:"attached" doc:"A listener of this server (mqtt_legacy) belongs to the meter"`
	Profile   string     `json:"profile,omitempty"`
	Connected bool       `json:"connected"`
	Since     *time.Time `json:"since,omitempty" doc:"Of the connection, or of its end"`
	Started   string     `json:"started,omitempty" doc:"What the device said last when it started"`
	Data      string     `json:"data,omitempty" doc:"What it said last as data, such as v1:v2"`
	DataAt    *time.Time `json:"data_at,omitempty"`
	State     string     `json:"state,omitempty" doc:"What it said last as state, such as meter is on"`
	StateAt   *time.Time `json:"state_at,omitempty"`
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

func deviceOf(d profile.Device) deviceBody {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC().Truncate(time.Millisecond)
		return &t
	}
	b := deviceBody{Meter: d.Meter.Meter.Number, Attached: d.Attached, Profile: d.Live.Profile, Connected: d.Meter.Connected,
		Since: moment(d.Live.Since), Started: d.Live.Started, Data: d.Live.Data, DataAt: moment(d.Live.DataAt), State: d.Live.State,
		StateAt: moment(d.Live.StateAt), Reasons: d.Account.Reasons, Relay: d.Meter.Relay, PowerMW: d.Register.PowerMW, Gaps: d.Register.Gaps,
		GapS: d.Register.GapSec, Balance: d.Account.Words.Balance, TotalKWh: d.Account.Words.TotalKWh, MonthKWh: d.Account.Words.MonthKWh}
	if b.Reasons == nil {
		b.Reasons = []string{}
	}
	if !d.Attached && d.Meter.Figures != nil {
		b.PowerMW = d.Meter.Figures.Watts * 1000
	}
	if d.Account.Known {
		b.Wanted = map[bool]string{true: "on", false: "off"}[d.Account.On]
	}
	return b
}

// newToggle is why a relay is turned over.
type newToggle struct {
	Reason string `json:"reason" doc:"Why, in a few words; kept in the audit log"`
}

func (a *API) deviceRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "toggle-device", Path: "/v1/meters/{meter}/device/toggle", DefaultStatus: http.StatusAccepted, Tags: []string{"meters"},
		Summary: "Turn the relay of a toggling device over, once",
		Description: "Only for a device whose profile knows nothing but a toggle. It is sent once and never repeated; the device's answer shows in " +
			"GET …/device. Do not repeat this request without looking: a second toggle undoes the first. Where four eyes bind, a toggle that " +
			"closes the relay of a supply that should be off waits for a second person: the 202 then carries the approval.",
		Responses: queuedOrWaits(r, of[deviceBody](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body newToggle) (*sent, error) {
		d, err := a.c.Devices.Turn(ctx, by, in.Meter, body.Reason)
		return doneOrWaits(http.StatusAccepted, d.Refusal, d.Waits, err, func() any { return deviceOf(d) })
	})
	query(r, huma.Operation{
		OperationID: "device", Path: "/v1/meters/{meter}/device", Tags: []string{"meters"}, Summary: "Show what a meter's device says now",
		Description: "Status, data and state of a meter on one page, for a live view; of an unmodified device also what it said last, word for word.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*struct{ Body deviceBody }, error) {
		d, err := a.c.Devices.Device(ctx, by, in.Meter)
		if err != nil {
			return nil, err
		}
		if d.Refused() {
			return nil, refuse(d.Refusal)
		}
		return &struct{ Body deviceBody }{deviceOf(d)}, nil
	})
	order(r, huma.Operation{
		OperationID: "send-summary", Path: "/v1/meters/{meter}/device/summary", DefaultStatus: http.StatusAccepted, Tags: []string{"meters"},
		Summary:     "Send the usage summary to a meter's device",
		Description: "For a device whose profile has a topic for summaries and that listens to it; refused with meter-offline otherwise.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, _ summaryRequest) (*struct{ Body deviceBody }, error) {
		s, err := a.c.Devices.Summarise(ctx, by, in.Meter)
		if err != nil {
			return nil, err
		}
		if s.Refused() {
			return nil, refuse(s.Refusal)
		}
		return &struct{ Body deviceBody }{deviceOf(s.Device)}, nil
	})
}

// summaryRequest says nothing: which summary is meant stands in the path. It has a name because a schema needs one.
type summaryRequest struct{}
