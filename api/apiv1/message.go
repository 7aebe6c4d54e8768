package apiv1

import "time"

// Message is a message to or from a telephone, or the SIM of a meter. The digits of tokens are never in it.
type Message struct {
	ID          string     `json:"id" example:"msg_01jd00000000000000000000000" doc:"Id of the message"`
	Direction   string     `json:"direction" enum:"out,in" doc:"out: to a telephone or meter; in: from one"`
	State       string     `json:"state" enum:"queued,sent,delivered,answered,failed,unknown,expired,suppressed,received" doc:"queued: waits for its time or a route; sent: a route has accepted it; delivered: the network says that the telephone has it; answered: the meter answered; failed: it will not arrive; unknown: it may have left; expired: too late to send; suppressed: it must not be sent; received: it came in"`
	Purpose     string     `json:"purpose" example:"token" doc:"What it is for: a template's name, meter-sms, text; for an arrival from-meter, from-customer, from-stranger"`
	Phone       string     `json:"phone" example:"+254700000001" doc:"Recipient; for an arrival the sender, which proves nothing"`
	Meter       string     `json:"meter,omitempty" example:"04140001001" doc:"Number of the meter that it is about"`
	Customer    string     `json:"customer,omitempty" doc:"Id of the customer"`
	Sale        string     `json:"sale,omitempty" doc:"Id of the sale that it is about"`
	Token       string     `json:"token,omitempty" doc:"Id of the token that it brings"`
	Answers     string     `json:"answers,omitempty" doc:"The message that this one answers"`
	Language    string     `json:"language,omitempty" doc:"Language of its text"`
	Text        string     `json:"text,omitempty" doc:"Text of an arrival, with long runs of digits masked, or of a message that a person wrote"`
	Route       string     `json:"route,omitempty" doc:"Name of the route that it took or will take"`
	Parts       int        `json:"parts" doc:"How many short messages it takes"`
	CostMicro   int64      `json:"cost_micro" doc:"In millionths of the currency's unit"`
	Tries       int        `json:"tries" doc:"How often it was given to a route"`
	QueuedAt    time.Time  `json:"queued_at" doc:"When it was made or came in"`
	NextAt      *time.Time `json:"next_at,omitempty" doc:"When the server tries or checks it next; missing when that is over"`
	SentAt      *time.Time `json:"sent_at,omitempty" doc:"First accepted by a route"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty" doc:"When the network reported it delivered"`
	AnsweredAt  *time.Time `json:"answered_at,omitempty" doc:"When the meter answered it"`
	EndedAt     *time.Time `json:"ended_at,omitempty" doc:"When the server was done with it"`
	Failure     string     `json:"failure,omitempty" doc:"Why it failed, expired or was suppressed"`
	By          string     `json:"by,omitempty" doc:"Who asked for it, or made the sale that it is about; missing if the server sent it by itself"`
}

// MessageAttempt is one attempt to send a message by a route.
type MessageAttempt struct {
	N         int        `json:"n" doc:"Number of the attempt, from 1"`
	Route     string     `json:"route" doc:"Name of the route"`
	Asking    bool       `json:"asking" doc:"The meter was asked for its last tokens instead of being sent the token"`
	At        time.Time  `json:"at" doc:"When the route was given the message"`
	DoneAt    *time.Time `json:"done_at,omitempty" doc:"When the outcome was known; missing while it is not"`
	Outcome   string     `json:"outcome" enum:"under_way,accepted,not_sent,refused,unknown" doc:"accepted: the route has it; not_sent: it did not leave, and another attempt may help; refused: this route will never take it; unknown: it may have been sent"`
	Reference string     `json:"reference,omitempty" doc:"The route's own reference"`
	Parts     int        `json:"parts" doc:"How many short messages it took"`
	CostMicro int64      `json:"cost_micro" doc:"In millionths of the currency's unit"`
	Report    string     `json:"report,omitempty" enum:"delivered,failed,trying" doc:"What the network reported later; trying: it has not reached the telephone yet"`
	Why       string     `json:"why,omitempty" doc:"What went wrong"`
}

// MessageDetail is a message with its attempts.
type MessageDetail struct {
	Message
	Attempts []MessageAttempt `json:"attempts" doc:"Every attempt to send it, in order"`
}

// NewMessage asks to send a message: a token to the customer or the meter, or a text.
type NewMessage struct {
	Meter string `json:"meter,omitempty" doc:"Number or id of the meter whose token is sent, or whose customer gets the text"`
	Token string `json:"token,omitempty" doc:"Its id, or its digits; default: the newest that is not known to be in the meter"`
	Via   string `json:"via,omitempty" enum:"sms,meter_sms" doc:"For a token: sms to the customer's telephone, meter_sms to the SIM in the meter"`
	Text  string `json:"text,omitempty" doc:"A text instead of a token"`
	Phone string `json:"phone,omitempty" doc:"For a text: the recipient; default: the meter's customer"`
	Route string `json:"route,omitempty" doc:"Name of the route; default: the first that works"`
}

// MessageRetry asks to send a message once more.
type MessageRetry struct {
	Route string `json:"route,omitempty" doc:"Name of the route; default: the first that works"`
}

// MessageRoute is the present state of a route for messages.
type MessageRoute struct {
	Name      string         `json:"name" doc:"Name of the route"`
	Kind      string         `json:"kind" enum:"modem,kannel,smpp,http,log" doc:"How it sends; log only writes messages into the server's log"`
	State     string         `json:"state" enum:"up,down" doc:"down: its last attempts failed, and it is only tried now and then"`
	DownSince *time.Time     `json:"down_since,omitempty" doc:"Since when it is down"`
	Failures  int            `json:"failures" doc:"Failed attempts in a row"`
	Why       string         `json:"why,omitempty" doc:"What went wrong last"`
	LastAt    *time.Time     `json:"last_at,omitempty" doc:"When it last accepted a message, since the server started"`
	CostMicro int64          `json:"cost_micro" doc:"Cost of one part, in millionths of the currency's unit"`
	Prefixes  []string       `json:"prefixes" doc:"Beginnings of the numbers that it sends to; empty for all"`
	Meters    bool           `json:"meters" doc:"Whether it sends messages to meters"`
	Memory    *MessageMemory `json:"memory,omitempty" doc:"For a modem: how full its SIM is"`
}

// MessageMemory is how full the memory of a route's SIM is.
type MessageMemory struct {
	Used       int  `json:"used" doc:"Messages in it that the server has not read yet, or that others left there"`
	Slots      int  `json:"slots" doc:"How many it holds"`
	AlmostFull bool `json:"almost_full" doc:"From 80 of 100 on; the alarm sms-memory-full is open"`
}

// MessageMonth is what the messages of a month by one route cost.
type MessageMonth struct {
	Month     string `json:"month" example:"2026-11" doc:"Month in the utility's time zone"`
	Route     string `json:"route" doc:"Name of the route"`
	Messages  int64  `json:"messages" doc:"Messages that the route accepted"`
	Parts     int64  `json:"parts" doc:"Short messages that they took"`
	CostMicro int64  `json:"cost_micro" doc:"In millionths of the currency's unit"`
}

// MessageRoutes are the routes of the server that answered, and what messages cost.
type MessageRoutes struct {
	Routes []MessageRoute `json:"routes" doc:"In the order in which they are tried"`
	Months []MessageMonth `json:"months" doc:"Newest month first"`
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
