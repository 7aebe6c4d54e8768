package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
)

// messageBody is a message to or from a telephone. It never shows the digits of a token.
type messageBody struct {
	ID          string     `json:"id" example:"msg_01jd00000000000000000000000"`
	Direction   string     `json:"direction" enum:"out,in"`
	State       string     `json:"state" enum:"queued,sent,delivered,answered,failed,unknown,expired,suppressed,received"`
	Purpose     string     `json:"purpose" example:"token" doc:"What it is for: a template's name, meter-sms, text; of an arrival from-meter, from-customer, from-stranger"`
	Phone       string     `json:"phone" example:"+254700000001" doc:"To whom; of an arrival, from whom, which proves nothing"`
	Meter       string     `json:"meter,omitempty" example:"04140001001"`
	Customer    string     `json:"customer,omitempty"`
	Sale        string     `json:"sale,omitempty"`
	Token       string     `json:"token,omitempty" doc:"Identity of the token that it brings"`
	Answers     string     `json:"answers,omitempty" doc:"The message that this one answers"`
	Language    string     `json:"language,omitempty"`
	Text        string     `json:"text,omitempty" doc:"Of arrivals, with long runs of digits masked, and of texts that a person wrote"`
	Route       string     `json:"route,omitempty"`
	Parts       int        `json:"parts"`
	CostMicro   int64      `json:"cost_micro" doc:"In millionths of the currency's unit"`
	Tries       int        `json:"tries"`
	QueuedAt    time.Time  `json:"queued_at"`
	NextAt      *time.Time `json:"next_at,omitempty" doc:"When it is tried, or looked after, again; missing when that is over"`
	SentAt      *time.Time `json:"sent_at,omitempty" doc:"First accepted by a route"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
	AnsweredAt  *time.Time `json:"answered_at,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
	Failure     string     `json:"failure,omitempty"`
	By          string     `json:"by,omitempty"`
}

func messageOf(m notify.Message) messageBody {
	b := messageBody{ID: m.ID.Text(id.Message), Direction: "out", State: string(m.State), Purpose: string(m.Purpose), Phone: m.Phone, Meter: m.Number,
		Language: m.Lang, Text: m.Text, Route: m.Route, Parts: m.Parts, CostMicro: m.Cost, Tries: m.Tries, QueuedAt: m.CreatedAt.UTC(), SentAt: at(m.SentAt),
		DeliveredAt: at(m.DeliveredAt), AnsweredAt: at(m.AnsweredAt), EndedAt: at(m.EndedAt), Failure: m.Failure, By: m.By}
	if m.Incoming {
		b.Direction = "in"
	}
	if m.Open {
		b.NextAt = at(m.NextAt)
	}
	for _, ref := range []struct {
		to     *string
		of     id.ID
		prefix string
	}{{&b.Customer, m.Customer, id.Customer}, {&b.Sale, m.Vend, id.Vend}, {&b.Token, m.Token, id.Token}, {&b.Answers, m.Answers, id.Message}} {
		if !ref.of.IsZero() {
			*ref.to = ref.of.Text(ref.prefix)
		}
	}
	return b
}

// tryBody is a message given to a route.
type tryBody struct {
	N         int        `json:"n"`
	Route     string     `json:"route"`
	Asking    bool       `json:"asking" doc:"The meter was asked for its last tokens instead of being sent the token"`
	At        time.Time  `json:"at"`
	DoneAt    *time.Time `json:"done_at,omitempty"`
	Outcome   string     `json:"outcome" enum:"under_way,accepted,not_sent,refused,unknown"`
	Reference string     `json:"reference,omitempty" doc:"The route's own name of it"`
	Parts     int        `json:"parts"`
	CostMicro int64      `json:"cost_micro"`
	Report    string     `json:"report,omitempty" enum:"delivered,failed,trying"`
	Why       string     `json:"why,omitempty"`
}

func tryOf(t notify.Try) tryBody {
	b := tryBody{N: t.N, Route: t.Route, Asking: t.Asking, At: t.At.UTC(), DoneAt: at(t.DoneAt), Outcome: t.Outcome, Reference: t.Reference, Parts: t.Parts,
		CostMicro: t.Cost, Report: t.Report, Why: t.Why}
	if b.Outcome == "" {
		b.Outcome = "under_way"
	}
	return b
}

// messageShown is a message with its tries.
type messageShown struct {
	messageBody
	Attempts []tryBody `json:"attempts"`
}

func messageShownOf(s notify.Shown) messageShown {
	b := messageShown{messageBody: messageOf(s.Message), Attempts: make([]tryBody, len(s.Tries))}
	for i, t := range s.Tries {
		b.Attempts[i] = tryOf(t)
	}
	return b
}

