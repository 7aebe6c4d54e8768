package webhook

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/sale"
)

// Event is something that happened.
type Event struct {
	Type Type
	Data any // a body of api/apiv1
}

// queued is an event in the outbox.
type queued struct {
	ID   id.ID           `json:"id"`
	Type Type            `json:"type"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"`
}

const kindEvent = "event"

// Item returns the outbox item of an event that happened at a time. Each event has a key of its own, so none waits for another and no fact
// waits for a lock of an endpoint.
func Item(event id.ID, at time.Time, e Event) (job.Item, error) {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return job.Item{}, fmt.Errorf("write an event of type %s: %w", e.Type, err)
	}
	body, err := json.Marshal(queued{ID: event, Type: e.Type, At: at, Data: data})
	return job.Item{Lane: job.LaneWebhook, Key: event.Text(id.Event), Kind: kindEvent, Body: body}, fault.Wrap(err, "write an event")
}

// body returns what an endpoint gets of an event.
func (q queued) body(sequence int64) (string, error) {
	text, err := json.Marshal(apiv1.WebhookEvent{Type: string(q.Type), Timestamp: q.At.UTC(), Sequence: sequence, Data: q.Data})
	if err != nil || len(text) <= MaxBody {
		return string(text), fault.Wrap(err, "write the body of an event")
	}
	return "", fmt.Errorf("event %s has %d bytes, more than %d", q.ID.Text(id.Event), len(text), MaxBody)
}

// OfSale returns the event of a sale that was completed or reversed; false for a sale in another state.
func OfSale(s sale.Sale) (Event, bool) {
	t, ok := map[sale.State]Type{sale.Completed: VendCompleted, sale.Reversed: VendReversed}[s.State]
	d := apiv1.WebhookVend{Vend: s.ID.Text(id.Vend), ReceiptNo: s.ReceiptNo, Meter: s.Meter.Number, Account: s.Account.Text(id.Account), Mode: string(s.Mode),
		Amount: amount(s.Tender), UnitsWh: int64(s.Units), Simulated: s.Meter.Simulated}
	if !s.Vendor.IsZero() {
		d.Vendor = s.Vendor.Text(id.Vendor)
	}
	if !s.Payment.IsZero() {
		d.Payment = s.Payment.Text(id.Payment)
	}
	return Event{t, d}, ok
}

// OfPayment returns the event of a payment that has come to a state; false for one that is only received. The payer and what the payer typed
// are left out.
func OfPayment(p payment.Payment) (Event, bool) {
	t, ok := map[payment.State]Type{payment.Applied: PaymentApplied, payment.Parked: PaymentParked, payment.Refunded: PaymentRefunded,
		payment.Rejected: PaymentRejected}[p.State]
	d := apiv1.WebhookPayment{Payment: p.Name(), Provider: p.Provider, ProviderTxn: p.Txn, Amount: amount(p.Amount), State: string(p.State), Reason: string(p.Reason),
		Meter: p.Meter}
	if !p.Sale.IsZero() {
		d.Vend = p.Sale.Text(id.Vend)
	}
	return Event{t, d}, ok
}

// OfRecord returns the event of a meter's relay that opened or closed, as the meter recorded it; false for any other record.
func OfRecord(r *metering.Record, code int) (Event, bool) {
	t, ok := map[int]Type{metering.EventRelayOpened: MeterCutOff, metering.EventRelayClosed: MeterRestored}[code]
	return Event{t, apiv1.WebhookSupply{Meter: r.Number, RecordedAt: time.Unix(r.Rec.Head.At, 0).UTC(), Clock: string(r.Rec.Head.Clock), Simulated: r.Simulated}}, ok
}

// maxText is the most of an alarm's text that an event has.
const maxText = 1000

// OfAlarm returns the event of an alarm that was raised.
func OfAlarm(a metering.RaisedAlarm) Event {
	return Event{AlarmRaised, apiv1.WebhookAlarm{Alarm: a.ID.Text(id.Alarm), Code: string(a.Alarm.Code), Text: cut(a.Alarm.Text, maxText),
		Meter: a.Number, Feeder: a.Feeder, Server: a.Alarm.Server}}
}

// ofEndpoint returns the event of an endpoint that was disabled because it failed or is gone.
func ofEndpoint(e Endpoint) Event {
	return Event{EndpointOff, apiv1.WebhookOff{Webhook: e.Name(), Why: string(e.DisabledWhy)}}
}

func amount(a money.Amount) apiv1.Amount {
	return apiv1.Amount{AmountMinor: int64(a.Minor), Currency: a.Currency}
}

// cut shortens a text to a number of bytes, at the end of a character.
func cut(text string, max int) string {
	if len(text) <= max {
		return text
	}
	for max > 0 && !utf8.RuneStart(text[max]) {
		max--
	}
	return text[:max]
}
