package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
)

func commandOf(c command.Command) apiv1.Command {
	return apiv1.Command{ID: c.ID.Text(id.Command), Meter: c.Number, Type: string(c.Type), Args: c.Args, Reason: c.Reason, State: string(c.State),
		Answer: c.Answer, By: c.By, Attempts: c.Attempts, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), ExpiresAt: c.ExpiresAt.UTC()}
}

func (a *API) commandRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "send-command", Path: "/v1/meters/{meter}/commands", DefaultStatus: http.StatusAccepted, Tags: []string{"commands"},
		Summary: "Send a command to a meter",
		Description: "The server stores the command and sends it again until the meter answers or it expires. If a second person must " +
			"approve clear_credit, clear_tamper, cancel_token or a connect with force, the 202 carries the approval.",
		Responses: queuedOrWaits(r, of[apiv1.Command](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.NewCommand) (*sent, error) {
		out, err := a.c.Commands.Send(ctx, by, command.Request{Meter: in.Meter, Type: command.Type(body.Type), Args: body.Args, Reason: body.Reason})
		return doneOrWaits(http.StatusAccepted, out.Refusal, out.Waits, err, func() any { return commandOf(out.Command) })
	})
	listRoute(r, apiv1.Commands, func(ctx context.Context, by access.Actor, in *apiv1.MeterFilter) (*listed[apiv1.Command], error) {
		page, err := a.c.Commands.List(ctx, by, in.Meter, limitOf(in.Page), in.Cursor)
		return pageOf(page.Refusal, err, page.Commands, page.Next, commandOf)
	})
	query(r, huma.Operation{
		OperationID: "command", Path: "/v1/meters/{meter}/commands/{command}", Tags: []string{"commands"}, Summary: "Show a command",
	}, func(ctx context.Context, by access.Actor, in *struct {
		MeterPath
		Command string `path:"command" maxLength:"64" doc:"Id of the command"`
	}) (*reply[apiv1.Command], error) {
		found, err := a.c.Commands.Command(ctx, by, in.Meter, in.Command)
		return replyOf(found.Refusal, err, func() apiv1.Command { return commandOf(found.Command) })
	})
}
