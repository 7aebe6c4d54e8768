package apiv1

import "time"

// Message is a text message to or from a telephone or a meter's SIM. It never shows the digits of a token.
type Message struct {
	ID          string     `json:"id" example:"msg_01jd00000000000000000000000" doc:"Id of the message"`
	Direction   string     `json:"direction" enum:"out,in" doc:"out: to a telephone or meter; in: from one"`
	State       string     `json:"state" enum:"queued,sent,delivered,answered,failed,unknown,expired,suppressed,received" doc:"queued: waits for its time or a route; sent: a route accepted it; delivered: the network reported it delivered; answered: the meter answered; failed: it will not arrive; unknown: it may have been sent; expired: too late to send; suppressed: not sent on purpose; received: it came in"`
	Purpose     string     `json:"purpose" example:"token" doc:"Purpose: name of a template, meter-sms or text. For an incoming message: from-meter, from-customer or from-stranger"`
	Phone       string     `json:"phone" example:"+254700000001" doc:"Telephone number of the recipient, or of the sender of an incoming message, which is not proof"`
	Meter       string     `json:"meter,omitempty" example:"04140001001" doc:"Number of its meter"`
	Customer    string     `json:"customer,omitempty" doc:"Id of the customer"`
	Sale        string     `json:"sale,omitempty" doc:"Id of its sale"`
	Token       string     `json:"token,omitempty" doc:"Id of the token in it"`
	Answers     string     `json:"answers,omitempty" doc:"Id of the message that it answers"`
	Language    string     `json:"language,omitempty" doc:"Language of its text"`
	Text        string     `json:"text,omitempty" doc:"Text of an incoming message, with long numbers masked, or of a message that a person wrote"`
	Route       string     `json:"route,omitempty" doc:"Name of the route that it took or will take"`
	Parts       int        `json:"parts" doc:"Number of short messages (parts)"`
	CostMicro   int64      `json:"cost_micro" doc:"Cost in millionths of the currency's unit"`
	Tries       int        `json:"tries" doc:"Number of attempts"`
	QueuedAt    time.Time  `json:"queued_at" doc:"When it was written or came in"`
	NextAt      *time.Time `json:"next_at,omitempty" doc:"Time of the next attempt or check; missing if there is none"`
	SentAt      *time.Time `json:"sent_at,omitempty" doc:"When a route first accepted it"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty" doc:"When the network reported it delivered"`
	AnsweredAt  *time.Time `json:"answered_at,omitempty" doc:"When the meter answered it"`
	EndedAt     *time.Time `json:"ended_at,omitempty" doc:"When its last state was reached"`
	Failure     string     `json:"failure,omitempty" doc:"Why it failed, expired or was suppressed"`
	By          string     `json:"by,omitempty" doc:"Who requested it or made its sale; missing if the server sent it by itself"`
}

// MessageAttempt is one attempt to send a message by a route.
type MessageAttempt struct {
	N         int        `json:"n" doc:"Number of the attempt, from 1"`
	Route     string     `json:"route" doc:"Name of the route"`
	Asking    bool       `json:"asking" doc:"Whether the meter was asked for its last tokens instead of getting the token again"`
	At        time.Time  `json:"at" doc:"When the route was given the message"`
	DoneAt    *time.Time `json:"done_at,omitempty" doc:"When the outcome was known; missing until then"`
	Outcome   string     `json:"outcome" enum:"under_way,accepted,not_sent,refused,unknown" doc:"accepted: the route has it; not_sent: it was not sent, and another attempt may help; refused: this route will never accept it; unknown: it may have been sent"`
	Reference string     `json:"reference,omitempty" doc:"Reference that the route gave it"`
	Parts     int        `json:"parts" doc:"Number of short messages (parts)"`
	CostMicro int64      `json:"cost_micro" doc:"Cost in millionths of the currency's unit"`
	Report    string     `json:"report,omitempty" enum:"delivered,failed,trying" doc:"Delivery report of the network; trying: it has not reached the telephone yet"`
	Why       string     `json:"why,omitempty" doc:"What went wrong"`
}

// MessageDetail is a message with its attempts.
type MessageDetail struct {
	Message
	Attempts []MessageAttempt `json:"attempts" doc:"Attempts to send it, in their order"`
}

