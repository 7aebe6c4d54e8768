package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
)

func (a *API) systemRoutes(r router) {
	open := []map[string][]string{{}}
	query(r, huma.Operation{
		OperationID: "version", Path: "/v1/version", Tags: []string{"system"}, Summary: "Show the version of the server", Security: open,
	}, func(context.Context, access.Actor, *struct{}) (*reply[apiv1.Version], error) {
		return &reply[apiv1.Version]{a.c.Version}, nil
	})
	order(r, huma.Operation{
		OperationID: "trust-clock", Path: "/v1/clock/trust", DefaultStatus: http.StatusOK, Tags: []string{"system"}, Summary: "Confirm that the server's clock is right",
		Description: "The server refuses sales while it doubts its clock (clock-untrusted). It doubts the clock if the clock was moved by more than " +
			"an hour within 24 hours, was more than 24 hours past the last known time when the server started, or is before the newest token. The audit " +
			"log records who trusted the clock. 409 clock-trusted if the clock is not in doubt.",
		Responses: eitherOr(r, "200", of[apiv1.Clock](r)),
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.ClockTrust) (*sent, error) {
		out, err := a.c.Vending.TrustClock(ctx, by, body.Reason)
		return doneOrWaits(http.StatusOK, out.Refusal, out.Waits, err, func() any { return apiv1.Clock{Now: a.c.Now().UTC(), Trusted: true} })
	})
	query(r, huma.Operation{
		OperationID: "livez", Path: "/livez", Tags: []string{"system"}, Summary: "Check that the process answers", Security: open,
	}, func(context.Context, access.Actor, *struct{}) (*reply[apiv1.Live], error) {
		return &reply[apiv1.Live]{apiv1.Live{Live: true}}, nil
	})
	query(r, huma.Operation{
		OperationID: "readyz", Path: "/readyz", Tags: []string{"system"}, Summary: "Check that the server can sell and store",
		Description: "If not, the answer is 503 with the code of the first reason; errors lists the others. A server whose database lacks a standby is ready while " +
			"one follows: see safety.", Security: open,
	}, func(context.Context, access.Actor, *struct{}) (*reply[apiv1.Ready], error) {
		failing := a.c.Ready()
		if len(failing) == 0 {
			return &reply[apiv1.Ready]{apiv1.Ready{Ready: true, Standbys: standbysOf(a.c.Standbys())}}, nil
		}
		p := problemOf(failing[0])
		p.Status, p.Retryable = 503, true
		for _, f := range failing {
			p.Errors = append(p.Errors, apiv1.FieldError{Location: string(f.Code), Message: f.Detail()})
		}
		return nil, p
	})
}
