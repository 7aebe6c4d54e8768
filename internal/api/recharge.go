package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/recharge"
)

// newRecharge names the token that is to go to a meter, and the way.
type newRecharge struct {
	Digits string `json:"digits,omitempty" maxLength:"128" doc:"The 20 digits of a token, made here or elsewhere; blanks and dashes do not count, nor does a *02# before them. They are kept sealed and never logged"`
	Token  string `json:"token,omitempty" maxLength:"64" doc:"Instead of digits: the id of a token that the server holds" example:"tok_01jd00000000000000000000000"`
	By     string `json:"by" enum:"mqtt,sms" doc:"mqtt: the meter's own connection; sms: a text message to the meter's SIM"`
}

// rechargeBody is a token on its way to its meter.
type rechargeBody struct {
	Token      string         `json:"token" example:"tok_01jd00000000000000000000000"`
	Meter      string         `json:"meter" example:"04140001001"`
	Test       bool           `json:"test,omitempty" doc:"The meter is simulated"`
	Elsewhere  bool           `json:"elsewhere,omitempty" doc:"The token was not made here"`
	Heard      bool           `json:"heard,omitempty" doc:"Nothing but a text message tells that the meter has it, and nobody can prove who wrote that"`
	State      string         `json:"state" enum:"idle,queued,sent,delivered,answered,accepted,rejected,failed" doc:"How far it has come; accepted and rejected is what the meter said"`
	Result     string         `json:"result,omitempty" doc:"What the meter answered last over its connection"`
	UnitsWh    int64          `json:"units_wh"`
	Steps      []rechargeStep `json:"steps" doc:"What happened, in the order in which it did"`
	Deliveries []rechargeWay  `json:"deliveries" doc:"The ways on which it was sent"`
	Balance    *saidBalance   `json:"balance,omitempty" doc:"What the meter held after it took the token"`
}

// rechargeStep is one thing that happened to a token.
type rechargeStep struct {
	State string    `json:"state"`
	At    time.Time `json:"at"`
	By    string    `json:"by,omitempty"`
	Note  string    `json:"note,omitempty"`
}

// rechargeWay is one way on which a token was sent.
type rechargeWay struct {
	By          string     `json:"by" enum:"mqtt,sms"`
	Message     string     `json:"message,omitempty" doc:"The text message"`
	State       string     `json:"state"`
	QueuedAt    *time.Time `json:"queued_at,omitempty"`
	SentAt      *time.Time `json:"sent_at,omitempty"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
	AnsweredAt  *time.Time `json:"answered_at,omitempty"`
	Attempts    int        `json:"attempts"`
	Why         string     `json:"why,omitempty" doc:"What went wrong last"`
	Answer      string     `json:"answer,omitempty" doc:"What the meter wrote back; a text message is no proof of who sent it"`
}

// saidBalance is what a meter said that it holds.
type saidBalance struct {
	Wh     int64     `json:"wh"`
	At     time.Time `json:"at" doc:"When it was said"`
	Source string    `json:"source" doc:"How the token reached the meter by its own report: keypad, sms or remote; or that a text message said so: sms answer"`
}

func rechargeOf(t recharge.Tracked) rechargeBody {
	b := rechargeBody{Token: t.Token.ID.Text(id.Token), Meter: t.Meter.Number, Test: t.Meter.Simulated, Elsewhere: t.Elsewhere, Heard: t.Heard, State: string(t.State),
		Result: t.Token.Result, UnitsWh: int64(t.Token.Units), Steps: []rechargeStep{}, Deliveries: []rechargeWay{}}
	for _, s := range t.Steps() {
		b.Steps = append(b.Steps, rechargeStep{State: string(s.State), At: s.At.UTC(), By: string(s.By), Note: s.Note})
	}
	for _, d := range t.Deliveries {
		w := rechargeWay{By: string(d.By), State: string(d.State), QueuedAt: at(d.Queued), SentAt: at(d.Sent), DeliveredAt: at(d.Delivered),
			AnsweredAt: at(d.Answered), Attempts: d.Attempts, Why: d.Why, Answer: d.Answer}
		if !d.Message.IsZero() {
			w.Message = d.Message.Text(id.Message)
		}
		b.Deliveries = append(b.Deliveries, w)
	}
	if v := t.Balance; v != nil {
		b.Balance = &saidBalance{Wh: int64(v.Energy), At: v.At.UTC(), Source: v.Source}
	}
	return b
}

func (a *API) rechargeRoutes(r router) {
	answer := func(t recharge.Tracked, err error) (*struct{ Body rechargeBody }, error) {
		switch {
		case err != nil:
			return nil, err
		case t.Refused():
			return nil, refuse(t.Refusal)
		}
		return &struct{ Body rechargeBody }{rechargeOf(t)}, nil
	}
	order(r, huma.Operation{
		OperationID: "recharge", Path: "/v1/meters/{meter}/recharges", DefaultStatus: http.StatusAccepted, Tags: []string{"tokens"},
		Summary: "Send a token to its meter",
		Description: "A token that was sold or made here, or the digits of one that was made elsewhere. No money moves. It may be repeated: a token that is on its way is " +
			"hurried, and a token loads once however often it arrives. Digits that can never load are refused (token-unfit) before the meter counts them as a wrong token.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body newRecharge) (*struct{ Body rechargeBody }, error) {
		return answer(a.c.Recharges.Send(ctx, by, recharge.Order{Meter: in.Meter, Digits: access.SecretOf(body.Digits), Token: body.Token, By: recharge.Route(body.By)}))
	})
	query(r, huma.Operation{
		OperationID: "recharge-state", Path: "/v1/meters/{meter}/recharges/{id}", Tags: []string{"tokens"}, Summary: "Show how far a token has come",
	}, func(ctx context.Context, by access.Actor, in *struct {
		MeterPath
		ID string `path:"id" maxLength:"64" doc:"The token's id"`
	}) (*struct{ Body rechargeBody }, error) {
		return answer(a.c.Recharges.Track(ctx, by, in.Meter, in.ID))
	})
}
