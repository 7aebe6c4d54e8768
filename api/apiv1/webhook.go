package apiv1

import (
	"encoding/json"
	"time"
)

// NewWebhook is an address that should get events.
type NewWebhook struct {
	URL          string   `json:"url" maxLength:"500" example:"https://example.com/paywatt" doc:"Where to post events: https, and on the public internet"`
	Events       []string `json:"events" minItems:"1" maxItems:"20" example:"[\"vend.completed\"]" doc:"Types of events that it wants; docs/guide/webhooks.md lists them"`
	AllowPrivate bool     `json:"allow_private,omitempty" doc:"Also allows http and private addresses. The log then keeps no answers"`
}

// Webhook is an address that gets events.
type Webhook struct {
	ID            string     `json:"id" example:"whk_01jd00000000000000000000000" doc:"Id"`
	URL           string     `json:"url" example:"https://example.com/paywatt" doc:"Where events are posted"`
	Events        []string   `json:"events" doc:"Types of events that it wants"`
	AllowPrivate  bool       `json:"allow_private" doc:"Whether http and private addresses are allowed"`
	Enabled       bool       `json:"enabled" doc:"Whether it gets events; a new webhook is enabled after a second person has agreed"`
	DisabledWhy   string     `json:"disabled_why,omitempty" enum:"new,person,gone,failing" doc:"new: it waits for a second person; person: somebody disabled it; gone: it answered 410; failing: it took no event for five days"`
	DisabledAt    *time.Time `json:"disabled_at,omitempty" doc:"Since when it gets no events"`
	FailingSince  *time.Time `json:"failing_since,omitempty" doc:"Time of the first failure since its last success"`
	PausedUntil   *time.Time `json:"paused_until,omitempty" doc:"It asked to be left alone until then"`
	Secret        string     `json:"secret,omitempty" doc:"The secret that signs its events. Only the answers that make it show it"`
	PreviousUntil *time.Time `json:"previous_until,omitempty" doc:"Until then the secret before this one signs too"`
	AddedBy       string     `json:"added_by" doc:"Who added it"`
	AddedAt       time.Time  `json:"added_at" doc:"When it was added"`
}

// WebhookChange is the empty body of a change of a webhook.
type WebhookChange struct{}

// Webhooks is the list of webhooks.
var Webhooks = Listing[Page, Webhook]{Name: "webhooks", Path: "/v1/webhooks", Tag: "webhooks", Summary: "List the webhooks"}

// WebhookDelivery is one event for one webhook, without its body.
type WebhookDelivery struct {
	ID        string           `json:"id" example:"dlv_01jd00000000000000000000000" doc:"Id"`
	Event     string           `json:"event" example:"evt_01jd00000000000000000000000" doc:"Id of the event: the header webhook-id, the same in all attempts"`
	Sequence  int64            `json:"sequence" example:"42" doc:"Number of the event among those for this webhook, without a gap"`
	Type      string           `json:"type" example:"vend.completed" doc:"Type of the event"`
	State     string           `json:"state" enum:"waiting,delivered,failed" doc:"waiting: for its next attempt; delivered; failed: its attempts are used up, and it can be sent again"`
	Attempts  int              `json:"attempts" example:"1" doc:"Attempts since the event, or since somebody asked for it again"`
	NextAt    *time.Time       `json:"next_at,omitempty" doc:"Time of the next attempt"`
	Log       []WebhookAttempt `json:"log" doc:"The newest attempts, oldest first"`
	CreatedAt time.Time        `json:"created_at" doc:"When the event happened, or shortly after"`
	EndedAt   *time.Time       `json:"ended_at,omitempty" doc:"When it was delivered, or had failed"`
}

// WebhookAttempt is one attempt to deliver an event.
type WebhookAttempt struct {
	At         time.Time `json:"at" doc:"When the attempt ended"`
	Status     int       `json:"status,omitempty" example:"200" doc:"HTTP status of the answer; left out if there was none"`
	DurationMS int64     `json:"duration_ms" example:"85" doc:"How long it took, in milliseconds"`
	Answer     string    `json:"answer,omitempty" doc:"The beginning of the answer"`
	Error      string    `json:"error,omitempty" doc:"Why there was no answer"`
}

// WebhookDeliveryFilter says which deliveries of a webhook to list.
type WebhookDeliveryFilter struct {
	Webhook string `path:"id" maxLength:"64" doc:"Id of the webhook"`
	State   string `query:"state" enum:"waiting,delivered,failed" doc:"Only deliveries in this state"`
	Page
}

// WebhookDeliveries is the list of a webhook's deliveries.
var WebhookDeliveries = Listing[WebhookDeliveryFilter, WebhookDelivery]{Name: "webhook-deliveries", Path: "/v1/webhooks/{id}/deliveries", Tag: "webhooks",
	Summary: "List the deliveries of a webhook, newest first"}

// RecoverWebhook asks for everything again that failed.
type RecoverWebhook struct {
	Since time.Time `json:"since" doc:"Send failed events again that happened at this time or later; at most 30 days ago"`
}

// WebhookRecovery says what is sent again.
type WebhookRecovery struct {
	Deliveries int  `json:"deliveries" example:"12" doc:"Number of events that are sent again"`
	More       bool `json:"more" doc:"More failed events remain: ask again"`
}

// WebhookEvent is the body that a webhook gets.
type WebhookEvent struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"` // when it happened
	Sequence  int64           `json:"sequence"`  // number among the events for this webhook
	Data      json.RawMessage `json:"data"`
}

// WebhookVend is the data of vend.completed and vend.reversed.
type WebhookVend struct {
	Vend      string `json:"vend"`
	ReceiptNo string `json:"receipt_no"`
	Meter     string `json:"meter"`
	Account   string `json:"account"`
	Mode      string `json:"mode"`
	Amount    Amount `json:"amount"`
	UnitsWh   int64  `json:"units_wh"`
	Vendor    string `json:"vendor,omitempty"`
	Payment   string `json:"payment,omitempty"`
	Simulated bool   `json:"simulated,omitempty"`
}

// WebhookPayment is the data of payment.applied, payment.parked, payment.refunded and payment.rejected.
type WebhookPayment struct {
	Payment     string `json:"payment"`
	Provider    string `json:"provider"`
	ProviderTxn string `json:"provider_txn"`
	Amount      Amount `json:"amount"`
	State       string `json:"state"`
	Reason      string `json:"reason,omitempty"`
	Meter       string `json:"meter,omitempty"`
	Vend        string `json:"vend,omitempty"`
}

// WebhookSupply is the data of meter.cut_off and meter.restored.
type WebhookSupply struct {
	Meter      string    `json:"meter"`
	RecordedAt time.Time `json:"recorded_at"` // by the meter's clock
	Clock      string    `json:"clock"`
	Simulated  bool      `json:"simulated,omitempty"`
}

// WebhookAlarm is the data of alarm.raised.
type WebhookAlarm struct {
	Alarm  string `json:"alarm"`
	Code   string `json:"code"`
	Text   string `json:"text"`
	Meter  string `json:"meter,omitempty"`
	Feeder string `json:"feeder,omitempty"`
	Server string `json:"server,omitempty"`
}

// WebhookOff is the data of webhook.disabled.
type WebhookOff struct {
	Webhook string `json:"webhook"`
	Why     string `json:"why"`
}

// WebhookTest is the data of webhook.test.
type WebhookTest struct {
	Webhook string `json:"webhook"`
}