// messageWish asks for a message.
type messageWish struct {
	Meter string `json:"meter,omitempty" doc:"Number or id: whose token it brings, or whose customer gets the text"`
	Token string `json:"token,omitempty" doc:"Its id, or its digits; left out: the newest that is not known to be in the meter"`
	Via   string `json:"via,omitempty" enum:"sms,meter_sms" doc:"Of a token: sms to the customer's telephone, meter_sms to the SIM in the meter"`
	Text  string `json:"text,omitempty" doc:"A text instead of a token"`
	Phone string `json:"phone,omitempty" doc:"Of a text: to whom; left out: the meter's customer"`
	Route string `json:"route,omitempty" doc:"By which it shall go; left out: the first that works"`
}

// retryBody says how a message goes once more.
type retryBody struct {
	Route string `json:"route,omitempty" doc:"By which it shall go; left out: the first that works"`
}

// routeBody is a route for messages as it stands.
type routeBody struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind" enum:"modem,kannel,smpp,http,log"`
	State     string     `json:"state" enum:"up,down"`
	DownSince *time.Time `json:"down_since,omitempty"`
	Failures  int        `json:"failures" doc:"In a row"`
	Why       string     `json:"why,omitempty"`
	LastAt    *time.Time `json:"last_at,omitempty" doc:"When it last accepted a message, since the server started"`
	CostMicro int64      `json:"cost_micro" doc:"Of one part"`
	Prefixes  []string   `json:"prefixes"`
	Meters    bool       `json:"meters" doc:"Messages to meters may go by it"`
	Memory    *memory    `json:"memory,omitempty" doc:"Of a modem: how full its SIM is"`
}

// memory is how full a modem's SIM is.
type memory struct {
	Used       int  `json:"used" doc:"Messages in it that the server has not taken yet, or that others left there"`
	Slots      int  `json:"slots" doc:"How many it holds"`
	AlmostFull bool `json:"almost_full" doc:"From 80 of 100 on; the alarm sms-memory-full is open"`
}

// monthBody is what messages cost in a month by a route.
type monthBody struct {
	Month     string `json:"month" example:"2026-11"`
	Route     string `json:"route"`
	Messages  int64  `json:"messages"`
	Parts     int64  `json:"parts"`
	CostMicro int64  `json:"cost_micro"`
}

// routesBody are the routes of this server, and what messages cost.
type routesBody struct {
	Routes []routeBody `json:"routes"`
	Months []monthBody `json:"months"`
}

func routesOf(s notify.Standing) routesBody {
	out := routesBody{Routes: []routeBody{}, Months: []monthBody{}}
	for _, r := range s.Routes {
		b := routeBody{Name: r.Name, Kind: r.Kind, State: "up", Failures: r.Failures, Why: r.Why, LastAt: at(r.Last), CostMicro: r.Cost,
			Prefixes: append([]string{}, r.Prefixes...), Meters: r.Meters}
		if r.Down {
			b.State, b.DownSince = "down", at(r.Since)
		}
		if r.Memory.Slots > 0 {
			b.Memory = &memory{r.Memory.Used, r.Memory.Slots, r.Memory.AlmostFull}
		}
		out.Routes = append(out.Routes, b)
	}
	for _, m := range s.Months {
		out.Months = append(out.Months, monthBody{Month: m.Month, Route: m.Route, Messages: m.Messages, Parts: m.Parts, CostMicro: m.Cost})
	}
	return out
}

// MessagePath names a message.
type MessagePath struct {
	ID string `path:"id" maxLength:"64" doc:"Its id" example:"msg_01jd00000000000000000000000"`
}

func (a *API) messageRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "messages", Path: "/v1/messages", Tags: []string{"messages"}, Summary: "List messages to and from telephones, newest first",
	}, a.messages)
	query(r, huma.Operation{
		OperationID: "message", Path: "/v1/messages/{id}", Tags: []string{"messages"}, Summary: "Show a message and every try to send it",
	}, func(ctx context.Context, by access.Actor, in *MessagePath) (*struct{ Body messageShown }, error) {
		return messageAnswer(a.c.Messages.Show(ctx, by, in.ID))
	})
	query(r, huma.Operation{
		OperationID: "message-routes", Path: "/v1/message-routes", Tags: []string{"messages"},
		Summary: "Show the routes of this server in the order in which they are tried, and what messages cost by month",
	}, func(ctx context.Context, by access.Actor, _ *struct{}) (*struct{ Body routesBody }, error) {
		s, err := a.c.Messages.Routes(ctx, by)
		if err != nil {
			return nil, err
		}
		if s.Refused() {
			return nil, refuse(s.Refusal)
		}
		return &struct{ Body routesBody }{routesOf(s)}, nil
	})
	order(r, huma.Operation{
		OperationID: "send-message", Path: "/v1/messages", DefaultStatus: http.StatusAccepted, Tags: []string{"messages"},
		Summary: "Send a token to the customer or the meter, or a text to a telephone",
		Description: "A token goes to the registered telephone or to the SIM in the meter and to nobody else; its digits are written when it is sent and " +
			"stand in no answer. The same token sent twice is one token. With the header Idempotency-Key the same request makes one message, however often " +
			"it comes; without it each request makes one.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, b messageWish) (*struct{ Body messageBody }, error) {
		w, err := a.c.Messages.Send(ctx, by, notify.Wish{Phone: b.Phone, Text: b.Text, Meter: b.Meter, Token: b.Token, Via: b.Via, Route: b.Route,
			Once: exchangeOf(ctx).once})
		if err != nil {
			return nil, err
		}
		if w.Refused() {
			return nil, refuse(w.Refusal)
		}
		return &struct{ Body messageBody }{messageOf(w.Messages[0])}, nil
	})
	order(r, huma.Operation{
		OperationID: "retry-message", Path: "/v1/messages/{id}/retry", DefaultStatus: http.StatusAccepted, Tags: []string{"messages"},
		Summary: "Send a message once more, perhaps by another route",
	}, func(ctx context.Context, by access.Actor, in *MessagePath, b retryBody) (*struct{ Body messageShown }, error) {
		return messageAnswer(a.c.Messages.Retry(ctx, by, in.ID, b.Route))
	})
}

