package client

import (
	"context"
	"net/url"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// AddWebhook adds a webhook (right: settings.write). The answer shows its secret once.
func (c *Client) AddWebhook(ctx context.Context, n apiv1.NewWebhook) (apiv1.Webhook, error) {
	return ask[apiv1.Webhook](ctx, c, post("/v1/webhooks", n))
}

// Webhooks lists the webhooks (right: settings.read).
func (c *Client) Webhooks(ctx context.Context, f apiv1.Page) (apiv1.List[apiv1.Webhook], error) {
	return list(ctx, c, apiv1.Webhooks, f)
}

// EnableWebhook lets a webhook get events (right: settings.write).
func (c *Client) EnableWebhook(ctx context.Context, webhook string) (apiv1.Webhook, error) {
	return ask[apiv1.Webhook](ctx, c, post(webhookPath(webhook)+"/enable", apiv1.WebhookChange{}))
}

// DisableWebhook stops a webhook's events at once (right: settings.write).
func (c *Client) DisableWebhook(ctx context.Context, webhook string) (apiv1.Webhook, error) {
	return ask[apiv1.Webhook](ctx, c, post(webhookPath(webhook)+"/disable", apiv1.WebhookChange{}))
}

// RotateWebhook gives a webhook a new secret, which the answer shows once (right: settings.write).
func (c *Client) RotateWebhook(ctx context.Context, webhook string) (apiv1.Webhook, error) {
	return ask[apiv1.Webhook](ctx, c, post(webhookPath(webhook)+"/rotate", apiv1.WebhookChange{}))
}

// RemoveWebhook removes a webhook with its deliveries (right: settings.write).
func (c *Client) RemoveWebhook(ctx context.Context, webhook string) (apiv1.Webhook, error) {
	return ask[apiv1.Webhook](ctx, c, remove(webhookPath(webhook)))
}

// TestWebhook sends a test event to a webhook (right: settings.write).
func (c *Client) TestWebhook(ctx context.Context, webhook string) (apiv1.WebhookDelivery, error) {
	return ask[apiv1.WebhookDelivery](ctx, c, post(webhookPath(webhook)+"/test", apiv1.WebhookChange{}))
}

// WebhookDeliveries lists the deliveries of a webhook, newest first (right: settings.read).
func (c *Client) WebhookDeliveries(ctx context.Context, f apiv1.WebhookDeliveryFilter) (apiv1.List[apiv1.WebhookDelivery], error) {
	return list(ctx, c, apiv1.WebhookDeliveries, f)
}

// ResendDelivery sends an event to a webhook again (right: settings.write).
func (c *Client) ResendDelivery(ctx context.Context, webhook, delivery string) (apiv1.WebhookDelivery, error) {
	return ask[apiv1.WebhookDelivery](ctx, c, post(webhookPath(webhook)+"/deliveries/"+url.PathEscape(delivery)+"/resend", apiv1.WebhookChange{}))
}

// RecoverWebhook sends all failed events since a time again (right: settings.write).
func (c *Client) RecoverWebhook(ctx context.Context, webhook string, since time.Time) (apiv1.WebhookRecovery, error) {
	return ask[apiv1.WebhookRecovery](ctx, c, post(webhookPath(webhook)+"/recover", apiv1.RecoverWebhook{Since: since}))
}

func webhookPath(webhook string) string { return "/v1/webhooks/" + url.PathEscape(webhook) }
