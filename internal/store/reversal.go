package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

func wrapReversal(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// VendMeter is the meter of a sale, without locking either: locks are taken from the account on, see lock order.
func (tx *Tx) VendMeter(sale id.ID) (id.ID, bool, error) {
	var meter id.ID
	found, err := tx.one(`SELECT m.id FROM vend v JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter WHERE v.tenant_id = $1 AND v.id = $2`,
		func(r Row) error { meter = r.ID(0); return nil }, tx.Tenant, sale)
	return meter, found, wrapReversal("find the meter of a sale", err)
}

// VendNewest is the newest sale to a meter that neither failed nor was reversed; the zero ID for none. Identities of
// one millisecond do not sort, so the place in the month decides between such sales.
func (tx *Tx) VendNewest(meter int64) (id.ID, error) {
	var newest id.ID
	_, err := tx.one(`SELECT id FROM vend WHERE tenant_id = $1 AND meter = $2 AND state NOT IN ('failed', 'reversed')
		ORDER BY priced_at DESC, mtd_before_wh DESC, id DESC LIMIT 1`,
		func(r Row) error { newest = r.ID(0); return nil }, tx.Tenant, meter)
	return newest, wrapReversal("find the newest sale of a meter", err)
}

// VendTurn moves a sale from one state to another.
func (tx *Tx) VendTurn(sale id.ID, from, to vending.State) error {
	return wrapReversal("turn a sale to "+string(to), tx.must(`UPDATE vend SET state = $1, version = version + 1
		WHERE tenant_id = $2 AND id = $3 AND state = $4`, string(to), tx.Tenant, sale, string(from)))
}

// TokenTurn gives a token another state.
func (tx *Tx) TokenTurn(token id.ID, to vending.TokenState) error {
	return wrapReversal("turn a token to "+string(to), tx.must(`UPDATE token SET state = $1, version = version + 1
		WHERE tenant_id = $2 AND id = $3`, string(to), tx.Tenant, token))
}

// DropPush ends the delivery of a token to its meter.
func (tx *Tx) DropPush(number string, token id.ID) error {
	return tx.dropDelivery(number, token.Text(id.Token))
}

// CancelToken queues the command that makes a meter store a TID as used. False for a meter without a link key, which
// could not check who commands it.
func (tx *Tx) CancelToken(m vending.MeterRef, tid sts.TID, base sts.BaseDate, life time.Duration, reason, by string) (id.ID, bool, error) {
	can, err := tx.HasLinkKey(m.ID)
	if err != nil || !can {
		return id.ID{}, false, err
	}
	meter, found, err := tx.MeterByN(m.N)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return id.ID{}, false, wrapReversal("cancel a token", err)
	}
	now, err := tx.MeterClock(meter)
	if err != nil {
		return id.ID{}, false, err
	}
	i, err := tx.NewID()
	if err != nil {
		return id.ID{}, false, err
	}
	c := command.Command{ID: i, Meter: m.N, Number: m.Number, Type: command.CancelToken, Reason: reason, State: command.StateQueued,
		Args: map[string]any{"tid": int64(tid), "base_date": int64(base)}, ExpiresAt: now.Add(life), By: by, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	if err := tx.AddCommand(c); err != nil {
		return id.ID{}, false, err
	}
	body, err := json.Marshal(job.Body{CommandID: i.Text(id.Command)})
	if err == nil {
		_, err = tx.Enqueue(job.Item{Lane: job.LaneMQTT, Key: job.CommandKey(m.Number), Kind: job.KindCommand, Body: body, ExpiresAt: tx.Now.Add(life)})
	}
	if err != nil {
		return id.ID{}, false, wrapReversal("cancel a token", err)
	}
	return i, true, tx.AuditLog(access.Entry{Actor: by, Action: "command.send", Object: i.Text(id.Command),
		After: string(command.CancelToken) + " " + m.ID.Text(id.Meter), Reason: reason})
}

// AddReversal keeps a reversal that begins, with the commands that it waits for.
func (tx *Tx) AddReversal(r vending.Reversal) error {
	_, err := tx.C.Exec(`INSERT INTO reversal (tenant_id, id, vend_id, state, reason, by_actor, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		tx.Tenant, r.ID, r.Sale, string(r.State), r.Reason, r.By, r.At)
	for _, c := range r.Cancels {
		if err == nil {
			_, err = tx.C.Exec(`INSERT INTO reversal_token (tenant_id, reversal_id, token_id, command_id) VALUES ($1, $2, $3, $4)`,
				tx.Tenant, r.ID, c.Token, c.Command)
		}
	}
	return wrapReversal("keep a reversal", err)
}

// PutReversal writes how a waiting reversal ended.
func (tx *Tx) PutReversal(r vending.Reversal) error {
	return wrapReversal("end a reversal", tx.must(`UPDATE reversal SET state = $1, confirmed = $2, failure = $3, settled_at = $4, version = version + 1
		WHERE tenant_id = $5 AND id = $6 AND state = 'waiting'`, string(r.State), r.Confirmed, string(r.Failure), r.SettledAt, tx.Tenant, r.ID))
}

// ReversalOf is the newest reversal of a sale, with what the meter answered so far.
func (tx *Tx) ReversalOf(sale id.ID) (vending.Reversal, bool, error) {
	var r vending.Reversal
	found, err := tx.one(`SELECT id, vend_id, state, confirmed, failure, reason, by_actor, created_at, settled_at FROM reversal
		WHERE tenant_id = $1 AND vend_id = $2 ORDER BY CASE state WHEN 'refused' THEN 1 ELSE 0 END, created_at DESC, id DESC LIMIT 1`, func(w Row) error {
		r = vending.Reversal{ID: w.ID(0), Sale: w.ID(1), State: vending.ReversalState(w.Text(2)), Confirmed: w.Bool(3),
			Failure: refusal.Code(w.Text(4)), Reason: w.Text(5), By: w.Text(6), At: w.Time(7)}
		if !w.IsNull(8) {
			r.SettledAt = w.Time(8)
		}
		return nil
	}, tx.Tenant, sale)
	if err != nil || !found {
		return vending.Reversal{}, false, wrapReversal("read a reversal", err)
	}
	err = tx.C.Query(`SELECT t.token_id, t.command_id, c.state, c.answer FROM reversal_token t
		JOIN command c ON c.tenant_id = t.tenant_id AND c.id = t.command_id
		WHERE t.tenant_id = $1 AND t.reversal_id = $2 ORDER BY t.token_id`, func(w Row) error {
		r.Cancels = append(r.Cancels, vending.Cancel{Token: w.ID(0), Command: w.ID(1), State: cancelState(command.State(w.Text(2)), w.Text(3))})
		return nil
	}, tx.Tenant, r.ID)
	return r, err == nil, wrapReversal("read what a meter answered", err)
}

// cancelState is what the state of a cancel_token command means for its token.
func cancelState(s command.State, answer string) vending.CancelState {
	switch s {
	case command.StateDone:
		return vending.CancelDone
	case command.StateFailed:
		if strings.HasPrefix(answer, "used") {
			return vending.CancelUsed
		}
		return vending.CancelNever
	case command.StateExpired:
		return vending.CancelNever
	}
	return vending.CancelOpen
}

// ReversalsSince counts what an actor reversed from a moment on.
func (tx *Tx) ReversalsSince(by string, from time.Time) (int, error) {
	n, err := tx.number(`SELECT COUNT(*) FROM reversal WHERE tenant_id = $1 AND by_actor = $2 AND created_at >= $3`, tx.Tenant, by, from)
	return int(n), wrapReversal("count reversals", err)
}

// ReversalsWaiting lists sales whose reversal waits for a meter.
func (tx *Tx) ReversalsWaiting(after id.ID, max int) ([]id.ID, error) {
	var out []id.ID
	err := tx.C.Query(`SELECT vend_id FROM reversal WHERE tenant_id = $1 AND state = 'waiting' AND vend_id > $2 ORDER BY vend_id LIMIT $3`,
		func(r Row) error { out = append(out, r.ID(0)); return nil }, tx.Tenant, after[:], max)
	return out, wrapReversal("list waiting reversals", err)
}

// ReversedUsed lists tokens whose sale was reversed unconfirmed and which their meter has all the same.
func (tx *Tx) ReversedUsed(max int) ([]vending.Token, error) {
	var out []vending.Token
	err := tx.C.Query(`SELECT `+tokenColumns+` FROM token WHERE tenant_id = $1 AND state = 'reversed_unconfirmed'
		AND result IN ('accept', 'used_error') LIMIT $2`, func(r Row) error { out = append(out, scanToken(r)); return nil }, tx.Tenant, max)
	return out, wrapReversal("look for reversed tokens that were used", err)
}