func messageAnswer(s notify.Shown, err error) (*struct{ Body messageShown }, error) {
	if err != nil {
		return nil, err
	}
	if s.Refused() {
		return nil, refuse(s.Refusal)
	}
	return &struct{ Body messageShown }{messageShownOf(s)}, nil
}

func (a *API) messages(ctx context.Context, by access.Actor, in *struct {
	Meter     string `query:"meter" maxLength:"64" doc:"Number or id; default: all meters"`
	Phone     string `query:"phone" maxLength:"40" doc:"To or from this telephone"`
	State     string `query:"state" enum:"queued,sent,delivered,answered,failed,unknown,expired,suppressed,received" doc:"Only those in this state"`
	Direction string `query:"direction" enum:"out,in" doc:"Only those that went out, or came in"`
	Sale      string `query:"sale" maxLength:"64" doc:"Only those of this sale"`
	Page
}) (*listed[messageBody], error) {
	l := notify.List{Meter: in.Meter, Phone: in.Phone, State: notify.State(in.State), Sale: in.Sale, Page: registry.Page{Limit: in.Limit, Cursor: in.Cursor}}
	if in.Direction != "" {
		incoming := in.Direction == "in"
		l.Incoming = &incoming
	}
	page, err := a.c.Messages.List(ctx, by, l)
	if err != nil {
		return nil, err
	}
	if page.Refused() {
		return nil, refuse(page.Refusal)
	}
	return listOf(page.Data, page.Next, messageOf), nil
}

// customerChange names what is to change of a customer; what is left out stays.
type customerChange struct {
	Name    *string `json:"name,omitempty"`
	Phone   *string `json:"phone,omitempty" doc:"With the country code: answers and tokens by SMS go there"`
	IDNo    *string `json:"id_no,omitempty"`
	Lang    *string `json:"lang,omitempty" doc:"Of messages: en; drafts that no native speaker has read: fr, sw, es, pt, ha"`
	Notices *bool   `json:"notices,omitempty" doc:"Whether warnings are wanted; false is what STOP says"`
}

// simBody is the number of the SIM in a meter.
type simBody struct {
	SIMPhone string `json:"sim_phone" example:"+254700000200" doc:"With the country code; empty for none"`
}

// CustomerPath names a customer.
type CustomerPath struct {
	ID string `path:"id" maxLength:"64" doc:"Its id" example:"cus_01jd00000000000000000000000"`
}

// phoneRoutes are those by which telephone numbers are registered.
func (a *API) phoneRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "change-customer", Path: "/v1/customers/{id}", DefaultStatus: http.StatusOK, Tags: []string{"customers"},
		Summary: "Change a customer's name, telephone number, language or consent to warnings",
	}, func(ctx context.Context, by access.Actor, in *CustomerPath, b customerChange) (*struct{ Body customerBody }, error) {
		c, err := a.c.Registry.ChangeCustomer(ctx, by, in.ID, registry.CustomerChange{Name: b.Name, Phone: b.Phone, IDNo: b.IDNo, Lang: b.Lang, Notices: b.Notices})
		if err != nil {
			return nil, err
		}
		if c.Refused() {
			return nil, refuse(c.Refusal)
		}
		return &struct{ Body customerBody }{customerOf(c.Customer)}, nil
	})
	order(r, huma.Operation{
		OperationID: "set-sim", Path: "/v1/meters/{meter}/sim", DefaultStatus: http.StatusOK, Tags: []string{"meters"},
		Summary: "Register the number of the SIM in a meter, for tokens by SMS",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, b simBody) (*struct{ Body Meter }, error) {
		v, err := a.c.Registry.SetSIM(ctx, by, in.Meter, b.SIMPhone)
		if err != nil {
			return nil, err
		}
		if v.Refused() {
			return nil, refuse(v.Refusal)
		}
		return &struct{ Body Meter }{meterOf(v)}, nil
	})
}
