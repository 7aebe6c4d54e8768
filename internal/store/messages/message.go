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

// messageColumns are the columns of message m, with its meter's number from u, in the order in which scanMessage reads
// them.
const (
	messageColumns = `m.id, m.direction, m.state, m.purpose, m.lang, m.args, m.text, m.phone, m.customer_id, m.meter, COALESCE(u.number, ''),
	m.vend_id, m.token_id, m.answers, m.identity, m.line, m.open, m.asking, m.route, m.parts, m.cost_micro, m.tries, m.round, m.next_at,
	m.expires_at, m.created_at, m.sent_at, m.delivered_at, m.answered_at, m.ended_at, m.failure, m.by_actor`
	messageTables = ` FROM message m LEFT JOIN meter u ON u.tenant_id = m.tenant_id AND u.n = m.meter`
	messageIn     = "in"
	messageOut    = "out"
)

func scanMessage(r core.Row) (notify.Message, error) {
	m := notify.Message{ID: r.ID(0), Incoming: r.Text(1) == messageIn, State: notify.State(r.Text(2)), Purpose: notify.Purpose(r.Text(3)), Lang: r.Text(4),
		Text: r.Text(6), Phone: r.Text(7), Customer: r.ID(8), Meter: r.Int(9), Number: r.Text(10), Vend: r.ID(11), Token: r.ID(12), Answers: r.ID(13),
		Line: r.Text(15), Open: r.Bool(16), Asking: r.Bool(17), Route: r.Text(18), Parts: int(r.Int(19)), Cost: r.Int(20), Tries: int(r.Int(21)),
		Round: int(r.Int(22)), NextAt: r.Time(23), ExpiresAt: r.Time(24), CreatedAt: r.Time(25), SentAt: r.Time(26), DeliveredAt: r.Time(27),
		AnsweredAt: r.Time(28), EndedAt: r.Time(29), Failure: r.Text(30), By: r.Text(31)}
	copy(m.Identity[:], r.Bytes(14))
	if err := json.Unmarshal([]byte(r.Text(5)), &m.Args); err != nil {
		return m, fmt.Errorf("read the figures of message %s: %w", m.ID.Text(id.Message), err)
	}
	return m, nil
}

