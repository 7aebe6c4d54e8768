package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
)

func passwordOf(c registry.PasswordChange) apiv1.MeterPassword {
	return apiv1.MeterPassword{Meter: c.Meter.Number, Secret: c.Password.Reveal(), NextSince: at(c.Meter.NextPasswordAt)}
}

// passwordAgain is the answer to a repetition of the request, which has no password, so that none is stored.
func passwordAgain(c registry.PasswordChange) apiv1.MeterPassword {
	b := apiv1.MeterPassword{Meter: c.Meter.Number, NextSince: at(c.Meter.NextPasswordAt)}
	if c.Password.Reveal() != "" {
		b.SecretGone = "The new password was shown in the first answer to this request. If that answer was lost, make another new password."
	}
	return b
}

func (a *API) passwordRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "replace-meter-password", Path: "/v1/meters/{meter}/password", DefaultStatus: http.StatusCreated, Tags: []string{"meters"},
		Summary: "Make a new MQTT password for a meter",
		Description: "The answer has the new password, which is shown only once: the answer to a repeated request lacks it. The old password counts " +
			"until the meter has signed in with the new one, or ends at once with at_once. Connections that use an ended password are closed. " +
			"Whoever has a password speaks for the meter, so a second person may have to approve: the answer is 202 with the approval, and the " +
			"answer to that approval carries the password.",
		Responses: eitherOr(r, "201", of[apiv1.MeterPassword](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.PasswordChange) (*sent, error) {
		step := registry.NextPassword
		if body.AtOnce {
			step = registry.NewPassword
		}
		c, err := a.c.Registry.ReplacePassword(ctx, by, in.Meter, step)
		return doneOrWaits(http.StatusCreated, c.Refusal, c.Waits, err, func() any {
			exchangeOf(ctx).again = passwordAgain(c)
			return passwordOf(c)
		})
	})
	remove(r, huma.Operation{
		OperationID: "end-meter-password", Path: "/v1/meters/{meter}/password", DefaultStatus: http.StatusOK, Tags: []string{"meters"},
		Summary: "End the MQTT passwords of a meter",
		Description: "No password of the meter counts any more, and connections that use one are closed. The meter can still sign in with a " +
			"certificate. A later request for a new password lets it in again.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*reply[apiv1.MeterPassword], error) {
		c, err := a.c.Registry.ReplacePassword(ctx, by, in.Meter, registry.EndPassword)
		return replyOf(c.Refusal, err, func() apiv1.MeterPassword { return passwordOf(c) })
	})
}
