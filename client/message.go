package client

import (
	"context"
	"net/url"
	"time"
)

// Message is a message to or from a telephone, or the SIM of a meter. The digits of tokens are never in it.
type Message struct {
	ID          string     `json:"id"`
	Direction   string     `json:"direction"` // out or in
	State       string     `json:"state"`     // queued, sent, delivered, answered, failed, unknown, expired, suppressed or received
	Purpose     string     `json:"purpose"`
	Phone       string     `json:"phone"` // to whom; of an arrival, from whom, which proves nothing
	Meter       string     `json:"meter,omitempty"`
	Customer    string     `json:"customer,omitempty"`
	Sale        string     `json:"sale,omitempty"`
	Token       string     `json:"token,omitempty"`
	Answers     string     `json:"answers,omitempty"` // the message that this one answers
	Language    string     `json:"language,omitempty"`
	Text        string     `json:"text,omitempty"` // of arrivals, with long runs of digits masked, and of texts that a person wrote
	Route       string     `json:"route,omitempty"`
	Parts       int        `json:"parts"`
	CostMicro   int64      `json:"cost_micro"` // in millionths of the currency's unit
	Tries       int        `json:"tries"`
	QueuedAt    time.Time  `json:"queued_at"`
	NextAt      *time.Time `json:"next_at,omitempty"`
	SentAt      *time.Time `json:"sent_at,omitempty"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
	AnsweredAt  *time.Time `json:"answered_at,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
	Failure     string     `json:"failure,omitempty"`
	By          string     `json:"by,omitempty"`
	Attempts    []Attempt  `json:"attempts,omitempty"` // where one message is shown
}

// Attempt is a message given to a route.
type Attempt struct {
	N         int        `json:"n"`
	Route     string     `json:"route"`
	Asking    bool       `json:"asking"` // the meter was asked for its last tokens instead
	At        time.Time  `json:"at"`
	DoneAt    *time.Time `json:"done_at,omitempty"`
	Outcome   string     `json:"outcome"` // under_way, accepted, not_sent, refused or unknown
	Reference string     `json:"reference,omitempty"`
	Parts     int        `json:"parts"`
	CostMicro int64      `json:"cost_micro"`
	Report    string     `json:"report,omitempty"` // delivered, failed or trying
	Why       string     `json:"why,omitempty"`
}

// MessageFilter says which messages to list; the zero value all.
type MessageFilter struct {
	Meter, Phone, State, Direction, Sale string
}

// NewMessage asks for a message: a token to the customer or the meter, or a text.
type NewMessage struct {
	Meter string `json:"meter,omitempty"`
	Token string `json:"token,omitempty"` // its id or its digits; empty for the newest that is not known to be in the meter
	Via   string `json:"via,omitempty"`   // of a token: sms or meter_sms
	Text  string `json:"text,omitempty"`
	Phone string `json:"phone,omitempty"` // of a text; empty for the meter's customer
	Route string `json:"route,omitempty"`
	// IdempotencyKey makes a repetition harmless; empty = a random one.
	IdempotencyKey string `json:"-"`
}

// MessageRoute is a route for messages as it stands.
type MessageRoute struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind"`
	State     string     `json:"state"` // up or down
	DownSince *time.Time `json:"down_since,omitempty"`
	Failures  int        `json:"failures"`
	Why       string     `json:"why,omitempty"`
	LastAt    *time.Time `json:"last_at,omitempty"`
	CostMicro int64      `json:"cost_micro"`
	Prefixes  []string   `json:"prefixes"`
	Meters    bool       `json:"meters"`
	// Memory is how full a modem's SIM is; nil where the route has none, or it is not known.
	Memory *MessageMemory `json:"memory,omitempty"`
}

// MessageMemory is how full the memory of a route is.
type MessageMemory struct {
	Used       int  `json:"used"`
	Slots      int  `json:"slots"`
	AlmostFull bool `json:"almost_full"`
}

// MessageMonth is what messages cost in a month by a route.
type MessageMonth struct {
	Month     string `json:"month"`
	Route     string `json:"route"`
	Messages  int64  `json:"messages"`
	Parts     int64  `json:"parts"`
	CostMicro int64  `json:"cost_micro"`
}

// MessageRoutes are the routes of the server that answered, and what messages cost.
type MessageRoutes struct {
	Routes []MessageRoute `json:"routes"`
	Months []MessageMonth `json:"months"`
}

// Messages lists messages, newest first.
func (c *Client) Messages(ctx context.Context, f MessageFilter, p Page) (List[Message], error) {
	q := p.query()
	for name, value := range map[string]string{"meter": f.Meter, "phone": f.Phone, "state": f.State, "direction": f.Direction, "sale": f.Sale} {
		given(q, name, value)
	}
	return ask[List[Message]](ctx, c, get("/v1/messages", q))
}

// Message shows a message with every try.
func (c *Client) Message(ctx context.Context, id string) (Message, error) {
	return ask[Message](ctx, c, get("/v1/messages/"+url.PathEscape(id), nil))
}

// SendMessage queues a message (right: message.send). It is safe to repeat with the same IdempotencyKey.
func (c *Client) SendMessage(ctx context.Context, n NewMessage) (Message, error) {
	return keyedAsk[Message](ctx, c, post("/v1/messages", n), n.IdempotencyKey)
}

// RetryMessage sends a message once more, by a route that is named or by the first that works (right: message.send).
func (c *Client) RetryMessage(ctx context.Context, id, route string) (Message, error) {
	return ask[Message](ctx, c, post("/v1/messages/"+url.PathEscape(id)+"/retry", struct {
		Route string `json:"route,omitempty"`
	}{route}))
}

// MessageRoutes shows the server's routes for messages and what messages cost.
func (c *Client) MessageRoutes(ctx context.Context) (MessageRoutes, error) {
	return ask[MessageRoutes](ctx, c, get("/v1/message-routes", nil))
}

// SetSIM registers the number of the SIM in a meter, with the country code; empty for none (right: meter.write).
func (c *Client) SetSIM(ctx context.Context, meter, number string) (Meter, error) {
	return ask[Meter](ctx, c, post(meterPath(meter, "/sim"), struct {
		SIMPhone string `json:"sim_phone"`
	}{number}))
}