// NewMessage asks to send a message: a token to the customer or the meter, or a text.
type NewMessage struct {
	Meter string `json:"meter,omitempty" doc:"Number or id of the meter whose token it brings, or whose customer gets the text"`
	Token string `json:"token,omitempty" doc:"Id or digits of the token; default: the newest that is not known to be in the meter"`
	Via   string `json:"via,omitempty" enum:"sms,meter_sms" doc:"For a token: sms to the customer's telephone, meter_sms to the SIM in the meter"`
	Text  string `json:"text,omitempty" doc:"A text instead of a token"`
	Phone string `json:"phone,omitempty" doc:"For a text: telephone number of the recipient; default: the meter's customer"`
	Route string `json:"route,omitempty" doc:"Name of the route to use; default: the first that works"`
}

// MessageRetry asks to send a message once more.
type MessageRetry struct {
	Route string `json:"route,omitempty" doc:"Name of the route to use; default: the first that works"`
}

// MessageRoute is the present state of a route for messages.
type MessageRoute struct {
	Name      string         `json:"name" doc:"Name of the route"`
	Kind      string         `json:"kind" enum:"modem,kannel,smpp,http,log" doc:"Kind of route; log only writes messages into the server's log"`
	State     string         `json:"state" enum:"up,down" doc:"down: its last attempts failed, and it is only tried now and then"`
	DownSince *time.Time     `json:"down_since,omitempty" doc:"Since when it is down"`
	Failures  int            `json:"failures" doc:"Failed attempts in a row"`
	Why       string         `json:"why,omitempty" doc:"Last error of the route"`
	LastAt    *time.Time     `json:"last_at,omitempty" doc:"When it last accepted a message, since the server started"`
	CostMicro int64          `json:"cost_micro" doc:"Cost of one part, in millionths of the currency's unit"`
	Prefixes  []string       `json:"prefixes" doc:"Prefixes of the numbers that it sends to; empty for all"`
	Meters    bool           `json:"meters" doc:"Whether it may send messages to meters"`
	Memory    *MessageMemory `json:"memory,omitempty" doc:"For a modem: how full its memory for messages is"`
}

// MessageMemory is how full the memory of a route's SIM is.
type MessageMemory struct {
	Used       int  `json:"used" doc:"Messages in the memory"`
	Slots      int  `json:"slots" doc:"Messages that the memory can hold"`
	AlmostFull bool `json:"almost_full" doc:"true from 80 % on; the alarm sms-memory-full is then open"`
}

// MessageMonth is the cost of the messages that one route sent in a month.
type MessageMonth struct {
	Month     string `json:"month" example:"2026-11" doc:"Month in the utility's time zone"`
	Route     string `json:"route" doc:"Name of the route"`
	Messages  int64  `json:"messages" doc:"Messages that the route accepted"`
	Parts     int64  `json:"parts" doc:"Short messages (parts) that they took"`
	CostMicro int64  `json:"cost_micro" doc:"Cost in millionths of the currency's unit"`
}

// MessageRoutes lists the routes of the server that answered, and the cost of messages.
type MessageRoutes struct {
	Routes []MessageRoute `json:"routes" doc:"Routes, in the order in which they are tried"`
	Months []MessageMonth `json:"months" doc:"Costs by month and route, newest month first"`
}

// MessageFilter narrows the list of messages.
type MessageFilter struct {
	Meter     string `query:"meter" maxLength:"64" doc:"Number or id; default: all meters"`
	Phone     string `query:"phone" maxLength:"40" doc:"Only messages to or from this telephone number"`
	State     string `query:"state" enum:"queued,sent,delivered,answered,failed,unknown,expired,suppressed,received" doc:"Only messages in this state"`
	Direction string `query:"direction" enum:"out,in" doc:"Only messages that the server sent (out) or received (in)"`
	Sale      string `query:"sale" maxLength:"64" doc:"Only messages of this sale: its id or receipt number"`
	Page
}

// Messages is the list of messages.
var Messages = Listing[MessageFilter, Message]{Name: "messages", Path: "/v1/messages", Tag: "messages",
	Summary: "List messages to and from telephones, newest first"}
