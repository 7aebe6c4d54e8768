package messages

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/store/core"
)

// messageRow is a row of message, with its meter's number.
type messageRow = notify.Message

var messageColumns = core.Columns[messageRow]{Table: "message", Unattested: []core.Column[messageRow]{
	core.ID("id", func(m *messageRow) *id.ID { return &m.ID }),
	{Name: "direction", Form: 't', Write: func(m *messageRow) any { return direction(m.Incoming) },
		Read: func(m *messageRow, r core.Row, col int) error {
			m.Incoming = r.Text(col) == direction(true)
			return nil
		}},
	core.Text("state", func(m *messageRow) *notify.State { return &m.State }),
	core.Text("purpose", func(m *messageRow) *notify.Purpose { return &m.Purpose }),
	core.Text("lang", func(m *messageRow) *string { return &m.Lang }),
	{Name: "args", Form: 't', Read: func(m *messageRow, r core.Row, col int) error { return json.Unmarshal([]byte(r.Text(col)), &m.Args) }},
	core.Text("text", func(m *messageRow) *string { return &m.Text }),
	core.Text("phone", func(m *messageRow) *string { return &m.Phone }),
	core.ID("customer_id", func(m *messageRow) *id.ID { return &m.Customer }),
	core.Int("meter", func(m *messageRow) *int64 { return &m.Meter }).OrNull(),
	core.ID("vend_id", func(m *messageRow) *id.ID { return &m.Vend }),
	core.ID("token_id", func(m *messageRow) *id.ID { return &m.Token }),
	core.ID("answers", func(m *messageRow) *id.ID { return &m.Answers }),
	core.ID("identity", func(m *messageRow) *id.ID { return (*id.ID)(&m.Identity) }),
	core.Text("line", func(m *messageRow) *string { return &m.Line }),
	core.Int("urgency", func(m *messageRow) *notify.Urgency { return &m.Urgency }),
	core.Text("token_set", func(m *messageRow) *string { return &m.TokenSet }),
	core.Bool("open", func(m *messageRow) *bool { return &m.Open }),
	core.Bool("asking", func(m *messageRow) *bool { return &m.Asking }),
	core.Text("route", func(m *messageRow) *string { return &m.Route }),
	core.Int("parts", func(m *messageRow) *int { return &m.Parts }),
	core.Int("cost_micro", func(m *messageRow) *int64 { return &m.Cost }),
	core.Int("tries", func(m *messageRow) *int { return &m.Tries }),
	core.Int("round", func(m *messageRow) *int { return &m.Round }),
	core.Time("next_at", func(m *messageRow) *time.Time { return &m.NextAt }),
	core.Time("expires_at", func(m *messageRow) *time.Time { return &m.ExpiresAt }),
	core.Time("created_at", func(m *messageRow) *time.Time { return &m.CreatedAt }),
	core.Time("sent_at", func(m *messageRow) *time.Time { return &m.SentAt }),
	core.Time("delivered_at", func(m *messageRow) *time.Time { return &m.DeliveredAt }),
	core.Time("answered_at", func(m *messageRow) *time.Time { return &m.AnsweredAt }),
	core.Time("ended_at", func(m *messageRow) *time.Time { return &m.EndedAt }),
	core.Text("failure", func(m *messageRow) *string { return &m.Failure }),
	core.Text("by_actor", func(m *messageRow) *string { return &m.By }),
	{Name: "owner", Form: 't'}, {Name: "owner_until", Form: 'i'}, {Name: "version", Form: 'i'},
}}

// messageQuery reads messages with the numbers of their meters. messageChanges are the columns of a message that may change.
var (
	messageQuery = `SELECT COALESCE(u.number, ''), ` + messageColumns.List("m") +
		` FROM message m LEFT JOIN meter u ON u.tenant_id = m.tenant_id AND u.n = m.meter`
	messageInsert  = `INSERT INTO ` + messageColumns.Into("args")
	messageChanges = core.Columns[messageRow]{Table: "message", Unattested: messageColumns.Pick("state", "line", "open", "asking", "route", "parts",
		"cost_micro", "tries", "round", "next_at", "expires_at", "sent_at", "delivered_at", "answered_at", "ended_at", "failure")}
	messagePut  = `UPDATE ` + messageChanges.Update("id", "owner", "owner_until")
	messageHold = `UPDATE ` + messageChanges.Update("id")
)

