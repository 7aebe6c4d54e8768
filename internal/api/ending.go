package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
)

func (a *API) endingRoutes(r router) {
	for _, step := range []struct {
		name, summary, about string
		do                   func(ctx context.Context, by access.Actor, meter, reason string) (registry.ChangedMeter, error)
	}{
		{"remove", "Say that a meter was taken off the wall",
			"The meter was replaced, or its last customer moved out. It can no longer sign in, its connection is closed, and lists leave it out. " +
				"What it recorded and what was sold to it stays. If a second person must approve, the answer is 202 with the approval.",
			a.c.Registry.RemoveMeter},
		{"scrap", "End the life of a removed meter, or of one in stock",
			"The meter never comes back. What is recorded of it stays.", a.c.Registry.ScrapMeter},
	} {
		order(r, huma.Operation{
			OperationID: step.name + "-meter", Path: "/v1/meters/{meter}/" + step.name, DefaultStatus: http.StatusOK, Tags: []string{"meters"},
			Summary: step.summary, Description: step.about, Responses: eitherOr(r, "200", of[apiv1.Meter](r)),
		}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.Reason) (*sent, error) {
			v, err := step.do(ctx, by, in.Meter, body.Reason)
			return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return meterOf(v.MeterView) })
		})
	}
}
