package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
)

// newCommand is what a meter shall do.
type newCommand struct {
	Type   string         `json:"type" enum:"disconnect,connect,read,clear_tamper,clear_credit,reset_demand,cancel_token"`
	Reason string         `json:"reason" doc:"Why, in a few words; kept in the audit log"`
	Args   map[string]any `json:"args,omitempty" doc:"connect: force; cancel_token: tid, base_date"`
}

// commandBody is a command and how far it has come.
type commandBody struct {
	ID        string         `json:"id" example:"cmd_01jd00000000000000000000000"`
	Meter     string         `json:"meter"`
	Type      string         `json:"type"`
	Args      map[string]any `json:"args,omitempty"`
	Reason    string         `json:"reason"`
	State     string         `json:"state" enum:"queued,sent,acked,done,failed,expired"`
	Answer    string         `json:"answer,omitempty" doc:"What the meter said"`
	By        string         `json:"by"`
	Attempts  int            `json:"attempts"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
	ExpiresAt time.Time      `json:"expires_at" doc:"Meter time"`
}

func commandOf(c command.Command) commandBody {
	return commandBody{ID: c.ID.Text(id.Command), Meter: c.Number, Type: string(c.Type), Args: c.Args, Reason: c.Reason, State: string(c.State),
		Answer: c.Answer, By: c.By, Attempts: c.Attempts, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), ExpiresAt: c.ExpiresAt.UTC()}
}

func (a *API) commandRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "send-command", Path: "/v1/meters/{meter}/commands", DefaultStatus: http.StatusAccepted, Tags: []string{"commands"},
		Summary: "Tell a meter what to do",
		Description: "The server stores the command and sends it again until the meter answers or it expires. Where four eyes bind, clear_credit, clear_tamper, cancel_token " +
			"and a connect with force wait for a second person: the 202 then carries the approval.",
		Responses: queuedOrWaits(r, of[commandBody](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body newCommand) (*sent, error) {
		out, err := a.c.Commands.Send(ctx, by, command.Order{Meter: in.Meter, Type: command.Type(body.Type), Args: body.Args, Reason: body.Reason})
		return doneOrWaits(http.StatusAccepted, out.Refusal, out.Waits, err, func() any { return commandOf(out.Command) })
	})
	query(r, huma.Operation{
		OperationID: "commands", Path: "/v1/meters/{meter}/commands", Tags: []string{"commands"}, Summary: "List a meter's commands, newest first",
	}, func(ctx context.Context, by access.Actor, in *struct {
		MeterPath
		Page
	}) (*listed[commandBody], error) {
		page, err := a.c.Commands.List(ctx, by, in.Meter, in.limit(), in.Cursor)
		if err != nil {
			return nil, err
		}
		if page.Refused() {
			return nil, refuse(page.Refusal)
		}
		return listOf(page.Commands, page.Next, commandOf), nil
	})
	query(r, huma.Operation{
		OperationID: "command", Path: "/v1/meters/{meter}/commands/{command}", Tags: []string{"commands"}, Summary: "Show a command",
	}, func(ctx context.Context, by access.Actor, in *struct {
		MeterPath
		Command string `path:"command" maxLength:"64" doc:"Its id"`
	}) (*struct{ Body commandBody }, error) {
		found, err := a.c.Commands.Command(ctx, by, in.Meter, in.Command)
		if err != nil {
			return nil, err
		}
		if found.Refused() {
			return nil, refuse(found.Refusal)
		}
		return &struct{ Body commandBody }{commandOf(found.Command)}, nil
	})
}
