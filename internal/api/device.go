package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/profile"
)

func deviceOf(d profile.Device) apiv1.Device {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC().Truncate(time.Millisecond)
		return &t
	}
	b := apiv1.Device{Meter: d.Meter.Meter.Number, Attached: d.Attached, Profile: d.Live.Profile, Connected: d.Meter.Connected,
		Since: moment(d.Live.Since), Started: d.Live.Started, Data: d.Live.Data, DataAt: moment(d.Live.DataAt), State: d.Live.State,
		StateAt: moment(d.Live.StateAt), Reasons: append([]string{}, d.Account.Reasons...), Relay: d.Meter.Relay, PowerMW: d.Register.PowerMW, Gaps: d.Register.Gaps,
		GapS: d.Register.GapSec, Balance: d.Account.Words.Balance, TotalKWh: d.Account.Words.TotalKWh, MonthKWh: d.Account.Words.MonthKWh}
	if !d.Attached && d.Meter.Figures != nil {
		b.PowerMW = d.Meter.Figures.Watts * 1000
	}
	if d.Binding != (profile.Binding{}) {
		b.Bound = new(boundOf(b.Meter, d.Binding))
	}
	if d.Account.Wallet {
		b.Wanted = map[bool]string{true: "on", false: "off"}[d.Account.On]
	}
	return b
}

func (a *API) deviceRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "toggle-device", Path: "/v1/meters/{meter}/device/toggle", DefaultStatus: http.StatusAccepted, Tags: []string{"meters"},
		Summary: "Toggle the relay of a device once",
		Description: "Only for a device whose profile can only toggle its relay. The toggle is sent once and never repeated. GET …/device shows the " +
			"device's answer. Check it before you repeat this request: a second toggle undoes the first. If a second person must approve a toggle " +
			"that closes the relay of a supply that should be off, the 202 carries the approval.",
		Responses: queuedOrWaits(r, of[apiv1.Device](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.Reason) (*sent, error) {
		d, err := a.c.Devices.ToggleRelay(ctx, by, in.Meter, body.Reason)
		return doneOrWaits(http.StatusAccepted, d.Refusal, d.Waits, err, func() any { return deviceOf(d) })
	})
	query(r, huma.Operation{
		OperationID: "device", Path: "/v1/meters/{meter}/device", Tags: []string{"meters"}, Summary: "Show the status, data and state of a meter's device",
		Description: "For a live view. The last messages of an unmodified device are shown word for word.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*reply[apiv1.Device], error) {
		d, err := a.c.Devices.Device(ctx, by, in.Meter)
		return replyOf(d.Refusal, err, func() apiv1.Device { return deviceOf(d) })
	})
	order(r, huma.Operation{
		OperationID: "send-summary", Path: "/v1/meters/{meter}/device/summary", DefaultStatus: http.StatusAccepted, Tags: []string{"meters"},
		Summary:     "Send the usage summary to a meter's device",
		Description: "Needs a device that listens to the summary topic of its profile. Without one the request is refused with meter-offline.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, _ summaryRequest) (*reply[apiv1.Device], error) {
		s, err := a.c.Devices.Summarise(ctx, by, in.Meter)
		return replyOf(s.Refusal, err, func() apiv1.Device { return deviceOf(s.Device) })
	})
}

// summaryRequest is empty: the path names the summary. It has a name because a schema needs one.
type summaryRequest struct{}