func (tx Rows) messages(what, rest string, args ...any) ([]notify.Message, error) {
	var out []notify.Message
	err := tx.C.Query(`SELECT `+messageColumns+messageTables+rest, func(r core.Row) error {
		m, err := scanMessage(r)
		out = append(out, m)
		return err
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return out, nil
}

// MessageAdd writes a new message.
func (tx Rows) MessageAdd(m notify.Message) error {
	args, err := json.Marshal(m.Args)
	if err != nil {
		return fmt.Errorf("write message %s: %w", m.ID.Text(id.Message), err)
	}
	direction := messageOut
	var identity []byte
	if m.Incoming {
		direction = messageIn
	}
	if m.Identity != [16]byte{} {
		identity = m.Identity[:]
	}
	var meter *int64
	if m.Meter != 0 {
		meter = &m.Meter
	}
	_, err = tx.C.Exec(`INSERT INTO message (tenant_id, id, direction, state, purpose, lang, args, text, phone, customer_id, meter, vend_id, token_id,
		answers, identity, line, open, asking, route, next_at, expires_at, answered_at, ended_at, failure, by_actor, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`,
		tx.Tenant, m.ID, direction, string(m.State), string(m.Purpose), m.Lang, string(args), m.Text, m.Phone, m.Customer, meter, m.Vend, m.Token,
		m.Answers, identity, m.Line, m.Open, m.Asking, m.Route, m.NextAt, m.ExpiresAt, m.AnsweredAt, m.EndedAt, m.Failure, m.By, m.CreatedAt)
	if err != nil {
		return fmt.Errorf("write message %s: %w", m.ID.Text(id.Message), err)
	}
	return nil
}

// MessagesWaiting counts open messages, of one line or, for "", of all; not beyond most.
func (tx Rows) MessagesWaiting(line string, most int) (int, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM (SELECT 1 AS one FROM message WHERE tenant_id = $1 AND open = 1 AND ($2 = '' OR line = $2) LIMIT $3) waiting`,
		tx.Tenant, line, most)
	return int(n), fault.Wrap(err, "count messages that wait")
}

// MessageKnown reports whether a message of this identity came before.
func (tx Rows) MessageKnown(identity [16]byte) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM message WHERE tenant_id = $1 AND identity = $2`, tx.Tenant, identity[:])
	return n > 0, fault.Wrap(err, "look for an arrival")
}

// MessageOf is the message with this identity.
func (tx Rows) MessageOf(identity [16]byte) (notify.Message, bool, error) {
	all, err := tx.messages("look for a message by its identity", ` WHERE m.tenant_id = $1 AND m.identity = $2`, tx.Tenant, identity[:])
	if err != nil || len(all) == 0 {
		return notify.Message{}, false, err
	}
	return all[0], true, nil
}

// MessageByID reads a message and locks it where the engine has locks.
func (tx Rows) MessageByID(message id.ID) (notify.Message, bool, error) {
	all, err := tx.messages("read message "+message.Text(id.Message), ` WHERE m.tenant_id = $1 AND m.id = $2`+tx.LockOf("m"), tx.Tenant, message)
	if err != nil || len(all) == 0 {
		return notify.Message{}, false, err
	}
	return all[0], true, nil
}

// MessagePut writes what may change of a message, and gives it free where it was claimed.
func (tx Rows) MessagePut(m notify.Message) error {
	return tx.messagePut(m, ", owner = '', owner_until = 0")
}

// MessageHold is MessagePut for a message whose claim goes on.
func (tx Rows) MessageHold(m notify.Message) error { return tx.messagePut(m, "") }

func (tx Rows) messagePut(m notify.Message, free string) error {
	err := tx.Must(`UPDATE message SET state = $1, open = $2, asking = $3, route = $4, parts = $5, cost_micro = $6, tries = $7, round = $8, next_at = $9,
		expires_at = $10, sent_at = $11, delivered_at = $12, answered_at = $13, ended_at = $14, failure = $15, version = version + 1`+free+`
		WHERE tenant_id = $16 AND id = $17`,
		string(m.State), m.Open, m.Asking, m.Route, m.Parts, m.Cost, m.Tries, m.Round, m.NextAt, m.ExpiresAt, m.SentAt, m.DeliveredAt, m.AnsweredAt,
		m.EndedAt, m.Failure, tx.Tenant, m.ID)
	if err != nil {
		return fmt.Errorf("write message %s: %w", m.ID.Text(id.Message), err)
	}
	return nil
}

// MessageTries lists the tries of a message in their order.
func (tx Rows) MessageTries(message id.ID) ([]notify.Try, error) {
	var out []notify.Try
	err := tx.C.Query(`SELECT n, route, asking, round, at, done_at, outcome, reference, parts, cost_micro, report, why FROM message_try
		WHERE tenant_id = $1 AND message_id = $2 ORDER BY n`, func(r core.Row) error {
		out = append(out, notify.Try{N: int(r.Int(0)), Route: r.Text(1), Asking: r.Bool(2), Round: int(r.Int(3)), At: r.Time(4), DoneAt: r.Time(5),
			Outcome: r.Text(6), Reference: r.Text(7), Parts: int(r.Int(8)), Cost: r.Int(9), Report: r.Text(10), Why: r.Text(11)})
		return nil
	}, tx.Tenant, message)
	if err != nil {
		return nil, fmt.Errorf("read the tries of message %s: %w", message.Text(id.Message), err)
	}
	return out, nil
}

// TryPut writes a try, a new one or one that is there.
func (tx Rows) TryPut(message id.ID, t notify.Try) error {
	_, err := tx.C.Exec(`INSERT INTO message_try (tenant_id, message_id, n, route, asking, round, at, done_at, outcome, reference, parts, cost_micro, report, why)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (tenant_id, message_id, n) DO UPDATE SET done_at = excluded.done_at, outcome = excluded.outcome, reference = excluded.reference,
		parts = excluded.parts, cost_micro = excluded.cost_micro, report = excluded.report, why = excluded.why`,
		tx.Tenant, message, t.N, t.Route, t.Asking, t.Round, t.At, t.DoneAt, t.Outcome, t.Reference, t.Parts, t.Cost, t.Report, t.Why)
	if err != nil {
		return fmt.Errorf("write a try of message %s: %w", message.Text(id.Message), err)
	}
	return nil
}

// MessageDue reports whether any message is due that nobody holds.
func (tx Rows) MessageDue(now time.Time) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM (SELECT 1 AS one FROM message WHERE tenant_id = $1 AND open = 1 AND next_at <= $2 AND owner_until <= $2 LIMIT 1) due`,
		tx.Tenant, now)
	return n > 0, fault.Wrap(err, "look for messages that are due")
}

// hasTurn is the condition on message m that at the moment $4 no other of its line goes before it. In a telephone's line they
// go in their order. In a meter's line the one that is at the meter goes before, so that there is one at a time even where an
// older one waits again; and one that the meter has rejected, which waits for another day, holds up none.
const hasTurn = ` AND NOT EXISTS (SELECT 1 FROM message p WHERE p.tenant_id = m.tenant_id AND p.line = m.line AND p.open = 1 AND p.id <> m.id
		AND CASE WHEN p.purpose <> 'meter-sms' THEN p.id < m.id
			WHEN p.state = 'queued' AND p.answered_at IS NOT NULL AND p.next_at > $4 THEN FALSE
			WHEN p.state = 'queued' AND p.owner_until <= $4 THEN p.id < m.id AND m.state = 'queued'
			ELSE p.id < m.id OR m.state = 'queued' END)`

// MessageClaim takes the first message that is due on a route, and has the turn of its line, until a moment.
func (tx Rows) MessageClaim(route, owner string, now, until time.Time) (notify.Message, bool, error) {
	var claimed id.ID
	found, err := tx.One(`UPDATE message SET owner = $1, owner_until = $2 WHERE tenant_id = $3 AND id = (
		SELECT m.id FROM message m WHERE m.tenant_id = $3 AND m.open = 1 AND m.next_at <= $4 AND m.owner_until <= $4 AND m.route = $5`+hasTurn+`
		ORDER BY m.next_at, m.id LIMIT 1`+tx.SkipLocked()+`) RETURNING id`,
		func(r core.Row) error { claimed = r.ID(0); return nil }, owner, until, tx.Tenant, now, route)
	if err != nil {
		return notify.Message{}, false, fmt.Errorf("claim a message for %s: %w", route, err)
	}
	if !found {
		return notify.Message{}, false, nil
	}
	return tx.MessageByID(claimed)
}

// MessagesStray lists messages that are due: queued ones that have no route, or one of down, and any that were due before
// stray on a route that is not among mine. Nobody holds them.
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
	// What a route has is not taken from it while it is only down; a meter's message whose route is gone would keep its turn for ever.
	condition = `m.state IN ('queued', 'unknown') AND (` + condition + `)`
	if len(mine) > 0 {
		args = append(args, stray)
		condition += fmt.Sprintf(` OR m.next_at < $%d AND m.route NOT IN (`, len(args)) + list(mine) + `)`
	}
	args = append(args, max)
	return tx.messages("list messages without a route", ` WHERE m.tenant_id = $1 AND m.open = 1
		AND m.next_at <= $2 AND m.owner_until <= $2 AND (`+condition+fmt.Sprintf(`) ORDER BY m.next_at, m.id LIMIT $%d`, len(args))+tx.LockOf("m"), args...)
}

// MessagesWake makes the messages due that wait in a telephone's line because it could not be reached. One that was tried
// just now, or often, keeps its pause: whoever writes in a telephone's name must not use up its tries.
func (tx Rows) MessagesWake(phone string, now time.Time) error {
	_, err := tx.C.Exec(`UPDATE message SET next_at = $1 WHERE tenant_id = $2 AND line = $3 AND open = 1 AND state = 'queued' AND next_at > $1
		AND tries < $4 AND NOT EXISTS (SELECT 1 FROM message_try t WHERE t.tenant_id = message.tenant_id AND t.message_id = message.id AND t.at > $5)`,
		now, tx.Tenant, phone, notify.MaxTriesWoken, now.Add(-notify.WakeEvery))
	return fault.Wrap(err, "wake messages")
}

// MessageOfTry finds the newest message that was given to a route under this reference since a moment, with the try's
// number. Where a telephone is named it must be the message's, as far as the network writes its end.
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

// sameEnd is how many digits at its end tell a number: networks write the same number with and without its country.
const sameEnd = 8

// MessageTotal adds an accepted message to what its month has cost.
func (tx Rows) MessageTotal(month, route string, parts int, cost int64) error {
	_, err := tx.C.Exec(`INSERT INTO message_month (tenant_id, month, route, messages, parts, cost_micro) VALUES ($1, $2, $3, 1, $4, $5)
		ON CONFLICT (tenant_id, month, route) DO UPDATE SET messages = message_month.messages + 1, parts = message_month.parts + excluded.parts,
		cost_micro = message_month.cost_micro + excluded.cost_micro`, tx.Tenant, month, route, parts, cost)
	return fault.Wrap(err, "count the cost of a message")
}

// MessageTotals lists months, the newest first.
func (tx Rows) MessageTotals(max int) ([]notify.Total, error) {
	var out []notify.Total
	err := tx.C.Query(`SELECT month, route, messages, parts, cost_micro FROM message_month WHERE tenant_id = $1 ORDER BY month DESC, route LIMIT $2`, func(r core.Row) error {
		out = append(out, notify.Total{Month: r.Text(0), Route: r.Text(1), Messages: r.Int(2), Parts: r.Int(3), Cost: r.Int(4)})
		return nil
	}, tx.Tenant, max)
	return out, fault.Wrap(err, "list the cost of messages")
}

// MessageList lists messages, the newest first, before the given one.
func (tx Rows) MessageList(f notify.Filter, before id.ID, max int) ([]notify.Message, error) {
	if before.IsZero() {
		for i := range before {
			before[i] = 0xff
		}
	}
	args, where := []any{tx.Tenant, before}, ` WHERE m.tenant_id = $1 AND m.id < $2`
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
		with("direction", map[bool]string{true: messageIn, false: messageOut}[*f.Incoming])
	}
	args = append(args, max)
	return tx.messages("list messages", where+fmt.Sprintf(` ORDER BY m.id DESC LIMIT $%d`, len(args)), args...)
}
