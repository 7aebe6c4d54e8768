package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/recharge"
)

func rechargeOf(t recharge.Tracked) apiv1.Recharge {
	b := apiv1.Recharge{Token: t.Token.ID.Text(id.Token), Meter: t.Meter.Number, Test: t.Meter.Simulated, Elsewhere: t.Elsewhere, State: string(t.State),
		Result: t.Token.Result, UnitsWh: int64(t.Token.Units), Steps: []apiv1.RechargeStep{}, Deliveries: []apiv1.RechargeDelivery{}}
	for _, s := range t.Steps() {
		b.Steps = append(b.Steps, apiv1.RechargeStep{State: string(s.State), At: s.At.UTC(), By: string(s.By), Note: s.Note})
	}
	for _, d := range t.Deliveries {
		b.Deliveries = append(b.Deliveries, apiv1.RechargeDelivery{By: string(d.By), State: string(d.State), QueuedAt: at(d.Queued), SentAt: at(d.Sent), DeliveredAt: at(d.Delivered),
			AnsweredAt: at(d.Answered), Attempts: d.Attempts, Why: d.Why, Answer: d.Answer, Message: refOf(d.Message, id.Message)})
	}
	if v := t.Balance; v != nil {
		b.Balance = &apiv1.ReportedBalance{Wh: int64(v.Energy), At: v.At.UTC(), Source: v.Source}
	}
	return b
}

func (a *API) rechargeRoutes(r router) {
	answer := func(t recharge.Tracked, err error) (*reply[apiv1.Recharge], error) {
		return replyOf(t.Refusal, err, func() apiv1.Recharge { return rechargeOf(t) })
	}
	order(r, huma.Operation{
		OperationID: "recharge", Path: "/v1/meters/{meter}/recharges", DefaultStatus: http.StatusAccepted, Tags: []string{"tokens"},
		Summary: "Send a token to its meter",
		Description: "Sends a token that was sold or made here, or the digits of one that was made elsewhere. No money moves. You may repeat it: a waiting token is then " +
			"sent sooner, and a meter loads a token only once. Digits that can never load are refused (token-unfit), so the meter does not count them as a wrong token.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.NewRecharge) (*reply[apiv1.Recharge], error) {
		return answer(a.c.Recharges.Send(ctx, by, recharge.Request{Meter: in.Meter, Digits: access.SecretOf(body.Digits), Token: body.Token, By: recharge.Route(body.By)}))
	})
	query(r, huma.Operation{
		OperationID: "recharge-state", Path: "/v1/meters/{meter}/recharges/{id}", Tags: []string{"tokens"}, Summary: "Show the delivery of a token",
	}, func(ctx context.Context, by access.Actor, in *struct {
		MeterPath
		ID string `path:"id" maxLength:"64" doc:"Id of the token"`
	}) (*reply[apiv1.Recharge], error) {
		return answer(a.c.Recharges.Track(ctx, by, in.Meter, in.ID))
	})
}
