package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
)

func messageOf(m notify.Message) apiv1.Message {
	b := apiv1.Message{ID: m.ID.Text(id.Message), Direction: "out", State: string(m.State), Purpose: string(m.Purpose), Phone: m.Phone, Meter: m.Number,
		Language: m.Lang, Text: m.Text, Route: m.Route, Parts: m.Parts, CostMicro: m.Cost, Tries: m.Tries, QueuedAt: m.CreatedAt.UTC(), SentAt: at(m.SentAt),
		DeliveredAt: at(m.DeliveredAt), AnsweredAt: at(m.AnsweredAt), EndedAt: at(m.EndedAt), Failure: m.Failure, By: m.By,
		Customer: refOf(m.Customer, id.Customer), Sale: refOf(m.Vend, id.Vend), Token: refOf(m.Token, id.Token), Answers: refOf(m.Answers, id.Message)}
	if m.Incoming {
		b.Direction = "in"
	}
	if m.Open {
		b.NextAt = at(m.NextAt)
	}
	return b
}

func tryOf(t notify.Try) apiv1.MessageAttempt {
	return apiv1.MessageAttempt{N: t.N, Route: t.Route, Asking: t.Asking, At: t.At.UTC(), DoneAt: at(t.DoneAt), Outcome: cmp.Or(t.Outcome, "under_way"), Reference: t.Reference, Parts: t.Parts,
		CostMicro: t.Cost, Report: t.Report, Why: t.Why}
}

func messageShownOf(s notify.MessageView) apiv1.MessageDetail {
	b := apiv1.MessageDetail{Message: messageOf(s.Message), Attempts: make([]apiv1.MessageAttempt, len(s.Tries))}
	for i, t := range s.Tries {
		b.Attempts[i] = tryOf(t)
	}
	return b
}

func routesOf(s notify.RouteHealth) apiv1.MessageRoutes {
	out := apiv1.MessageRoutes{Routes: []apiv1.MessageRoute{}, Months: []apiv1.MessageMonth{}}
	for _, r := range s.Routes {
		b := apiv1.MessageRoute{Name: r.Name, Kind: r.Kind, State: "up", Failures: r.Failures, Why: r.Why, LastAt: at(r.Last), CostMicro: r.Cost,
			Prefixes: append([]string{}, r.Prefixes...), Meters: r.Meters}
		if r.Down {
			b.State, b.DownSince = "down", at(r.Since)
		}
		if r.Memory.Slots > 0 {
			b.Memory = &apiv1.MessageMemory{Used: r.Memory.Used, Slots: r.Memory.Slots, AlmostFull: r.Memory.AlmostFull}
		}
		out.Routes = append(out.Routes, b)
	}
	for _, m := range s.Months {
		out.Months = append(out.Months, apiv1.MessageMonth{Month: m.Month, Route: m.Route, Messages: m.Messages, Parts: m.Parts, CostMicro: m.Cost})
	}
	return out
}

// MessagePath is the message in a path.
type MessagePath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the message" example:"msg_01jd00000000000000000000000"`
}

// messageRoute is the only route whose text may have several lines.
const messageRoute = "POST /v1/messages"

func (a *API) messageRoutes(r router) {
	listRoute(r, apiv1.Messages, a.messages)
	query(r, huma.Operation{
		OperationID: "message", Path: "/v1/messages/{id}", Tags: []string{"messages"}, Summary: "Show a message with its attempts",
	}, func(ctx context.Context, by access.Actor, in *MessagePath) (*reply[apiv1.MessageDetail], error) {
		return messageAnswer(a.c.Messages.Show(ctx, by, in.ID))
	})
	query(r, huma.Operation{
		OperationID: "message-routes", Path: "/v1/message-routes", Tags: []string{"messages"},
		Summary: "Show the routes for messages and their costs by month",
	}, func(ctx context.Context, by access.Actor, _ *struct{}) (*reply[apiv1.MessageRoutes], error) {
		s, err := a.c.Messages.Routes(ctx, by)
		return replyOf(s.Refusal, err, func() apiv1.MessageRoutes { return routesOf(s) })
	})
	order(r, huma.Operation{
		OperationID: "send-message", Path: "/v1/messages", DefaultStatus: http.StatusAccepted, Tags: []string{"messages"},
		Summary: "Send a token or a text by SMS",
		Description: "A token goes only to the registered telephone or to the SIM in the meter. Its digits are never in an answer. A token may be sent " +
			"twice: the meter loads it only once. With the header Idempotency-Key a repeated request makes only one message. Without it each " +
			"request makes one.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, b apiv1.NewMessage) (*reply[apiv1.Message], error) {
		w, err := a.c.Messages.Send(ctx, by, notify.MessageRequest{Phone: b.Phone, Text: b.Text, Meter: b.Meter, Token: b.Token, Via: b.Via, Route: b.Route,
			Once: exchangeOf(ctx).once})
		return replyOf(w.Refusal, err, func() apiv1.Message { return messageOf(w.Messages[0]) })
	})
	order(r, huma.Operation{
		OperationID: "retry-message", Path: "/v1/messages/{id}/retry", DefaultStatus: http.StatusAccepted, Tags: []string{"messages"},
		Summary: "Send a message again, by the same or another route",
	}, func(ctx context.Context, by access.Actor, in *MessagePath, b apiv1.MessageRetry) (*reply[apiv1.MessageDetail], error) {
		return messageAnswer(a.c.Messages.Retry(ctx, by, in.ID, b.Route))
	})
}

