package people

import (
	"encoding/json"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/webhook"
)

var webhookColumns = core.Columns[webhook.Endpoint]{Table: "webhook", Attested: []core.Column[webhook.Endpoint]{
	core.Text("url", func(e *webhook.Endpoint) *string { return &e.URL }),
	core.Text("events", func(e *webhook.Endpoint) *webhook.Choice { return &e.Events }),
	core.Bool("allow_private", func(e *webhook.Endpoint) *bool { return &e.AllowPrivate }),
	core.Time("disabled_at", func(e *webhook.Endpoint) *time.Time { return &e.DisabledAt }),
	core.Time("removed_at", func(e *webhook.Endpoint) *time.Time { return &e.RemovedAt }),
	core.Text("added_by", func(e *webhook.Endpoint) *string { return &e.AddedBy }),
}, Unattested: []core.Column[webhook.Endpoint]{ // sealed secrets prove themselves; a new data key seals them again
	core.ID("id", func(e *webhook.Endpoint) *id.ID { return &e.ID }),
	core.Bytes("secret_enc", func(e *webhook.Endpoint) *[]byte { return &e.Secret }),
	core.Bytes("previous_enc", func(e *webhook.Endpoint) *[]byte { return &e.Previous }),
	core.Time("previous_until", func(e *webhook.Endpoint) *time.Time { return &e.PreviousUntil }),
	core.Text("disabled_why", func(e *webhook.Endpoint) *webhook.Why { return &e.DisabledWhy }),
	core.Time("failing_since", func(e *webhook.Endpoint) *time.Time { return &e.FailingSince }),
	core.Time("paused_until", func(e *webhook.Endpoint) *time.Time { return &e.PausedUntil }),
	core.Int("sequence", func(e *webhook.Endpoint) *int64 { return &e.Sequence }),
	core.Time("created_at", func(e *webhook.Endpoint) *time.Time { return &e.AddedAt }),
	core.Int("version", func(e *webhook.Endpoint) *int64 { return &e.Version }).ReadOnly(),
}}

// webhookKind is the name of endpoints in evidence, and WebhookKind describes it.
const webhookKind = "webhook"

var WebhookKind = core.AttestedKind{Name: webhookKind, Noun: "Webhook", Prefix: id.Webhook, From: "webhook r", Key: "id", Order: "r.version",
	Proof: webhookColumns.Proof("r")}

// deliveryRow is a row of event_delivery.
type deliveryRow = webhook.Delivery

var deliveryColumns = core.Columns[deliveryRow]{Table: "event_delivery", Unattested: []core.Column[deliveryRow]{
	core.ID("id", func(d *deliveryRow) *id.ID { return &d.ID }),
	core.ID("webhook_id", func(d *deliveryRow) *id.ID { return &d.Endpoint }),
	core.ID("event_id", func(d *deliveryRow) *id.ID { return &d.Event }),
	core.Int("sequence", func(d *deliveryRow) *int64 { return &d.Sequence }),
	core.Text("type", func(d *deliveryRow) *webhook.Type { return &d.Type }),
	core.Text("body", func(d *deliveryRow) *string { return &d.Body }),
	core.Text("state", func(d *deliveryRow) *webhook.State { return &d.State }),
	core.Int("attempts", func(d *deliveryRow) *int { return &d.Attempts }),
	core.Time("next_at", func(d *deliveryRow) *time.Time { return &d.NextAt }),
	{Name: "log", Form: 't', Read: func(d *deliveryRow, r core.Row, col int) error { return json.Unmarshal([]byte(r.Text(col)), &d.Log) },
		Write: func(d *deliveryRow) any { return logText(d.Log) }},
	core.Time("created_at", func(d *deliveryRow) *time.Time { return &d.CreatedAt }),
	core.Time("ended_at", func(d *deliveryRow) *time.Time { return &d.EndedAt }),
	{Name: "owner", Form: 't'}, {Name: "owner_until", Form: 'i'},
}}

// logText writes the attempts of a delivery. They are plain values, so writing them cannot fail.
func logText(log []webhook.Attempt) string {
	if len(log) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(log)
	return string(text)
}

