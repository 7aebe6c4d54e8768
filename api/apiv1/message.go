package apiv1

import "time"

// Message is a message to or from a telephone, or the SIM of a meter. The digits of tokens are never in it.
type Message struct {
	ID          string     `json:"id" example:"msg_01jd00000000000000000000000"`
	Direction   string     `json:"direction" enum:"out,in"`                                                                // out or in
	State       string     `json:"state" enum:"queued,sent,delivered,answered,failed,unknown,expired,suppressed,received"` // queued, sent, delivered, answered, failed, unknown, expired, suppressed or received
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

// MessageAttempt is a message given to a route.
type MessageAttempt struct {
	N         int        `json:"n"`
	Route     string     `json:"route"`
	Asking    bool       `json:"asking" doc:"The meter was asked for its last tokens instead of being sent the token"`
	At        time.Time  `json:"at"`
	DoneAt    *time.Time `json:"done_at,omitempty"`
	Outcome   string     `json:"outcome" enum:"under_way,accepted,not_sent,refused,unknown"` // under_way, accepted, not_sent, refused or unknown
	Reference string     `json:"reference,omitempty" doc:"The route's own name of it"`
	Parts     int        `json:"parts"`
	CostMicro int64      `json:"cost_micro"`
	Report    string     `json:"report,omitempty" enum:"delivered,failed,trying"` // delivered, failed or trying
	Why       string     `json:"why,omitempty"`
}

// MessageDetail is a message with its tries.
type MessageDetail struct {
	Message
	Attempts []MessageAttempt `json:"attempts"`
}

// NewMessage asks for a message: a token to the customer or the meter, or a text.
type NewMessage struct {
	Meter string `json:"meter,omitempty" doc:"Number or id: whose token it brings, or whose customer gets the text"`
	Token string `json:"token,omitempty" doc:"Its id, or its digits; left out: the newest that is not known to be in the meter"`
	Via   string `json:"via,omitempty" enum:"sms,meter_sms" doc:"Of a token: sms to the customer's telephone, meter_sms to the SIM in the meter"`
	Text  string `json:"text,omitempty" doc:"A text instead of a token"`
	Phone string `json:"phone,omitempty" doc:"Of a text: to whom; left out: the meter's customer"`
	Route string `json:"route,omitempty" doc:"By which it shall go; left out: the first that works"`
}

// MessageRetry says how a message goes once more.
type MessageRetry struct {
	Route string `json:"route,omitempty" doc:"By which it shall go; left out: the first that works"`
}

// MessageRoute is a route for messages as it stands.
type MessageRoute struct {
	Name      string         `json:"name"`
	Kind      string         `json:"kind" enum:"modem,kannel,smpp,http,log"`
	State     string         `json:"state" enum:"up,down"` // up or down
	DownSince *time.Time     `json:"down_since,omitempty"`
	Failures  int            `json:"failures" doc:"In a row"`
	Why       string         `json:"why,omitempty"`
	LastAt    *time.Time     `json:"last_at,omitempty" doc:"When it last accepted a message, since the server started"`
	CostMicro int64          `json:"cost_micro" doc:"Of one part"`
	Prefixes  []string       `json:"prefixes"`
	Meters    bool           `json:"meters" doc:"Messages to meters may go by it"`
	Memory    *MessageMemory `json:"memory,omitempty" doc:"Of a modem: how full its SIM is"`
}

// MessageMemory is how full the memory of a route is.
type MessageMemory struct {
	Used       int  `json:"used" doc:"Messages in it that the server has not taken yet, or that others left there"`
	Slots      int  `json:"slots" doc:"How many it holds"`
	AlmostFull bool `json:"almost_full" doc:"From 80 of 100 on; the alarm sms-memory-full is open"`
}

// MessageMonth is what messages cost in a month by a route.
type MessageMonth struct {
	Month     string `json:"month" example:"2026-11"`
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

// MessageFilter narrows the list of messages.
type MessageFilter struct {
	Meter     string `query:"meter" maxLength:"64" doc:"Number or id; default: all meters"`
	Phone     string `query:"phone" maxLength:"40" doc:"To or from this telephone"`
	State     string `query:"state" enum:"queued,sent,delivered,answered,failed,unknown,expired,suppressed,received" doc:"Only those in this state"`
	Direction string `query:"direction" enum:"out,in" doc:"Only those that went out, or came in"`
	Sale      string `query:"sale" maxLength:"64" doc:"Only those of this sale: its id or receipt number"`
	Page
}

// Messages is the list of messages.
var Messages = Listing[MessageFilter, Message]{Name: "messages", Path: "/v1/messages", Tag: "messages",
	Summary: "List messages to and from telephones, newest first"}
