package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Messages lists messages, newest first.
func (c *Client) Messages(ctx context.Context, f apiv1.MessageFilter) (apiv1.List[apiv1.Message], error) {
	return list(ctx, c, apiv1.Messages, f)
}

// Message shows a message with every attempt.
func (c *Client) Message(ctx context.Context, id string) (apiv1.MessageDetail, error) {
	return ask[apiv1.MessageDetail](ctx, c, get("/v1/messages/"+url.PathEscape(id), nil))
}

// SendMessage queues a message (right: message.send). It is safe to repeat with the same key. An empty key means a random one.
func (c *Client) SendMessage(ctx context.Context, n apiv1.NewMessage, key string) (apiv1.Message, error) {
	return keyedAsk[apiv1.Message](ctx, c, post("/v1/messages", n), key)
}

// RetryMessage sends a message once more, by the named route or by the first that works (right: message.send).
func (c *Client) RetryMessage(ctx context.Context, id, route string) (apiv1.MessageDetail, error) {
	return ask[apiv1.MessageDetail](ctx, c, post("/v1/messages/"+url.PathEscape(id)+"/retry", apiv1.MessageRetry{Route: route}))
}

// MessageRoutes shows the server's routes for messages and the cost of messages.
func (c *Client) MessageRoutes(ctx context.Context) (apiv1.MessageRoutes, error) {
	return ask[apiv1.MessageRoutes](ctx, c, get("/v1/message-routes", nil))
}