// direction returns the direction of a message as it is stored.
func direction(incoming bool) string {
	if incoming {
		return "in"
	}
	return "out"
}

func (tx Rows) messages(what, rest string, args ...any) ([]notify.Message, error) {
	var out []notify.Message
	err := tx.C.Query(messageQuery+rest, func(r core.Row) error {
		out = append(out, notify.Message{Number: r.Text(0)})
		_, err := messageColumns.Scan(r, 1, &out[len(out)-1])
		return err
	}, args...)
	return out, fault.Wrap(err, "%s", what)
}

// MessageAdd writes a new message.
func (tx Rows) MessageAdd(m notify.Message) error {
	args, err := json.Marshal(m.Args)
	if err != nil {
		return fmt.Errorf("write message %s: %w", m.ID.Text(id.Message), err)
	}
	_, err = tx.C.Exec(messageInsert, messageColumns.Values(tx.Tenant, &m, string(args))...)
	return fault.Wrap(err, "write message %s", m.ID.Text(id.Message))
}

// MessagesWaiting counts open messages of one line (all lines for ""). The parameter most is the highest number that it returns.
func (tx Rows) MessagesWaiting(line string, most int) (int, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM (SELECT 1 AS one FROM message WHERE tenant_id = $1 AND open = 1 AND ($2 = '' OR line = $2) LIMIT $3) waiting`,
		tx.Tenant, line, most)
	return int(n), fault.Wrap(err, "count waiting messages")
}

// MessageKnown reports whether a message with this identity is stored.
func (tx Rows) MessageKnown(identity [16]byte) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM message WHERE tenant_id = $1 AND identity = $2`, tx.Tenant, identity[:])
	return n > 0, fault.Wrap(err, "look for an arrival")
}

// MessageOf finds the message with this identity.
func (tx Rows) MessageOf(identity [16]byte) (notify.Message, bool, error) {
	all, err := tx.messages("look for a message by its identity", ` WHERE m.tenant_id = $1 AND m.identity = $2`, tx.Tenant, identity[:])
	if err != nil || len(all) == 0 {
		return notify.Message{}, false, err
	}
	return all[0], true, nil
}

// MessageByID reads a message and locks it if the engine has row locks.
func (tx Rows) MessageByID(message id.ID) (notify.Message, bool, error) {
	all, err := tx.messages("read message "+message.Text(id.Message), ` WHERE m.tenant_id = $1 AND m.id = $2`+tx.LockOf("m"), tx.Tenant, message)
	if err != nil || len(all) == 0 {
		return notify.Message{}, false, err
	}
	return all[0], true, nil
}

// MessagePut writes the columns of a message that may change, and releases its claim.
func (tx Rows) MessagePut(m notify.Message) error {
	return tx.messageWrite(m.ID, messagePut, messageChanges.Changes(&m, "", 0, tx.Tenant, m.ID))
}

// MessageHold is MessagePut for a message whose claim continues.
func (tx Rows) MessageHold(m notify.Message) error {
	return tx.messageWrite(m.ID, messageHold, messageChanges.Changes(&m, tx.Tenant, m.ID))
}

func (tx Rows) messageWrite(message id.ID, sql string, args []any) error {
	err := tx.Must(sql, args...)
	return fault.Wrap(err, "write message %s", message.Text(id.Message))
}

var tryColumns = core.Columns[notify.Try]{Table: "message_try", Unattested: []core.Column[notify.Try]{
	core.Int("n", func(t *notify.Try) *int { return &t.N }),
	core.Text("route", func(t *notify.Try) *string { return &t.Route }),
	core.Bool("asking", func(t *notify.Try) *bool { return &t.Asking }),
	core.Int("round", func(t *notify.Try) *int { return &t.Round }),
	core.Time("at", func(t *notify.Try) *time.Time { return &t.At }),
	core.Time("done_at", func(t *notify.Try) *time.Time { return &t.DoneAt }),
	core.Text("outcome", func(t *notify.Try) *string { return &t.Outcome }),
	core.Text("reference", func(t *notify.Try) *string { return &t.Reference }),
	core.Int("parts", func(t *notify.Try) *int { return &t.Parts }),
	core.Int("cost_micro", func(t *notify.Try) *int64 { return &t.Cost }),
	core.Text("report", func(t *notify.Try) *string { return &t.Report }),
	core.Text("why", func(t *notify.Try) *string { return &t.Why }),
	{Name: "message_id", Form: 'b'},
}}