func messageAnswer(s notify.MessageView, err error) (*reply[apiv1.MessageDetail], error) {
	return replyOf(s.Refusal, err, func() apiv1.MessageDetail { return messageShownOf(s) })
}

func (a *API) messages(ctx context.Context, by access.Actor, in *apiv1.MessageFilter) (*listed[apiv1.Message], error) {
	l := notify.List{Meter: in.Meter, Phone: in.Phone, State: notify.State(in.State), Sale: in.Sale, Page: pageAt(in.Page)}
	if in.Direction != "" {
		l.Incoming = new(in.Direction == "in")
	}
	page, err := a.c.Messages.List(ctx, by, l)
	return pageOf(page.Refusal, err, page.Data, page.Next, messageOf)
}

// CustomerPath is the customer in a path.
type CustomerPath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the customer" example:"cus_01jd00000000000000000000000"`
}

// phoneRoutes registers the routes for telephone numbers.
func (a *API) phoneRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "change-customer", Path: "/v1/customers/{id}", DefaultStatus: http.StatusOK, Tags: []string{"customers"},
		Summary: "Change a customer's name, telephone number, language or consent to warnings",
	}, func(ctx context.Context, by access.Actor, in *CustomerPath, b apiv1.CustomerChange) (*reply[apiv1.Customer], error) {
		c, err := a.c.Registry.ChangeCustomer(ctx, by, in.ID,
			registry.CustomerChange{Name: b.Name, EraseName: b.EraseName, Phone: b.Phone, IDNo: b.IDNo, Lang: b.Lang, Notices: b.Notices})
		return replyOf(c.Refusal, err, func() apiv1.Customer { return customerOf(c.Customer) })
	})
	order(r, huma.Operation{
		OperationID: "confirm-phone", Path: "/v1/customers/{id}/confirm-phone", DefaultStatus: http.StatusOK, Tags: []string{"customers"},
		Summary:     "Confirm a customer's changed telephone number",
		Description: "Tokens wait 24 hours for a changed number. Another person than the one who changed it can confirm it, so that they go at once.",
	}, func(ctx context.Context, by access.Actor, in *CustomerPath, b apiv1.NumberReason) (*reply[apiv1.Customer], error) {
		c, err := a.c.Registry.ConfirmPhone(ctx, by, in.ID, b.Reason)
		return replyOf(c.Refusal, err, func() apiv1.Customer { return customerOf(c.Customer) })
	})
	order(r, huma.Operation{
		OperationID: "confirm-sim", Path: "/v1/meters/{meter}/confirm-sim", DefaultStatus: http.StatusOK, Tags: []string{"meters"},
		Summary:     "Confirm the changed number of the SIM in a meter",
		Description: "Tokens wait 24 hours for a changed number. Another person than the one who changed it can confirm it, so that they go at once.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, b apiv1.NumberReason) (*reply[apiv1.Meter], error) {
		v, err := a.c.Registry.ConfirmSIM(ctx, by, in.Meter, b.Reason)
		return replyOf(v.Refusal, err, func() apiv1.Meter { return meterOf(v) })
	})
	order(r, huma.Operation{
		OperationID: "set-sim", Path: "/v1/meters/{meter}/sim", DefaultStatus: http.StatusOK, Tags: []string{"meters"},
		Summary: "Register the telephone number of the SIM in a meter",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, b apiv1.SIM) (*reply[apiv1.Meter], error) {
		v, err := a.c.Registry.SetSIM(ctx, by, in.Meter, b.SIMPhone)
		return replyOf(v.Refusal, err, func() apiv1.Meter { return meterOf(v) })
	})
}