var (
	webhookQuery  = `SELECT ` + webhookColumns.List("") + ` FROM webhook WHERE tenant_id = $1 AND removed_at IS NULL AND `
	deliveryQuery = `SELECT ` + deliveryColumns.List("") + ` FROM event_delivery WHERE tenant_id = $1 AND `
)

// AddWebhook stores a new endpoint.
func (tx Rows) AddWebhook(e webhook.Endpoint) error {
	_, err := tx.C.Exec(`INSERT INTO `+webhookColumns.Into(), webhookColumns.Values(tx.Tenant, &e)...)
	if err == nil {
		err = tx.Attest(webhookKind, e.ID)
	}
	return fault.Wrap(err, "store a webhook")
}

// PutWebhook writes an endpoint that WebhookByID locked, with evidence.
func (tx Rows) PutWebhook(e webhook.Endpoint) error {
	err := tx.Rewrite(webhookKind, e.ID, func() error {
		return tx.Must(`UPDATE `+webhookColumns.Update("id"), webhookColumns.Changes(&e, tx.Tenant, e.ID)...)
	})
	return fault.Wrap(err, "write webhook %s", e.Name())
}

// PutPace writes the number of an endpoint's newest event, its failures and its pause.
func (tx Rows) PutPace(e webhook.Endpoint) error {
	return fault.Wrap(tx.Must(`UPDATE webhook SET sequence = $1, failing_since = $2, paused_until = $3 WHERE tenant_id = $4 AND id = $5`,
		e.Sequence, e.FailingSince, e.PausedUntil, tx.Tenant, e.ID), "write webhook %s", e.Name())
}

// WebhookByID reads an endpoint that was not removed, and locks it.
func (tx Rows) WebhookByID(i id.ID) (e webhook.Endpoint, found bool, err error) {
	found, err = tx.One(webhookQuery+`id = $2`+tx.C.ForUpdate(), webhookColumns.To(&e), tx.Tenant, i)
	return e, found, fault.Wrap(err, "find a webhook")
}

// WebhookPage lists the endpoints that were not removed, in the order of their identities, after the given one.
func (tx Rows) WebhookPage(after id.ID, max int) (out []webhook.Endpoint, err error) {
	err = tx.C.Query(webhookQuery+`id > $2 ORDER BY id LIMIT $3`, webhookColumns.AddTo(&out), tx.Tenant, after[:], max)
	return out, fault.Wrap(err, "list webhooks")
}

// AddDelivery stores a delivery. If its endpoint has the event already, AddDelivery stores nothing and returns false.
func (tx Rows) AddDelivery(d webhook.Delivery) (bool, error) {
	n, err := tx.C.Exec(`INSERT INTO `+deliveryColumns.Into()+` ON CONFLICT DO NOTHING`, deliveryColumns.Values(tx.Tenant, &d)...)
	return n == 1, fault.Wrap(err, "store a delivery")
}

// PutDelivery writes the state of a delivery, and ends its claim.
func (tx Rows) PutDelivery(d webhook.Delivery) error {
	return fault.Wrap(tx.Must(`UPDATE event_delivery SET state = $1, attempts = $2, next_at = $3, log = $4, ended_at = $5, owner = '', owner_until = 0
		WHERE tenant_id = $6 AND id = $7`, string(d.State), d.Attempts, d.NextAt, logText(d.Log), d.EndedAt, tx.Tenant, d.ID), "write delivery %s", d.Name())
}

// DeliveryByID reads a delivery and locks it.
func (tx Rows) DeliveryByID(i id.ID) (d webhook.Delivery, found bool, err error) {
	found, err = tx.One(deliveryQuery+`id = $2`+tx.C.ForUpdate(), deliveryColumns.To(&d), tx.Tenant, i)
	return d, found, fault.Wrap(err, "find a delivery")
}

// DeliveryPage lists the deliveries of an endpoint, newest first, before the given one or from the newest on.
func (tx Rows) DeliveryPage(endpoint id.ID, state webhook.State, before id.ID, max int) (out []webhook.Delivery, err error) {
	condition, limit, args := ``, `$4`, []any{tx.Tenant, endpoint, core.UpTo(before)}
	if state != "" { // SQLite numbers parameters in the order of the text
		condition, limit, args = ` AND state = $4`, `$5`, append(args, string(state))
	}
	err = tx.C.Query(deliveryQuery+`webhook_id = $2 AND id < $3`+condition+` ORDER BY id DESC LIMIT `+limit, deliveryColumns.AddTo(&out), append(args, max)...)
	return out, fault.Wrap(err, "list deliveries")
}