// tryQuery reads the tries of a message. tryPut writes a try; for an existing try it writes only the outcome.
var (
	tryOutcome = core.Columns[notify.Try]{Table: "message_try",
		Unattested: tryColumns.Pick("done_at", "outcome", "reference", "parts", "cost_micro", "report", "why")}
	tryQuery = `SELECT ` + tryColumns.List("") + ` FROM message_try WHERE tenant_id = $1 AND message_id = $2 ORDER BY n`
	tryPut   = `INSERT INTO ` + tryColumns.Into("message_id") + tryOutcome.OrUpdate("message_id", "n")
)

// MessageTries lists the tries of a message in order.
func (tx Rows) MessageTries(message id.ID) ([]notify.Try, error) {
	var out []notify.Try
	err := tx.C.Query(tryQuery, tryColumns.AddTo(&out), tx.Tenant, message)
	return out, fault.Wrap(err, "read the tries of message %s", message.Text(id.Message))
}

// TryPut writes a new try, or the outcome of an existing one.
func (tx Rows) TryPut(message id.ID, t notify.Try) error {
	_, err := tx.C.Exec(tryPut, tryColumns.Values(tx.Tenant, &t, message)...)
	return fault.Wrap(err, "write a try of message %s", message.Text(id.Message))
}

// MessageDue reports whether any message is due and not claimed.
func (tx Rows) MessageDue(now time.Time) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM (SELECT 1 AS one FROM message WHERE tenant_id = $1 AND open = 1 AND next_at <= $2 AND owner_until <= $2 LIMIT 1) due`,
		tx.Tenant, now)
	return n > 0, fault.Wrap(err, "look for messages that are due")
}

// isQueueHead is the SQL condition that message m is the head of its queue at the moment $4: no other message of its line holds it up.
//
// In a telephone's line a message waits for the one that is being sent, unless it is prompt (urgency 0), and a token waits for the earlier
// tokens of its set. It does not wait for a message that could not be delivered and is tried again later.
//
// In a meter's line the message that is at the meter goes first, even if an older message waits again: only one message may be at the meter
// at a time. A message that the meter has rejected and that waits for another day does not block other messages.
const isQueueHead = ` AND NOT EXISTS (SELECT 1 FROM message p WHERE p.tenant_id = m.tenant_id AND p.line = m.line AND p.open = 1 AND p.id <> m.id
		AND CASE WHEN p.purpose <> 'meter-sms' THEN p.token_set <> '' AND p.token_set = m.token_set AND p.id < m.id OR p.owner_until > $4 AND m.urgency > 0
			WHEN p.state = 'queued' AND p.answered_at IS NOT NULL AND p.next_at > $4 THEN FALSE
			WHEN p.state = 'queued' AND p.owner_until <= $4 THEN p.id < m.id AND m.state = 'queued'
			ELSE p.id < m.id OR m.state = 'queued' END)`

// MessageClaim claims, until a moment, the most urgent message that is due on a route and is the head of its queue.
func (tx Rows) MessageClaim(route, owner string, now, until time.Time) (notify.Message, bool, error) {
	var claimed id.ID
	found, err := tx.One(`UPDATE message SET owner = $1, owner_until = $2 WHERE tenant_id = $3 AND id = (
		SELECT m.id FROM message m WHERE m.tenant_id = $3 AND m.open = 1 AND m.next_at <= $4 AND m.owner_until <= $4 AND m.route = $5`+isQueueHead+`
		ORDER BY m.urgency, m.next_at, m.id LIMIT 1`+tx.SkipLocked()+`) RETURNING id`,
		func(r core.Row) error { claimed = r.ID(0); return nil }, owner, until, tx.Tenant, now, route)
	if err != nil {
		return notify.Message{}, false, fmt.Errorf("claim a message for %s: %w", route, err)
	}
	if !found {
		return notify.Message{}, false, nil
	}
	return tx.MessageByID(claimed)
}

// MessagesStray lists due, unclaimed messages that their route will not send. These are messages in the state queued or unknown that have
// no route or whose route is down. The parameter mine lists the routes of this server. If it is not empty, MessagesStray also lists
// messages of other routes that were due before the time in the parameter stray.
func (tx Rows) MessagesStray(mine, down []string, now, stray time.Time, max int) ([]notify.Message, error) {
	args := []any{tx.Tenant, now}
	list := func(names []string) string {
		holders := make([]string, len(names))
		for i, n := range names {
			args = append(args, n)
			holders[i] = fmt.Sprintf("$%d", len(args))
		}
		return strings.Join(holders, ", ")
	}
	condition := `m.route = ''`
	if len(down) > 0 {
		condition += ` OR m.route IN (` + list(down) + `)`
	}
	// A message that a route has already sent stays with this route as long as the route is only down. But a meter's message whose route is
	// gone would stay the queue head forever.
	condition = `m.state IN ('queued', 'unknown') AND (` + condition + `)`
	if len(mine) > 0 {
		args = append(args, stray)
		condition += fmt.Sprintf(` OR m.next_at < $%d AND m.route NOT IN (`, len(args)) + list(mine) + `)`
	}
	args = append(args, max)
	return tx.messages("list messages without a route", ` WHERE m.tenant_id = $1 AND m.open = 1
		AND m.next_at <= $2 AND m.owner_until <= $2 AND (`+condition+fmt.Sprintf(`) ORDER BY m.urgency, m.next_at, m.id LIMIT $%d`, len(args))+tx.LockOf("m"), args...)
}

// MessagesWake makes messages due that wait because a telephone could not be reached. A message that was tried after the moment in the
// parameter tried, or many times, keeps waiting. A warning that was never tried waits for the morning, not for the telephone. A message of
// unknown outcome that is still open may harmlessly arrive twice.
func (tx Rows) MessagesWake(phone string, now, tried time.Time) error {
	_, err := tx.C.Exec(`UPDATE message SET next_at = $1 WHERE tenant_id = $2 AND (line = $3 OR line = $4 AND tries > 0) AND open = 1
		AND state IN ('queued', 'unknown') AND next_at > $1 AND tries < $5
		AND NOT EXISTS (SELECT 1 FROM message_try t WHERE t.tenant_id = message.tenant_id AND t.message_id = message.id AND t.at > $6)`,
		now, tx.Tenant, phone, notify.WarningLine(phone), notify.MaxTriesWoken, tried)
	return fault.Wrap(err, "wake messages")
}

// MessagesWakeRoute makes messages due that wait after a round of tries, of which the last did not leave and one was by the given route. A message
// that left and was reported as failed waits for its telephone, and one that was tried many times keeps waiting.
func (tx Rows) MessagesWakeRoute(route string, now time.Time) error {
	const failed = `EXISTS (SELECT 1 FROM message_try t WHERE t.tenant_id = message.tenant_id AND t.message_id = message.id AND t.outcome = 'not_sent' AND t.report <> 'failed' AND `
	_, err := tx.C.Exec(`UPDATE message SET next_at = $1 WHERE tenant_id = $2 AND open = 1 AND next_at > $1 AND state = 'queued' AND tries > 0 AND tries < $3
		AND `+failed+`t.n = message.tries) AND `+failed+`t.route = $4)`, now, tx.Tenant, notify.MaxTriesWoken, route)
	return fault.Wrap(err, "wake the messages of route %s", route)
}

// MessagesAfter lists the messages with one of the purposes that were queued for the same telephone after m, newest first.
func (tx Rows) MessagesAfter(m notify.Message, purposes []notify.Purpose, max int) ([]notify.Message, error) {
	args := []any{tx.Tenant, m.Phone, m.ID, direction(false)}
	holders := make([]string, len(purposes))
	for i, p := range purposes {
		args = append(args, string(p))
		holders[i] = fmt.Sprintf("$%d", len(args))
	}
	args = append(args, max)
	return tx.messages("list later messages to a telephone", ` WHERE m.tenant_id = $1 AND m.phone = $2 AND m.id > $3 AND m.direction = $4
		AND m.purpose IN (`+strings.Join(holders, ", ")+fmt.Sprintf(`) ORDER BY m.id DESC LIMIT $%d`, len(args)), args...)
}

// MessageOfTry finds the newest try that the given route made under the given reference at or after the given time. It returns the try's
// message and number. If phone is not empty, the last digits of the message's number must match it.
func (tx Rows) MessageOfTry(route, reference, phone string, since time.Time) (message id.ID, n int, found bool, err error) {
	end := phone
	if len(end) > sameEnd {
		end = end[len(end)-sameEnd:]
	}
	found, err = tx.One(`SELECT t.message_id, t.n FROM message_try t JOIN message m ON m.tenant_id = t.tenant_id AND m.id = t.message_id
		WHERE t.tenant_id = $1 AND t.route = $2 AND t.reference = $3 AND t.at >= $4 AND ($5 = '' OR m.phone LIKE '%' || $5) ORDER BY t.at DESC LIMIT 1`,
		func(r core.Row) error { message, n = r.ID(0), int(r.Int(1)); return nil }, tx.Tenant, route, reference, since, end)
	return message, n, found, fault.Wrap(err, "find the message of a report")
}

// sameEnd is how many last digits identify a number: networks write the same number with and without its country code.
const sameEnd = 8

var monthColumns = core.Columns[notify.Total]{Table: "message_month", Unattested: []core.Column[notify.Total]{
	core.Text("month", func(t *notify.Total) *string { return &t.Month }),
	core.Text("route", func(t *notify.Total) *string { return &t.Route }),
	core.Int("messages", func(t *notify.Total) *int64 { return &t.Messages }),
	core.Int("parts", func(t *notify.Total) *int64 { return &t.Parts }),
	core.Int("cost_micro", func(t *notify.Total) *int64 { return &t.Cost }),
}}

// MessageTotal adds an accepted message to the cost of its month and route.
func (tx Rows) MessageTotal(month, route string, parts int, cost int64) error {
	_, err := tx.C.Exec(`INSERT INTO `+monthColumns.Into()+` ON CONFLICT (tenant_id, month, route) DO UPDATE SET
		messages = message_month.messages + 1, parts = message_month.parts + excluded.parts, cost_micro = message_month.cost_micro + excluded.cost_micro`,
		monthColumns.Values(tx.Tenant, &notify.Total{Month: month, Route: route, Messages: 1, Parts: int64(parts), Cost: cost})...)
	return fault.Wrap(err, "count the cost of a message")
}

// MessageTotals lists the costs of months and routes, newest month first.
func (tx Rows) MessageTotals(max int) ([]notify.Total, error) {
	var out []notify.Total
	err := tx.C.Query(`SELECT `+monthColumns.List("")+` FROM message_month WHERE tenant_id = $1 ORDER BY month DESC, route LIMIT $2`,
		monthColumns.AddTo(&out), tx.Tenant, max)
	return out, fault.Wrap(err, "list the cost of messages")
}

// MessageList lists messages, newest first, that are older than the given one.
func (tx Rows) MessageList(f notify.Filter, before id.ID, max int) ([]notify.Message, error) {
	args, where := []any{tx.Tenant, core.UpTo(before)}, ` WHERE m.tenant_id = $1 AND m.id < $2`
	with := func(column string, v any) {
		args = append(args, v)
		where += fmt.Sprintf(" AND m.%s = $%d", column, len(args))
	}
	if f.Meter != 0 {
		with("meter", f.Meter)
	}
	if f.Phone != "" {
		with("phone", f.Phone)
	}
	if f.State != "" {
		with("state", string(f.State))
	}
	if !f.Vend.IsZero() {
		with("vend_id", f.Vend)
	}
	if f.Incoming != nil {
		with("direction", direction(*f.Incoming))
	}
	args = append(args, max)
	return tx.messages("list messages", where+fmt.Sprintf(` ORDER BY m.id DESC LIMIT $%d`, len(args)), args...)
}
