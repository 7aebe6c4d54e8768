package client

import (
	"context"
	"net/url"
	"time"
)

// Reversal is how far the undoing of a sale has come: waiting (for the meter), done or refused.
type Reversal struct {
	ID        string     `json:"id"`
	State     string     `json:"state"`
	Confirmed bool       `json:"confirmed"` // the meter will never load the tokens
	Code      string     `json:"code,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	By        string     `json:"by"`
	CreatedAt time.Time  `json:"created_at"`
	SettledAt *time.Time `json:"settled_at,omitempty"`
}

// Reversed is a sale with its reversal.
type Reversed struct {
	Vend     Vend     `json:"vend"`
	Reversal Reversal `json:"reversal"`
}

// Reverse undoes a sale (right: vend.reverse, or vend.sell for one's own within 15 minutes). An empty key is a random
// one. While Reversal.State is waiting, ask with [Client.Reversal]. A reversal that somebody must approve first returns
// *Waiting, and nothing was given back.
func (c *Client) Reverse(ctx context.Context, sale, reason, key string) (Reversed, error) {
	body := struct {
		Reason string `json:"reason,omitempty"`
	}{reason}
	return keyedAsk[Reversed](ctx, c, post("/v1/vends/"+url.PathEscape(sale)+"/reversal", body), key)
}

// Reversal returns how far the newest reversal of a sale has come (right: vend.read).
func (c *Client) Reversal(ctx context.Context, sale string) (Reversal, error) {
	return ask[Reversal](ctx, c, get("/v1/vends/"+url.PathEscape(sale)+"/reversal", nil))
}
