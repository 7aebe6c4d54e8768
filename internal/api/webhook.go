package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/webhook"
)

// WebhookPath is the webhook in a path, and DeliveryPath one of its deliveries.
type (
	WebhookPath struct {
		Webhook string `path:"id" maxLength:"64" doc:"Id of the webhook"`
	}
	DeliveryPath struct {
		WebhookPath
		Delivery string `path:"delivery" maxLength:"64" doc:"Id of the delivery"`
	}
)

func (a *API) webhookRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "add-webhook", Path: "/v1/webhooks", DefaultStatus: http.StatusCreated, Tags: []string{"webhooks"}, Summary: "Add a webhook",
		Description: "The answer shows the secret that signs events, once. If a second person must approve it, the answer is the same, and the webhook gets no event before.",
		Responses:   map[string]*huma.Response{"201": bodyOf[apiv1.Webhook](r, "Added.")},
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewWebhook) (*sent, error) {
		n := webhook.NewEndpoint{URL: body.URL, AllowPrivate: body.AllowPrivate}
		for _, t := range body.Events {
			n.Events = append(n.Events, webhook.Type(t))
		}
		v, err := a.c.Webhooks.Add(ctx, by, n)
		return doneOrWaits(http.StatusCreated, v.Refusal, nil, err, func() any { return webhookOf(v) })
	})
	listRoute(r, apiv1.Webhooks, func(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.Webhook], error) {
		l, err := a.c.Webhooks.List(ctx, by, pageAt(*in))
		return pageOf(l.Refusal, err, l.Webhooks, l.Next, webhookOf)
	})
	change := func(name, path, summary string, do func(context.Context, access.Actor, string) (webhook.View, error)) {
		order(r, huma.Operation{
			OperationID: name, Path: "/v1/webhooks/{id}/" + path, DefaultStatus: http.StatusOK, Tags: []string{"webhooks"}, Summary: summary,
			Responses: eitherOr(r, "200", of[apiv1.Webhook](r)),
		}, func(ctx context.Context, by access.Actor, in *WebhookPath, _ apiv1.WebhookChange) (*sent, error) {
			v, err := do(ctx, by, in.Webhook)
			return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return webhookOf(v) })
		})
	}
	change("enable-webhook", "enable", "Let a webhook get events; what waits for it is sent at once", a.c.Webhooks.Enable)
	change("disable-webhook", "disable", "Stop a webhook's events at once; they wait until it is enabled", a.c.Webhooks.Disable)
	change("rotate-webhook", "rotate", "Give a webhook a new secret; both sign for 24 hours", a.c.Webhooks.Rotate)
	remove(r, huma.Operation{
		OperationID: "remove-webhook", Path: "/v1/webhooks/{id}", Tags: []string{"webhooks"}, Summary: "Remove a webhook with its deliveries",
	}, func(ctx context.Context, by access.Actor, in *WebhookPath) (*reply[apiv1.Webhook], error) {
		v, err := a.c.Webhooks.Remove(ctx, by, in.Webhook)
		return replyOf(v.Refusal, err, func() apiv1.Webhook { return webhookOf(v) })
	})
	a.deliveryRoutes(r)
}

func (a *API) deliveryRoutes(r router) {
	listRoute(r, apiv1.WebhookDeliveries, func(ctx context.Context, by access.Actor, in *apiv1.WebhookDeliveryFilter) (*listed[apiv1.WebhookDelivery], error) {
		l, err := a.c.Webhooks.Deliveries(ctx, by, in.Webhook, webhook.State(in.State), pageAt(in.Page))
		return pageOf(l.Refusal, err, l.Deliveries, l.Next, deliveryOf)
	})
	order(r, huma.Operation{
		OperationID: "test-webhook", Path: "/v1/webhooks/{id}/test", DefaultStatus: http.StatusAccepted, Tags: []string{"webhooks"}, Summary: "Send a test event to a webhook",
	}, func(ctx context.Context, by access.Actor, in *WebhookPath, _ apiv1.WebhookChange) (*reply[apiv1.WebhookDelivery], error) {
		v, err := a.c.Webhooks.Test(ctx, by, in.Webhook)
		return replyOf(v.Refusal, err, func() apiv1.WebhookDelivery { return deliveryOf(v) })
	})
	order(r, huma.Operation{
		OperationID: "resend-delivery", Path: "/v1/webhooks/{id}/deliveries/{delivery}/resend", DefaultStatus: http.StatusAccepted, Tags: []string{"webhooks"},
		Summary: "Send an event to a webhook again", Description: "It has the same webhook-id and body.",
	}, func(ctx context.Context, by access.Actor, in *DeliveryPath, _ apiv1.WebhookChange) (*reply[apiv1.WebhookDelivery], error) {
		v, err := a.c.Webhooks.Resend(ctx, by, in.Webhook, in.Delivery)
		return replyOf(v.Refusal, err, func() apiv1.WebhookDelivery { return deliveryOf(v) })
	})
	order(r, huma.Operation{
		OperationID: "recover-webhook", Path: "/v1/webhooks/{id}/recover", DefaultStatus: http.StatusAccepted, Tags: []string{"webhooks"},
		Summary: "Send all failed events since a time again", Description: "At most 500 at once: ask again while more is true.",
	}, func(ctx context.Context, by access.Actor, in *WebhookPath, body apiv1.RecoverWebhook) (*reply[apiv1.WebhookRecovery], error) {
		v, err := a.c.Webhooks.Recover(ctx, by, in.Webhook, body.Since)
		return replyOf(v.Refusal, err, func() apiv1.WebhookRecovery { return apiv1.WebhookRecovery{Deliveries: v.Sent, More: v.More} })
	})
}

func webhookOf(v webhook.View) apiv1.Webhook {
	e := v.Endpoint
	out := apiv1.Webhook{ID: e.Name(), URL: e.URL, Events: []string{}, AllowPrivate: e.AllowPrivate, Enabled: e.Enabled(), DisabledWhy: string(e.DisabledWhy),
		DisabledAt: at(e.DisabledAt), FailingSince: at(e.FailingSince), PausedUntil: at(e.PausedUntil), Secret: v.Shown.Reveal(), PreviousUntil: at(e.PreviousUntil),
		AddedBy: access.PlainName(e.AddedBy), AddedAt: e.AddedAt.UTC()}
	for _, t := range e.Events.Types() {
		out.Events = append(out.Events, string(t))
	}
	return out
}

func deliveryOf(v webhook.DeliveryView) apiv1.WebhookDelivery {
	d := v.Delivery
	out := apiv1.WebhookDelivery{ID: d.Name(), Event: d.Event.Text(id.Event), Sequence: d.Sequence, Type: string(d.Type), State: string(d.State), Attempts: d.Attempts,
		Log: []apiv1.WebhookAttempt{}, CreatedAt: d.CreatedAt.UTC(), EndedAt: at(d.EndedAt)}
	if d.State == webhook.Waiting {
		out.NextAt = at(d.NextAt)
	}
	for _, t := range d.Log {
		out.Log = append(out.Log, apiv1.WebhookAttempt{At: t.At.UTC(), Status: t.Status, DurationMS: t.Millis, Answer: t.Answer, Error: t.Error})
	}
	return out
}
