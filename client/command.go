package client

import (
	"context"
	"net/url"
	"time"
)

// NewCommand is what a meter shall do. A reason is needed.
type NewCommand struct {
	Type   string         `json:"type"` // disconnect, arm, connect, read ...
	Reason string         `json:"reason"`
	Args   map[string]any `json:"args,omitempty"`
}

// Command is an instruction to a meter and how far it has come: queued, sent, acked (stored durably in the meter),
// done, failed or expired.
type Command struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Reason    string    `json:"reason"`
	State     string    `json:"state"`
	Answer    string    `json:"answer,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// SendCommand queues a command for a meter (right: command.send). It is kept until the meter itself answers or the
// command expires.
func (c *Client) SendCommand(ctx context.Context, meter string, n NewCommand) (Command, error) {
	return ask[Command](ctx, c, post(meterPath(meter, "/commands"), n))
}

// Command returns a command by its id.
func (c *Client) Command(ctx context.Context, meter, id string) (Command, error) {
	return ask[Command](ctx, c, get(meterPath(meter, "/commands/"+url.PathEscape(id)), nil))
}