// DeliveriesFailed lists failed deliveries of events since a time, oldest first.
func (tx Rows) DeliveriesFailed(endpoint id.ID, since time.Time, max int) (out []webhook.Delivery, err error) {
	err = tx.C.Query(deliveryQuery+`webhook_id = $2 AND state = 'failed' AND id >= $3 ORDER BY id LIMIT $4`, deliveryColumns.AddTo(&out),
		tx.Tenant, endpoint, id.First(since), max)
	return out, fault.Wrap(err, "list failed deliveries")
}

// CountDeliveries counts the deliveries of an endpoint in a state.
func (tx Rows) CountDeliveries(endpoint id.ID, state webhook.State) (int, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM event_delivery WHERE tenant_id = $1 AND webhook_id = $2 AND state = $3`, tx.Tenant, endpoint, string(state))
	return int(n), fault.Wrap(err, "count deliveries")
}

// DropDeliveries removes deliveries of an endpoint: all if the state is empty, otherwise those in the state but the newest ones.
func (tx Rows) DropDeliveries(endpoint id.ID, state webhook.State, keep int) error {
	if state == "" {
		_, err := tx.C.Exec(`DELETE FROM event_delivery WHERE tenant_id = $1 AND webhook_id = $2`, tx.Tenant, endpoint)
		return fault.Wrap(err, "remove deliveries")
	}
	var newest id.ID // the newest delivery that goes
	found, err := tx.One(`SELECT id FROM event_delivery WHERE tenant_id = $1 AND webhook_id = $2 AND state = $3 ORDER BY id DESC LIMIT 1 OFFSET $4`,
		func(r core.Row) error { newest = r.ID(0); return nil }, tx.Tenant, endpoint, string(state), keep)
	if err == nil && found {
		_, err = tx.C.Exec(`DELETE FROM event_delivery WHERE tenant_id = $1 AND webhook_id = $2 AND state = $3 AND id <= $4`,
			tx.Tenant, endpoint, string(state), newest)
	}
	return fault.Wrap(err, "remove old deliveries")
}

// DueWebhooks lists the enabled endpoints that have a delivery due, and returns when the next one is due; zero for none. It looks at one
// delivery of each endpoint.
func (tx Rows) DueWebhooks(now time.Time) (due []id.ID, next time.Time, err error) {
	err = tx.C.Query(`SELECT w.id, w.paused_until, (SELECT d.next_at FROM event_delivery d WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id
			AND d.state = 'waiting' AND d.owner_until <= $1 ORDER BY d.next_at LIMIT 1)
		FROM webhook w WHERE w.tenant_id = $2 AND w.removed_at IS NULL AND w.disabled_at IS NULL`, func(r core.Row) error {
		if r.IsNull(2) {
			return nil
		}
		at := r.Time(2)
		if pause := r.Time(1); pause.After(at) {
			at = pause
		}
		if !at.After(now) {
			due = append(due, r.ID(0))
		} else if next.IsZero() || at.Before(next) {
			next = at
		}
		return nil
	}, now, tx.Tenant)
	return due, next, fault.Wrap(err, "find the webhooks with a delivery due")
}

// ClaimDeliveries claims the due deliveries of an endpoint that no other worker holds, oldest attempt first.
func (tx Rows) ClaimDeliveries(endpoint id.ID, owner string, until time.Time, max int) (out []webhook.Delivery, err error) {
	err = tx.C.Query(`UPDATE event_delivery SET owner = $1, owner_until = $2 WHERE tenant_id = $3 AND id IN (
			SELECT id FROM event_delivery WHERE tenant_id = $3 AND webhook_id = $4 AND state = 'waiting' AND next_at <= $5 AND owner_until <= $5
			ORDER BY next_at, id LIMIT $6`+tx.SkipLocked()+`) RETURNING `+deliveryColumns.List(""), deliveryColumns.AddTo(&out),
		owner, until, tx.Tenant, endpoint, tx.Now, max)
	return out, fault.Wrap(err, "claim deliveries")
}
